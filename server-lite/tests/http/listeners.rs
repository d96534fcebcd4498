//! Several listeners, TLS, certificates that change, servers side by side, a supervisor that watches.

use std::{
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rcgen::{CertifiedKey, Issuer, KeyPair};
use serde_json::json;

use crate::support::Server;

fn self_signed(dir: &Path) -> String {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("cert.pem"), cert.pem()).unwrap();
    cert.pem()
}

fn client_that_trusts(pem: &str) -> reqwest::Client {
    let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).unwrap();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only(certificates)
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

fn by_name(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

const LISTENERS: &str = "[[listeners]]\nport = 0\n\
    [[listeners]]\nport = 0\ncertificate = \"CERT\"\nkey = \"KEY\"\nserves = [\"client\", \"metrics\"]\n\
    [[listeners]]\naddress = \"::1\"\nport = 0\nserves = [\"metrics\"]\n";

fn with_files(dir: &Path) -> String {
    let name = |file: &str| dir.join(file).display().to_string();
    LISTENERS
        .replace("CERT", &name("cert.pem"))
        .replace("KEY", &name("key.pem"))
}

#[tokio::test]
async fn each_listener_serves_what_it_is_told_plain_or_with_tls() {
    let files = tempfile::tempdir().unwrap();
    let trusted = client_that_trusts(&self_signed(files.path()));
    let server = Server::start_with(&with_files(files.path())).await;
    assert!(server.base.starts_with("http://127.0.0.1:"));
    let serves: Vec<&str> = server.others.iter().map(|(serves, _)| &**serves).collect();
    assert_eq!(serves, ["client,metrics", "metrics"]);
    let (tls, metrics) = (by_name(&server.others[0].1), &server.others[1].1);
    assert!(tls.starts_with("https://") && metrics.starts_with("http://[::1]:"));
    let status = async |client: &reqwest::Client, url: String| {
        client
            .get(url)
            .send()
            .await
            .map(|response| response.status().as_u16())
    };
    for (client, base, for_clients, for_metrics) in [
        (&server.http, server.base.as_str(), 200, 404),
        (&trusted, &tls, 200, 200),
        (&server.http, metrics, 404, 200),
    ] {
        let versions = format!("{base}/_matrix/client/versions");
        assert_eq!(
            status(client, versions).await.unwrap(),
            for_clients,
            "{base}"
        );
        let figures = format!("{base}/metrics");
        assert_eq!(
            status(client, figures).await.unwrap(),
            for_metrics,
            "{base}"
        );
    }
    // Each tells clients to come back the way they came.
    for (client, base) in [(&server.http, &server.base), (&trusted, &tls)] {
        let url = format!("{base}/.well-known/matrix/client");
        let answer = client.get(url).send().await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(&answer["m.homeserver"]["base_url"], base);
    }
    // Nobody trusts it who was not told to.
    let versions = format!("{tls}/_matrix/client/versions");
    assert!(status(&server.http, versions.clone()).await.is_err());
    // HTTP/2 is agreed on, and an account works the same on both.
    assert_eq!(
        trusted.get(&versions).send().await.unwrap().version(),
        reqwest::Version::HTTP_2
    );
    let mut ada = server.register("ada").await;
    let room = ada.create_room(json!({})).await;
    ada.http = trusted;
    ada.base = tls;
    ada.say(&room, "through TLS").await;
    assert_eq!(ada.history(&room).await, ["through TLS"]);
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart_and_a_bad_one_is_not() {
    let files = tempfile::tempdir().unwrap();
    let first = client_that_trusts(&self_signed(files.path()));
    let sections = format!("{}[log]\n#\nfilter = \"info\"\n", with_files(files.path()));
    let server = Server::start_with(&sections).await;
    let url = format!("{}/_matrix/client/versions", by_name(&server.others[0].1));
    let works = async |client: &reqwest::Client| client.get(&url).send().await.is_ok();
    assert!(works(&first).await);
    // Half a renewal: a certificate that does not fit the key.
    let other = tempfile::tempdir().unwrap();
    let second = client_that_trusts(&self_signed(other.path()));
    std::fs::copy(other.path().join("cert.pem"), files.path().join("cert.pem")).unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(works(&first).await);
    server
        .logged(|line| line.contains("the old one stays"))
        .await;
    std::fs::copy(other.path().join("key.pem"), files.path().join("key.pem")).unwrap();
    let started = Instant::now();
    while !works(&second).await {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{}",
            server.log()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!works(&first).await);
    server
        .logged(|line| line.contains("a new certificate is in use"))
        .await;
}

#[tokio::test]
async fn a_client_that_does_not_greet_keeps_nobody_waiting() {
    let files = tempfile::tempdir().unwrap();
    let trusted = client_that_trusts(&self_signed(files.path()));
    let server = Server::start_with(&with_files(files.path())).await;
    let address = server.others[0].1.trim_start_matches("https://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    let url = format!("{}/_matrix/client/versions", by_name(&server.others[0].1));
    let answer = tokio::time::timeout(Duration::from_secs(5), trusted.get(url).send());
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}

fn start(config: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_hardline-server"))
        .arg("--config")
        .arg(config)
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("server.toml");
    let head = "[server]\nname = \"hs.test\"\n[storage]\npath = \"data\"\n";
    let listener = "[[listeners]]\nport = 0\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
    std::fs::write(&config, format!("{head}{listener}")).unwrap();
    let said = || String::from_utf8(start(&config).stderr).unwrap();
    assert!(said().contains("cert.pem: "), "{}", said());
    self_signed(dir.path());
    std::fs::write(dir.path().join("cert.pem"), "no certificate\n").unwrap();
    assert!(said().contains("BEGIN CERTIFICATE"), "{}", said());
    self_signed(dir.path());
    let key = KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(dir.path().join("key.pem"), key).unwrap();
    assert!(said().contains("key.pem: "), "{}", said());
}

#[tokio::test]
async fn authorities_of_ones_own_are_trusted_for_outgoing_requests() {
    // A push gateway whose certificate only our own authority vouches for.
    let dir = tempfile::tempdir().unwrap();
    let ca_key = KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, &ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    std::fs::write(dir.path().join("cert.pem"), leaf.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
    // Another server of ours plays the gateway: that it is asked at all shows that its certificate was believed.
    let gateway = Server::start_with(&format!(
        "{}[log]\n#\nfilter = \"debug\"\n",
        with_files(dir.path())
    ))
    .await;
    let url = format!("{}/_matrix/push/v1/notify", by_name(&gateway.others[0].1));
    for (trusts, is_asked) in [(false, false), (true, true)] {
        let tls = if trusts {
            format!(
                "[tls]\nextra_ca_files = [\"{}\"]\n",
                dir.path().join("ca.pem").display()
            )
        } else {
            String::new()
        };
        let sections =
            format!("{tls}[testing]\nprivate_addresses = true\n[log]\n#\nfilter = \"info\"\n");
        let server = Server::start_with(&sections).await;
        let (ada, bo) = (server.register("ada").await, server.register("bo").await);
        let room = ada.create_room(json!({ "preset": "public_chat" })).await;
        bo.join(&room).await;
        let pusher = json!({
            "app_id": "app", "app_display_name": "app", "device_display_name": "d", "kind": "http",
            "lang": "en", "pushkey": "key", "data": { "url": url },
        });
        bo.post("/pushers/set", pusher).await.ok();
        let before = gateway.log().matches("\"unmatched\"").count();
        ada.say(&room, "ring").await;
        server
            .logged(|line| line.contains("a push gateway was not reached"))
            .await;
        let asked = gateway.log().matches("\"unmatched\"").count() > before;
        assert_eq!(asked, is_asked, "{}\n{}", server.log(), gateway.log());
    }
}

#[tokio::test]
async fn servers_run_side_by_side_and_never_on_the_same_data() {
    let one = Server::start().await;
    let two = Server::start().await;
    assert_ne!(one.base, two.base);
    let (ada, bo) = (one.register("ada").await, two.register("bo").await);
    ada.create_room(json!({})).await;
    bo.create_room(json!({})).await;
    ada.get("/account/whoami").await.ok();
    assert_eq!(one.operated(&["status"])["users"], 1);
    let other_port = one.config().with_file_name("other.toml");
    std::fs::copy(one.config(), &other_port).unwrap();
    let output = start(&other_port);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    let expected = format!("(process {})", one.pid());
    assert!(
        said.contains("a server is running on") && said.contains(&expected),
        "{said}"
    );
    assert!(said.contains("storage.path"), "{said}");
    // The first one has not noticed.
    ada.create_room(json!({})).await;
}

#[tokio::test]
async fn a_server_name_may_have_a_port() {
    let server = Server::start_with_config(
        "[server]\nname = \"hs.test:8448\"\n[listen]\nport = 0\n[storage]\npath = \"data\"\n\
         [registration]\nopen = true\n[log]\nfilter = \"warn\"\n",
    );
    let (ada, bo) = (server.register("ada").await, server.register("bo").await);
    assert_eq!(ada.id, "@ada:hs.test:8448");
    let body = json!({ "room_alias_name": "lobby", "preset": "public_chat", "room_version": "11" });
    let room = ada.create_room(body).await;
    assert!(room.ends_with(":hs.test:8448"), "{room}");
    bo.join("#lobby:hs.test:8448").await;
    bo.say(&room, "hello").await;
    assert_eq!(ada.history(&room).await, ["hello"]);
    let upload = format!("{}/_matrix/media/v3/upload", server.base);
    let upload = server
        .http
        .post(upload)
        .bearer_auth(&ada.token)
        .body("file");
    let uri: serde_json::Value = upload.send().await.unwrap().json().await.unwrap();
    let file = uri["content_uri"]
        .as_str()
        .unwrap()
        .strip_prefix("mxc://")
        .unwrap();
    ada.get(&format!("/_matrix/client/v1/media/download/{file}"))
        .await
        .ok();
    assert_eq!(server.operated(&["user", "list"])[0]["user_id"], ada.id);
    server.operated(&["user", "deactivate", "@bo:hs.test:8448"]);
}

#[tokio::test]
async fn a_taken_port_is_told_in_a_sentence() {
    let one = Server::start().await;
    let address = one.base.trim_start_matches("http://");
    let (_, port) = address.rsplit_once(':').unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("server.toml");
    let text = format!(
        "[server]\nname = \"hs.test\"\n[listen]\nport = {port}\n[storage]\npath = \"data\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let output = start(&config);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
}

#[test]
fn an_address_that_is_not_there_yet_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("server.toml");
    // For documentation: no interface has it.
    let text = "[server]\nname = \"hs.test\"\n[listen]\naddress = \"192.0.2.7\"\nport = 8008\n\
                [storage]\npath = \"data\"\n";
    std::fs::write(&config, text).unwrap();
    let log = dir.path().join("log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_hardline-server"))
        .arg("--config")
        .arg(&config)
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let said = || std::fs::read_to_string(&log).unwrap();
    while !said().contains("no interface has this address yet") {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(child.try_wait().unwrap().is_none(), "{}", said());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_supervisor_hears_that_the_server_is_ready_alive_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let config = dir.path().join("server.toml");
    let text = "[server]\nname = \"hs.test\"\n[listen]\nport = 0\n[storage]\npath = \"data\"\n[log]\nfilter = \"error\"\n";
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hardline-server"))
        .arg("--config")
        .arg(&config)
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "600000")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let told = tokio::task::spawn_blocking(move || {
        let hear = || {
            let mut buffer = [0; 100];
            let n = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        };
        let mut told = vec![hear()];
        while told.len() < 5 {
            told.push(hear());
        }
        let status = Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap();
        assert!(status.success());
        while told.last().is_some_and(|last| last != "STOPPING=1") {
            told.push(hear());
        }
        assert!(child.wait().unwrap().success());
        told
    })
    .await
    .unwrap();
    assert!(told.contains(&"READY=1".to_owned()), "{told:?}");
    assert!(
        told.iter().filter(|word| *word == "WATCHDOG=1").count() >= 3,
        "{told:?}"
    );
}

#[tokio::test]
async fn a_thousand_waiting_syncs_do_not_hold_up_the_end() {
    let mut server = Server::start_with("[metrics]\naddress = \"127.0.0.1:0\"\n").await;
    let ada = server.register("ada").await;
    let since = ada.sync("").await["next_batch"]
        .as_str()
        .unwrap()
        .to_owned();
    let address = server.base.trim_start_matches("http://").to_owned();
    let request = format!(
        "GET /_matrix/client/v3/sync?since={since}&timeout=60000 HTTP/1.1\r\nhost: hs\r\nauthorization: Bearer {}\r\n\r\n",
        ada.token
    );
    let mut waiting = Vec::new();
    for _ in 0..1_000 {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    let started = Instant::now();
    let metrics = format!("{}/metrics", server.others[0].1);
    loop {
        let text = server
            .http
            .get(&metrics)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        if text.contains("hardline_syncs_parked 1000\n") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let took = tokio::task::spawn_blocking(move || server.stop())
        .await
        .unwrap();
    assert!(took < Duration::from_secs(5), "{took:?}");
    for mut stream in waiting {
        use tokio::io::AsyncReadExt;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}
