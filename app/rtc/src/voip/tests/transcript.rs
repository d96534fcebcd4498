//! One helper for all transcripts.
//!
//! A line is `time stimulus`; the lines that begin with `>` are all that the machine does about it. What it does by itself
//! when time passes stands under `time timer`.

use super::{
    render,
    stimulus::{Context, input, user},
};
use crate::{
    Moment,
    voip::{Action, CallMachine, IdSource, Input, MediaRequest, Outgoing},
};

/// A machine and what it did so far.
pub(super) struct Story {
    machine: CallMachine,
    context: Context,
    wake_at: Option<Moment>,
    text: Vec<String>,
    sent: Vec<Outgoing>,
}

impl Story {
    pub(super) fn new() -> Self {
        let mut n = 0;
        let ids = IdSource::new(move || {
            n += 1;
            format!("id{n}")
        });
        Self {
            machine: CallMachine::new(user("@me"), ids),
            context: Context::default(),
            wake_at: None,
            text: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Takes in a line.
    fn line(&mut self, line: &str) {
        let (time, stimulus) = line.split_once(' ').expect("time and stimulus");
        let now = Moment(time.parse().expect("time"));
        self.pass_until(now);
        let input = input(stimulus.trim(), &self.context);
        self.text.push(line.to_owned());
        self.handle(now, input);
    }

    /// Takes in an input that has no line.
    pub(super) fn give(&mut self, now: u64, name: &str, input: Input) {
        self.pass_until(Moment(now));
        self.text.push(format!("{now} {name}"));
        self.handle(Moment(now), input);
    }

    fn pass_until(&mut self, now: Moment) {
        while let Some(at) = self.wake_at.filter(|at| *at < now) {
            self.text.push(format!("{} timer", at.0));
            self.handle(at, Input::Tick);
            assert!(
                self.wake_at.is_none_or(|next| next > at),
                "it wakes without end"
            );
        }
    }

    fn handle(&mut self, now: Moment, input: Input) {
        for action in self.machine.handle(now, input) {
            if let Some(line) = render::action(&action) {
                self.text.push(format!("> {line}"));
            }
            match action {
                Action::WakeAt(at) => self.wake_at = at,
                Action::Send(outgoing) => {
                    self.context.last_send = Some(outgoing.id);
                    self.sent.push(outgoing);
                }
                Action::Media {
                    request: MediaRequest::Offer { round, .. } | MediaRequest::Answer { round, .. },
                    ..
                } => self.context.last_round = round,
                _ => {}
            }
        }
    }

    /// Takes in lines; those that begin with `>` are left to [`Self::assert`].
    pub(super) fn tell(&mut self, transcript: &str) {
        for line in lines(transcript) {
            if !line.starts_with('>') && !line.ends_with(" timer") {
                self.line(line);
            }
        }
    }

    /// The lines so far are these.
    #[track_caller]
    pub(super) fn assert(&self, transcript: &str) {
        let expected: Vec<_> = lines(transcript).collect();
        assert!(
            self.text == expected,
            "it went like this instead:\n{}\n\nexpected:\n{}",
            self.text.join("\n"),
            expected.join("\n")
        );
    }

    pub(super) fn text(&self) -> &[String] {
        &self.text
    }

    pub(super) fn sent(&self) -> &[Outgoing] {
        &self.sent
    }

    pub(super) fn machine(&self) -> &CallMachine {
        &self.machine
    }

    /// Forgets the lines so far.
    pub(super) fn forget(&mut self) {
        self.text.clear();
    }
}

fn lines(transcript: &str) -> impl Iterator<Item = &str> {
    transcript.lines().map(str::trim).filter(|l| !l.is_empty())
}

/// Everything happens as told, and nothing else.
#[track_caller]
pub(super) fn check(transcript: &str) {
    let mut story = Story::new();
    story.tell(transcript);
    story.assert(transcript);
}

/// As [`check`], after a beginning that other tests look at.
#[track_caller]
pub(super) fn check_after(beginning: &str, transcript: &str) {
    let mut story = Story::new();
    story.tell(beginning);
    story.forget();
    story.tell(transcript);
    story.assert(transcript);
}

/// Bob's call to us is connected, since 1,000.
pub(super) const WITH_BOB: &str = "
    0 @bob/B invite c1
    100 accept c1
    200 media c1 answer
    200 media c1 complete
    300 sent
    1000 media c1 connected
";

/// Our call to Bob is connected, since 2,000.
pub(super) const TO_BOB: &str = "
    0 place c1 to=@bob
    100 media c1 offer
    100 media c1 complete
    150 sent
    1000 @bob/B answer c1
    2000 media c1 connected
";
