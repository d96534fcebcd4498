//! `GET /_matrix/client/versions` and `GET /_matrix/client/v3/capabilities`.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#api-versions>

use std::collections::BTreeMap;

use ruma::api::client::discovery::{
    get_capabilities::{
        self,
        v3::{
            Capabilities, ChangePasswordCapability, GetLoginTokenCapability, RoomVersionStability,
            RoomVersionsCapability, ThirdPartyIdChangesCapability,
        },
    },
    get_supported_versions,
};

use serde_json::json;

use crate::{
    api::{Authed, Public, Router, Routes},
    error::Result,
    service::{Services, accounts, rooms::SUPPORTED_VERSIONS},
};

/// Versions of the specification whose required endpoints are served.
const VERSIONS: [&str; 16] = [
    "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8",
    "v1.9", "v1.10", "v1.11", "v1.12", "v1.13",
];

/// The routes of this module.
pub fn routes() -> Router {
    Router::new().ruma(versions_route).ruma(capabilities_route)
}

async fn versions_route(
    services: Services,
    _: Public<get_supported_versions::Request>,
) -> Result<get_supported_versions::Response> {
    let versions = VERSIONS.map(str::to_owned).to_vec();
    let mut response = get_supported_versions::Response::new(versions);
    let sliding_sync = services.config.sync.sliding_sync;
    response.unstable_features = BTreeMap::from(
        [
            ("org.matrix.simplified_msc3575", sliding_sync),
            ("org.matrix.e2e_cross_signing", true),
            ("org.matrix.msc3814", true),
            ("org.matrix.msc4140", true),
            ("org.matrix.msc4155", true),
            ("org.matrix.msc4380", true),
            ("org.matrix.msc4380.stable", true),
            (
                "org.matrix.msc4143",
                !services.config.rtc.livekit_service_urls.is_empty(),
            ),
        ]
        .map(|(feature, on)| (feature.to_owned(), on)),
    );
    Ok(response)
}

async fn capabilities_route(
    services: Services,
    request: Authed<get_capabilities::v3::Request>,
) -> Result<get_capabilities::v3::Response> {
    let is_admin = services
        .store
        .read(move |c| Ok(accounts::is_admin(c, request.user_id())?))
        .await?;
    let available = SUPPORTED_VERSIONS
        .iter()
        .map(|version| (version.clone(), RoomVersionStability::Stable))
        .collect();
    let mut capabilities = Capabilities::new();
    capabilities.change_password = ChangePasswordCapability::new(true);
    capabilities.room_versions =
        RoomVersionsCapability::new(services.config.rooms.default_version.clone(), available);
    // There are no addresses here to bind to an account.
    capabilities.thirdparty_id_changes = ThirdPartyIdChangesCapability::new(false);
    capabilities.get_login_token = GetLoginTokenCapability::new(true);
    capabilities.set("m.profile_fields", json!({ "enabled": true }))?;
    if is_admin {
        let may = json!({ "lock": true, "suspend": true });
        capabilities.set("m.account_moderation", may)?;
    }
    Ok(get_capabilities::v3::Response::new(capabilities))
}
