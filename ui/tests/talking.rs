//! From signing in to a message sent: the window on a program of fakes, touched as a person would.

mod support;

use hardline_app::view::{
    onboarding::{OnboardingAction, Registration, ServerOffer},
    room::RoomAction,
    room_list::{Filter, RoomListAction},
    shell::ShellAction,
};
use i_slint_backend_testing::AccessibleRole;
use slint::ComponentHandle;
use support::{
    FakeProgram, people,
    screen::{click, find, labels, picture, resize, run, settle, start_slint},
};

#[test]
fn a_person_signs_in_opens_a_room_and_sends_a_message() {
    start_slint();
    let program = FakeProgram::signed_out();
    let fakes = program.clone();
    run(&program, async move |host| {
        let window = host.window().unwrap();
        let ui = window.ui();
        resize(ui, 1200.0, 800.0);
        settle().await;
        signs_in(&fakes, ui).await;

        assert!(labels(ui).iter().any(|label| label.contains("Book club")));
        click(ui, AccessibleRole::ListItem, "Ada").await;
        assert_eq!(*fakes.opened.borrow(), [people::room_id("ada")]);
        writes(&fakes, ui).await;
        hears_an_answer(&fakes, ui).await;
        looks_at_a_picture(&fakes, ui).await;
        filters(&fakes, ui).await;

        host.close();
        settle().await;
        assert!(host.window().is_none());
        host.show().unwrap();
        settle().await;
        assert!(
            labels(host.window().unwrap().ui())
                .iter()
                .any(|label| label.contains("Book club"))
        );
    });
}

async fn signs_in(fakes: &FakeProgram, ui: &hardline_views::MainWindow) {
    click(ui, AccessibleRole::Button, "Sign in").await;
    let server = ServerOffer {
        name: "example.org".into(),
        server_name: Some("example.org".into()),
        base_url: "https://example.org".into(),
        password: true,
        registration: Registration::Open,
        sliding_sync: true,
    };
    fakes
        .onboarding
        .state
        .send_modify(|state| state.server = Some(server));
    settle().await;
    picture(ui, "sign-in.png");
    ui.global::<hardline_views::OnboardingAdapter<'_>>()
        .invoke_sign_in(" ada ".into(), "secret".into());
    let expected = OnboardingAction::SignIn {
        user: "ada".into(),
        password: "secret".into(),
    };
    assert!(fakes.onboarding.take_sent().contains(&expected));
    fakes.sign_in();
    settle().await;
    picture(ui, "list.png");
}

async fn writes(fakes: &FakeProgram, ui: &hardline_views::MainWindow) {
    let field = find(ui, AccessibleRole::TextInput, "Message to Ada").unwrap();
    field.set_accessible_value("On my way 🚲");
    settle().await;
    click(ui, AccessibleRole::Button, "Send").await;
    let sent = fakes.room.take_sent();
    let typed = |action: &RoomAction| matches!(action, RoomAction::TextChanged { text, .. } if text == "On my way 🚲");
    assert!(sent.iter().any(typed), "{sent:?}");
    assert!(sent.contains(&RoomAction::Send), "{sent:?}");
}

async fn hears_an_answer(fakes: &FakeProgram, ui: &hardline_views::MainWindow) {
    fakes
        .timeline
        .0
        .borrow_mut()
        .push_back(people::message("6", "ada", "Take the north exit"));
    settle().await;
    settle().await;
    picture(ui, "room.png");
    assert!(
        labels(ui)
            .iter()
            .any(|label| label.contains("Take the north exit")),
        "{:?}",
        labels(ui)
    );
}

/// A picture of the timeline fills the window until Esc.
async fn looks_at_a_picture(fakes: &FakeProgram, ui: &hardline_views::MainWindow) {
    let row = people::picture("7", "ada", "roof.jpg");
    fakes.timeline.0.borrow_mut().push_back(row);
    settle().await;
    settle().await;
    picture(ui, "picture.png");
    click(ui, AccessibleRole::Button, "Picture roof.jpg").await;
    settle().await;
    let room = ui.global::<hardline_views::RoomAdapter<'_>>();
    assert!(room.get_viewing());
    assert!(room.get_viewed().image.size().width > 0, "no pixels");
    assert!(find(ui, AccessibleRole::Button, "Back to the conversation").is_some());
    picture(ui, "viewer.png");
    let escape = slint::SharedString::from(slint::platform::Key::Escape);
    ui.window()
        .dispatch_event(slint::platform::WindowEvent::KeyPressed { text: escape });
    settle().await;
    assert!(!room.get_viewing());
    assert!(
        !fakes
            .room
            .take_sent()
            .iter()
            .any(|action| matches!(action, RoomAction::Download { .. })),
        "another program was to open it"
    );
}

async fn filters(fakes: &FakeProgram, ui: &hardline_views::MainWindow) {
    ui.global::<hardline_views::RoomListAdapter<'_>>()
        .invoke_set_filter(hardline_views::Filter::Unread);
    assert!(
        fakes
            .room_list
            .take_sent()
            .contains(&RoomListAction::SetFilter(Filter::Unread))
    );
    ui.global::<hardline_views::ShellAdapter<'_>>()
        .invoke_quit();
    assert_eq!(fakes.shell.take_sent().last(), Some(&ShellAction::Quit));
}
