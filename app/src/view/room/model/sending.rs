//! Sending: messages, replies, edits, files, long texts as files.

use std::path::PathBuf;

use matrix_sdk::room::edit::EditedContent;
use matrix_sdk_ui::timeline::{AttachmentConfig, AttachmentSource, TimelineEventItemId};
use ruma::events::room::message::{
    FormattedBody, MessageType, RoomMessageEventContentWithoutRelation, TextMessageEventContent,
};

use super::{
    super::RoomEffect,
    composer::{Mode, Upload},
    driver::Model,
    items::notice_of,
    lookups::Outcome,
    removal,
};
use crate::{
    media::{Attachment, max_upload_size},
    notice::Notice,
    text::outgoing::{Outgoing, compose},
};

/// Name of a long text sent as a file.
const TEXT_FILE: &str = "message.txt";

impl Model {
    /// Sends what is in the composer.
    pub(super) async fn send_composer(&mut self) {
        if !self.context.can.send {
            return self.effect(RoomEffect::Toast(Notice::NotAllowed));
        }
        let text = self.composer.text.clone();
        let outgoing = compose(&text, &self.composer.mentions, self.composer.destination);
        let content = match outgoing {
            Outgoing::TooLong { bytes, limit } => {
                self.composer.note = Some(Notice::TooLongForMessage { bytes, limit });
                self.show_composer();
                return self.effect(RoomEffect::OfferFile { bytes, limit });
            }
            Outgoing::Empty => None,
            Outgoing::Message(content) => Some(content),
        };
        let mut uploads = std::mem::take(&mut self.composer.uploads);
        if content.is_none() && uploads.is_empty() {
            return;
        }
        self.stop_typing();
        let result = self.send_all(content, &mut uploads).await;
        // What was not sent stays: all of it after a failure, files while a message is changed.
        self.composer.uploads = uploads;
        if let Err(notice) = result {
            self.show_composer();
            return self.effect(RoomEffect::Toast(notice));
        }
        self.composer.clear();
        self.set_text(String::new(), 0);
        self.save_draft().await;
        self.effect(RoomEffect::ScrollToEnd);
    }

    async fn send_all(
        &mut self,
        content: Option<RoomMessageEventContentWithoutRelation>,
        uploads: &mut Vec<Upload>,
    ) -> Result<(), Notice> {
        let mode = self.composer.mode.clone();
        if let Mode::Edit { row, .. } = &mode {
            let content = content.ok_or(Notice::SendFailed { recoverable: false })?;
            return self.send_edit(row, content).await;
        }
        // One file and a text are one message: the text is its caption.
        let is_text = |content: &RoomMessageEventContentWithoutRelation| {
            matches!(content.msgtype, MessageType::Text(_))
        };
        let (caption, content) = match content {
            Some(content) if uploads.len() == 1 && is_text(&content) => (Some(content), None),
            content => (None, content),
        };
        if let Some(content) = content {
            self.send_text(&mode, content).await?;
        } else if let Some(caption) = caption
            && let Some(upload) = uploads.pop()
        {
            self.send_file(upload.file, Some(caption), &mode);
        }
        for upload in uploads.drain(..) {
            self.send_file(upload.file, None, &Mode::Message);
        }
        Ok(())
    }

    async fn send_text(
        &self,
        mode: &Mode,
        content: RoomMessageEventContentWithoutRelation,
    ) -> Result<(), Notice> {
        let timeline = self.timeline.clone().ok_or(Notice::NotAllowed)?;
        match mode {
            Mode::Reply(event_id) => timeline
                .send_reply(content, event_id.clone())
                .await
                .map_err(|error| notice_of(&error)),
            _ => {
                let content = content.with_relation(None);
                timeline
                    .send(content.into())
                    .await
                    .map(drop)
                    .map_err(|error| notice_of(&error))
            }
        }
    }

    async fn send_edit(
        &self,
        row: &str,
        content: RoomMessageEventContentWithoutRelation,
    ) -> Result<(), Notice> {
        let timeline = self.timeline.clone().ok_or(Notice::NotAllowed)?;
        let event = self
            .event_of_row(row)
            .ok_or(Notice::SendFailed { recoverable: false })?;
        let is_file = event.content().as_message().is_some_and(|message| {
            !matches!(
                message.msgtype(),
                MessageType::Text(_) | MessageType::Emote(_)
            )
        });
        let edited = if is_file {
            caption_edit(content)
        } else {
            EditedContent::RoomMessage(content)
        };
        timeline
            .edit(&event.identifier(), edited)
            .await
            .map_err(|error| notice_of(&error))
    }

    /// Sends a file through the send queue; what must be worked out about it is, beside the loop.
    fn send_file(
        &self,
        file: Attachment,
        caption: Option<RoomMessageEventContentWithoutRelation>,
        mode: &Mode,
    ) {
        let Some(timeline) = self.timeline.clone() else {
            return;
        };
        let outcomes = self.outcomes.clone();
        let in_reply_to = match mode {
            Mode::Reply(event_id) => Some(event_id.clone()),
            _ => None,
        };
        self.tasks.detach("send-file", async move {
            let prepared = match file.prepare().await {
                Ok(prepared) => prepared,
                Err(error) => {
                    let _ = outcomes.send(Outcome::Toast(error.notice(&file.name)));
                    return;
                }
            };
            let mentions = caption
                .as_ref()
                .and_then(|caption| caption.mentions.clone());
            let config = AttachmentConfig {
                info: Some(prepared.info),
                thumbnail: prepared.thumbnail,
                caption: caption.and_then(text_content),
                mentions,
                in_reply_to,
                ..AttachmentConfig::default()
            };
            let source = AttachmentSource::Data {
                bytes: file.bytes.to_vec(),
                filename: file.name.clone(),
            };
            let sent = timeline
                .send_attachment(source, file.mime.clone(), config)
                .use_send_queue()
                .await;
            if let Err(error) = sent {
                let _ = outcomes.send(Outcome::Toast(notice_of(&error)));
            }
        });
    }

    /// The composer's text becomes a file, because it is too long for a message.
    pub(super) async fn send_text_as_file(&mut self) {
        let text = self.composer.text.clone();
        if text.trim().is_empty() || !self.context.can.send {
            return;
        }
        let limit = max_upload_size(&self.client).await;
        let mime = mime::TEXT_PLAIN_UTF_8;
        match Attachment::from_bytes(TEXT_FILE.into(), Some(mime), text.into_bytes(), limit).await {
            Ok(file) => {
                let mode = self.composer.mode.clone();
                self.send_file(file, None, &mode);
                self.stop_typing();
                self.composer.clear();
                self.set_text(String::new(), 0);
                self.save_draft().await;
                self.effect(RoomEffect::ScrollToEnd);
            }
            Err(error) => self.effect(RoomEffect::Toast(error.notice(TEXT_FILE))),
        }
    }

    /// Reads files to be attached.
    pub(super) fn attach(&self, paths: Vec<PathBuf>) {
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        self.tasks.detach("attach", async move {
            let limit = max_upload_size(&client).await;
            for path in paths {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                let result = Attachment::read(&path, limit).await;
                let _ = outcomes.send(Outcome::Attached(
                    name.unwrap_or_default(),
                    Box::new(result),
                ));
            }
        });
    }

    /// Takes a picture from the clipboard.
    pub(super) fn attach_bytes(&self, name: String, mime: &str, bytes: Vec<u8>) {
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        let mime = mime.parse().ok();
        self.tasks.detach("attach", async move {
            let limit = max_upload_size(&client).await;
            let result = Attachment::from_bytes(name.clone(), mime, bytes, limit).await;
            let _ = outcomes.send(Outcome::Attached(name, Box::new(result)));
        });
    }

    pub(super) fn attached(
        &mut self,
        name: &str,
        result: Result<Attachment, crate::media::MediaError>,
    ) {
        match result {
            Ok(file) => self.wait_with(vec![file]),
            Err(error) => self.effect(RoomEffect::Toast(error.notice(name))),
        }
    }

    fn wait_with(&mut self, files: Vec<Attachment>) {
        for file in files {
            self.composer.next_upload += 1;
            let id = self.composer.next_upload;
            self.composer.uploads.push(Upload { id, file });
        }
        self.show_composer();
    }

    /// Files that waited when the room was closed wait again.
    pub(super) fn restore_files(&mut self) {
        let files = self.unsent.take(self.room.room_id());
        if !files.is_empty() {
            self.wait_with(files);
        }
    }

    /// Keeps the files that wait for when the room is opened again.
    pub(super) fn put_files_away(&mut self) {
        let uploads = std::mem::take(&mut self.composer.uploads);
        let files = uploads.into_iter().map(|upload| upload.file).collect();
        self.unsent.keep(self.room.room_id(), files);
    }

    pub(super) fn detach(&mut self, upload: u64) {
        self.composer.uploads.retain(|waiting| waiting.id != upload);
        self.show_composer();
    }

    /// Adds or takes back a reaction.
    pub(super) fn react(&self, row: &str, key: String) {
        self.with_item(row, "react", move |timeline, item_id| async move {
            timeline.toggle_reaction(&item_id, &key).await.map(drop)
        });
    }

    /// Removes a message, as soon as the server can be reached. One that was not sent yet is dropped.
    pub(super) fn redact(&self, row: &str) {
        let event_id = self
            .event_of_row(row)
            .and_then(|event| event.event_id().map(ToOwned::to_owned));
        let Some(event_id) = event_id else {
            self.with_item(row, "redact", |timeline, item_id| async move {
                timeline.redact(&item_id, None).await
            });
            return;
        };
        let (room, outcomes) = (self.room.clone(), self.outcomes.clone());
        self.tasks.detach("redact", async move {
            if let Err(notice) = removal::queue(&room, event_id).await {
                let _ = outcomes.send(Outcome::Toast(notice));
            }
        });
    }

    fn with_item<F, Fut>(&self, row: &str, name: &'static str, job: F)
    where
        F: FnOnce(std::sync::Arc<matrix_sdk_ui::Timeline>, TimelineEventItemId) -> Fut
            + Send
            + 'static,
        Fut: Future<Output = Result<(), matrix_sdk_ui::timeline::Error>> + Send,
    {
        let (Some(timeline), Some(event)) = (self.timeline.clone(), self.event_of_row(row)) else {
            return;
        };
        let (item_id, outcomes) = (event.identifier(), self.outcomes.clone());
        self.tasks.detach(name, async move {
            if let Err(error) = job(timeline, item_id).await {
                let _ = outcomes.send(Outcome::Toast(notice_of(&error)));
            }
        });
    }

    /// Tries again to send a message that failed.
    pub(super) fn retry(&self, row: &str) {
        let Some(handle) = self
            .event_of_row(row)
            .and_then(|event| event.local_echo_send_handle())
        else {
            return;
        };
        let (room, outcomes) = (self.room.clone(), self.outcomes.clone());
        self.tasks.detach("retry", async move {
            if let Err(error) = handle.unwedge().await {
                tracing::warn!(room_id = %room.room_id(), %error, "sending could not be tried again");
                let _ = outcomes.send(Outcome::Toast(Notice::SendFailed { recoverable: false }));
            }
            room.send_queue().set_enabled(true);
        });
    }

    /// Drops a message that was not sent.
    pub(super) fn cancel_send(&self, row: &str) {
        let Some(handle) = self
            .event_of_row(row)
            .and_then(|event| event.local_echo_send_handle())
        else {
            return;
        };
        let outcomes = self.outcomes.clone();
        self.tasks.detach("cancel-send", async move {
            if let Err(error) = handle.abort().await {
                tracing::warn!(%error, "the message could not be dropped");
                let _ = outcomes.send(Outcome::Toast(Notice::SendFailed { recoverable: false }));
            }
        });
    }
}

fn text_content(
    content: RoomMessageEventContentWithoutRelation,
) -> Option<TextMessageEventContent> {
    match content.msgtype {
        MessageType::Text(text) => Some(text),
        _ => None,
    }
}

fn caption_edit(content: RoomMessageEventContentWithoutRelation) -> EditedContent {
    let mentions = content.mentions.clone();
    let (caption, formatted_caption): (Option<String>, Option<FormattedBody>) =
        match content.msgtype {
            MessageType::Text(text) => (Some(text.body), text.formatted),
            other => (Some(other.body().to_owned()), None),
        };
    EditedContent::MediaCaption {
        caption,
        formatted_caption,
        mentions,
    }
}
