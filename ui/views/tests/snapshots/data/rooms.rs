//! Rows of the list of rooms.

use super::*;

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
