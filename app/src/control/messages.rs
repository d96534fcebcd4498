//! Commands about messages. They go out through the same send queue as the window's, so nothing is sent twice.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use matrix_sdk::{
    Room,
    attachment::AttachmentConfig,
    room::{
        edit::EditedContent,
        reply::{EnforceThread, Reply},
    },
    send_queue::{LocalEchoContent, RoomSendQueueUpdate, SendHandle},
};
use ruma::{
    EventId, OwnedEventId, OwnedTransactionId, TransactionId,
    events::{
        AnyMessageLikeEventContent,
        reaction::ReactionEventContent,
        relation::Annotation,
        room::message::{
            AddMentions, MessageType, RoomMessageEventContentWithoutRelation,
            TextMessageEventContent,
        },
    },
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{Failure, failure::CommandReason, rows};
use crate::{
    core::Core,
    media::{Attachment, max_upload_size},
    notice::Notice,
    rooms::actions::{self, RoomError},
    session::Session,
    text::outgoing::{Destination, Outgoing, compose},
    view::{
        Pending,
        room::{RoomAction, RoomEffect, Row, RowKind},
    },
};

/// How long a message may wait for the network before the command ends; the queue goes on.
const SEND_LIMIT: Duration = Duration::from_secs(90);
/// How long older rows may take to come.
const PAGINATE_LIMIT: Duration = Duration::from_secs(20);
/// How long a file may take to be fetched.
const SAVE_LIMIT: Duration = Duration::from_secs(300);

/// What is to be sent.
pub(super) struct Draft {
    pub(super) text: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) reply_to: Option<String>,
    pub(super) wait: bool,
}

pub(super) async fn send(session: &Session, room: &str, draft: Draft) -> Result<Value, Failure> {
    let room = open(session, room).await?;
    let reply = draft
        .reply_to
        .as_deref()
        .map(event_id)
        .transpose()?
        .map(|event_id| Reply {
            event_id,
            enforce_thread: EnforceThread::MaybeThreaded,
            add_mentions: AddMentions::Yes,
        });
    let content = match &draft.text {
        Some(text) => written(&room, text)?,
        None => None,
    };
    let (_, updates) = room
        .send_queue()
        .subscribe()
        .await
        .map_err(|error| of_any(&error))?;
    let transaction = match (draft.file, content) {
        (Some(path), caption) => queue_file(&room, &path, caption, reply).await?,
        (None, Some(content)) => {
            let message = match reply {
                Some(reply) => room
                    .make_reply_event(content, reply)
                    .await
                    .map_err(|error| of_any(&error))?,
                None => content.with_relation(None),
            };
            queue(&room, message.into(), updates.resubscribe()).await?
        }
        (None, None) => return Err(Failure::usage("there is nothing to send")),
    };
    if draft.wait {
        let event_id = sent(updates, &transaction).await?;
        return Ok(json!({ "room_id": room.room_id(), "event_id": event_id }));
    }
    Ok(json!({ "room_id": room.room_id(), "transaction_id": transaction }))
}

pub(super) async fn react(
    session: &Session,
    room: &str,
    event: &str,
    key: &str,
) -> Result<Value, Failure> {
    let room = open(session, room).await?;
    let reaction = ReactionEventContent::new(Annotation::new(event_id(event)?, key.to_owned()));
    queue_and_wait(&room, reaction.into()).await
}

pub(super) async fn edit(
    session: &Session,
    room: &str,
    event: &str,
    text: &str,
) -> Result<Value, Failure> {
    let room = open(session, room).await?;
    let content = written(&room, text)?.ok_or_else(|| Failure::usage("the new text is empty"))?;
    let edited = room
        .make_edit_event(&event_id(event)?, EditedContent::RoomMessage(content))
        .await;
    queue_and_wait(&room, edited.map_err(|error| of_any(&error))?).await
}

pub(super) async fn redact(
    session: &Session,
    room: &str,
    event: &str,
    reason: Option<&str>,
) -> Result<Value, Failure> {
    let room = open(session, room).await?;
    let answer = room.redact(&event_id(event)?, reason, None).await;
    let answer = answer.map_err(RoomError::from)?;
    Ok(json!({ "room_id": room.room_id(), "event_id": answer.event_id }))
}

pub(super) async fn timeline(
    core: &Core,
    session: &Session,
    room: &str,
    limit: usize,
) -> Result<Value, Failure> {
    let rows = rows_of(core, session, room, limit).await?;
    let shown: Vec<Value> = rows.iter().flat_map(rows::describe).collect();
    let skip = shown.len().saturating_sub(limit);
    Ok(shown.into_iter().skip(skip).collect())
}

pub(super) async fn save(
    core: &Core,
    session: &Session,
    room: &str,
    event: &str,
    path: &Path,
) -> Result<Value, Failure> {
    let wanted = event_id(event)?;
    let view = view(core, session, room).await?;
    let mut effects = view.effects();
    let rows = load(&view, |rows| rows.iter().any(|row| has_event(row, &wanted))).await;
    let row = rows
        .iter()
        .find(|row| has_event(row, &wanted))
        .ok_or_else(not_found)?;
    let _ = tokio::fs::remove_file(path).await;
    view.send(RoomAction::SaveAs {
        row: row.id.clone(),
        path: path.to_owned(),
    });
    let saved = async {
        loop {
            if tokio::fs::try_exists(path).await.unwrap_or_default() {
                return Ok(());
            }
            tokio::select! {
                effect = effects.recv() => if let Ok(RoomEffect::Toast(notice)) = effect {
                    return Err(Failure::from(notice));
                },
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
    };
    tokio::time::timeout(SAVE_LIMIT, saved)
        .await
        .map_err(|_| Failure::from(Notice::Offline))??;
    Ok(json!({ "path": path }))
}

async fn rows_of(
    core: &Core,
    session: &Session,
    room: &str,
    limit: usize,
) -> Result<Vec<Row>, Failure> {
    let view = view(core, session, room).await?;
    let enough = |rows: &[Row]| rows.iter().flat_map(rows::describe).count() >= limit;
    Ok(load(&view, enough).await)
}

async fn view(
    core: &Core,
    session: &Session,
    room: &str,
) -> Result<crate::view::room::RoomViewModel, Failure> {
    let room_id = actions::find(session, room).await?;
    core.open_room(&room_id).ok_or_else(Failure::not_signed_in)
}

/// Opens older rows until there are enough, the room begins, or they do not come.
async fn load(
    view: &crate::view::room::RoomViewModel,
    enough: impl Fn(&[Row]) -> bool,
) -> Vec<Row> {
    use futures_util::StreamExt as _;
    let (mut rows, mut changes) = view.rows();
    let mut state = view.state();
    let collected = |rows: &eyeball_im::Vector<Row>| rows.iter().cloned().collect::<Vec<_>>();
    let loading = async {
        let mut asked = false;
        loop {
            while let Some(Some(batch)) = futures_util::FutureExt::now_or_never(changes.next()) {
                batch.into_iter().for_each(|diff| diff.apply(&mut rows));
            }
            let now = state.borrow_and_update().clone();
            let idle = now.paginating != Pending::Busy;
            if enough(&collected(&rows)) || now.at_start {
                break;
            }
            if matches!(now.paginating, Pending::Failed(_)) && asked {
                break;
            }
            if idle {
                view.send(RoomAction::PaginateBack);
                asked = true;
            }
            tokio::select! {
                batch = changes.next() => match batch {
                    Some(batch) => batch.into_iter().for_each(|diff| diff.apply(&mut rows)),
                    None => break,
                },
                changed = state.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(Duration::from_millis(250)) => {}
            }
        }
        // What has just come is still being put into rows.
        while let Ok(Some(batch)) =
            tokio::time::timeout(Duration::from_millis(60), changes.next()).await
        {
            batch.into_iter().for_each(|diff| diff.apply(&mut rows));
        }
    };
    let _ = tokio::time::timeout(PAGINATE_LIMIT, loading).await;
    collected(&rows)
}

fn has_event(row: &Row, event_id: &EventId) -> bool {
    matches!(&row.kind, RowKind::Message(message) if message.event_id.as_deref() == Some(event_id))
}

async fn open(session: &Session, room: &str) -> Result<Room, Failure> {
    let room_id = actions::find(session, room).await?;
    Ok(actions::room(session, &room_id)?)
}

fn event_id(text: &str) -> Result<OwnedEventId, Failure> {
    EventId::parse(text).map_err(|_| not_found())
}

fn not_found() -> Failure {
    Failure::command(
        CommandReason::EventNotFound,
        "there is no such event in this room",
    )
}

/// Typed text as message content; `None` if there is none.
fn written(
    room: &Room,
    text: &str,
) -> Result<Option<RoomMessageEventContentWithoutRelation>, Failure> {
    let encrypted = room.encryption_state().is_encrypted();
    match compose(
        text,
        &[],
        Destination {
            encrypted,
            may_notify_room: false,
        },
    ) {
        Outgoing::Empty => Ok(None),
        Outgoing::Message(content) => Ok(Some(content)),
        Outgoing::TooLong { bytes, limit } => {
            Err(Notice::TooLongForMessage { bytes, limit }.into())
        }
    }
}

async fn queue_file(
    room: &Room,
    path: &Path,
    caption: Option<RoomMessageEventContentWithoutRelation>,
    reply: Option<Reply>,
) -> Result<OwnedTransactionId, Failure> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let limit = max_upload_size(&room.client()).await;
    let file = Attachment::read(path, limit)
        .await
        .map_err(|error| error.notice(&name))?;
    let prepared = file.prepare().await.map_err(|error| error.notice(&name))?;
    let transaction = TransactionId::new();
    let config = AttachmentConfig::new()
        .txn_id(transaction.clone())
        .info(prepared.info)
        .thumbnail(prepared.thumbnail)
        .caption(caption.and_then(text_of))
        .reply(reply);
    let queued = room
        .send_queue()
        .send_attachment(
            file.name.clone(),
            file.mime.clone(),
            file.bytes.to_vec(),
            config,
        )
        .await;
    queued.map_err(|error| of_any(&error))?;
    Ok(transaction)
}

fn text_of(content: RoomMessageEventContentWithoutRelation) -> Option<TextMessageEventContent> {
    match content.msgtype {
        MessageType::Text(text) => Some(text),
        _ => None,
    }
}

async fn queue_and_wait(
    room: &Room,
    content: AnyMessageLikeEventContent,
) -> Result<Value, Failure> {
    let (_, updates) = room
        .send_queue()
        .subscribe()
        .await
        .map_err(|error| of_any(&error))?;
    let transaction = queue(room, content, updates.resubscribe()).await?;
    let event_id = sent(updates, &transaction).await?;
    Ok(json!({ "room_id": room.room_id(), "event_id": event_id }))
}

/// Hands a message to the send queue; says under which transaction id it goes.
async fn queue(
    room: &Room,
    content: AnyMessageLikeEventContent,
    mut updates: broadcast::Receiver<RoomSendQueueUpdate>,
) -> Result<OwnedTransactionId, Failure> {
    let raw = serde_json::to_string(&content).map_err(|error| of_any(&error))?;
    let handle = room
        .send_queue()
        .send(content)
        .await
        .map_err(|error| of_any(&error))?;
    while let Ok(update) = updates.try_recv() {
        if let RoomSendQueueUpdate::NewLocalEvent(echo) = update
            && is_ours(&echo.content, &handle, &raw)
        {
            return Ok(echo.transaction_id);
        }
    }
    Err(Notice::SendFailed { recoverable: true }.into())
}

/// The queue does not say which echo is of which call: the moment and the content tell.
fn is_ours(content: &LocalEchoContent, handle: &SendHandle, raw: &str) -> bool {
    match content {
        LocalEchoContent::Event {
            serialized_event,
            send_handle,
            ..
        } => {
            send_handle.created_at == handle.created_at
                && serialized_event.raw().0.json().get() == raw
        }
        LocalEchoContent::React { .. } | LocalEchoContent::Redaction { .. } => false,
    }
}

/// Waits until the server has the message.
async fn sent(
    mut updates: broadcast::Receiver<RoomSendQueueUpdate>,
    transaction: &TransactionId,
) -> Result<OwnedEventId, Failure> {
    let waiting = async {
        loop {
            match updates.recv().await {
                Ok(RoomSendQueueUpdate::SentEvent {
                    transaction_id,
                    event_id,
                }) if *transaction_id == *transaction => {
                    return Ok(event_id);
                }
                Ok(RoomSendQueueUpdate::SendError {
                    transaction_id,
                    error,
                    is_recoverable: false,
                }) if *transaction_id == *transaction => {
                    return Err(of_send(&error));
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => {
                    return Err(Notice::SendFailed { recoverable: true }.into());
                }
            }
        }
    };
    tokio::time::timeout(SEND_LIMIT, waiting)
        .await
        .map_err(|_| Failure::from(Notice::SendFailed { recoverable: true }))?
}

fn of_send(error: &Arc<matrix_sdk::Error>) -> Failure {
    match crate::failure::of_sdk(error, crate::failure::Doing::InRoom) {
        Notice::Unexpected { .. } => Notice::SendFailed { recoverable: false }.into(),
        notice => notice.into(),
    }
}

fn of_any(error: &(dyn std::error::Error + 'static)) -> Failure {
    crate::failure::of_any(error).into()
}
