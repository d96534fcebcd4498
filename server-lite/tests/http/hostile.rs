//! Clients that want to fill the server's memory, or to keep it from others.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Server, User, V3, encode};

const SOON: Duration = Duration::from_secs(30);

/// A request of which only a part of the body is sent.
struct Unfinished {
    stream: TcpStream,
}

impl Unfinished {
    async fn new(server: &Server, path: &str, token: Option<&str>, n_bytes: usize) -> Self {
        let address = server.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let authorization = token.map_or(String::new(), |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\n{authorization}content-length: 1000000\r\n\r\n{{\"x\":\""
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // It may be refused before all of it is sent.
        let _ = stream.write_all(&vec![b'a'; n_bytes]).await;
        Self { stream }
    }

    /// The status with which it was answered; none while the server waits for the rest.
    async fn status(&mut self, patience: Duration) -> Option<u16> {
        let mut start = [0; 12];
        timeout(patience, self.stream.read_exact(&mut start))
            .await
            .ok()?
            .ok()?;
        std::str::from_utf8(&start[9..]).ok()?.parse().ok()
    }
}

#[tokio::test]
async fn strangers_cannot_have_much_kept_for_them() {
    let server = Server::start().await;
    let login = format!("{V3}/login");
    let mut large = Unfinished::new(&server, &login, None, 80 << 10).await;
    assert_eq!(large.status(SOON).await, Some(413));
    let mut small = Unfinished::new(&server, &login, None, 40 << 10).await;
    assert_eq!(small.status(Duration::from_millis(300)).await, None);

    // Nor in headers.
    for (n_bytes, wanted) in [(40 << 10, 200), (80 << 10, 431)] {
        let request = server
            .http
            .get(format!("{}/_matrix/client/versions", server.base))
            .header("x-long", "a".repeat(n_bytes));
        assert_eq!(request.send().await.unwrap().status(), wanted);
    }
}

#[tokio::test]
async fn large_bodies_that_never_end_leave_room_for_others() {
    let server = Server::start().await;
    let (eve, ada) = (server.register("eve").await, server.register("ada").await);
    let path = format!("{V3}/user/{}/account_data/x", encode(&eve.id));
    let mut held = Vec::new();
    for _ in 0..80 {
        let path = path.replace("/account_data/x", "/filter");
        held.push(Unfinished::new(&server, &path, Some(&eve.token), 980_000).await);
    }
    let mut n_refused = 0;
    for one in &mut held {
        let status = one.status(Duration::from_millis(50)).await;
        assert!(matches!(status, None | Some(429)), "{status:?}");
        n_refused += usize::from(status.is_some());
    }
    assert!(
        (5..40).contains(&n_refused),
        "{n_refused} of 80 are refused"
    );
    // What people usually say is smaller.
    let room = ada.create_room(json!({})).await;
    ada.say(&room, &"x".repeat(60_000)).await;
    drop(held);
    let large = json!({ "x": "y".repeat(900_000) });
    let started = std::time::Instant::now();
    while put_data(&ada, &large).await != 200 {
        assert!(started.elapsed() < SOON, "there is no room again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn put_data(user: &User, body: &serde_json::Value) -> u16 {
    let path = format!("{}{V3}/user/{}/account_data/x", user.base, encode(&user.id));
    let request = user.http.put(path).bearer_auth(&user.token).json(body);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_room_does_not_begin_with_thousands_of_events() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = |n: usize| {
        let state =
            (0..n).map(|n| json!({ "type": "x", "state_key": n.to_string(), "content": {} }));
        json!({ "initial_state": state.collect::<Vec<_>>() })
    };
    ada.post("/createRoom", room(301))
        .await
        .err(400, "M_INVALID_PARAM");
    let made = ada.create_room(room(300)).await;
    ada.state(&made, "x", "299").await.ok();
}

#[tokio::test]
async fn addresses_are_no_longer_than_identifiers_may_be() {
    let server = Server::start().await;
    let ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    // With # and :hs.test
    for (n, is_fine) in [(246, true), (247, false), (900, false)] {
        let name = "a".repeat(n);
        let alias = encode(&format!("#{name}:hs.test"));
        let put = ada
            .put(
                &format!("/directory/room/{alias}"),
                json!({ "room_id": room }),
            )
            .await;
        if is_fine {
            put.ok();
            continue;
        }
        put.err(400, "M_INVALID_PARAM");
        let body = json!({ "room_alias_name": name });
        ada.post("/createRoom", body)
            .await
            .err(400, "M_INVALID_PARAM");
    }
}
