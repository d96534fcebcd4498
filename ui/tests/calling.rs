//! Calls in the window, on a program of fakes, touched as a person would.

mod support;

use hardline_app::{
    calls::{CallId, CallKey, Direction, EndReason, Side, Stage},
    view::{
        calls::{CallAction, CallRow, EndedRow, Quality, Who},
        room_list::RoomListAction,
    },
};
use hardline_views::{CallsAdapter, MainWindow};
use i_slint_backend_testing::AccessibleRole;
use slint::{ComponentHandle, Model};
use support::{
    FakeProgram, people,
    screen::{click, find, labels, resize, run, settle, start_slint},
};

#[test]
fn a_call_is_taken_muted_put_away_and_ended() {
    start_slint();
    let program = FakeProgram::signed_in();
    let fakes = program.clone();
    run(&program, async move |host| {
        let window = host.window().unwrap();
        let ui = window.ui();
        resize(ui, 1200.0, 800.0);
        settle().await;
        rings_without_taking_the_keyboard(&fakes, ui).await;
        is_taken(&fakes, ui).await;
        fills_a_phone_and_goes_on_beside_the_room(&fakes, ui).await;
        tells_the_end(&fakes, ui).await;
    });
}

async fn rings_without_taking_the_keyboard(fakes: &FakeProgram, ui: &MainWindow) {
    click(ui, AccessibleRole::ListItem, "Ada").await;
    fakes.room_list.take_sent();
    let field = find(ui, AccessibleRole::TextInput, "Message to Ada").unwrap();
    show(fakes, call(Stage::Ringing)).await;
    assert!(labels(ui).iter().any(|label| label == "Ada calls you"));
    // What is typed on goes into the message.
    ui.window()
        .dispatch_event(slint::platform::WindowEvent::KeyPressed { text: "h".into() });
    settle().await;
    assert_eq!(field.accessible_value().unwrap(), "h");
    assert!(fakes.calls.take_sent().is_empty());
    assert!(
        !fakes
            .room_list
            .take_sent()
            .contains(&RoomListAction::Search("h".into()))
    );
}

async fn is_taken(fakes: &FakeProgram, ui: &MainWindow) {
    // A tap that was meant for what stood there before counts for nothing.
    click(ui, AccessibleRole::Button, "Accept").await;
    assert!(fakes.calls.take_sent().is_empty());
    for _ in 0..8 {
        settle().await;
    }
    click(ui, AccessibleRole::Button, "Accept").await;
    let taken = CallAction::Answer {
        call: key(),
        end_others: false,
    };
    assert_eq!(fakes.calls.take_sent(), [taken]);
    let connected = CallRow {
        connected_since: Some(now() - 65_000),
        ..call(Stage::Connected)
    };
    show(fakes, connected).await;
    let shown = labels(ui);
    assert!(!shown.iter().any(|label| label == "Ada calls you"));
    assert!(
        shown.iter().any(|label| label.starts_with("1:0")),
        "{shown:?}"
    );
    click(ui, AccessibleRole::Button, "Mute").await;
    assert_eq!(fakes.calls.take_sent(), [CallAction::Mute(key(), true)]);
}

async fn fills_a_phone_and_goes_on_beside_the_room(fakes: &FakeProgram, ui: &MainWindow) {
    resize(ui, 360.0, 720.0);
    settle().await;
    let back = "Back to the conversations; the call goes on";
    click(ui, AccessibleRole::Button, back).await;
    settle().await;
    assert!(find(ui, AccessibleRole::Button, back).is_none());
    assert!(!ui.global::<CallsAdapter<'_>>().get_large());
    click(ui, AccessibleRole::Button, "Hang up").await;
    assert_eq!(fakes.calls.take_sent(), [CallAction::HangUp(key())]);
    // Another call is shown large again.
    let other = CallRow {
        key: CallKey::new(people::room_id("bo"), CallId::parse("two").unwrap()),
        ..call(Stage::Calling)
    };
    show(fakes, other).await;
    assert!(ui.global::<CallsAdapter<'_>>().get_large());
    assert!(labels(ui).iter().any(|label| label == "Calling…"));
}

async fn tells_the_end(fakes: &FakeProgram, ui: &MainWindow) {
    fakes.calls.state.send_modify(|state| {
        state.calls.clear();
        state.ended = Some(EndedRow {
            room_id: people::room_id("ada"),
            peer: None,
            who: who(),
            direction: Direction::Outgoing,
            reason: EndReason::Unanswered,
            by: Side::Here,
            fault: None,
            connected_for: None,
        });
    });
    settle().await;
    settle().await;
    assert!(labels(ui).iter().any(|label| label == "Ada did not answer"));
    click(ui, AccessibleRole::Button, "Call again").await;
    click(ui, AccessibleRole::Button, "Close").await;
    assert_eq!(
        fakes.calls.take_sent(),
        [CallAction::CallAgain, CallAction::PutAway]
    );
    assert_eq!(ui.global::<CallsAdapter<'_>>().get_calls().row_count(), 0);
}

async fn show(fakes: &FakeProgram, call: CallRow) {
    fakes
        .calls
        .state
        .send_modify(|state| state.calls = vec![call]);
    settle().await;
    settle().await;
}

fn key() -> CallKey {
    CallKey::new(people::room_id("ada"), CallId::parse("one").unwrap())
}

fn who() -> Who {
    Who {
        name: "Ada".into(),
        ..Who::default()
    }
}

fn call(stage: Stage) -> CallRow {
    CallRow {
        key: key(),
        who: who(),
        direction: Direction::Incoming,
        stage,
        encrypted: true,
        muted: false,
        held: false,
        peer_muted: false,
        peer_holds: false,
        connected_since: None,
        trouble: None,
        quality: Quality::Good,
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_millis()).unwrap()
}
