//! People, rooms and messages to draw.

use hardline_views::*;
use slint::{Image, ModelRc, Rgba8Pixel, SharedPixelBuffer, SharedString, StyledText, VecModel};

pub fn model<T: Clone + 'static>(rows: Vec<T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from(rows))
}

pub fn s(text: &str) -> SharedString {
    text.into()
}

/// A landscape made of a gradient, hills and a sun.
pub fn picture(w: u32, h: u32) -> Image {
    let mut buffer = SharedPixelBuffer::<Rgba8Pixel>::new(w, h);
    let pixels = buffer.make_mut_slice();
    for y in 0..h {
        for x in 0..w {
            let (fx, fy) = (x as f32 / w as f32, y as f32 / h as f32);
            let hill = 0.62 + 0.10 * (fx * 6.0).sin() + 0.03 * (fx * 17.0).sin();
            let far = 0.50 + 0.08 * (fx * 4.0 + 1.0).cos();
            let sun =
                ((fx - 0.72).powi(2) * (w as f32 / h as f32).powi(2) + (fy - 0.28).powi(2)).sqrt();
            let (r, g, b) = if fy > hill {
                (38.0, 92.0 - 30.0 * fy, 84.0)
            } else if fy > far {
                (84.0, 128.0, 140.0)
            } else if sun < 0.09 {
                (255.0, 236.0, 190.0)
            } else {
                (
                    250.0 - 60.0 * (1.0 - fy * 1.6),
                    176.0 + 20.0 * fy,
                    130.0 + 100.0 * (1.0 - fy * 1.8),
                )
            };
            pixels[(y * w + x) as usize] =
                Rgba8Pixel::new(r as u8, g as u8, b.clamp(0.0, 255.0) as u8, 255);
        }
    }
    Image::from_rgba8(buffer)
}

pub fn avatar(name: &str, color: i32) -> AvatarData {
    let initials: String = name
        .split_whitespace()
        .take(2)
        .filter_map(|w| w.chars().next())
        .collect::<String>()
        .to_uppercase();
    AvatarData {
        initials: initials.as_str().into(),
        color,
        ..Default::default()
    }
}

pub fn room(name: &str, color: i32, text: &str, time: &str) -> RoomRowData {
    RoomRowData {
        room_id: format!("!{name}:example.org").as_str().into(),
        name: s(name),
        avatar: avatar(name, color),
        is_encrypted: true,
        preview: PreviewKind::Text,
        preview_text: s(text),
        time: s(time),
        ..Default::default()
    }
}

pub fn rooms() -> Vec<RoomRowData> {
    vec![
        RoomRowData {
            is_direct: true,
            unread: 2,
            ..room("Ada Lovelace", 0, "See you at the station at six?", "12:04")
        },
        RoomRowData {
            preview_sender: s("Bo"),
            unread: 128,
            mentions: 1,
            ..room(
                "Field team",
                3,
                "we are on air in five minutes, please mute",
                "11:58",
            )
        },
        RoomRowData {
            is_direct: true,
            preview: PreviewKind::Typing,
            preview_text: s("Grace"),
            is_favourite: true,
            ..room("Grace Hopper", 5, "", "11:40")
        },
        RoomRowData {
            membership: RowMembership::Invited,
            inviter: s("Katherine Johnson"),
            ..room("Trajectories", 2, "", "10:21")
        },
        RoomRowData {
            preview_own: true,
            preview: PreviewKind::Attachment,
            preview_attachment: AttachmentKind::Image,
            ..room("Mountain club", 1, "", "09:12")
        },
        RoomRowData {
            draft: s("The thing about the antenna is"),
            is_direct: true,
            ..room("Hedy Lamarr", 6, "", "Yesterday")
        },
        RoomRowData {
            muted: true,
            unread: 47,
            preview_sender: s("ci-bot"),
            ..room("Builds", 4, "nightly #2041 passed", "Yesterday")
        },
        RoomRowData {
            preview: PreviewKind::Encrypted,
            ..room("Neighbours", 7, "", "Mon")
        },
        RoomRowData {
            preview: PreviewKind::Redacted,
            is_direct: true,
            ..room("Emmy Noether", 2, "", "Sun")
        },
        RoomRowData {
            preview_sender: s("Lise"),
            ..room(
                "A room with a name so long that it cannot possibly fit on one line of any screen",
                1,
                "and a message that goes on and on and on beyond what anybody would read in a list",
                "4 Mar",
            )
        },
        RoomRowData {
            preview_sender: s("نور"),
            ..room(
                "غرفة المشروع",
                3,
                "أراكم غدًا في المكتب الساعة التاسعة",
                "3 Mar",
            )
        },
        RoomRowData {
            preview: PreviewKind::Change,
            preview_sender: s("Alan"),
            marked_unread: true,
            ..room("Bletchley", 0, "", "2 Mar")
        },
        room("Matrix HQ", 5, "Welcome to the room", "1 Mar"),
    ]
}

pub fn many_rooms(n: usize) -> Vec<RoomRowData> {
    (0..n)
        .map(|i| RoomRowData {
            unread: (i % 7 == 0) as i32 * 3,
            ..room(
                &format!("Room {i}"),
                i as i32,
                "Something was said here",
                "12:00",
            )
        })
        .collect()
}

pub fn styled(markdown: &str) -> StyledText {
    StyledText::from_markdown(markdown).unwrap_or_else(|_| StyledText::from_plain_text(markdown))
}

pub fn paragraph(text: &str) -> BlockData {
    BlockData {
        kind: BlockKind::Paragraph,
        styled: StyledText::from_plain_text(text),
        text: s(text),
        plain: true,
        ..Default::default()
    }
}

pub fn marked(markdown: &str) -> BlockData {
    BlockData {
        kind: BlockKind::Paragraph,
        styled: styled(markdown),
        text: s(markdown),
        ..Default::default()
    }
}

pub fn item(depth: i32, number: &str, markdown: &str) -> BlockData {
    BlockData {
        kind: BlockKind::Item,
        depth,
        number: s(number),
        ..marked(markdown)
    }
}

pub struct Who(pub &'static str, pub &'static str, pub i32);
pub const ADA: Who = Who("Ada Lovelace", "@ada:example.org", 0);
pub const BO: Who = Who("Bo", "@bo:example.org", 3);
pub const ME: Who = Who("Me", "@me:example.org", 5);

pub fn message(id: &str, who: &Who, blocks: Vec<BlockData>, time: &str) -> RowData {
    let plain: Vec<String> = blocks.iter().map(|b| b.text.to_string()).collect();
    let own = who.1 == ME.1;
    RowData {
        id: s(id),
        kind: RowKind::Message,
        sender_id: s(who.1),
        sender_name: s(who.0),
        avatar: avatar(who.0, who.2),
        own,
        group_start: true,
        group_end: true,
        time: s(time),
        long_time: s("Wednesday 4 March 2026, 12:04"),
        plain: s(&plain.join("\n")),
        body: model(blocks),
        delivery: if own {
            DeliveryState::Seen
        } else {
            DeliveryState::NotOurs
        },
        can_reply: true,
        can_edit: own,
        can_redact: own,
        ..Default::default()
    }
}

pub fn say(id: &str, who: &Who, text: &str, time: &str) -> RowData {
    message(id, who, vec![paragraph(text)], time)
}

pub fn file(kind: AttachmentKind, name: &str) -> AttachmentData {
    AttachmentData {
        kind,
        name: s(name),
        size: s("2.4 MB"),
        progress: -1,
        ..Default::default()
    }
}

pub fn with_file(row: RowData, attachment: AttachmentData) -> RowData {
    RowData {
        has_attachment: true,
        attachment,
        ..row
    }
}

pub fn day(day: DayKind, text: &str) -> RowData {
    RowData {
        id: s(&format!("day-{text}")),
        kind: RowKind::Day,
        day,
        text: s(text),
        ..Default::default()
    }
}

pub fn reactions(list: &[(&str, i32, bool)]) -> ModelRc<ReactionData> {
    model(
        list.iter()
            .map(|(key, count, own)| ReactionData {
                key: s(key),
                count: *count,
                own: *own,
                senders: s("Ada, Bo"),
            })
            .collect(),
    )
}

/// A conversation of one day, as it comes.
pub fn conversation() -> Vec<RowData> {
    vec![
        RowData {
            id: s("start"),
            kind: RowKind::Start,
            ..Default::default()
        },
        RowData {
            id: s("made"),
            kind: RowKind::Change,
            change: RoomChangeKind::Encrypted,
            sender_name: s("Ada"),
            ..Default::default()
        },
        day(DayKind::Yesterday, "y"),
        RowData {
            id: s("members"),
            kind: RowKind::Members,
            members: model(vec![
                MemberChangeData {
                    kind: MemberChangeKind::Joined,
                    name: s("Bo"),
                    ..Default::default()
                },
                MemberChangeData {
                    kind: MemberChangeKind::Invited,
                    name: s("Grace"),
                    by: s("Ada"),
                    ..Default::default()
                },
                MemberChangeData {
                    kind: MemberChangeKind::Renamed,
                    name: s("Lise"),
                    by: s("Lise M."),
                    ..Default::default()
                },
            ]),
            ..Default::default()
        },
        RowData {
            group_end: false,
            ..say(
                "1",
                &ADA,
                "Good morning! The new antenna came today.",
                "09:02",
            )
        },
        RowData {
            group_start: false,
            reactions: reactions(&[(":)", 3, true), ("+1", 1, false)]),
            ..say(
                "2",
                &ADA,
                "It is a bit larger than I thought, so we will need a second pair of hands to put it on the roof before the wind picks up.",
                "09:04",
            )
        },
        with_file(
            message("3", &BO, vec![], "09:10"),
            AttachmentData {
                width: 1200,
                height: 800,
                image: picture(600, 400),
                has_image: true,
                ..file(AttachmentKind::Image, "roof.jpg")
            },
        ),
        RowData {
            group_end: false,
            ..say("4", &ME, "Nice view up there.", "09:12")
        },
        RowData {
            group_start: false,
            has_reply: true,
            reply: ReplyData {
                sender_name: s("Ada Lovelace"),
                preview: s("It is a bit larger than I thought, so we will need"),
                color: 0,
            },
            ..say(
                "5",
                &ME,
                "I can come over at six, is that early enough?",
                "09:13",
            )
        },
        day(DayKind::Today, "t"),
        with_file(
            say("6", &ADA, "The drawing, with the measures", "11:31"),
            file(AttachmentKind::File, "antenna-mount-drawing-final-2.pdf"),
        ),
        RowData {
            edited: true,
            ..message(
                "7",
                &BO,
                vec![marked(
                    "**Six is fine.** Bring the _long_ ladder; see [the plan](https://example.org)",
                )],
                "11:45",
            )
        },
        RowData {
            id: s("marker"),
            kind: RowKind::ReadMarker,
            ..Default::default()
        },
        RowData {
            mentions_us: true,
            ..message(
                "8",
                &ADA,
                vec![marked(
                    "[@me](https://matrix.to/#/@me:example.org) see you at the station at six?",
                )],
                "12:04",
            )
        },
        RowData {
            group_end: false,
            delivery: DeliveryState::Sent,
            ..say("9", &ME, "Yes!", "12:05")
        },
        RowData {
            group_start: false,
            delivery: DeliveryState::Sending,
            ..say("10", &ME, "I’ll bring the ladder and the rope.", "12:05")
        },
    ]
}

/// Everything HTML can bring.
pub fn formatted() -> Vec<RowData> {
    let cell = |t: &str, share: f32| CellData {
        share,
        styled: styled(t),
        text: s(t),
    };
    let quote = |b: BlockData| BlockData { quote: 1, ..b };
    vec![
        message(
            "f1",
            &ADA,
            vec![
                BlockData {
                    kind: BlockKind::Heading,
                    level: 1,
                    ..marked("**Release notes**")
                },
                marked(
                    "This one has **bold**, _italic_, ~~strike~~, `code` and [a link](https://example.org).",
                ),
                BlockData {
                    kind: BlockKind::Heading,
                    level: 3,
                    ..marked("**What is new**")
                },
                item(0, "", "Rooms open at once"),
                item(0, "", "Lists may"),
                item(1, "", "nest"),
                item(
                    1,
                    "",
                    "and wrap when a line is longer than the bubble can hold",
                ),
                item(0, "1.", "Or count"),
                item(0, "2.", "on you"),
                quote(paragraph(
                    "A quote, as somebody said it long ago, and which takes more than a line.",
                )),
                BlockData {
                    kind: BlockKind::Code,
                    language: s("rust"),
                    text: s("fn main() {\n    println!(\"Hello, world\");\n}"),
                    ..Default::default()
                },
                BlockData {
                    kind: BlockKind::Table,
                    table: model(vec![
                        TableRowData {
                            header: true,
                            cells: model(vec![
                                cell("**Room**", 0.36),
                                cell("**Members**", 0.3),
                                cell("**State**", 0.34),
                            ]),
                        },
                        TableRowData {
                            header: false,
                            cells: model(vec![
                                cell("Field team", 0.36),
                                cell("12", 0.3),
                                cell("encrypted", 0.34),
                            ]),
                        },
                        TableRowData {
                            header: false,
                            cells: model(vec![
                                cell("Matrix HQ", 0.36),
                                cell("8,204", 0.3),
                                cell("open", 0.34),
                            ]),
                        },
                    ]),
                    ..Default::default()
                },
                BlockData {
                    kind: BlockKind::Rule,
                    ..Default::default()
                },
                BlockData {
                    spoiler: true,
                    spoiler_start: true,
                    spoiler_reason: s("the end of the film"),
                    ..paragraph("He was a ghost.")
                },
                BlockData {
                    kind: BlockKind::Image,
                    text: s("a chart"),
                    source: s("mxc://x/y"),
                    ..Default::default()
                },
            ],
            "12:00",
        ),
        message(
            "f2",
            &ME,
            vec![
                marked("My own with `code`, a [link](https://example.org) and **weight**."),
                quote(paragraph("and a quote")),
            ],
            "12:01",
        ),
    ]
}

/// All the unusual states of a message.
pub fn odd() -> Vec<RowData> {
    vec![
        day(DayKind::Other, "Wednesday 4 March"),
        RowData {
            undecryptable: UndecryptableReason::Waiting,
            ..message("o1", &ADA, vec![], "12:00")
        },
        RowData {
            undecryptable: UndecryptableReason::BeforeSignIn,
            ..message("o2", &BO, vec![], "12:00")
        },
        RowData {
            redacted: true,
            ..message("o3", &ADA, vec![], "12:01")
        },
        RowData {
            encryption: EncryptionMark::UnverifiedDevice,
            ..say("o4", &BO, "Sent from my kitchen", "12:02")
        },
        RowData {
            encryption: EncryptionMark::SentInClear,
            ..say("o5", &ADA, "Hello", "12:02")
        },
        with_file(
            message("o6", &ADA, vec![], "12:03"),
            AttachmentData {
                duration: s("3:07"),
                progress: 40,
                ..file(AttachmentKind::Audio, "song.ogg")
            },
        ),
        with_file(
            message("o7", &BO, vec![], "12:03"),
            AttachmentData {
                failed: NoticeData {
                    kind: NoticeKind::Offline,
                    ..Default::default()
                },
                ..file(AttachmentKind::Image, "lost.png")
            },
        ),
        RowData {
            delivery: DeliveryState::Failed,
            recoverable: true,
            failure: NoticeData {
                kind: NoticeKind::SendFailed,
                flag: true,
                ..Default::default()
            },
            ..say("o8", &ME, "This one did not get through", "12:04")
        },
        RowData {
            emote: true,
            ..say("o9", &ADA, "waves at everybody", "12:05")
        },
        RowData {
            read_by: model(
                (0..8)
                    .map(|i| ReaderData {
                        user_id: s("@x:y"),
                        name: s("X"),
                        avatar: avatar("X Y", i),
                    })
                    .collect(),
            ),
            ..say("o10", &ME, "Read by many", "12:06")
        },
    ]
}

/// Right-to-left and long names.
pub fn rtl() -> Vec<RowData> {
    const NOUR: Who = Who("نور الهدى", "@nour:example.org", 4);
    const LONG: Who = Who(
        "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff Senior",
        "@h:example.org",
        6,
    );
    vec![
        day(DayKind::Today, "t"),
        RowData {
            rtl: true,
            ..say("r1", &NOUR, "صباح الخير، هل وصل الهوائي الجديد؟", "09:00")
        },
        RowData {
            rtl: true,
            ..say(
                "r2",
                &ME,
                "نعم، وصل اليوم. سنركّبه على السطح مساءً قبل أن تشتد الرياح.",
                "09:01",
            )
        },
        say(
            "r3",
            &LONG,
            "Averylongwordwithoutanyspacesinitthatmustnevertheless\u{AD}notpushthebubbleoutofthewindowatall",
            "09:02",
        ),
        RowData {
            rtl: true,
            ..say("r4", &NOUR, "שלום לכולם, hello 123", "09:03")
        },
    ]
}

pub fn many(n: usize) -> Vec<RowData> {
    (0..n)
        .map(|i| {
            let who = [&ADA, &BO, &ME][i % 3];
            let text = format!(
                "Message {i}. {}",
                "It has some words in it. ".repeat(1 + i * 7 % 5)
            );
            say(&format!("m{i}"), who, text.trim(), "12:00")
        })
        .collect()
}

pub fn members(n: usize) -> Vec<MemberData> {
    [
        "Ada Lovelace",
        "Bo",
        "Grace Hopper",
        "Hedy Lamarr",
        "Emmy Noether",
        "Katherine Johnson",
        "Lise Meitner",
    ]
    .iter()
    .cycle()
    .take(n)
    .enumerate()
    .map(|(i, name)| MemberData {
        user_id: s(&format!(
            "@{}{i}:example.org",
            name.to_lowercase().replace(' ', ".")
        )),
        name: s(name),
        avatar: avatar(name, i as i32),
        role: [
            MemberRole::Creator,
            MemberRole::Admin,
            MemberRole::Moderator,
            MemberRole::Member,
        ][i.min(3)],
        verified: i == 1,
        invited: i == 5,
        own: i == 4,
        ..Default::default()
    })
    .collect()
}

pub fn people() -> Vec<PersonData> {
    [
        ("Grace Hopper", "@grace:example.org", 5),
        ("Graham Bell", "@bell:example.org", 1),
        ("Grazia Deledda", "@grazia:nuoro.it", 3),
    ]
    .iter()
    .enumerate()
    .map(|(i, (name, id, color))| PersonData {
        user_id: s(id),
        name: s(name),
        avatar: avatar(name, *color),
        chosen: i == 1,
    })
    .collect()
}

pub fn failed(kind: NoticeKind, text: &str) -> PendingData {
    PendingData {
        state: PendingState::Failed,
        notice: NoticeData {
            kind,
            text: s(text),
            ..Default::default()
        },
        ..Default::default()
    }
}
