//! Settings: small values by key, as JSON.

use rusqlite::{OptionalExtension as _, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{Store, StoreError};

impl Store {
    /// A setting, or its default when it was never set or is of a form this version does not know.
    pub fn setting<T: DeserializeOwned + Default>(&self, key: &str) -> Result<T, StoreError> {
        let json: Option<String> = self
            .lock()
            .query_row("SELECT value FROM setting WHERE key = ?1", [key], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(json
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default())
    }

    /// Keeps a setting.
    pub fn set_setting<T: Serialize + ?Sized>(
        &self,
        key: &str,
        value: &T,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(value)?;
        self.lock().execute(
            "INSERT INTO setting (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![key, json],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::settings::{Appearance, Scheme};

    #[test]
    fn a_setting_comes_back_and_an_unknown_form_is_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(
            store.setting::<Appearance>("appearance").unwrap(),
            Appearance::default()
        );
        let dark = Appearance {
            scheme: Scheme::Dark,
            text_scale: 150,
            ..Appearance::default()
        };
        store.set_setting("appearance", &dark).unwrap();
        assert_eq!(store.setting::<Appearance>("appearance").unwrap(), dark);
        store
            .set_setting("appearance", &["not", "an", "appearance"])
            .unwrap();
        assert_eq!(
            store.setting::<Appearance>("appearance").unwrap(),
            Appearance::default()
        );
    }
}
