//! Activation over a private bus.

#![allow(missing_docs, reason = "signals the interface macro makes public")]

mod support;

use std::path::Path;

use hardline_platform::{
    bus::Bus,
    dirs::{ProfileDirs, ProgramDirs},
    instance::{Activation, ActivationError, ActivationRequest, DBusActivation},
};
use support::{PrivateBus, eventually, nowhere};

fn profile() -> ProfileDirs {
    ProgramDirs::under(Path::new("/nowhere")).default_profile()
}

#[tokio::test]
async fn each_kind_of_request_reaches_the_running_process() {
    let bus = PrivateBus::start();
    let running = DBusActivation::new(Bus::at(&bus.address));
    let second = DBusActivation::new(Bus::at(&bus.address));
    let mut requests = running.announce(&profile()).await.unwrap();
    let token = Some("token-1".to_owned());
    let sent = [
        ActivationRequest::Activate { token: None },
        ActivationRequest::Activate {
            token: token.clone(),
        },
        ActivationRequest::Open {
            uris: vec!["matrix:r/room:example.org".into()],
            token: token.clone(),
        },
        ActivationRequest::Action {
            name: "open-room".into(),
            parameter: Some("!id:example.org".into()),
            token,
        },
        ActivationRequest::Action {
            name: "quit".into(),
            parameter: None,
            token: None,
        },
    ];
    for request in sent {
        second.deliver(&profile(), request.clone()).await.unwrap();
        assert_eq!(requests.recv().await, Some(request));
    }
}

#[tokio::test]
async fn nobody_running_is_told_at_once() {
    let bus = PrivateBus::start();
    let activation = DBusActivation::new(Bus::at(&bus.address));
    let request = ActivationRequest::Activate { token: None };
    let error = activation.deliver(&profile(), request).await.unwrap_err();
    assert!(matches!(error, ActivationError::NotRunning(_)), "{error}");
}

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_is_gone() {
    let bus = PrivateBus::start();
    let first = DBusActivation::new(Bus::at(&bus.address));
    let second = DBusActivation::new(Bus::at(&bus.address));
    let requests = first.announce(&profile()).await.unwrap();
    let error = second.announce(&profile()).await.unwrap_err();
    assert!(matches!(error, ActivationError::Owned(_)), "{error}");
    drop(requests);
    eventually("the name is free", async || {
        second.announce(&profile()).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn profiles_do_not_hear_each_other() {
    let bus = PrivateBus::start();
    let activation = DBusActivation::new(Bus::at(&bus.address));
    let other = ProgramDirs::under(Path::new("/nowhere")).profile_at(Path::new("/other"));
    let mut ours = activation.announce(&profile()).await.unwrap();
    let mut theirs = activation.announce(&other).await.unwrap();
    activation
        .deliver(&other, ActivationRequest::Activate { token: None })
        .await
        .unwrap();
    assert!(theirs.recv().await.is_some());
    assert!(ours.try_recv().is_err());
}

#[tokio::test]
async fn without_a_bus_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let activation = DBusActivation::new(Bus::at(nowhere(dir.path())));
    let error = activation.announce(&profile()).await.unwrap_err();
    assert!(matches!(error, ActivationError::Bus(_)), "{error}");
}

#[tokio::test]
async fn a_flood_of_requests_is_dropped_and_not_piled_up() {
    let bus = PrivateBus::start();
    let running = DBusActivation::new(Bus::at(&bus.address));
    let mut requests = running.announce(&profile()).await.unwrap();
    for _ in 0..40 {
        running
            .deliver(&profile(), ActivationRequest::Activate { token: None })
            .await
            .unwrap();
    }
    let mut n_kept = 0;
    while requests.try_recv().is_ok() {
        n_kept += 1;
    }
    assert_eq!(n_kept, 16);
}
