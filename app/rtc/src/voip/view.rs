//! A call as it is shown.

use ruma::OwnedUserId;

use super::{action::Shape, ids::CallKey, streams::Mute, wire::Identity};
use crate::Moment;

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// We did.
    Outgoing,
    /// They did.
    Incoming,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Ours: microphone and offer are made ready.
    Preparing,
    /// Ours: the invite is sent off.
    Inviting,
    /// Ours: the homeserver has the invite, so the other side rings, if it can.
    Calling,
    /// Theirs: known, but not ringing, or not yet.
    Silent,
    /// Theirs: it rings.
    Ringing,
    /// Theirs: taken here, the answer is made ready.
    Answering,
    /// Both agree and look for a way.
    Connecting,
    /// Media flow.
    Connected,
    /// They did and are to flow again.
    Reconnecting,
}

/// What comes from the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoteMedia {
    /// A picture, or in a ring the wish for one.
    pub video: bool,
    /// A screen.
    pub screen: bool,
    /// The microphone is muted over there.
    pub audio_muted: bool,
    /// They have put us on hold.
    pub holds: bool,
}

/// What the other side's program can do, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerAbilities {
    /// It understands tones of the dial pad. Bridges often do without saying so.
    pub dtmf: Option<bool>,
    /// It lets itself be transferred.
    pub transferee: Option<bool>,
    /// Hold is told to it, and video can be added.
    pub renegotiates: bool,
}

/// A call as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct CallView {
    /// Which.
    pub call: CallKey,
    /// Who called.
    pub direction: Direction,
    /// How far it is.
    pub stage: Stage,
    /// The other side: the caller, the one who answered, or the one who is called.
    pub peer: Option<OwnedUserId>,
    /// Who that is, by its own claim.
    pub identity: Option<Identity>,
    /// What our side carries.
    pub shape: Shape,
    /// What of it is muted.
    pub mute: Mute,
    /// What comes from the other side.
    pub remote: RemoteMedia,
    /// What the other side's program can do.
    pub abilities: PeerAbilities,
    /// Since when it is connected.
    pub connected_at: Option<Moment>,
}

impl CallView {
    /// Whether it has the person's ear: all but one of these are on hold.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.shape.held && !matches!(self.stage, Stage::Silent | Stage::Ringing)
    }
}
