//! Calls in every state.

use super::{
    data::*,
    scenes::{Scene, ready, room_open, scene},
};
use hardline_views::*;
use slint::ComponentHandle;

pub fn scenes() -> Vec<Scene> {
    vec![
        scene("19-call-rings", |w| rings(w, ada())),
        scene("19-call-rings-long-in-clear", |w| {
            rings(
                w,
                CallData {
                    name: s("Maria Magdalena von und zu Hohenstein-Wittgenstein the Younger"),
                    room_name: s("A room with a name so long that it does not fit"),
                    encrypted: false,
                    ..ada()
                },
            );
        }),
        scene("19-call-rings-waiting", |w| {
            under_way(w, vec![connected()]);
            w.global::<CallsAdapter>().set_ringing(model(vec![CallData {
                id: s("!b c2"),
                name: s("Bo Diddley"),
                avatar: avatar("Bo Diddley", 3),
                stage: CallStage::Ringing,
                ..ada()
            }]));
        }),
        scene("19-call-rings-twice", |w| {
            rings(w, ada());
            let bo = CallData {
                id: s("!b c2"),
                name: s("Bo Diddley"),
                avatar: avatar("Bo Diddley", 3),
                ..ada()
            };
            w.global::<CallsAdapter>()
                .set_ringing(model(vec![ada(), bo]));
        }),
        scene("19-call-rings-small", |w| {
            rings(w, ada());
            w.global::<CallsAdapter>().set_large(false);
        }),
        scene("19-call-calling", |w| {
            under_way(
                w,
                vec![CallData {
                    stage: CallStage::Calling,
                    ..ada()
                }],
            );
        }),
        scene("19-call-connected", |w| under_way(w, vec![connected()])),
        scene("19-call-muted-weak", |w| {
            under_way(
                w,
                vec![CallData {
                    muted: true,
                    quality: CallQuality::Bad,
                    ..connected()
                }],
            );
        }),
        scene("19-call-trouble", |w| {
            under_way(
                w,
                vec![CallData {
                    trouble: CallTrouble::MissingPart,
                    package: s("gstreamer1.0-plugins-bad"),
                    ..connected()
                }],
            );
        }),
        scene("19-call-keypad", |w| {
            under_way(w, vec![connected()]);
            w.global::<CallsAdapter>().set_keypad(s("!a c1"));
        }),
        scene("19-call-sound", |w| {
            under_way(w, vec![connected()]);
            let device = |name: &str, label: &str| AudioDeviceData {
                name: s(name),
                label: s(label),
                chosen: name == "b",
            };
            let calls = w.global::<CallsAdapter>();
            calls.set_speakers(model(vec![
                device("", ""),
                device("a", "Built-in Audio Analogue Stereo"),
                device(
                    "b",
                    "Headset of somebody with a very long name (Bluetooth, hands-free)",
                ),
            ]));
            calls.set_microphones(model(vec![
                device("", ""),
                device("b", "Headset (Bluetooth, hands-free)"),
            ]));
            calls.set_choosing_sound(true);
        }),
        scene("19-call-two", |w| under_way(w, two())),
        scene("19-call-small", |w| {
            under_way(w, two());
            w.global::<CallsAdapter>().set_large(false);
        }),
        scene("19-call-rtl", |w| {
            rings(
                w,
                CallData {
                    name: s("مريم الأسطرلابي"),
                    avatar: avatar("مريم", 4),
                    ..ada()
                },
            );
        }),
        scene("19-call-over", |w| {
            over(
                w,
                CallEndedData {
                    end: CallEnd::HungUp,
                    lasted: s("12:04"),
                    went_well: true,
                    ..Default::default()
                },
            );
        }),
        scene("19-call-unanswered", |w| {
            over(
                w,
                CallEndedData {
                    end: CallEnd::Unanswered,
                    ..Default::default()
                },
            );
        }),
        scene("19-call-cut", |w| {
            over(
                w,
                CallEndedData {
                    end: CallEnd::ConnectionFailed,
                    by_us: true,
                    trouble: CallTrouble::SomebodyInBetween,
                    ..Default::default()
                },
            );
        }),
        scene("20-calls", |w| {
            past(w);
            w.global::<CallsAdapter>().set_history(model(history(12)));
        }),
        scene("20-calls-300", |w| {
            past(w);
            w.global::<CallsAdapter>().set_history(model(history(300)));
        }),
        scene("20-calls-none", past),
    ]
}

fn ada() -> CallData {
    CallData {
        id: s("!a c1"),
        room_id: s("!Ada Lovelace:example.org"),
        name: s("Ada Lovelace"),
        avatar: avatar("Ada Lovelace", 0),
        incoming: true,
        stage: CallStage::Ringing,
        encrypted: true,
        ..Default::default()
    }
}

fn connected() -> CallData {
    CallData {
        stage: CallStage::Connected,
        clock: s("1:05"),
        quality: CallQuality::Good,
        ..ada()
    }
}

fn two() -> Vec<CallData> {
    let held = CallData {
        id: s("!b c2"),
        name: s("Bo Diddley"),
        avatar: avatar("Bo Diddley", 3),
        held: true,
        ..connected()
    };
    vec![connected(), held]
}

fn rings(w: &MainWindow, call: CallData) {
    room_open(w);
    w.global::<CallsAdapter>().set_ringing(model(vec![call]));
}

fn under_way(w: &MainWindow, calls: Vec<CallData>) {
    room_open(w);
    w.global::<CallsAdapter>().set_calls(model(calls));
}

fn over(w: &MainWindow, ended: CallEndedData) {
    room_open(w);
    let calls = w.global::<CallsAdapter>();
    calls.set_ended(CallEndedData {
        name: s("Ada Lovelace"),
        avatar: avatar("Ada Lovelace", 0),
        ..ended
    });
    calls.set_has_ended(true);
}

fn past(w: &MainWindow) {
    ready(w);
    w.global::<ShellAdapter>().invoke_go_to(Section::Calls);
}

fn history(n: usize) -> Vec<CallHistoryData> {
    let people = [
        ("Ada Lovelace", 0, true, true, ""),
        ("Grace Hopper", 5, false, false, "12:04"),
        (
            "Maria Magdalena von und zu Hohenstein-Wittgenstein",
            2,
            true,
            false,
            "1:02:09",
        ),
        ("Hedy Lamarr", 6, false, false, ""),
        ("مريم الأسطرلابي", 4, true, false, "0:31"),
        ("Bo Diddley", 3, true, false, ""),
    ];
    let row =
        |(name, color, incoming, missed, lasted): (&str, i32, bool, bool, &str)| CallHistoryData {
            room_id: s("!a:example.org"),
            name: s(name),
            avatar: avatar(name, color),
            incoming,
            missed,
            end: CallEnd::Unanswered,
            peer: s("@a:example.org"),
            time: s("Yesterday"),
            long_time: s("Wednesday 4 March 2026, 12:04"),
            lasted: s(lasted),
        };
    people.into_iter().cycle().take(n).map(row).collect()
}
