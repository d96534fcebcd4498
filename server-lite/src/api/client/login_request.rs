//! `POST /login`, checked before ruma reads it: ruma 0.16 panics on a body without `type`.

use ruma::api::{
    IncomingRequest, Metadata,
    client::session::login::v3,
    error::{DeserializationError, Error, FromHttpRequestError},
};
use serde::Deserialize;

/// A log-in.
pub struct LoginRequest(pub v3::Request);

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    _kind: String,
}

impl Metadata for LoginRequest {
    const METHOD: http::Method = <v3::Request as Metadata>::METHOD;
    const RATE_LIMITED: bool = <v3::Request as Metadata>::RATE_LIMITED;
    type Authentication = <v3::Request as Metadata>::Authentication;
    type PathBuilder = <v3::Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = <v3::Request as Metadata>::PATH_BUILDER;
}

impl IncomingRequest for LoginRequest {
    type EndpointError = Error;
    type OutgoingResponse = v3::Response;

    fn try_from_http_request<B, S>(
        request: http::Request<B>,
        path_args: &[S],
    ) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        let _: Kind =
            serde_json::from_slice(request.body().as_ref()).map_err(DeserializationError::Json)?;
        v3::Request::try_from_http_request(request, path_args).map(Self)
    }
}
