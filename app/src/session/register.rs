//! Creating an account, through the dummy and registration-token stages of user-interactive authentication.
//!
//! <https://spec.matrix.org/v1.16/client-server-api/#account-registration-and-management>

use matrix_sdk::{Client, HttpError, SessionMeta, SessionTokens};
use ruma::api::client::{
    account::register::v3::{Request, Response},
    uiaa::{AuthData, AuthType, Dummy, RegistrationToken, UiaaInfo, UiaaResponse},
};

use super::{client, error::SessionError, sign_in::Granted};
use crate::{
    failure::{self, Doing},
    notice::Notice,
    rate_limit::{self, Waiting},
};

/// A new account.
pub(super) struct NewAccount<'a> {
    /// Base address of the homeserver.
    pub base_url: &'a str,
    /// User name.
    pub user: &'a str,
    /// Password.
    pub password: &'a str,
    /// Registration token, if the server wants one.
    pub token: Option<&'a str>,
    /// What other devices see this one as.
    pub device_name: &'a str,
}

impl NewAccount<'_> {
    /// Creates it and signs in.
    pub async fn create(&self, waiting: &Waiting) -> Result<Granted, SessionError> {
        let doing = Doing::Registering(self.base_url);
        let probe = client::probe(self.base_url)
            .await
            .map_err(|error| failure::of_build(&error, doing))?;
        let mut auth = None;
        // A flow has few stages; a server that asks on and on is not followed.
        for _ in 0..6 {
            let info = match self.send(&probe, auth, waiting).await {
                Ok(answer) => return granted(answer),
                Err(error) => match error.as_ruma_api_error() {
                    Some(UiaaResponse::AuthResponse(info)) => info.clone(),
                    _ => return Err(failure::of_http(&error, doing).into()),
                },
            };
            auth = Some(self.next_stage(&info)?);
        }
        Err(Notice::NoKnownLogin {
            server: self.base_url.to_owned(),
        }
        .into())
    }

    async fn send(
        &self,
        probe: &Client,
        auth: Option<AuthData>,
        waiting: &Waiting,
    ) -> Result<Response, HttpError> {
        rate_limit::patiently(waiting, async || {
            let mut request = Request::new();
            request.username = Some(self.user.to_owned());
            request.password = Some(self.password.to_owned());
            request.initial_device_display_name = Some(self.device_name.to_owned());
            request.refresh_token = true;
            request.auth = auth.clone();
            probe
                .send(request)
                .with_request_config(rate_limit::visible())
                .await
        })
        .await
    }

    /// The stage to answer next, along a flow we can complete.
    fn next_stage(&self, info: &UiaaInfo) -> Result<AuthData, SessionError> {
        let session = info.session.clone();
        let token_asked_for = |stages: &[AuthType]| stages.contains(&AuthType::RegistrationToken);
        if info.auth_error.is_some() && self.token.is_some() {
            return Err(Notice::RegistrationTokenRefused.into());
        }
        let known =
            |stage: &AuthType| matches!(stage, AuthType::Dummy | AuthType::RegistrationToken);
        let mut flows: Vec<_> = info
            .flows
            .iter()
            .filter(|flow| flow.stages.iter().all(known))
            .collect();
        flows.sort_by_key(|flow| token_asked_for(&flow.stages) != self.token.is_some());
        let Some(flow) = flows.first() else {
            return Err(Notice::NoKnownLogin {
                server: self.base_url.to_owned(),
            }
            .into());
        };
        match flow
            .stages
            .iter()
            .find(|stage| !info.completed.contains(stage))
        {
            Some(AuthType::RegistrationToken) => {
                let token = self.token.ok_or(Notice::RegistrationTokenRefused)?;
                let mut stage = RegistrationToken::new(token.to_owned());
                stage.session = session;
                Ok(AuthData::RegistrationToken(stage))
            }
            _ => {
                let mut stage = Dummy::new();
                stage.session = session;
                Ok(AuthData::Dummy(stage))
            }
        }
    }
}

fn granted(answer: Response) -> Result<Granted, SessionError> {
    let (Some(access_token), Some(device_id)) = (answer.access_token, answer.device_id) else {
        return Err(Notice::Unexpected {
            detail: "the server created no device".to_owned(),
        }
        .into());
    };
    Ok(Granted {
        meta: SessionMeta {
            user_id: answer.user_id,
            device_id,
        },
        tokens: SessionTokens {
            access_token,
            refresh_token: answer.refresh_token,
        },
    })
}

#[cfg(test)]
mod tests {
    use ruma::api::client::uiaa::AuthFlow;

    use super::*;

    fn account(token: Option<&str>) -> NewAccount<'_> {
        NewAccount {
            base_url: "https://example.org",
            user: "ada",
            password: "secret",
            token,
            device_name: "test",
        }
    }

    fn info(flows: &[&[AuthType]], completed: &[AuthType]) -> UiaaInfo {
        let mut info = UiaaInfo::new(
            flows
                .iter()
                .map(|stages| AuthFlow::new(stages.to_vec()))
                .collect(),
        );
        info.completed = completed.to_vec();
        info.session = Some("s1".to_owned());
        info
    }

    #[test]
    fn a_token_is_used_where_one_is_given_and_asked_for() {
        use AuthType::{Dummy, RegistrationToken as Token};
        let open: &[&[AuthType]] = &[&[Dummy]];
        let both: &[&[AuthType]] = &[&[Dummy], &[Token]];
        let long: &[&[AuthType]] = &[&[Token, Dummy]];
        let stage = |token, info: &UiaaInfo| account(token).next_stage(info).unwrap();
        assert!(matches!(stage(None, &info(open, &[])), AuthData::Dummy(_)));
        assert!(matches!(
            stage(Some("t"), &info(open, &[])),
            AuthData::Dummy(_)
        ));
        assert!(matches!(stage(None, &info(both, &[])), AuthData::Dummy(_)));
        assert!(matches!(
            stage(Some("t"), &info(both, &[])),
            AuthData::RegistrationToken(_)
        ));
        assert!(matches!(
            stage(Some("t"), &info(long, &[])),
            AuthData::RegistrationToken(_)
        ));
        assert!(matches!(
            stage(Some("t"), &info(long, &[Token])),
            AuthData::Dummy(_)
        ));
    }

    #[test]
    fn a_missing_token_and_an_unknown_flow_are_told() {
        let error = account(None)
            .next_stage(&info(&[&[AuthType::RegistrationToken]], &[]))
            .unwrap_err();
        assert_eq!(error.notice(), Notice::RegistrationTokenRefused);
        let error = account(None)
            .next_stage(&info(&[&[AuthType::ReCaptcha]], &[]))
            .unwrap_err();
        assert!(matches!(error.notice(), Notice::NoKnownLogin { .. }));
    }
}
