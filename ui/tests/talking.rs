//! From signing in to a message sent: the window on a program of fakes, touched as a person would.

mod support;

use hardline_app::view::{
    onboarding::{OnboardingAction, Registration, ServerOffer},
    room::RoomAction,
    room_list::{Preview, RoomListAction},
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
    let p = program.clone();
    run(&program, async move |host| {
        let window = host.window().unwrap();
        let ui = window.ui();
        resize(ui, 1200.0, 800.0);
        settle().await;
        picture(ui, "welcome.png");
        println!("{:?}", labels(ui));
        p.sign_in();
        settle().await;
        picture(ui, "list.png");
        println!("{:?}", labels(ui));
        window.go_to_room(&people::room_id("ada"));
        settle().await;
        picture(ui, "room.png");
        println!("{:?}", labels(ui));
        resize(ui, 360.0, 720.0);
        settle().await;
        picture(ui, "room-phone.png");
        ui.global::<hardline_views::ShellAdapter<'_>>()
            .invoke_close_room();
        settle().await;
        picture(ui, "list-phone.png");
    });
}
