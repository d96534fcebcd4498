//! What no sequence of inputs can bring about.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, sample::select};

use super::stimulus::{Context, input, user};
use crate::{
    Moment,
    voip::{
        Action, CallKey, CallMachine, Happening, IdSource, Input, MediaRequest, Stage, limits,
        wire::Body,
    },
};

/// A line of a transcript without its time.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => event(),
        2 => (event(), event()).prop_map(|(one, other)| format!("{one}; {other}")),
        1 => event().prop_map(|event| format!("backlog {event}")),
        4 => command(),
        6 => media(),
        2 => select(vec!["sent", "refused", "lost", "network", "tick", "sync"]).prop_map(str::to_owned),
        1 => select(vec!["left @bob", "left @me", "left @carol alone"]).prop_map(str::to_owned),
    ]
}

fn call() -> impl Strategy<Value = &'static str> {
    select(vec!["c1", "c2", "c3", "c4", "!other:x/c1"])
}

fn event() -> impl Strategy<Value = String> {
    let who = vec![
        "@bob/B",
        "@bob/B",
        "@carol/C",
        "@me/other",
        "@me/id1",
        "@me/id2",
        "@bob",
    ];
    let what = vec![
        ("invite", ""),
        ("invite", "video"),
        ("invite", "stranger"),
        ("invite", "v0"),
        ("invite", "to=@me plain"),
        ("invite", "age=57000"),
        ("invite", "life=4000"),
        ("answer", ""),
        ("answer", "video"),
        ("answer", "v0"),
        ("reject", ""),
        ("hangup", ""),
        ("hangup", "replaced"),
        ("hangup", "v0"),
        ("select_answer", "id1"),
        ("select_answer", "other"),
        ("candidates", "n=300"),
        ("negotiate", "offer"),
        ("negotiate", "offer sendonly"),
        ("negotiate", "answer"),
        ("streams", "muted"),
        ("identity", ""),
        ("replaces", "@carol await=c3"),
        ("replaces", "@carol create=c4"),
        ("reject_replacement", "id5"),
    ];
    (select(who), select(what), call())
        .prop_map(|(who, (verb, rest), call)| format!("{who} {verb} {call} {rest}"))
}

fn command() -> impl Strategy<Value = String> {
    let verbs = vec![
        ("place", "to=@bob"),
        ("place", "video"),
        ("place", "end"),
        ("accept", ""),
        ("accept", "video end"),
        ("reject", "busy"),
        ("ignore", ""),
        ("hangup", ""),
        ("hold", ""),
        ("resume", ""),
        ("video", "on"),
        ("video", "off"),
        ("screen", "on"),
        ("mute", "audio"),
        ("dial", "1"),
        ("transfer", "@carol"),
        ("join", "c2"),
        ("yes", ""),
        ("no", ""),
    ];
    (select(verbs), call()).prop_map(|((verb, rest), call)| format!("{verb} {call} {rest}"))
}

fn media() -> impl Strategy<Value = String> {
    let what = vec![
        "offer",
        "offer",
        "answer",
        "answer",
        "answer fresh",
        "candidate",
        "complete",
        "connected",
        "connected",
        "disconnected",
        "failed connection",
        "failed description",
        "failed unauthentic",
        "failed capture",
    ];
    let round = prop_oneof![4 => Just(None), 1 => (0..6_u32).prop_map(Some)];
    (call(), select(what), round).prop_map(|(call, what, round)| {
        let round = round.map(|round| format!(" round={round}"));
        format!("media {call} {what}{}", round.unwrap_or_default())
    })
}

/// What has been seen of a machine.
struct Witness {
    machine: CallMachine,
    context: Context,
    now: Moment,
    wake_at: Option<Moment>,
    ended: BTreeSet<CallKey>,
    ringing: BTreeSet<CallKey>,
    expires: BTreeMap<CallKey, Moment>,
}

impl Witness {
    fn new() -> Self {
        let mut n = 0;
        let ids = IdSource::new(move || {
            n += 1;
            format!("id{n}")
        });
        Self {
            machine: CallMachine::new(user("@me"), ids),
            context: Context::default(),
            now: Moment(0),
            wake_at: None,
            ended: BTreeSet::new(),
            ringing: BTreeSet::new(),
            expires: BTreeMap::new(),
        }
    }

    fn pass_until(&mut self, now: Moment) {
        while let Some(at) = self.wake_at.filter(|at| *at <= now) {
            self.now = at;
            self.handle(Input::Tick);
        }
        self.now = now;
    }

    fn tell(&mut self, line: &str) {
        if self.context.last_send.is_none() && matches!(line, "sent" | "refused" | "lost") {
            return;
        }
        self.handle(input(line, &self.context));
    }

    /// Notes until when an invite may ring at most.
    fn note(&mut self, input: &Input) {
        let Input::Batch(batch) = input else {
            return;
        };
        for happening in &batch.happenings {
            if let Happening::Event(received) = happening
                && let Body::Invite { lifetime, .. } = &received.message.body
            {
                let left = (*lifetime)
                    .min(limits::MAX_LIFETIME)
                    .saturating_sub(received.age);
                let id = received.message.call_id.clone();
                let key = CallKey::new(received.room_id.clone(), id);
                let until = self.expires.entry(key).or_default();
                *until = (*until).max(self.now + left);
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.note(&input);
        for action in self.machine.handle(self.now, input) {
            self.look_at(&action);
        }
        self.look_at_all();
    }

    fn look_at(&mut self, action: &Action) {
        if let Some(call) = about(action) {
            assert!(!self.ended.contains(&call), "{call:?} is over: {action:?}");
        }
        match action {
            Action::WakeAt(at) => self.wake_at = *at,
            Action::Send(outgoing) => {
                assert!(outgoing.deadline > self.now, "{outgoing:?}");
                self.context.last_send = Some(outgoing.id);
            }
            Action::Ring { call, .. } => {
                assert!(self.ringing.insert(call.clone()), "{call:?} rings twice");
            }
            Action::StopRinging { call, .. } => {
                assert!(self.ringing.remove(call), "{call:?} did not ring");
            }
            Action::Media { request, .. } => match request {
                MediaRequest::Offer { round, .. } | MediaRequest::Answer { round, .. } => {
                    self.context.last_round = *round;
                }
                MediaRequest::Candidates(list) => {
                    assert!(list.len() <= limits::MAX_REMOTE_CANDIDATES);
                }
                _ => {}
            },
            Action::Ended(summary) => {
                assert!(!self.ringing.contains(&summary.call), "it rings on");
                self.ended.insert(summary.call.clone());
            }
            _ => {}
        }
    }

    fn look_at_all(&self) {
        let now = self.now;
        assert!(
            self.wake_at.is_none_or(|at| at > now),
            "it is late for itself"
        );
        let active: Vec<_> = self
            .machine
            .calls()
            .filter(|call| call.is_active())
            .collect();
        assert!(active.len() <= 1, "two are active: {active:#?}");
        for call in self.machine.calls() {
            let rings = call.stage == Stage::Ringing;
            assert_eq!(rings, self.ringing.contains(&call.call), "{call:?}");
        }
        for call in &self.ringing {
            assert!(self.expires[call] > now, "{call:?} rings too long");
        }
        let footprint = self.machine.footprint();
        assert!(footprint.n_calls <= limits::MAX_RINGING + limits::MAX_SILENT + limits::MAX_HELD);
        assert!(footprint.n_ended <= limits::MAX_ENDED, "{footprint:?}");
        assert!(footprint.n_told <= limits::MAX_TOLD, "{footprint:?}");
        assert!(
            footprint.n_early <= limits::MAX_EARLY_CALLS,
            "{footprint:?}"
        );
        assert!(footprint.n_transfers <= 4, "{footprint:?}");
    }
}

/// The call an action is about. Refusals, transfers and calls that never rang are reported of ended calls as well.
fn about(action: &Action) -> Option<CallKey> {
    match action {
        Action::Send(outgoing) => {
            let id = outgoing.message.call_id.clone();
            Some(CallKey::new(outgoing.room_id.clone(), id))
        }
        Action::Ring { call, .. }
        | Action::StopRinging { call, .. }
        | Action::TransferOffered { call, .. }
        | Action::Media { call, .. } => Some(call.clone()),
        Action::Changed(view) => Some(view.call.clone()),
        Action::Ended(summary) => Some(summary.call.clone()),
        Action::WakeAt(_)
        | Action::Suppressed { .. }
        | Action::TransferEnded { .. }
        | Action::Refused { .. } => None,
    }
}

/// Steps with the time before each: mostly moments, sometimes a minute.
fn steps() -> impl Strategy<Value = Vec<(u64, String)>> {
    let delay = prop_oneof![6 => 0..400_u64, 2 => 400..5_000_u64, 1 => 5_000..70_000_u64];
    prop::collection::vec((delay, line()), 0..80)
}

proptest! {
    #![proptest_config(super::cases(1_500))]

    #[test]
    fn no_sequence_breaks_a_promise(steps in steps()) {
        let mut witness = Witness::new();
        for (delay, line) in &steps {
            let now = witness.now + *delay;
            witness.pass_until(now);
            witness.tell(line);
        }
        let late = witness.now + 600_000;
        witness.pass_until(late);
        witness.handle(Input::Tick);
        // What is left was connected and nobody ended it.
        prop_assert!(witness.ringing.is_empty());
        for call in witness.machine.calls() {
            prop_assert_eq!(call.stage, Stage::Connected);
        }
    }

    /// Any text for a description, a candidate, an id.
    #[test]
    fn no_content_makes_it_panic(
        event in select(vec!["invite", "answer", "candidates", "negotiate", "hangup", "replaces"]),
        sdp in "(v=0\r\n)?(m=(audio|video) [0-9] x\r\n|a=(mid:[0-9]|sendonly|bundle-only|.{0,9})\r\n){0,9}.{0,40}",
        text in ".{0,300}",
        number in any::<f64>(),
    ) {
        let content = serde_json::json!({
            "call_id": "c", "party_id": text, "version": number, "lifetime": number,
            "offer": {"type": text, "sdp": sdp}, "answer": {"type": text, "sdp": sdp},
            "description": {"type": "offer", "sdp": sdp}, "reason": text,
            "candidates": [{"candidate": text, "sdpMid": text, "sdpMLineIndex": number}],
            "target_user": {"id": text}, "create_call": text, "replacement_id": text,
        });
        let event_type = format!("m.call.{event}");
        if let Ok(message) = crate::voip::wire::Message::read(&event_type, &content) {
            let again = crate::voip::wire::Message::read(&event_type, &message.content());
            prop_assert_eq!(again, Ok(message));
        }
    }

    #[test]
    fn candidates_in_any_description_leave_it_one(
        media in "(m=(audio|video) [0-9] x\r\n|a=(mid:[0-9]|sendonly)\r\n){0,6}",
        candidates in prop::collection::vec(("(candidate:)?.{0,40}", "[0-9]?", 0..20_u16), 0..20),
    ) {
        let text = format!("v=0\r\nm=audio 9 x\r\n{media}");
        let sdp = crate::voip::Sdp::parse(&text).unwrap();
        let list: Vec<_> = candidates.into_iter().map(|(text, mid, index)| {
            crate::voip::wire::Candidate {
                candidate: text, sdp_mid: Some(mid), sdp_m_line_index: Some(index),
            }
        }).collect();
        let n = list.len();
        let (with, left) = sdp.with_candidates(list, true);
        let again = crate::voip::Sdp::parse(with.as_str()).unwrap();
        prop_assert_eq!(again.sends_video(), sdp.sends_video());
        prop_assert_eq!(again.as_str().matches("m=").count() >= sdp.as_str().matches("m=").count(), true);
        prop_assert!(left.len() <= n);
    }
}
