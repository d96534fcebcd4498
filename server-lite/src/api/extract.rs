//! From an HTTP request to a ruma request, with the requester where there is one.

use std::{
    net::{IpAddr, SocketAddr},
    ops::Deref,
    sync::Arc,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequestParts, Path},
};
use bytes::Bytes;
use http::{Request, header, request::Parts};
use ruma::{
    DeviceId, UserId,
    api::{
        IncomingRequest, Metadata,
        auth_scheme::{
            AccessToken, AccessTokenOptional, AppserviceToken, AppserviceTokenOptional,
            NoAccessToken, NoAuthentication,
        },
        error::ErrorKind,
    },
};

use super::{body, body_shape, guests};
use crate::{
    Error,
    error::Result,
    service::{
        Services,
        appservices::{
            Appservice,
            identity::{self, Asserted},
        },
        devices, now_ms,
        rate_limit::Class,
        sessions::{self, Session},
    },
    telemetry::request::note_user,
};

/// A request of somebody who is logged in.
pub struct Authed<T> {
    /// The request.
    pub body: T,
    /// Who asks.
    pub session: Session,
    /// What the body was before ruma read it.
    pub raw: Bytes,
    /// Where the request came from.
    pub ip: IpAddr,
    /// The query, for parameters that ruma does not read.
    pub query: Box<str>,
}

impl<T> Authed<T> {
    /// The user who asks.
    pub fn user_id(&self) -> &UserId {
        &self.session.user_id
    }

    /// The device they ask from.
    pub fn device_id(&self) -> &DeviceId {
        &self.session.device_id
    }
}

impl<T> Deref for Authed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.body
    }
}

/// A request of anybody.
pub struct Public<T> {
    /// The request.
    pub body: T,
    /// Who asks, where the endpoint takes a token and one was shown.
    pub session: Option<Session>,
    /// The application service that asks, where the endpoint is (also) for them.
    pub appservice: Option<Arc<Appservice>>,
    /// Whether a token was shown at all, whatever it is worth.
    pub has_token: bool,
    /// What the body was before ruma read it.
    pub raw: Bytes,
    /// Where the request came from.
    pub ip: IpAddr,
}

impl<T> Deref for Public<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.body
    }
}

/// Whose access tokens an endpoint looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nobody's.
    Nothing,
    /// Those of users, and of application services that speak as one.
    Sessions,
    /// Those of application services; users may show one that is no longer good.
    Appservices,
}

/// Whether a ruma authentication scheme looks at access tokens.
pub trait Scheme {
    /// Which tokens are read where one is shown.
    const READS: Reads;
}

/// Schemes that let a request through without a token: only these fit [`Public`].
pub trait OpenScheme: Scheme {}

macro_rules! schemes {
    ($($scheme:ty => $reads:ident $($open:ident)?;)*) => {$(
        impl Scheme for $scheme { const READS: Reads = Reads::$reads; }
        $(schemes!(@ $open $scheme);)?
    )*};
    (@ open $scheme:ty) => { impl OpenScheme for $scheme {} };
}

schemes! {
    AccessToken => Sessions;
    AppserviceToken => Sessions;
    AccessTokenOptional => Sessions open;
    AppserviceTokenOptional => Appservices open;
    NoAccessToken => Nothing open;
    NoAuthentication => Nothing open;
}

/// Something a handler can take as its request.
pub trait Incoming: Sized + Send {
    /// The ruma request inside.
    type Request: IncomingRequest + Send;

    /// Reads it. `fixed_args` follow the arguments found in the path; bodies beyond `max_body` bytes
    /// are refused.
    fn extract(
        services: &Services,
        request: Request<Body>,
        fixed_args: &'static [&'static str],
        max_body: usize,
    ) -> impl Future<Output = Result<Self>> + Send;

    /// Whether rate limits do not count for it.
    fn is_unlimited(&self) -> bool;
}

impl<T> Incoming for Authed<T>
where
    T: IncomingRequest + Send,
{
    type Request = T;

    async fn extract(
        services: &Services,
        request: Request<Body>,
        fixed_args: &'static [&'static str],
        max_body: usize,
    ) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let token = token(&parts)?.ok_or_else(missing_token)?;
        let session = session_of(services, &parts, token).await?;
        if T::RATE_LIMITED && !session.unlimited {
            services
                .limiter
                .check(Class::Other, session.user_id.as_str())?;
        }
        let ip = peer(services, &parts);
        let query = parts.uri.query().unwrap_or_default().into();
        let (body, raw) = parse::<T>(parts, body, fixed_args, max_body).await?;
        Ok(Self {
            body,
            session,
            raw,
            ip,
            query,
        })
    }

    fn is_unlimited(&self) -> bool {
        self.session.unlimited
    }
}

impl<T> Incoming for Public<T>
where
    T: IncomingRequest + Send,
    <T as Metadata>::Authentication: OpenScheme,
{
    type Request = T;

    async fn extract(
        services: &Services,
        request: Request<Body>,
        fixed_args: &'static [&'static str],
        max_body: usize,
    ) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let token = match T::Authentication::READS {
            Reads::Nothing => None,
            Reads::Sessions | Reads::Appservices => token(&parts)?,
        };
        let (has_token, mut session, mut appservice) = (token.is_some(), None, None);
        if let Some(token) = token {
            if T::Authentication::READS == Reads::Appservices {
                appservice = services.appservices.by_token(&token).cloned();
            } else {
                session = Some(session_of(services, &parts, token).await?);
            }
        }
        let ip = peer(services, &parts);
        if T::RATE_LIMITED && appservice.is_none() {
            services.limiter.check(Class::Other, &ip.to_string())?;
        }
        let is_known = session.is_some() || appservice.is_some();
        let max_body = if is_known {
            max_body
        } else {
            max_body.min(body::MAX_OF_STRANGERS)
        };
        let (body, raw) = parse::<T>(parts, body, fixed_args, max_body).await?;
        Ok(Self {
            body,
            session,
            appservice,
            has_token,
            raw,
            ip,
        })
    }

    fn is_unlimited(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.unlimited)
            || self.appservice.is_some()
    }
}

/// Whose token it is: a device's, or that of an application service which speaks as somebody.
async fn session_of(services: &Services, parts: &Parts, token: String) -> Result<Session> {
    if let Some(appservice) = services.appservices.by_token(&token).cloned() {
        appservice.note_alive();
        let asserted = Asserted::parse(parts.uri.query().unwrap_or_default());
        let session = services
            .store
            .glance(move |c| identity::session(c, &appservice, asserted))
            .await?;
        note_user(&session.user_id);
        return Ok(session);
    }
    let session = services
        .store
        .glance(move |c| sessions::by_token(c, &token))
        .await?;
    note_user(&session.user_id);
    guests::check(parts, &session)?;
    Ok(session)
}

/// The requester, for handlers that read their request themselves.
///
/// # Errors
/// `M_MISSING_TOKEN`, `M_UNKNOWN_TOKEN`.
pub async fn authenticate(services: &Services, parts: &Parts) -> Result<Session> {
    let token = token(parts)?.ok_or_else(missing_token)?;
    let session = session_of(services, parts, token).await?;
    if session.appservice.is_none() && services.last_seen.is_due(&session.token_hash) {
        note_seen(services, &session, peer(services, parts));
    }
    Ok(session)
}

/// Notes when and from where a device was heard of, without making the request wait.
fn note_seen(services: &Services, session: &Session, ip: IpAddr) {
    let (store, session) = (services.store.clone(), session.clone());
    tokio::spawn(async move {
        let noted = store.write(move |tx| {
            Ok(devices::touch(
                tx,
                &session.user_id,
                &session.device_id,
                ip,
                now_ms(),
            )?)
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, "cannot note when a device was last seen");
        }
    });
}

fn missing_token() -> Error {
    Error::new(
        http::StatusCode::UNAUTHORIZED,
        ErrorKind::MissingToken,
        "This needs an access token; log in first.",
    )
}

/// The token in the `Authorization` header, or in the deprecated query parameter.
fn token(parts: &Parts) -> Result<Option<String>> {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let value = value.to_str().map_err(|_| missing_token())?;
        return match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Some(token.trim().to_owned()))
            }
            _ => Err(missing_token()),
        };
    }
    let query = parts.uri.query().unwrap_or_default();
    Ok(url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "access_token")
        .map(|(_, token)| token.into_owned()))
}

fn peer(services: &Services, parts: &Parts) -> IpAddr {
    if services.config.listen.behind_proxy {
        let forwarded = parts
            .headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok());
        let last = forwarded.and_then(|list| list.rsplit(',').next());
        if let Some(ip) = last.and_then(|ip| ip.trim().parse().ok()) {
            return ip;
        }
    }
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip())
}

/// The longest identifier, type or key in an address, in bytes.
const MAX_ARG: usize = 1024;

async fn parse<T: IncomingRequest>(
    mut parts: Parts,
    body: Body,
    fixed_args: &[&str],
    max_body: usize,
) -> Result<(T, Bytes)> {
    let mut args = match Path::<Vec<String>>::from_request_parts(&mut parts, &()).await {
        Ok(Path(args)) => args,
        // A route without parameters has no path arguments to give.
        Err(_) if !has_args(&parts) => Vec::new(),
        Err(error) => return Err(Error::invalid_param(error.to_string())),
    };
    args.extend(fixed_args.iter().map(|&arg| arg.to_owned()));
    if args.iter().any(|arg| arg.len() > MAX_ARG) {
        let message = format!("A part of the address is longer than {MAX_ARG} bytes.");
        return Err(Error::invalid_param(message));
    }
    add_query_defaults(&mut parts);
    let mut raw = body::read(body, max_body).await?;
    // Clients leave out the body where every field is optional.
    let is_json_method = parts.method == http::Method::POST || parts.method == http::Method::PUT;
    let kept = raw.clone();
    if raw.is_empty() && is_json_method && !has_raw_body(&parts) {
        raw = Bytes::from_static(b"{}");
    }
    let is_json = !has_raw_body(&parts) && !is_body_ignored(&parts);
    if is_json {
        body_shape::check(&raw)?;
    }
    match T::try_from_http_request(Request::from_parts(parts, raw), &args) {
        Ok(request) => Ok((request, kept)),
        // A wrong type may come before the end of something that is no JSON at all.
        Err(_) if is_json && !body_shape::is_json(&kept) => Err(body_shape::not_json()),
        Err(error) => Err(error.into()),
    }
}

/// Query parameters that the specification lets a client leave out and ruma insists on.
const QUERY_DEFAULTS: [(&str, &str); 1] = [("/threads", "include=all")];

fn add_query_defaults(parts: &mut Parts) {
    for (suffix, default) in QUERY_DEFAULTS {
        let query = parts.uri.query().unwrap_or_default();
        let key = default.split('=').next().unwrap_or_default();
        let given = url::form_urlencoded::parse(query.as_bytes()).any(|(found, _)| found == key);
        if given || !parts.uri.path().ends_with(suffix) {
            continue;
        }
        let separator = if query.is_empty() { "" } else { "&" };
        let with = format!("{}?{query}{separator}{default}", parts.uri.path());
        if let Ok(uri) = with.parse() {
            parts.uri = uri;
        }
    }
}

fn has_args(parts: &Parts) -> bool {
    let matched = parts.extensions.get::<axum::extract::MatchedPath>();
    matched.is_some_and(|path| path.as_str().contains('{'))
}

/// Whoever logs out shall not be kept by what else they say; what comes with a GET nobody reads.
fn is_body_ignored(parts: &Parts) -> bool {
    parts.method == http::Method::GET || parts.uri.path().contains("/logout")
}

/// Whether the body is a file: then an empty one is an empty file and not an empty object.
fn has_raw_body(parts: &Parts) -> bool {
    parts.uri.path().starts_with("/_matrix/media/")
}
