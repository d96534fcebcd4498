//! Requests that ruma 0.16 reads or answers in a way the specification does not have; thin wraps around its types.

use bytes::BufMut;
use ruma::{
    OwnedUserId,
    api::{
        IncomingRequest, Metadata, OutgoingResponse,
        client::{
            account::register::v3 as register, device::update_device::v3 as update_device,
            profile::set_profile_field::v3 as set_field, session::login::v3 as login,
        },
        error::{DeserializationError, Error, FromHttpRequestError, IntoHttpError},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Gives a wrap the metadata of what it wraps.
macro_rules! same_metadata {
    ($wrap:ty, $inner:ty) => {
        impl Metadata for $wrap {
            const METHOD: http::Method = <$inner as Metadata>::METHOD;
            const RATE_LIMITED: bool = <$inner as Metadata>::RATE_LIMITED;
            type Authentication = <$inner as Metadata>::Authentication;
            type PathBuilder = <$inner as Metadata>::PathBuilder;
            const PATH_BUILDER: Self::PathBuilder = <$inner as Metadata>::PATH_BUILDER;
        }
    };
}

/// A log-in; ruma panics on a body without `type`.
pub struct LoginRequest(pub login::Request);

same_metadata!(LoginRequest, login::Request);

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    _kind: String,
}

impl IncomingRequest for LoginRequest {
    type EndpointError = Error;
    type OutgoingResponse = login::Response;

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
        login::Request::try_from_http_request(request, path_args).map(Self)
    }
}

/// A registration; ruma answers `"device_id": null` where there is no device.
pub struct RegisterRequest(pub register::Request);

same_metadata!(RegisterRequest, register::Request);

impl IncomingRequest for RegisterRequest {
    type EndpointError = <register::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = RegisterResponse;

    fn try_from_http_request<B, S>(
        request: http::Request<B>,
        path_args: &[S],
    ) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        register::Request::try_from_http_request(request, path_args).map(Self)
    }
}

/// What a new user gets.
#[derive(Serialize)]
pub struct RegisterResponse {
    /// Who they are now.
    pub user_id: OwnedUserId,
    /// Their session, unless none was wanted.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub login: Option<RegisteredLogin>,
}

/// The session of a new user.
#[derive(Serialize)]
pub struct RegisteredLogin {
    /// The device.
    pub device_id: ruma::OwnedDeviceId,
    /// Its access token.
    pub access_token: String,
    /// Its refresh token, if it asked for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// How long the access token lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

impl OutgoingResponse for RegisterResponse {
    fn try_into_http_response<T: Default + BufMut>(
        self,
    ) -> Result<http::Response<T>, IntoHttpError> {
        let body = ruma::serde::json_to_buf(&self)?;
        Ok(http::Response::builder()
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)?)
    }
}

/// A change to a device; ruma has no answer that says it was made.
pub struct UpdateDeviceRequest(pub update_device::Request);

same_metadata!(UpdateDeviceRequest, update_device::Request);

impl IncomingRequest for UpdateDeviceRequest {
    type EndpointError = <update_device::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = UpdateDeviceResponse;

    fn try_from_http_request<B, S>(
        request: http::Request<B>,
        path_args: &[S],
    ) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        update_device::Request::try_from_http_request(request, path_args).map(Self)
    }
}

/// What became of a device.
pub struct UpdateDeviceResponse {
    /// Whether it is new.
    pub created: bool,
}

impl OutgoingResponse for UpdateDeviceResponse {
    fn try_into_http_response<T: Default + BufMut>(
        self,
    ) -> Result<http::Response<T>, IntoHttpError> {
        let mut response = update_device::Response::new().try_into_http_response()?;
        if self.created {
            *response.status_mut() = http::StatusCode::CREATED;
        }
        Ok(response)
    }
}

/// A new value of a profile field; ruma calls a body that lacks the field no JSON.
pub struct SetFieldRequest {
    /// Whose profile.
    pub user_id: OwnedUserId,
    /// Which field.
    pub field: String,
    /// Its value, if the body has one.
    pub value: Option<Value>,
}

same_metadata!(SetFieldRequest, set_field::Request);

impl IncomingRequest for SetFieldRequest {
    type EndpointError = Error;
    type OutgoingResponse = set_field::Response;

    fn try_from_http_request<B, S>(
        request: http::Request<B>,
        path_args: &[S],
    ) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        let (user_id, field): (OwnedUserId, String) =
            Deserialize::deserialize(serde::de::value::SeqDeserializer::<
                _,
                serde::de::value::Error,
            >::new(path_args.iter().map(AsRef::as_ref)))?;
        let mut body: Map<String, Value> =
            serde_json::from_slice(request.body().as_ref()).map_err(DeserializationError::Json)?;
        let value = body.remove(&field);
        Ok(Self {
            user_id,
            field,
            value,
        })
    }
}
