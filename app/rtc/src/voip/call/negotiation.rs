//! What is being negotiated, and what is to be.
//!
//! An answer of the specification does not say which offer it answers, nor an offer whether it was taken back meanwhile. We
//! number our descriptions, and say in an answer the number of the offer; of others the version in the origin of the
//! description says at least which one is older
//! ([RFC 8866](https://www.rfc-editor.org/rfc/rfc8866#section-5.2)).

use std::mem;

use crate::{
    Moment,
    voip::{
        action::{Round, Shape},
        limits::{BURST_WINDOW, MAX_OFFERS_OF_THEIRS, MAX_UNANSWERED},
        sdp::{Origin, Sdp},
        streams::{LocalStream, Streams},
    },
};

/// An offer of ours within a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) round: Round,
    pub(super) shape: Shape,
    /// By a new connection.
    pub(super) fresh: bool,
    pub(super) until: Moment,
}

/// An answer of ours within a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) round: Round,
    /// Their number of the offer.
    pub(super) to: Option<Round>,
    /// What it tells of our side.
    pub(super) shape: Shape,
    /// A new connection was to be offered. It is not, if this brings one.
    pub(super) owes_fresh: bool,
    pub(super) until: Moment,
}

/// An offer of theirs within a call.
#[derive(Debug)]
pub(super) struct TheirOffer {
    pub(super) round: Option<Round>,
    pub(super) sdp: Sdp,
    pub(super) streams: Option<Streams>,
    pub(super) until: Moment,
}

/// An answer of theirs within a call.
#[derive(Debug)]
pub(super) struct TheirAnswer {
    pub(super) round: Option<Round>,
    /// Our number of the offer.
    pub(super) to: Option<Round>,
    pub(super) sdp: Sdp,
    pub(super) streams: Option<Streams>,
}

#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Stable,
    /// The media process makes an offer.
    Making(Attempt),
    /// The first candidates are waited for, until `send_at`.
    Gathering {
        attempt: Attempt,
        offer: Sdp,
        send_at: Moment,
    },
    /// The other side has it.
    Offered(Attempt),
    /// The media process makes an answer to an offer of theirs.
    Answering(Reply),
}

impl State {
    pub(super) fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::Making(attempt) | Self::Gathering { attempt, .. } | Self::Offered(attempt) => {
                Some(*attempt)
            }
            Self::Stable | Self::Answering(_) => None,
        }
    }
}

/// What is being negotiated, and what is to be.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    pub(super) state: State,
    /// A new connection is to be offered.
    pub(super) fresh: bool,
    /// The other side may have taken what we took back, or lack our answer: what holds is to be offered again.
    unsure: bool,
    /// Offers since anything was agreed on or asked for here.
    n_unanswered: usize,
    /// An offer of theirs that came while another was being answered.
    queued: Option<TheirOffer>,
    /// Our streams before the offer that is not yet answered.
    former_streams: Option<Vec<LocalStream>>,
    heard: Heard,
}

impl Negotiation {
    pub(super) fn is_stable(&self) -> bool {
        matches!(self.state, State::Stable)
    }

    /// Whether candidates of ours still belong to the old connection.
    pub(super) fn awaits_fresh_offer(&self) -> bool {
        matches!(&self.state, State::Making(attempt) if attempt.fresh)
    }

    /// Whether candidates of theirs already belong to a new connection.
    pub(super) fn awaits_fresh_answer(&self) -> bool {
        self.state.attempt().is_some_and(|attempt| attempt.fresh)
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Stable => None,
            State::Making(attempt) | State::Offered(attempt) => Some(attempt.until),
            State::Gathering { send_at, .. } => Some(*send_at),
            State::Answering(reply) => Some(reply.until),
        }
    }

    /// Somebody here wants something: it is worth asking again.
    pub(super) fn ask_anew(&mut self) {
        self.n_unanswered = 0;
    }

    /// Both sides know the same.
    pub(super) fn settle(&mut self) {
        self.n_unanswered = 0;
        self.unsure = false;
        self.former_streams = None;
    }

    /// What the other side took is not known.
    pub(super) fn doubt(&mut self) {
        self.unsure = true;
    }

    /// Whether to offer what holds, `needed` being whether there is something to agree on.
    pub(super) fn offers(&self, needed: bool) -> bool {
        (needed || self.unsure) && self.n_unanswered < MAX_UNANSWERED
    }

    /// Ours is offered: the streams it has, and those to go back to.
    pub(super) fn keep_former(&mut self, streams: Vec<LocalStream>) {
        self.former_streams = Some(streams);
    }

    /// An offer of ours comes to nothing: the streams to go back to.
    pub(super) fn take_back(&mut self) -> Option<Vec<LocalStream>> {
        self.n_unanswered += 1;
        self.unsure |= matches!(self.state, State::Offered(_));
        self.state = State::Stable;
        self.former_streams.take()
    }

    /// Puts an offer of theirs off; a later one takes its place, since it was given up for it.
    pub(super) fn put_off(&mut self, offer: TheirOffer) {
        self.queued = Some(offer);
    }

    /// Whether an offer waits that makes the one being answered void.
    pub(super) fn is_superseded(&self) -> bool {
        self.queued.is_some()
    }

    /// The offer that was put off, if it is still valid.
    pub(super) fn take_queued(&mut self, now: Moment) -> Option<TheirOffer> {
        self.queued.take().filter(|offer| now < offer.until)
    }

    /// Whether an offer of theirs is to be looked at: not one that comes again, or late, or after far too many.
    pub(super) fn hears(&mut self, now: Moment, offer: &TheirOffer) -> bool {
        !self.heard.is_old(offer) && self.heard.count(now)
    }

    /// Whether an answer of theirs is one to this offer of ours.
    pub(super) fn answers(&self, attempt: Attempt, to: Option<Round>, answer: &Sdp) -> bool {
        match to {
            Some(to) => to == attempt.round,
            None => !self.heard.is_older(answer),
        }
    }

    /// A description of theirs is taken: those before it count no more.
    pub(super) fn note(&mut self, sdp: &Sdp) {
        if let Some(origin) = sdp.origin() {
            self.heard.origin = Some(origin);
        }
    }

    /// As [`Self::note`], of a description with a number.
    pub(super) fn note_round(&mut self, round: Option<Round>) {
        self.heard.round = round.max(self.heard.round);
    }

    /// A new connection that was to be offered: whoever asks has to see to it.
    pub(super) fn take_fresh(&mut self) -> bool {
        mem::take(&mut self.fresh)
    }
}

/// What came from the other side so far.
#[derive(Debug, Default)]
struct Heard {
    round: Option<Round>,
    origin: Option<Origin>,
    n_offers: usize,
    counted_since: Moment,
}

impl Heard {
    fn is_old(&self, offer: &TheirOffer) -> bool {
        match (offer.round, self.round) {
            (Some(round), Some(last)) => round <= last,
            _ => self.is_older(&offer.sdp),
        }
    }

    fn is_older(&self, sdp: &Sdp) -> bool {
        let (last, this) = (self.origin.as_ref(), sdp.origin());
        last.zip(this)
            .is_some_and(|(last, this)| this.is_before(last))
    }

    fn count(&mut self, now: Moment) -> bool {
        if now - self.counted_since >= BURST_WINDOW {
            (self.counted_since, self.n_offers) = (now, 0);
        }
        self.n_offers = self.n_offers.saturating_add(1);
        self.n_offers <= MAX_OFFERS_OF_THEIRS
    }
}
