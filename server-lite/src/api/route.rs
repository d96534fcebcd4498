//! Registration of handlers under all the paths ruma knows for their request.

use std::marker::PhantomData;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, on},
};
use bytes::BytesMut;
use http::StatusCode;
use ruma::api::{
    IncomingRequest, Metadata, OutgoingResponse,
    path_builder::{SinglePath, VersionHistory},
};

use super::extract::Incoming;
use crate::{
    error::{Result, json_response},
    service::{Services, rate_limit},
};

/// The router of an API module before it gets its state.
pub type Router = axum::Router<Services>;

/// Bodies are at most this large unless a route says otherwise.
pub const MAX_BODY: usize = 1 << 20;

/// Every path of a request type, in all its versions.
pub trait Paths {
    /// The paths, with `{name}` where an argument stands.
    fn paths(&self) -> Vec<&'static str>;
}

impl Paths for VersionHistory {
    fn paths(&self) -> Vec<&'static str> {
        let unstable = self.unstable_paths().map(|(_, path)| path);
        unstable
            .chain(self.stable_paths().map(|(_, path)| path))
            .collect()
    }
}

impl Paths for SinglePath {
    fn paths(&self) -> Vec<&'static str> {
        vec![self.path()]
    }
}

type RequestOf<In> = <In as Incoming>::Request;

/// A handler: `async fn(Services, Authed<Request>) -> Result<Response>` (or `Public<Request>`).
pub trait Handler<In: Incoming>: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn call(
        &self,
        services: Services,
        incoming: In,
    ) -> impl Future<Output = Result<<RequestOf<In> as IncomingRequest>::OutgoingResponse>> + Send;
}

impl<In, F, Fut> Handler<In> for F
where
    In: Incoming,
    F: Fn(Services, In) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<<RequestOf<In> as IncomingRequest>::OutgoingResponse>> + Send,
{
    fn call(
        &self,
        services: Services,
        incoming: In,
    ) -> impl Future<Output = Result<<RequestOf<In> as IncomingRequest>::OutgoingResponse>> + Send
    {
        self(services, incoming)
    }
}

/// Adds ruma handlers to a router.
pub trait Routes: Sized {
    /// Serves `handler` under every path of its request.
    fn ruma<In, H>(self, handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>,
        <RequestOf<In> as Metadata>::PathBuilder: Paths;

    /// The same with a larger (or smaller) body than [`MAX_BODY`] bytes.
    fn ruma_with_max_body<In, H>(self, max_body: usize, handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>,
        <RequestOf<In> as Metadata>::PathBuilder: Paths;

    /// The same for a handler that makes its response's JSON itself.
    fn ruma_json<In, F, Fut, T>(self, handler: F) -> Self
    where
        In: Incoming + 'static,
        F: Fn(Services, In) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send,
        T: serde::Serialize + Send,
        <RequestOf<In> as Metadata>::PathBuilder: Paths;

    /// The same under `path` only, as [`Routes::ruma_at`].
    fn ruma_json_at<In, F, Fut, T>(
        self,
        path: &str,
        fixed_args: &'static [&'static str],
        handler: F,
    ) -> Self
    where
        In: Incoming + 'static,
        F: Fn(Services, In) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send,
        T: serde::Serialize + Send;

    /// Serves `handler` under `path` only, which lacks the last arguments: `fixed_args` replace them.
    fn ruma_at<In, H>(self, path: &str, fixed_args: &'static [&'static str], handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>;

    /// Serves `handler` under further paths that old clients use and ruma lacks.
    fn ruma_also<In, H>(self, max_body: usize, paths: &[&str], handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>;
}

impl Routes for Router {
    fn ruma<In, H>(self, handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>,
        <RequestOf<In> as Metadata>::PathBuilder: Paths,
    {
        self.ruma_with_max_body(MAX_BODY, handler)
    }

    fn ruma_with_max_body<In, H>(mut self, max_body: usize, handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>,
        <RequestOf<In> as Metadata>::PathBuilder: Paths,
    {
        for path in <RequestOf<In> as Metadata>::PATH_BUILDER.paths() {
            self = self.route(path, method_router(handler.clone(), &[], max_body));
        }
        self
    }

    fn ruma_json<In, F, Fut, T>(mut self, handler: F) -> Self
    where
        In: Incoming + 'static,
        F: Fn(Services, In) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send,
        T: serde::Serialize + Send,
        <RequestOf<In> as Metadata>::PathBuilder: Paths,
    {
        for path in <RequestOf<In> as Metadata>::PATH_BUILDER.paths() {
            self = self.ruma_json_at(path, &[], handler.clone());
        }
        self
    }

    fn ruma_json_at<In, F, Fut, T>(
        self,
        path: &str,
        fixed_args: &'static [&'static str],
        handler: F,
    ) -> Self
    where
        In: Incoming + 'static,
        F: Fn(Services, In) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send,
        T: serde::Serialize + Send,
    {
        let serve = move |State(services): State<Services>, request: Request| async move {
            match In::extract(&services, request, fixed_args, MAX_BODY).await {
                Ok(incoming) => {
                    let unlimited = incoming.is_unlimited();
                    match rate_limit::answer(unlimited, handler(services, incoming)).await {
                        Ok(body) => json_response(StatusCode::OK, &body),
                        Err(error) => error.into_response(),
                    }
                }
                Err(error) => error.into_response(),
            }
        };
        self.route(path, on(method_filter::<RequestOf<In>>(), serve))
    }

    fn ruma_at<In, H>(self, path: &str, fixed_args: &'static [&'static str], handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>,
    {
        self.route(path, method_router(handler, fixed_args, MAX_BODY))
    }

    fn ruma_also<In, H>(mut self, max_body: usize, paths: &[&str], handler: H) -> Self
    where
        In: Incoming + 'static,
        H: Handler<In>,
    {
        for path in paths {
            self = self.route(path, method_router(handler.clone(), &[], max_body));
        }
        self
    }
}

fn method_router<In, H>(
    handler: H,
    fixed_args: &'static [&'static str],
    max_body: usize,
) -> MethodRouter<Services>
where
    In: Incoming + 'static,
    H: Handler<In>,
{
    let marker = PhantomData::<fn(In)>;
    on(
        method_filter::<RequestOf<In>>(),
        move |State(services), request| {
            let _ = marker;
            serve::<In, H>(handler, services, request, fixed_args, max_body)
        },
    )
}

fn method_filter<T: Metadata>() -> MethodFilter {
    match T::METHOD {
        http::Method::POST => MethodFilter::POST,
        http::Method::PUT => MethodFilter::PUT,
        http::Method::DELETE => MethodFilter::DELETE,
        http::Method::PATCH => MethodFilter::PATCH,
        http::Method::HEAD => MethodFilter::HEAD,
        _ => MethodFilter::GET,
    }
}

async fn serve<In, H>(
    handler: H,
    services: Services,
    request: Request,
    fixed_args: &'static [&'static str],
    max_body: usize,
) -> Response
where
    In: Incoming,
    H: Handler<In>,
{
    match answer(handler, services, request, fixed_args, max_body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer<In, H>(
    handler: H,
    services: Services,
    request: Request,
    fixed_args: &'static [&'static str],
    max_body: usize,
) -> Result<Response>
where
    In: Incoming,
    H: Handler<In>,
{
    let incoming = In::extract(&services, request, fixed_args, max_body).await?;
    let unlimited = incoming.is_unlimited();
    let response = rate_limit::answer(unlimited, handler.call(services, incoming)).await?;
    let response = response.try_into_http_response::<BytesMut>()?;
    Ok(response.map(|body| Body::from(body.freeze())))
}
