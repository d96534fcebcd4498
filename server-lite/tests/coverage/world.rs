//! A server for stories, and the rows they prove.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, anyhow, ensure};
use hardline_testkit::{
    Client, HardlineServer, Homeserver, ServerOptions,
    client::{call, http},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bridge::Bridge,
    hostile::Attacker,
    ledger::Ledger,
    person::{PASSWORD, Person},
    spellings, table,
};

/// No body.
pub const NOTHING: Value = Value::Null;

/// How requests are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the table has them.
    Current,
    /// In the spellings of this age, where there are such.
    Old(usize),
    /// As the table has them, and whatever worked once more in every bad shape.
    Hostile,
}

/// Everything that is off by default is on.
const SECTIONS: &str = "[turn]\nuris = [\"turn:turn.example.org\"]\nsecret = \"north\"\n\
     [rtc]\nlivekit_service_urls = [\"https://rtc.example.org/\"]\n\
     [support]\nemail = \"help@example.org\"\n\
     [media]\nunauthenticated_downloads = true\nurl_previews = true\n\
     [testing]\nprivate_addresses = true\n[log]\nfilter = \"warn\"\n";

/// A running server, and what was proven on it.
pub struct World {
    pub server: HardlineServer,
    pub mode: Mode,
    pub ledger: Ledger,
    pub http: reqwest::Client,
    pub bridge: Bridge,
    attacker: Option<Attacker>,
    stranger: Option<Person>,
    n_people: AtomicUsize,
}

/// A request as it was made.
#[derive(Clone, Debug)]
pub struct Request {
    pub row: usize,
    /// The old spelling that was used, if any.
    pub spelling: Option<&'static str>,
    /// Path and query.
    pub path: String,
    pub token: String,
    pub content_type: &'static str,
    pub body: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

impl World {
    pub async fn new(mode: Mode) -> Result<Self> {
        let bridge = Bridge::start().await?;
        let server = HardlineServer::start_with(ServerOptions {
            extra: format!("{SECTIONS}{}", bridge.section()),
            ..ServerOptions::default()
        })
        .await?;
        let attacker = (mode == Mode::Hostile)
            .then(|| Attacker::new(&server.database()))
            .transpose()?;
        let mut world = Self {
            server,
            mode,
            ledger: Ledger::default(),
            http: http()?,
            bridge,
            attacker,
            stranger: None,
            n_people: AtomicUsize::new(0),
        };
        if mode == Mode::Hostile {
            world.stranger = Some(world.person("stranger").await?);
        }
        Ok(world)
    }

    /// The token of somebody who takes part in no story.
    pub fn stranger(&self) -> &str {
        self.stranger.as_ref().map_or("", |person| &person.token)
    }

    /// A new account whose name begins so.
    pub async fn person(&self, name: &str) -> Result<Person> {
        let n = self.n_people.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}{n}");
        Ok(Client::register(self.server.base_url(), &name, PASSWORD)
            .await?
            .into())
    }

    /// Two new accounts.
    pub async fn people(&self, one: &str, other: &str) -> Result<(Person, Person)> {
        Ok((self.person(one).await?, self.person(other).await?))
    }

    /// The same person on another device.
    pub async fn again(&self, person: &Person) -> Result<Person> {
        let client = Client::login(self.server.base_url(), &person.user_id, PASSWORD).await?;
        Ok(client.into())
    }

    /// Somebody without a token.
    pub fn nobody(&self, like: &Person) -> Person {
        let mut client: Client = (**like).clone();
        client.token.clear();
        client.into()
    }

    /// The bridge as a client.
    pub fn bot(&self, like: &Person) -> Person {
        let mut client: Client = (**like).clone();
        client.token = Bridge::TOKEN.to_owned();
        client.user_id = Bridge::user_id();
        client.into()
    }

    /// An administrator.
    pub async fn admin(&self) -> Result<Person> {
        let n = self.n_people.fetch_add(1, Ordering::Relaxed);
        let name = format!("admin{n}");
        let made = self
            .server
            .command(&["user", "add", &name, "--admin", "--random-password"])
            .await?;
        let password = made["password"].as_str().context("no password")?;
        Ok(Client::login(self.server.base_url(), &name, password)
            .await?
            .into())
    }

    /// How many bad requests were made.
    pub fn n_strikes(&self) -> usize {
        self.attacker.as_ref().map_or(0, Attacker::n_strikes)
    }

    /// Where the server answers.
    pub fn server_url(&self) -> &str {
        self.server.base_url()
    }

    /// Fails if the server has logged that it failed.
    pub fn expect_quiet_log(&self) -> Result<()> {
        let log = self.server.log();
        let bad = |line: &&str| line.contains("ERROR") || line.contains("panicked");
        let bad: Vec<&str> = log.lines().filter(bad).collect();
        ensure!(bad.is_empty(), "the server logged:\n{}", bad.join("\n"));
        Ok(())
    }

    /// A request to any path with any token.
    pub async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> Result<Value> {
        let url = format!("{}{path}", self.server.base_url());
        let token = (!token.is_empty()).then_some(token);
        let body = (!body.is_null()).then_some(&body);
        let answer = call(&self.http, method, &url, token, body).await?;
        Ok(json!({ "status": answer.status, "body": answer.body }))
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: &Request) -> Result<Reply> {
        let method = table::rows()[request.row].method.clone();
        let url = format!("{}{}", self.server.base_url(), request.path);
        let mut sending = self.http.request(method, url);
        if !request.token.is_empty() {
            sending = sending.bearer_auth(&request.token);
        }
        if let Some(body) = &request.body {
            sending = sending
                .header("content-type", request.content_type)
                .body(body.clone());
        }
        let answer = sending.send().await?;
        let headers = answer.headers().iter();
        Ok(Reply {
            status: answer.status().as_u16(),
            headers: headers
                .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
                .collect(),
            bytes: answer.bytes().await?.to_vec(),
        })
    }
}

/// Stories are told in any order; of several proofs the same one is always kept.
fn keep<T: Ord>(kept: &mut Option<T>, proof: T) {
    if kept.as_ref().is_none_or(|kept| *kept < proof) {
        *kept = Some(proof);
    }
}

/// A story under way.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    pub world: &'a World,
    pub name: &'static str,
}

impl<'a> Telling<'a> {
    /// A row of the table, by its name (see [`table::find`]).
    pub fn row(&self, name: &str) -> Result<Endpoint<'a>> {
        let row = table::find(name).with_context(|| format!("no row {name}"))?;
        self.world.ledger.note_use(self.name, row);
        Ok(Endpoint {
            world: self.world,
            story: self.name,
            row,
        })
    }
}

/// A row of the table in a story.
#[derive(Clone, Copy)]
pub struct Endpoint<'a> {
    world: &'a World,
    story: &'static str,
    row: usize,
}

impl Endpoint<'_> {
    /// The request succeeds. Returns the answer's JSON.
    pub async fn works(&self, who: &Person, args: &[&str], body: Value) -> Result<Value> {
        let body = (!body.is_null()).then(|| body.to_string().into_bytes());
        Ok(self
            .sends(who, args, "application/json", body)
            .await?
            .json())
    }

    /// The request, with any body, succeeds.
    pub async fn sends(
        &self,
        who: &Person,
        args: &[&str],
        content_type: &'static str,
        body: Option<Vec<u8>>,
    ) -> Result<Reply> {
        let request = self.request(who, args, content_type, body)?;
        if let Some(attacker) = &self.world.attacker
            && attacker.strikes_before(&request)
        {
            attacker.strike(self.world, &request).await?;
        }
        let reply = self.world.send(&request).await?;
        ensure!(
            reply.status == 200,
            "{}: {} {}",
            self.name(),
            reply.status,
            reply.json()
        );
        self.world
            .ledger
            .note(self.row, |proof| keep(&mut proof.success, self.story));
        if let Some(spelling) = request.spelling {
            self.world.ledger.note_spelling(self.row, spelling);
        }
        if let Some(attacker) = &self.world.attacker
            && !attacker.strikes_before(&request)
        {
            attacker.strike(self.world, &request).await?;
            // What others made of it meanwhile is put right again.
            let again = self.world.send(&request).await?;
            if again.status == 200 {
                return Ok(again);
            }
        }
        Ok(reply)
    }

    /// The request is refused, with a sentence.
    pub async fn refused(
        &self,
        who: &Person,
        args: &[&str],
        body: Value,
        status: u16,
        errcode: &str,
    ) -> Result<Value> {
        let body = (!body.is_null()).then(|| body.to_string().into_bytes());
        let request = self.request(who, args, "application/json", body)?;
        let reply = self.world.send(&request).await?;
        let answer = reply.json();
        let seen = (reply.status, answer["errcode"].as_str());
        ensure!(
            seen == (status, Some(errcode)),
            "{}: not refused with {status} {errcode} but {} {answer}",
            self.name(),
            reply.status,
        );
        ensure!(
            answer["error"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{}: refused without a word",
            self.name()
        );
        let how = format!("{status} {errcode}");
        self.world
            .ledger
            .note(self.row, |proof| keep(&mut proof.refusal, how));
        Ok(answer)
    }

    /// What a second person, or a second request, sees of it is what it should be.
    pub fn effect<A, B>(&self, seen: A, wanted: B) -> Result<()>
    where
        A: PartialEq<B> + Debug,
        B: Debug,
    {
        // In hostile company others have had their hands in it.
        ensure!(
            seen == wanted || self.world.mode == Mode::Hostile,
            "{}: its effect is {seen:?} and not {wanted:?}",
            self.name()
        );
        self.world
            .ledger
            .note(self.row, |proof| keep(&mut proof.effect, self.story));
        Ok(())
    }

    fn request(
        &self,
        who: &Person,
        args: &[&str],
        content_type: &'static str,
        body: Option<Vec<u8>>,
    ) -> Result<Request> {
        let current = table::rows()[self.row].path;
        let age = match self.world.mode {
            Mode::Old(age) => spellings::of(self.row).get(age).copied(),
            _ => None,
        };
        let fill = |path: &str| {
            table::fill(path, args).map_err(|error| anyhow!("{}: {error}", self.name()))
        };
        // A spelling without a place for the state key cannot say one.
        let old = age.and_then(|spelling| Some((spelling, fill(spelling).ok()?)));
        let (spelling, path) = match old {
            Some((spelling, path)) => (Some(spelling), path),
            None => (None, fill(current)?),
        };
        Ok(Request {
            row: self.row,
            spelling,
            path,
            token: who.token.clone(),
            content_type,
            body,
        })
    }

    fn name(&self) -> String {
        format!("{} ({})", table::rows()[self.row].name(), self.story)
    }
}
