//! Writing call events.

use ruma::{events::AnyMessageLikeEventContent, serde::Raw};
use serde_json::{Map, Value, json, value::to_raw_value};

use super::{
    ANSWERS, Body, Candidate, Capabilities, DescriptionKind, Identity, Message, ROUND, Replacement,
    Replaces,
};
use crate::voip::{
    party::Version,
    streams::{Purpose, Streams},
};

impl Message {
    /// The type of the event.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self.body {
            Body::Invite { .. } => "m.call.invite",
            Body::Candidates(_) => "m.call.candidates",
            Body::Answer { .. } => "m.call.answer",
            Body::SelectAnswer { .. } => "m.call.select_answer",
            Body::Reject { .. } => "m.call.reject",
            Body::Hangup(_) => "m.call.hangup",
            Body::Negotiate { .. } => "m.call.negotiate",
            Body::StreamsChanged(_) => "m.call.sdp_stream_metadata_changed",
            Body::Replaces(_) => "m.call.replaces",
            Body::RejectReplacement(_) => "m.call.reject_replacement",
            // written under the name that clients read, the proposal being unmerged
            Body::AssertedIdentity(_) => "org.matrix.call.asserted_identity",
        }
    }

    /// The content of the event.
    #[must_use]
    pub fn content(&self) -> Value {
        let mut content = Map::new();
        content.insert("call_id".into(), json!(self.call_id.as_str()));
        if let Some(party_id) = &self.party_id {
            content.insert("party_id".into(), json!(party_id.as_str()));
        }
        let version = match self.version {
            Version::V0 => json!(0),
            Version::V1 => json!("1"),
        };
        content.insert("version".into(), version);
        for (key, value) in fields(&self.body) {
            content.insert(key.into(), value);
        }
        Value::Object(content)
    }

    /// The content as it is handed to a client.
    #[must_use]
    pub fn to_raw(&self) -> Raw<AnyMessageLikeEventContent> {
        // A `Value` with string keys is always JSON.
        let json = to_raw_value(&self.content()).unwrap_or_default();
        Raw::from_json(json)
    }
}

fn fields(body: &Body) -> Vec<(&'static str, Value)> {
    let mut fields = Vec::new();
    match body {
        Body::Invite {
            offer,
            lifetime,
            invitee,
            capabilities,
            streams,
        } => {
            fields.push(("offer", json!({"type": "offer", "sdp": offer.as_str()})));
            fields.push(("lifetime", json!(lifetime)));
            fields.extend(invitee.as_ref().map(|user_id| ("invitee", json!(user_id))));
            fields.extend(described(*capabilities, streams.as_ref()));
        }
        Body::Answer {
            answer,
            capabilities,
            streams,
        } => {
            fields.push(("answer", json!({"type": "answer", "sdp": answer.as_str()})));
            fields.extend(described(*capabilities, streams.as_ref()));
        }
        Body::Negotiate {
            description,
            round,
            answers,
            lifetime,
            streams,
        } => {
            let kind = match description.kind {
                DescriptionKind::Offer => "offer",
                DescriptionKind::Answer => "answer",
            };
            let description = json!({"type": kind, "sdp": description.sdp.as_str()});
            fields.push(("description", description));
            fields.extend(round.map(|round| (ROUND, json!(round.0))));
            fields.extend(answers.map(|round| (ANSWERS, json!(round.0))));
            fields.push(("lifetime", json!(lifetime)));
            fields.extend(described(None, streams.as_ref()));
        }
        Body::Candidates(list) => {
            let list: Vec<_> = list.iter().map(candidate).collect();
            fields.push(("candidates", json!(list)));
        }
        Body::SelectAnswer { selected } => {
            fields.push(("selected_party_id", json!(selected.as_str())))
        }
        Body::Reject { reason } => {
            fields.extend(reason.map(|reason| ("reason", json!(reason.as_str()))));
        }
        Body::Hangup(reason) => fields.push(("reason", json!(reason.as_str()))),
        Body::StreamsChanged(streams) => fields.push(("sdp_stream_metadata", metadata(streams))),
        Body::Replaces(replaces) => fields.extend(replacement(replaces)),
        Body::RejectReplacement(id) => fields.push(("replacement_id", json!(id.as_str()))),
        Body::AssertedIdentity(identity) => {
            let identity = identity.as_ref().map(labels);
            fields.push(("asserted_identity", json!(identity)));
        }
    }
    fields
}

fn described(
    capabilities: Option<Capabilities>,
    streams: Option<&Streams>,
) -> Vec<(&'static str, Value)> {
    let capabilities = capabilities.map(|able| {
        let able = json!({"m.call.transferee": able.transferee, "m.call.dtmf": able.dtmf});
        ("capabilities", able)
    });
    let streams = streams.map(|streams| ("sdp_stream_metadata", metadata(streams)));
    capabilities.into_iter().chain(streams).collect()
}

/// Both mutes are always written: matrix-js-sdk merges, so that what is left out stays as it was.
fn metadata(streams: &Streams) -> Value {
    let streams = streams.iter().map(|(id, stream)| {
        let purpose = match stream.purpose {
            Purpose::UserMedia => "m.usermedia",
            Purpose::ScreenShare => "m.screenshare",
        };
        let stream = json!({
            "purpose": purpose,
            "audio_muted": stream.audio_muted,
            "video_muted": stream.video_muted,
        });
        (id.to_owned(), stream)
    });
    Value::Object(streams.collect())
}

fn candidate(candidate: &Candidate) -> Value {
    let mut fields = Map::new();
    fields.insert("candidate".into(), json!(candidate.candidate));
    if let Some(mid) = &candidate.sdp_mid {
        fields.insert("sdpMid".into(), json!(mid));
    }
    if let Some(index) = candidate.sdp_m_line_index {
        fields.insert("sdpMLineIndex".into(), json!(index));
    }
    Value::Object(fields)
}

fn replacement(replaces: &Replaces) -> Vec<(&'static str, Value)> {
    let mut target = labels(&replaces.target);
    target.insert("id".into(), json!(replaces.target_user));
    let (key, call_id) = match &replaces.replacement {
        Replacement::Create(id) => ("create_call", id),
        Replacement::Await(id) => ("await_call", id),
    };
    let mut fields = vec![
        ("replacement_id", json!(replaces.replacement_id.as_str())),
        ("target_user", Value::Object(target)),
        (key, json!(call_id.as_str())),
    ];
    let room = replaces.target_room.as_ref();
    fields.extend(room.map(|room_id| ("target_room", json!(room_id))));
    fields
}

fn labels(identity: &Identity) -> Map<String, Value> {
    let labels = [
        ("id", &identity.id),
        ("display_name", &identity.display_name),
        ("avatar_url", &identity.avatar_url),
    ];
    labels
        .into_iter()
        .filter_map(|(key, label)| Some((key.to_owned(), json!(label.as_ref()?))))
        .collect()
}
