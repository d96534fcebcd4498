//! What is around the timeline: header and composer.

use hardline_app::view::room::{
    Completion, ComposerMode, ComposerState, RoomMembership, RoomState, UploadRow,
};
use hardline_views as views;
use slint::SharedString;

use crate::{
    adapters::{
        avatar_data, notice_data, pending_data,
        shared::{clamp, show_list},
    },
    format::file_size,
    images::{Images, Pixels, image_of},
};

/// Whether a picture of this key is drawn in the header or the completions.
pub fn shows_picture(state: &RoomState, key: &str) -> bool {
    let completions = state
        .composer
        .completions
        .iter()
        .filter_map(|completion| completion.avatar.as_ref());
    completions
        .chain([&state.avatar])
        .any(|avatar| avatar.mxc.as_ref().is_some_and(|mxc| mxc.as_str() == key))
}

/// Shows a snapshot.
pub fn show(global: &views::RoomAdapter<'_>, state: &RoomState, images: &Images) {
    global.set_room_id(state.room_id.as_str().into());
    global.set_name(state.name.as_str().into());
    global.set_topic(state.topic.as_str().into());
    global.set_avatar(avatar_data(&state.avatar, images));
    global.set_is_direct(state.is_direct);
    global.set_is_encrypted(state.is_encrypted);
    global.set_member_count(clamp(state.member_count));
    show_membership(global, &state.membership);
    global.set_can_send(state.can_send);
    global.set_can_call(state.can_call);
    global.set_identity_changed(state.identity_changed.as_deref().unwrap_or_default().into());
    global.set_paginating(pending_data(&state.paginating));
    global.set_at_start(state.at_start);
    let typing = state
        .typing
        .iter()
        .map(|name| SharedString::from(name.as_str()));
    show_list(&global.get_typing(), typing, |typing| {
        global.set_typing(typing)
    });
    global.set_unread_below(clamp(state.unread_below));
    show_composer(global, &state.composer, images);
}

fn show_membership(global: &views::RoomAdapter<'_>, membership: &RoomMembership) {
    let (kind, id, name) = match membership {
        RoomMembership::Joined => (views::RoomMembership::Joined, "", ""),
        RoomMembership::Left => (views::RoomMembership::Left, "", ""),
        RoomMembership::Invited {
            inviter,
            inviter_name,
        } => {
            let id = inviter
                .as_ref()
                .map(|user| user.as_str())
                .unwrap_or_default();
            (
                views::RoomMembership::Invited,
                id,
                inviter_name.as_deref().unwrap_or(id),
            )
        }
    };
    global.set_inviter_id(id.into());
    global.set_inviter_name(name.into());
    global.set_membership(kind);
}

fn show_composer(global: &views::RoomAdapter<'_>, composer: &ComposerState, images: &Images) {
    let (mode, sender, preview) = match &composer.mode {
        ComposerMode::Message => (views::ComposerMode::Message, "", ""),
        ComposerMode::Reply { sender, preview } => (
            views::ComposerMode::Reply,
            sender.as_str(),
            preview.as_str(),
        ),
        ComposerMode::Edit { preview } => (views::ComposerMode::Edit, "", preview.as_str()),
    };
    global.set_mode(mode);
    global.set_mode_sender(sender.into());
    global.set_mode_preview(preview.into());
    show_list(
        &global.get_uploads(),
        composer.uploads.iter().map(upload_data),
        |uploads| {
            global.set_uploads(uploads);
        },
    );
    let completions = composer
        .completions
        .iter()
        .map(|completion| completion_data(completion, images));
    show_list(&global.get_completions(), completions, |completions| {
        global.set_completions(completions)
    });
    global.set_can_submit(composer.can_send);
    global.set_note(composer.note.as_ref().map(notice_data).unwrap_or_default());
}

fn upload_data(upload: &UploadRow) -> views::UploadData {
    let picture = upload.thumbnail.as_ref().and_then(|(width, height, rgba)| {
        image_of(&Pixels {
            rgba: rgba.clone(),
            width: *width,
            height: *height,
        })
    });
    views::UploadData {
        id: upload.id.to_string().into(),
        name: upload.name.as_str().into(),
        size: file_size(upload.size).to_string().into(),
        mime: upload.mime.as_str().into(),
        has_image: picture.is_some(),
        image: picture.map(|(image, _)| image).unwrap_or_default(),
    }
}

fn completion_data(completion: &Completion, images: &Images) -> views::CompletionData {
    views::CompletionData {
        has_avatar: completion.avatar.is_some(),
        avatar: completion
            .avatar
            .as_ref()
            .map(|avatar| avatar_data(avatar, images))
            .unwrap_or_default(),
        symbol: completion.symbol.as_str().into(),
        title: completion.title.as_str().into(),
        detail: completion.detail.as_str().into(),
    }
}
