//! The name this server has for life and the ed25519 key it signs with.
//!
//! Spec: <https://spec.matrix.org/v1.18/server-server-api/#retrieving-server-keys>

use std::sync::Arc;

use ruma::{
    CanonicalJsonObject, OwnedServerName,
    room_version_rules::RedactionRules,
    signatures::{Ed25519KeyPair, hash_and_sign_event, sign_json},
};
use rusqlite::{Connection, OptionalExtension};

use super::{StartError, now_ms};
use crate::{Error, config::Config, error::Result};

/// The key pair in use. Cheap to clone.
#[derive(Clone)]
pub struct ServerKey {
    pair: Arc<Ed25519KeyPair>,
    server_name: OwnedServerName,
}

impl ServerKey {
    /// Adds the content hash and this server's signature to an event.
    pub fn sign_event(
        &self,
        event: &mut CanonicalJsonObject,
        rules: &RedactionRules,
    ) -> Result<()> {
        hash_and_sign_event(self.server_name.as_str(), &*self.pair, event, rules)
            .map_err(|error| Error::bad_json(error.to_string()))
    }

    /// Adds this server's signature to a JSON object.
    pub fn sign_json(&self, object: &mut CanonicalJsonObject) -> Result<()> {
        sign_json(self.server_name.as_str(), &*self.pair, object).map_err(Error::internal)
    }

    /// The identifier of the key, such as `ed25519:a1b2`.
    pub fn key_id(&self) -> String {
        format!("ed25519:{}", self.pair.version())
    }

    /// The public half.
    pub fn public_key(&self) -> [u8; 32] {
        self.pair.public_key()
    }

    /// Whose key this is.
    pub fn server_name(&self) -> &OwnedServerName {
        &self.server_name
    }
}

/// Pins the server's name on the first start, refuses another one later, and loads (or makes) the key.
pub(super) fn prepare(config: &Config) -> Result<ServerKey, StartError> {
    let mut connection = Connection::open(config.database())?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let tx = connection.transaction()?;
    pin_name(&tx, &config.server.name)?;
    let pair = load_or_make(&tx)?;
    tx.commit()?;
    Ok(ServerKey {
        pair: Arc::new(pair),
        server_name: config.server.name.clone(),
    })
}

fn pin_name(connection: &Connection, name: &OwnedServerName) -> Result<(), StartError> {
    let stored: Option<String> = connection
        .query_row("SELECT server_name FROM server", [], |row| row.get(0))
        .optional()?;
    match stored {
        None => {
            connection.execute(
                "INSERT INTO server (id, server_name, created_at) VALUES (1, ?1, ?2)",
                (name.as_str(), now_ms()),
            )?;
            Ok(())
        }
        Some(stored) if stored == name.as_str() => Ok(()),
        Some(stored) => Err(StartError::NameChanged {
            stored,
            configured: name.to_string(),
        }),
    }
}

fn load_or_make(connection: &Connection) -> Result<Ed25519KeyPair, StartError> {
    let stored: Option<(String, Vec<u8>)> = connection
        .query_row(
            "SELECT key_id, document FROM signing_keys WHERE expired_at IS NULL
             ORDER BY created_at DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (version, document) = match stored {
        Some(stored) => stored,
        None => {
            let version = format!("{:08x}", rand::random::<u32>());
            let document = Ed25519KeyPair::generate().to_vec();
            connection.execute(
                "INSERT INTO signing_keys (key_id, document, created_at) VALUES (?1, ?2, ?3)",
                (&version, &document, now_ms()),
            )?;
            (version, document)
        }
    };
    Ed25519KeyPair::from_der(&document, version).map_err(|e| StartError::Key(e.to_string()))
}
