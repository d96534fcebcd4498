//! Signing in, creating an account, using this device's own server.

use hardline_app::view::onboarding::{
    OnboardingAction as Action, OnboardingState, OwnServer, Registration, ServerOffer,
};
use hardline_views as views;
use slint::{ComponentHandle, Global, SharedString};

use super::{Port, Screen, Tasks, pending_data};

type Globals<'a> = views::OnboardingAdapter<'a>;

/// Sets the callbacks of the screen.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_find_server(port.with(|text: SharedString| Action::FindServer {
        text: text.trim().into(),
    }));
    global.on_sign_in(port.maybe2(|user: SharedString, password: SharedString| {
        Some(Action::SignIn {
            user: user.trim().into(),
            password: password.into(),
        })
    }));
    global.on_register({
        let port = port.clone();
        move |user, password, token| {
            let token = Some(token.trim().to_owned()).filter(|token| !token.is_empty());
            port.send(Action::Register {
                user: user.trim().into(),
                password: password.into(),
                token,
            });
        }
    });
    global.on_use_own_server(port.always(Action::UseOwnServer));
    global.on_set_passphrase(port.with(|passphrase: SharedString| Action::SetPassphrase {
        passphrase: passphrase.into(),
    }));
    global.on_retry_keyring(port.always(Action::RetryKeyring));
    global.on_cancel(port.always(Action::Cancel));
}

/// Shows a view model until the tasks are dropped.
pub fn bind<E: Clone + 'static>(
    ui: &views::MainWindow,
    port: &Port<Action>,
    screen: Screen<OnboardingState, Action, E>,
) -> Tasks {
    port.bind(screen.send);
    let mut tasks = Tasks::default();
    let ui = ui.as_weak();
    tasks.watch(screen.state, move |state| {
        if let Some(ui) = ui.upgrade() {
            show(&Globals::get(&ui), state);
        }
    });
    tasks
}

fn show(global: &Globals<'_>, state: &OnboardingState) {
    global.set_has_server(state.server.is_some());
    if let Some(server) = &state.server {
        global.set_server(server_data(server));
    }
    global.set_discovery(pending_data(&state.discovery));
    global.set_submit(pending_data(&state.submit));
    global.set_needs_passphrase(state.needs_passphrase);
    let (own, name, detail) = match &state.own_server {
        OwnServer::Absent => (views::OwnServerState::Absent, "", ""),
        OwnServer::Available => (views::OwnServerState::Available, "", ""),
        OwnServer::Starting => (views::OwnServerState::Starting, "", ""),
        OwnServer::Running { server_name, .. } => {
            (views::OwnServerState::Running, server_name.as_str(), "")
        }
        OwnServer::Failed { detail } => (views::OwnServerState::Failed, "", detail.as_str()),
    };
    global.set_own_server(own);
    global.set_own_server_name(name.into());
    global.set_own_server_detail(detail.into());
}

fn server_data(server: &ServerOffer) -> views::ServerOffer {
    views::ServerOffer {
        name: server.name.as_str().into(),
        id_server: server.server_name.as_deref().unwrap_or_default().into(),
        base_url: server.base_url.as_str().into(),
        password: server.password,
        registration: match server.registration {
            Registration::Closed => views::Registration::Closed,
            Registration::Open => views::Registration::Open,
            Registration::Token => views::Registration::Token,
            Registration::Elsewhere => views::Registration::Elsewhere,
        },
        sliding_sync: server.sliding_sync,
    }
}
