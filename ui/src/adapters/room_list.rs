//! The list of rooms, and the rows of the jump dialog.

use std::{cell::RefCell, rc::Rc};

use hardline_app::{
    ids::RoomId,
    view::room_list::{
        AttachmentKind, Filter, Preview, RoomListAction as Action, RoomListEffect as Effect,
        RoomListState, RoomRow, RowMembership,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, Global, Model, ModelRc, SharedString, VecModel};

use super::{Port, Screen, Tasks, avatar_data, shared::clamp};
use crate::{
    format::list_time,
    images::{Images, Listening},
    models::{Keyed, Listing, RowModel, follow},
};

type Globals<'a> = views::RoomListAdapter<'a>;
type Rows = RowModel<RoomRow, views::RoomRowData>;

impl Keyed for RoomRow {
    fn key(&self) -> &str {
        self.room_id.as_str()
    }
}

/// Sets the callbacks that are plain actions.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_visible(port.maybe2(|first: i32, last: i32| {
        Some(Action::Visible {
            first: usize::try_from(first).ok()?,
            last: usize::try_from(last).ok()?,
        })
    }));
    global.on_set_filter(port.with(|filter| Action::SetFilter(filter_of(filter))));
    global.on_search_changed(port.with(|text: SharedString| Action::Search(text.into())));
    global.on_accept(
        port.maybe(|room: SharedString| Some(Action::Accept(RoomId::parse(room.as_str()).ok()?))),
    );
    global.on_decline(port.maybe2(|room: SharedString, ignore_inviter| {
        Some(Action::Decline {
            room_id: RoomId::parse(room.as_str()).ok()?,
            ignore_inviter,
        })
    }));
    global.on_decline_all(port.always(Action::DeclineAll));
    global.on_leave(
        port.maybe(|room: SharedString| Some(Action::Leave(RoomId::parse(room.as_str()).ok()?))),
    );
    global.on_mark_unread(port.maybe2(|room: SharedString, unread| {
        Some(Action::MarkUnread {
            room_id: RoomId::parse(room.as_str()).ok()?,
            unread,
        })
    }));
    global.on_favourite(port.maybe2(|room: SharedString, on| {
        Some(Action::Favourite {
            room_id: RoomId::parse(room.as_str()).ok()?,
            on,
        })
    }));
    global.on_mute(port.maybe2(|room: SharedString, on| {
        Some(Action::Mute {
            room_id: RoomId::parse(room.as_str()).ok()?,
            on,
        })
    }));
}

/// A bound view model.
pub struct RoomList {
    rows: Rc<Rows>,
    jump: Rc<VecModel<views::RoomRowData>>,
    jump_text: RefCell<String>,
    images: Rc<Images>,
    _tasks: Tasks,
    _listening: Listening,
}

/// Shows a view model until what it returns is dropped; effects are handed on.
pub fn bind(
    ui: &views::MainWindow,
    port: &Port<Action>,
    images: &Rc<Images>,
    screen: Screen<RoomListState, Action, Effect>,
    rows: Listing<RoomRow>,
    effect: impl Fn(Effect) + 'static,
) -> RoomList {
    port.bind(screen.send);
    let model = RowModel::new({
        let images = images.clone();
        move |row| row_data(row, &images)
    });
    model.replace(rows.rows);
    let jump = Rc::new(VecModel::default());
    let global = ui.global::<Globals<'_>>();
    global.set_rows(ModelRc::from(model.clone()));
    global.set_jump_rows(ModelRc::from(jump.clone()));

    let listening = images.listen({
        let rows = Rc::downgrade(&model);
        move |key| {
            if let Some(rows) = rows.upgrade() {
                rows.refresh(|row| {
                    row.avatar
                        .mxc
                        .as_ref()
                        .is_some_and(|mxc| mxc.as_str() == key)
                });
            }
        }
    });
    let mut tasks = Tasks::default();
    tasks.spawn(follow(model.clone(), rows.diffs, |_| ()));
    tasks.effects(screen.effects, effect);
    let ui = ui.as_weak();
    tasks.watch(screen.state, move |state| {
        if let Some(ui) = ui.upgrade() {
            show(&Globals::get(&ui), state);
        }
    });
    RoomList {
        rows: model,
        jump,
        jump_text: RefCell::default(),
        images: images.clone(),
        _tasks: tasks,
        _listening: listening,
    }
}

impl RoomList {
    /// The room `step` rows after the one named, for Alt+↑ and Alt+↓; the first if none is open.
    pub fn neighbour(&self, room_id: &str, step: i32) -> Option<String> {
        let at = match self.rows.position(room_id) {
            Some(at) => at.checked_add_signed(isize::try_from(step).ok()?)?,
            None => 0,
        };
        self.rows.row(at).map(|row| row.room_id.to_string())
    }

    /// The name and picture of a room, as far as the list has it: the room's header before its view model speaks.
    pub fn find(&self, room_id: &str) -> Option<Rc<RoomRow>> {
        self.rows.find(room_id)
    }

    /// Looks for rooms by name among `all`, for the jump dialog.
    pub fn jump(&self, text: &str) {
        // More would not be read.
        const SHOWN: usize = 30;
        *self.jump_text.borrow_mut() = text.to_owned();
        let wanted = text.to_lowercase();
        let found: Vec<_> = (0..self.rows.row_count())
            .filter_map(|at| self.rows.row(at))
            .filter(|row| row.name.to_lowercase().contains(&wanted))
            .take(SHOWN)
            .map(|row| row_data(&row, &self.images))
            .collect();
        self.jump.set_vec(found);
    }

    /// Builds all visible rows anew (another day began).
    pub fn refresh_times(&self) {
        self.rows.refresh(|row| row.timestamp.is_some());
    }
}

fn show(global: &Globals<'_>, state: &RoomListState) {
    global.set_filter(match state.filter {
        Filter::All => views::Filter::All,
        Filter::Unread => views::Filter::Unread,
        Filter::People => views::Filter::People,
        Filter::Rooms => views::Filter::Rooms,
        Filter::Favourites => views::Filter::Favourites,
        Filter::Invites => views::Filter::Invites,
    });
    global.set_search(state.search.as_str().into());
    global.set_loading(state.loading);
    global.set_total(clamp(state.total));
    global.set_invites(clamp(state.invites));
    global.set_folded_invites(clamp(state.folded_invites));
}

fn filter_of(filter: views::Filter) -> Filter {
    match filter {
        views::Filter::All => Filter::All,
        views::Filter::Unread => Filter::Unread,
        views::Filter::People => Filter::People,
        views::Filter::Rooms => Filter::Rooms,
        views::Filter::Favourites => Filter::Favourites,
        views::Filter::Invites => Filter::Invites,
    }
}

/// How an attachment of this kind is called in Slint.
pub(super) fn attachment_kind(kind: AttachmentKind) -> views::AttachmentKind {
    match kind {
        AttachmentKind::Image => views::AttachmentKind::Image,
        AttachmentKind::Video => views::AttachmentKind::Video,
        AttachmentKind::Audio => views::AttachmentKind::Audio,
        AttachmentKind::File => views::AttachmentKind::File,
    }
}

fn row_data(row: &RoomRow, images: &Images) -> views::RoomRowData {
    let (membership, inviter) = match &row.membership {
        RowMembership::Joined => (views::RowMembership::Joined, ""),
        RowMembership::Invited {
            inviter,
            inviter_name,
        } => {
            let id = inviter.as_ref().map(|user| user.as_str());
            (
                views::RowMembership::Invited,
                inviter_name.as_deref().or(id).unwrap_or_default(),
            )
        }
        RowMembership::Knocked => (views::RowMembership::Knocked, ""),
    };
    let data = views::RoomRowData {
        room_id: row.room_id.as_str().into(),
        name: row.name.as_str().into(),
        avatar: avatar_data(&row.avatar, images),
        membership,
        inviter: inviter.into(),
        is_direct: row.is_direct,
        is_encrypted: row.is_encrypted,
        is_favourite: row.is_favourite,
        time: row.timestamp.map(list_time).unwrap_or_default().into(),
        unread: clamp(row.unread),
        mentions: clamp(row.mentions),
        marked_unread: row.marked_unread,
        muted: row.muted,
        draft: row.draft.as_deref().unwrap_or_default().into(),
        ..Default::default()
    };
    with_preview(data, &row.preview)
}

fn with_preview(data: views::RoomRowData, preview: &Preview) -> views::RoomRowData {
    use views::PreviewKind as Kind;
    let plain = |preview| views::RoomRowData {
        preview,
        ..data.clone()
    };
    let sender_of =
        |sender: &Option<String>| SharedString::from(sender.as_deref().unwrap_or_default());
    match preview {
        Preview::None => plain(Kind::None),
        Preview::Encrypted => plain(Kind::Encrypted),
        Preview::Redacted => plain(Kind::Redacted),
        Preview::Text { sender, own, text } => views::RoomRowData {
            preview_sender: sender_of(sender),
            preview_own: *own,
            preview_text: text.as_str().into(),
            ..plain(Kind::Text)
        },
        Preview::Attachment {
            sender,
            own,
            kind,
            name,
            captioned,
        } => views::RoomRowData {
            preview_sender: sender_of(sender),
            preview_own: *own,
            preview_text: match *captioned || *kind == AttachmentKind::File {
                true => name.as_str().into(),
                false => SharedString::default(),
            },
            preview_attachment: attachment_kind(*kind),
            ..plain(Kind::Attachment)
        },
        Preview::Typing { names } => views::RoomRowData {
            preview_text: names.join(", ").into(),
            ..plain(Kind::Typing)
        },
        Preview::Call { sender, own } => views::RoomRowData {
            preview_sender: sender_of(sender),
            preview_own: *own,
            ..plain(Kind::Call)
        },
        Preview::Change { sender } => views::RoomRowData {
            preview_sender: sender.as_str().into(),
            ..plain(Kind::Change)
        },
    }
}
