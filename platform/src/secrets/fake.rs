//! A store in memory whose keyring can be made absent, locked, late or refusing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Ask, Secret, SecretError, SecretStore};

/// What the pretended keyring does when asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FakeState {
    /// Answers.
    #[default]
    Open,
    /// Nobody offers the service.
    Absent,
    /// Locked; a prompt unlocks it.
    Locked,
    /// Never answers, so every call runs into its limit.
    Silent,
    /// The person says no.
    Refusing,
}

#[derive(Debug, Default)]
struct Inner {
    state: FakeState,
    secrets: HashMap<String, Secret>,
    prompts: usize,
}

/// A secret store for tests; clones share their content.
#[derive(Clone, Debug, Default)]
pub struct FakeSecretStore(Arc<Mutex<Inner>>);

impl FakeSecretStore {
    /// Changes how it answers from now on.
    pub fn set_state(&self, state: FakeState) {
        self.inner().state = state;
    }

    /// How often the person was asked to unlock it.
    pub fn n_prompts(&self) -> usize {
        self.inner().prompts
    }

    /// What is stored for a profile, whatever the state.
    pub fn stored(&self, profile: &str) -> Option<Secret> {
        self.inner().secrets.get(profile).cloned()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, ask: Ask) -> Result<(), SecretError> {
        let state = self.inner().state;
        match state {
            FakeState::Open => Ok(()),
            FakeState::Absent => Err(SecretError::Absent("the fake is absent".into())),
            FakeState::Locked if ask.may_prompt => {
                let mut inner = self.inner();
                inner.prompts += 1;
                inner.state = FakeState::Open;
                Ok(())
            }
            FakeState::Locked => Err(SecretError::Locked),
            FakeState::Silent => {
                tokio::time::sleep(ask.limit).await;
                Err(SecretError::Late(ask.limit))
            }
            FakeState::Refusing => Err(SecretError::Denied),
        }
    }
}

#[async_trait::async_trait]
impl SecretStore for FakeSecretStore {
    async fn get(&self, profile: &str, ask: Ask) -> Result<Option<Secret>, SecretError> {
        self.open(ask).await?;
        Ok(self.stored(profile))
    }

    async fn set(&self, profile: &str, secret: Secret, ask: Ask) -> Result<(), SecretError> {
        self.open(ask).await?;
        self.inner().secrets.insert(profile.to_owned(), secret);
        Ok(())
    }

    async fn delete(&self, profile: &str, ask: Ask) -> Result<(), SecretError> {
        self.open(ask).await?;
        self.inner().secrets.remove(profile);
        Ok(())
    }
}
