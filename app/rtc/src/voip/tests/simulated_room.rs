//! Two machines in a room that loses, delays, reorders and repeats.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    simulated_media::Endpoint,
    stimulus::{key, user},
};
use crate::{
    Moment,
    voip::{
        Action, Batch, CallKey, CallMachine, CallView, Delivery, Happening, IdSource, Input,
        MediaEvent, MediaRequest, Permission, Received, SendId, Stage,
    },
};

/// What happens to an event on its way to one of the two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) delay: u64,
    pub(super) lost: bool,
    pub(super) twice: bool,
}

#[derive(Clone, Debug)]
enum Due {
    Event {
        sender: usize,
        event_type: &'static str,
        content: Value,
        sent_at: u64,
    },
    Sent(SendId),
    Media(CallKey, MediaEvent),
    Line(String),
    Wake,
}

struct Side {
    machine: CallMachine,
    endpoints: BTreeMap<CallKey, Endpoint>,
}

/// The room, the two in it, and their clocks.
pub(super) struct World {
    sides: [Side; 2],
    agenda: BTreeMap<(u64, u64), (usize, Due)>,
    fates: Vec<Fate>,
    n_fates: usize,
    n_due: u64,
    now: u64,
    /// What is sent says only what the specification knows.
    plain: bool,
    last_sent_at: u64,
}

const NAMES: [&str; 2] = ["@alice", "@bob"];

impl World {
    pub(super) fn new(fates: Vec<Fate>) -> Self {
        let side = |at: usize| {
            let mut n = 0;
            let ids = IdSource::new(move || {
                n += 1;
                format!("{at}id{n}")
            });
            Side {
                machine: CallMachine::new(user(NAMES[at]), ids),
                endpoints: BTreeMap::new(),
            }
        };
        Self {
            sides: [side(0), side(1)],
            agenda: BTreeMap::new(),
            fates,
            n_fates: 0,
            n_due: 0,
            now: 0,
            plain: false,
            last_sent_at: 0,
        }
    }

    /// Of two who do not number their offers, as others do not.
    pub(super) fn plain(fates: Vec<Fate>) -> Self {
        Self {
            plain: true,
            ..Self::new(fates)
        }
    }

    /// When something was sent last.
    pub(super) fn last_sent_at(&self) -> u64 {
        self.last_sent_at
    }

    /// Somebody does something, in the words of a transcript.
    pub(super) fn plan(&mut self, at: u64, side: usize, line: &str) {
        self.put(at, side, Due::Line(line.to_owned()));
    }

    fn put(&mut self, at: u64, side: usize, due: Due) {
        self.n_due += 1;
        self.agenda.insert((at, self.n_due), (side, due));
    }

    fn fate(&mut self) -> Fate {
        let fate = self
            .fates
            .get(self.n_fates % self.fates.len().max(1))
            .copied();
        self.n_fates += 1;
        fate.unwrap_or(Fate {
            delay: 50,
            lost: false,
            twice: false,
        })
    }

    /// Lets everything happen until then.
    pub(super) fn run_until(&mut self, end: u64) {
        let mut n_steps = 0;
        while let Some(entry) = self.agenda.first_entry() {
            let (at, _) = *entry.key();
            if at > end {
                break;
            }
            let (side, due) = entry.remove();
            self.now = self.now.max(at);
            self.happen(side, due);
            self.connect();
            n_steps += 1;
            assert!(n_steps < 20_000, "they never come to rest");
        }
        self.now = end;
    }

    fn happen(&mut self, side: usize, due: Due) {
        let input = match due {
            Due::Wake => Input::Tick,
            Due::Sent(send) => Input::Delivery {
                send,
                delivery: Delivery::Sent,
            },
            Due::Media(call, event) => {
                let gone = self.sides[side]
                    .endpoints
                    .get(&call)
                    .is_none_or(|e| e.closed);
                if gone {
                    return;
                }
                Input::Media { call, event }
            }
            Due::Line(line) => super::stimulus::input(&line, &Default::default()),
            Due::Event {
                sender,
                event_type,
                content,
                sent_at,
            } => {
                let received = Received::read(
                    key("c").room_id,
                    user(NAMES[sender]),
                    event_type,
                    &content,
                    self.now - sent_at,
                    Permission::Ring,
                );
                Input::Batch(Batch {
                    happenings: vec![Happening::Event(received.unwrap())],
                    complete: true,
                })
            }
        };
        let now = Moment(self.now);
        let actions = self.sides[side].machine.handle(now, input);
        for action in actions {
            self.act(side, action);
        }
    }

    fn act(&mut self, side: usize, action: Action) {
        match action {
            Action::WakeAt(Some(at)) => self.put(at.0, side, Due::Wake),
            Action::Send(outgoing) => {
                self.last_sent_at = self.now;
                self.put(self.now + 20, side, Due::Sent(outgoing.id));
                for to in [0, 1] {
                    let mut content = outgoing.message.content();
                    if self.plain {
                        let fields = content.as_object_mut().unwrap();
                        fields.retain(|key, _| !key.starts_with("im.hardline."));
                    }
                    let due = Due::Event {
                        sender: side,
                        event_type: outgoing.message.event_type(),
                        content,
                        sent_at: self.now,
                    };
                    self.deliver(to, due);
                }
            }
            Action::Media { call, request } => self.ask(side, call, &request),
            _ => {}
        }
    }

    fn deliver(&mut self, to: usize, due: Due) {
        let fate = self.fate();
        if fate.twice {
            self.put(self.now + fate.delay * 2 + 1, to, due.clone());
        }
        if !fate.lost {
            self.put(self.now + fate.delay, to, due);
        }
    }

    fn ask(&mut self, side: usize, call: CallKey, request: &MediaRequest) {
        let endpoints = &mut self.sides[side].endpoints;
        let endpoint = endpoints
            .entry(call.clone())
            .or_insert_with(|| Endpoint::new(format!("{side}{}", call.call_id)));
        let events = endpoint.ask(request);
        for event in events {
            self.put(self.now + 30, side, Due::Media(call.clone(), event));
        }
    }

    /// Connects what fits and disconnects what does not any more.
    fn connect(&mut self) {
        let calls: Vec<_> = self.sides[0].endpoints.keys().cloned().collect();
        let calls = calls
            .into_iter()
            .chain(self.sides[1].endpoints.keys().cloned());
        for call in calls.collect::<Vec<_>>() {
            let [one, other] = [0, 1].map(|at| self.sides[at].endpoints.get(&call));
            let fits = one.zip(other).is_some_and(|(one, other)| one.fits(other));
            for side in [0, 1] {
                let Some(endpoint) = self.sides[side].endpoints.get_mut(&call) else {
                    continue;
                };
                if endpoint.connected == fits || endpoint.closed {
                    continue;
                }
                endpoint.connected = fits;
                let event = match fits {
                    true => MediaEvent::Connected,
                    false => MediaEvent::Disconnected,
                };
                self.put(self.now + 40, side, Due::Media(call.clone(), event));
            }
        }
    }

    /// The calls of one side.
    pub(super) fn calls(&self, side: usize) -> Vec<CallView> {
        self.sides[side].machine.calls().collect()
    }

    /// The calls of one side that are connected.
    pub(super) fn connected(&self, side: usize) -> Vec<CallKey> {
        let calls = self.calls(side).into_iter();
        let connected = calls.filter(|call| call.stage == Stage::Connected);
        connected.map(|call| call.call).collect()
    }
}
