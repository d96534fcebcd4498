//! Lines of a transcript as inputs.
//!
//! `@bob/B invite c1 video age=500` is an event of Bob's party B; `;` puts several events into one batch; `backlog` before
//! them says that more is to come. `accept c1`, `media c1 offer`, `sent`, `network` are what they say.

use ruma::{OwnedUserId, RoomId, UserId};
use serde_json::Value;

use super::fixtures::{candidate, sdp};
use crate::voip::{
    Batch, CallId, CallKey, Command, Delivery, Happening, Input, LocalStream, MediaEvent,
    MediaFailure, Mute, Others, PartyId, Permission, Place, Purpose, Received, ReplacementId,
    Round, SendId, Silence, Stream, Streams, Version,
    wire::{
        Body, Capabilities, Description, DescriptionKind, HangupReason, Identity, Message,
        Replacement, Replaces,
    },
};

pub(super) const ROOM: &str = "!room:x";

/// What the machine asked for last, to be referred to.
#[derive(Default)]
pub(super) struct Context {
    pub(super) last_send: Option<SendId>,
    pub(super) last_round: Round,
}

pub(super) fn key(id: &str) -> CallKey {
    let (room, id) = id.split_once('/').unwrap_or((ROOM, id));
    let room_id = RoomId::parse(room).unwrap();
    CallKey::new(room_id, CallId::parse(id).unwrap())
}

pub(super) fn user(name: &str) -> OwnedUserId {
    UserId::parse(format!("{name}:x")).unwrap()
}

/// The words after the verb.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [&'a str]);

impl<'a> Words<'a> {
    fn has(self, word: &str) -> bool {
        self.0.contains(&word)
    }

    fn value(self, key: &str) -> Option<&'a str> {
        let found = self.0.iter().find_map(|word| word.strip_prefix(key));
        found.and_then(|rest| rest.strip_prefix('='))
    }

    fn number(self, key: &str, default: u64) -> u64 {
        let value = self.value(key).map(|text| text.parse().unwrap());
        value.unwrap_or(default)
    }

    fn at(self, n: usize) -> &'a str {
        self.0
            .get(n)
            .unwrap_or_else(|| panic!("a word is missing: {:?}", self.0))
    }
}

pub(super) fn input(line: &str, context: &Context) -> Input {
    if line.starts_with('@') || line.starts_with("left") || line.starts_with("backlog") {
        return batch(line);
    }
    let words: Vec<_> = line.split_whitespace().collect();
    let (verb, words) = (words[0], Words(&words[1..]));
    let delivery = |delivery| Input::Delivery {
        send: context.last_send.expect("nothing was sent"),
        delivery,
    };
    match verb {
        "tick" => Input::Tick,
        "sync" => batch(""),
        "network" => Input::NetworkChanged,
        "sent" => delivery(Delivery::Sent),
        "refused" => delivery(Delivery::Refused),
        "unsent" => delivery(Delivery::Unsent),
        "lost" => delivery(Delivery::Unknown),
        "place" => Input::Place(place(words)),
        "media" => Input::Media {
            call: key(words.at(0)),
            event: media(words, context),
        },
        verb => Input::Command {
            call: key(words.at(0)),
            command: command(verb, words),
        },
    }
}

fn others(words: Words<'_>) -> Others {
    if words.has("end") {
        Others::End
    } else {
        Others::Hold
    }
}

fn place(words: Words<'_>) -> Place {
    let key = key(words.at(0));
    Place {
        room_id: key.room_id,
        invitee: words.value("to").map(user),
        video: words.has("video"),
        others: others(words),
        call_id: Some(key.call_id),
    }
}

fn command(verb: &str, words: Words<'_>) -> Command {
    let on = !words.has("off");
    match verb {
        "accept" => Command::Accept {
            video: words.has("video"),
            others: others(words),
        },
        "reject" => Command::Reject {
            busy: words.has("busy"),
        },
        "ignore" => Command::Ignore,
        "hangup" => Command::HangUp,
        "hold" => Command::Hold,
        "resume" => Command::Resume,
        "video" => Command::Video(on),
        "screen" => Command::Screen(on),
        "mute" => Command::Mute(Mute {
            audio: words.has("audio"),
            video: words.has("picture"),
        }),
        "dial" => Command::Dial(words.at(1).to_owned()),
        "transfer" => Command::TransferTo {
            user_id: user(words.at(1)),
            target: Identity::default(),
            room_id: None,
        },
        "join" => Command::Join(key(words.at(1))),
        "yes" => Command::AnswerTransfer { accept: true },
        "no" => Command::AnswerTransfer { accept: false },
        other => panic!("not a verb: {other}"),
    }
}

fn media(words: Words<'_>, context: &Context) -> MediaEvent {
    let round = Round(words.number("round", context.last_round.0.into()) as u32);
    let streams = vec![LocalStream {
        id: "ours".to_owned(),
        purpose: Purpose::UserMedia,
    }];
    let sdp = sdp(words.has("video"), direction(words));
    match words.at(1) {
        "offer" => MediaEvent::Offer {
            round,
            sdp,
            streams,
        },
        "answer" => MediaEvent::Answer {
            round,
            sdp,
            streams,
            fresh: words.has("fresh"),
        },
        "candidate" => MediaEvent::Candidate(candidate(words.number("n", 1) as usize)),
        "complete" => MediaEvent::GatheringComplete,
        "connected" => MediaEvent::Connected,
        "disconnected" => MediaEvent::Disconnected,
        "failed" => MediaEvent::Failed(match words.at(2) {
            "capture" => MediaFailure::Capture,
            "description" => MediaFailure::Description,
            "connection" => MediaFailure::Connection,
            "unauthentic" => MediaFailure::Unauthentic,
            _ => MediaFailure::Crashed,
        }),
        other => panic!("not of the media process: {other}"),
    }
}

fn direction(words: Words<'_>) -> &'static str {
    let all = ["sendonly", "recvonly", "inactive"];
    let found = all.into_iter().find(|direction| words.has(direction));
    found.unwrap_or("sendrecv")
}

fn batch(line: &str) -> Input {
    let backlog = line.strip_prefix("backlog");
    let events = backlog.unwrap_or(line).split(';').map(str::trim);
    Input::Batch(Batch {
        happenings: events
            .filter(|event| !event.is_empty())
            .map(happening)
            .collect(),
        complete: backlog.is_none(),
    })
}

fn happening(line: &str) -> Happening {
    let words: Vec<_> = line.split_whitespace().collect();
    if words[0] == "left" {
        return Happening::Left {
            room_id: key("c").room_id,
            user_id: user(words[1]),
            alone: words.contains(&"alone"),
        };
    }
    let (who, words) = (words[0], Words(&words[1..]));
    let (name, party_id) = who.split_once('/').unwrap_or((who, ""));
    let key = key(words.at(1));
    let message = Message {
        call_id: key.call_id,
        party_id: PartyId::parse(party_id),
        version: if words.has("v0") {
            Version::V0
        } else {
            Version::V1
        },
        body: body(words),
    };
    Happening::Event(Received {
        room_id: key.room_id,
        sender: user(name),
        message,
        age: words.number("age", 0),
        permission: match words.has("stranger") {
            true => Permission::Silent(Silence::Stranger),
            false => Permission::Ring,
        },
    })
}

fn streams(words: Words<'_>) -> Option<Streams> {
    let stream = Stream {
        purpose: Purpose::UserMedia,
        audio_muted: words.has("muted"),
        video_muted: words.has("hidden"),
    };
    let described = !words.has("v0") && !words.has("plain");
    described.then(|| [("theirs", stream)].into_iter().collect())
}

fn body(words: Words<'_>) -> Body {
    let reason = |at: usize| words.0.get(at).map(|text| HangupReason::parse(text));
    let sdp = sdp(words.has("video"), direction(words));
    let capabilities = Some(Capabilities {
        transferee: !words.has("stays"),
        dtmf: false,
    });
    match words.at(0) {
        "invite" => Body::Invite {
            offer: sdp,
            lifetime: words.number("life", 60_000),
            invitee: words.value("to").map(user),
            capabilities,
            streams: streams(words),
        },
        "answer" => Body::Answer {
            answer: sdp,
            capabilities,
            streams: streams(words),
        },
        "candidates" => {
            let first = words.number("from", 0) as usize;
            let n = words.number("n", 1) as usize;
            Body::Candidates((first..first + n).map(candidate).collect())
        }
        "select_answer" => Body::SelectAnswer {
            selected: PartyId::parse(words.at(2)).unwrap(),
        },
        "reject" => Body::Reject { reason: reason(2) },
        "hangup" => Body::Hangup(reason(2).unwrap_or(HangupReason::UserHangup)),
        "negotiate" => Body::Negotiate {
            description: Description {
                kind: match words.at(2) {
                    "offer" => DescriptionKind::Offer,
                    _ => DescriptionKind::Answer,
                },
                sdp,
            },
            round: words.value("round").map(|n| Round(n.parse().unwrap())),
            answers: words.value("to").map(|n| Round(n.parse().unwrap())),
            lifetime: words.number("life", 60_000),
            streams: streams(words),
        },
        "streams" => Body::StreamsChanged(streams(words).unwrap()),
        "replaces" => Body::Replaces(Replaces {
            replacement_id: ReplacementId::parse("r").unwrap(),
            target_user: user(words.at(2)),
            target: Identity::default(),
            target_room: None,
            replacement: match words.value("await") {
                Some(id) => Replacement::Await(CallId::parse(id).unwrap()),
                None => Replacement::Create(CallId::parse(words.value("create").unwrap()).unwrap()),
            },
        }),
        "reject_replacement" => Body::RejectReplacement(ReplacementId::parse(words.at(2)).unwrap()),
        "identity" => Body::AssertedIdentity(Some(Identity::default())),
        other => panic!("not an event: {other}"),
    }
}

/// An event as a homeserver has it, in the default room.
pub(super) fn raw(sender: &str, event_type: &str, content: &Value) -> Input {
    let received = Received::read(
        key("c").room_id,
        user(sender),
        event_type,
        content,
        0,
        Permission::Ring,
    );
    Input::Batch(Batch {
        happenings: vec![Happening::Event(received.unwrap())],
        complete: true,
    })
}
