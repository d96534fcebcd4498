//! Activation inside one process, for tests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;

use super::{Activation, ActivationError, ActivationRequest, bus_name};
use crate::dirs::ProfileDirs;

/// Names owned by receivers of this process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct FakeActivation {
    owners: Arc<Mutex<HashMap<String, mpsc::Sender<ActivationRequest>>>>,
}

#[async_trait::async_trait]
impl Activation for FakeActivation {
    async fn announce(
        &self,
        profile: &ProfileDirs,
    ) -> Result<mpsc::Receiver<ActivationRequest>, ActivationError> {
        let name = bus_name(profile);
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.get(&name).is_some_and(|owner| !owner.is_closed()) {
            return Err(ActivationError::Owned(name));
        }
        let (sender, receiver) = mpsc::channel(16);
        owners.insert(name, sender);
        Ok(receiver)
    }

    async fn deliver(
        &self,
        profile: &ProfileDirs,
        request: ActivationRequest,
    ) -> Result<(), ActivationError> {
        let name = bus_name(profile);
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get(&name).map(|owner| owner.try_send(request)) {
            Some(Ok(())) => Ok(()),
            _ => Err(ActivationError::NotRunning(name)),
        }
    }
}
