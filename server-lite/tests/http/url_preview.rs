//! Previews of web pages, and what must never become one.

use axum::{
    Router,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Redirect},
    routing::get,
};
use serde_json::json;

use crate::support::{Server, User, encode};

const PAGE: &str =
    "<head><title>Tea</title><meta property='og:description' content='All about it'></head>";

/// A site on this machine, and its address.
async fn site() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let there = format!("{base}/page");
    let app = Router::new()
        .route("/page", get(|| async { Html(PAGE) }))
        .route("/moved", get(|| async move { Redirect::temporary(&there) }))
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route(
            "/endless",
            get(|| async { Html(format!("{PAGE}{}", "x".repeat(5_000_000))) }),
        )
        .route(
            "/picture",
            get(|| async { ([(header::CONTENT_TYPE, "image/png")], PAGE) }),
        )
        .route(
            "/who",
            get(|headers: HeaderMap| async move {
                let shown = headers.contains_key(header::AUTHORIZATION)
                    || headers.contains_key(header::COOKIE);
                Html(format!("<title>{shown}</title>")).into_response()
            }),
        );
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    base
}

async fn preview(user: &User, url: &str) -> crate::support::Reply {
    user.get(&format!(
        "/_matrix/client/v1/media/preview_url?url={}",
        encode(url)
    ))
    .await
}

#[tokio::test]
async fn a_page_is_previewed_where_that_is_switched_on() {
    let sections = "[media]\nurl_previews = true\n[testing]\nprivate_addresses = true\n";
    let server = Server::start_with(sections).await;
    let (ada, base) = (server.register("ada").await, site().await);
    let expected = json!({ "og:title": "Tea", "og:description": "All about it" });
    for path in ["page", "moved", "endless"] {
        assert_eq!(
            preview(&ada, &format!("{base}/{path}")).await.ok(),
            expected,
            "{path}"
        );
    }
    assert_eq!(
        preview(&ada, &format!("{base}/who")).await.ok()["og:title"],
        "false"
    );
    assert_eq!(
        preview(&ada, &format!("{base}/picture")).await.ok(),
        json!({})
    );
    for path in ["round", "nowhere"] {
        preview(&ada, &format!("{base}/{path}"))
            .await
            .err(502, "M_UNKNOWN");
    }
    preview(&ada, "nonsense").await.err(400, "M_INVALID_PARAM");
    preview(&ada, "file:///etc/passwd")
        .await
        .err(403, "M_FORBIDDEN");
}

#[tokio::test]
async fn the_local_network_is_nobodys_to_look_at() {
    let server = Server::start_with("[media]\nurl_previews = true\n").await;
    let (ada, base) = (server.register("ada").await, site().await);
    preview(&ada, &format!("{base}/page"))
        .await
        .err(403, "M_FORBIDDEN");
    let port = base.rsplit(':').next().unwrap();
    for host in [
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "169.254.169.254",
    ] {
        preview(&ada, &format!("http://{host}:{port}/page"))
            .await
            .err(403, "M_FORBIDDEN");
    }
    // A name that points inside is found out when it is looked up.
    preview(&ada, &format!("http://localhost:{port}/page"))
        .await
        .err(502, "M_UNKNOWN");
}

#[tokio::test]
async fn without_being_switched_on_nothing_is_fetched() {
    let server = Server::start_with("[testing]\nprivate_addresses = true\n").await;
    let (ada, base) = (server.register("ada").await, site().await);
    assert_eq!(preview(&ada, &format!("{base}/page")).await.ok(), json!({}));
}
