//! A call as it is shown.

use super::{Call, Phase};
use crate::voip::{
    action::Action,
    cx::Cx,
    sdp::Sdp,
    streams::{Purpose, Streams},
    view::{CallView, PeerAbilities, RemoteMedia, Stage},
};

impl Call {
    /// Takes note of what a description of the other side says.
    pub(super) fn note_description(&mut self, sdp: &Sdp, streams: Option<&Streams>) {
        self.negotiation.note(sdp);
        self.remote_video = sdp.sends_video();
        self.remote_holds = sdp.holds();
        self.video_ever |= self.remote_video;
        // One that is left out later is not one that is not understood.
        if streams.is_some() {
            self.remote_streams = streams.cloned();
        }
    }

    fn stage(&self) -> Option<Stage> {
        Some(match self.phase {
            Phase::Preparing { .. } | Phase::Gathering { .. } => Stage::Preparing,
            Phase::Inviting { .. } => Stage::Inviting,
            Phase::Calling { .. } | Phase::Yielding { .. } => Stage::Calling,
            Phase::Silent { .. } => Stage::Silent,
            Phase::Ringing { .. } => Stage::Ringing,
            Phase::Answering { .. } | Phase::AnswerGathering { .. } => Stage::Answering,
            Phase::Connecting { .. } => Stage::Connecting,
            Phase::Connected => Stage::Connected,
            Phase::Reconnecting { .. } => Stage::Reconnecting,
            Phase::Arrived { .. } | Phase::Ended => return None,
        })
    }

    fn remote_media(&self) -> RemoteMedia {
        let streams = self.remote_streams.as_ref();
        let user_media = streams.and_then(|streams| streams.of(Purpose::UserMedia));
        let screen = streams.and_then(|streams| streams.of(Purpose::ScreenShare));
        RemoteMedia {
            video: self.remote_video && user_media.is_none_or(|stream| !stream.video_muted),
            screen: screen.is_some(),
            audio_muted: user_media.is_some_and(|stream| stream.audio_muted),
            holds: self.remote_holds,
        }
    }

    /// The call as it is shown; `None` if it is not yet, or no longer.
    pub(in crate::voip) fn view(&self) -> Option<CallView> {
        let peer = self.peer.as_ref();
        let capabilities = peer.and_then(|peer| peer.capabilities);
        Some(CallView {
            call: self.key.clone(),
            direction: self.direction,
            stage: self.stage()?,
            peer: self.peer_user().or_else(|| self.invitee.clone()),
            identity: self.identity.clone(),
            shape: self.shape,
            mute: self.mute,
            remote: self.remote_media(),
            abilities: PeerAbilities {
                dtmf: capabilities.map(|able| able.dtmf),
                transferee: capabilities.map(|able| able.transferee),
                renegotiates: peer.is_some_and(|peer| peer.renegotiates()),
            },
            connected_at: self.connected_at,
        })
    }

    /// Tells if it is not as it was.
    pub(in crate::voip) fn report_change(&mut self, cx: &mut Cx<'_>) {
        self.video_ever |= self.shape.video && self.is_ours();
        let view = self.view();
        if view != self.reported {
            self.reported = view;
            if let Some(view) = &self.reported {
                cx.act(Action::Changed(Box::new(view.clone())));
            }
        }
    }
}
