//! From a request for a description to the description: what webrtcbin has to be told in which order.
//!
//! webrtcbin takes no description back, so a connection whose description came to nothing is replaced for the next one.

use std::time::{Duration, Instant};

use gstreamer_sdp::SDPMessage;
use gstreamer_webrtc::WebRTCPeerConnectionState as State;
use hardline_media_protocol::{Candidate, Event, Fault, LocalStream, Purpose, Round, Shape};

use crate::{
    candidates::{Local, Remote},
    connection::{Connection, Kind},
    dialler::Step,
    happening::{Notice, told},
    sdp::{self, Checked},
    telephone_event::{self, EventFormat},
};

/// How long a microphone may take for its first sound.
const CAPTURE_LIMIT: Duration = Duration::from_secs(10);
/// How long webrtcbin may take for anything; a slow device makes a key for some seconds.
const STEP_LIMIT: Duration = Duration::from_secs(20);

/// A description that was asked for.
pub(crate) struct Task {
    /// Comes back with it.
    pub(crate) round: Round,
    /// What our side carries.
    pub(crate) shape: Shape,
    /// What it answers; `None` for an offer.
    pub(crate) offer: Option<Checked>,
    /// Whether the connection was made for it.
    pub(crate) fresh: bool,
}

impl Task {
    fn kind(&self) -> Kind {
        match self.offer {
            Some(_) => Kind::Answer,
            None => Kind::Offer,
        }
    }
}

enum Stage {
    /// Nothing is to be described.
    Idle,
    /// The first sound is waited for.
    Capturing(Task),
    /// The other side's offer is being set.
    SettingRemote(Task),
    /// Our description is being made.
    Creating(Task),
    /// Our description is being set.
    SettingLocal(Task, String),
    /// The other side's answer is being set.
    Accepting(Round, Checked),
}

enum Word {
    Candidate(u32, String),
    GatheringComplete,
}

/// A connection, and how far its descriptions are.
pub(crate) struct Negotiation {
    /// The connection.
    pub(crate) connection: Connection,
    stage: Stage,
    until: Option<Instant>,
    captured: bool,
    /// An offer of ours that is not answered.
    offered: Option<Round>,
    /// Something came to nothing, and cannot be taken back.
    spoiled: bool,
    connected: bool,
    mids: Vec<String>,
    local: Local<Word>,
    remote: Remote,
    ufrag: Option<String>,
    fingerprint: String,
    /// How the other side takes keys; `None` until it has described itself.
    events: Option<Vec<EventFormat>>,
    condemned: bool,
}

impl Negotiation {
    /// Of a new connection.
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            stage: Stage::Idle,
            until: None,
            captured: false,
            offered: None,
            spoiled: false,
            connected: false,
            mids: Vec::new(),
            local: Local::default(),
            remote: Remote::default(),
            ufrag: None,
            fingerprint: String::new(),
            events: None,
            condemned: false,
        }
    }

    /// Whether an offer can be made with this connection.
    pub(crate) fn can_offer(&self) -> bool {
        matches!(self.stage, Stage::Idle) && !self.spoiled
    }

    /// Whether an offer can be answered with this connection: it is of the same connection of theirs, and there is none of ours.
    pub(crate) fn can_answer(&self, offer: &Checked) -> bool {
        let same = self.ufrag.as_ref().is_none_or(|ufrag| {
            *ufrag == offer.ufrag && self.fingerprint.eq_ignore_ascii_case(&offer.fingerprint)
        });
        self.can_offer()
            && self.offered.is_none()
            && same
            && self.remote.is_continued_by(&offer.mids)
    }

    /// Whether the connection is to be closed: it is with somebody else.
    pub(crate) fn is_condemned(&self) -> bool {
        self.condemned
    }

    /// When patience ends.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Idle => None,
            _ => self.until,
        }
    }

    /// Begins a description.
    pub(crate) fn begin(&mut self, task: Task) {
        if self.captured {
            self.describe(task);
        } else {
            self.enter(Stage::Capturing(task), CAPTURE_LIMIT);
        }
    }

    fn describe(&mut self, mut task: Task) {
        let offered = task.offer.as_mut().map(|offer| take(&mut offer.message));
        match offered {
            Some(message) => {
                self.connection.set_remote(Kind::Offer, message);
                self.enter(Stage::SettingRemote(task), STEP_LIMIT);
            }
            None => self.create(task),
        }
    }

    fn create(&mut self, task: Task) {
        self.connection.set_shape(task.shape);
        self.connection.create(task.kind());
        self.enter(Stage::Creating(task), STEP_LIMIT);
    }

    /// Takes the answer to an offer of ours.
    pub(crate) fn accept(&mut self, round: Round, mut answer: Checked) -> Result<(), Fault> {
        if self.offered != Some(round) || !matches!(self.stage, Stage::Idle) {
            let what = "there is no such offer".to_owned();
            return Err(Fault::NotNow { what });
        }
        let message = take(&mut answer.message);
        self.connection.set_remote(Kind::Answer, message);
        self.enter(Stage::Accepting(round, answer), STEP_LIMIT);
        Ok(())
    }

    /// An offer of ours is void.
    pub(crate) fn discard(&mut self, round: Round) {
        let making = match &self.stage {
            Stage::Capturing(task) | Stage::Creating(task) | Stage::SettingLocal(task, _) => {
                task.offer.is_none() && task.round == round
            }
            _ => false,
        };
        if making || self.offered == Some(round) {
            self.leave();
            self.offered = None;
            self.spoiled = true;
        }
    }

    /// Takes ways to the other side.
    pub(crate) fn take_candidates(&mut self, candidates: Vec<Candidate>) -> Vec<Event> {
        let mut events = Vec::new();
        for candidate in candidates {
            match self.remote.take(candidate) {
                Ok(Some((section, text))) => self.connection.add_candidate(section, &text),
                Ok(None) => {}
                Err(what) => events.push(bad_candidate(what)),
            }
        }
        events
    }

    /// What the connection says; what is to be told of it.
    pub(crate) fn on_notice(&mut self, notice: Notice) -> Vec<Event> {
        match notice {
            Notice::Captured => self.on_captured(),
            Notice::Created(made) => self.on_created(made),
            Notice::SetLocal(outcome) => self.on_set_local(outcome),
            Notice::SetRemote(outcome) => self.on_set_remote(outcome),
            Notice::Candidate(section, text) => self.tell(Word::Candidate(section, text)),
            Notice::GatheringComplete => self.tell(Word::GatheringComplete),
            Notice::State(state) => self.on_state(state),
            Notice::Heard => vec![Event::Heard],
            Notice::Dialled(key) if self.connected => vec![Event::Dialled { key }],
            Notice::Dialled(_) => Vec::new(),
            Notice::Statistics(statistics) => vec![Event::Statistics(statistics)],
        }
    }

    /// What was waited for did not come.
    pub(crate) fn on_late(&mut self) -> Vec<Event> {
        let (round, fault) = match self.leave() {
            Stage::Idle => return Vec::new(),
            Stage::Capturing(task) => {
                let what = "nothing is captured".to_owned();
                (task.round, Fault::Capture { what })
            }
            Stage::SettingRemote(task) | Stage::Creating(task) | Stage::SettingLocal(task, _) => {
                (task.round, late())
            }
            Stage::Accepting(round, _) => (round, late()),
        };
        self.fail(round, fault)
    }

    fn on_captured(&mut self) -> Vec<Event> {
        self.captured = true;
        match self.leave() {
            Stage::Capturing(task) => self.describe(task),
            other => self.stage = other,
        }
        Vec::new()
    }

    fn on_created(&mut self, made: Result<String, String>) -> Vec<Event> {
        let task = match self.leave() {
            Stage::Creating(task) => task,
            other => return self.stay(other),
        };
        let made = made.and_then(|text| match sdp::has_sound(&text) {
            true => Ok(text),
            false => Err("it carries no sound that we can".to_owned()),
        });
        let parsed = made.and_then(|text| {
            let text = self.connection.complete(&text);
            let text = self.describe_keys(&task, &text);
            let message = SDPMessage::parse_buffer(text.as_bytes());
            let message = message.map_err(|error| error.message.to_string())?;
            Ok((text, message))
        });
        match parsed {
            Ok((text, message)) => {
                self.connection.set_local(task.kind(), message);
                self.enter(Stage::SettingLocal(task, text), STEP_LIMIT);
                Vec::new()
            }
            Err(what) => self.fail(task.round, undescribed(&task, what)),
        }
    }

    /// A description of ours that says how we take keys: as the other side does, once it has said so.
    fn describe_keys(&self, task: &Task, text: &str) -> String {
        let offered = task.offer.as_ref().map(|offer| &offer.events);
        let agreed = self.events.as_ref().filter(|events| !events.is_empty());
        let text = telephone_event::described(text, offered.or(agreed).map(Vec::as_slice));
        self.connection.keys.know(&sdp::events(&text));
        text
    }

    /// Sends keys.
    pub(crate) fn dial(&self, steps: &[Step]) -> Result<(), Fault> {
        let not_now = |what: &str| Fault::NotNow {
            what: what.to_owned(),
        };
        match &self.events {
            Some(events) if events.is_empty() => Err(Fault::NoTones),
            Some(_) if self.connected => self.connection.dialler.dial(steps).map_err(not_now),
            _ => Err(not_now("nothing flows to the other side")),
        }
    }

    fn open_dialler(&self) {
        let events = self.events.as_ref().filter(|_| self.connected);
        let format = events.and_then(|events| EventFormat::best(events));
        self.connection.dialler.open(format);
    }

    fn on_set_local(&mut self, outcome: Result<(), String>) -> Vec<Event> {
        let (task, text) = match self.leave() {
            Stage::SettingLocal(task, text) => (task, text),
            other => return self.stay(other),
        };
        if let Err(what) = outcome {
            return self.fail(task.round, undescribed(&task, what));
        }
        self.mids = sdp::mids(&text);
        let streams = sdp::stream_id(&text).map(|id| LocalStream {
            id,
            purpose: Purpose::UserMedia,
        });
        let (round, streams) = (task.round, streams.into_iter().collect());
        let sdp = hardline_media_protocol::Sdp(text);
        let described = match task.offer {
            None => {
                self.offered = Some(round);
                Event::Offer {
                    round,
                    sdp,
                    streams,
                }
            }
            Some(_) => Event::Answer {
                round,
                sdp,
                streams,
                fresh: task.fresh,
            },
        };
        let mut events = vec![described];
        for word in self.local.told() {
            events.push(self.worded(word));
        }
        events
    }

    fn on_set_remote(&mut self, outcome: Result<(), String>) -> Vec<Event> {
        match (self.leave(), outcome) {
            (Stage::SettingRemote(task), Ok(())) => {
                let events = task.offer.as_ref().map(|offer| self.know(offer));
                self.create(task);
                events.unwrap_or_default()
            }
            (Stage::Accepting(_, answer), Ok(())) => {
                self.offered = None;
                self.know(&answer)
            }
            (Stage::SettingRemote(Task { round, .. }) | Stage::Accepting(round, _), Err(what)) => {
                self.fail(round, Fault::Description { what })
            }
            (other, _) => self.stay(other),
        }
    }

    /// The other side's description is set: its candidates may follow.
    fn know(&mut self, description: &Checked) -> Vec<Event> {
        self.ufrag = Some(description.ufrag.clone());
        self.fingerprint.clone_from(&description.fingerprint);
        self.connection.keys.know(&description.events);
        self.events = Some(description.events.clone());
        self.open_dialler();
        let mut events = Vec::new();
        for placed in self.remote.described(description.mids.clone()) {
            match placed {
                Ok((section, text)) => self.connection.add_candidate(section, &text),
                Err(what) => events.push(bad_candidate(what)),
            }
        }
        events
    }

    fn on_state(&mut self, state: State) -> Vec<Event> {
        let events = self.follow(state);
        self.open_dialler();
        events
    }

    fn follow(&mut self, state: State) -> Vec<Event> {
        match (state, self.connected) {
            (State::Connected, false) if !self.connection.is_authentic(&self.fingerprint) => {
                self.condemned = true;
                let fault = Fault::Fingerprint;
                vec![Event::Failed { round: None, fault }]
            }
            (State::Connected, false) => {
                self.connected = true;
                vec![Event::Connected]
            }
            (State::Disconnected, true) => {
                self.connected = false;
                vec![Event::Disconnected]
            }
            (State::Failed, _) => {
                self.connected = false;
                let fault = Fault::Connection;
                vec![Event::Failed { round: None, fault }]
            }
            _ => Vec::new(),
        }
    }

    fn tell(&mut self, word: Word) -> Vec<Event> {
        let word = self.local.take(word);
        word.map(|word| self.worded(word)).into_iter().collect()
    }

    fn worded(&self, word: Word) -> Event {
        match word {
            Word::Candidate(section, text) => Event::Candidate {
                candidate: told(section, text, &self.mids),
            },
            Word::GatheringComplete => Event::GatheringComplete,
        }
    }

    fn enter(&mut self, stage: Stage, limit: Duration) {
        self.stage = stage;
        self.until = Some(Instant::now() + limit);
    }

    fn leave(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Idle)
    }

    /// Nothing of this was waited for.
    fn stay(&mut self, stage: Stage) -> Vec<Event> {
        self.stage = stage;
        Vec::new()
    }

    fn fail(&mut self, round: Round, fault: Fault) -> Vec<Event> {
        self.spoiled = true;
        self.offered = None;
        vec![Event::Failed {
            round: Some(round),
            fault,
        }]
    }
}

/// A message is set once; what was read off it stays.
fn take(message: &mut SDPMessage) -> SDPMessage {
    std::mem::replace(message, SDPMessage::new())
}

fn undescribed(task: &Task, what: String) -> Fault {
    match task.offer {
        Some(_) => Fault::Description { what },
        None => Fault::Pipeline { what },
    }
}

fn late() -> Fault {
    let what = "a description was not made in time".to_owned();
    Fault::Pipeline { what }
}

fn bad_candidate(what: &str) -> Event {
    let what = what.to_owned();
    Event::Refused {
        fault: Fault::Candidate { what },
    }
}
