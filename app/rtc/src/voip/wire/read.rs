//! Reading call events, leniently and within bounds.

use ruma::{RoomId, UserId};
use serde_json::Value;
use thiserror::Error;

use super::{
    ANSWERS, Body, Candidate, Capabilities, Description, DescriptionKind, HangupReason, Identity,
    Message, ROUND, Replacement, Replaces, fields::Fields,
};
use crate::voip::{
    action::Round,
    ids::{CallId, PartyId, ReplacementId},
    limits::{MAX_CANDIDATE_BYTES, MAX_NEGOTIATE_LIFETIME, MAX_REMOTE_CANDIDATES},
    party::Version,
    sdp::{Sdp, SdpError},
    streams::{Purpose, Stream, Streams},
};

/// Why a call event counts for nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum WireError {
    /// Not a call event, or one of group calls.
    #[error("not an event of a one-to-one call")]
    OtherType,
    /// Not an object.
    #[error("the content is not an object")]
    NotAnObject,
    /// A field is missing or of the wrong type.
    #[error("`{0}` is missing or not usable")]
    Field(&'static str),
    /// The description is not one.
    #[error(transparent)]
    Sdp(#[from] SdpError),
}

const UNSTABLE: &str = "org.matrix.call.";

/// Whether events of a type are to be read.
#[must_use]
pub fn is_call_event(event_type: &str) -> bool {
    let name = stable(event_type);
    name.is_some_and(|name| {
        matches!(
            name,
            "invite"
                | "candidates"
                | "answer"
                | "select_answer"
                | "reject"
                | "hangup"
                | "negotiate"
        ) || matches!(
            name,
            "sdp_stream_metadata_changed" | "replaces" | "reject_replacement" | "asserted_identity"
        )
    })
}

fn stable(event_type: &str) -> Option<&str> {
    event_type
        .strip_prefix("m.call.")
        .or_else(|| event_type.strip_prefix(UNSTABLE))
}

impl Message {
    /// Reads the content of an event.
    pub fn read(event_type: &str, content: &Value) -> Result<Self, WireError> {
        let fields = Fields(content.as_object().ok_or(WireError::NotAnObject)?);
        let name = stable(event_type).ok_or(WireError::OtherType)?;
        if fields.text("conf_id").is_some() {
            return Err(WireError::OtherType);
        }
        let call_id = id(fields, "call_id", CallId::parse)?;
        let version = match fields.0.get("version") {
            Some(version) if version.as_u64() == Some(0) => Version::V0,
            _ => Version::V1,
        };
        Ok(Self {
            call_id,
            party_id: fields.text("party_id").and_then(PartyId::parse),
            version,
            body: body(name, fields)?,
        })
    }
}

fn body(name: &str, fields: Fields<'_>) -> Result<Body, WireError> {
    Ok(match name {
        "invite" => Body::Invite {
            offer: sdp(fields, "offer")?,
            lifetime: lifetime(fields)?,
            invitee: invitee(fields)?,
            capabilities: capabilities(fields),
            streams: streams(fields),
        },
        "candidates" => Body::Candidates(candidates(fields)?),
        "answer" => Body::Answer {
            answer: sdp(fields, "answer")?,
            capabilities: capabilities(fields),
            streams: streams(fields),
        },
        "select_answer" => Body::SelectAnswer {
            selected: id(fields, "selected_party_id", PartyId::parse)?,
        },
        "reject" => Body::Reject {
            reason: fields.text("reason").map(HangupReason::parse),
        },
        "hangup" => {
            let reason = fields.text("reason").map(HangupReason::parse);
            Body::Hangup(reason.unwrap_or(HangupReason::UserHangup))
        }
        "negotiate" => Body::Negotiate {
            description: description(fields)?,
            round: round(fields, ROUND),
            answers: round(fields, ANSWERS),
            // matrix-js-sdk and Element for Android have left it out for years
            lifetime: fields.number("lifetime").unwrap_or(MAX_NEGOTIATE_LIFETIME),
            streams: streams(fields),
        },
        "sdp_stream_metadata_changed" => {
            Body::StreamsChanged(streams(fields).ok_or(WireError::Field("sdp_stream_metadata"))?)
        }
        "replaces" => Body::Replaces(replaces(fields)?),
        "reject_replacement" => {
            Body::RejectReplacement(id(fields, "replacement_id", ReplacementId::parse)?)
        }
        "asserted_identity" => Body::AssertedIdentity(identity(fields)?),
        _ => return Err(WireError::OtherType),
    })
}

fn id<T>(
    fields: Fields<'_>,
    key: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<T, WireError> {
    let text = fields.text(key).and_then(parse);
    text.ok_or(WireError::Field(key))
}

fn lifetime(fields: Fields<'_>) -> Result<u64, WireError> {
    fields
        .number("lifetime")
        .ok_or(WireError::Field("lifetime"))
}

fn round(fields: Fields<'_>, key: &str) -> Option<Round> {
    let number = fields.0.get(key)?.as_u64()?;
    u32::try_from(number).ok().map(Round)
}

/// An invitee that cannot be read is somebody else.
fn invitee(fields: Fields<'_>) -> Result<Option<ruma::OwnedUserId>, WireError> {
    if !fields.0.contains_key("invitee") || fields.is_null("invitee") {
        return Ok(None);
    }
    let invitee = fields
        .text("invitee")
        .and_then(|text| UserId::parse(text).ok());
    invitee.map(Some).ok_or(WireError::Field("invitee"))
}

/// The type is not looked at: in invites and answers it is redundant.
fn sdp(fields: Fields<'_>, key: &'static str) -> Result<Sdp, WireError> {
    let description = fields.object(key).ok_or(WireError::Field(key))?;
    let text = description.text("sdp").ok_or(WireError::Field("sdp"))?;
    Ok(Sdp::parse(text)?)
}

fn description(fields: Fields<'_>) -> Result<Description, WireError> {
    let object = fields.object("description");
    let kind = match object.and_then(|object| object.text("type")) {
        Some("offer") => DescriptionKind::Offer,
        Some("answer") => DescriptionKind::Answer,
        _ => return Err(WireError::Field("type")),
    };
    let sdp = sdp(fields, "description")?;
    Ok(Description { kind, sdp })
}

fn capabilities(fields: Fields<'_>) -> Option<Capabilities> {
    let capabilities = fields.object("capabilities")?;
    Some(Capabilities {
        transferee: capabilities.flag("m.call.transferee"),
        dtmf: capabilities.flag("m.call.dtmf"),
    })
}

fn streams(fields: Fields<'_>) -> Option<Streams> {
    let unstable = || fields.object("org.matrix.msc3077.sdp_stream_metadata");
    let object = fields.object("sdp_stream_metadata").or_else(unstable)?;
    let streams = object.0.iter().filter_map(|(id, stream)| {
        let stream = Fields(stream.as_object()?);
        let purpose = match stream.text("purpose")? {
            "m.usermedia" => Purpose::UserMedia,
            "m.screenshare" => Purpose::ScreenShare,
            _ => return None,
        };
        let stream = Stream {
            purpose,
            audio_muted: stream.flag("audio_muted"),
            video_muted: stream.flag("video_muted"),
        };
        Some((id.as_str(), stream))
    });
    Some(streams.collect())
}

/// Candidates that cannot be used are left out, and those beyond any need.
fn candidates(fields: Fields<'_>) -> Result<Vec<Candidate>, WireError> {
    let list = fields
        .list("candidates")
        .ok_or(WireError::Field("candidates"))?;
    let usable = list.iter().filter_map(candidate);
    let mut candidates: Vec<_> = usable.take(MAX_REMOTE_CANDIDATES).collect();
    let ends = list.last().and_then(candidate).is_some_and(|c| c.is_end());
    if ends && candidates.last().is_some_and(|c| !c.is_end()) {
        candidates.push(Candidate::end());
    }
    Ok(candidates)
}

fn candidate(value: &Value) -> Option<Candidate> {
    let fields = Fields(value.as_object()?);
    let candidate = fields.text("candidate")?;
    if candidate.is_empty() {
        return Some(Candidate::end());
    }
    let sdp_mid = fields.text("sdpMid");
    let index = fields.number("sdpMLineIndex");
    let sdp_m_line_index = index.and_then(|index| u16::try_from(index).ok());
    let usable = (sdp_mid.is_some() || sdp_m_line_index.is_some())
        && candidate.len() <= MAX_CANDIDATE_BYTES
        && sdp_mid.is_none_or(|mid| mid.len() <= MAX_CANDIDATE_BYTES)
        && !candidate.contains(char::is_control);
    usable.then(|| Candidate {
        candidate: candidate.to_owned(),
        sdp_mid: sdp_mid.map(str::to_owned),
        sdp_m_line_index,
    })
}

fn replaces(fields: Fields<'_>) -> Result<Replaces, WireError> {
    let target = fields.object("target_user");
    let target = target.ok_or(WireError::Field("target_user"))?;
    let target_user = target.text("id").and_then(|text| UserId::parse(text).ok());
    let create = fields.text("create_call").and_then(CallId::parse);
    let wait = fields.text("await_call").and_then(CallId::parse);
    let replacement = match (create, wait) {
        (Some(id), None) => Replacement::Create(id),
        (None, Some(id)) => Replacement::Await(id),
        _ => return Err(WireError::Field("create_call")),
    };
    let target_room = match fields.text("target_room") {
        Some(room) => Some(RoomId::parse(room).map_err(|_| WireError::Field("target_room"))?),
        None => None,
    };
    Ok(Replaces {
        replacement_id: id(fields, "replacement_id", ReplacementId::parse)?,
        target_user: target_user.ok_or(WireError::Field("id"))?,
        target: Identity {
            id: None,
            ..labels(target)
        },
        target_room,
        replacement,
    })
}

fn identity(fields: Fields<'_>) -> Result<Option<Identity>, WireError> {
    if fields.is_null("asserted_identity") {
        return Ok(None);
    }
    let identity = fields.object("asserted_identity").map(labels);
    identity
        .map(Some)
        .ok_or(WireError::Field("asserted_identity"))
}

fn labels(fields: Fields<'_>) -> Identity {
    Identity {
        id: fields.label("id"),
        display_name: fields.label("display_name"),
        avatar_url: fields.label("avatar_url"),
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
