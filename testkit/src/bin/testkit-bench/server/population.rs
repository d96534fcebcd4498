//! People and rooms on a server, and their messages.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use hardline_testkit::{Client, Homeserver};
use serde_json::json;

/// Requests at a time while nothing is measured.
const AT_ONCE: usize = 4;

/// A room and who is in it, by place in [`Population::users`].
pub struct Room {
    /// Its id.
    pub id: String,
    /// Its members.
    pub members: Vec<usize>,
}

/// Everybody.
pub struct Population {
    /// Each with a connection of its own.
    pub users: Vec<Client>,
    /// Everybody is in the first.
    pub rooms: Vec<Room>,
}

/// How a number of messages went.
pub struct Sent {
    /// Milliseconds each took.
    pub ms: Vec<f64>,
    /// All together.
    pub wall: Duration,
}

impl Population {
    /// Makes accounts.
    pub async fn register(server: &impl Homeserver, n: usize) -> Result<Self> {
        let users = stream::iter(0..n)
            .map(|i| async move { server.register(&format!("person{i}")).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Self {
            users,
            rooms: Vec::new(),
        })
    }

    /// Makes rooms, the first with everybody in it, the others with `members` people, the same at every run.
    pub async fn make_rooms(&mut self, n: usize, members: usize) -> Result<()> {
        let users = &self.users;
        let all = users.len();
        self.rooms = stream::iter(0..n)
            .map(|k| async move {
                let owner = k % all;
                let size = if k == 0 { all } else { members.min(all) };
                let members: Vec<usize> = (0..size)
                    .map(|j| (owner + j * (1 + k % 7)) % all)
                    .collect::<std::collections::BTreeSet<_>>()
                    .into_iter()
                    .collect();
                let body = json!({ "preset": "public_chat", "name": format!("bench {k}") });
                let id = users[owner].create_room(body).await?;
                for &member in members.iter().filter(|&&member| member != owner) {
                    users[member].join(&id).await?;
                }
                Ok::<_, anyhow::Error>(Room { id, members })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        // with steps of several a few rooms miss some; the first must not
        self.rooms[0].members = (0..all).collect();
        Ok(())
    }

    /// Sends `total` messages by `senders` people at a time, spread over the rooms.
    pub async fn send(&self, senders: usize, total: usize) -> Result<Sent> {
        let next = AtomicUsize::new(0);
        let start = Instant::now();
        let ms = try_join_all((0..senders).map(|_| self.send_some(&next, total))).await?;
        Ok(Sent {
            ms: ms.concat(),
            wall: start.elapsed(),
        })
    }

    async fn send_some(&self, next: &AtomicUsize, total: usize) -> Result<Vec<f64>> {
        let mut ms = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= total {
                return Ok(ms);
            }
            let room = &self.rooms[i % self.rooms.len()];
            let person = &self.users[room.members[i / self.rooms.len() % room.members.len()]];
            let start = Instant::now();
            let text = format!("message {i}: the quick brown fox jumps over the lazy dog");
            person.send_text(&room.id, &text).await?;
            ms.push(start.elapsed().as_secs_f64() * 1000.0);
        }
    }
}
