//! Calls between two programs: real signalling, real sound. What one sends is measured in what the other records.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use hardline_testkit::{
    Coturn, HardlineServer, Homeserver, ServerOptions, Synapse,
    hardline::{LIMIT, Watch},
    process::Process,
    sound,
    wait::until,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::person::{Desk, Person, encrypted_room};

/// What each sends, hertz.
const ADAS_TONE: u32 = 440;
const BOS_TONE: u32 = 700;
/// Tenths of a second of a tone that prove that it was heard.
const ENOUGH: usize = 10;

#[tokio::test]
async fn each_hears_the_other_on_our_server() -> Result<()> {
    each_hears_the_other(&HardlineServer::start().await?).await
}

#[tokio::test]
async fn each_hears_the_other_on_synapse() -> Result<()> {
    each_hears_the_other(&Synapse::start().await?).await
}

/// Bo's program runs, Ada's is only the command that calls; the caller hangs up, then the one who is called.
async fn each_hears_the_other(server: &impl Homeserver) -> Result<()> {
    let mut pair = Pair::new(server).await?;
    let (mut call, mut answer) = pair.talk().await?;
    pair.both_are_heard().await?;
    // As a system that shuts down does.
    call.process.signal(Signal::TERM)?;
    let ended = over(&mut answer).await?;
    ensure!(
        ended["why"] == "hung_up" && ended["by"] == "there",
        "{ended}"
    );
    ensure!(ended["connected_ms"].as_u64() > Some(500), "{ended}");
    ensure!(answer.exit_code().await? == 0);
    call.process.wait(LIMIT).await?;
    let counted = statistics(&answer)?;
    ensure!(
        counted["packets_received"].as_u64() > Some(20)
            && counted["packets_sent"].as_u64() > Some(20),
        "{counted}"
    );

    let (mut call, answer) = pair.talk().await?;
    interrupt(&answer)?;
    let ended = over(&mut call).await?;
    ensure!(
        ended["why"] == "hung_up" && ended["by"] == "there",
        "{ended}"
    );
    ensure!(call.exit_code().await? == 0);
    pair.bo.process()?.expect_running()?;
    nothing_was_signalled_in_the_clear(server, &pair.room).await
}

/// Neither learns the other's address, and the relay knows both by what the homeserver gave them.
#[tokio::test]
async fn both_are_heard_through_a_relay_alone() -> Result<()> {
    let relay = Coturn::start().await?;
    let server = HardlineServer::start_with(ServerOptions {
        extra: relay.config(),
        ..ServerOptions::default()
    })
    .await?;
    let pair = Pair::new(&server).await?;
    let mut answer = pair.answers(&["--relay-only"])?;
    answer.until("its readiness", waits).await?;
    let mut call = pair.calls(&["--relay-only"])?;
    for watch in [&mut call, &mut answer] {
        let heard = |line: &Value| line["heard"] == true;
        watch.until("the other side", heard).await?;
    }
    pair.both_are_heard().await?;
    ensure!(relay.n_allocations() >= 2, "{}", relay.n_allocations());
    interrupt(&call)?;
    over(&mut answer).await?;
    Ok(())
}

/// Without a relay there is no way that does not show the address: none is taken.
#[tokio::test]
async fn without_a_relay_a_call_that_needs_one_fails() -> Result<()> {
    let server = HardlineServer::start().await?;
    let pair = Pair::new(&server).await?;
    let mut answer = pair.answers(&[])?;
    answer.until("its readiness", waits).await?;
    let mut call = pair.calls(&["--relay-only"])?;
    let ended = over(&mut call).await?;
    ensure!(ended["why"] == "connection_failed", "{ended}");
    Ok(())
}

#[tokio::test]
async fn a_call_hangs_up_by_itself_after_the_time_it_was_given() -> Result<()> {
    let server = HardlineServer::start().await?;
    let pair = Pair::new(&server).await?;
    let mut answer = pair.answers(&["--for", "2"])?;
    answer.until("its readiness", waits).await?;
    let mut call = pair.calls(&[])?;
    let ended = over(&mut call).await?;
    ensure!(
        ended["why"] == "hung_up" && ended["by"] == "there",
        "{ended}"
    );
    let connected = ended["connected_ms"].as_u64().unwrap_or_default();
    ensure!((1_000..20_000).contains(&connected), "{ended}");
    ensure!((call.exit_code().await?, answer.exit_code().await?) == (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_rejected_call_is_told_as_rejected() -> Result<()> {
    let server = HardlineServer::start().await?;
    let pair = Pair::new(&server).await?;
    let mut answer = pair.bo.hardline.follow(&["answer", "--once", "--reject"])?;
    answer.until("its readiness", waits).await?;
    let mut call = pair.calls(&[])?;
    let ended = over(&mut call).await?;
    ensure!(
        ended["why"] == "rejected" && ended["by"] == "there",
        "{ended}"
    );
    ensure!(ended["connected_ms"].is_null(), "{ended}");
    ensure!(call.exit_code().await? == 12);
    ensure!(answer.exit_code().await? == 0);
    Ok(())
}

/// Whoever answers afterwards is not rung for what is over.
#[tokio::test]
async fn a_caller_who_gives_up_rings_no_more() -> Result<()> {
    let server = HardlineServer::start().await?;
    let pair = Pair::new(&server).await?;
    let mut first = pair.calls(&[])?;
    first
        .until("the ring", |line| line["stage"] == "calling")
        .await?;
    interrupt(&first)?;
    first.process.wait(LIMIT).await?;
    until(LIMIT, "the missed call", || async {
        let calls = pair.bo.hardline.ok(&["calls"]).await?;
        Ok(
            (calls[0]["missed"] == true && calls[0]["peer"] == pair.ada.user_id.as_str())
                .then_some(()),
        )
    })
    .await?;
    let mut answer = pair.answers(&[])?;
    answer.until("its readiness", waits).await?;
    let mut second = pair.calls(&["--for", "1"])?;
    let ended = over(&mut answer).await?;
    let called = second
        .until("a call", |line| line["type"] == "call")
        .await?;
    ensure!(ended["call_id"] == called["call_id"], "{ended} {called}");
    ensure!(ended["why"] == "hung_up" && second.exit_code().await? == 0);
    Ok(())
}

#[tokio::test]
async fn a_call_ends_when_its_media_process_is_killed_and_the_program_lives() -> Result<()> {
    let server = HardlineServer::start().await?;
    let mut pair = Pair::new(&server).await?;
    let (mut call, mut answer) = pair.talk().await?;
    let media = media_process(pair.bo.process()?)?;
    kill_process(media, Signal::KILL)?;
    let ended = over(&mut answer).await?;
    ensure!(
        ended["why"] == "media_crashed" && ended["by"] == "here",
        "{ended}"
    );
    ensure!(ended["cause"]["fault"] == "media_failed", "{ended}");
    ensure!(answer.exit_code().await? == 13);
    let ended = over(&mut call).await?;
    ensure!(ended["by"] == "there", "{ended}");
    pair.bo.process()?.expect_running()?;
    // The next call goes well.
    let (call, mut answer) = pair.talk().await?;
    interrupt(&call)?;
    over(&mut answer).await?;
    ensure!(answer.exit_code().await? == 0);
    Ok(())
}

#[tokio::test]
async fn a_call_without_media_program_says_what_is_missing() -> Result<()> {
    let server = HardlineServer::start().await?;
    let mut pair = Pair::new(&server).await?;
    pair.ada
        .hardline
        .set_env("HARDLINE_MEDIA", "/nonexistent/hardline-media");
    let mut call = pair.calls(&[])?;
    let ended = over(&mut call).await?;
    ensure!(ended["cause"]["fault"] == "not_installed", "{ended}");
    ensure!(call.exit_code().await? == 13);
    Ok(())
}

#[tokio::test]
async fn a_call_without_server_is_not_sent_later() -> Result<()> {
    let mut server = HardlineServer::start().await?;
    let mut pair = Pair::new(&server).await?;
    pair.ada.start().await?;
    let mut watch = pair.bo.watch()?;
    server.kill().await?;
    let mut call = pair.calls(&[])?;
    let ended = over(&mut call).await?;
    ensure!(ended["why"] == "unreachable", "{ended}");
    ensure!(call.exit_code().await? == 5);
    server.resume().await?;
    let text = "the server is back";
    pair.ada.send(&pair.room, text).await?;
    let came = |line: &Value| line["event"]["content"]["body"] == text;
    watch.until("the message", came).await?;
    let invites = |line: &&Value| line["event"]["type"] == "m.call.invite";
    ensure!(
        watch.seen().iter().find(invites).is_none(),
        "it was sent late"
    );
    let calls = pair.bo.hardline.ok(&["calls"]).await?;
    ensure!(calls == serde_json::json!([]), "{calls}");
    Ok(())
}

/// Two people in an encrypted room. Bo's program runs in the background.
struct Pair {
    _desk: Desk,
    ada: Person,
    bo: Person,
    room: String,
}

impl Pair {
    async fn new(server: &impl Homeserver) -> Result<Self> {
        let desk = Desk::new().await?;
        let mut ada = desk.signed_in(server, "ada").await?;
        let mut bo = desk.signed_in(server, "bo").await?;
        ada.start().await?;
        bo.start().await?;
        let room = encrypted_room(&ada, &bo).await?;
        ada.stop().await?;
        Ok(Self {
            _desk: desk,
            ada,
            bo,
            room,
        })
    }

    fn recording(person: &Person) -> PathBuf {
        person.hardline.home().join("heard.wav")
    }

    fn calls(&self, more: &[&str]) -> Result<Watch> {
        let command = ["call", &self.room];
        follow(&self.ada, &[&command, more].concat(), ADAS_TONE)
    }

    fn answers(&self, more: &[&str]) -> Result<Watch> {
        follow(&self.bo, &[&["answer", "--once"], more].concat(), BOS_TONE)
    }

    /// A call in which both hear each other.
    async fn talk(&mut self) -> Result<(Watch, Watch)> {
        for person in [&self.ada, &self.bo] {
            let _ = std::fs::remove_file(Self::recording(person));
        }
        let mut answer = self.answers(&[])?;
        answer.until("its readiness", waits).await?;
        let mut call = self.calls(&[])?;
        for watch in [&mut call, &mut answer] {
            watch
                .until("the connection", |line| line["stage"] == "connected")
                .await?;
            watch
                .until("the other side", |line| line["heard"] == true)
                .await?;
        }
        Ok((call, answer))
    }

    async fn both_are_heard(&self) -> Result<()> {
        has_tone(&Self::recording(&self.bo), ADAS_TONE).await?;
        has_tone(&Self::recording(&self.ada), BOS_TONE).await
    }
}

fn follow(person: &Person, command: &[&str], hertz: u32) -> Result<Watch> {
    let (tone, heard) = (format!("test:{hertz}"), Pair::recording(person));
    let heard = heard.to_str().context("a path that is no text")?;
    let options = [
        "--audio-source",
        &tone,
        "--record",
        heard,
        "--address",
        "127.0.0.1",
    ];
    person.hardline.follow(&[command, &options].concat())
}

/// Waits until a recording has a second of a tone.
async fn has_tone(path: &Path, hertz: u32) -> Result<()> {
    until(LIMIT, &format!("{hertz} Hz in a recording"), || async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let samples = sound::read(path);
        let n_tenths = sound::n_tenths_of_tone(&samples, f64::from(hertz));
        Ok((n_tenths >= ENOUGH).then_some(()))
    })
    .await
}

fn waits(line: &Value) -> bool {
    line["type"] == "waiting"
}

async fn over(watch: &mut Watch) -> Result<Value> {
    watch.until("the end", |line| line["type"] == "ended").await
}

fn statistics(watch: &Watch) -> Result<Value> {
    let lines = watch.seen().iter().rev();
    let counted = lines.clone().find(|line| line["type"] == "statistics");
    counted.cloned().context("no statistics")
}

/// As Control-C does.
fn interrupt(watch: &Watch) -> Result<()> {
    watch.process.signal(Signal::INT)
}

/// The media process that a program started.
fn media_process(program: &Process) -> Result<Pid> {
    let parent = program.pid().to_string();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let Ok(stat) = std::fs::read_to_string(path.join("stat")) else {
            continue;
        };
        let Some((name, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        let is_child = rest.split_whitespace().nth(1) == Some(&parent);
        if is_child && name.ends_with("(hardline-media") {
            let pid = path.file_name().and_then(|name| name.to_str());
            let pid = pid.and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
            return pid.context("no process id");
        }
    }
    anyhow::bail!("the program has no media process")
}

async fn events(server: &impl Homeserver, room: &str) -> Result<Vec<Value>> {
    let password = crate::person::password_of("ada");
    let ada = hardline_testkit::Client::login(server.base_url(), "ada", &password).await?;
    ada.latest(room, 200).await
}

async fn nothing_was_signalled_in_the_clear(server: &impl Homeserver, room: &str) -> Result<()> {
    let events = events(server, room).await?;
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let encrypted = kinds
        .iter()
        .filter(|kind| **kind == "m.room.encrypted")
        .count();
    ensure!(encrypted >= 8, "{kinds:?}");
    ensure!(!kinds.iter().any(|kind| kind.contains("call")), "{kinds:?}");
    Ok(())
}
