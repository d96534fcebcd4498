//! Made-up people and what they say.

use hardline_app::{
    ids::{OwnedRoomId, OwnedUserId, RoomId, UserId},
    view::{
        Avatar, Pending,
        room::{
            AttachmentRow, Block, ComposerState, DeliveryState, EncryptionMark, Inline, MessageRow,
            ReactionChip, ReplyQuote, RoomMembership, RoomState, Row, RowKind, Span,
        },
        room_details::{MemberRow, Permissions, Role, RoomDetailsState, RoomNotify},
        room_list::{AttachmentKind, Preview, RoomRow, RowMembership},
        settings::{
            About, AccountState, Appearance, CallSettings, DeviceRow, Notifications, SettingsState,
        },
    },
};

/// Milliseconds since 1970 now.
pub fn now() -> u64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    since.as_millis() as u64
}

/// `@name:example.org`
pub fn user(name: &str) -> OwnedUserId {
    UserId::parse(format!("@{name}:example.org")).unwrap()
}

/// `!name:example.org`
pub fn room_id(name: &str) -> OwnedRoomId {
    RoomId::parse(format!("!{name}:example.org")).unwrap()
}

fn avatar(initials: &str, color: u8) -> Avatar {
    Avatar {
        mxc: None,
        initials: initials.to_owned(),
        color,
    }
}

/// A row of the list.
pub fn room(name: &str, text: &str, unread: u64, minutes_ago: u64) -> RoomRow {
    RoomRow {
        room_id: room_id(&name.to_lowercase().replace(' ', "-")),
        name: name.to_owned(),
        avatar: avatar(&name[..1], (name.len() % 8) as u8),
        membership: RowMembership::Joined,
        is_direct: !name.contains(' '),
        is_encrypted: true,
        is_favourite: false,
        preview: Preview::Text {
            sender: None,
            own: false,
            text: text.to_owned(),
        },
        timestamp: Some(now() - minutes_ago * 60_000),
        unread,
        mentions: 0,
        marked_unread: false,
        muted: false,
        draft: None,
    }
}

/// The list.
pub fn rooms() -> Vec<RoomRow> {
    vec![
        room("Ada", "See you at the station", 2, 3),
        room("Field team", "On air in five", 0, 40),
        room("Grace", "It compiles!", 0, 60 * 26),
        room("Book club", "Chapter nine it is", 14, 60 * 80),
    ]
}

/// A message.
pub fn message(id: &str, sender: &str, text: &str) -> Row {
    let own = sender == "me";
    Row {
        id: id.to_owned(),
        kind: RowKind::Message(MessageRow {
            event_id: None,
            sender: user(sender),
            sender_name: sender.to_owned(),
            avatar: avatar(&sender[..1].to_uppercase(), (sender.len() % 8) as u8),
            own,
            group_start: true,
            group_end: true,
            timestamp: now() - 60_000,
            body: vec![Block::Paragraph(Inline::plain(text))],
            plain: text.to_owned(),
            emote: false,
            notice: false,
            big_emoji: false,
            attachment: None,
            undecryptable: None,
            redacted: false,
            edited: false,
            reply: None,
            reactions: Vec::new(),
            mentions_us: false,
            delivery: if own {
                DeliveryState::Seen
            } else {
                DeliveryState::NotOurs
            },
            read_by: Vec::new(),
            encryption: EncryptionMark::None,
            can_edit: own,
            can_redact: own,
            can_reply: true,
        }),
    }
}

/// A message with a picture.
pub fn picture(id: &str, sender: &str, name: &str) -> Row {
    edited(message(id, sender, ""), |message| {
        message.body = Vec::new();
        message.attachment = Some(AttachmentRow {
            kind: AttachmentKind::Image,
            name: name.to_owned(),
            size: Some(120_000),
            mime: Some("image/jpeg".to_owned()),
            dimensions: Some((1200, 800)),
            duration: None,
            blurhash: None,
            image_key: Some(format!("p:mxc://example.org/{id}")),
            full_key: Some(format!("f:mxc://example.org/{id}")),
            progress: None,
            failed: None,
        });
    })
}

fn edited(mut row: Row, change: impl FnOnce(&mut MessageRow)) -> Row {
    if let RowKind::Message(message) = &mut row.kind {
        change(message);
    }
    row
}

/// A conversation with one of everything.
pub fn timeline() -> Vec<Row> {
    let span = |text: &str| Span {
        text: text.to_owned(),
        ..Span::default()
    };
    let marked = Block::Paragraph(Inline {
        spans: vec![
            span("The "),
            Span {
                bold: true,
                ..span("8:12")
            },
            span(" goes from platform "),
            Span {
                code: true,
                ..span("4b")
            },
            span(", see "),
            Span {
                link: Some("https://example.org".to_owned()),
                ..span("the plan")
            },
            span("."),
        ],
    });
    vec![
        Row {
            id: "start".into(),
            kind: RowKind::Start,
        },
        Row {
            id: "day".into(),
            kind: RowKind::DayDivider(now()),
        },
        message("1", "ada", "Are you coming along tomorrow?"),
        edited(message("2", "me", "Yes! Which train?"), |message| {
            message.reply = Some(ReplyQuote {
                event_id: hardline_app::ids::EventId::parse("$1:example.org").unwrap(),
                sender_name: "ada".into(),
                preview: "Are you coming along tomorrow?".into(),
            });
        }),
        edited(
            message("3", "ada", "The 8:12 goes from platform 4b, see the plan."),
            |message| {
                message.body = vec![marked];
                message.reactions = vec![
                    ReactionChip {
                        key: "👍".into(),
                        count: 2,
                        own: true,
                        senders: vec!["me".into(), "grace".into()],
                    },
                    ReactionChip {
                        key: "🎉".into(),
                        count: 1,
                        own: false,
                        senders: vec!["grace".into()],
                    },
                ];
            },
        ),
        edited(message("4", "ada", "let x = 1;"), |message| {
            message.body = vec![
                Block::Heading {
                    level: 2,
                    text: Inline::plain("What to bring"),
                },
                Block::Item {
                    depth: 0,
                    number: None,
                    text: Inline::plain("Water"),
                },
                Block::Item {
                    depth: 0,
                    number: None,
                    text: Inline::plain("A map"),
                },
                Block::Quote(vec![Block::Paragraph(Inline::plain(
                    "No plan survives the first mile.",
                ))]),
                Block::Code {
                    language: "rust".into(),
                    text: "let miles = plan.len();\nwalk(miles);".into(),
                },
                Block::Table {
                    header: true,
                    rows: vec![
                        vec![Inline::plain("Stop"), Inline::plain("Time")],
                        vec![Inline::plain("North"), Inline::plain("9:40")],
                    ],
                },
            ];
        }),
        message("5", "me", "Perfect, see you there 👋"),
    ]
}

/// The room's header and composer.
pub fn room_state() -> RoomState {
    RoomState {
        room_id: room_id("ada"),
        name: "Ada".into(),
        topic: String::new(),
        avatar: avatar("A", 3),
        is_direct: true,
        is_encrypted: true,
        member_count: 2,
        membership: RoomMembership::Joined,
        can_send: true,
        can_call: false,
        identity_changed: None,
        paginating: Pending::Idle,
        at_start: true,
        typing: Vec::new(),
        unread_below: 0,
        composer: ComposerState {
            can_send: true,
            ..ComposerState::default()
        },
    }
}

/// What the room is.
pub fn details() -> RoomDetailsState {
    RoomDetailsState {
        room_id: room_id("ada"),
        name: "Ada".into(),
        topic: "Walks".into(),
        avatar: avatar("A", 3),
        alias: None,
        encrypted: true,
        direct: true,
        public: false,
        member_count: 2,
        members_loading: false,
        can: Permissions {
            send: true,
            invite: true,
            ..Permissions::default()
        },
        notify: RoomNotify::Default,
        pending: Pending::Idle,
    }
}

/// Who is in it.
pub fn members() -> Vec<MemberRow> {
    ["ada", "me"]
        .into_iter()
        .map(|name| MemberRow {
            user_id: user(name),
            name: name.to_owned(),
            avatar: avatar(&name[..1].to_uppercase(), (name.len() % 8) as u8),
            role: Role::Creator,
            invited: false,
            verified: name == "ada",
            ignored: false,
        })
        .collect()
}

/// Our account and devices.
pub fn settings() -> SettingsState {
    SettingsState {
        account: AccountState {
            user_id: user("me"),
            display_name: "Me".into(),
            avatar: avatar("M", 1),
            homeserver: "https://example.org".into(),
            pending: Pending::Idle,
            password_pending: Pending::Idle,
        },
        devices: vec![DeviceRow {
            device_id: "PHONE".into(),
            name: "Phone".into(),
            is_current: true,
            is_verified: true,
            last_seen: Some(now()),
        }],
        devices_pending: Pending::Idle,
        appearance: Appearance::default(),
        notifications: Notifications::default(),
        calls: CallSettings::default(),
        ignored: Vec::new(),
        own_server: None,
        own_server_pending: Pending::Idle,
        about: About {
            version: "0.1.0".into(),
            ..About::default()
        },
    }
}
