//! A call: requests in, events out, one after the other in one thread.

use std::{
    process,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use hardline_media_protocol::{
    AudioSink, Event, Fault, Request, Round, Sdp, Setup, Shape, Sound, Tones,
};

use crate::{
    connection::Connection,
    device_watch::DeviceWatch,
    dialler,
    happening::{Happening, News},
    negotiation::{Negotiation, Task},
    output::Output,
    pipeline::Pipeline,
    player::Player,
    sdp::{self, Checked},
};

/// How long everything may take to end before the process ends without it.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// A call.
pub(crate) struct Call {
    output: Output,
    inbox: Sender<Happening>,
    running: Option<(Setup, Pipeline)>,
    negotiation: Option<Negotiation>,
    player: Option<Player>,
    devices: Option<DeviceWatch>,
    n_connections: u32,
}

impl Call {
    /// One that has not begun.
    pub(crate) fn new(output: Output, inbox: Sender<Happening>) -> Self {
        Self {
            output,
            inbox,
            running: None,
            negotiation: None,
            player: None,
            devices: None,
            n_connections: 0,
        }
    }

    /// Lives through it.
    pub(crate) fn run(mut self, happenings: &Receiver<Happening>) {
        while let Some(happening) = self.next(happenings) {
            match happening {
                Happening::Request(Request::Close) | Happening::InputEnded => break,
                Happening::Request(request) => self.on_request(request),
                Happening::Malformed(what) => self.output.refuse(Fault::Malformed { what }),
                Happening::Pipeline(news) => self.on_news(news),
                Happening::Devices(event) => self.output.say(&event),
                Happening::Connection(number, notice) => {
                    let negotiation = self.negotiation.as_mut();
                    let events = negotiation
                        .filter(|negotiation| negotiation.connection.number == number)
                        .map(|negotiation| negotiation.on_notice(notice));
                    self.say(events.unwrap_or_default());
                    self.close_condemned();
                }
            }
        }
        self.close();
    }

    /// Nothing is said to, nor heard from, somebody else.
    fn close_condemned(&mut self) {
        if let Some((_, pipeline)) = &self.running
            && let Some(condemned) = self.negotiation.take_if(|n| n.is_condemned())
        {
            condemned.connection.close(pipeline);
        }
    }

    /// What happens next. What is late happens in between.
    fn next(&mut self, happenings: &Receiver<Happening>) -> Option<Happening> {
        loop {
            let until = self.negotiation.as_ref().and_then(Negotiation::deadline);
            let Some(until) = until else {
                return happenings.recv().ok();
            };
            let left = until.saturating_duration_since(Instant::now());
            match happenings.recv_timeout(left) {
                Ok(happening) => return Some(happening),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let events = self.negotiation.as_mut().map(Negotiation::on_late);
                    self.say(events.unwrap_or_default());
                }
            }
        }
    }

    fn say(&mut self, events: Vec<Event>) {
        for event in events {
            self.output.say(&event);
        }
    }

    fn fail(&mut self, round: Option<Round>, fault: Fault) {
        self.output.say(&Event::Failed { round, fault });
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Start(setup) => self.start(*setup),
            Request::Offer {
                round,
                shape,
                fresh,
            } => self.offer(round, shape, fresh),
            Request::Answer {
                round,
                offer,
                shape,
                discard,
            } => self.answer(round, &offer, shape, discard),
            Request::Accept { round, answer } => self.accept(round, &answer),
            Request::Discard { round } => {
                if let Some(negotiation) = &mut self.negotiation {
                    negotiation.discard(round);
                }
            }
            Request::Candidates { candidates } => match &mut self.negotiation {
                Some(negotiation) => {
                    let events = negotiation.take_candidates(candidates);
                    self.say(events);
                }
                None => self.not_now("there is no connection"),
            },
            Request::Apply { shape, muted } => self.apply(shape, muted),
            Request::Statistics => match &self.negotiation {
                Some(negotiation) => negotiation.connection.count(),
                None => self.not_now("there is no connection"),
            },
            Request::Play { sound, sink } => self.play(sound, &sink),
            Request::Silence => self.player = None,
            Request::Dial { tones } => self.dial(&tones),
            Request::Devices => self.tell_devices(),
            Request::UseDevices {
                microphone,
                speaker,
            } => self.use_devices(microphone.as_deref(), speaker.as_deref()),
            // The loop that calls this ends with it.
            Request::Close => {}
        }
    }

    fn not_now(&mut self, what: &str) {
        let what = what.to_owned();
        self.output.refuse(Fault::NotNow { what });
    }

    fn start(&mut self, setup: Setup) {
        if self.running.is_some() {
            return self.not_now("it has begun already");
        }
        match Pipeline::start(&setup, &self.inbox) {
            Ok((pipeline, fault)) => {
                self.running = Some((setup, pipeline));
                self.output.say(&Event::Started);
                if let Some(fault) = fault {
                    self.output.refuse(fault);
                }
            }
            Err(fault) => self.fail(None, fault),
        }
    }

    fn dial(&mut self, tones: &Tones) {
        let dialled = match (dialler::steps(tones), &self.negotiation) {
            (Err(what), _) => Err(Fault::Malformed {
                what: what.to_owned(),
            }),
            (Ok(steps), Some(negotiation)) => negotiation.dial(&steps),
            (Ok(_), None) => return self.not_now("there is no connection"),
        };
        if let Err(fault) = dialled {
            self.output.refuse(fault);
        }
    }

    fn tell_devices(&mut self) {
        match &self.devices {
            Some(watch) => watch.look(),
            None => self.devices = Some(DeviceWatch::start(self.inbox.clone())),
        }
    }

    fn use_devices(&mut self, microphone: Option<&str>, speaker: Option<&str>) {
        let Some((_, pipeline)) = &mut self.running else {
            return self.not_now("it has not begun");
        };
        let bin = self.negotiation.as_ref().map(|n| &n.connection.bin);
        let used = [
            pipeline.capture.use_device(microphone),
            pipeline.playback.use_device(speaker, bin),
        ];
        for fault in used.into_iter().filter_map(Result::err) {
            self.output.refuse(fault);
        }
    }

    fn play(&mut self, sound: Sound, sink: &AudioSink) {
        // Two sounds at a time would not do, and the device may take but one.
        self.player = None;
        match Player::start(sound, sink, &self.inbox) {
            Ok(player) => self.player = Some(player),
            Err(fault) => self.output.refuse(fault),
        }
    }

    fn offer(&mut self, round: Round, shape: Shape, fresh: bool) {
        let reusable = self
            .negotiation
            .as_ref()
            .is_some_and(Negotiation::can_offer);
        let task = Task {
            round,
            shape,
            offer: None,
            fresh: fresh || !reusable,
        };
        self.begin(task);
    }

    fn answer(&mut self, round: Round, offer: &Sdp, shape: Shape, discard: bool) {
        let offer = match sdp::check(&offer.0) {
            Ok(offer) => offer,
            Err(what) => return self.bad_description(round, what),
        };
        let negotiation = self.negotiation.as_ref();
        let reusable = negotiation.is_some_and(|negotiation| negotiation.can_answer(&offer));
        let task = Task {
            round,
            shape,
            offer: Some(offer),
            fresh: discard || !reusable,
        };
        self.begin(task);
    }

    fn begin(&mut self, task: Task) {
        if task.fresh
            && let Err(fault) = self.connect(task.offer.as_ref())
        {
            return self.fail(Some(task.round), fault);
        }
        if let Some(negotiation) = &mut self.negotiation {
            negotiation.begin(task);
        }
    }

    /// Replaces the connection by a new one.
    fn connect(&mut self, offer: Option<&Checked>) -> Result<(), Fault> {
        let Some((setup, pipeline)) = &self.running else {
            let what = "it has not begun".to_owned();
            return Err(Fault::NotNow { what });
        };
        if let Some(old) = self.negotiation.take() {
            old.connection.close(pipeline);
        }
        self.n_connections += 1;
        let (number, opus) = (self.n_connections, offer.map(|offer| offer.opus));
        let opened = Connection::open(number, opus, setup, pipeline, &self.inbox);
        let (connection, servers_good) = opened.map_err(|error| Fault::Pipeline {
            what: error.message.to_string(),
        })?;
        self.negotiation = Some(Negotiation::new(connection));
        if !servers_good {
            self.output.refuse(Fault::IceServer);
        }
        Ok(())
    }

    fn accept(&mut self, round: Round, answer: &Sdp) {
        let answer = match sdp::check(&answer.0) {
            Ok(answer) => answer,
            Err(what) => return self.bad_description(round, what),
        };
        let accepted = match &mut self.negotiation {
            Some(negotiation) => negotiation.accept(round, answer),
            None => return self.not_now("there is no connection"),
        };
        if let Err(fault) = accepted {
            self.output.refuse(fault);
        }
    }

    fn bad_description(&mut self, round: Round, what: &str) {
        let what = what.to_owned();
        self.fail(Some(round), Fault::Description { what });
    }

    fn apply(&mut self, shape: Shape, muted: bool) {
        let Some((_, pipeline)) = &self.running else {
            return self.not_now("it has not begun");
        };
        pipeline.capture.mute(muted || shape.held);
        let bin = self.negotiation.as_ref().map(|n| &n.connection.bin);
        pipeline.playback.silence(shape.held, bin);
    }

    fn on_news(&mut self, news: News) {
        match news {
            News::Failed(fault) if fault.failure().is_some() => self.fail(None, fault),
            News::Failed(fault) => self.output.refuse(fault),
            News::Latency => {
                if let Some((_, pipeline)) = &self.running {
                    pipeline.recalculate_latency();
                }
            }
            News::Meter(meter) => self.output.say(&Event::Meter(meter)),
        }
    }

    fn close(mut self) {
        thread::spawn(|| {
            thread::sleep(CLOSE_LIMIT);
            process::exit(1);
        });
        if let (Some(negotiation), Some((_, pipeline))) = (self.negotiation.take(), &self.running) {
            negotiation.connection.close(pipeline);
        }
        self.running = None;
        self.player = None;
        self.output.say(&Event::Closed);
    }
}
