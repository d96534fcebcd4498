//! Password login.
//!
//! <https://spec.matrix.org/v1.16/client-server-api/#password-based>

use matrix_sdk::{SessionMeta, SessionTokens};
use ruma::{
    DeviceId, UserId,
    api::client::{
        session::login,
        uiaa::{MatrixUserIdentifier, UserIdentifier},
    },
};

use super::{client, error::SessionError};
use crate::{
    failure::{self, Doing},
    notice::Notice,
    rate_limit::{self, Waiting},
};

/// What a server gives on sign-in or registration.
pub(super) struct Granted {
    /// Who and on which device.
    pub meta: SessionMeta,
    /// Access and refresh token.
    pub tokens: SessionTokens,
}

/// A password login.
pub(super) struct PasswordLogin<'a> {
    /// Base address of the homeserver.
    pub base_url: &'a str,
    /// User name, or a whole user id.
    pub user: &'a str,
    /// Their password.
    pub password: &'a str,
    /// The device to sign in again, after a soft log-out.
    pub device_id: Option<&'a DeviceId>,
    /// What other devices see this one as.
    pub device_name: &'a str,
}

impl PasswordLogin<'_> {
    /// Signs in; rate limits are waited out.
    pub async fn send(&self, waiting: &Waiting) -> Result<Granted, SessionError> {
        let doing = Doing::SigningIn(self.base_url);
        let probe = client::probe(self.base_url)
            .await
            .map_err(|error| failure::of_build(&error, doing))?;
        let answer = rate_limit::patiently(waiting, async || {
            probe
                .send(self.request())
                .with_request_config(rate_limit::visible())
                .await
        });
        let answer = answer
            .await
            .map_err(|error| failure::of_http(&error, doing))?;
        Ok(Granted {
            meta: SessionMeta {
                user_id: answer.user_id,
                device_id: answer.device_id,
            },
            tokens: SessionTokens {
                access_token: answer.access_token,
                refresh_token: answer.refresh_token,
            },
        })
    }

    fn request(&self) -> login::v3::Request {
        let user = UserIdentifier::Matrix(MatrixUserIdentifier::new(self.user.to_owned()));
        let password = login::v3::Password::new(user, self.password.to_owned());
        let mut request = login::v3::Request::new(login::v3::LoginInfo::Password(password));
        request.device_id = self.device_id.map(ToOwned::to_owned);
        request.initial_device_display_name = Some(self.device_name.to_owned());
        request.refresh_token = true;
        request
    }
}

/// The user name as typed, checked: a name, or a whole user id.
pub(super) fn check_user(user: &str) -> Result<String, SessionError> {
    let user = user.trim();
    let refuse = || {
        SessionError::from(Notice::NotAnAddress {
            text: user.to_owned(),
        })
    };
    if user.is_empty() {
        return Err(refuse());
    }
    if user.starts_with('@') {
        UserId::parse(user).map_err(|_| refuse())?;
    }
    Ok(user.to_owned())
}
