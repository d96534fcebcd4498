//! Actions as a line of a transcript.

use crate::voip::{
    Action, CallView, MediaRequest, Shape,
    wire::{Body, Candidate, DescriptionKind, Message},
};

/// The line of an action; `None` for the timer, which transcripts follow by themselves.
pub(super) fn action(action: &Action) -> Option<String> {
    Some(match action {
        Action::WakeAt(_) => return None,
        Action::Send(outgoing) => format!("send {}", message(&outgoing.message)),
        Action::Ring { call, waiting } => {
            let waiting = if *waiting { " waiting" } else { "" };
            format!("ring {}{waiting}", call.call_id)
        }
        Action::StopRinging { call, why } => format!("silence {} {why:?}", call.call_id),
        Action::Media { call, request } => format!("media {} {}", call.call_id, media(request)),
        Action::Changed(view) => changed(view),
        Action::Suppressed { call, why, .. } => format!("suppress {} {why:?}", call.call_id),
        Action::TransferOffered { call, offer } => {
            format!("transfer {} to {}?", call.call_id, offer.target_user)
        }
        Action::TransferEnded { call, outcome } => {
            let outcome = format!("{outcome:?}");
            let outcome = outcome.split('(').next().unwrap();
            format!("transfer {} {outcome}", call.call_id)
        }
        Action::Refused { call, why } => format!("refuse {} {why:?}", call.call_id),
        Action::Ended(summary) => {
            let missed = if summary.is_missed() { " missed" } else { "" };
            let (id, reason, by) = (&summary.call.call_id, &summary.reason, summary.by);
            format!("ended {id} {reason:?} {by:?}{missed}")
        }
    })
}

fn candidates(list: &[Candidate]) -> String {
    let n = list.iter().filter(|candidate| !candidate.is_end()).count();
    let end = if n < list.len() { "+end" } else { "" };
    format!("{n}{end}")
}

fn description(sdp: &crate::voip::Sdp) -> String {
    let n = sdp.as_str().matches("a=candidate:").count();
    let video = if sdp.sends_video() { " video" } else { "" };
    let candidates = if n > 0 {
        format!(" with {n}")
    } else {
        String::new()
    };
    format!("{video}{candidates}")
}

fn message(message: &Message) -> String {
    let id = &message.call_id;
    let name = message.event_type().rsplit('.').next().unwrap();
    let what = match &message.body {
        Body::Invite { offer, invitee, .. } => {
            let to = invitee.as_ref().map(|user_id| format!(" to {user_id}"));
            format!("{}{}", to.unwrap_or_default(), description(offer))
        }
        Body::Answer { answer, .. } => description(answer),
        Body::Candidates(list) => format!(" {}", candidates(list)),
        Body::SelectAnswer { selected } => format!(" {selected}"),
        Body::Reject { reason } => reason.map_or_else(String::new, |r| format!(" {}", r.as_str())),
        Body::Hangup(reason) => format!(" {}", reason.as_str()),
        Body::Negotiate { description: d, .. } => {
            let kind = match d.kind {
                DescriptionKind::Offer => "offer",
                DescriptionKind::Answer => "answer",
            };
            format!(" {kind}{}", description(&d.sdp))
        }
        Body::StreamsChanged(streams) => {
            let streams = streams.iter().map(|(id, s)| {
                let audio = if s.audio_muted { " no-audio" } else { "" };
                let video = if s.video_muted { " no-video" } else { "" };
                format!(" {id}{audio}{video}")
            });
            streams.collect()
        }
        Body::Replaces(replaces) => {
            format!(" {} {:?}", replaces.target_user, replaces.replacement)
        }
        Body::RejectReplacement(_) | Body::AssertedIdentity(_) => String::new(),
    };
    format!("{name} {id}{what}")
}

fn shape(shape: Shape) -> String {
    let mut text = String::new();
    for (is, word) in [
        (shape.video, " video"),
        (shape.screen, " screen"),
        (shape.held, " held"),
    ] {
        text += if is { word } else { "" };
    }
    text
}

fn media(request: &MediaRequest) -> String {
    match request {
        MediaRequest::Offer {
            round,
            shape: s,
            fresh,
        } => {
            let fresh = if *fresh { " fresh" } else { "" };
            format!("offer#{}{fresh}{}", round.0, shape(*s))
        }
        MediaRequest::Answer {
            round,
            shape: s,
            discard,
            adopt,
            ..
        } => {
            let discard = if *discard { " discard" } else { "" };
            let adopt = adopt.as_ref().map(|old| format!(" adopt {}", old.call_id));
            let adopt = adopt.unwrap_or_default();
            format!("answer#{}{}{discard}{adopt}", round.0, shape(*s))
        }
        MediaRequest::Accept { round, .. } => format!("accept#{}", round.0),
        MediaRequest::Discard { round } => format!("discard#{}", round.0),
        MediaRequest::Candidates(list) => format!("candidates {}", candidates(list)),
        MediaRequest::Streams(_) => "streams".to_owned(),
        MediaRequest::Apply { shape: s, mute } => {
            let audio = if mute.audio { " no-audio" } else { "" };
            let video = if mute.video { " no-video" } else { "" };
            format!("apply{}{audio}{video}", shape(*s))
        }
        MediaRequest::Dial(keys) => format!("dial {keys}"),
        MediaRequest::Close => "close".to_owned(),
    }
}

fn changed(view: &CallView) -> String {
    let mut text = format!(
        "{} is {:?}{}",
        view.call.call_id,
        view.stage,
        shape(view.shape)
    );
    for (is, word) in [
        (view.remote.video, " (their video)"),
        (view.remote.screen, " (their screen)"),
        (view.remote.audio_muted, " (they are muted)"),
        (view.remote.holds, " (they hold)"),
        (view.identity.is_some(), " (identity)"),
    ] {
        text += if is { word } else { "" };
    }
    text
}
