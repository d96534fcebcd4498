//! The calls of one session: hands what happens to the signalling machine, and does what it says.

use std::{collections::BTreeMap, time::Duration};

use hardline_platform::{
    media::protocol::{Event, Request, Sound, Statistics},
    network::{NetworkHint, Reach},
};
use hardline_rtc::{
    Moment,
    voip::{
        Action, Batch, CallKey, CallMachine, Command, Delivery, EndReason, IdSource, Input,
        MediaEvent, MediaFailure, MediaRequest, Others, Place, Refusal, SendId, Stage, Summary,
    },
};
use rand::{Rng as _, distr::Alphanumeric};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::{
    clock,
    devices::{self, AudioDevices, ChosenDevices},
    intake::Intake,
    link::{Link, LinkId, Links, Told},
    mapping,
    order::Order,
    outbox::Outbox,
    relays::Relays,
    settings::{CALLS, CallSettings},
    sounds::{self, Audible},
    state::{Call, CallFault, CallNews, CallOptions, Calls, EndedCall},
};
use crate::{
    core::Shared,
    session::Session,
    store::Store,
    sync::OpenRoom,
    view::{
        handle,
        settings::{NOTIFICATIONS, Notifications},
    },
};

/// The longest sleep while something is due: timers stand still while the device sleeps, deadlines do not.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// Characters of a new id.
const ID_LENGTH: usize = 24;

/// Where the state of the calls goes.
#[derive(Clone, Debug)]
pub(super) struct Outlets {
    pub(super) state: watch::Sender<Calls>,
    pub(super) devices: watch::Sender<AudioDevices>,
    pub(super) news: broadcast::Sender<CallNews>,
    /// Events of calls that are on their way to the homeserver.
    pub(super) unsent: watch::Sender<usize>,
}

/// What belongs to a call beside signalling.
#[derive(Default)]
struct Attached {
    link: Option<Link>,
    options: CallOptions,
    /// Keeps the room fresh, so that no event of the call is in a gap.
    room: Option<OpenRoom>,
    fatal: Option<CallFault>,
    /// It may ring here, and nobody took it.
    rings: bool,
    /// What its process plays beside the call.
    playing: Option<Sound>,
}

/// All calls of a session.
struct Actor {
    session: Session,
    machine: CallMachine,
    outbox: Outbox,
    links: Links,
    attached: BTreeMap<CallKey, Attached>,
    outlets: Outlets,
    store: Store,
    wake_at: Option<Moment>,
}

/// Runs the calls of a session until it ends, or nobody can order anything any more.
pub(super) async fn run(
    shared: &Shared,
    session: &Session,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    outlets: &Outlets,
) {
    let (delivered, mut deliveries) = mpsc::unbounded_channel();
    let (told, mut telling) = mpsc::unbounded_channel();
    let (batches, mut arriving) = mpsc::unbounded_channel();
    let intake =
        Intake::new(session.clone(), shared.store.clone(), batches).run(session.take_updates());
    let _intake = session.tasks().spawn("call-intake", intake);
    let relays = Relays::new(session.clone());
    let tasks = session.tasks().clone();
    let mut actor = Actor {
        session: session.clone(),
        machine: CallMachine::new(session.user_id().to_owned(), new_ids()),
        outbox: Outbox::new(session.clone(), delivered, outlets.unsent.clone()),
        links: Links::new(shared.platform.media.clone(), relays, tasks, told),
        attached: BTreeMap::new(),
        outlets: outlets.clone(),
        store: shared.store.clone(),
        wake_at: None,
    };
    let chosen = shared.store.setting(devices::CHOSEN).unwrap_or_default();
    handle::update(&outlets.devices, |devices| devices.chosen = chosen);
    let mut network = shared.platform.network.watch();
    let mut before = *network.borrow_and_update();
    let mut network_known = true;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => actor.on_order(order),
                None => return,
            },
            Some(batch) = arriving.recv() => actor.on_batch(batch),
            Some((link, told)) = telling.recv() => actor.on_told(link, told),
            Some((send, delivery)) = deliveries.recv() => actor.on_delivery(send, delivery),
            () = sleep(actor.wake_at) => actor.handle(Input::Tick),
            changed = network.changed(), if network_known => {
                network_known = changed.is_ok();
                let now = *network.borrow_and_update();
                if is_another_way(std::mem::replace(&mut before, now), now) {
                    actor.handle(Input::NetworkChanged);
                }
            }
        }
    }
}

impl Actor {
    fn handle(&mut self, input: Input) {
        self.handle_and_tell(input);
    }

    /// Handles what happens; tells if it is refused, and why.
    fn handle_and_tell(&mut self, input: Input) -> Option<Refusal> {
        let mut refused = None;
        for action in self.machine.handle(clock::now(), input) {
            if let Action::Refused { why, .. } = &action {
                refused = Some(*why);
            }
            self.act(action);
        }
        self.play_sounds();
        refused
    }

    fn on_batch(&mut self, batch: Batch) {
        self.handle(Input::Batch(batch));
    }

    fn on_delivery(&mut self, send: SendId, delivery: Delivery) {
        self.handle(Input::Delivery { send, delivery });
    }

    fn on_order(&mut self, order: Order) {
        match order {
            Order::Place {
                call,
                invitee,
                options,
            } => {
                let place = Place {
                    room_id: call.room_id.clone(),
                    invitee,
                    video: false,
                    others: Others::Hold,
                    call_id: Some(call.call_id.clone()),
                };
                self.begin(&call, options, Input::Place(place));
            }
            Order::Answer {
                call,
                options,
                taken,
            } => self.answer(&call, options, taken),
            Order::Take { call, others } => {
                let command = Command::Accept {
                    video: false,
                    others,
                };
                let input = Input::Command {
                    call: call.clone(),
                    command,
                };
                self.handle(input);
            }
            Order::ChooseDevices(chosen) => self.choose_devices(chosen),
            Order::Command { call, command } => self.handle(Input::Command { call, command }),
            Order::EndAll { done } => {
                self.end_all();
                let _ = done.send(());
            }
        }
    }

    /// Places a call or takes one.
    fn begin(&mut self, call: &CallKey, options: CallOptions, input: Input) {
        self.attach(call, options);
        self.handle(input);
        self.detach_if_gone(call);
    }

    fn answer(
        &mut self,
        call: &CallKey,
        options: CallOptions,
        taken: oneshot::Sender<Result<(), Refusal>>,
    ) {
        let before = self.attached.get(call).map(|a| a.options.clone());
        self.attach(call, options);
        let command = Command::Accept {
            video: false,
            others: Others::Hold,
        };
        let input = Input::Command {
            call: call.clone(),
            command,
        };
        match self.handle_and_tell(input) {
            None => {
                if taken.send(Ok(())).is_err() {
                    let (call, command) = (call.clone(), Command::HangUp);
                    self.handle(Input::Command { call, command });
                }
            }
            Some(why) => {
                // Somebody else's call goes on as they wanted it.
                if let (Some(attached), Some(before)) = (self.attached.get_mut(call), before) {
                    attached.options = before;
                }
                let _ = taken.send(Err(why));
            }
        }
        self.detach_if_gone(call);
    }

    fn detach_if_gone(&mut self, call: &CallKey) {
        if self.machine.call(call).is_none() {
            self.attached.remove(call);
        }
    }

    fn end_all(&mut self) {
        let calls: Vec<_> = self.machine.calls().collect();
        for view in calls {
            // A ring goes on on other devices.
            let command = match view.stage {
                Stage::Silent | Stage::Ringing => Command::Ignore,
                _ => Command::HangUp,
            };
            let call = view.call;
            self.handle(Input::Command { call, command });
        }
    }

    fn attach(&mut self, call: &CallKey, options: CallOptions) {
        let room = self.session.sync().room_with_call(call.room_id.clone());
        let attached = self.attached.entry(call.clone()).or_default();
        attached.options = options;
        attached.room.get_or_insert(room);
    }

    fn on_told(&mut self, id: LinkId, told: Told) {
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

    fn act(&mut self, action: Action) {
        match action {
            Action::Send(outgoing) => self.outbox.send(outgoing),
            Action::Ring { call, .. } => {
                tracing::info!(call = ?call, "a call rings");
                // Started now, so that answering does not wait for it.
                let options = CallOptions::default();
                self.attach(&call, options);
                self.link(&call);
                self.set_rings(&call, true);
            }
            Action::StopRinging { call, .. } => self.set_rings(&call, false),
            Action::Media { call, request } => self.on_request(&call, &request),
            Action::WakeAt(at) => self.wake_at = at,
            Action::Changed(view) => self.show(&view),
            Action::Suppressed { call, why, .. } => {
                tracing::info!(call = ?call, ?why, "a call does not ring");
            }
            Action::TransferOffered { call, .. } => {
                // Nobody can be asked yet.
                let command = Command::AnswerTransfer { accept: false };
                self.handle(Input::Command { call, command });
            }
            Action::TransferEnded { .. } => {}
            Action::Refused { call, why } => {
                tracing::info!(call = ?call, ?why, "a call does not do what it is told");
                let _ = self.outlets.news.send(CallNews::Refused { call, why });
            }
            Action::Ended(summary) => self.on_ended(&summary),
        }
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

    fn set_rings(&mut self, call: &CallKey, rings: bool) {
        if let Some(attached) = self.attached.get_mut(call) {
            attached.rings = rings;
        }
    }

    /// Has the processes play what is to be heard of each call now.
    fn play_sounds(&mut self) {
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
    fn play_afterwards(&mut self, sound: Sound) {
        let sink = self.outlets.devices.borrow().chosen.speaker();
        let mut link = self.links.open();
        link.ask(Request::Play { sound, sink });
        self.session.tasks().detach("busy-tone", async move {
            tokio::time::sleep(sounds::BUSY_TIME).await;
            drop(link);
        });
    }

    fn choose_devices(&mut self, chosen: ChosenDevices) {
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
    fn link(&mut self, call: &CallKey) -> &mut Link {
        let attached = self.attached.entry(call.clone()).or_default();
        attached.link.get_or_insert_with(|| self.links.open())
    }

    fn on_request(&mut self, call: &CallKey, request: &MediaRequest) {
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
    fn hand_over(&mut self, former: &CallKey, call: &CallKey) {
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

    fn show(&mut self, view: &hardline_rtc::voip::CallView) {
        handle::update(&self.outlets.state, |calls| {
            match calls.iter_mut().find(|call| call.key == view.call) {
                Some(call) => call.follow(view),
                None => calls.push(Call::new(view)),
            }
        });
    }

    fn update(&self, key: &CallKey, change: impl FnOnce(&mut Call)) {
        handle::update(&self.outlets.state, |calls| {
            if let Some(call) = calls.iter_mut().find(|call| call.key == *key) {
                change(call);
            }
        });
    }

    fn on_ended(&mut self, summary: &Summary) {
        let call = &summary.call;
        tracing::info!(call = ?call, reason = ?summary.reason, by = ?summary.by, "a call is over");
        self.outbox.forget(call);
        let fatal = match &summary.reason {
            EndReason::Replaced(other) => {
                self.hand_over(call, other);
                None
            }
            _ => {
                let attached = self.attached.remove(call).unwrap_or_default();
                if let Some(sound) = sounds::afterwards(summary, &attached.options) {
                    self.play_afterwards(sound);
                }
                attached.fatal
            }
        };
        handle::update(&self.outlets.state, |calls| {
            calls.retain(|shown| shown.key != *call)
        });
        let ended = Box::new(EndedCall::new(summary, fatal));
        // Whoever may not ring does not fill the list either.
        if ended.is_of_interest()
            && let Err(error) = self.store.log_call(&ended.logged())
        {
            tracing::warn!(%error, "a call is not in the list of calls");
        }
        let _ = self.outlets.news.send(CallNews::Ended(ended));
    }
}

/// Ids that cannot be guessed.
fn new_ids() -> IdSource {
    IdSource::new(new_id)
}

/// An id that cannot be guessed.
pub(super) fn new_id() -> String {
    let characters = rand::rng().sample_iter(Alphanumeric);
    characters.take(ID_LENGTH).map(char::from).collect()
}

async fn sleep(wake_at: Option<Moment>) {
    match wake_at {
        Some(at) => tokio::time::sleep(clock::until(at).min(LONGEST_SLEEP)).await,
        None => std::future::pending().await,
    }
}

/// Whether what was connected before may be so no more. A connection that holds is left alone by signalling.
fn is_another_way(before: NetworkHint, now: NetworkHint) -> bool {
    let other = before.reach != now.reach || before.metered != now.metered;
    other && before.reach != Reach::Unknown && now.reach != Reach::Offline
}
