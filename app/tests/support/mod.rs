//! People with the core of the program in their hands, on a homeserver that was really started.

#![allow(dead_code, reason = "each test uses its part")]

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use eyeball_im::{Vector, VectorDiff};
use futures_util::{StreamExt as _, stream::BoxStream};
use hardline_app::{
    Core, CoreConfig,
    ids::{OwnedRoomId, OwnedUserId, RoomId},
    view::room::{MessageRow, RoomAction, RoomState, RoomViewModel, Row, RowKind},
};
use hardline_platform::{Services, dirs::ProgramDirs, media::FakeMedia, notify::FakeNotifier};
use tempfile::TempDir;
use tokio::{sync::watch, time::timeout};
use zeroize::Zeroizing;

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Somebody, with a profile of their own.
pub struct Person {
    pub core: Core,
    /// The media processes of the calls.
    pub media: FakeMedia,
    /// What the desktop shows.
    pub notifier: Arc<FakeNotifier>,
    _dir: TempDir,
}

impl Person {
    /// Starts the program on an empty profile.
    pub fn start() -> Self {
        // `RUST_LOG=hardline_app=debug,matrix_sdk=info` shows what the core did.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .try_init();
        let dir = tempfile::tempdir().expect("a folder");
        let dirs = ProgramDirs::under(dir.path());
        let config = CoreConfig {
            profile: dirs.default_profile(),
            dirs,
            device_name: "Test".to_owned(),
            passphrase: None,
            may_prompt: false,
        };
        let media = FakeMedia::default();
        let notifier = Arc::new(FakeNotifier::default());
        let services = || Services {
            media: Arc::new(media.clone()),
            notifier: notifier.clone(),
            ..Services::fake()
        };
        let core = Core::start(config, services).expect("the core starts");
        Self {
            core,
            media,
            notifier,
            _dir: dir,
        }
    }

    /// Creates an account and signs in.
    pub fn register(base_url: &str, user: &str) -> Self {
        let person = Self::start();
        let password = Zeroizing::new(password(user));
        let sessions = person.core.sessions().clone();
        person
            .core
            .block_on(async {
                ready(&sessions).await;
                sessions
                    .register(base_url, user, password, None, &|_| {})
                    .await
            })
            .unwrap_or_else(|error| panic!("{user} cannot register: {error}"));
        person
    }

    /// Signs in to an account there is.
    pub fn sign_in(base_url: &str, user: &str) -> Self {
        let person = Self::start();
        let password = Zeroizing::new(password(user));
        let sessions = person.core.sessions().clone();
        person
            .core
            .block_on(async {
                ready(&sessions).await;
                sessions.sign_in(base_url, user, password, &|_| {}).await
            })
            .unwrap_or_else(|error| panic!("{user} cannot sign in: {error}"));
        person
    }

    pub fn user_id(&self) -> OwnedUserId {
        self.core.session().expect("signed in").user_id().to_owned()
    }

    /// Waits for a state.
    pub fn wait<S: Clone + Send + Sync + std::fmt::Debug>(
        &self,
        what: &str,
        mut state: watch::Receiver<S>,
        wanted: impl Fn(&S) -> bool,
    ) -> S {
        let result = self.core.block_on(async {
            timeout(LIMIT, state.wait_for(|state| wanted(state)))
                .await
                .map(|state| state.map(|state| state.clone()))
        });
        match result {
            Ok(state) => state.expect("the view model lives"),
            Err(_) => panic!("{what} did not come; the state is {:?}", state.borrow()),
        }
    }

    /// Waits until the list of rooms holds one that is wanted.
    pub fn room(
        &self,
        what: &str,
        wanted: impl Fn(&hardline_app::view::room_list::RoomRow) -> bool,
    ) -> OwnedRoomId {
        let begin = Instant::now();
        while begin.elapsed() < LIMIT {
            let (rows, _) = self.core.room_list().rows();
            if let Some(row) = rows.iter().find(|row| wanted(row)) {
                return row.room_id.clone();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{what} did not come");
    }

    /// Opens a room.
    pub fn open(&self, room_id: &RoomId) -> Opened<'_> {
        let room = self.core.open_room(room_id).expect("signed in");
        let (rows, diffs) = room.rows();
        Opened {
            person: self,
            room,
            rows,
            diffs: diffs.boxed(),
        }
    }
}

async fn ready(sessions: &hardline_app::session::SessionService) {
    use hardline_app::session::SessionState;
    let mut state = sessions.state();
    let _ = state
        .wait_for(|state| !matches!(state, SessionState::Starting))
        .await;
}

/// The password of a test account.
pub fn password(user: &str) -> String {
    format!("a long password of {user}")
}

/// A room being looked at.
pub struct Opened<'p> {
    person: &'p Person,
    pub room: RoomViewModel,
    rows: Vector<Row>,
    diffs: BoxStream<'static, Vec<VectorDiff<Row>>>,
}

impl Opened<'_> {
    /// Types a text and sends it.
    pub fn say(&self, text: &str) {
        self.state("the right to send", |state| state.can_send);
        self.room.send(RoomAction::TextChanged {
            text: text.to_owned(),
            cursor: text.len(),
        });
        self.room.send(RoomAction::Send);
    }

    pub fn attach(&self, path: PathBuf) {
        self.state("the right to send", |state| state.can_send);
        self.room.send(RoomAction::Attach { paths: vec![path] });
        self.state("the file", |state| !state.composer.uploads.is_empty());
        self.room.send(RoomAction::Send);
    }

    pub fn state(&self, what: &str, wanted: impl Fn(&RoomState) -> bool) -> RoomState {
        self.person.wait(what, self.room.state(), wanted)
    }

    /// Waits for a message that is as wanted, and gives its row.
    pub fn message(
        &mut self,
        what: &str,
        wanted: impl Fn(&MessageRow) -> bool,
    ) -> (String, MessageRow) {
        let (rows, diffs) = (&mut self.rows, &mut self.diffs);
        let found = self.person.core.block_on(async {
            timeout(LIMIT, async {
                loop {
                    let found = rows.iter().find_map(|row| match &row.kind {
                        RowKind::Message(message) if wanted(message) => {
                            Some((row.id.clone(), message.clone()))
                        }
                        _ => None,
                    });
                    if let Some(found) = found {
                        return found;
                    }
                    let batch = diffs.next().await.expect("the room is open");
                    batch.into_iter().for_each(|diff| diff.apply(rows));
                }
            })
            .await
        });
        found.unwrap_or_else(|_| panic!("{what} did not come; there is {:#?}", summary(&self.rows)))
    }

    /// Waits for a message by its text.
    pub fn hear(&mut self, plain: &str) -> (String, MessageRow) {
        self.message(plain, |message| message.plain == plain)
    }
}

fn summary(rows: &Vector<Row>) -> Vec<String> {
    rows.iter()
        .map(|row| match &row.kind {
            RowKind::Message(message) => format!(
                "{}: {} {:?} {:?} {:?}",
                message.sender_name,
                message.plain,
                message.undecryptable,
                message.delivery,
                message.attachment.as_ref().map(|file| &file.name),
            ),
            other => format!("{other:?}"),
        })
        .collect()
}

/// A picture in a file.
pub fn picture(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("cat.png");
    image::RgbImage::from_fn(1200, 900, |x, y| {
        image::Rgb([(x * y) as u8, (x ^ y) as u8, (x + y) as u8])
    })
    .save(&path)
    .expect("a picture");
    path
}
