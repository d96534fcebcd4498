//! What somebody here wants of a call that is theirs alone to decide.

use super::{Call, Phase};
use crate::voip::{
    action::{MediaRequest, Refusal},
    cx::Cx,
    limits::MAX_DIGITS,
    streams::{Mute, described},
    wire::Body,
};

impl Call {
    fn renegotiates(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.renegotiates())
    }

    /// What our side carries from now on.
    pub(super) fn apply(&mut self, cx: &mut Cx<'_>) {
        let (shape, mute) = (self.shape, self.mute);
        self.ask(cx, MediaRequest::Apply { shape, mute });
    }

    /// Puts the other side on hold, or takes it off. Those who would hang up on it are not told.
    pub(in crate::voip) fn hold(&mut self, cx: &mut Cx<'_>, held: bool) -> Result<(), Refusal> {
        let answered = self.is_established()
            || matches!(
                self.phase,
                Phase::Answering { .. } | Phase::AnswerGathering { .. }
            );
        if !answered {
            return Err(Refusal::NotNow);
        }
        if self.shape.held != held {
            self.shape.held = held;
            self.apply(cx);
            self.negotiation.ask_anew();
            self.pursue(cx);
        }
        Ok(())
    }

    /// Begins or ends to send a picture. What was once agreed on needs no new agreement.
    pub(in crate::voip) fn set_video(&mut self, cx: &mut Cx<'_>, on: bool) -> Result<(), Refusal> {
        if !self.is_established() {
            return Err(Refusal::NotNow);
        }
        let needs_agreement = on && !self.agreed.video;
        if needs_agreement && !self.renegotiates() {
            return Err(Refusal::PeerCannot);
        }
        if self.shape.video != on {
            self.shape.video = on;
            self.apply(cx);
            match needs_agreement {
                true => self.negotiation.ask_anew(),
                false => self.tell_streams(cx),
            }
            self.pursue(cx);
        }
        Ok(())
    }

    /// Begins or ends to share a screen.
    pub(in crate::voip) fn set_screen(&mut self, cx: &mut Cx<'_>, on: bool) -> Result<(), Refusal> {
        if !self.is_established() {
            return Err(Refusal::NotNow);
        }
        if !self.renegotiates() {
            return Err(Refusal::PeerCannot);
        }
        if self.shape.screen != on {
            self.shape.screen = on;
            self.apply(cx);
            self.negotiation.ask_anew();
            self.pursue(cx);
        }
        Ok(())
    }

    /// Mutes or unmutes.
    pub(in crate::voip) fn set_mute(&mut self, cx: &mut Cx<'_>, mute: Mute) -> Result<(), Refusal> {
        if !self.is_ours() {
            return Err(Refusal::NotNow);
        }
        if self.mute != mute {
            self.mute = mute;
            self.apply(cx);
            self.tell_streams(cx);
        }
        Ok(())
    }

    /// Tells the other side what is muted, if it understands.
    fn tell_streams(&mut self, cx: &mut Cx<'_>) {
        let told = self.peer.as_ref().is_some_and(|p| p.describes_streams);
        if told && self.is_established() {
            let streams = described(&self.local_streams, self.mute, self.shape.video);
            self.say(cx, Body::StreamsChanged(streams));
        }
    }

    /// Presses keys of the dial pad. Bridges understand them without saying so.
    pub(in crate::voip) fn dial(&mut self, cx: &mut Cx<'_>, keys: String) -> Result<(), Refusal> {
        let are_keys = keys.chars().all(|key| "0123456789*#ABCD,".contains(key));
        let fit = !keys.is_empty() && keys.len() <= MAX_DIGITS;
        if !self.is_connected() || !are_keys || !fit {
            return Err(Refusal::NotNow);
        }
        self.ask(cx, MediaRequest::Dial(keys));
        Ok(())
    }

    /// Lets it ring elsewhere.
    pub(in crate::voip) fn ignore_ring(&mut self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        match self.ignore(cx) {
            true => Ok(()),
            false => Err(Refusal::NotNow),
        }
    }
}
