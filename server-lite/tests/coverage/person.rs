//! People of a story.

use std::ops::Deref;

use anyhow::{Context, Result};
use hardline_testkit::{Client, client::escape};
use serde_json::{Value, json};

/// An account that is logged in.
#[derive(Clone, Debug)]
pub struct Person {
    client: Client,
}

impl Deref for Person {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl From<Client> for Person {
    fn from(client: Client) -> Self {
        Self { client }
    }
}

impl Person {
    /// Creates a room that anybody may join, and has others join it.
    pub async fn open_room(&self, others: &[&Self]) -> Result<String> {
        let room = self.create_room(json!({ "preset": "public_chat" })).await?;
        for other in others {
            other.join(&room).await?;
        }
        Ok(room)
    }

    /// The membership of somebody in a room, as the room's state has it.
    pub async fn membership_of(&self, room: &str, other: &Self) -> Result<Value> {
        let path = format!(
            "v3/rooms/{}/state/m.room.member/{}",
            escape(room),
            escape(&other.user_id)
        );
        Ok(self.get(&path).await?["membership"].clone())
    }

    /// The content of a state event.
    pub async fn state(&self, room: &str, kind: &str, key: &str) -> Result<Value> {
        let path = format!("v3/rooms/{}/state/{kind}/{}", escape(room), escape(key));
        self.get(&path).await
    }

    /// The texts of a room, oldest first, as this person can page to them.
    pub async fn reads(&self, room: &str) -> Result<Vec<String>> {
        let mut texts: Vec<String> = self
            .latest(room, 50)
            .await?
            .iter()
            .filter_map(|event| event["content"]["body"].as_str().map(str::to_owned))
            .collect();
        texts.reverse();
        Ok(texts)
    }

    /// One sync that does not wait.
    pub async fn sync(&self) -> Result<Value> {
        self.get("v3/sync?timeout=0").await
    }

    /// What is new since an earlier sync, waiting for it if need be.
    pub async fn sync_since(&self, earlier: &Value) -> Result<Value> {
        let since = earlier["next_batch"].as_str().context("no next_batch")?;
        self.get(&format!("v3/sync?timeout=5000&since={since}"))
            .await
    }

    /// The ephemeral event of a type in a room of a sync.
    pub fn ephemeral(sync: &Value, room: &str, kind: &str) -> Value {
        let events = sync["rooms"]["join"][room]["ephemeral"]["events"].as_array();
        let found = events.into_iter().flatten().find(|e| e["type"] == kind);
        found
            .map(|event| event["content"].clone())
            .unwrap_or_default()
    }

    /// The account data of a type in a sync.
    pub fn account_data(events: &Value, kind: &str) -> Value {
        let events = events["events"].as_array();
        let found = events.into_iter().flatten().find(|e| e["type"] == kind);
        found
            .map(|event| event["content"].clone())
            .unwrap_or_default()
    }

    /// The `auth` with which this person confirms what they do.
    pub fn password(&self) -> Value {
        json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": self.user_id },
            "password": PASSWORD,
        })
    }
}

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// The part of a user id before the colon.
pub fn localpart(user_id: &str) -> &str {
    user_id
        .trim_start_matches('@')
        .split(':')
        .next()
        .unwrap_or_default()
}
