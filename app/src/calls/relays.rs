//! STUN and TURN servers, as the homeserver names them.
//!
//! <https://spec.matrix.org/v1.16/client-server-api/#get_matrixclientv3voipturnserver>

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hardline_platform::media::protocol::IceServer;
use matrix_sdk::config::RequestConfig;
use ruma::api::{client::voip::get_turn_server_info::v3 as turn_server, error::ErrorKind};
use tokio::sync::Mutex;

use crate::session::Session;

/// How long a call waits for the homeserver's answer before it begins without relays.
const LIMIT: Duration = Duration::from_secs(5);
/// What is said to be good for longer is asked for anew after this time.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// After this time a homeserver that named none, or did not answer, is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// When it is asked again if it was not heard: the network may be back by then.
const SOON: Duration = Duration::from_secs(5);

/// The relays of a session. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Relays {
    session: Session,
    known: Arc<Mutex<Option<Known>>>,
}

#[derive(Debug)]
struct Known {
    servers: Vec<IceServer>,
    /// A call may last: what is near its end is asked for anew.
    until: Instant,
}

impl Relays {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            known: Arc::default(),
        }
    }

    /// The relays; none if the homeserver has none or does not answer within five seconds.
    pub(super) async fn get(&self) -> Vec<IceServer> {
        let mut known = self.known.lock().await;
        match &*known {
            Some(known) if known.until > Instant::now() => known.servers.clone(),
            _ => {
                let asked = self.ask().await;
                known.insert(asked).servers.clone()
            }
        }
    }

    async fn ask(&self) -> Known {
        let config = RequestConfig::new().disable_retry().timeout(LIMIT);
        let request = self
            .session
            .client()
            .send(turn_server::Request::new())
            .with_request_config(config);
        match tokio::time::timeout(LIMIT, request).await {
            Ok(Ok(answer)) => known(answer),
            Ok(Err(error)) => {
                let kind = error.client_api_error_kind();
                tracing::info!(?kind, "the homeserver names no relay for calls");
                // It said so, or it was not heard.
                Known::nothing(match kind {
                    Some(ErrorKind::NotFound | ErrorKind::Unrecognized) => ASK_AGAIN,
                    _ => SOON,
                })
            }
            Err(_) => {
                tracing::info!("the homeserver does not say in time which relays it has");
                Known::nothing(SOON)
            }
        }
    }
}

impl Known {
    fn nothing(time: Duration) -> Self {
        Self {
            servers: Vec::new(),
            until: Instant::now() + time,
        }
    }
}

fn known(answer: turn_server::Response) -> Known {
    if answer.uris.is_empty() {
        return Known::nothing(ASK_AGAIN);
    }
    let server = IceServer {
        urls: answer.uris,
        username: Some(answer.username).filter(|name| !name.is_empty()),
        credential: Some(answer.password).filter(|password| !password.is_empty()),
    };
    Known {
        servers: vec![server],
        until: Instant::now() + answer.ttl.min(LONGEST) / 2,
    }
}
