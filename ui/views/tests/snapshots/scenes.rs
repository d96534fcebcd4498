//! Every screen in every state: a name, and what to put into the adapters for it.

use super::data::*;
use hardline_views::*;
use i_slint_backend_testing::{ElementHandle, ElementQuery};
use slint::ComponentHandle;

pub struct Scene {
    pub name: &'static str,
    pub load: fn(&MainWindow),
    /// What a person does once it is drawn.
    pub act: Option<fn(&MainWindow)>,
    /// The height is halved, as by a keyboard.
    pub keyboard: bool,
}

pub const fn scene(name: &'static str, load: fn(&MainWindow)) -> Scene {
    Scene {
        name,
        load,
        act: None,
        keyboard: false,
    }
}

const fn typed(name: &'static str, load: fn(&MainWindow)) -> Scene {
    Scene {
        name,
        load,
        act: None,
        keyboard: true,
    }
}

const fn acted(name: &'static str, load: fn(&MainWindow), act: fn(&MainWindow)) -> Scene {
    Scene {
        name,
        load,
        act: Some(act),
        keyboard: false,
    }
}

/// The elements whose label begins so.
fn labelled_all(w: &MainWindow, label: &'static str) -> Vec<ElementHandle> {
    let mut found = ElementQuery::from_root(w)
        .match_descendants()
        .match_predicate(move |e| e.accessible_label().is_some_and(|l| l.starts_with(label)))
        .find_all();
    found.retain(|e| e.size().width > 0.);
    found
}

fn labelled(w: &MainWindow, label: &'static str) -> Option<ElementHandle> {
    labelled_all(w, label).into_iter().next()
}

fn press(w: &MainWindow, label: &'static str) {
    labelled(w, label)
        .unwrap_or_else(|| panic!("{label} is there"))
        .invoke_accessible_default_action();
}

fn busy() -> PendingData {
    PendingData {
        state: PendingState::Busy,
        ..Default::default()
    }
}

fn account(w: &MainWindow) {
    let a = w.global::<SettingsAdapter>();
    a.set_user_id(s("@me:example.org"));
    a.set_display_name(s("Mary Evans"));
    a.set_avatar(avatar("Mary Evans", 5));
    a.set_homeserver(s("https://matrix.example.org"));
    a.set_appearance(AppearanceData {
        accent: -1,
        text_scale: 100,
        ..Default::default()
    });
    a.set_notifications(NotificationsData {
        enabled: true,
        show_text: true,
        ..Default::default()
    });
    a.set_version(s("0.1.0"));
    a.set_data_dir(s("/home/mary/.local/share/hardline/default"));
    a.set_renderer(s("OpenGL ES 2"));
}

pub fn ready(w: &MainWindow) {
    account(w);
    w.global::<ShellAdapter>().set_phase(Phase::Ready);
    w.global::<ShellAdapter>().set_unread(7);
    let list = w.global::<RoomListAdapter>();
    list.set_rows(model(rooms()));
    list.set_total(13);
    list.set_invites(1);
}

pub fn room_open(w: &MainWindow) {
    ready(w);
    let r = w.global::<RoomAdapter>();
    r.set_room_id(s("!Field team:example.org"));
    r.set_name(s("Field team"));
    r.set_topic(s("Antennas, roofs, ladders"));
    r.set_avatar(avatar("Field team", 3));
    r.set_is_encrypted(true);
    r.set_member_count(12);
    r.set_at_start(true);
    r.set_rows(model(conversation()));
    w.global::<ShellAdapter>()
        .invoke_open_room(s("!Field team:example.org"));
}

fn onboarding(w: &MainWindow, step: OnboardingStep) {
    w.global::<ShellAdapter>().set_phase(Phase::SignedOut);
    w.global::<OnboardingAdapter>()
        .set_own_server(OwnServerState::Available);
    w.global::<OnboardingAdapter>().set_step(step);
}

fn offer(w: &MainWindow, registration: Registration) {
    let a = w.global::<OnboardingAdapter>();
    a.set_has_server(true);
    a.set_server(ServerOffer {
        name: s("example.org"),
        id_server: s("example.org"),
        base_url: s("https://matrix.example.org"),
        password: true,
        registration,
        sliding_sync: true,
    });
}

fn settings(w: &MainWindow, page: SettingsPage) {
    ready(w);
    w.global::<RecoveryAdapter>()
        .set_status(RecoveryStatus::Enabled);
    w.global::<SettingsAdapter>().set_devices(model(vec![
        DeviceData {
            device_id: s("ABC"),
            name: s("Hardline on librem"),
            is_current: true,
            is_verified: true,
            ..Default::default()
        },
        DeviceData {
            device_id: s("DEF"),
            name: s("Element on a very old telephone with a long name"),
            last_seen: s("Today 09:12"),
            ..Default::default()
        },
        DeviceData {
            device_id: s("GHI"),
            name: s("Hardline on desk"),
            is_verified: true,
            last_seen: s("3 March"),
            ..Default::default()
        },
    ]));
    w.global::<SettingsAdapter>()
        .set_own_server(own_server(false));
    w.global::<SettingsAdapter>().set_page(page);
    w.global::<ShellAdapter>().invoke_go_to(Section::Settings);
}

fn own_server(shared: bool) -> OwnServerData {
    OwnServerData {
        name: s("k7f2m9qx4t.local"),
        address: s("http://127.0.0.1:8008"),
        token: s("vivid-otter-71-lantern"),
        shared,
        network_address: s(if shared {
            "http://192.168.178.23:8008"
        } else {
            ""
        }),
    }
}

fn invite_flood(w: &MainWindow) {
    ready(w);
    let list = w.global::<RoomListAdapter>();
    list.set_invites(300);
    list.set_folded_invites(297);
}

fn details(w: &MainWindow) {
    room_open(w);
    let d = w.global::<RoomDetailsAdapter>();
    d.set_name(s("Field team"));
    d.set_topic(s("Antennas, roofs, ladders"));
    d.set_avatar(avatar("Field team", 3));
    d.set_address(s("#field-team:example.org"));
    d.set_encrypted(true);
    d.set_member_count(12);
    d.set_can(RoomPermissions {
        send: true,
        invite: true,
        kick: true,
        ban: true,
        change_name: true,
        ..Default::default()
    });
    d.set_members(model(members(12)));
    w.global::<ShellAdapter>().invoke_set_details(true);
}

fn verification(w: &MainWindow, step: VerificationStep) {
    ready(w);
    let v = w.global::<VerificationAdapter>();
    v.set_name(s("Ada Lovelace"));
    v.set_step(step);
    v.set_emoji(model(
        [
            ("🐶", "Dog"),
            ("🔑", "Key"),
            ("☂", "Umbrella"),
            ("🎸", "Guitar"),
            ("⚓", "Anchor"),
            ("🌵", "Cactus"),
            ("✂", "Scissors"),
        ]
        .iter()
        .map(|(symbol, name)| SasEmoji {
            symbol: s(symbol),
            name: s(name),
        })
        .collect(),
    ));
    w.global::<ShellAdapter>()
        .invoke_open_overlay(Overlay::Verification);
}

fn recovery(w: &MainWindow, status: RecoveryStatus) {
    ready(w);
    w.global::<RecoveryAdapter>().set_status(status);
    w.global::<RecoveryAdapter>().set_backup(BackupStatus::On);
    w.global::<ShellAdapter>()
        .invoke_open_overlay(Overlay::Recovery);
}

fn ready_new(w: &MainWindow) {
    ready(w);
    w.global::<NewConversationAdapter>()
        .set_people(model(people()));
    w.global::<ShellAdapter>()
        .invoke_open_overlay(Overlay::NewConversation);
}

pub fn all() -> Vec<Scene> {
    vec![
        scene("01-welcome", |w| onboarding(w, OnboardingStep::Welcome)),
        scene("02-sign-in", |w| {
            onboarding(w, OnboardingStep::SignIn);
            offer(w, Registration::Open)
        }),
        scene("02-sign-in-wrong-password", |w| {
            onboarding(w, OnboardingStep::SignIn);
            offer(w, Registration::Open);
            w.global::<OnboardingAdapter>()
                .set_submit(failed(NoticeKind::WrongPassword, ""));
        }),
        scene("02-sign-in-no-server", |w| {
            onboarding(w, OnboardingStep::SignIn);
            w.global::<OnboardingAdapter>().set_server(ServerOffer {
                name: s("exmaple.org"),
                ..Default::default()
            });
            w.global::<OnboardingAdapter>()
                .set_discovery(failed(NoticeKind::ServerUnreachable, "exmaple.org"));
        }),
        scene("02-sign-in-waiting", |w| {
            onboarding(w, OnboardingStep::SignIn);
            offer(w, Registration::Open);
            w.global::<OnboardingAdapter>().set_submit(PendingData {
                state: PendingState::Waiting,
                seconds: 12,
                ..Default::default()
            });
        }),
        scene("03-create-account-token", |w| {
            onboarding(w, OnboardingStep::CreateAccount);
            offer(w, Registration::Token)
        }),
        scene("03-create-account-taken", |w| {
            onboarding(w, OnboardingStep::CreateAccount);
            offer(w, Registration::Open);
            w.global::<OnboardingAdapter>()
                .set_submit(failed(NoticeKind::UserNameTaken, ""));
        }),
        scene("04-own-server", |w| {
            onboarding(w, OnboardingStep::OwnServer)
        }),
        scene("04-own-server-running", |w| {
            onboarding(w, OnboardingStep::OwnServer);
            w.global::<OnboardingAdapter>()
                .set_own_server(OwnServerState::Running);
            w.global::<OnboardingAdapter>()
                .set_own_server_name(s("k4f7q2.hardline.example"));
        }),
        scene("05-passphrase", |w| {
            onboarding(w, OnboardingStep::Welcome);
            w.global::<OnboardingAdapter>().set_needs_passphrase(true)
        }),
        scene("06-locked-keyring", |w| {
            let a = w.global::<ShellAdapter>();
            a.set_phase(Phase::Locked);
            a.set_user_id(s("@me:example.org"));
            a.set_pending(failed(NoticeKind::KeyringUnavailable, ""));
        }),
        scene("06-locked-passphrase", |w| {
            let a = w.global::<ShellAdapter>();
            a.set_phase(Phase::Locked);
            a.set_secret_source(SecretSource::PassphraseFile);
            a.set_user_id(s("@me:example.org"));
            a.set_pending(failed(NoticeKind::WrongPassphrase, ""));
        }),
        scene("07-sign-in-again", |w| {
            w.global::<ShellAdapter>().set_phase(Phase::SignInAgain);
            w.global::<ShellAdapter>().set_user_id(s("@me:example.org"))
        }),
        scene("08-store-trouble", |w| {
            w.global::<ShellAdapter>().set_phase(Phase::StoreTrouble);
            w.global::<ShellAdapter>().set_store_notice(NoticeData {
                kind: NoticeKind::StoreTooNew,
                number: 7,
                other: 3,
                ..Default::default()
            });
        }),
        scene("09-starting", |w| {
            w.global::<ShellAdapter>().set_phase(Phase::Starting)
        }),
        scene("10-list", ready),
        scene("10-list-invite-flood", invite_flood),
        scene("10-list-empty", |w| {
            ready(w);
            w.global::<RoomListAdapter>().set_rows(model(vec![]))
        }),
        scene("10-list-loading", |w| {
            ready(w);
            w.global::<RoomListAdapter>().set_rows(model(vec![]));
            w.global::<RoomListAdapter>().set_loading(true)
        }),
        scene("10-list-offline", |w| {
            ready(w);
            w.global::<ShellAdapter>()
                .set_connection(Connection::Offline);
            w.global::<ShellAdapter>()
                .set_banners(model(vec![BannerData {
                    kind: BannerKind::VerifyThisDevice,
                    ..Default::default()
                }]));
            w.global::<ShellAdapter>().set_toasts(model(vec![ToastData {
                id: 1,
                text: s("Copied"),
                ..Default::default()
            }]));
        }),
        scene("10-list-banner-notice", |w| {
            ready(w);
            w.global::<ShellAdapter>()
                .set_banners(model(vec![BannerData {
                    kind: BannerKind::Notice,
                    notice: NoticeData {
                        kind: NoticeKind::ClockWrong,
                        number: 86400,
                        ..Default::default()
                    },
                }]));
        }),
        scene("10-list-search-nothing", |w| {
            ready(w);
            w.global::<RoomListAdapter>().set_search(s("zebra"));
            w.global::<RoomListAdapter>().set_rows(model(vec![]))
        }),
        scene("10-list-1000", |w| {
            ready(w);
            w.global::<RoomListAdapter>()
                .set_rows(model(many_rooms(1000)))
        }),
        scene("11-room", room_open),
        typed("11-room-keyboard", |w| {
            room_open(w);
            let r = w.global::<RoomAdapter>();
            r.set_text(s("I am on my way"));
            r.set_can_submit(true);
            r.invoke_focus_composer();
        }),
        scene("11-room-direct", |w| {
            room_open(w);
            let r = w.global::<RoomAdapter>();
            r.set_is_direct(true);
            r.set_name(s("Ada Lovelace"));
            r.set_avatar(avatar("Ada Lovelace", 0));
            r.set_typing(model(vec![s("Ada")]));
            r.set_rows(model(
                conversation()
                    .into_iter()
                    .filter(|r| r.sender_id != BO.1)
                    .collect(),
            ));
        }),
        scene("11-room-formatted", |w| {
            room_open(w);
            w.global::<RoomAdapter>().set_rows(model(formatted()))
        }),
        scene("11-room-odd", |w| {
            room_open(w);
            w.global::<RoomAdapter>().set_rows(model(odd()));
            w.global::<RoomAdapter>().set_is_encrypted(false)
        }),
        scene("11-room-rtl-long", |w| {
            room_open(w);
            w.global::<RoomAdapter>().set_rows(model(rtl()));
            w.global::<RoomAdapter>().set_name(s(
                "A room with a name so long that it cannot possibly fit on one line",
            ));
        }),
        scene("11-room-1000", |w| {
            room_open(w);
            w.global::<RoomAdapter>().set_rows(model(many(1000)))
        }),
        scene("11-room-compact", |w| {
            room_open(w);
            w.global::<Theme>().set_compact(true)
        }),
        scene("11-room-large-text", |w| {
            room_open(w);
            w.global::<Theme>().set_text_scale(1.6)
        }),
        scene("11-room-loading", |w| {
            room_open(w);
            w.global::<RoomAdapter>().set_rows(model(vec![]));
            w.global::<RoomAdapter>().set_loading(true)
        }),
        scene("11-room-reply-uploads", |w| {
            room_open(w);
            let r = w.global::<RoomAdapter>();
            r.set_mode(ComposerMode::Reply);
            r.set_mode_sender(s("Ada Lovelace"));
            r.set_mode_preview(s(
                "It is a bit larger than I thought, so we will need a second pair of hands",
            ));
            r.set_text(s("Two pictures of the roof, and\nthe second line"));
            r.set_can_submit(true);
            r.set_uploads(model(vec![
                UploadData {
                    id: s("1"),
                    name: s("roof-from-the-south.jpg"),
                    size: s("3.1 MB"),
                    image: picture(80, 80),
                    has_image: true,
                    ..Default::default()
                },
                UploadData {
                    id: s("2"),
                    name: s("plan.pdf"),
                    size: s("120 kB"),
                    ..Default::default()
                },
            ]));
        }),
        scene("11-room-completions", |w| {
            room_open(w);
            let r = w.global::<RoomAdapter>();
            r.set_text(s("Hello @a"));
            r.set_completions(model(vec![
                CompletionData {
                    has_avatar: true,
                    avatar: avatar("Ada Lovelace", 0),
                    title: s("Ada Lovelace"),
                    detail: s("@ada:example.org"),
                    ..Default::default()
                },
                CompletionData {
                    has_avatar: true,
                    avatar: avatar("Alan", 2),
                    title: s("Alan"),
                    detail: s("@alan:example.org"),
                    ..Default::default()
                },
            ]));
        }),
        scene("11-room-invite", |w| {
            room_open(w);
            let r = w.global::<RoomAdapter>();
            r.set_membership(RoomMembership::Invited);
            r.set_inviter_name(s("Katherine Johnson"));
            r.set_inviter_id(s("@katherine:example.org"));
        }),
        scene("11-room-identity-changed", |w| {
            room_open(w);
            w.global::<RoomAdapter>()
                .set_identity_changed(s("Ada Lovelace"))
        }),
        scene("11-room-left", |w| {
            room_open(w);
            w.global::<RoomAdapter>()
                .set_membership(RoomMembership::Left)
        }),
        scene("11-room-offer-file", |w| {
            room_open(w);
            w.global::<RoomAdapter>().set_offer(OfferFileData {
                amount: s("200 kB"),
                limit: s("60 kB"),
            });
            w.global::<RoomAdapter>().set_offer_file(true)
        }),
        acted("11-room-message-menu", room_open, |w| press(w, "Bo: ")),
        acted("11-room-hover", room_open, |w| {
            let row = labelled_all(w, "Bo: ").pop().expect("row");
            let (at, size) = (row.absolute_position(), row.size());
            w.window()
                .dispatch_event(slint::platform::WindowEvent::PointerMoved {
                    position: slint::LogicalPosition::new(at.x + 60., at.y + size.height / 2.),
                });
        }),
        scene("11-room-viewer", |w| {
            room_open(w);
            let room = w.global::<RoomAdapter>();
            room.set_viewed(ViewedData {
                row: s("3"),
                name: s("roof.jpg"),
                image: picture(600, 400),
                width: 1200,
                height: 800,
            });
            room.set_viewing(true);
        }),
        scene("11-room-drop", |w| {
            room_open(w);
            w.global::<RoomAdapter>().set_files_over(true);
        }),
        acted("11-room-own-menu", room_open, |w| press(w, "Me: ")),
        acted("12-details-member", details, |w| {
            if let Some(member) = labelled(w, "Grace Hopper, @") {
                member.invoke_accessible_default_action();
            }
        }),
        acted("12-details-edit", details, |w| press(w, "Edit name")),
        acted("13-new-room", ready_new, |w| press(w, "Create a room")),
        acted("13-new-join", ready_new, |w| press(w, "Join by address")),
        acted(
            "16-settings-device-menu",
            |w| settings(w, SettingsPage::Devices),
            |w| press(w, "Actions for Element"),
        ),
        acted(
            "16-settings-sign-out",
            |w| settings(w, SettingsPage::None),
            |w| press(w, "Sign out"),
        ),
        acted(
            "16-settings-password",
            |w| settings(w, SettingsPage::Account),
            |w| press(w, "Change password"),
        ),
        scene("12-details", details),
        scene("12-details-loading", |w| {
            details(w);
            w.global::<RoomDetailsAdapter>().set_members(model(vec![]));
            w.global::<RoomDetailsAdapter>().set_members_loading(true)
        }),
        scene("13-new", |w| {
            ready(w);
            w.global::<ShellAdapter>()
                .invoke_open_overlay(Overlay::NewConversation)
        }),
        scene("13-new-found", |w| {
            ready(w);
            w.global::<NewConversationAdapter>()
                .set_people(model(people()));
            w.global::<ShellAdapter>()
                .invoke_open_overlay(Overlay::NewConversation)
        }),
        scene("14-verify-asked", |w| {
            verification(w, VerificationStep::Asked)
        }),
        scene("14-verify-waiting", |w| {
            verification(w, VerificationStep::Waiting)
        }),
        scene("14-verify-compare", |w| {
            verification(w, VerificationStep::Compare)
        }),
        scene("14-verify-done", |w| {
            verification(w, VerificationStep::Done)
        }),
        scene("14-verify-mismatch", |w| {
            verification(w, VerificationStep::Cancelled);
            w.global::<VerificationAdapter>()
                .set_reason(CancelReason::Mismatch)
        }),
        scene("15-recovery-set-up", |w| {
            recovery(w, RecoveryStatus::Disabled)
        }),
        scene("15-recovery-key", |w| {
            recovery(w, RecoveryStatus::Enabled);
            w.global::<RecoveryAdapter>().set_new_key(s(
                "EsTx 8K2q Jd91 mNvB 4Zpa Wc7h Rt3u Yf6e Lg5x Qb0s Ho2k Vi8n",
            ))
        }),
        scene("15-recovery-enter", |w| {
            recovery(w, RecoveryStatus::Incomplete);
            w.global::<RecoveryAdapter>()
                .set_pending(failed(NoticeKind::WrongRecoveryKey, ""))
        }),
        scene("15-recovery-enabled", |w| {
            recovery(w, RecoveryStatus::Enabled)
        }),
        scene("16-settings", |w| settings(w, SettingsPage::None)),
        scene("16-settings-account", |w| {
            settings(w, SettingsPage::Account)
        }),
        scene("16-settings-devices", |w| {
            settings(w, SettingsPage::Devices)
        }),
        scene("16-settings-appearance", |w| {
            settings(w, SettingsPage::Appearance)
        }),
        scene("16-settings-notifications", |w| {
            settings(w, SettingsPage::Notifications)
        }),
        scene("16-settings-calls", |w| settings(w, SettingsPage::Calls)),
        scene("16-settings-security", |w| {
            settings(w, SettingsPage::Security)
        }),
        scene("16-settings-ignored", |w| {
            settings(w, SettingsPage::Ignored)
        }),
        scene("16-settings-own-server", |w| {
            settings(w, SettingsPage::OwnServer)
        }),
        scene("16-settings-own-server-shared", |w| {
            settings(w, SettingsPage::OwnServer);
            w.global::<SettingsAdapter>()
                .set_own_server(own_server(true));
        }),
        scene("16-settings-about", |w| settings(w, SettingsPage::About)),
        scene("17-shortcuts", |w| {
            ready(w);
            w.global::<ShellAdapter>()
                .invoke_open_overlay(Overlay::Shortcuts)
        }),
        scene("18-jump", |w| {
            ready(w);
            w.global::<RoomListAdapter>().set_jump_rows(model(rooms()));
            w.global::<ShellAdapter>()
                .invoke_open_overlay(Overlay::Jump)
        }),
        scene("02-sign-in-busy", |w| {
            onboarding(w, OnboardingStep::SignIn);
            offer(w, Registration::Open);
            w.global::<OnboardingAdapter>().set_submit(busy())
        }),
    ]
}
