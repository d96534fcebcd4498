//! Messages: their text, what they answer, reactions, readers.

use matrix_sdk_ui::timeline::{
    EventTimelineItem, InReplyToDetails, Message, MsgLikeContent, MsgLikeKind, PollState,
    TimelineDetails, TimelineItemContent,
};
use ruma::{
    UserId,
    events::room::message::{FormattedBody, MessageFormat, MessageType},
};

use super::{
    MapContext, Transfer, attachment,
    delivery::{delivery, progress},
    encryption_mark,
};
use crate::{
    text::{self, blocks_from_html, blocks_from_plain, emoji, formatted, gist, one_line},
    view::room::{Block, EncryptionMark, Inline, MessageRow, ReactionChip, ReplyQuote, Span},
};

/// Characters of a message a quote or preview shows.
const PREVIEW: usize = 120;
/// Readers and reactors named; the rest are counted.
const NAMED: usize = 24;
/// Kinds of reaction shown under a message.
const REACTIONS: usize = 64;

/// The row of a message.
pub(super) fn map(
    event: &EventTimelineItem,
    content: &MsgLikeContent,
    context: &MapContext,
) -> MessageRow {
    let mut row = frame(event, content, context);
    match &content.kind {
        MsgLikeKind::Message(message) => fill_message(&mut row, message, context),
        MsgLikeKind::Sticker(sticker) => {
            row.attachment = Some(attachment::of_sticker(sticker.content(), &context.media));
            row.plain = one_line(&sticker.content().body, PREVIEW);
        }
        MsgLikeKind::Poll(poll) => {
            row.body = poll_blocks(poll);
            row.plain = text::plain_text(&row.body);
        }
        MsgLikeKind::Redacted => {
            row.redacted = true;
            row.can_edit = false;
            row.can_redact = false;
            row.can_reply = false;
            row.reactions.clear();
            row.reply = None;
        }
        MsgLikeKind::UnableToDecrypt(message) => {
            context.wanted.key();
            row.undecryptable = Some(encryption_mark::reason(message));
            row.can_reply = false;
        }
        MsgLikeKind::Other(_) | MsgLikeKind::LiveLocation(_) => {}
    }
    if let Some(attachment) = &mut row.attachment {
        attachment.progress = progress(event);
        match event
            .event_id()
            .and_then(|event_id| context.transfers.get(event_id))
        {
            Some(Transfer::Busy) => attachment.progress = Some(0),
            Some(Transfer::Failed(notice)) => attachment.failed = Some(notice.clone()),
            None => {}
        }
    }
    row
}

fn frame(event: &EventTimelineItem, content: &MsgLikeContent, context: &MapContext) -> MessageRow {
    let sender = event.sender();
    let own = event.is_own();
    let person = context.names.of(sender, Some(event.sender_profile()));
    let on_server = event.event_id().is_some();
    if let (Some(reply), Some(event_id)) = (&content.in_reply_to, event.event_id())
        && reply.event.is_unavailable()
        && !event.is_local_echo()
    {
        context.wanted.reply(&event_id.to_owned());
    }
    let may_redact = if own {
        context.can.redact_own
    } else {
        context.can.redact_others
    };
    MessageRow {
        event_id: event.event_id().map(ToOwned::to_owned),
        sender: sender.to_owned(),
        sender_name: person.name(sender),
        avatar: person.avatar(sender),
        own,
        group_start: true,
        group_end: true,
        timestamp: event.timestamp().get().into(),
        body: Vec::new(),
        plain: String::new(),
        emote: false,
        notice: false,
        big_emoji: false,
        attachment: None,
        undecryptable: None,
        redacted: false,
        edited: false,
        reply: content
            .in_reply_to
            .as_ref()
            .map(|reply| quote(reply, context)),
        reactions: reactions(content, context),
        mentions_us: event.is_highlighted(),
        delivery: delivery(event),
        read_by: readers(event, context),
        encryption: if matches!(content.kind, MsgLikeKind::Redacted) {
            EncryptionMark::None
        } else {
            encryption_mark::mark(event)
        },
        can_edit: event.is_editable() && context.can.send,
        can_redact: on_server && may_redact,
        can_reply: context.can.send && event.can_be_replied_to(),
    }
}

fn fill_message(row: &mut MessageRow, message: &Message, context: &MapContext) {
    let own = Some(&*context.own_id);
    row.edited = message.is_edited();
    row.mentions_us |= message
        .mentions()
        .is_some_and(|mentions| mentions.user_ids.contains(&context.own_id));
    row.emote = matches!(message.msgtype(), MessageType::Emote(_));
    row.notice = matches!(
        message.msgtype(),
        MessageType::Notice(_) | MessageType::ServerNotice(_)
    );
    if let Some(attachment) = attachment::of_message(message.msgtype(), &context.media) {
        if let Some(caption) = &attachment.caption {
            (row.body, row.plain) = body(caption, attachment.formatted.as_ref(), own);
        }
        row.attachment = Some(attachment.row);
        return;
    }
    let formatted = formatted(message.msgtype());
    (row.body, row.plain) = body(message.body(), formatted, own);
    row.big_emoji = matches!(message.msgtype(), MessageType::Text(_))
        && formatted.is_none()
        && emoji::is_big(message.body());
}

/// Blocks of a body and the text alone.
fn body(
    plain: &str,
    formatted: Option<&FormattedBody>,
    own: Option<&UserId>,
) -> (Vec<Block>, String) {
    let html = formatted.filter(|formatted| formatted.format == MessageFormat::Html);
    if let Some(html) = html {
        let blocks = blocks_from_html(&html.body, own);
        if !blocks.is_empty() {
            let text = text::plain_text(&blocks);
            return (blocks, text);
        }
    }
    (
        blocks_from_plain(plain, own),
        text::tame(plain).into_owned(),
    )
}

/// The typed text of a message and its formatted form, for an edit.
pub(crate) fn text_of(message: &Message) -> (String, Option<String>) {
    let html =
        |formatted: Option<&FormattedBody>| formatted.map(|formatted| formatted.body.clone());
    match message.msgtype() {
        MessageType::Image(image) => (caption(image.caption()), html(image.formatted_caption())),
        MessageType::Video(video) => (caption(video.caption()), html(video.formatted_caption())),
        MessageType::Audio(audio) => (caption(audio.caption()), html(audio.formatted_caption())),
        MessageType::File(file) => (caption(file.caption()), html(file.formatted_caption())),
        MessageType::Emote(emote) => (
            format!("/me {}", emote.body),
            html(emote.formatted.as_ref()),
        ),
        other => (other.body().to_owned(), html(formatted(other))),
    }
}

fn caption(caption: Option<&str>) -> String {
    caption.unwrap_or_default().to_owned()
}

fn poll_blocks(poll: &PollState) -> Vec<Block> {
    let results = poll.results();
    let question = Span {
        text: one_line(&results.question, 500),
        bold: true,
        ..Span::default()
    };
    let mut blocks = vec![Block::Paragraph(Inline {
        spans: vec![question],
    })];
    blocks.extend(results.answers.iter().take(40).map(|answer| {
        let votes = results.votes.get(&answer.id).map_or(0, Vec::len);
        Block::Item {
            depth: 0,
            number: None,
            text: Inline::plain(format!("{} ({votes})", one_line(&answer.text, 200))),
        }
    }));
    blocks
}

fn quote(reply: &InReplyToDetails, context: &MapContext) -> ReplyQuote {
    let (sender_name, preview) = match &reply.event {
        TimelineDetails::Ready(event) => (
            context
                .names
                .of(&event.sender, Some(&event.sender_profile))
                .name(&event.sender),
            preview(&event.content),
        ),
        _ => (String::new(), String::new()),
    };
    ReplyQuote {
        event_id: reply.event_id.clone(),
        sender_name,
        preview,
    }
}

/// One line of what an item says; spoilers stay hidden.
pub(crate) fn preview(content: &TimelineItemContent) -> String {
    let Some(content) = content.as_msglike() else {
        return String::new();
    };
    match &content.kind {
        MsgLikeKind::Message(message) => gist(message.msgtype(), PREVIEW),
        MsgLikeKind::Sticker(sticker) => one_line(&sticker.content().body, PREVIEW),
        MsgLikeKind::Poll(poll) => one_line(&poll.results().question, PREVIEW),
        _ => String::new(),
    }
}

fn reactions(content: &MsgLikeContent, context: &MapContext) -> Vec<ReactionChip> {
    content
        .reactions
        .iter()
        .take(REACTIONS)
        .map(|(key, senders)| ReactionChip {
            key: one_line(key, 32),
            count: u32::try_from(senders.len()).unwrap_or(u32::MAX),
            own: senders.contains_key(&context.own_id),
            senders: senders
                .keys()
                .take(NAMED)
                .map(|user_id| context.names.name(user_id))
                .collect(),
        })
        .collect()
}

fn readers(
    event: &EventTimelineItem,
    context: &MapContext,
) -> Vec<(ruma::OwnedUserId, String, crate::view::Avatar)> {
    event
        .read_receipts()
        .keys()
        .filter(|user_id| **user_id != context.own_id && *user_id != event.sender())
        .take(NAMED)
        .map(|user_id| {
            let person = context.names.of(user_id, None);
            (
                user_id.clone(),
                person.name(user_id),
                person.avatar(user_id),
            )
        })
        .collect()
}
