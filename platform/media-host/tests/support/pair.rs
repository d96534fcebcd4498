//! Two media processes, and the test as the signalling between them.

use std::time::{Duration, Instant};

use hardline_media_protocol::{Candidate, Event, Request, Sdp, Setup};

use super::{LIMIT, Media};

/// Two media processes.
pub struct Pair {
    /// The one that calls.
    pub caller: Media,
    /// The one that is called.
    pub callee: Media,
    /// What becomes of a description on its way.
    edit: fn(&str) -> String,
}

impl Pair {
    /// Two that are connected and hear each other.
    pub fn connected(caller: Setup, callee: Setup) -> Self {
        Self::connected_through(caller, callee, str::to_owned)
    }

    /// The same, with descriptions changed on their way.
    pub fn connected_through(caller: Setup, callee: Setup, edit: fn(&str) -> String) -> Self {
        Self::connect(Media::capturing(caller), Media::capturing(callee), edit)
    }

    /// Two that capture already.
    pub fn connect(caller: Media, callee: Media, edit: fn(&str) -> String) -> Self {
        let mut pair = Self {
            caller,
            callee,
            edit,
        };
        pair.caller.ask_for_offer(false);
        pair.run_until(|pair| {
            let heard = |media: &Media| media.said.contains(&Event::Heard);
            heard(&pair.caller) && heard(&pair.callee)
        });
        pair
    }

    /// Passes on what they say until something is so.
    #[track_caller]
    pub fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + LIMIT;
        while !done(self) {
            self.pass_on();
            assert!(
                Instant::now() < end,
                "caller: {:?}\ncallee: {:?}",
                self.caller.said,
                self.callee.said
            );
        }
    }

    /// Passes on what they say for a while.
    pub fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.pass_on();
        }
    }

    fn pass_on(&mut self) {
        let wait = Duration::from_millis(2);
        if let Some(event) = self.caller.next(wait).expect("the caller's process lives") {
            pass(&event, &mut self.callee, self.edit);
        }
        if let Some(event) = self.callee.next(wait).expect("the callee's process lives") {
            pass(&event, &mut self.caller, self.edit);
        }
    }
}

fn pass(event: &Event, to: &mut Media, edit: fn(&str) -> String) {
    match event {
        Event::Offer { sdp, .. } => {
            to.ask_for_answer(Sdp(edit(&sdp.0)));
        }
        Event::Answer { sdp, .. } => accept(to, Sdp(edit(&sdp.0))),
        Event::Candidate { candidate } => candidates(to, candidate.clone()),
        Event::GatheringComplete => candidates(to, end_of_candidates()),
        Event::Failed { .. } | Event::Refused { .. } => panic!("{event:?}"),
        _ => {}
    }
}

fn accept(to: &mut Media, answer: Sdp) {
    let offered = to.said.iter().rev().find_map(|event| match event {
        Event::Offer { round, .. } => Some(*round),
        _ => None,
    });
    let round = offered.expect("an answer follows an offer");
    to.ask(&Request::Accept { round, answer });
}

fn candidates(to: &mut Media, candidate: Candidate) {
    let candidates = vec![candidate];
    to.ask(&Request::Candidates { candidates });
}

fn end_of_candidates() -> Candidate {
    Candidate {
        candidate: String::new(),
        sdp_mid: None,
        sdp_m_line_index: None,
    }
}
