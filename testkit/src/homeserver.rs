//! What the tests need to know of a homeserver, whichever it is.

use std::time::Duration;

use anyhow::Result;
use reqwest::Method;

use crate::{
    client::{Client, call, http},
    process::Process,
    wait::until,
};

/// A running homeserver.
pub trait Homeserver {
    /// Base address of its Client-Server API, without a slash at the end.
    fn base_url(&self) -> &str;

    /// The name in its user ids.
    fn server_name(&self) -> &str;

    /// The full id of a local user.
    fn user_id(&self, localpart: &str) -> String {
        format!("@{localpart}:{}", self.server_name())
    }

    /// A new account; its password is `pass-` and the name.
    fn register(&self, localpart: &str) -> impl Future<Output = Result<Client>> {
        async move { Client::register(self.base_url(), localpart, &password(localpart)).await }
    }
}

/// The password of an account made with [`Homeserver::register`].
pub fn password(localpart: &str) -> String {
    format!("pass-{localpart}")
}

/// Waits until a homeserver that was just started answers, or fails with what it printed.
pub(crate) async fn answers(process: &mut Process, base_url: &str, limit: Duration) -> Result<()> {
    let url = format!("{base_url}/_matrix/client/versions");
    let http = http()?;
    until(limit, "the homeserver's first answer", || {
        let alive = process.expect_running();
        let (http, url) = (http.clone(), url.clone());
        async move {
            alive?;
            let answer = call(&http, Method::GET, &url, None, None).await;
            Ok(answer.ok().filter(|answer| answer.status == 200).map(drop))
        }
    })
    .await
}
