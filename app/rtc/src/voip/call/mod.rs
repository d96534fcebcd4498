//! One call, from the invite to the end.
//!
//! Spec: [Voice over IP](https://spec.matrix.org/v1.16/client-server-api/#voice-over-ip). `outgoing` and `incoming` bring it
//! to where both sides agree; `negotiate` changes what it carries; `link` looks after the connection; `ending` ends it.

mod candidates;
mod commands;
mod ending;
mod events;
mod incoming;
mod link;
mod negotiate;
mod negotiation;
mod outgoing;
mod timers;
mod transfer;
mod viewing;

use ruma::OwnedUserId;

pub(super) use self::incoming::{Invited, Taking};
use self::{link::Recovery, negotiation::Negotiation, transfer::Transfer};
use super::{
    action::{Action, MediaRequest, Outgoing, Round, SendId, Shape},
    candidates::{LocalCandidates, RemoteCandidates},
    cx::Cx,
    ids::{CallKey, PartyId},
    input::Permission,
    limits::SEND_LIMIT,
    party::{Party, Peer, Version},
    sdp::Sdp,
    streams::{LocalStream, Mute, Streams},
    view::{CallView, Direction},
    wire::{Body, Capabilities, Identity, Message},
};
use crate::Moment;

/// What this program can do in a call.
const ABLE: Capabilities = Capabilities {
    transferee: true,
    dtmf: true,
};

/// How far a call is. `until` is the moment at which it does not stay so.
#[derive(Debug)]
pub(super) enum Phase {
    /// Ours: the media process makes an offer.
    Preparing { until: Moment },
    /// Ours: the first candidates are waited for.
    Gathering { until: Moment, offer: Sdp },
    /// Ours: the invite is on its way to the homeserver.
    Inviting { until: Moment },
    /// Ours: the homeserver has the invite.
    Calling { until: Moment },
    /// Ours: the other side dropped it for a call of its own, which is on its way.
    Yielding { until: Moment },
    /// Theirs: not yet known whether it is over already.
    Arrived { until: Moment },
    /// Theirs: it does not ring.
    Silent { until: Moment },
    /// Theirs: it rings.
    Ringing { until: Moment },
    /// Theirs: the media process makes an answer.
    Answering { until: Moment },
    /// Theirs: the first candidates are waited for; the invite is valid until `expires`.
    AnswerGathering {
        until: Moment,
        expires: Moment,
        answer: Sdp,
    },
    /// Both sides agree.
    Connecting { until: Moment },
    /// Media flow.
    Connected,
    /// Media flowed; a new attempt is made at `retry_at`.
    Reconnecting {
        until: Moment,
        retry_at: Option<Moment>,
    },
    /// It is over.
    Ended,
}

/// What becomes of an event matters for these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Invite,
    Answer,
    Negotiate(Round),
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) key: CallKey,
    pub(super) direction: Direction,
    pub(super) phase: Phase,
    our_party: PartyId,
    invitee: Option<OwnedUserId>,
    peer: Option<Peer>,
    permission: Permission,
    since: Moment,
    connected_at: Option<Moment>,

    shape: Shape,
    /// What the other side knows of, or has agreed to.
    agreed: Shape,
    mute: Mute,
    local_streams: Vec<LocalStream>,
    local: LocalCandidates,

    /// Theirs: what they offered, until it is answered.
    offer: Option<Sdp>,
    remote: RemoteCandidates,
    remote_streams: Option<Streams>,
    remote_video: bool,
    remote_holds: bool,
    identity: Option<Identity>,

    round: Round,
    negotiation: Negotiation,
    recovery: Recovery,
    pending: Vec<(SendId, Pending)>,
    transfer: Transfer,
    media_open: bool,
    video_ever: bool,
    reported: Option<CallView>,
}

impl Call {
    fn new(cx: &Cx<'_>, key: CallKey, direction: Direction, our_party: PartyId) -> Self {
        Self {
            key,
            direction,
            phase: Phase::Ended,
            our_party,
            invitee: None,
            peer: None,
            permission: Permission::Ring,
            since: cx.now,
            connected_at: None,
            shape: Shape::default(),
            agreed: Shape::default(),
            mute: Mute::default(),
            local_streams: Vec::new(),
            local: LocalCandidates::default(),
            offer: None,
            remote: RemoteCandidates::default(),
            remote_streams: None,
            remote_video: false,
            remote_holds: false,
            identity: None,
            round: Round::default(),
            negotiation: Negotiation::default(),
            recovery: Recovery::default(),
            pending: Vec::new(),
            transfer: Transfer::default(),
            media_open: false,
            video_ever: false,
            reported: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Whether it was placed or taken here, so that the person is in it.
    pub(super) fn is_ours(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Arrived { .. } | Phase::Silent { .. } | Phase::Ringing { .. } | Phase::Ended
        )
    }

    /// Whether it has the person's ear.
    pub(super) fn is_active(&self) -> bool {
        self.is_ours() && !self.shape.held
    }

    /// Whether both sides agreed to it.
    fn is_established(&self) -> bool {
        matches!(
            self.phase,
            Phase::Connecting { .. } | Phase::Connected | Phase::Reconnecting { .. }
        )
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected)
    }

    pub(super) fn video(&self) -> bool {
        self.shape.video
    }

    fn peer_is(&self, party: &Party) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.party == *party)
    }

    /// Sends an event of this call, if it gets there in time.
    fn send(&mut self, cx: &mut Cx<'_>, body: Body, limit: u64) -> SendId {
        let id = cx.next_send();
        let message = Message {
            call_id: self.key.call_id.clone(),
            party_id: Some(self.our_party.clone()),
            version: Version::V1,
            body,
        };
        cx.act(Action::Send(Outgoing {
            id,
            room_id: self.key.room_id.clone(),
            message,
            deadline: cx.now + limit,
        }));
        id
    }

    fn say(&mut self, cx: &mut Cx<'_>, body: Body) {
        self.send(cx, body, SEND_LIMIT);
    }

    fn ask(&mut self, cx: &mut Cx<'_>, request: MediaRequest) {
        self.media_open = true;
        cx.media(&self.key, request);
    }

    fn next_round(&mut self) -> Round {
        self.round = Round(self.round.0.wrapping_add(1));
        self.round
    }
}
