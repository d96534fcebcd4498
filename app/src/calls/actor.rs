//! The calls of one session: hands what happens to the signalling machine, and does what it says.

mod media;

use std::{collections::BTreeMap, time::Duration};

use hardline_platform::{
    media::protocol::Sound,
    network::{NetworkHint, Reach},
};
use hardline_rtc::{
    Moment,
    voip::{
        Action, Batch, CallKey, CallMachine, Command, Delivery, EndReason, IdSource, Input, Others,
        Place, Refusal, SendId, Stage, Summary,
    },
};
use rand::{Rng as _, distr::Alphanumeric};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::{
    clock,
    devices::{self, AudioDevices},
    intake::Intake,
    link::{Link, Links},
    order::Order,
    outbox::Outbox,
    relays::Relays,
    sounds,
    state::{Call, CallFault, CallNews, CallOptions, Calls, EndedCall},
};
use crate::{core::Shared, session::Session, store::Store, sync::OpenRoom, view::handle};

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
