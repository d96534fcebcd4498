//! What rows of a timeline are made of.

use super::*;

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
        on_server: true,
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
