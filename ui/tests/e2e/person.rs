//! A person with the program: the command line as these tests use it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    Bus, Hardline, Homeserver, Keyring,
    hardline::{LIMIT, Watch},
    homeserver::password,
    keyring::KeyringStore,
    process::{Output, Process},
    wait::until,
};
use serde_json::Value;

/// A desk: a session bus with an unlocked keyring, for one person or more.
#[derive(Debug)]
pub struct Desk {
    pub bus: Bus,
    _keyring: Keyring,
    _store: KeyringStore,
}

impl Desk {
    pub async fn new() -> Result<Self> {
        let bus = Bus::start().await?;
        let store = KeyringStore::new()?;
        let keyring = Keyring::unlocked(&bus, &store).await?;
        Ok(Self {
            bus,
            _keyring: keyring,
            _store: store,
        })
    }

    /// A person at this desk who registered by hand and signed in.
    pub async fn signed_in(&self, server: &impl Homeserver, name: &str) -> Result<Person> {
        server.register(name).await?;
        self.second_device(server, name).await
    }

    /// A further device of somebody who has an account.
    pub async fn second_device(&self, server: &impl Homeserver, name: &str) -> Result<Person> {
        let person = Person::new(Hardline::on(&self.bus)?, server, name);
        person.hardline.login(server, name).await?;
        Ok(person)
    }
}

/// Somebody with one device.
#[derive(Debug)]
pub struct Person {
    pub hardline: Hardline,
    pub name: String,
    pub user_id: String,
    background: Option<Process>,
}

impl Person {
    pub fn new(hardline: Hardline, server: &impl Homeserver, name: &str) -> Self {
        Self {
            hardline,
            name: name.to_owned(),
            user_id: server.user_id(name),
            background: None,
        }
    }

    /// Starts the program in the background and waits until it is signed in.
    pub async fn start(&mut self) -> Result<()> {
        self.background = Some(self.hardline.start_background().await?);
        let hardline = &self.hardline;
        until(LIMIT, "the session", || async move {
            Ok(hardline
                .run(&["whoami"])
                .await?
                .status
                .success()
                .then_some(()))
        })
        .await
    }

    /// Ends it as a log-out of the desktop would.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(process) = self.background.take() {
            process.stop().await?;
        }
        Ok(())
    }

    /// Kills it.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(process) = self.background.take() {
            process.kill().await?;
        }
        Ok(())
    }

    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// The running program in the background.
    pub fn process(&mut self) -> Result<&mut Process> {
        self.background.as_mut().context("not started")
    }

    pub async fn create_room(&self, name: &str) -> Result<String> {
        let made = self.hardline.ok(&["create", "--name", name]).await?;
        Ok(made["room_id"].as_str().context("no room_id")?.to_owned())
    }

    pub async fn invite(&self, room: &str, user_id: &str) -> Result<()> {
        self.hardline.ok(&["invite", room, user_id]).await.map(drop)
    }

    /// Waits for the invitation and accepts it.
    pub async fn accept(&self, room: &str) -> Result<()> {
        self.wait_room(room).await?;
        self.hardline.ok(&["join", room]).await.map(drop)
    }

    /// Waits until a room is in the list.
    pub async fn wait_room(&self, room: &str) -> Result<Value> {
        until(
            LIMIT,
            &format!("{room} in {}'s list", self.name),
            || async move {
                let rooms = self.hardline.ok(&["rooms"]).await?;
                let rows = rooms.as_array().map(Vec::as_slice).unwrap_or_default();
                // A room that was just joined is listed a moment before its members are known.
                let listed = rows.iter().find(|row| {
                    row["room_id"] == room
                        && (row["membership"] != "joined" || row["joined_members"] != 0)
                });
                Ok(listed.cloned())
            },
        )
        .await
    }

    /// Sends text; gives the event's id.
    pub async fn send(&self, room: &str, text: &str) -> Result<String> {
        self.send_with(&[room, text]).await
    }

    pub async fn reply(&self, room: &str, to: &str, text: &str) -> Result<String> {
        self.send_with(&["--reply-to", to, room, text]).await
    }

    pub async fn send_file(&self, room: &str, path: &str) -> Result<String> {
        self.send_with(&["--file", path, room]).await
    }

    async fn send_with(&self, args: &[&str]) -> Result<String> {
        let sent = self.hardline.ok(&[&["send"], args].concat()).await?;
        Ok(sent["event_id"]
            .as_str()
            .with_context(|| format!("no event_id: {sent}"))?
            .to_owned())
    }

    pub async fn timeline(&self, room: &str) -> Result<Vec<Value>> {
        let rows = self
            .hardline
            .ok(&["timeline", room, "--limit", "100"])
            .await?;
        Ok(rows.as_array().context("no rows")?.clone())
    }

    /// Waits for a message with this text.
    pub async fn reads(&self, room: &str, text: &str) -> Result<Value> {
        self.reads_where(room, &format!("{text:?}"), |row| row["body"] == text)
            .await
    }

    /// Waits for a row of a room's timeline.
    pub async fn reads_where(
        &self,
        room: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let wanted = &wanted;
        until(
            LIMIT,
            &format!("{} to read {what}", self.name),
            || async move {
                tokio::time::sleep(Duration::from_millis(150)).await;
                Ok(self.timeline(room).await?.into_iter().find(wanted))
            },
        )
        .await
    }

    pub fn watch(&self) -> Result<Watch> {
        self.hardline.watch(&[])
    }
}

/// Two people in one encrypted room: `ada` made it, `bo` accepted; both programs run in the background.
pub async fn encrypted_room(ada: &Person, bo: &Person) -> Result<String> {
    let room = ada.create_room("Field team").await?;
    ada.invite(&room, &bo.user_id).await?;
    bo.accept(&room).await?;
    Ok(room)
}

/// Checks that a command failed with a notice of this name (see `hardline_app::notice::Notice`).
pub fn said(output: &Output, notice: &str) -> Result<Value> {
    ensure!(!output.status.success(), "succeeded: {}", output.stdout);
    ensure!(
        output.status.code().is_some(),
        "ended by {}: {}",
        output.status,
        output.stderr
    );
    let lines = output.stdout.lines().chain(output.stderr.lines());
    let found = lines
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .flat_map(|value| [value.clone(), value["error"].clone()])
        .find(|value| value["notice"] == notice);
    found.with_context(|| format!("not told {notice}:\n{}\n{}", output.stdout, output.stderr))
}

/// The password that [`Homeserver::register`] gave.
pub fn password_of(name: &str) -> String {
    password(name)
}
