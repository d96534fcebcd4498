//! Values that several screens show.

use hardline_app::{
    notice::Notice,
    view::{Avatar, Pending},
};
use hardline_views as views;
use slint::{Model, ModelRc, VecModel};

use crate::{format::file_size, images::Images};

/// The picture of a person or a room as far as it is there; asked for if it is not.
pub fn avatar_data(avatar: &Avatar, images: &Images) -> views::AvatarData {
    let picture = avatar
        .mxc
        .as_ref()
        .and_then(|mxc| images.avatar(mxc.as_str()));
    let has_image = picture.is_some();
    let (large, medium, small) = picture
        .map(|picture| (picture.large, picture.medium, picture.small))
        .unwrap_or_default();
    views::AvatarData {
        has_image,
        large,
        medium,
        small,
        initials: avatar.initials.as_str().into(),
        color: avatar.color.into(),
    }
}

/// An action under way, or its failure.
pub fn pending_data(pending: &Pending) -> views::PendingData {
    let plain = |state| views::PendingData {
        state,
        ..Default::default()
    };
    match pending {
        Pending::Idle => plain(views::PendingState::Idle),
        Pending::Busy => plain(views::PendingState::Busy),
        Pending::Waiting { seconds } => views::PendingData {
            seconds: clamp(*seconds),
            ..plain(views::PendingState::Waiting)
        },
        Pending::Failed(notice) => views::PendingData {
            notice: notice_data(notice),
            ..plain(views::PendingState::Failed)
        },
    }
}

/// Shows `now` in place of `shown` if they differ. An equal list stays as it is, so that a snapshot that changed
/// elsewhere (a key was typed) rebuilds nothing.
pub fn show_list<T: Clone + PartialEq + 'static>(
    shown: &ModelRc<T>,
    now: impl IntoIterator<Item = T>,
    set: impl FnOnce(ModelRc<T>),
) {
    let now: Vec<T> = now.into_iter().collect();
    let same = shown.row_count() == now.len() && shown.iter().eq(now.iter().cloned());
    if !same {
        set(ModelRc::new(VecModel::from(now)));
    }
}

/// Numbers as Slint has them.
pub fn clamp(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// A notice; its sentence is made by the Slint side.
pub fn notice_data(notice: &Notice) -> views::NoticeData {
    use views::NoticeKind as Kind;
    let plain = |kind| views::NoticeData {
        kind,
        ..Default::default()
    };
    let with = |kind, text: &str| views::NoticeData {
        text: text.into(),
        ..plain(kind)
    };
    match notice {
        Notice::WrongPassword => plain(Kind::WrongPassword),
        Notice::AccountDisabled => plain(Kind::AccountDisabled),
        Notice::ServerUnreachable { server } => with(Kind::ServerUnreachable, server),
        Notice::NotMatrix { server } => with(Kind::NotMatrix, server),
        Notice::BadCertificate { server } => with(Kind::BadCertificate, server),
        Notice::NoKnownLogin { server } => with(Kind::NoKnownLogin, server),
        Notice::NotAnAddress { text } => with(Kind::NotAnAddress, text),
        Notice::UserNameTaken => plain(Kind::UserNameTaken),
        Notice::UserNameInvalid => plain(Kind::UserNameInvalid),
        Notice::PasswordTooWeak => plain(Kind::PasswordTooWeak),
        Notice::RegistrationClosed => plain(Kind::RegistrationClosed),
        Notice::RegistrationTokenRefused => plain(Kind::RegistrationTokenRefused),
        Notice::RateLimited { retry_after } => views::NoticeData {
            number: clamp(retry_after.as_secs().max(1)),
            ..plain(Kind::RateLimited)
        },
        Notice::SignedOutByServer { soft } => views::NoticeData {
            flag: *soft,
            ..plain(Kind::SignedOutByServer)
        },
        Notice::Offline => plain(Kind::Offline),
        Notice::KeyringUnavailable { locked } => views::NoticeData {
            flag: *locked,
            ..plain(Kind::KeyringUnavailable)
        },
        Notice::PassphraseNeeded => plain(Kind::PassphraseNeeded),
        Notice::WrongPassphrase => plain(Kind::WrongPassphrase),
        Notice::DiskFull => plain(Kind::DiskFull),
        Notice::StoreDamaged { kept_as } => {
            with(Kind::StoreDamaged, kept_as.as_deref().unwrap_or_default())
        }
        Notice::StoreTooNew { found, supported } => views::NoticeData {
            number: clamp(*found),
            other: clamp(*supported),
            ..plain(Kind::StoreTooNew)
        },
        Notice::ProfileBusy => plain(Kind::ProfileBusy),
        Notice::ClockWrong { seconds } => {
            let bounded = (*seconds).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
            views::NoticeData {
                number: clamp(bounded),
                ..plain(Kind::ClockWrong)
            }
        }
        Notice::RoomNotFound => plain(Kind::RoomNotFound),
        Notice::NotAllowed => plain(Kind::NotAllowed),
        Notice::CallCannot => plain(Kind::CallCannot),
        Notice::TooManyCalls => plain(Kind::TooManyCalls),
        Notice::UserNotFound { user } => with(Kind::UserNotFound, user),
        Notice::SendFailed { recoverable } => views::NoticeData {
            flag: *recoverable,
            ..plain(Kind::SendFailed)
        },
        Notice::TooLongForMessage { bytes, limit } => {
            sized(Kind::TooLongForMessage, *bytes as u64, *limit as u64)
        }
        Notice::FileTooLarge { bytes, limit } => sized(Kind::FileTooLarge, *bytes, *limit),
        Notice::FileUnreadable { name } => with(Kind::FileUnreadable, name),
        Notice::WrongRecoveryKey => plain(Kind::WrongRecoveryKey),
        Notice::OwnServerFailed { detail } => with(Kind::OwnServerFailed, detail),
        Notice::TaskFailed { task } => with(Kind::TaskFailed, task),
        Notice::Unexpected { detail } => with(Kind::Unexpected, detail),
    }
}

fn sized(kind: views::NoticeKind, bytes: u64, limit: u64) -> views::NoticeData {
    views::NoticeData {
        kind,
        amount: file_size(bytes).to_string().into(),
        limit: file_size(limit).to_string().into(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_did_not_change_is_not_set_again() {
        let mut shown = ModelRc::default();
        show_list(&shown.clone(), [1, 2], |list| shown = list);
        assert_eq!(shown.iter().collect::<Vec<_>>(), [1, 2]);
        show_list(&shown, [1, 2], |_| panic!("set again"));
        show_list(&shown.clone(), [1], |list| shown = list);
        assert_eq!(shown.row_count(), 1);
    }
}
