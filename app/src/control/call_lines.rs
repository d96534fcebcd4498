//! What is told about calls: lines for scripts, sentences for people.

use serde_json::{Value, json};

use super::{Failure, failure::CommandReason};
use crate::{
    calls::{
        Call, CallFault, CallKey, Direction, EndReason, EndedCall, Refusal, Side, Stage, Statistics,
    },
    store::LoggedCall,
};

/// How a call stands.
pub(super) fn state(call: &Call) -> Value {
    json!({
        "type": "call",
        "room_id": call.key.room_id,
        "call_id": call.key.call_id.as_str(),
        "direction": direction(call.direction),
        "stage": stage(call.stage),
        "peer": call.peer,
        "muted": call.muted,
        "held": call.held,
        "peer_muted": call.peer_muted,
        "peer_holds": call.peer_holds,
        "heard": call.heard,
    })
}

/// What was sent and received.
pub(super) fn statistics(key: &CallKey, statistics: &Statistics) -> Value {
    json!({
        "type": "statistics",
        "call_id": key.call_id.as_str(),
        "packets_sent": statistics.packets_sent,
        "bytes_sent": statistics.bytes_sent,
        "packets_received": statistics.packets_received,
        "bytes_received": statistics.bytes_received,
        "packets_lost": statistics.packets_lost,
        "jitter_ms": statistics.jitter,
        "remote_loss": statistics.remote_loss,
        "round_trip_ms": statistics.round_trip,
    })
}

/// What goes wrong without ending the call.
pub(super) fn fault(key: &CallKey, fault: &CallFault) -> Value {
    let mut line = json!(fault);
    line["type"] = json!("fault");
    line["call_id"] = json!(key.call_id.as_str());
    line["message"] = json!(fault.to_string());
    line
}

/// A call is over.
pub(super) fn ended(ended: &EndedCall) -> Value {
    json!({
        "type": "ended",
        "room_id": ended.key.room_id,
        "call_id": ended.key.call_id.as_str(),
        "direction": direction(ended.direction),
        "peer": ended.peer,
        "why": ended.reason_word(),
        "by": match ended.by {
            Side::Here => "here",
            Side::There => "there",
        },
        "cause": ended.fault,
        "missed": ended.missed,
        "connected_ms": ended.connected_for,
        "message": sentence(ended),
    })
}

/// A call of the list.
pub(super) fn logged(call: &LoggedCall) -> Value {
    let way = if call.incoming {
        Direction::Incoming
    } else {
        Direction::Outgoing
    };
    json!({
        "room_id": call.room_id,
        "call_id": call.call_id,
        "direction": direction(way),
        "peer": call.peer,
        "timestamp": call.began,
        "why": call.why,
        "missed": call.missed,
        "connected_ms": call.connected_for,
    })
}

/// Why a call that was to be placed or taken is not.
pub(super) fn refused(why: Refusal) -> Failure {
    let (word, message) = match why {
        Refusal::NoSuchCall => ("no_such_call", "this call is over"),
        Refusal::NotNow => ("not_now", "this call was taken already"),
        Refusal::PeerCannot => ("peer_cannot", "the other side's program cannot do that"),
        Refusal::NotAnswered => ("not_answered", "the other side did not answer"),
        Refusal::TooMany => ("too_many", "there are too many calls at a time"),
    };
    let why = word.to_owned();
    Failure::command(CommandReason::CallNotTaken { why }, message)
}

/// Why a call is over, in plain words.
pub(super) fn sentence(ended: &EndedCall) -> String {
    if let Some(fault) = &ended.fault {
        return fault.to_string();
    }
    let outgoing = ended.direction == Direction::Outgoing;
    let text = match (&ended.reason, ended.by) {
        (EndReason::HungUp, Side::Here) => "you hung up",
        (EndReason::HungUp, Side::There) => "the other side hung up",
        (EndReason::Rejected, Side::Here) => "you rejected the call",
        (EndReason::Rejected, Side::There) => "the other side rejected the call",
        (EndReason::Busy, _) => "the other side is in another call",
        (EndReason::Unanswered, _) if outgoing => "nobody answered",
        (EndReason::Unanswered, _) => "the caller gave up before the call was answered",
        (EndReason::AnsweredElsewhere, _) => "another device of yours answered",
        (EndReason::RejectedElsewhere, _) => "another device of yours rejected the call",
        (EndReason::Replaced(_), _) => "both called at once; the other call goes on",
        (EndReason::Transferred, _) => "the call goes on elsewhere",
        (EndReason::Left, _) => "somebody left the room",
        (EndReason::ConnectionFailed, _) => "no way to the other side was found",
        (EndReason::ConnectionLost, _) => "the connection was lost and did not come back",
        (EndReason::NoMicrophone, Side::Here) => "no microphone was found",
        (EndReason::NoMicrophone, Side::There) => "the other side has no microphone",
        (EndReason::Incompatible, _) => "the two programs do not understand each other's sound",
        (EndReason::Unreachable, _) => "the homeserver does not answer",
        (EndReason::Forbidden, _) => "you may not call in this room",
        (EndReason::MediaCrashed, _) => "the process that carries the sound failed",
        (EndReason::Failed, _) => "something went wrong on the other side",
    };
    text.to_owned()
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outgoing => "outgoing",
        Direction::Incoming => "incoming",
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Preparing => "preparing",
        Stage::Inviting => "inviting",
        Stage::Calling => "calling",
        Stage::Silent => "silent",
        Stage::Ringing => "ringing",
        Stage::Answering => "answering",
        Stage::Connecting => "connecting",
        Stage::Connected => "connected",
        Stage::Reconnecting => "reconnecting",
    }
}
