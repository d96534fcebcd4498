//! Previews of web pages.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#get_matrixclientv1mediapreview_url>

use ruma::api::client::authenticated_media::get_media_preview::v1 as preview;

use crate::{
    Error,
    api::{Authed, Router, Routes},
    error::Result,
    service::{Services, url_preview::Preview},
};

/// The routes of this module, the ones of before 2024 included.
pub fn routes() -> Router {
    Router::new()
        .ruma_json(preview_route)
        .ruma_json_at("/_matrix/media/r0/preview_url", &[], preview_route)
        .ruma_json_at("/_matrix/media/v3/preview_url", &[], preview_route)
}

/// What a page says of itself: nothing where previews are switched off.
async fn preview_route(services: Services, request: Authed<preview::Request>) -> Result<Preview> {
    let url = request.url.parse();
    let url = url.map_err(|_| Error::invalid_param("This is no web address."))?;
    if !services.config.media.url_previews {
        return Ok(Preview::new());
    }
    services.url_previews.get(&services.outbound, url).await
}
