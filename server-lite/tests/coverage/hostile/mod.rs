//! Requests in bad shape: each request that worked in a story is made again without a token, by a stranger, with a
//! body that is no JSON, with every field of its body of another type, with other things in the places of its path and
//! its query. The server may refuse or shrug, but never fail; and what it refuses it has not done in part.

mod body;
mod database;
mod places;

use std::{
    cell::{Cell, RefCell},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::database::{Database, Look};
use crate::{
    table,
    world::{Reply, Request, World},
};

/// These end what they are about: they are struck before the real one, and only with what must be refused.
const FINAL: &[&str] = &[
    "POST account/deactivate",
    "POST logout",
    "POST logout/all",
    "POST refresh",
];

/// A request that is wrong, and what is expected of it.
pub struct Strike {
    /// What is wrong with it.
    pub what: String,
    pub request: Request,
    pub expect: Expect,
}

/// What the answer has to be.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// This status and one of these codes.
    Exactly(u16, &'static [&'static str]),
    /// 403 or 404.
    Denied,
    /// Anything but a failure.
    Composure,
}

/// Makes the requests and looks at answers and database.
pub struct Attacker {
    database: RefCell<Database>,
    n_strikes: Cell<usize>,
}

impl Attacker {
    pub fn new(database: &Path) -> Result<Self> {
        let database = RefCell::new(Database::open(database)?);
        Ok(Self {
            database,
            n_strikes: Cell::new(0),
        })
    }

    /// How many bad requests were made.
    pub fn n_strikes(&self) -> usize {
        self.n_strikes.get()
    }

    /// Whether the request has to be attacked before it is made.
    pub fn strikes_before(&self, request: &Request) -> bool {
        FINAL
            .iter()
            .any(|name| table::find(name) == Some(request.row))
    }

    /// Makes all bad requests like this one.
    pub async fn strike(&self, world: &World, good: &Request) -> Result<()> {
        let mut good = good.clone();
        // Nobody has to wait for a sync that has nothing to say.
        good.path = good.path.replace("timeout=5000", "timeout=0");
        let is_final = self.strikes_before(&good);
        let mut strikes = places::without_a_token(&good);
        strikes.extend(body::strikes(&good, is_final));
        if !is_final {
            strikes.extend(places::strikes(&good));
            strikes.extend(places::as_a_stranger(&good, world.stranger()));
        }
        self.n_strikes.set(self.n_strikes.get() + strikes.len());
        for strike in strikes {
            self.make(world, &strike).await.with_context(|| {
                let name = table::rows()[good.row].name();
                format!("{name}, {}: {}", strike.what, strike.request.path)
            })?;
        }
        Ok(())
    }

    async fn make(&self, world: &World, strike: &Strike) -> Result<()> {
        if !self.leaves_a_trace(world, strike, Look::Counts).await? {
            return Ok(());
        }
        // Something was written, and no row more or less: the device was seen, or values were changed.
        self.leaves_a_trace(world, strike, Look::Values)
            .await
            .map(drop)
    }

    /// Makes the request. Whether something was written although it was refused; an error if that is a change.
    async fn leaves_a_trace(&self, world: &World, strike: &Strike, look: Look) -> Result<bool> {
        self.database.borrow_mut().settle(look)?;
        let reply = world.send(&strike.request).await.context("no answer")?;
        judge(strike, &reply)?;
        let is_refused = (400..500).contains(&reply.status);
        if !is_refused || !self.database.borrow().is_written()? {
            return Ok(false);
        }
        let change = self.database.borrow_mut().change()?;
        ensure!(
            change.is_none(),
            "refused with {} but the database changed: {}",
            reply.status,
            change.unwrap_or_default()
        );
        Ok(true)
    }
}

fn judge(strike: &Strike, reply: &Reply) -> Result<()> {
    let body = reply.json();
    let errcode = body["errcode"].as_str().unwrap_or_default();
    let told = format!("{} {body}", reply.status);
    let is_preview = strike.request.path.contains("/preview_url");
    // 502: another server failed. 507: a test of its own.
    ensure!(
        reply.status < 500 || (is_preview && reply.status == 502),
        "failed: {told}"
    );
    if reply.status >= 400 {
        let is_challenge = reply.status == 401 && body["flows"].is_array();
        ensure!(
            is_challenge || errcode.starts_with("M_") && body["error"].is_string(),
            "no error of Matrix: {told}"
        );
    }
    match strike.expect {
        Expect::Exactly(status, codes) => ensure!(
            reply.status == status && codes.contains(&errcode),
            "not {status} {codes:?} but {told}"
        ),
        Expect::Denied => ensure!(
            matches!(reply.status, 403 | 404) && !errcode.is_empty(),
            "not denied: {told}"
        ),
        Expect::Composure => {}
    }
    Ok(())
}

/// The object in a request's body.
fn object(request: &Request) -> Option<Value> {
    if request.content_type != "application/json" {
        return None;
    }
    let body = serde_json::from_slice::<Value>(request.body.as_ref()?).ok()?;
    body.is_object().then_some(body)
}

#[test]
fn every_final_row_is_in_the_table() {
    for name in FINAL {
        assert!(table::find(name).is_some(), "{name}");
    }
}
