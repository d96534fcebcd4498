//! Application services: bridges and bots that act for many users at once.
//!
//! What they are to be told goes through an outbox: `sorter` finds it, `outbox` keeps it, `sender` delivers it.
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/>

pub mod client;
pub mod console;
mod encryption;
mod ephemeral;
pub mod identity;
mod interest;
pub mod networks;
pub mod outbox;
pub mod queries;
pub mod registration;
mod sender;
mod sorter;
pub mod thirdparty;
mod transaction;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use ruma::{OwnedServerName, RoomAliasId, UserId};
use rusqlite::Connection;
use tokio::sync::Notify;

use self::{
    client::AppserviceClient,
    interest::Members,
    outbox::Backlog,
    registration::{Namespace, Registration, RegistrationError, load},
};
use super::{
    Services, accounts, now_ms,
    sessions::{TokenHash, hash_token},
};
use crate::{
    Error,
    config::Config,
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "appservices",
    steps: &[Step::Sql(include_str!(
        "../../store/schema/appservices.sql"
    ))],
};

/// All application services of the configuration.
pub struct Appservices {
    all: Vec<Arc<Appservice>>,
    by_token: HashMap<TokenHash, Arc<Appservice>>,
    client: AppserviceClient,
    console: console::Consoles,
}

/// An application service while the server runs.
pub struct Appservice {
    /// What it asked for.
    pub registration: Registration,
    server_name: OwnedServerName,
    members: Mutex<Members>,
    backlog: Backlog,
    /// Whether it did not take the last thing it was told.
    failing: AtomicBool,
    /// Something waits for it.
    more: Notify,
    /// It has shown that it is there.
    alive: Notify,
}

impl std::fmt::Debug for Appservice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appservice")
            .field("id", &self.id())
            .finish()
    }
}

impl PartialEq for Appservice {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Appservice {}

impl Appservice {
    fn new(registration: Registration, server_name: OwnedServerName) -> Self {
        Self {
            registration,
            server_name,
            members: Mutex::default(),
            backlog: Backlog::default(),
            failing: AtomicBool::new(false),
            more: Notify::new(),
            alive: Notify::new(),
        }
    }

    /// The name in its registration.
    pub fn id(&self) -> &str {
        &self.registration.id
    }

    /// Whether a user of this server is its own or in one of its namespaces.
    pub fn has_user(&self, user: &str) -> bool {
        self.is_local(user)
            && (user == self.registration.sender.as_str()
                || any(&self.registration.users, user).is_some())
    }

    /// Whether nobody else may be this user of this server.
    pub fn owns_user(&self, user: &str) -> bool {
        self.is_local(user)
            && (user == self.registration.sender.as_str()
                || any(&self.registration.users, user) == Some(true))
    }

    /// Whether an address is in one of its namespaces.
    pub fn has_alias(&self, alias: &RoomAliasId) -> bool {
        any(&self.registration.aliases, alias.as_str()).is_some()
    }

    fn owns_alias(&self, alias: &RoomAliasId) -> bool {
        any(&self.registration.aliases, alias.as_str()) == Some(true)
    }

    fn is_local(&self, user: &str) -> bool {
        user.split_once(':')
            .is_some_and(|(_, server)| server == self.server_name)
    }

    /// It has called, so it can be told what it did not take before.
    pub fn note_alive(&self) {
        if self.failing.load(Ordering::Relaxed) {
            self.alive.notify_one();
        }
    }
}

/// Whether any namespace has an id; `true` inside if one is exclusive.
fn any(namespaces: &[Namespace], id: &str) -> Option<bool> {
    let matching = namespaces.iter().filter(|namespace| namespace.matches(id));
    matching
        .map(|namespace| namespace.exclusive)
        .reduce(|a, b| a || b)
}

impl Appservices {
    /// Reads the registrations of the configuration.
    ///
    /// # Errors
    /// Which file is wrong, and where; two of one id or token; a console for an unknown one.
    pub fn load(config: &Config) -> Result<Self, RegistrationError> {
        let (mut all, mut by_token) = (Vec::new(), HashMap::new());
        let mut ids = HashSet::new();
        for path in &config.appservices.files {
            let registration = load(path, &config.server.name)?;
            let taken = |field: &str, what: &str| RegistrationError::Value {
                path: path.clone(),
                field: field.to_owned(),
                reason: format!("another registration has the same {what}"),
            };
            if !ids.insert(registration.id.clone()) {
                return Err(taken("id", "id"));
            }
            let token = hash_token(&registration.as_token);
            let appservice = Arc::new(Appservice::new(registration, config.server.name.clone()));
            if by_token.insert(token, appservice.clone()).is_some() {
                return Err(taken("as_token", "token"));
            }
            all.push(appservice);
        }
        let unknown = config.appservices.console.iter().find_map(|console| {
            (!ids.contains(&console.appservice)).then_some(&console.appservice)
        });
        if let Some(unknown) = unknown {
            return Err(RegistrationError::Console(unknown.clone()));
        }
        Ok(Self {
            all,
            by_token,
            client: AppserviceClient::default(),
            console: console::Consoles::default(),
        })
    }

    /// Asks one whether it is there. If it is, it is told what it did not take before.
    pub async fn ping(
        &self,
        appservice: &Appservice,
        transaction_id: Option<&str>,
    ) -> Result<client::Answer, client::NoAnswer> {
        let answer = self.client.ping(appservice, transaction_id).await;
        if answer
            .as_ref()
            .is_ok_and(|answer| answer.status.is_success())
        {
            appservice.note_alive();
        }
        answer
    }

    /// Those that take requests and fit.
    fn listening(&self, fits: impl Fn(&Appservice) -> bool) -> Vec<Arc<Appservice>> {
        let listening = |appservice: &&Arc<Appservice>| {
            appservice.registration.url.is_some() && fits(appservice)
        };
        self.all.iter().filter(listening).cloned().collect()
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Appservice>] {
        &self.all
    }

    /// The one that shows this token.
    pub fn by_token(&self, token: &str) -> Option<&Arc<Appservice>> {
        if self.all.is_empty() {
            return None;
        }
        self.by_token.get(&hash_token(token))
    }

    /// The one of this id.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Appservice>> {
        self.all.iter().find(|appservice| appservice.id() == id)
    }

    /// The application service other than `asking` that keeps a user to itself.
    pub fn owner_of(&self, user: &UserId, asking: Option<&Appservice>) -> Option<&Arc<Appservice>> {
        self.all.iter().find(|owner| {
            owner.owns_user(user.as_str()) && asking.is_none_or(|asking| asking.id() != owner.id())
        })
    }

    /// Refuses a user whom an application service other than `asking` keeps to itself.
    ///
    /// # Errors
    /// `M_EXCLUSIVE`.
    pub fn ensure_user_is_free(&self, user: &UserId, asking: Option<&Appservice>) -> Result<()> {
        match self.owner_of(user, asking) {
            None => Ok(()),
            Some(_) => Err(exclusive("This name is reserved for a bridge.")),
        }
    }

    /// Refuses an address that belongs to an application service other than `asking`, and to an application service
    /// one that is not in its namespaces.
    ///
    /// # Errors
    /// `M_EXCLUSIVE`.
    pub fn ensure_alias_is_free(
        &self,
        alias: &RoomAliasId,
        asking: Option<&Appservice>,
    ) -> Result<()> {
        if asking.is_some_and(|asking| !asking.has_alias(alias)) {
            let text = "This address is in none of the application service's namespaces.";
            return Err(exclusive(text));
        }
        let other = |owner: &&Arc<Appservice>| {
            owner.owns_alias(alias) && asking.is_none_or(|asking| asking.id() != owner.id())
        };
        match self.all.iter().find(other) {
            None => Ok(()),
            Some(_) => Err(exclusive("This address is reserved for a bridge.")),
        }
    }
}

/// 400 `M_EXCLUSIVE`.
pub fn exclusive(message: &str) -> Error {
    Error::bad_request(ruma::api::error::ErrorKind::Exclusive, message)
}

/// None where something has been purged since it was noted.
fn if_there<T>(found: Result<T>) -> Result<Option<T>> {
    use crate::store::StoreError::Sqlite;
    match found {
        Err(Error::Store(Sqlite(rusqlite::Error::QueryReturnedNoRows))) => Ok(None),
        found => found.map(Some),
    }
}

/// Makes what application services need before they can be served: their senders' accounts, and a place in the
/// stream from which on they are told.
pub async fn prepare(services: &Services) -> Result<()> {
    let all = services.appservices.all.clone();
    services
        .store
        .write(move |tx| {
            for appservice in &all {
                make_sender(tx, appservice)?;
            }
            let told = all
                .iter()
                .filter(|appservice| appservice.registration.url.is_some());
            outbox::keep_only(tx, told)
        })
        .await
}

fn make_sender(tx: &WriteTx<'_>, appservice: &Appservice) -> Result<()> {
    let sender = &appservice.registration.sender;
    if !accounts::exists(tx, sender)? {
        accounts::create(tx, sender, None, false, now_ms())?;
        tracing::info!(user_id = %sender, appservice = appservice.id(), "made the account of a bridge");
    } else if has_password(tx, sender)? {
        tracing::warn!(user_id = %sender, appservice = appservice.id(),
            "a bridge speaks as an account that somebody can also log in to with a password");
    }
    Ok(())
}

fn has_password(connection: &Connection, user: &UserId) -> Result<bool> {
    Ok(accounts::credentials(connection, user)?
        .is_some_and(|credentials| credentials.password_hash.is_some()))
}

/// Starts the tasks that tell application services what happens, and makes consoles.
pub fn start(services: &Services) {
    for appservice in &services.appservices.all {
        if appservice.registration.url.is_some() {
            tokio::spawn(sorter::run(services.clone(), appservice.clone()));
            tokio::spawn(sender::run(services.clone(), appservice.clone()));
        }
    }
    tokio::spawn(console::run(services.clone()));
}
