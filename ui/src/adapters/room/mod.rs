//! One room: header, timeline, composer.

mod blocks;
mod rows;
mod state;

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
};

use hardline_app::{
    ids::UserId,
    view::room::{RoomAction as Action, RoomEffect as Effect, RoomState, Row, RowKind},
};
use hardline_views as views;
use slint::{ComponentHandle, Global, Model, ModelRc, SharedString};

use super::{Port, Screen, Tasks};
use crate::{
    format::file_size,
    images::{Images, Listening},
    models::{Listing, RowModel, follow},
};

type Globals<'a> = views::RoomAdapter<'a>;
type Rows = RowModel<Row, views::RowData>;

/// Sets the callbacks that are plain actions; files, pictures and pop-ups are [`crate::window`]'s.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    let row = |make: fn(String) -> Action| port.with(move |row: SharedString| make(row.into()));
    global.on_paginate_back(port.always(Action::PaginateBack));
    global.on_text_changed(port.maybe2(|text: SharedString, cursor: i32| {
        let cursor = usize::try_from(cursor).unwrap_or_default().min(text.len());
        Some(Action::TextChanged {
            text: text.into(),
            cursor,
        })
    }));
    global.on_send(port.always(Action::Send));
    global.on_send_text_as_file(port.always(Action::SendTextAsFile));
    global.on_detach(port.maybe(|upload: SharedString| {
        Some(Action::Detach {
            upload: upload.parse().ok()?,
        })
    }));
    global.on_complete(port.maybe(|index: i32| {
        Some(Action::Complete {
            index: usize::try_from(index).ok()?,
        })
    }));
    global.on_reply(row(|row| Action::Reply { row }));
    global.on_edit(row(|row| Action::Edit { row }));
    global.on_edit_last(port.always(Action::EditLast));
    global.on_cancel_mode(port.always(Action::CancelMode));
    global.on_react(port.maybe2(|row: SharedString, key: SharedString| {
        Some(Action::React {
            row: row.into(),
            key: key.into(),
        })
    }));
    global.on_redact(row(|row| Action::Redact { row }));
    global.on_retry(row(|row| Action::Retry { row }));
    global.on_cancel_send(row(|row| Action::CancelSend { row }));
    global.on_download(port.maybe2(|row: SharedString, open| {
        Some(Action::Download {
            row: row.into(),
            open,
        })
    }));
    global.on_ignore(port.maybe(|user: SharedString| {
        Some(Action::Ignore {
            user_id: UserId::parse(user.as_str()).ok()?,
        })
    }));
    global.on_copy_link(row(|row| Action::CopyLink { row }));
    global.on_show_replied(row(|row| Action::ShowReplied { row }));
    global.on_jump_to_end(port.always(Action::JumpToEnd));
    global.on_retry_decryption(port.always(Action::RetryDecryption));
    global.on_accept_identity(port.always(Action::AcceptIdentity));
    global.on_accept(port.always(Action::Accept));
    global.on_decline(port.with(|ignore_inviter| Action::Decline { ignore_inviter }));
}

/// A room that is open.
pub struct Room {
    ui: slint::Weak<views::MainWindow>,
    rows: Rc<Rows>,
    revealed: Rc<RefCell<HashSet<String>>>,
    found: Cell<Option<usize>>,
    send: Rc<dyn Fn(Action)>,
    _tasks: Tasks,
    _listening: Listening,
}

/// Shows a view model until what it returns is dropped. Effects that concern more than this screen go to `rest`.
pub fn bind(
    ui: &views::MainWindow,
    port: &Port<Action>,
    images: &Rc<Images>,
    screen: Screen<RoomState, Action, Effect>,
    rows: Listing<Row>,
    rest: impl Fn(Effect) + 'static,
) -> Room {
    port.bind(screen.send.clone());
    let revealed: Rc<RefCell<HashSet<String>>> = Rc::default();
    let model = RowModel::new({
        let (images, revealed) = (images.clone(), revealed.clone());
        move |row: &Row| rows::row_data(row, revealed.borrow().contains(&row.id), &images)
    });
    model.replace(rows.rows);
    let global = ui.global::<Globals<'_>>();
    global.set_text(SharedString::default());
    global.set_offer_file(false);
    global.set_rows(ModelRc::from(model.clone()));

    let state = screen.state.clone();
    let show = Rc::new({
        let (ui, images, rows) = (ui.as_weak(), images.clone(), Rc::downgrade(&model));
        move |state: &RoomState| {
            if let (Some(ui), Some(rows)) = (ui.upgrade(), rows.upgrade()) {
                let global = Globals::get(&ui);
                state::show(&global, state, &images);
                global.set_loading(rows.row_count() == 0 && !state.at_start);
            }
        }
    });
    let listening = images.listen({
        let (rows, show, state) = (Rc::downgrade(&model), show.clone(), state.clone());
        move |key| {
            if let Some(rows) = rows.upgrade() {
                rows.refresh(|row| rows::shows_picture(row, key));
            }
            let now = state.borrow().clone();
            if state::shows_picture(&now, key) {
                show(&now);
            }
        }
    });
    let mut tasks = Tasks::default();
    let target: Rc<RefCell<Option<Target>>> = Rc::default();
    tasks.spawn(follow(model.clone(), rows.diffs, {
        let (ui, rows, show, target) = (
            ui.as_weak(),
            Rc::downgrade(&model),
            show.clone(),
            target.clone(),
        );
        move |_| {
            let (Some(ui), Some(rows)) = (ui.upgrade(), rows.upgrade()) else {
                return;
            };
            show(&state.borrow());
            go_to_target(&ui, &rows, &target);
        }
    }));
    tasks.watch(screen.state, move |state| show(state));
    tasks.effects(screen.effects, {
        let (ui, rows) = (ui.as_weak(), Rc::downgrade(&model));
        move |effect| {
            let (Some(ui), Some(rows)) = (ui.upgrade(), rows.upgrade()) else {
                return;
            };
            take_effect(&ui, &rows, &target, effect, &rest);
        }
    });
    Room {
        ui: ui.as_weak(),
        rows: model,
        revealed,
        found: Cell::default(),
        send: screen.send,
        _tasks: tasks,
        _listening: listening,
    }
}

/// A row to go to as soon as it is in the list.
enum Target {
    Row(String),
    Event(String),
}

fn go_to_target(ui: &views::MainWindow, rows: &Rows, target: &RefCell<Option<Target>>) {
    let found = match &*target.borrow() {
        Some(Target::Row(id)) => rows.position(id),
        Some(Target::Event(id)) => (0..rows.row_count()).find(|&at| {
            rows.row(at).is_some_and(|row| match &row.kind {
                RowKind::Message(message) => message
                    .event_id
                    .as_ref()
                    .is_some_and(|event| event == id.as_str()),
                _ => false,
            })
        }),
        None => None,
    };
    if let Some(row) = found.and_then(|at| Some((at, rows.row(at)?))) {
        target.borrow_mut().take();
        ui.global::<Globals<'_>>()
            .invoke_scroll_to(row.1.id.as_str().into(), super::shared::clamp(row.0));
    }
}

fn take_effect(
    ui: &views::MainWindow,
    rows: &Rows,
    target: &RefCell<Option<Target>>,
    effect: Effect,
    rest: &impl Fn(Effect),
) {
    let global = ui.global::<Globals<'_>>();
    match effect {
        Effect::SetText { text, cursor } => {
            global.invoke_set_text(text.into(), super::shared::clamp(cursor));
        }
        Effect::ScrollTo { row } => {
            *target.borrow_mut() = Some(Target::Row(row));
            go_to_target(ui, rows, target);
        }
        Effect::Focus(event_id) => {
            *target.borrow_mut() = Some(Target::Event(event_id.to_string()));
            go_to_target(ui, rows, target);
        }
        Effect::ScrollToEnd => {
            target.borrow_mut().take();
            global.invoke_scroll_to_end();
        }
        Effect::OfferFile { bytes, limit } => {
            let size = |bytes: usize| SharedString::from(file_size(bytes as u64).to_string());
            global.set_offer(views::OfferFileData {
                amount: size(bytes),
                limit: size(limit),
            });
            global.set_offer_file(true);
        }
        other => rest(other),
    }
}

impl Room {
    /// Sends an action to this room.
    pub fn send(&self, action: Action) {
        (self.send)(action);
    }

    /// Shows the spoilers of a row.
    pub fn reveal(&self, id: &str) {
        self.revealed.borrow_mut().insert(id.to_owned());
        self.rows.refresh(|row| row.id == id);
    }

    /// The row of this id.
    pub fn row(&self, id: &str) -> Option<Rc<Row>> {
        self.rows.find(id)
    }

    /// Goes to the next row that holds `text`, from the one found last; upwards if `backwards`.
    pub fn find(&self, text: &str, backwards: bool) {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            self.found.set(None);
            return;
        }
        let len = self.rows.row_count();
        let holds = |at: &usize| {
            self.rows.row(*at).is_some_and(|row| match &row.kind {
                RowKind::Message(message) => message.plain.to_lowercase().contains(&wanted),
                _ => false,
            })
        };
        let from = self.found.get().filter(|&at| at < len);
        let found = if backwards {
            (0..from.unwrap_or(len)).rev().find(holds)
        } else {
            (from.map_or(0, |at| at + 1)..len).find(holds)
        };
        let (Some(at), Some(ui)) = (found, self.ui.upgrade()) else {
            return;
        };
        self.found.set(Some(at));
        if let Some(row) = self.rows.row(at) {
            ui.global::<Globals<'_>>()
                .invoke_scroll_to(row.id.as_str().into(), super::shared::clamp(at));
        }
    }

    /// Builds the day dividers anew (another day began).
    pub fn refresh_times(&self) {
        self.rows
            .refresh(|row| matches!(row.kind, RowKind::DayDivider(_)));
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(ui) = self.ui.upgrade() {
            ui.global::<Globals<'_>>().set_rows(ModelRc::default());
        }
    }
}
