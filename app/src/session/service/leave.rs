//! How a session ends: by the person, by the server, or by being forgotten.

use std::time::Duration;

use futures_util::future::join_all;
use hardline_platform::secrets::Ask;
use matrix_sdk::{SessionMeta, authentication::matrix::MatrixSession};

use super::{Farewell, SessionService, SessionState};
use crate::{
    failure::{self, Doing},
    notice::Notice,
    session::{SessionError, client, vault::Secrets},
};

/// How long the server may take to answer a log-out.
const LIMIT: Duration = Duration::from_secs(15);

impl SessionService {
    /// Signs out on the server and removes the session's data from this device.
    pub async fn log_out(&self) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        let session = self.current().ok_or(SessionError::SignedOut)?;
        self.say_farewell().await;
        session.sync().stop().await;
        match tokio::time::timeout(LIMIT, session.client().matrix_auth().logout()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let notice = failure::of_http(&error, Doing::Other);
                // A session the server no longer knows is as good as signed out.
                if !matches!(notice, Notice::SignedOutByServer { .. }) {
                    session.sync().resume();
                    return Err(notice.into());
                }
            }
            Err(_) => {
                session.sync().resume();
                return Err(Notice::Offline.into());
            }
        }
        self.erase(None).await
    }

    /// Gives the session up without the server: removes its data from this device.
    pub async fn forget(&self) -> Result<(), SessionError> {
        let _turn = self.inner.turn.lock().await;
        if let Some(session) = self.current() {
            self.say_farewell().await;
            session.sync().stop().await;
        }
        self.erase(None).await
    }

    /// The program ends: syncing stops, the session is kept.
    pub async fn suspend(&self) {
        let _turn = self.inner.turn.lock().await;
        if let Some(session) = self.current() {
            self.say_farewell().await;
            session.sync().stop().await;
        }
        self.kept(|kept| kept.watch = None);
        self.set(SessionState::Starting);
    }

    /// Has `farewell` done before the session ends, whoever ends it; it must be over within seconds.
    pub(crate) fn before_it_ends(&self, farewell: Farewell) {
        self.kept(|kept| kept.farewells.push(farewell));
    }

    async fn say_farewell(&self) {
        let farewells = self.kept(|kept| kept.farewells.clone());
        join_all(farewells.iter().map(|begin| begin())).await;
    }

    /// The server said that the token is unknown.
    pub(super) async fn ended_by_server(&self, soft: bool) {
        let _turn = self.inner.turn.lock().await;
        let Some(session) = self.current() else {
            return;
        };
        tracing::warn!(user_id = %session.user_id(), soft, "the server ended the session");
        self.say_farewell().await;
        session.sync().stop().await;
        if soft {
            self.kept(|kept| kept.watch = None);
            self.set(SessionState::SignInAgain {
                user_id: session.user_id().to_owned(),
            });
        } else if let Err(error) = self.erase(Some(Notice::SignedOutByServer { soft })).await {
            self.set(SessionState::StoreTrouble(error.notice()));
        }
    }

    async fn erase(&self, because: Option<Notice>) -> Result<(), SessionError> {
        self.kept(|kept| {
            kept.watch = None;
            kept.current = None;
            kept.unprotected = None;
        });
        let source = self
            .inner
            .store
            .account()?
            .map(|account| account.secrets_in);
        self.inner.store.clear_account()?;
        self.set(SessionState::SignedOut { because });
        self.remove_stores().await?;
        if let Some(source) = source
            && let Err(error) = self.inner.vault.delete(source, Ask::quietly()).await
        {
            // What stays behind opens nothing any more: the token is void and the stores are gone.
            tracing::warn!(%error, "the secrets could not be removed");
        }
        Ok(())
    }
}

/// Ends a session that never began, as well as the network allows.
pub(super) async fn end_on_server(base_url: &str, meta: SessionMeta, secrets: &Secrets) {
    let Ok(client) = client::probe(base_url).await else {
        return;
    };
    let session = MatrixSession {
        meta,
        tokens: secrets.tokens.clone(),
    };
    if client.restore_session(session).await.is_ok() {
        let _ = client.matrix_auth().logout().await;
    }
}
