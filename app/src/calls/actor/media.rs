//! The side of calls towards their media processes: what they say, what they are asked for, what is heard.

use hardline_platform::media::protocol::{Event, Request, Sound, Statistics};
use hardline_rtc::voip::{CallKey, Input, MediaEvent, MediaFailure, MediaRequest, Refusal};

use super::{
    super::{
        devices::{self, ChosenDevices},
        link::{Link, LinkId, Told},
        mapping,
        settings::{CALLS, CallSettings},
        sounds::{self, Audible},
        state::{CallFault, CallNews, CallOptions},
    },
    Actor,
};
use crate::view::{
    handle,
    settings::{NOTIFICATIONS, Notifications},
};

impl Actor {
    pub(super) fn on_told(&mut self, id: LinkId, told: Told) {
        let holder = self.attached.iter_mut().find_map(|(call, attached)| {
            let ours = attached.link.as_ref().is_some_and(|link| link.id == id);
            ours.then_some((call.clone(), attached))
        });
        let Some((call, attached)) = holder else {
            return;
        };
        match told {
            Told::Said(event) => self.on_said(call, event),
            Told::Ended(error) => {
                let began = attached.link.take().is_some_and(|link| link.began());
                attached.playing = None;
                // A process that only stood ready is replaced when the call is taken.
                if began {
                    attached.fatal.get_or_insert(CallFault::of_process(&error));
                    let event = MediaEvent::Failed(MediaFailure::Crashed);
                    self.handle(Input::Media { call, event });
                }
            }
        }
    }

    fn on_said(&mut self, call: CallKey, event: Event) {
        match &event {
            Event::Heard => self.update(&call, |call| call.heard = true),
            Event::Statistics(statistics) => self.on_statistics(&call, *statistics),
            Event::Started => self.ask(&call, Request::Devices),
            Event::Devices {
                microphones,
                speakers,
            } => {
                let (microphones, speakers) = (microphones.clone(), speakers.clone());
                handle::update(&self.outlets.devices, |devices| {
                    devices.microphones = microphones;
                    devices.speakers = speakers;
                });
            }
            Event::Refused { fault } if self.only_rings(&call) => {
                tracing::warn!(call = ?call, %fault, "a call does not ring aloud");
            }
            Event::Refused { fault } => {
                tracing::info!(call = ?call, %fault, "the media process refuses something");
                match CallFault::of(fault) {
                    // Of the keys that were just pressed, not of the call.
                    Some(CallFault::NoTones) => {
                        let (call, why) = (call.clone(), Refusal::PeerCannot);
                        let _ = self.outlets.news.send(CallNews::Refused { call, why });
                    }
                    Some(fault) => self.update(&call, |call| {
                        call.faults.retain(|known| *known != fault);
                        call.faults.push(fault);
                    }),
                    None => {}
                }
            }
            Event::Failed { round, fault } => {
                let Some(attached) = self.attached.get_mut(&call) else {
                    return;
                };
                let stale = attached.link.as_ref().is_some_and(|l| l.is_stale(*round));
                tracing::warn!(call = ?call, %fault, stale, "the media process fails");
                if stale {
                    return;
                }
                if let Some(fault) = CallFault::of(fault) {
                    attached.fatal.get_or_insert(fault);
                }
            }
            _ => {}
        }
        if let Some(event) = mapping::event(event) {
            self.handle(Input::Media { call, event });
        }
    }

    fn on_statistics(&mut self, call: &CallKey, statistics: Statistics) {
        self.update(call, |call| call.statistics = Some(statistics));
    }

    /// Whether calls ring aloud.
    fn is_loud(&self) -> bool {
        let wanted: Notifications = self.store.setting(NOTIFICATIONS).unwrap_or_default();
        wanted.sound
    }

    fn settings(&self) -> CallSettings {
        self.store.setting(CALLS).unwrap_or_default()
    }

    /// Whether a call's process does nothing but ring.
    fn only_rings(&self, call: &CallKey) -> bool {
        let link = self.attached.get(call).and_then(|a| a.link.as_ref());
        link.is_some_and(|link| !link.began())
    }

    pub(super) fn set_rings(&mut self, call: &CallKey, rings: bool) {
        if let Some(attached) = self.attached.get_mut(call) {
            attached.rings = rings;
        }
    }

    /// Has the processes play what is to be heard of each call now.
    pub(super) fn play_sounds(&mut self) {
        let mut calls = Vec::new();
        for view in self.machine.calls() {
            if let Some(attached) = self.attached.get(&view.call) {
                let audible = Audible::new(&view, attached.rings, &attached.options);
                calls.push((view.call.clone(), audible));
            }
        }
        if calls.is_empty() {
            return;
        }
        let (keys, audible): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        let loud = audible.iter().any(|call| call.rings) && self.is_loud();
        for (call, sound) in keys.iter().zip(sounds::of(&audible, loud)) {
            self.play(call, sound);
        }
    }

    /// Plays a sound beside a call, or none any more.
    fn play(&mut self, call: &CallKey, sound: Option<Sound>) {
        let sink = self.outlets.devices.borrow().chosen.speaker();
        let Some(attached) = self.attached.get_mut(call) else {
            return;
        };
        let Some(link) = attached.link.as_mut() else {
            attached.playing = None;
            return;
        };
        if attached.playing == sound {
            return;
        }
        attached.playing = sound;
        link.ask(match sound {
            Some(sound) => Request::Play { sound, sink },
            None => Request::Silence,
        });
    }

    /// Plays a sound for a moment after a call.
    pub(super) fn play_afterwards(&mut self, sound: Sound) {
        let sink = self.outlets.devices.borrow().chosen.speaker();
        let mut link = self.links.open();
        link.ask(Request::Play { sound, sink });
        self.session.tasks().detach("busy-tone", async move {
            tokio::time::sleep(sounds::BUSY_TIME).await;
            drop(link);
        });
    }

    pub(super) fn choose_devices(&mut self, chosen: ChosenDevices) {
        if let Err(error) = self.store.set_setting(devices::CHOSEN, &chosen) {
            tracing::warn!(%error, "microphone and loudspeaker are forgotten when the program ends");
        }
        let request = chosen.request();
        handle::update(&self.outlets.devices, |devices| devices.chosen = chosen);
        // Whether the others can be used is told anew.
        handle::update(&self.outlets.state, |calls| {
            for call in calls {
                call.faults.retain(|fault| !fault.is_about_devices());
            }
        });
        for link in self.attached.values_mut().filter_map(|a| a.link.as_mut()) {
            if link.began() {
                link.ask(request.clone());
            }
        }
    }

    fn ask(&mut self, call: &CallKey, request: Request) {
        if let Some(link) = self.attached.get_mut(call).and_then(|a| a.link.as_mut()) {
            link.ask(request);
        }
    }

    /// The line to the media process of a call, which is started if there is none.
    pub(super) fn link(&mut self, call: &CallKey) -> &mut Link {
        let attached = self.attached.entry(call.clone()).or_default();
        attached.link.get_or_insert_with(|| self.links.open())
    }

    pub(super) fn on_request(&mut self, call: &CallKey, request: &MediaRequest) {
        if let MediaRequest::Answer {
            adopt: Some(former),
            ..
        } = request
        {
            self.hand_over(former, call);
        }
        let begins = matches!(
            request,
            MediaRequest::Offer { .. } | MediaRequest::Answer { .. }
        );
        if begins {
            let options = self.attached.get(call).map(|attached| &attached.options);
            let devices = &self.outlets.devices.borrow().chosen.clone();
            let mut setup = mapping::setup(options.unwrap_or(&CallOptions::default()), devices);
            setup.relay_only |= self.settings().relay_only;
            self.link(call).begin(setup);
        }
        if *request == MediaRequest::Close {
            if let Some(attached) = self.attached.get_mut(call) {
                attached.link = None;
            }
            return;
        }
        let link = self.attached.get_mut(call).and_then(|a| a.link.as_mut());
        if let (Some(link), Some(request)) = (link, mapping::request(request)) {
            link.ask(request);
        }
    }

    /// The media process of one call belongs to another from now on.
    pub(super) fn hand_over(&mut self, former: &CallKey, call: &CallKey) {
        let Some(given) = self.attached.remove(former) else {
            return;
        };
        let attached = self.attached.entry(call.clone()).or_default();
        if given.link.is_some() {
            attached.link = given.link;
            attached.playing = given.playing;
            attached.options = given.options;
        }
        if attached.room.is_none() {
            attached.room = given.room;
        }
    }
}
