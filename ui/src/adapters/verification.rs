//! Comparing emoji with another device or person.

use hardline_app::{
    ids::{OwnedDeviceId, UserId},
    view::verification::{CancelReason, Step, VerificationAction as Action, VerificationState},
};
use hardline_views as views;
use slint::{ComponentHandle, Global, SharedString};

use super::{Port, Screen, Tasks, notice_data, shared::show_list};

type Globals<'a> = views::VerificationAdapter<'a>;

/// Sets the callbacks of the screen.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_request_self(port.always(Action::RequestSelf));
    global.on_request_user(port.maybe(|user: SharedString| request_user(&user)));
    global.on_request_device(port.maybe2(|user: SharedString, device: SharedString| {
        let user = UserId::parse(user.as_str()).ok()?;
        Some(Action::RequestDevice(
            user,
            OwnedDeviceId::from(device.as_str()),
        ))
    }));
    global.on_open(port.with(|flow_id: SharedString| Action::Open {
        flow_id: flow_id.into(),
    }));
    global.on_accept(port.always(Action::Accept));
    global.on_matches(port.always(Action::Match));
    global.on_mismatch(port.always(Action::Mismatch));
    global.on_cancel(port.always(Action::Cancel));
}

/// Asks a person to compare; nothing for a text that is no user id.
pub fn request_user(user: &str) -> Option<Action> {
    UserId::parse(user).ok().map(Action::RequestUser)
}

/// Shows a view model until the tasks are dropped. Its state is absent while no flow runs.
pub fn bind<E: Clone + 'static>(
    ui: &views::MainWindow,
    port: &Port<Action>,
    screen: Screen<Option<VerificationState>, Action, E>,
) -> Tasks {
    port.bind(screen.send);
    let mut tasks = Tasks::default();
    let ui = ui.as_weak();
    tasks.watch(screen.state, move |state| {
        if let (Some(ui), Some(state)) = (ui.upgrade(), state) {
            show(&Globals::get(&ui), state);
        }
    });
    tasks
}

fn show(global: &Globals<'_>, state: &VerificationState) {
    global.set_flow_id(state.flow_id.as_str().into());
    global.set_user_id(state.user_id.as_str().into());
    global.set_name(state.name.as_str().into());
    global.set_is_self(state.is_self);
    global.set_device_id(
        state
            .device_id
            .as_ref()
            .map(|id| id.as_str())
            .unwrap_or_default()
            .into(),
    );
    if let Step::Compare(emoji) = &state.step {
        let emoji = emoji.iter().map(|emoji| views::SasEmoji {
            symbol: emoji.symbol.as_str().into(),
            name: emoji.name.as_str().into(),
        });
        show_list(&global.get_emoji(), emoji, |emoji| global.set_emoji(emoji));
    }
    if let Step::Cancelled(reason) = &state.step {
        global.set_reason(match reason {
            CancelReason::Person => views::CancelReason::Person,
            CancelReason::Timeout => views::CancelReason::Timeout,
            CancelReason::Mismatch => views::CancelReason::Mismatch,
            CancelReason::Elsewhere => views::CancelReason::Elsewhere,
            CancelReason::Protocol => views::CancelReason::Protocol,
        });
    }
    if let Step::Failed(notice) = &state.step {
        global.set_notice(notice_data(notice));
    }
    global.set_step(match &state.step {
        Step::Asked => views::VerificationStep::Asked,
        Step::Waiting => views::VerificationStep::Waiting,
        Step::Starting => views::VerificationStep::Starting,
        Step::Compare(_) => views::VerificationStep::Compare,
        Step::Confirmed => views::VerificationStep::Confirmed,
        Step::Done => views::VerificationStep::Done,
        Step::Cancelled(_) => views::VerificationStep::Cancelled,
        Step::Failed(_) => views::VerificationStep::Failed,
    });
}
