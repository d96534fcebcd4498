//! Conversations.

use super::*;

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
            id: "o0".into(),
            kind: RowKind::Locked,
            undecryptable: UndecryptableReason::BeforeSignIn,
            count: 57,
            ..Default::default()
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
