//! What a page on another origin may do, as a real browser sees it.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#web-browser-clients>

use std::time::Duration;

use anyhow::{Result, ensure};
use hardline_testkit::web_page::run_page;
use serde_json::{Value, json};

use crate::world::{Mode, World};

/// Asks one thing after the other. A request that the browser forbids is an error, not an answer.
const PAGE: &str = r#"<!doctype html><title>elsewhere</title><script>
const asked = ASKED;
async function ask({ method, url, token, type, body }) {
  const headers = {};
  if (token) headers.Authorization = "Bearer " + token;
  if (type) headers["Content-Type"] = type;
  try {
    const answer = await fetch(url, { method, headers, body, cache: "no-store" });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    let errcode = null, json = null;
    try { json = JSON.parse(text); errcode = json.errcode ?? null; } catch {}
    return { status: answer.status, errcode, length: bytes.length, json,
             disposition: answer.headers.get("Content-Disposition"), retry: answer.headers.get("Retry-After") };
  } catch (error) {
    return { error: String(error) };
  }
}
(async () => {
  const answers = [];
  for (const one of asked) answers.push(await ask(one));
  const image = await new Promise((done) => {
    const element = new Image();
    element.onload = () => done(element.naturalWidth);
    element.onerror = () => done(null);
    element.src = PICTURE;
  });
  await fetch("/result", { method: "POST", body: JSON.stringify({ origin: location.origin, answers, image }) });
})();
</script>"#;

fn script(text: &str, asked: &Value, picture: &str) -> String {
    text.replace("ASKED", &asked.to_string())
        .replace("PICTURE", &json!(picture).to_string())
}

#[tokio::test]
async fn a_page_of_another_origin_in_a_browser_may_use_everything() -> Result<()> {
    let world = World::new(Mode::Current).await?;
    let (ada, bo) = world.people("ada", "bo").await?;
    let room = ada.open_room(&[]).await?;
    let mut picture = Vec::new();
    image::RgbImage::from_pixel(20, 10, image::Rgb([1, 2, 3])).write_to(
        &mut std::io::Cursor::new(&mut picture),
        image::ImageFormat::Png,
    )?;
    let base = world.server_url();
    let upload = world
        .http
        .post(format!("{base}/_matrix/media/v3/upload?filename=small.png"))
        .bearer_auth(&ada.token)
        .header("content-type", "image/png")
        .body(picture.clone());
    let uploaded: Value = upload.send().await?.json().await?;
    let uri = uploaded["content_uri"].as_str().unwrap_or_default();
    let id = uri.rsplit('/').next().unwrap_or_default();
    let url = |path: &str| format!("{base}{path}");
    let message = |txn| format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{txn}");
    let text = json!({ "msgtype": "m.text", "body": "from a page" }).to_string();
    let sending = |token: &str, txn, body: &str| json!({ "method": "PUT", "url": url(&message(txn)), "token": token, "type": "application/json", "body": body });
    let getting =
        |token: &str, path: &str| json!({ "method": "GET", "url": url(path), "token": token });
    let download = format!("/_matrix/client/v1/media/download/server.hardline.test/{id}");
    let public = format!("/_matrix/media/v3/download/server.hardline.test/{id}");
    // Request, status, error code.
    let cases: Vec<(Value, u16, Option<&str>)> = vec![
        (getting("", "/_matrix/client/versions"), 200, None),
        (
            getting(&ada.token, "/_matrix/client/v3/account/whoami"),
            200,
            None,
        ),
        (sending(&ada.token, "a", &text), 200, None),
        (sending(&bo.token, "b", &text), 403, Some("M_FORBIDDEN")),
        (sending("", "c", &text), 401, Some("M_MISSING_TOKEN")),
        (sending(&ada.token, "d", "{"), 400, Some("M_NOT_JSON")),
        (
            sending(&ada.token, "e", &" ".repeat(3 << 20)),
            413,
            Some("M_TOO_LARGE"),
        ),
        (
            getting(&ada.token, "/_matrix/client/v3/nothing"),
            404,
            Some("M_UNRECOGNIZED"),
        ),
        (
            json!({ "method": "DELETE", "url": url("/_matrix/client/v3/sync"), "token": ada.token }),
            405,
            Some("M_UNRECOGNIZED"),
        ),
        (getting(&ada.token, &download), 200, None),
        (getting("", &download), 401, Some("M_MISSING_TOKEN")),
        (
            json!({ "method": "POST", "url": url("/_matrix/media/v3/upload"), "token": ada.token,
                    "type": "text/plain", "body": "a file" }),
            200,
            None,
        ),
    ];
    let asked: Value = cases.iter().map(|(request, ..)| request.clone()).collect();
    let page = script(PAGE, &asked, &url(&public));
    let told = run_page(&page, Duration::from_secs(60)).await?;
    ensure!(told["origin"] != base, "{told}");
    for (idx, (request, status, errcode)) in cases.iter().enumerate() {
        let answer = &told["answers"][idx];
        ensure!(
            answer["status"] == *status && answer["errcode"].as_str() == *errcode,
            "{} {}: {answer}",
            request["method"],
            request["url"]
        );
    }
    let file = &told["answers"][9];
    ensure!(file["length"] == picture.len(), "{file}");
    ensure!(
        file["disposition"]
            .as_str()
            .is_some_and(|text| text.contains("small.png")),
        "{file}"
    );
    ensure!(
        told["image"] == 20,
        "a picture in a page: {}",
        told["image"]
    );
    ensure!(ada.reads(&room).await? == ["from a page"]);
    world.expect_quiet_log()
}
