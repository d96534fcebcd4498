//! Links, files, the chooser and the background through a portal of the test's own, and without one.

#![allow(missing_docs, reason = "signals the interface macro makes public")]

mod support;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use hardline_platform::{
    background::{Background, BackgroundError, PortalBackground},
    bus::Bus,
    file_chooser::{ChooserError, FileChooser, OpenQuestion, PortalFileChooser},
    open_uri::{DesktopOpener, OpenError, Opener},
};
use support::{PrivateBus, nowhere};
use zbus::{
    message::Header,
    object_server::{ObjectServer, SignalEmitter},
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

type Options = HashMap<String, OwnedValue>;

/// What the person answers in every dialog: a response code, and the results.
#[derive(Clone, Default)]
struct Answer {
    code: u32,
    results: HashMap<String, OwnedValue>,
}

/// A portal that answers every request at once.
#[derive(Clone, Default)]
struct Portal {
    answer: Answer,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Request;

#[zbus::interface(name = "org.freedesktop.portal.Request")]
impl Request {
    fn close(&self) {}

    #[zbus(signal)]
    async fn response(
        emitter: &SignalEmitter<'_>,
        response: u32,
        results: HashMap<String, OwnedValue>,
    ) -> zbus::Result<()>;
}

impl Portal {
    /// Answers on the request object that the caller's token names.
    async fn reply(
        &self,
        asked: String,
        header: Header<'_>,
        options: &Options,
        server: &ObjectServer,
        connection: &zbus::Connection,
    ) -> OwnedObjectPath {
        self.asked.lock().unwrap().push(asked);
        let sender = header
            .sender()
            .unwrap()
            .trim_start_matches(':')
            .replace('.', "_");
        let token: &str = (&options["handle_token"]).try_into().unwrap();
        let path = format!("/org/freedesktop/portal/desktop/request/{sender}/{token}");
        let path = OwnedObjectPath::try_from(path).unwrap();
        server.at(&path, Request).await.unwrap();
        let emitter = SignalEmitter::new(connection, path.clone()).unwrap();
        let Answer { code, results } = self.answer.clone();
        Request::response(&emitter, code, results).await.unwrap();
        path
    }
}

struct OpenUri(Portal);

#[zbus::interface(name = "org.freedesktop.portal.OpenURI")]
impl OpenUri {
    #[zbus(name = "OpenURI")]
    async fn open_uri(
        &self,
        _parent: String,
        uri: String,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> OwnedObjectPath {
        self.0
            .reply(uri, header, &options, server, connection)
            .await
    }

    async fn open_file(
        &self,
        _parent: String,
        file: zbus::zvariant::OwnedFd,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> OwnedObjectPath {
        use std::io::Read;
        let mut text = String::new();
        let fd: std::os::fd::OwnedFd = file.into();
        std::fs::File::from(fd).read_to_string(&mut text).unwrap();
        self.0
            .reply(text, header, &options, server, connection)
            .await
    }
}

struct Chooser(Portal);

#[zbus::interface(name = "org.freedesktop.portal.FileChooser")]
impl Chooser {
    async fn open_file(
        &self,
        _parent: String,
        title: String,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> OwnedObjectPath {
        self.0
            .reply(title, header, &options, server, connection)
            .await
    }

    async fn save_file(
        &self,
        _parent: String,
        title: String,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> OwnedObjectPath {
        let name: &str = (&options["current_name"]).try_into().unwrap();
        let asked = format!("{title}: {name}");
        self.0
            .reply(asked, header, &options, server, connection)
            .await
    }
}

struct InBackground(Portal);

#[zbus::interface(name = "org.freedesktop.portal.Background")]
impl InBackground {
    async fn request_background(
        &self,
        _parent: String,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> OwnedObjectPath {
        let autostart: bool = (&options["autostart"]).try_into().unwrap();
        self.0
            .reply(
                format!("autostart {autostart}"),
                header,
                &options,
                server,
                connection,
            )
            .await
    }
}

struct Desktop {
    bus: PrivateBus,
    asked: Arc<Mutex<Vec<String>>>,
    _connection: zbus::Connection,
}

impl Desktop {
    async fn answering(code: u32, results: &[(&str, Value<'_>)]) -> Self {
        let bus = PrivateBus::start();
        let owned = |value: &Value<'_>| value.try_to_owned().unwrap();
        let results = results
            .iter()
            .map(|(key, value)| ((*key).to_owned(), owned(value)));
        let answer = Answer {
            code,
            results: results.collect(),
        };
        let portal = Portal {
            answer,
            ..Portal::default()
        };
        let path = "/org/freedesktop/portal/desktop";
        let connection = zbus::connection::Builder::address(bus.address.as_str())
            .unwrap()
            .serve_at(path, OpenUri(portal.clone()))
            .unwrap()
            .serve_at(path, Chooser(portal.clone()))
            .unwrap()
            .serve_at(path, InBackground(portal.clone()))
            .unwrap()
            .name("org.freedesktop.portal.Desktop")
            .unwrap()
            .build()
            .await
            .unwrap();
        Self {
            bus,
            asked: portal.asked,
            _connection: connection,
        }
    }

    fn bus(&self) -> Bus {
        Bus::at(&self.bus.address)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn question(multiple: bool) -> OpenQuestion {
    let filters = vec![("Pictures".to_owned(), vec!["image/*".to_owned()])];
    OpenQuestion {
        title: "Send".into(),
        multiple,
        filters,
    }
}

#[tokio::test]
async fn links_and_files_go_through_the_portal() {
    let desktop = Desktop::answering(0, &[]).await;
    let opener = DesktopOpener::with_fallback(desktop.bus(), "/no/such/program");
    opener.open_uri("https://example.org/a?b").await.unwrap();
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file.txt");
    std::fs::write(&file, "its content").unwrap();
    opener.open_file(&file).await.unwrap();
    assert_eq!(desktop.asked(), ["https://example.org/a?b", "its content"]);
}

#[tokio::test]
async fn a_dangerous_link_never_reaches_the_desktop() {
    let desktop = Desktop::answering(0, &[]).await;
    let opener = DesktopOpener::with_fallback(desktop.bus(), "/bin/true");
    let error = opener.open_uri("file:///etc/passwd").await.unwrap_err();
    assert!(matches!(error, OpenError::Refused), "{error}");
    assert!(desktop.asked().is_empty());
}

#[tokio::test]
async fn cancelling_the_choice_of_a_program_opens_nothing() {
    let desktop = Desktop::answering(1, &[]).await;
    let opener = DesktopOpener::with_fallback(desktop.bus(), "/bin/true");
    let error = opener.open_uri("https://example.org").await.unwrap_err();
    assert!(matches!(error, OpenError::Cancelled), "{error}");
}

#[tokio::test]
async fn without_a_portal_or_a_bus_the_fallback_opens_the_link() {
    let temp = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start();
    for bus in [Bus::at(&bus.address), Bus::at(nowhere(temp.path()))] {
        let opener = DesktopOpener::with_fallback(bus.clone(), "/bin/true");
        opener.open_uri("https://example.org").await.unwrap();
        let opener = DesktopOpener::with_fallback(bus, "/bin/false");
        let error = opener.open_uri("https://example.org").await.unwrap_err();
        assert!(matches!(error, OpenError::Failed(_)), "{error}");
    }
}

#[tokio::test]
async fn chosen_files_come_as_paths() {
    let uris = Value::from(vec!["file:///tmp/a%20b.png", "file:///tmp/c.png"]);
    let desktop = Desktop::answering(0, &[("uris", uris)]).await;
    let chooser = PortalFileChooser::new(desktop.bus());
    let files = chooser.open(question(true)).await.unwrap();
    assert_eq!(
        files,
        [PathBuf::from("/tmp/a b.png"), PathBuf::from("/tmp/c.png")]
    );
    let place = chooser.save("Save as", "c.png").await.unwrap();
    assert_eq!(place, PathBuf::from("/tmp/a b.png"));
    assert_eq!(desktop.asked(), ["Send", "Save as: c.png"]);
}

#[tokio::test]
async fn a_closed_chooser_is_told_from_a_missing_one() {
    let desktop = Desktop::answering(1, &[]).await;
    let error = PortalFileChooser::new(desktop.bus())
        .open(question(false))
        .await
        .unwrap_err();
    assert!(matches!(error, ChooserError::Cancelled), "{error}");
    let temp = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start();
    for bus in [Bus::at(&bus.address), Bus::at(nowhere(temp.path()))] {
        let error = PortalFileChooser::new(bus)
            .open(question(false))
            .await
            .unwrap_err();
        assert!(matches!(error, ChooserError::Absent), "{error}");
    }
}

#[tokio::test]
async fn leave_to_run_in_the_background_is_asked_for_and_can_be_refused() {
    let granted = [
        ("background", Value::from(true)),
        ("autostart", Value::from(true)),
    ];
    let desktop = Desktop::answering(0, &granted).await;
    PortalBackground::new(desktop.bus())
        .request(true)
        .await
        .unwrap();
    assert_eq!(desktop.asked(), ["autostart true"]);
    let refused = [
        ("background", Value::from(false)),
        ("autostart", Value::from(false)),
    ];
    let desktop = Desktop::answering(0, &refused).await;
    let error = PortalBackground::new(desktop.bus())
        .request(true)
        .await
        .unwrap_err();
    assert!(matches!(error, BackgroundError::Denied), "{error}");
}
