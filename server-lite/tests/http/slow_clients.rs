//! Clients that take their time, or come in numbers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Server, User, encode};

const HURRY: &str = "[limits]\nheader_seconds = 1\nstall_seconds = 1\n";
/// Whoever is slow is cut within this time, also on a busy machine.
const SOON: Duration = Duration::from_secs(15);

async fn connect(server: &Server) -> TcpStream {
    connect_to(&server.base).await
}

async fn connect_to(url: &str) -> TcpStream {
    TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// Writes `bytes` one by one, slowly, until the other end closes; what it said and after how long.
async fn dribble(mut stream: TcpStream, bytes: &[u8]) -> (String, Duration) {
    let started = Instant::now();
    let (mut read, mut write) = stream.split();
    let mut said = Vec::new();
    let writing = async {
        for byte in bytes.iter().cycle() {
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        let _ = read.read_to_end(&mut said).await;
    };
    let ended = timeout(SOON, async {
        tokio::select! {
            () = writing => {}
            () = reading => {}
        }
    });
    ended.await.expect("the connection stays open");
    (
        String::from_utf8_lossy(&said).into_owned(),
        started.elapsed(),
    )
}

#[tokio::test]
async fn whoever_does_not_say_what_they_want_is_cut() {
    let server = Server::start_with(HURRY).await;
    let (mut silent, started) = (connect(&server).await, Instant::now());
    timeout(SOON, silent.read(&mut [0]))
        .await
        .expect("the connection stays open")
        .unwrap_or(0);
    assert!(started.elapsed() >= Duration::from_millis(900));
    let (_, took) = dribble(
        connect(&server).await,
        b"GET /_matrix/client/versions HTTP/1.1\r\nx-a: ",
    )
    .await;
    assert!(took >= Duration::from_millis(900), "{took:?}");
    // Also between two requests.
    let mut stream = connect(&server).await;
    let request = b"GET /_matrix/client/versions HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut all = Vec::new();
    timeout(SOON, stream.read_to_end(&mut all))
        .await
        .expect("the connection stays open")
        .unwrap();
    assert!(all.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn whoever_dribbles_or_stops_in_a_body_is_cut_and_nothing_is_done() {
    let server = Server::start_with(HURRY).await;
    let ada = server.register("ada").await;
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 100000\r\n\r\n",
            ada.token
        )
    };
    for path in ["/_matrix/client/v3/createRoom", "/_matrix/media/v3/upload"] {
        let mut stream = connect(&server).await;
        stream.write_all(head(path).as_bytes()).await.unwrap();
        let (said, took) = dribble(stream, b" ").await;
        assert!(said.starts_with("HTTP/1.1 4"), "{path}: {said}");
        assert!(took >= Duration::from_millis(900), "{took:?}");
        let mut stream = connect(&server).await;
        stream.write_all(head(path).as_bytes()).await.unwrap();
        stream.write_all(&[b' '; 1000]).await.unwrap();
        let mut said = Vec::new();
        timeout(SOON, stream.read_to_end(&mut said))
            .await
            .expect("the connection stays open")
            .unwrap();
        assert!(said.starts_with(b"HTTP/1.1 4"), "{path}");
    }
    assert_eq!(
        ada.get("/joined_rooms").await.ok()["joined_rooms"],
        json!([])
    );
    let incoming = server.database().with_file_name("media").join("incoming");
    assert_eq!(
        std::fs::read_dir(incoming).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[tokio::test]
async fn whoever_does_not_take_an_answer_is_cut() {
    let server = Server::start_with(HURRY).await;
    let ada = server.register("ada").await;
    let size: usize = 32 << 20;
    let sent = server
        .http
        .post(format!("{}/_matrix/media/v3/upload", server.base))
        .bearer_auth(&ada.token)
        .body(vec![7_u8; size])
        .send()
        .await
        .unwrap();
    let uri = sent.json::<Value>().await.unwrap()["content_uri"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut stream = connect(&server).await;
    let request = format!(
        "GET /_matrix/client/v1/media/download/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        uri.trim_start_matches("mxc://"),
        ada.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut taken = Vec::new();
    let end = timeout(SOON, stream.read_to_end(&mut taken))
        .await
        .expect("the connection stays open");
    assert!(taken.len() < size, "{} bytes, {end:?}", taken.len());
}

#[tokio::test]
async fn waiting_for_news_takes_as_long_as_it_takes() {
    let server = Server::start_with(HURRY).await;
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    let room = ada.create_room(json!({ "preset": "public_chat" })).await;
    bo.join(&room).await;
    let since = bo.sync("").await["next_batch"].as_str().unwrap().to_owned();
    let path = format!("timeout=20000&since={since}");
    let (news, ()) = tokio::join!(bo.sync(&path), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        ada.say(&room, "at last").await;
    });
    assert!(news.to_string().contains("at last"), "{news}");
}

#[tokio::test]
async fn one_address_holds_only_so_many_connections() {
    let listeners =
        "[limits]\nconnections_per_address = 4\n[[listeners]]\nport = 0\n[[listeners]]\nport = 0\n";
    let server = Server::start_with(listeners).await;
    // However they come in, they are counted together.
    let doors = [server.base.clone(), server.others[0].1.clone()];
    let mut held = Vec::new();
    for idx in 0..4 {
        held.push(connect_to(&doors[idx % 2]).await);
    }
    // The server has taken them once one of them is answered.
    let request = b"GET /_matrix/client/versions HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut start = [0_u8; 12];
    for stream in &mut held {
        stream.write_all(request).await.unwrap();
        timeout(SOON, stream.read_exact(&mut start))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
    }
    for door in &doors {
        let (mut one_more, mut refused) = (connect_to(door).await, String::new());
        timeout(SOON, one_more.read_to_string(&mut refused))
            .await
            .unwrap()
            .unwrap();
        assert!(
            refused.starts_with("HTTP/1.1 429") && refused.contains("M_LIMIT_EXCEEDED"),
            "{refused}"
        );
    }
    drop(held.pop());
    let started = Instant::now();
    loop {
        let mut stream = connect(&server).await;
        if stream.write_all(request).await.is_ok()
            && stream.read_exact(&mut start).await.is_ok()
            && &start == b"HTTP/1.1 200"
        {
            break;
        }
        assert!(started.elapsed() < SOON, "a place does not become free");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn without_a_limit_connections_are_not_counted() {
    let dir = Server::start_with("[limits]\nconnections_per_address = 0\n").await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(connect(&dir).await);
    }
    let ada: User = dir.register("ada").await;
    let path = format!("/user/{}/account_data/x", encode(&ada.id));
    ada.put(&path, json!({})).await.ok();
}
