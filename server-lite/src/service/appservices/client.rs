//! Requests to application services, with the older paths where the newer ones are unknown.
//!
//! Their addresses come from the operator, so they may well be in the local network.
//! Spec: <https://spec.matrix.org/v1.18/application-service-api/#homeserver---application-service-api>

use std::{sync::OnceLock, time::Duration};

use http::{Method, StatusCode};
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, value::RawValue};
use url::Url;

use super::{Appservice, transaction};
use crate::error::{Error, Result};

/// An answer is never longer than this.
const MAX_ANSWER: usize = 1 << 20;
/// How long a question may take, for somebody waits for the answer.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(15);

/// Makes requests. The client is made when it is first needed.
#[derive(Default)]
pub(super) struct AppserviceClient {
    client: OnceLock<Option<Client>>,
}

/// What an application service answered.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It takes no requests.
    #[error("it has no url")]
    NoUrl,
    /// It took too long.
    #[error("it took too long")]
    Timeout,
    /// It cannot be reached.
    #[error("{0}")]
    Failed(String),
}

impl From<reqwest::Error> for NoAnswer {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        // The reason is a few errors deep.
        let mut source: &dyn std::error::Error = &error;
        while let Some(deeper) = source.source() {
            source = deeper;
        }
        Self::Failed(source.to_string())
    }
}

/// One request: its path in the specification and before.
struct Call<'a> {
    method: Method,
    path: &'a [&'a str],
    legacy: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    body: Option<&'a RawValue>,
    timeout: Duration,
}

impl AppserviceClient {
    fn client(&self) -> Result<&Client, NoAnswer> {
        let client = self.client.get_or_init(|| {
            Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .connect_timeout(Duration::from_secs(10))
                .pool_max_idle_per_host(2)
                .build()
                .inspect_err(|error| tracing::error!(%error, "cannot make requests to bridges"))
                .ok()
        });
        client
            .as_ref()
            .ok_or_else(|| NoAnswer::Failed("no client for outgoing requests".to_owned()))
    }

    async fn call(&self, appservice: &Appservice, call: &Call<'_>) -> Result<Answer, NoAnswer> {
        let answer = self.call_at(appservice, call, call.path).await?;
        if !call.legacy.is_empty() && is_unknown_path(&answer) {
            return self.call_at(appservice, call, call.legacy).await;
        }
        Ok(answer)
    }

    async fn call_at(
        &self,
        appservice: &Appservice,
        call: &Call<'_>,
        path: &[&str],
    ) -> Result<Answer, NoAnswer> {
        let base = appservice.registration.url.as_ref();
        let url = url_of(base.ok_or(NoAnswer::NoUrl)?, path, call.query);
        let mut request = self
            .client()?
            .request(call.method.clone(), url)
            .bearer_auth(&appservice.registration.hs_token)
            .timeout(call.timeout);
        if let Some(body) = call.body {
            request = request
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(body.get().to_owned());
        }
        let mut response = request.send().await?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(NoAnswer::Failed("its answer is too long".to_owned()));
            }
        }
        Ok(Answer { status, body })
    }

    /// Delivers a transaction.
    ///
    /// # Errors
    /// Why it has to be delivered again.
    pub(super) async fn send_transaction(
        &self,
        appservice: &Appservice,
        txn: i64,
        body: Box<RawValue>,
        timeout: Duration,
    ) -> Result<()> {
        let txn = txn.to_string();
        let call = Call {
            method: Method::PUT,
            path: &["_matrix", "app", "v1", "transactions", &txn],
            legacy: &["transactions", &txn],
            query: &[],
            body: Some(&body),
            timeout,
        };
        let answer = self
            .call(appservice, &call)
            .await
            .map_err(Error::internal)?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(Error::internal(format!("it answered {}", answer.status)))
        }
    }

    /// Whether it knows, and has made, what this path names: `users` or `rooms` and an id.
    pub(super) async fn query(&self, appservice: &Appservice, kind: &str, id: &str) -> bool {
        let call = Call {
            method: Method::GET,
            path: &["_matrix", "app", "v1", kind, id],
            legacy: &[kind, id],
            query: &[],
            body: None,
            timeout: QUESTION_TIMEOUT,
        };
        match self.call(appservice, &call).await {
            Ok(answer) => answer.status.is_success(),
            Err(error) => {
                tracing::warn!(appservice = appservice.id(), %error, kind, "a bridge could not be asked");
                false
            }
        }
    }

    /// What it says of networks: the JSON at `thirdparty/…`; none if it does not know or cannot be asked.
    pub(super) async fn thirdparty(
        &self,
        appservice: &Appservice,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Option<Value> {
        let call = Call {
            method: Method::GET,
            path: &[&["_matrix", "app", "v1", "thirdparty"], path].concat(),
            legacy: &[&["_matrix", "app", "unstable", "thirdparty"], path].concat(),
            query,
            body: None,
            timeout: QUESTION_TIMEOUT,
        };
        match self.call(appservice, &call).await {
            Ok(answer) if answer.status.is_success() => serde_json::from_slice(&answer.body)
                .inspect_err(
                    |error| tracing::warn!(appservice = appservice.id(), %error, "a bridge's answer is no JSON"),
                )
                .ok(),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(appservice = appservice.id(), %error, "a bridge could not be asked about networks");
                None
            }
        }
    }

    /// Asks whether it is there.
    pub(super) async fn ping(
        &self,
        appservice: &Appservice,
        transaction_id: Option<&str>,
    ) -> Result<Answer, NoAnswer> {
        let body =
            transaction::ping(transaction_id).map_err(|e| NoAnswer::Failed(e.to_string()))?;
        let call = Call {
            method: Method::POST,
            path: &["_matrix", "app", "v1", "ping"],
            legacy: &[],
            query: &[],
            body: Some(&body),
            timeout: QUESTION_TIMEOUT,
        };
        self.call(appservice, &call).await
    }
}

fn url_of(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

/// Whether the path itself is unknown, and not what it names.
fn is_unknown_path(answer: &Answer) -> bool {
    let is_candidate = matches!(
        answer.status,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    );
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    is_candidate
        && body["errcode"]
            .as_str()
            .is_none_or(|code| code == "M_UNRECOGNIZED")
}

#[cfg(test)]
mod tests {
    use super::url_of;

    #[test]
    fn ids_stay_one_segment_and_the_path_of_the_url_is_kept() {
        let base = "http://localhost:1/bridge/".parse().unwrap();
        let url = url_of(&base, &["rooms", "#a/b?c:hs.test"], &[("field", "x&y")]);
        assert_eq!(
            url.as_str(),
            "http://localhost:1/bridge/rooms/%23a%2Fb%3Fc:hs.test?field=x%26y"
        );
    }
}
