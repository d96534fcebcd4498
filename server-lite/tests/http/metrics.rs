//! Figures for Prometheus and for people, and what the dashboard asks for.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, User};

const METRICS: &str = "[metrics]\naddress = \"127.0.0.1:0\"\n";

async fn start() -> (Server, String) {
    let server = Server::start_with(METRICS).await;
    let (serves, url) = server.others[0].clone();
    assert_eq!(serves, "metrics");
    (server, url)
}

async fn scrape(server: &Server, url: &str) -> String {
    let response = server
        .http
        .get(format!("{url}/metrics"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// The value of the sample whose name and labels begin like this.
fn value(text: &str, sample: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(sample))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[track_caller]
fn expect(text: &str, sample: &str) -> f64 {
    value(text, sample).unwrap_or_else(|| panic!("no {sample} in\n{text}"))
}

#[tokio::test]
async fn figures_follow_what_happens() {
    let (server, url) = start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    for n in 0..5 {
        ada.say(&room, &n.to_string()).await;
    }
    ada.get("/rooms/!nowhere:hs.test/messages?dir=b").await;
    server.call(Method::GET, "/nothing/here", None, None).await;
    server.call(Method::GET, "/nothing/else", None, None).await;
    let text = scrape(&server, &url).await;
    let send = "{endpoint=\"/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{txn_id}\",method=\"PUT\"";
    assert_eq!(
        expect(
            &text,
            &format!("hardline_requests_total{send},status=\"200\"}}")
        ),
        5.0
    );
    assert_eq!(
        expect(&text, &format!("hardline_request_seconds_count{send}}}")),
        5.0
    );
    let unmatched = "hardline_requests_total{endpoint=\"unmatched\",method=\"GET\",status=\"404\"}";
    assert_eq!(expect(&text, unmatched), 2.0);
    assert!(!text.contains("nowhere") && !text.contains("/nothing") && !text.contains("@ada"));
    assert_eq!(
        expect(&text, "hardline_events_total{kind=\"message\"}"),
        5.0
    );
    assert!(expect(&text, "hardline_events_total{kind=\"state\"}") >= 6.0);
    assert_eq!(expect(&text, "hardline_messages_per_minute"), 5.0);
    for (sample, least) in [
        ("hardline_build_info{version=\"", 1.0),
        ("hardline_commit_seconds_count", 6.0),
        ("hardline_database_bytes", 4096.0),
        ("hardline_disk_size_bytes", 1e6),
        ("hardline_disk_free_bytes", 1e6),
        ("hardline_uptime_seconds", 0.0),
        ("process_resident_memory_bytes", 1e6),
        ("process_cpu_seconds_total", 0.001),
        ("process_open_fds", 5.0),
    ] {
        assert!(expect(&text, sample) >= least, "{sample}\n{text}");
    }
    for (sample, exactly) in [
        ("hardline_users ", 1.0),
        ("hardline_rooms ", 1.0),
        ("hardline_push_outbox", 0.0),
        ("hardline_media_files", 0.0),
        ("hardline_writer_queue", 0.0),
        ("hardline_syncs_parked", 0.0),
        ("hardline_disk_files_refused", 0.0),
        ("hardline_rate_limited_total{class=\"login\"}", 0.0),
    ] {
        assert_eq!(expect(&text, sample), exactly, "{sample}");
    }
}

#[tokio::test]
async fn a_waiting_sync_is_parked_and_its_wait_is_no_work() {
    let (server, url) = start().await;
    let ada = server.register("ada").await;
    let since = ada.sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    let waiting = ada.clone();
    let wait =
        tokio::spawn(async move { waiting.sync(&format!("since={since}&timeout=3000")).await });
    let parked = || async {
        let text = scrape(&server, &url).await;
        expect(&text, "hardline_syncs_parked") == 1.0
            && expect(&text, "hardline_requests_in_flight") >= 2.0
            && expect(&text, "hardline_users_online") == 1.0
    };
    let started = std::time::Instant::now();
    while !parked().await {
        assert!(started.elapsed() < Duration::from_secs(2));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wait.await.unwrap();
    let text = scrape(&server, &url).await;
    assert_eq!(expect(&text, "hardline_syncs_parked"), 0.0);
    let sync = "{endpoint=\"/_matrix/client/v3/sync\",method=\"GET\"";
    assert_eq!(
        expect(&text, &format!("hardline_request_seconds_count{sync}}}")),
        2.0
    );
    assert!(expect(&text, &format!("hardline_request_seconds_sum{sync}}}")) < 1.0);
}

#[tokio::test]
async fn requests_told_to_wait_are_counted_by_class() {
    let sections = format!("{METRICS}[rate_limits]\nlogin = {{ per_second = 0.01, burst = 1 }}\n");
    let server = Server::start_with(&sections).await;
    let url = server.others[0].1.clone();
    for _ in 0..3 {
        let body = json!({ "type": "m.login.password", "password": "x",
                           "identifier": { "type": "m.id.user", "user": "nobody" } });
        server
            .call(Method::POST, "/_matrix/client/v3/login", None, Some(body))
            .await;
    }
    let text = scrape(&server, &url).await;
    assert!(expect(&text, "hardline_rate_limited_total{class=\"login\"}") >= 2.0);
    assert_eq!(
        expect(&text, "hardline_rate_limited_total{class=\"messages\"}"),
        0.0
    );
}

#[tokio::test]
async fn figures_are_off_unless_an_address_is_given_and_never_on_that_for_clients() {
    let server = Server::start().await;
    assert!(server.others.is_empty());
    for path in ["/metrics", "/", "/stats.json"] {
        server
            .call(Method::GET, path, None, None)
            .await
            .err(404, "M_UNRECOGNIZED");
    }
    let (server, url) = start().await;
    server
        .call(Method::GET, "/metrics", None, None)
        .await
        .err(404, "M_UNRECOGNIZED");
    let response = server
        .http
        .get(format!("{url}/_matrix/client/versions"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
    let response = server
        .http
        .get(format!("{url}/stats.json"))
        .send()
        .await
        .unwrap();
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
}

#[tokio::test]
async fn the_page_is_one_file_that_asks_for_figures_people_understand() {
    let (server, url) = start().await;
    let ada: User = server.register("ada").await;
    let room = ada.create_room(json!({ "name": "secret plans" })).await;
    ada.say(&room, "hello").await;
    ada.sync("").await;
    let response = server.http.get(format!("{url}/")).send().await.unwrap();
    assert!(
        response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    let page = response.text().await.unwrap();
    for foreign in ["http://", "https://", "src=", "<link", "@import", "url("] {
        assert!(
            !page.contains(foreign),
            "the page loads something: {foreign}"
        );
    }
    let stats: Value = server
        .http
        .get(format!("{url}/stats.json"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(stats["server_name"], "hs.test");
    assert_eq!(
        (&stats["users"], &stats["users_online"], &stats["rooms"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(stats["messages_by_minute"].as_array().unwrap().len(), 60);
    assert!(stats["latency_p50_ms"].as_f64().unwrap() <= stats["latency_p99_ms"].as_f64().unwrap());
    assert!(!stats.to_string().contains("secret") && !stats.to_string().contains("@ada"));
    // Every figure the page shows is one the server sends.
    let shown: BTreeSet<&str> = page
        .split("s.")
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
                .next()
                .unwrap()
        })
        .filter(|name| {
            name.contains('_')
                || [
                    "users", "rooms", "memory", "database", "media", "battery", "celsius",
                ]
                .contains(name)
        })
        .collect();
    assert!(shown.len() > 15, "{shown:?}");
    for name in shown {
        assert!(stats.get(name).is_some(), "the page shows {name}");
    }
}

#[tokio::test]
async fn every_query_of_the_dashboard_names_a_metric_that_exists() {
    let (server, url) = start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    ada.say(&room, "hello").await;
    let text = scrape(&server, &url).await;
    let known: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let dashboard = include_str!("../../../packaging/data/grafana-dashboard.json");
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() >= 20, "{queries:?}");
    // Only boards have them.
    let optional = ["hardline_board_celsius", "hardline_board_battery_ratio"];
    let mut named = BTreeSet::new();
    for query in &queries {
        let names = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let metrics =
            names.filter(|name| name.starts_with("hardline_") || name.starts_with("process_"));
        let metrics: Vec<&str> = metrics.collect();
        assert!(!metrics.is_empty(), "{query}");
        for metric in metrics {
            assert!(
                known.contains(metric) || optional.contains(&metric),
                "{metric} of {query}"
            );
            named.insert(metric);
        }
    }
    // And nothing the server tells is left out, but for what the dashboard has no use for.
    let unused: Vec<_> = known
        .iter()
        .filter(|name| {
            !named.contains(*name) && !name.ends_with("_sum") && !name.ends_with("_created")
        })
        .collect();
    assert!(unused.len() <= 8, "{unused:?}");
}

fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str() {
                    Some(query) if key == "expr" => queries.push(query.to_owned()),
                    _ => collect(value, queries),
                }
            }
        }
        Value::Array(array) => array.iter().for_each(|value| collect(value, queries)),
        _ => {}
    }
}
