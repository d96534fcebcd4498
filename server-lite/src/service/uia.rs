//! User-interactive authentication: stages a client completes one by one within a session.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#user-interactive-authentication-api>

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;
use parking_lot::Mutex;
use ruma::api::{
    client::uiaa::{AuthData, AuthFlow, AuthType, UiaaInfo},
    error::{ErrorKind, StandardErrorBody},
};

use super::random;
use crate::error::{Error, Result};

/// How long a session lives.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// At most so many sessions at a time: the oldest go first.
const MAX_SESSIONS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// All sessions under way; they do not outlive the program.
pub struct Uia {
    sessions: Mutex<LruCache<String, Session>>,
}

/// What has to be authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What is to be done, so that a session for one act cannot be used for another.
    pub action: String,
    /// The user, where one is logged in.
    pub user_id: Option<ruma::OwnedUserId>,
}

struct Session {
    subject: Subject,
    completed: Vec<AuthType>,
    registration_token: Option<String>,
    started_at: Instant,
}

/// What the caller has to check of one stage.
#[derive(Debug)]
pub enum Stage {
    /// A password for the user of the subject.
    Password(ruma::api::client::uiaa::Password),
    /// A registration token.
    RegistrationToken(String),
    /// Nothing to check.
    Dummy,
    /// A stage this server never asks for.
    Unsupported(AuthType),
}

/// How far a session has come.
#[derive(Debug)]
pub enum Progress {
    /// One stage was given: check it, then say so with [`Uia::complete`] or [`Uia::fail`].
    Check {
        /// The session.
        session: String,
        /// The stage.
        stage: Stage,
    },
    /// All stages of a flow are completed; the session is over.
    Done {
        /// The registration token that was shown, if any.
        registration_token: Option<String>,
    },
}

impl Default for Uia {
    fn default() -> Self {
        Self {
            sessions: Mutex::new(LruCache::new(MAX_SESSIONS)),
        }
    }
}

impl Uia {
    /// Looks at what the client sent. Without anything, a session begins.
    ///
    /// # Errors
    /// [`Error::Uiaa`] with the flows if the client has to go on, `M_UNKNOWN` for a session that is not there.
    pub fn begin(
        &self,
        subject: &Subject,
        flows: &[Vec<AuthType>],
        auth: Option<&AuthData>,
    ) -> Result<Progress> {
        let Some(auth) = auth else {
            let id = self.start(subject);
            return Err(self.challenge(&id, flows, None));
        };
        let id = match auth.session() {
            Some(id) => self.known(id, subject)?,
            // Clients that know what will be asked send it with the first request.
            None => self.start(subject),
        };
        match stage(auth) {
            Some(stage) if flows.iter().flatten().any(|wanted| *wanted == stage.kind()) => {
                Ok(Progress::Check { session: id, stage })
            }
            Some(_) => Err(self.challenge(&id, flows, Some("This stage is not part of any flow."))),
            None => self.finish(&id, flows),
        }
    }

    /// Notes that a stage was completed.
    ///
    /// # Errors
    /// [`Error::Uiaa`] if further stages are needed.
    pub fn complete(
        &self,
        session: &str,
        flows: &[Vec<AuthType>],
        stage: &Stage,
    ) -> Result<Progress> {
        if let Some(entry) = self.sessions.lock().get_mut(session) {
            let kind = stage.kind();
            if !entry.completed.contains(&kind) {
                entry.completed.push(kind);
            }
            if let Stage::RegistrationToken(token) = stage {
                entry.registration_token = Some(token.clone());
            }
        }
        self.finish(session, flows)
    }

    /// The challenge after a stage that was not passed.
    pub fn fail(&self, session: &str, flows: &[Vec<AuthType>], why: &str) -> Error {
        self.challenge(session, flows, Some(why))
    }

    fn finish(&self, session: &str, flows: &[Vec<AuthType>]) -> Result<Progress> {
        let mut sessions = self.sessions.lock();
        let done = sessions.get(session).is_some_and(|entry| {
            flows
                .iter()
                .any(|flow| flow.iter().all(|stage| entry.completed.contains(stage)))
        });
        if !done {
            drop(sessions);
            return Err(self.challenge(session, flows, None));
        }
        let token = sessions
            .pop(session)
            .and_then(|entry| entry.registration_token);
        Ok(Progress::Done {
            registration_token: token,
        })
    }

    fn start(&self, subject: &Subject) -> String {
        let id = random::name(24);
        let session = Session {
            subject: subject.clone(),
            completed: Vec::new(),
            registration_token: None,
            started_at: Instant::now(),
        };
        self.sessions.lock().put(id.clone(), session);
        id
    }

    fn known(&self, id: &str, subject: &Subject) -> Result<String> {
        let mut sessions = self.sessions.lock();
        match sessions.get(id) {
            Some(session) if session.started_at.elapsed() > LIFETIME => {
                sessions.pop(id);
                Err(unknown_session())
            }
            Some(session) if session.subject == *subject => Ok(id.to_owned()),
            Some(_) => Err(Error::forbidden(
                "This session authenticates another request.",
            )),
            None => Err(unknown_session()),
        }
    }

    fn challenge(&self, session: &str, flows: &[Vec<AuthType>], why: Option<&str>) -> Error {
        let flows = flows
            .iter()
            .map(|stages| AuthFlow::new(stages.clone()))
            .collect();
        let mut info = UiaaInfo::new(flows);
        info.session = Some(session.to_owned());
        info.params = serde_json::value::to_raw_value(&serde_json::json!({})).ok();
        if let Some(entry) = self.sessions.lock().peek(session) {
            info.completed.clone_from(&entry.completed);
        }
        info.auth_error =
            why.map(|why| StandardErrorBody::new(ErrorKind::Forbidden, why.to_owned()));
        Error::Uiaa(Box::new(info))
    }
}

impl Stage {
    fn kind(&self) -> AuthType {
        match self {
            Self::Password(_) => AuthType::Password,
            Self::RegistrationToken(_) => AuthType::RegistrationToken,
            Self::Dummy => AuthType::Dummy,
            Self::Unsupported(kind) => kind.clone(),
        }
    }
}

fn unknown_session() -> Error {
    Error::bad_request(
        ErrorKind::Unknown,
        "Unknown authentication session; begin again.",
    )
}

/// The stage a client completes with this; none if it only asks whether it is done.
fn stage(auth: &AuthData) -> Option<Stage> {
    let stage = match auth {
        AuthData::Password(password) => Stage::Password(password.clone()),
        AuthData::RegistrationToken(token) => Stage::RegistrationToken(token.token.clone()),
        AuthData::Dummy(_) => Stage::Dummy,
        AuthData::FallbackAcknowledgement(_) => return None,
        other => Stage::Unsupported(other.auth_type()?),
    };
    Some(stage)
}
