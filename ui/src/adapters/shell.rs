//! The frame around every screen: phase, connection, banners, toasts.

use std::{cell::Cell, rc::Rc, time::Duration};

use hardline_app::{
    notice::Notice,
    view::shell::{Banner, Connection, Phase, SecretSource, ShellAction as Action, ShellState},
};
use hardline_views as views;
use slint::{ComponentHandle, Model, ModelRc, SharedString, Timer, VecModel};

use super::{Port, notice_data, pending_data, shared::show_list};

type Globals<'a> = views::ShellAdapter<'a>;

/// How long a toast stays.
const TOAST_TIME: Duration = Duration::from_secs(6);
/// Toasts shown at once; older ones go first.
const TOASTS: usize = 3;

/// Sets the callbacks that are plain actions. Where we are, links and the end of the program are
/// [`crate::window`]'s.
pub fn connect(ui: &views::MainWindow, port: &Port<Action>) {
    let global = ui.global::<Globals<'_>>();
    global.on_retry_keyring(port.always(Action::RetryKeyring));
    global.on_unlock(port.with(|passphrase: SharedString| Action::Unlock {
        passphrase: passphrase.into(),
    }));
    global.on_sign_in_again(port.with(|password: SharedString| Action::SignInAgain {
        password: password.into(),
    }));
    global.on_forget(port.always(Action::Forget));
}

/// Shows a snapshot.
pub fn show(ui: &views::MainWindow, state: &ShellState) {
    let global = ui.global::<Globals<'_>>();
    global.set_connection(match state.connection {
        Connection::Connecting => views::Connection::Connecting,
        Connection::Online => views::Connection::Online,
        Connection::Offline => views::Connection::Offline,
    });
    show_list(
        &global.get_banners(),
        state.banners.iter().map(banner_data),
        |banners| {
            global.set_banners(banners);
        },
    );
    global.set_unread(super::shared::clamp(state.unread));
    show_phase(&global, &state.phase);
}

fn show_phase(global: &Globals<'_>, phase: &Phase) {
    let user_id = match phase {
        Phase::Locked { user_id, .. } => user_id.as_ref().map(|user_id| user_id.as_str()),
        Phase::SignInAgain { user_id, .. } | Phase::Ready { user_id } => Some(user_id.as_str()),
        Phase::Starting | Phase::SignedOut | Phase::StoreTrouble(_) => None,
    };
    global.set_user_id(user_id.unwrap_or_default().into());
    if let Phase::Locked { source, .. } = phase {
        global.set_secret_source(match source {
            SecretSource::Keyring => views::SecretSource::Keyring,
            SecretSource::PassphraseFile => views::SecretSource::PassphraseFile,
        });
    }
    match phase {
        Phase::Locked { pending, .. } | Phase::SignInAgain { pending, .. } => {
            global.set_pending(pending_data(pending));
        }
        Phase::StoreTrouble(notice) => global.set_store_notice(notice_data(notice)),
        Phase::Starting | Phase::SignedOut | Phase::Ready { .. } => {}
    }
    global.set_phase(match phase {
        Phase::Starting => views::Phase::Starting,
        Phase::SignedOut => views::Phase::SignedOut,
        Phase::Locked { .. } => views::Phase::Locked,
        Phase::SignInAgain { .. } => views::Phase::SignInAgain,
        Phase::StoreTrouble(_) => views::Phase::StoreTrouble,
        Phase::Ready { .. } => views::Phase::Ready,
    });
}

fn banner_data(banner: &Banner) -> views::BannerData {
    let (kind, notice) = match banner {
        Banner::VerifyThisDevice => (views::BannerKind::VerifyThisDevice, None),
        Banner::SetUpRecovery => (views::BannerKind::SetUpRecovery, None),
        Banner::EnterRecoveryKey => (views::BannerKind::EnterRecoveryKey, None),
        Banner::Notice(notice) => (views::BannerKind::Notice, Some(notice_data(notice))),
    };
    views::BannerData {
        kind,
        notice: notice.unwrap_or_default(),
    }
}

/// The short messages at the bottom.
pub struct Toasts {
    rows: Rc<VecModel<views::ToastData>>,
    next: Cell<i32>,
}

impl Toasts {
    /// Shows itself in this window.
    pub fn new(ui: &views::MainWindow) -> Rc<Self> {
        let toasts = Rc::new(Self {
            rows: Rc::default(),
            next: Cell::new(1),
        });
        let global = ui.global::<Globals<'_>>();
        global.set_toasts(ModelRc::from(toasts.rows.clone()));
        let rows = Rc::downgrade(&toasts.rows);
        global.on_dismiss_toast(move |id| {
            if let Some(rows) = rows.upgrade() {
                remove(&rows, id);
            }
        });
        toasts
    }

    /// Tells a notice.
    pub fn notice(&self, notice: &Notice) {
        self.push(notice_data(notice), "");
    }

    /// Tells a text as it is.
    pub fn text(&self, text: &str) {
        self.push(views::NoticeData::default(), text);
    }

    fn push(&self, notice: views::NoticeData, text: &str) {
        let id = self.next.replace(self.next.get().wrapping_add(1));
        if let Some(same) = self
            .rows
            .iter()
            .find(|row| row.notice == notice && row.text == text)
        {
            remove(&self.rows, same.id);
        }
        while self.rows.row_count() >= TOASTS {
            self.rows.remove(0);
        }
        self.rows.push(views::ToastData {
            id,
            notice,
            text: text.into(),
        });
        let rows = Rc::downgrade(&self.rows);
        Timer::single_shot(TOAST_TIME, move || {
            if let Some(rows) = rows.upgrade() {
                remove(&rows, id);
            }
        });
    }
}

fn remove(rows: &VecModel<views::ToastData>, id: i32) {
    if let Some(at) = rows.iter().position(|row| row.id == id) {
        rows.remove(at);
    }
}
