//! Who is signed in on this profile; its tokens and keys are elsewhere.

use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreError};
use crate::{
    ids::{OwnedDeviceId, OwnedUserId, UserId},
    view::shell::SecretSource,
};

/// The account of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub user_id: OwnedUserId,
    /// On which device.
    pub device_id: OwnedDeviceId,
    /// Base address of the homeserver.
    pub homeserver: String,
    /// Where its secrets are.
    pub secrets_in: SecretSource,
}

impl Store {
    /// The account, if somebody is signed in.
    pub fn account(&self) -> Result<Option<Account>, StoreError> {
        let row = self
            .lock()
            .query_row(
                "SELECT user_id, device_id, homeserver, secrets_in FROM account",
                [],
                |row| {
                    Ok((
                        row.get::<_, String>(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get::<_, String>(3)?,
                    ))
                },
            )
            .optional()?;
        Ok(row.and_then(|(user, device, homeserver, secrets_in)| {
            Some(Account {
                user_id: UserId::parse(user).ok()?,
                device_id: device.into(),
                homeserver,
                secrets_in: match secrets_in.as_str() {
                    "file" => SecretSource::PassphraseFile,
                    _ => SecretSource::Keyring,
                },
            })
        }))
    }

    /// Remembers the account.
    pub fn set_account(&self, account: &Account) -> Result<(), StoreError> {
        let secrets_in = match account.secrets_in {
            SecretSource::Keyring => "keyring",
            SecretSource::PassphraseFile => "file",
        };
        self.lock().execute(
            "INSERT OR REPLACE INTO account (id, user_id, device_id, homeserver, secrets_in)
             VALUES (1, ?1, ?2, ?3, ?4)",
            params![
                account.user_id.as_str(),
                account.device_id.as_str(),
                account.homeserver,
                secrets_in
            ],
        )?;
        Ok(())
    }

    /// Forgets the account and its calls.
    pub fn clear_account(&self) -> Result<(), StoreError> {
        self.lock()
            .execute_batch("DELETE FROM account; DELETE FROM call_log;")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_kept_over_a_restart_and_forgotten_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let account = Account {
            user_id: UserId::parse("@ada:example.org").unwrap(),
            device_id: "DEVICE".into(),
            homeserver: "https://example.org".to_owned(),
            secrets_in: SecretSource::PassphraseFile,
        };
        Store::open(dir.path())
            .unwrap()
            .set_account(&account)
            .unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.account().unwrap(), Some(account));
        store.clear_account().unwrap();
        assert_eq!(store.account().unwrap(), None);
    }
}
