//! Calls: under way, just over, and past.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hardline_app::{
    calls::{
        AudioDevice, CallFault, CallId, CallKey, ChosenDevices, Direction, EndReason, Side, Stage,
    },
    ids::{RoomId, UserId},
    notice::Notice,
    view::calls::{
        CallAction as Action, CallEffect as Effect, CallRow, CallsState, EndedRow, HistoryRow,
        Quality, Who,
    },
};
use hardline_views as views;
use slint::{ComponentHandle, Global, Model, ModelRc, SharedString, Timer, TimerMode, VecModel};

use super::{
    Port, Screen, Tasks, avatar_data,
    shared::{clamp, show_list},
};
use crate::{
    format::{duration, list_time, long_time},
    images::{Images, Listening},
    models::{Keyed, RowModel},
};

type Globals<'a> = views::CallsAdapter<'a>;

/// How often the time of a call is told anew.
const TICK: Duration = Duration::from_secs(1);

/// Sets the callbacks of the screens.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    let of_call =
        |make: fn(CallKey) -> Action| port.maybe(move |id: SharedString| Some(make(key(&id)?)));
    global.on_place(port.maybe2(|room_id: SharedString, peer: SharedString| {
        Some(Action::Place {
            room_id: RoomId::parse(room_id.as_str()).ok()?,
            invitee: UserId::parse(peer.as_str()).ok(),
        })
    }));
    global.on_answer(port.maybe2(|id: SharedString, end_others| {
        Some(Action::Answer {
            call: key(&id)?,
            end_others,
        })
    }));
    global.on_decline(of_call(Action::Decline));
    global.on_hang_up(of_call(Action::HangUp));
    global.on_mute(port.maybe2(|id: SharedString, muted| Some(Action::Mute(key(&id)?, muted))));
    global.on_hold(port.maybe2(|id: SharedString, held| Some(Action::Hold(key(&id)?, held))));
    global.on_dial(
        port.maybe2(|id: SharedString, keys: SharedString| {
            Some(Action::Dial(key(&id)?, keys.into()))
        }),
    );
    connect_devices(ui, port);
    global.on_again(port.always(Action::CallAgain));
    global.on_put_away(port.always(Action::PutAway));
    global.on_history_seen(port.always(Action::HistorySeen));
}

/// A choice of one device leaves the other as it is.
fn connect_devices(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    let choose = |choose: fn(&mut ChosenDevices, Option<String>)| {
        let (ui, port) = (ui.as_weak(), port.clone());
        move |name: SharedString| {
            let Some(ui) = ui.upgrade() else { return };
            let mut chosen = chosen(&Globals::get(&ui));
            choose(
                &mut chosen,
                Some(name.into()).filter(|name: &String| !name.is_empty()),
            );
            port.send(Action::ChooseDevices(chosen));
        }
    };
    global.on_choose_microphone(choose(|chosen, name| chosen.microphone = name));
    global.on_choose_speaker(choose(|chosen, name| chosen.speaker = name));
}

/// What is chosen, as it is shown.
fn chosen(global: &Globals<'_>) -> ChosenDevices {
    let name = |devices: ModelRc<views::AudioDeviceData>| {
        let chosen = devices.iter().find(|device| device.chosen)?;
        Some(chosen.name.to_string()).filter(|name| !name.is_empty())
    };
    ChosenDevices {
        microphone: name(global.get_microphones()),
        speaker: name(global.get_speakers()),
    }
}

impl Keyed for HistoryRow {
    fn key(&self) -> &str {
        &self.id
    }
}

/// The calls as they are shown in a window.
pub struct CallScreens {
    ui: slint::Weak<views::MainWindow>,
    _tasks: Tasks,
    _listening: Listening,
    _clock: Rc<Timer>,
}

/// Shows a view model until what it returns is dropped.
pub fn bind(
    ui: &views::MainWindow,
    port: &Port<Action>,
    images: &Rc<Images>,
    screen: Screen<CallsState, Action, Effect>,
    tell: impl Fn(Notice) + 'static,
) -> CallScreens {
    port.bind(screen.send);
    let state = screen.state.clone();
    let clock = Rc::new(Timer::default());
    let history = RowModel::new({
        let images = images.clone();
        move |row: &HistoryRow| history_data(row, &images)
    });
    let global = ui.global::<Globals<'_>>();
    global.set_history(ModelRc::from(history.clone()));
    let show = Rc::new({
        let (ui, images, state) = (ui.as_weak(), images.clone(), state.clone());
        move || {
            if let Some(ui) = ui.upgrade() {
                show(&Globals::get(&ui), &state.borrow(), &images);
            }
        }
    });
    let listening = images.listen({
        let (show, state, history) = (show.clone(), state.clone(), history.clone());
        move |key| {
            history.refresh(|row| is_of(&row.who, key));
            let drawn = shows_picture(&state.borrow(), key);
            if drawn {
                show();
            }
        }
    });
    let listed: RefCell<Arc<Vec<HistoryRow>>> = RefCell::default();
    let mut tasks = Tasks::default();
    tasks.watch(screen.state, {
        let (show, clock) = (show.clone(), clock.clone());
        move |state| {
            show();
            if !Arc::ptr_eq(&listed.borrow(), &state.history) {
                history.replace(state.history.iter().cloned());
                listed.replace(state.history.clone());
            }
            let runs = state
                .calls
                .iter()
                .any(|call| call.connected_since.is_some());
            match (runs, clock.running()) {
                (true, false) => {
                    let show = show.clone();
                    clock.start(TimerMode::Repeated, TICK, move || show());
                }
                (false, true) => clock.stop(),
                _ => {}
            }
        }
    });
    tasks.effects(screen.effects, move |effect| match effect {
        Effect::Toast(notice) => tell(notice),
        // The list of calls shows it, and the desktop.
        Effect::Missed { .. } => {}
    });
    CallScreens {
        ui: ui.as_weak(),
        _tasks: tasks,
        _listening: listening,
        _clock: clock,
    }
}

impl Drop for CallScreens {
    fn drop(&mut self) {
        if let Some(ui) = self.ui.upgrade() {
            let global = ui.global::<Globals<'_>>();
            global.set_calls(ModelRc::default());
            global.set_ringing(ModelRc::default());
            global.set_history(ModelRc::default());
            global.set_has_ended(false);
            global.set_missed(0);
        }
    }
}

/// Whether a call that is shown has this picture.
fn shows_picture(state: &CallsState, key: &str) -> bool {
    let calls = state.calls.iter().map(|call| &call.who);
    let ended = state.ended.iter().map(|ended| &ended.who);
    calls.chain(ended).any(|who| is_of(who, key))
}

fn is_of(who: &Who, key: &str) -> bool {
    let mxc = who.avatar.mxc.as_ref();
    mxc.is_some_and(|mxc| mxc.as_str() == key)
}

fn show(global: &Globals<'_>, state: &CallsState, images: &Images) {
    let now = millis_now();
    let data = |call: &CallRow| call_data(call, images, now);
    let (ringing, others): (Vec<_>, Vec<_>) = state
        .calls
        .iter()
        .partition(|call| call.stage == Stage::Ringing);
    let is_new = |shown: &ModelRc<views::CallData>, row: &views::CallData| {
        !shown.iter().any(|before| before.id == row.id)
    };
    let others: Vec<_> = others.into_iter().map(data).collect();
    let ringing: Vec<_> = ringing.into_iter().map(data).collect();
    let new_call = others.iter().any(|call| is_new(&global.get_calls(), call));
    let new_ring = ringing
        .iter()
        .any(|call| is_new(&global.get_ringing(), call));
    if new_call || new_ring {
        global.set_large(true);
    }
    show_calls(&global.get_calls(), others, |calls| global.set_calls(calls));
    show_calls(&global.get_ringing(), ringing, |calls| {
        global.set_ringing(calls);
    });
    if let Some(ended) = &state.ended {
        global.set_ended(ended_data(ended, images));
    }
    global.set_has_ended(state.ended.is_some());
    global.set_missed(clamp(state.missed));
    let chosen = &state.devices.chosen;
    let microphones = device_data(&state.devices.microphones, chosen.microphone.as_deref());
    show_list(&global.get_microphones(), microphones, |microphones| {
        global.set_microphones(microphones);
    });
    let speakers = device_data(&state.devices.speakers, chosen.speaker.as_deref());
    show_list(&global.get_speakers(), speakers, |speakers| {
        global.set_speakers(speakers);
    });
    let pad = global.get_keypad();
    if !global.get_calls().iter().any(|call| call.id == pad) {
        global.set_keypad(SharedString::default());
    }
    if global.get_calls().row_count() == 0 {
        global.set_choosing_sound(false);
    }
}

/// The system's choice, and all others; one that was chosen and is gone is still told.
fn device_data(devices: &[AudioDevice], chosen: Option<&str>) -> Vec<views::AudioDeviceData> {
    let data = |name: &str, label: &str| views::AudioDeviceData {
        name: name.into(),
        label: label.into(),
        chosen: chosen.unwrap_or_default() == name,
    };
    let gone = chosen.filter(|chosen| !devices.iter().any(|device| device.name == *chosen));
    std::iter::once(data("", ""))
        .chain(
            devices
                .iter()
                .map(|device| data(&device.name, &device.label)),
        )
        .chain(gone.map(|name| data(name, name)))
        .collect()
}

/// Shows calls; while they are the same ones, their elements stay, and with them the focus.
fn show_calls(
    shown: &ModelRc<views::CallData>,
    now: Vec<views::CallData>,
    set: impl FnOnce(ModelRc<views::CallData>),
) {
    let ids = |a: &views::CallData, b: &views::CallData| a.id == b.id;
    let same = shown.row_count() == now.len() && shown.iter().zip(&now).all(|(a, b)| ids(&a, b));
    if !same {
        set(ModelRc::new(VecModel::from(now)));
        return;
    }
    for (at, call) in now.into_iter().enumerate() {
        if shown.row_data(at).as_ref() != Some(&call) {
            shown.set_row_data(at, call);
        }
    }
}

fn call_data(call: &CallRow, images: &Images, now: u64) -> views::CallData {
    let (trouble, package) = trouble(call.trouble.as_ref());
    let clock = call
        .connected_since
        .map(|since| duration(now.saturating_sub(since)))
        .unwrap_or_default();
    views::CallData {
        id: id(&call.key),
        room_id: call.key.room_id.as_str().into(),
        name: call.who.name.as_str().into(),
        avatar: avatar_data(&call.who.avatar, images),
        room_name: call.who.room_name.as_deref().unwrap_or_default().into(),
        incoming: call.direction == Direction::Incoming,
        stage: match call.stage {
            Stage::Preparing | Stage::Inviting => views::CallStage::Preparing,
            Stage::Calling => views::CallStage::Calling,
            Stage::Silent | Stage::Ringing => views::CallStage::Ringing,
            Stage::Answering | Stage::Connecting => views::CallStage::Connecting,
            Stage::Connected => views::CallStage::Connected,
            Stage::Reconnecting => views::CallStage::Reconnecting,
        },
        encrypted: call.encrypted,
        muted: call.muted,
        held: call.held,
        peer_muted: call.peer_muted,
        peer_holds: call.peer_holds,
        clock: clock.into(),
        trouble,
        package,
        quality: match call.quality {
            Quality::Unknown => views::CallQuality::Unknown,
            Quality::Good => views::CallQuality::Good,
            Quality::Poor => views::CallQuality::Poor,
            Quality::Bad => views::CallQuality::Bad,
        },
    }
}

fn ended_data(ended: &EndedRow, images: &Images) -> views::CallEndedData {
    let (trouble, package) = trouble(ended.fault.as_ref());
    views::CallEndedData {
        room_id: ended.room_id.as_str().into(),
        name: ended.who.name.as_str().into(),
        avatar: avatar_data(&ended.who.avatar, images),
        incoming: ended.direction == Direction::Incoming,
        end: end(&ended.reason),
        by_us: ended.by == Side::Here,
        trouble,
        package,
        lasted: ended.connected_for.map(duration).unwrap_or_default().into(),
        went_well: ended.went_well(),
    }
}

fn end(reason: &EndReason) -> views::CallEnd {
    use views::CallEnd as End;
    match reason {
        EndReason::HungUp => End::HungUp,
        EndReason::Rejected => End::Rejected,
        EndReason::Busy => End::Busy,
        EndReason::Unanswered => End::Unanswered,
        EndReason::AnsweredElsewhere => End::AnsweredElsewhere,
        EndReason::RejectedElsewhere => End::RejectedElsewhere,
        EndReason::Replaced(_) => End::Replaced,
        EndReason::Transferred => End::Transferred,
        EndReason::Left => End::Left,
        EndReason::ConnectionFailed => End::ConnectionFailed,
        EndReason::ConnectionLost => End::ConnectionLost,
        EndReason::NoMicrophone => End::NoMicrophone,
        EndReason::Incompatible => End::Incompatible,
        EndReason::Unreachable => End::Unreachable,
        EndReason::Forbidden => End::Forbidden,
        EndReason::MediaCrashed => End::MediaCrashed,
        EndReason::Failed => End::Failed,
    }
}

fn history_data(row: &HistoryRow, images: &Images) -> views::CallHistoryData {
    views::CallHistoryData {
        room_id: row.room_id.as_str().into(),
        name: row.who.name.as_str().into(),
        avatar: avatar_data(&row.who.avatar, images),
        incoming: row.incoming,
        missed: row.missed,
        peer: row
            .peer
            .as_ref()
            .map(|peer| peer.as_str())
            .unwrap_or_default()
            .into(),
        end: row.reason.as_ref().map_or(views::CallEnd::Replaced, end),
        time: list_time(row.began).into(),
        long_time: long_time(row.began).into(),
        lasted: row.connected_for.map(duration).unwrap_or_default().into(),
    }
}

fn trouble(fault: Option<&CallFault>) -> (views::CallTrouble, SharedString) {
    use views::CallTrouble as Trouble;
    let trouble = match fault {
        None => Trouble::None,
        Some(CallFault::NoMicrophone) => Trouble::NoMicrophone,
        Some(CallFault::CannotCapture) => Trouble::CannotCapture,
        Some(CallFault::NoSpeaker) => Trouble::NoSpeaker,
        Some(CallFault::CannotPlay) => Trouble::CannotPlay,
        Some(CallFault::MissingPart { package, .. }) => {
            return (Trouble::MissingPart, package.as_str().into());
        }
        Some(CallFault::NotInstalled) => Trouble::NotInstalled,
        Some(CallFault::MediaFailed) => Trouble::MediaFailed,
        Some(CallFault::SomebodyInBetween) => Trouble::SomebodyInBetween,
        Some(CallFault::BadRelay) => Trouble::BadRelay,
        Some(CallFault::NoTones) => Trouble::NoTones,
    };
    (trouble, SharedString::default())
}

/// Names a call; no room id has a space in it.
fn id(key: &CallKey) -> SharedString {
    format!("{} {}", key.room_id, key.call_id.as_str()).into()
}

fn key(id: &str) -> Option<CallKey> {
    let (room_id, call_id) = id.split_once(' ')?;
    Some(CallKey::new(
        RoomId::parse(room_id).ok()?,
        CallId::parse(call_id)?,
    ))
}

fn millis_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
