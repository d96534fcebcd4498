//! Calls between two people: the one list of calls of the program, and everything that can be done with them.
//!
//! Spec: [Voice over IP](https://spec.matrix.org/v1.16/client-server-api/#voice-over-ip). Signalling is `hardline_rtc`'s
//! machine, sound the media process's (`hardline_platform::media`); this module stands between them, the room and the person.
//!
//! | file | what |
//! |---|---|
//! | `actor` | the one task that owns the machine; `actor/media` is its side towards the media processes |
//! | `intake`, `envelope`, `permission` | what comes from rooms, and who may ring |
//! | `outbox` | what goes to rooms, with a deadline |
//! | `link`, `mapping`, `relays` | media processes, their terms, STUN and TURN servers |
//! | `settings` | what the person decides once and for all |
//! | `devices`, `sounds` | microphones and loudspeakers; ringing, here and there |
//! | `state` | calls as everybody else sees them |

mod actor;
mod clock;
mod devices;
mod envelope;
mod intake;
mod link;
mod mapping;
mod order;
mod outbox;
mod permission;
mod relays;
mod settings;
mod sounds;
mod state;

use std::{sync::Arc, time::Duration};

use hardline_rtc::voip::{Command, Mute};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use self::{actor::Outlets, order::Order};
pub use self::{
    devices::{AudioDevice, AudioDevices, ChosenDevices},
    settings::CallSettings,
    state::{
        Call, CallFault, CallId, CallKey, CallNews, CallOptions, Calls, Direction, EndReason,
        EndedCall, Others, Refusal, Side, Source, Stage, Statistics,
    },
};
pub(crate) use self::{settings::CALLS, state::reason_of};
use crate::{
    core::Shared,
    ids::{OwnedRoomId, OwnedUserId},
    session::{SessionService, SessionState},
};

/// News kept for a listener that is slow.
const NEWS: usize = 64;
/// How long the end of the program waits until the other sides of calls are told.
const END_LIMIT: Duration = Duration::from_secs(3);

/// The calls of the profile's session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CallsService {
    orders: mpsc::UnboundedSender<Order>,
    outlets: Outlets,
}

impl CallsService {
    /// Begins to follow the session.
    pub(crate) fn start(shared: &Shared) -> Self {
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let outlets = Outlets {
            state: watch::Sender::default(),
            devices: watch::Sender::default(),
            news: broadcast::Sender::new(NEWS),
            unsent: watch::Sender::new(0),
        };
        let service = Self {
            orders,
            outlets: outlets.clone(),
        };
        let (shared, sessions) = (shared.clone(), shared.sessions.clone());
        let tasks = shared.tasks.clone();
        tasks.detach("calls", async move {
            follow(&shared, &mut ordered, &outlets).await;
        });
        service.end_with(&sessions);
        service
    }

    /// The calls that are not over, and a way to wait for changes.
    pub fn calls(&self) -> watch::Receiver<Calls> {
        self.outlets.state.subscribe()
    }

    /// The microphones and loudspeakers there are, and which are taken.
    pub fn devices(&self) -> watch::Receiver<AudioDevices> {
        self.outlets.devices.subscribe()
    }

    /// Takes this microphone and this loudspeaker from now on, in calls under way too.
    pub fn choose_devices(&self, chosen: ChosenDevices) {
        self.order(Order::ChooseDevices(chosen));
    }

    /// What is told once, from now on.
    pub fn news(&self) -> broadcast::Receiver<CallNews> {
        self.outlets.news.subscribe()
    }

    /// Calls `invitee`, or anybody in the room. How it goes is told by [`CallsService::calls`], its end by
    /// [`CallsService::news`]; a call that is active is put on hold.
    pub fn place(
        &self,
        room_id: OwnedRoomId,
        invitee: Option<OwnedUserId>,
        options: CallOptions,
    ) -> Option<CallKey> {
        let call = CallKey::new(room_id, CallId::parse(&actor::new_id())?);
        self.order(Order::Place {
            call: call.clone(),
            invitee,
            options,
        });
        Some(call)
    }

    /// Takes a call. What is returned tells whether it was taken by this; if it is dropped before, the call is ended. It
    /// fails if there is no session.
    pub fn answer(
        &self,
        call: CallKey,
        options: CallOptions,
    ) -> oneshot::Receiver<Result<(), Refusal>> {
        let (taken, answered) = oneshot::channel();
        self.order(Order::Answer {
            call,
            options,
            taken,
        });
        answered
    }

    /// Takes a call with the system's microphone and loudspeaker, and leaves it to others to follow it. What becomes of the one
    /// under way is told by `others`.
    pub fn take(&self, call: CallKey, others: Others) {
        self.order(Order::Take { call, others });
    }

    /// Does not take a call that rings, on all devices. One that was taken meanwhile goes on.
    pub fn reject(&self, call: CallKey) {
        self.command(call, Command::Reject { busy: false });
    }

    /// Ends a call, whatever it is at; a ring is rejected, on all devices.
    pub fn hang_up(&self, call: CallKey) {
        self.command(call, Command::HangUp);
    }

    /// Mutes the microphone, or unmutes it.
    pub fn mute(&self, call: CallKey, muted: bool) {
        let mute = Mute {
            audio: muted,
            ..Mute::default()
        };
        self.command(call, Command::Mute(mute));
    }

    /// The other sides are told before a session ends.
    fn end_with(&self, sessions: &SessionService) {
        let service = self.clone();
        sessions.before_it_ends(Arc::new(move || {
            let service = service.clone();
            Box::pin(async move { service.end_all().await })
        }));
    }

    /// Sends keys of the dial pad to the other side: digits, `*`, `#`, `A` to `D`, and commas for pauses of two seconds.
    pub fn dial(&self, call: CallKey, keys: String) {
        self.command(call, Command::Dial(keys));
    }

    /// Puts the other side on hold, or goes on with them; whoever was active then is put on hold.
    pub fn hold(&self, call: CallKey, held: bool) {
        let command = match held {
            true => Command::Hold,
            false => Command::Resume,
        };
        self.command(call, command);
    }

    /// Ends all calls, and waits three seconds at most until the other sides are told.
    async fn end_all(&self) {
        let ending = async {
            if !self.outlets.state.borrow().is_empty() {
                let (done, ended) = oneshot::channel();
                self.order(Order::EndAll { done });
                let _ = ended.await;
            }
            // Also of calls that ended a moment ago.
            let mut unsent = self.outlets.unsent.subscribe();
            let _ = unsent.wait_for(|n| *n == 0).await;
        };
        let _ = tokio::time::timeout(END_LIMIT, ending).await;
    }

    fn command(&self, call: CallKey, command: Command) {
        self.order(Order::Command { call, command });
    }

    /// Without a session nobody takes it, and nothing happens.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}

async fn follow(shared: &Shared, orders: &mut mpsc::UnboundedReceiver<Order>, outlets: &Outlets) {
    let mut sessions = shared.sessions.state();
    loop {
        let session = match &*sessions.borrow_and_update() {
            SessionState::Ready(session) => Some(session.clone()),
            _ => None,
        };
        match session {
            Some(session) => tokio::select! {
                () = actor::run(shared, &session, orders, outlets) => return,
                changed = sessions.changed() => if changed.is_err() { return },
            },
            // An order that comes before the session is noticed here waits for it.
            None => {
                if sessions.changed().await.is_err() {
                    return;
                }
            }
        }
        outlets.state.send_replace(Calls::new());
        let _ = outlets.news.send(CallNews::SessionEnded);
    }
}
