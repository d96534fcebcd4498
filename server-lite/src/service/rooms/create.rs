//! Creating rooms.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#post_matrixclientv3createroom>

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, OwnedRoomAliasId, OwnedUserId, RoomAliasId, RoomId,
    RoomVersionId, UserId,
    api::{
        client::room::{
            Visibility,
            create_room::v3::{Request, RoomPreset},
        },
        error::ErrorKind,
    },
    events::TimelineEventType,
};
use serde_json::{Map, Value, json};

use super::{
    Room, SUPPORTED_VERSIONS, aliases,
    append::{NewEvent, append_admitted, apply, content_of, finish, insert},
    membership::{self, Change},
};
use crate::{
    Error,
    error::Result,
    service::{Services, now_ms, safety},
    store::WriteTx,
};

/// At most so many people are invited while a room is made.
const MAX_INVITES: usize = 200;
/// All others wait while a room is made.
const MAX_INITIAL_STATE: usize = 300;

/// Makes the room that `request` describes and returns it.
pub fn create(
    tx: &WriteTx<'_>,
    services: &Services,
    creator: &UserId,
    request: &Request,
) -> Result<Room> {
    let plan = Plan::new(services, creator, request)?;
    let alias = plan.alias(tx, services)?;
    let mut room = start(tx, services, creator, &plan.version, plan.create_content()?)?;
    membership::change(
        tx,
        services,
        &mut room,
        Change::new(creator, creator, "join"),
    )?;
    let mut send = |kind: &str, state_key: &str, content: Value| -> Result<()> {
        let content = content_of(&content)?;
        let new = NewEvent::state(creator, kind, state_key, content);
        let fate = safety::admit(tx, services, &room, &new)?;
        append_admitted(tx, services, &mut room, new, &fate)
            .map(drop)
            .map_err(as_invalid_state)
    };
    send("m.room.power_levels", "", plan.power_levels()?)?;
    if let Some(alias) = &alias {
        send("m.room.canonical_alias", "", json!({ "alias": alias }))?;
    }
    for (kind, content) in plan.preset_state() {
        send(kind, "", content)?;
    }
    for (kind, state_key, content) in plan.initial_state()? {
        send(&kind, &state_key, content)?;
    }
    if let Some(name) = &request.name {
        send("m.room.name", "", json!({ "name": name }))?;
    }
    if let Some(topic) = &request.topic {
        let text = json!({ "m.text": [{ "body": topic, "mimetype": "text/plain" }] });
        send(
            "m.room.topic",
            "",
            json!({ "topic": topic, "m.topic": text }),
        )?;
    }
    if let Some(alias) = &alias {
        aliases::insert(tx, &room, alias, creator)?;
    }
    if request.visibility == Visibility::Public {
        super::directory::publish(tx, &room, true)?;
    }
    for invitee in plan.invitees() {
        let mut change = Change::new(creator, invitee, "invite");
        if request.is_direct {
            change
                .extra
                .insert("is_direct".to_owned(), CanonicalJsonValue::Bool(true));
        }
        membership::change(tx, services, &mut room, change)?;
    }
    Ok(room)
}

/// The address a new room is to have, if it is to have one.
pub fn alias_of(services: &Services, request: &Request) -> Result<Option<OwnedRoomAliasId>> {
    let Some(localpart) = &request.room_alias_name else {
        return Ok(None);
    };
    RoomAliasId::parse(format!("#{localpart}:{}", services.config.server.name))
        .map(Some)
        .map_err(|_| Error::invalid_param("This alias has characters that are not allowed."))
}

/// Refuses with `M_UNSUPPORTED_ROOM_VERSION` unless rooms of this version can be made here.
pub fn require_supported(version: &RoomVersionId) -> Result<()> {
    if SUPPORTED_VERSIONS.contains(version) {
        return Ok(());
    }
    let message = format!("This server makes rooms of version 6 to 12, not {version}.");
    Err(Error::bad_request(
        ErrorKind::UnsupportedRoomVersion,
        message,
    ))
}

/// A refused event of a new room is the fault of what the room was asked to be.
fn as_invalid_state(error: Error) -> Error {
    match error {
        Error::Matrix { kind, message, .. } if matches!(*kind, ErrorKind::Forbidden) => {
            Error::bad_request(ErrorKind::InvalidRoomState, message)
        }
        error => error,
    }
}

/// Makes the room's row and its create event; from version 12 on that event names the room.
pub fn start(
    tx: &WriteTx<'_>,
    services: &Services,
    creator: &UserId,
    version: &RoomVersionId,
    content: CanonicalJsonObject,
) -> Result<Room> {
    let rules = version
        .rules()
        .ok_or_else(|| Error::internal("unknown room version"))?;
    let named_by_create = rules.authorization.room_create_event_id_as_room_id;
    let id = RoomId::new_v1(&services.config.server.name);
    let mut room = Room {
        nid: 0,
        id,
        version: version.clone(),
        rules,
        state_group: None,
    };
    let mut object = CanonicalJsonObject::new();
    for key in ["prev_events", "auth_events"] {
        object.insert(key.to_owned(), CanonicalJsonValue::Array(Vec::new()));
    }
    if !named_by_create {
        object.insert(
            "room_id".to_owned(),
            CanonicalJsonValue::String(room.id.to_string()),
        );
    }
    let new = NewEvent::state(creator, TimelineEventType::RoomCreate, "", content);
    let mut built = finish(services, &room, &new, object, 1)?;
    if named_by_create {
        let hash = built.pdu.event_id.as_str().trim_start_matches('$');
        room.id = RoomId::new_v2(hash).map_err(Error::internal)?;
        built.pdu.room_id.clone_from(&room.id);
    }
    let rules = &room.rules.authorization;
    ruma::state_res::check_state_independent_auth_rules(rules, &built.pdu, |_| {
        None::<super::pdu::ArcPdu>
    })
    .map_err(|reason| Error::bad_request(ErrorKind::InvalidRoomState, reason))?;
    tx.prepare_cached("INSERT INTO rooms (room_id, version, created_at) VALUES (?1, ?2, ?3)")?
        .execute((room.id.as_str(), version.as_str(), now_ms()))?;
    room.nid = tx.last_insert_rowid();
    insert(tx, &room, &mut built.pdu, &built.json, None)?;
    tx.prepare_cached("INSERT INTO extremities (room, event) VALUES (?1, ?2)")?
        .execute((room.nid, built.pdu.nid))?;
    apply(tx, services, &mut room, &built.pdu)?;
    Ok(room)
}

/// A request for a room, made definite.
struct Plan<'a> {
    creator: &'a UserId,
    request: &'a Request,
    version: RoomVersionId,
    preset: RoomPreset,
    creation: Map<String, Value>,
    privileged_creators: bool,
}

impl<'a> Plan<'a> {
    fn new(services: &Services, creator: &'a UserId, request: &'a Request) -> Result<Self> {
        let default = &services.config.rooms.default_version;
        let version = request
            .room_version
            .clone()
            .unwrap_or_else(|| default.clone());
        require_supported(&version)?;
        if !request.invite_3pid.is_empty() {
            let message = "This server cannot invite by e-mail or telephone number.";
            return Err(Error::bad_request(ErrorKind::ThreepidDenied, message));
        }
        if request.invite.len() > MAX_INVITES {
            let message = format!("Invite at most {MAX_INVITES} people at first.");
            return Err(Error::invalid_param(message));
        }
        if request.initial_state.len() > MAX_INITIAL_STATE {
            let message = format!("initial_state holds at most {MAX_INITIAL_STATE} events.");
            return Err(Error::invalid_param(message));
        }
        let preset = request.preset.clone().unwrap_or(match request.visibility {
            Visibility::Public => RoomPreset::PublicChat,
            _ => RoomPreset::PrivateChat,
        });
        let creation = match &request.creation_content {
            Some(raw) => serde_json::from_str(raw.json().get())?,
            None => Map::new(),
        };
        let rules = version
            .rules()
            .ok_or_else(|| Error::internal("unknown room version"))?;
        let privileged_creators = rules.authorization.explicitly_privilege_room_creators;
        Ok(Self {
            creator,
            request,
            version,
            preset,
            creation,
            privileged_creators,
        })
    }

    fn alias(&self, tx: &WriteTx<'_>, services: &Services) -> Result<Option<OwnedRoomAliasId>> {
        let Some(alias) = alias_of(services, self.request)? else {
            return Ok(None);
        };
        if aliases::room_of(tx, &alias)?.is_some() {
            let message = "This address belongs to another room.";
            return Err(Error::bad_request(ErrorKind::RoomInUse, message));
        }
        Ok(Some(alias))
    }

    fn create_content(&self) -> Result<CanonicalJsonObject> {
        let mut content = self.creation.clone();
        content.insert("room_version".to_owned(), json!(self.version));
        let has_creator_field = self
            .version
            .rules()
            .is_some_and(|rules| !rules.authorization.use_room_create_sender);
        if has_creator_field {
            content.insert("creator".to_owned(), json!(self.creator));
        } else {
            content.remove("creator");
        }
        let more = self.additional_creators();
        if !more.is_empty() {
            content.insert("additional_creators".to_owned(), json!(more));
        }
        content_of(&content)
    }

    fn trusts_invitees(&self) -> bool {
        self.preset == RoomPreset::TrustedPrivateChat
    }

    fn additional_creators(&self) -> Vec<OwnedUserId> {
        if !self.privileged_creators {
            return Vec::new();
        }
        let asked = self
            .creation
            .get("additional_creators")
            .and_then(Value::as_array);
        let asked = asked.into_iter().flatten().filter_map(Value::as_str);
        let mut more: Vec<_> = asked.filter_map(|id| UserId::parse(id).ok()).collect();
        if self.trusts_invitees() {
            more.extend(self.invitees().cloned());
        }
        more.retain(|user| user != self.creator);
        more.sort();
        more.dedup();
        more
    }

    fn invitees(&self) -> impl Iterator<Item = &'a OwnedUserId> {
        let mut seen = std::collections::BTreeSet::from([self.creator]);
        self.request
            .invite
            .iter()
            .filter(move |user| seen.insert(user))
    }

    fn power_levels(&self) -> Result<Value> {
        let mut users = Map::new();
        if !self.privileged_creators {
            users.insert(self.creator.to_string(), json!(100));
            if self.trusts_invitees() {
                users.extend(self.invitees().map(|user| (user.to_string(), json!(100))));
            }
        }
        let invite = if self.preset == RoomPreset::PublicChat {
            50
        } else {
            0
        };
        let tombstone = if self.privileged_creators { 150 } else { 100 };
        let mut content = json!({
            "users": users,
            "users_default": 0,
            "events": {
                "m.room.name": 50,
                "m.room.avatar": 50,
                "m.room.canonical_alias": 50,
                "m.room.power_levels": 100,
                "m.room.history_visibility": 100,
                "m.room.encryption": 100,
                "m.room.server_acl": 100,
                "m.room.tombstone": tombstone,
            },
            "events_default": 0,
            "state_default": 50,
            "ban": 50,
            "kick": 50,
            "redact": 50,
            "invite": invite,
            "historical": 100,
        });
        if let Some(changes) = &self.request.power_level_content_override {
            let changes: Map<String, Value> = serde_json::from_str(changes.json().get())?;
            for (key, value) in changes {
                content[key] = value;
            }
        }
        Ok(content)
    }

    fn preset_state(&self) -> [(&'static str, Value); 3] {
        let public = self.preset == RoomPreset::PublicChat;
        let (join_rule, guests) = if public {
            ("public", "forbidden")
        } else {
            ("invite", "can_join")
        };
        [
            ("m.room.join_rules", json!({ "join_rule": join_rule })),
            (
                "m.room.history_visibility",
                json!({ "history_visibility": "shared" }),
            ),
            ("m.room.guest_access", json!({ "guest_access": guests })),
        ]
    }

    fn initial_state(&self) -> Result<Vec<(String, String, Value)>> {
        #[derive(serde::Deserialize)]
        struct Initial {
            #[serde(rename = "type")]
            kind: String,
            #[serde(default)]
            state_key: String,
            content: Value,
        }
        let mut events = Vec::new();
        for raw in &self.request.initial_state {
            let event: Initial = serde_json::from_str(raw.json().get())?;
            if event.kind == "m.room.create" || event.kind == "m.room.member" {
                let message = format!("initial_state cannot hold {}.", event.kind);
                return Err(Error::bad_request(ErrorKind::InvalidRoomState, message));
            }
            events.push((event.kind, event.state_key, event.content));
        }
        Ok(events)
    }
}
