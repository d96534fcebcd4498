//! Files of rows: opened in another program, or saved.

use std::path::PathBuf;

use matrix_sdk_ui::timeline::{EventTimelineItem, MsgLikeKind, TimelineItemContent};
use ruma::events::room::MediaSource;

use super::{super::RoomEffect, driver::Model, lookups::Outcome};
use crate::{
    ids::OwnedEventId,
    media::{MediaError, file_name, for_opening, save_as},
    timeline::{Transfer, file_of, sticker_source},
};

/// What became of a file.
pub(super) struct Arrived {
    event_id: OwnedEventId,
    name: String,
    result: Result<Option<(PathBuf, String)>, MediaError>,
}

struct File {
    event_id: OwnedEventId,
    source: MediaSource,
    name: String,
    mime: String,
}

impl Model {
    /// Fetches a file, and opens it if asked to.
    pub(super) fn download(&mut self, row: &str, open: bool) {
        let Some(file) = self
            .event_of_row(row)
            .and_then(|event| file_of_event(&event))
        else {
            return;
        };
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        self.set_transfer(&file.event_id, Some(Transfer::Busy));
        self.tasks.detach("download", async move {
            let result = match for_opening(&client, &file.source, &file.name).await {
                Ok(path) => Ok(open.then_some((path, file.mime))),
                Err(error) => Err(error),
            };
            let _ = outcomes.send(Outcome::Arrived(Arrived {
                event_id: file.event_id,
                name: file.name,
                result,
            }));
        });
    }

    /// Saves a file where the person said.
    pub(super) fn save_file(&mut self, row: &str, path: PathBuf) {
        let Some(file) = self
            .event_of_row(row)
            .and_then(|event| file_of_event(&event))
        else {
            return;
        };
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        self.set_transfer(&file.event_id, Some(Transfer::Busy));
        self.tasks.detach("save-as", async move {
            let result = save_as(&client, &file.source, &path).await.map(|()| None);
            let _ = outcomes.send(Outcome::Arrived(Arrived {
                event_id: file.event_id,
                name: file.name,
                result,
            }));
        });
    }

    pub(super) fn arrived(&mut self, arrived: Arrived) {
        let Arrived {
            event_id,
            name,
            result,
        } = arrived;
        match result {
            Ok(opened) => {
                self.set_transfer(&event_id, None);
                if let Some((path, mime)) = opened {
                    self.effect(RoomEffect::OpenFile { path, mime });
                }
            }
            Err(error) => {
                tracing::warn!(%event_id, %error, "the file could not be had");
                let notice = error.notice(&name);
                self.set_transfer(&event_id, Some(Transfer::Failed(notice.clone())));
                self.effect(RoomEffect::Toast(notice));
            }
        }
    }

    fn set_transfer(&mut self, event_id: &OwnedEventId, transfer: Option<Transfer>) {
        match transfer {
            Some(transfer) => drop(self.context.transfers.insert(event_id.clone(), transfer)),
            None => drop(self.context.transfers.remove(event_id)),
        }
        let event_id = event_id.clone();
        let of_event = move |item: &std::sync::Arc<matrix_sdk_ui::timeline::TimelineItem>| {
            item.as_event().and_then(EventTimelineItem::event_id) == Some(&event_id)
        };
        self.list.refresh(of_event, &self.context);
    }
}

fn file_of_event(event: &EventTimelineItem) -> Option<File> {
    let TimelineItemContent::MsgLike(content) = event.content() else {
        return None;
    };
    let (source, name, mime) = match &content.kind {
        MsgLikeKind::Message(message) => file_of(message.msgtype())?,
        MsgLikeKind::Sticker(sticker) => {
            let content = sticker.content();
            (
                sticker_source(content)?,
                content.body.clone(),
                content.info.mimetype.clone(),
            )
        }
        _ => return None,
    };
    let name = file_name(&name);
    // The sender's claim is for other programs to doubt; without one the name says something.
    let mime = mime
        .and_then(|mime| mime.parse::<mime::Mime>().ok())
        .unwrap_or_else(|| mime_guess::from_path(&name).first_or_octet_stream());
    Some(File {
        event_id: event.event_id()?.to_owned(),
        source,
        name,
        mime: mime.essence_str().to_owned(),
    })
}
