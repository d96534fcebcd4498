//! An account as people have them: 200 rooms, 20,000 messages, one room of 5,000, the same at every run.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use hardline_testkit::{Client, Homeserver, client::escape};
use serde_json::{Value, json};

/// Rooms of the account.
pub const ROOMS: usize = 200;
/// Messages in all rooms together.
pub const MESSAGES: usize = 20_000;
/// Messages of the big room.
pub const BIG: usize = 5_000;
/// The big room's name.
pub const BIG_NAME: &str = "Big room";

const FRIENDS: usize = 20;
const WORDS: &[&str] = &[
    "kernel", "modem", "battery", "camera", "screen", "build", "patch", "release", "update",
    "test", "review", "branch", "driver", "suspend", "call", "voice", "message", "room", "server",
    "sync", "key", "device", "tomorrow", "today", "maybe", "never", "always", "works", "broken",
    "fixed", "slow", "fast", "thanks", "coffee", "train", "meeting", "weekend", "mountain",
    "river", "garden", "bicycle", "recipe", "concert", "ticket", "👍", "🎉", "❤️",
];

/// A small generator of numbers that are the same at every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % limit.max(1) as u64).unwrap_or(0)
    }

    fn sentence(&mut self) -> String {
        let n = 3 + self.below(20);
        let words: Vec<&str> = (0..n).map(|_| WORDS[self.below(WORDS.len())]).collect();
        words.join(" ")
    }
}

/// Makes it on a server; `ada` is its owner.
pub async fn seed(server: &impl Homeserver) -> Result<Client> {
    let ada = server.register("ada").await?;
    let mut friends = Vec::new();
    for (i, word) in WORDS.iter().enumerate().take(FRIENDS) {
        let friend = server.register(&format!("friend{i}")).await?;
        let name = json!({ "displayname": format!("Friend {word}") });
        friend
            .put(
                &format!("v3/profile/{}/displayname", escape(&friend.user_id)),
                name,
            )
            .await?;
        friends.push(friend);
    }
    let (ada, friends) = (&ada, &friends);
    let rooms: Vec<(usize, String)> = stream::iter(0..ROOMS)
        .map(|i| async move { Ok::<_, anyhow::Error>((i, make_room(ada, friends, i).await?)) })
        .buffered(8)
        .try_collect()
        .await?;
    stream::iter(rooms)
        .map(|(i, room)| async move { talk(ada, friends, i, &room).await })
        .buffer_unordered(8)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(ada.clone())
}

async fn make_room(ada: &Client, friends: &[Client], i: usize) -> Result<String> {
    let mut numbers = Numbers(i as u64);
    let name = if i == 0 {
        BIG_NAME.to_owned()
    } else {
        format!(
            "{} {} {i}",
            numbers
                .sentence()
                .chars()
                .take(12)
                .collect::<String>()
                .trim(),
            WORDS[i % WORDS.len()]
        )
    };
    let room = ada
        .create_room(json!({ "name": name, "topic": numbers.sentence(), "preset": "public_chat" }))
        .await?;
    let members = if i == 0 {
        FRIENDS
    } else {
        1 + numbers.below(6)
    };
    for k in 0..members {
        friends[(i + k) % FRIENDS].join(&room).await?;
    }
    Ok(room)
}

/// How many messages a room has: a few rooms have most, as in life.
fn share(i: usize) -> usize {
    if i == 0 {
        return BIG;
    }
    let weight = |i: usize| 1.0 / (i as f64).sqrt();
    let all: f64 = (1..ROOMS).map(weight).sum();
    ((MESSAGES - BIG) as f64 * weight(i) / all).round() as usize
}

async fn talk(ada: &Client, friends: &[Client], i: usize, room: &str) -> Result<()> {
    let mut numbers = Numbers(1000 + i as u64);
    let mut last: Option<String> = None;
    let members = if i == 0 {
        FRIENDS
    } else {
        1 + Numbers(i as u64).below(1)
    };
    for _ in 0..share(i) {
        let who = numbers.below(members + 1);
        let sender = if who == members {
            ada
        } else {
            &friends[(i + who) % FRIENDS]
        };
        let content = message(&mut numbers, last.as_deref());
        last = Some(sender.send(room, "m.room.message", content).await?);
    }
    // Four rooms of five are read to the end.
    if let (Some(last), false) = (&last, i % 5 == 4) {
        let path = format!("v3/rooms/{}/read_markers", escape(room));
        ada.post(&path, json!({ "m.fully_read": last, "m.read": last }))
            .await?;
    }
    Ok(())
}

fn message(numbers: &mut Numbers, last: Option<&str>) -> Value {
    let text = numbers.sentence();
    match (numbers.below(10), last) {
        (0, _) => json!({
            "msgtype": "m.text", "body": text, "format": "org.matrix.custom.html",
            "formatted_body": format!("<p><strong>{text}</strong></p><ul><li>{}</li></ul>", numbers.sentence()),
        }),
        (1, Some(event)) => {
            json!({ "msgtype": "m.text", "body": text, "m.relates_to": { "m.in_reply_to": { "event_id": event } } })
        }
        (2, _) => json!({ "msgtype": "m.notice", "body": text }),
        _ => json!({ "msgtype": "m.text", "body": text }),
    }
}
