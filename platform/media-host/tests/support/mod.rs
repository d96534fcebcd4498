//! Media processes of a test, and what they recorded.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

mod chromium;
mod pair;
mod plugins;
mod pulse;

use std::{
    ffi::OsStr,
    io::BufReader,
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use hardline_media_protocol::{
    AudioSink, AudioSource, Event, Fault, Request, Round, Sdp, Setup, Shape, VERSION, read_message,
    write_message,
};

pub use self::{chromium::Chromium, pair::Pair, plugins::without_plugin, pulse::Pulse};
pub use hardline_testkit::sound;

/// How long anything may take; most takes a hundredth of it.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Reachable on loopback alone.
pub fn setup(source: AudioSource, sink: AudioSink) -> Setup {
    Setup {
        ice_servers: Vec::new(),
        relay_only: false,
        local_addresses: vec!["127.0.0.1".parse().unwrap()],
        source,
        sink,
        meter_interval: None,
        voice_processing: true,
    }
}

/// A tone, recorded there.
pub fn tone(hertz: u32, path: &Path) -> Setup {
    let path = path.to_owned();
    setup(AudioSource::Tone { hertz }, AudioSink::Record { path })
}

/// A media process; ends with the value.
pub struct Media {
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Event>,
    /// All that it said, in order.
    pub said: Vec<Event>,
    n_rounds: u32,
}

impl Media {
    /// One that waits for requests.
    pub fn start() -> Self {
        Self::start_with::<&str, &str>(&[])
    }

    /// One with these variables in its environment.
    pub fn start_with<K: AsRef<OsStr>, V: AsRef<OsStr>>(environment: &[(K, V)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hardline-media"));
        for (key, value) in environment {
            command.env(key, value);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, events) = channel();
        thread::spawn(move || {
            while let Some(event) = read_message::<Event>(&mut output).unwrap() {
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let mut media = Self {
            child,
            input,
            events,
            said: Vec::new(),
            n_rounds: 0,
        };
        media.wait(|event| matches!(event, Event::Ready { version: VERSION }));
        media
    }

    /// One that captures.
    pub fn capturing(setup: Setup) -> Self {
        Self::start().begun(setup)
    }

    /// The same, which captures from now on.
    pub fn begun(mut self, setup: Setup) -> Self {
        self.ask(&Request::Start(Box::new(setup)));
        self.wait(|event| matches!(event, Event::Started));
        self
    }

    /// Asks for something.
    pub fn ask(&mut self, request: &Request) {
        write_message(self.input.as_mut().unwrap(), request).unwrap();
    }

    /// Writes a line as it is.
    pub fn write(&mut self, line: &str) {
        use std::io::Write;
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next round.
    pub fn round(&mut self) -> Round {
        self.n_rounds += 1;
        Round(self.n_rounds)
    }

    /// Asks for an offer; its text.
    pub fn offer(&mut self, fresh: bool) -> (Round, Sdp) {
        let round = self.ask_for_offer(fresh);
        match self.wait(|event| matches!(event, Event::Offer { .. } | Event::Failed { .. })) {
            Event::Offer {
                round: told, sdp, ..
            } => {
                assert_eq!(told, round);
                (round, sdp)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Asks for an offer, without waiting for it.
    pub fn ask_for_offer(&mut self, fresh: bool) -> Round {
        let (round, shape) = (self.round(), Shape::default());
        self.ask(&Request::Offer {
            round,
            shape,
            fresh,
        });
        round
    }

    /// Asks for an answer, without waiting for it.
    pub fn ask_for_answer(&mut self, offer: Sdp) -> Round {
        let (round, shape) = (self.round(), Shape::default());
        self.ask(&Request::Answer {
            round,
            offer,
            shape,
            discard: false,
        });
        round
    }

    /// Mutes or unmutes.
    pub fn mute(&mut self, muted: bool) {
        let shape = Shape::default();
        self.ask(&Request::Apply { shape, muted });
    }

    /// The next event, if there is one by then; `Err` if the process is gone.
    pub fn next(&mut self, limit: Duration) -> Result<Option<Event>, ()> {
        match self.events.recv_timeout(limit) {
            Ok(event) => {
                self.said.push(event.clone());
                Ok(Some(event))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }

    /// Waits for an event.
    #[track_caller]
    pub fn wait(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let end = Instant::now() + LIMIT;
        while let Ok(Some(event)) = self.next(end.saturating_duration_since(Instant::now())) {
            if wanted(&event) {
                return event;
            }
        }
        panic!("it did not come; there was {:?}", self.said);
    }

    /// Waits for a fault, of a request that is refused or of something that failed.
    #[track_caller]
    pub fn wait_for_fault(&mut self) -> Fault {
        let fault = |event: &Event| matches!(event, Event::Failed { .. } | Event::Refused { .. });
        match self.wait(fault) {
            Event::Failed { fault, .. } | Event::Refused { fault } => fault,
            other => panic!("{other:?}"),
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Lets go of its standard input.
    pub fn hang_up_input(&mut self) {
        self.input = None;
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it still runs");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
