//! What the person does: each action one call.

use super::{super::RoomAction as Action, driver::Model, lookups::Outcome};
use crate::{
    failure::{self, Doing},
    ids::OwnedUserId,
};

impl Model {
    pub(super) async fn act(&mut self, action: Action) {
        match action {
            Action::PaginateBack => self.paginate(),
            Action::TextChanged { text, cursor } => self.text_changed(text, cursor),
            Action::Send => self.send_composer().await,
            Action::SendTextAsFile => self.send_text_as_file().await,
            Action::Attach { paths } => self.attach(paths),
            Action::AttachBytes { name, mime, bytes } => self.attach_bytes(name, &mime, bytes),
            Action::Detach { upload } => self.detach(upload),
            Action::Complete { index } => self.complete(index),
            Action::Reply { row } => self.reply_to(&row),
            Action::Edit { row } => self.edit(&row),
            Action::EditLast => self.edit_last(),
            Action::CancelMode => self.cancel_mode(),
            Action::React { row, key } => self.react(&row, key),
            Action::Redact { row } => self.redact(&row),
            Action::Retry { row } => self.retry(&row),
            Action::CancelSend { row } => self.cancel_send(&row),
            Action::Seen { row } => self.seen(&row),
            Action::Download { row, open } => self.download(&row, open),
            Action::SaveAs { row, path } => self.save_file(&row, path),
            Action::Ignore { user_id } => self.ignore(user_id),
            Action::CopyLink { row } => self.copy_link(&row),
            Action::ShowReplied { row } => self.show_replied(&row),
            Action::JumpToEnd => self.jump_to_end(),
            Action::RetryDecryption => self.ask_for_keys_anew(),
            Action::AcceptIdentity => self.accept_identities(),
            Action::Accept => self.accept_invite(),
            Action::Decline { ignore_inviter } => self.decline_invite(ignore_inviter),
        }
    }

    fn show_replied(&mut self, row: &str) {
        let replied = self
            .event_of_row(row)
            .and_then(|event| event.content().in_reply_to());
        if let Some(replied) = replied {
            self.show_event(replied.event_id);
        }
    }

    /// Spec: <https://spec.matrix.org/v1.16/appendices/#matrixto-navigation>
    fn copy_link(&self, row: &str) {
        let event = self.event_of_row(row);
        let Some(event_id) = event.and_then(|event| event.event_id().map(ToOwned::to_owned)) else {
            return;
        };
        let (room, outcomes) = (self.room.clone(), self.outcomes.clone());
        self.tasks.detach("link", async move {
            let link = room.matrix_to_event_permalink(event_id).await;
            let _ = outcomes.send(match link {
                Ok(link) => Outcome::Link(link.to_string()),
                Err(error) => Outcome::Toast(failure::of_sdk(&error, Doing::Other)),
            });
        });
    }

    fn ignore(&self, user_id: OwnedUserId) {
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        self.tasks.detach("ignore", async move {
            if let Err(error) = client.account().ignore_user(&user_id).await {
                let notice = failure::of_sdk(&error, Doing::WithUser(user_id.as_str()));
                let _ = outcomes.send(Outcome::Toast(notice));
            }
        });
    }
}
