//! Finding a homeserver from a server name, an address or a user id.
//!
//! <https://spec.matrix.org/v1.16/client-server-api/#server-discovery>

use matrix_sdk::{Client, HttpError};
use ruma::{
    ServerName, UserId,
    api::{
        FeatureFlag,
        client::{
            account::register,
            discovery::discover_homeserver,
            session::get_login_types::v3::LoginType,
            uiaa::{AuthType, UiaaInfo, UiaaResponse},
        },
    },
};
use url::Url;

use super::{client, error::SessionError};
use crate::{
    failure::{self, Doing},
    notice::Notice,
    view::onboarding::{Registration, ServerOffer},
};

/// A homeserver that was found and what it offers.
#[derive(Clone, Debug)]
pub struct FoundServer {
    /// What it offers, for the screen.
    pub offer: ServerOffer,
    /// The user part, when a whole user id was typed.
    pub user: Option<String>,
}

/// Looks for a homeserver by what a person typed: a server name, any URL, or a whole user id.
pub async fn find_server(text: &str) -> Result<FoundServer, SessionError> {
    let typed = Typed::parse(text)?;
    let mut failed = None;
    for base in typed.origins() {
        match look_at(&base, &typed.name, typed.is_name()).await {
            Ok(offer) => {
                return Ok(FoundServer {
                    offer,
                    user: typed.user,
                });
            }
            Err(error) => failed = worse(failed, error),
        }
    }
    Err(failed.unwrap_or_else(|| {
        Notice::NotAnAddress {
            text: text.to_owned(),
        }
        .into()
    }))
}

/// Keeps the error that says more: "unreachable" says least.
fn worse(first: Option<SessionError>, second: SessionError) -> Option<SessionError> {
    match first {
        Some(error) if !matches!(error.notice(), Notice::ServerUnreachable { .. }) => Some(error),
        _ => Some(second),
    }
}

/// What a person typed, taken apart.
#[derive(Debug, PartialEq)]
struct Typed {
    /// As shown.
    name: String,
    /// Scheme, if one was typed.
    scheme: Option<String>,
    /// Host, port and path.
    rest: String,
    /// The user part of a user id.
    user: Option<String>,
}

impl Typed {
    fn parse(text: &str) -> Result<Self, SessionError> {
        let text = text.trim().trim_end_matches('/');
        let refuse = || {
            SessionError::from(Notice::NotAnAddress {
                text: text.to_owned(),
            })
        };
        if text.starts_with('@') {
            let id = UserId::parse(text).map_err(|_| refuse())?;
            let server = id.server_name().as_str().to_owned();
            let user = Some(id.localpart().to_owned());
            return Ok(Self {
                name: server.clone(),
                scheme: None,
                rest: server,
                user,
            });
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let scheme = scheme.to_ascii_lowercase();
            let url = Url::parse(text).map_err(|_| refuse())?;
            if !matches!(scheme.as_str(), "http" | "https") || url.host_str().is_none() {
                return Err(refuse());
            }
            return Ok(Self {
                name: rest.to_owned(),
                scheme: Some(scheme),
                rest: rest.to_owned(),
                user: None,
            });
        }
        ServerName::parse(text.split('/').next().unwrap_or(text)).map_err(|_| refuse())?;
        Ok(Self {
            name: text.to_owned(),
            scheme: None,
            rest: text.to_owned(),
            user: None,
        })
    }

    /// Where to look, in order. Plain HTTP only if typed, or on this very device.
    fn origins(&self) -> Vec<String> {
        match &self.scheme {
            Some(scheme) => vec![format!("{scheme}://{}", self.rest)],
            None if self.is_loopback() => {
                vec![
                    format!("http://{}", self.rest),
                    format!("https://{}", self.rest),
                ]
            }
            None => vec![format!("https://{}", self.rest)],
        }
    }

    /// Whether it is a server's name, and no mere address.
    fn is_name(&self) -> bool {
        self.scheme.is_none() && !self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        let Ok(url) = Url::parse(&format!("http://{}", self.rest)) else {
            return false;
        };
        match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }
}

/// Follows the well-known file if there is one, and asks the server what it can do. `is_name`: `name` is a server's
/// name, as in ids.
async fn look_at(origin: &str, name: &str, is_name: bool) -> Result<ServerOffer, SessionError> {
    let doing = Doing::Finding(name);
    let client = build(origin, doing).await?;
    let delegated = match client.send(discover_homeserver::Request::new()).await {
        Ok(answer) => Some(answer.homeserver.base_url.trim_end_matches('/').to_owned()),
        Err(error @ HttpError::Reqwest(_)) => return Err(failure::of_http(&error, doing).into()),
        Err(_) => None,
    };
    // A server with a well-known file is known by its name; at another address, nobody has told the name yet.
    let server_name = delegated.as_ref().filter(|_| is_name).map(|_| name);
    let offer = match &delegated {
        Some(base) if base != origin => {
            let client = build(base, doing).await?;
            ask(&client, base, name).await?
        }
        _ => ask(&client, origin, name).await?,
    };
    Ok(ServerOffer {
        server_name: server_name.map(str::to_owned),
        ..offer
    })
}

async fn build(base_url: &str, doing: Doing<'_>) -> Result<Client, SessionError> {
    client::probe(base_url)
        .await
        .map_err(|error| failure::of_build(&error, doing).into())
}

/// What a homeserver offers.
async fn ask(client: &Client, base_url: &str, name: &str) -> Result<ServerOffer, SessionError> {
    let tell =
        |error: HttpError| SessionError::from(failure::of_http(&error, Doing::Finding(name)));
    let versions = client.supported_versions().await.map_err(tell)?;
    if versions.versions.is_empty() {
        return Err(Notice::NotMatrix {
            server: name.to_owned(),
        }
        .into());
    }
    let flows = client
        .matrix_auth()
        .get_login_types()
        .await
        .map_err(tell)?
        .flows;
    Ok(ServerOffer {
        name: name.to_owned(),
        server_name: None,
        base_url: base_url.to_owned(),
        password: flows
            .iter()
            .any(|flow| matches!(flow, LoginType::Password(_))),
        registration: registration(client).await,
        sliding_sync: versions.features.contains(&FeatureFlag::Msc4186),
    })
}

/// Whether the server takes new accounts: asked by beginning, and not completing, a registration.
async fn registration(client: &Client) -> Registration {
    let mut request = register::v3::Request::new();
    request.inhibit_login = true;
    match client.send(request).await {
        Err(error) => match error.as_ruma_api_error() {
            Some(UiaaResponse::AuthResponse(info)) => registration_of(info),
            _ => Registration::Closed,
        },
        Ok(_) => Registration::Open,
    }
}

/// The simplest way through the flows a server names.
pub(super) fn registration_of(info: &UiaaInfo) -> Registration {
    let only = |known: &[AuthType]| {
        info.flows
            .iter()
            .any(|flow| flow.stages.iter().all(|stage| known.contains(stage)))
    };
    if only(&[AuthType::Dummy]) {
        Registration::Open
    } else if only(&[AuthType::Dummy, AuthType::RegistrationToken]) {
        Registration::Token
    } else {
        Registration::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use ruma::api::client::uiaa::AuthFlow;
    use serde_json::json;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{method, path},
    };

    use super::*;

    fn origins(text: &str) -> Vec<String> {
        Typed::parse(text).unwrap().origins()
    }

    #[test]
    fn a_server_name_is_looked_for_over_https_only() {
        assert_eq!(origins("example.org"), ["https://example.org"]);
        assert_eq!(origins(" example.org/ "), ["https://example.org"]);
    }

    #[test]
    fn a_url_is_taken_as_it_is() {
        assert_eq!(origins("http://10.0.0.2:8008"), ["http://10.0.0.2:8008"]);
        assert_eq!(
            origins("https://example.org/matrix"),
            ["https://example.org/matrix"]
        );
    }

    #[test]
    fn this_device_may_be_spoken_to_in_the_clear() {
        assert_eq!(origins("127.0.0.1:6167")[0], "http://127.0.0.1:6167");
        assert_eq!(origins("localhost:8008")[0], "http://localhost:8008");
        assert_eq!(origins("[::1]:8008")[0], "http://[::1]:8008");
    }

    #[test]
    fn a_user_id_gives_server_and_user() {
        let typed = Typed::parse("@ada:example.org").unwrap();
        assert_eq!(typed.user.as_deref(), Some("ada"));
        assert_eq!(typed.origins(), ["https://example.org"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "@ada", "not a server", "ftp://example.org", "https://"] {
            let error = Typed::parse(text).unwrap_err();
            assert!(
                matches!(error.notice(), Notice::NotAnAddress { .. }),
                "{text:?}: {error}"
            );
        }
    }

    async fn homeserver(features: serde_json::Value) -> MockServer {
        let server = MockServer::start().await;
        let answers = [
            (
                "GET",
                "/_matrix/client/versions",
                200,
                json!({ "versions": ["v1.11"], "unstable_features": features }),
            ),
            (
                "GET",
                "/_matrix/client/v3/login",
                200,
                json!({ "flows": [{ "type": "m.login.password" }] }),
            ),
            (
                "POST",
                "/_matrix/client/v3/register",
                401,
                json!({ "flows": [{ "stages": ["m.login.dummy"] }], "session": "s" }),
            ),
        ];
        for (verb, at, status, body) in answers {
            let answer = ResponseTemplate::new(status).set_body_json(body);
            Mock::given(method(verb))
                .and(path(at))
                .respond_with(answer)
                .mount(&server)
                .await;
        }
        server
    }

    #[tokio::test]
    async fn a_well_known_file_leads_to_the_homeserver() {
        let homeserver = homeserver(json!({ "org.matrix.simplified_msc3575": true })).await;
        let site = MockServer::start().await;
        let body = json!({ "m.homeserver": { "base_url": format!("{}/", homeserver.uri()) } });
        Mock::given(path("/.well-known/matrix/client"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&site)
            .await;
        let found = find_server(&site.uri()).await.unwrap().offer;
        assert_eq!(found.base_url, homeserver.uri());
        assert!(found.password && found.sliding_sync);
        assert_eq!(found.registration, Registration::Open);
    }

    #[tokio::test]
    async fn a_plain_address_works_without_a_well_known_file() {
        let homeserver = homeserver(json!({})).await;
        let address = homeserver.address().to_string();
        let found = find_server(&address).await.unwrap().offer;
        assert_eq!(found.base_url, format!("http://{address}"));
        assert!(!found.sliding_sync);
    }

    #[tokio::test]
    async fn a_web_site_is_not_a_homeserver() {
        let site = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_string("<html>Welcome</html>"))
            .mount(&site)
            .await;
        let error = find_server(&site.uri()).await.unwrap_err();
        assert!(
            matches!(error.notice(), Notice::NotMatrix { .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn nobody_listening_is_unreachable() {
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = find_server(&format!("http://{address}")).await.unwrap_err();
        assert!(
            matches!(error.notice(), Notice::ServerUnreachable { .. }),
            "{error}"
        );
    }

    #[test]
    fn the_simplest_registration_flow_counts() {
        let info = |flows: &[&[AuthType]]| {
            UiaaInfo::new(
                flows
                    .iter()
                    .map(|stages| AuthFlow::new(stages.to_vec()))
                    .collect(),
            )
        };
        assert_eq!(
            registration_of(&info(&[&[AuthType::Dummy]])),
            Registration::Open
        );
        assert_eq!(
            registration_of(&info(&[&[AuthType::RegistrationToken]])),
            Registration::Token
        );
        assert_eq!(
            registration_of(&info(&[&[AuthType::ReCaptcha], &[AuthType::Dummy]])),
            Registration::Open
        );
        assert_eq!(
            registration_of(&info(&[&[AuthType::ReCaptcha]])),
            Registration::Elsewhere
        );
    }
}
