//! Chromium, which opens a page and tells what the page posts.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use super::LIMIT;

/// A browser with a page; ends with the value.
pub struct Chromium {
    child: Child,
    posts: Receiver<(String, String)>,
    _dir: tempfile::TempDir,
}

impl Chromium {
    /// Opens a page.
    pub fn open(html: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, posts) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &html, &sender);
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--no-proxy-server", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--disable-breakpad"])
            .args(["--disable-background-networking", "--disable-extensions"])
            .arg("--autoplay-policy=no-user-gesture-required")
            .arg("--allow-loopback-in-peer-connection")
            .arg("--disable-features=WebRtcHideLocalIpsWithMdns")
            .arg(format!("--user-data-dir={}", dir.path().display()))
            .arg(url)
            .env("HOME", dir.path())
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is installed");
        Self {
            child,
            posts,
            _dir: dir,
        }
    }

    /// What the page posts next, there.
    #[track_caller]
    pub fn posted(&self, path: &str) -> String {
        let (found, body) = self.posts.recv_timeout(LIMIT).expect("the page posts");
        assert_eq!(found, path, "{body}");
        body
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(stream: TcpStream, html: &str, posts: &Sender<(String, String)>) {
    let mut reader = BufReader::new(&stream);
    let (mut first, mut n_bytes) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(length) = line.strip_prefix("content-length:") {
            n_bytes = length.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; n_bytes];
    reader.read_exact(&mut body).unwrap();
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap_or_default());
    if method == "POST" {
        let body = String::from_utf8(body).unwrap();
        let _ = posts.send((path.to_owned(), body));
    }
    let _ = write!(
        &stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{html}",
        html.len()
    );
}
