//! One flow after another, driven by the person and by the other side.

use std::{collections::HashMap, pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt as _};
use matrix_sdk::{
    Client,
    encryption::{
        identities::UserIdentity,
        verification::{
            CancelInfo, SasState, SasVerification, Verification, VerificationRequest,
            VerificationRequestState as Request,
        },
    },
};
use ruma::{
    api::client::profile::DisplayName,
    events::key::verification::{VerificationMethod, cancel::CancelCode},
    to_device::DeviceIdOrAllDevices,
};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    incoming::{Incoming, listen},
    nudge,
    repeat::Repeat,
};
use crate::{
    encryption::{EncryptionError, becomes_verified},
    ids::{DeviceId, OwnedUserId, UserId},
    notice::Notice,
    runtime::TaskHandle,
    session::Session,
    view::{
        handle::Driver,
        verification::{
            CancelReason, SasEmoji, Step, VerificationAction as Action, VerificationState,
        },
    },
};

/// Who accepted waits so long for the other side to begin the comparison, then begins it.
const BEGIN_ANYWAY: Duration = Duration::from_secs(4);
/// The SDK may know of a request a moment later than we.
const KNOWN_AFTER: Duration = Duration::from_millis(250);
/// Requests not answered that are kept.
const KEPT: usize = 16;

type Screen = Driver<Option<VerificationState>, Action, ()>;
type Changes<T> = Option<Pin<Box<dyn Stream<Item = T> + Send>>>;

/// The flow shown.
struct Flow {
    request: VerificationRequest,
    request_changes: Changes<Request>,
    sas: Option<SasVerification>,
    sas_changes: Changes<SasState>,
    /// When to begin the comparison ourselves.
    begin_at: Option<Instant>,
    /// When to ask again.
    repeat: Option<Repeat>,
}

struct Machine<'a, F> {
    session: Session,
    client: Client,
    own_id: OwnedUserId,
    screen: &'a mut Screen,
    /// Told of requests from elsewhere, by flow.
    requested: F,
    flow: Option<Flow>,
    waiting: HashMap<String, VerificationRequest>,
    /// What keeps a step with another person moving.
    moving: Option<TaskHandle>,
}

/// Runs for a session until the last handle is dropped; without one it only lets actions go.
pub(super) async fn run<F: Fn(String) + Send>(
    session: Option<Session>,
    screen: &mut Screen,
    requested: F,
) {
    let Some(session) = session else {
        while screen.actions.recv().await.is_some() {}
        return;
    };
    let client = session.client().clone();
    let own_id = session.user_id().to_owned();
    let (_guards, mut incoming) = listen(&client);
    let mut machine = Machine {
        session,
        client,
        own_id,
        screen,
        requested,
        flow: None,
        waiting: HashMap::new(),
        moving: None,
    };
    loop {
        let flow = machine.flow.as_mut();
        let (request_changes, sas_changes, begin_at, repeat_at) = match flow {
            Some(flow) => (
                &mut flow.request_changes,
                &mut flow.sas_changes,
                flow.begin_at,
                flow.repeat.as_ref().map(|repeat| repeat.at),
            ),
            None => (&mut None, &mut None, None, None),
        };
        tokio::select! {
            action = machine.screen.actions.recv() => match action {
                Some(action) => machine.act(action).await,
                None => return,
            },
            Some(asked) = incoming.recv() => machine.asked(asked).await,
            state = next(request_changes) => machine.request_changed(state).await,
            state = next(sas_changes) => machine.sas_changed(state).await,
            () = until(begin_at) => machine.begin_sas().await,
            () = until(repeat_at) => machine.ask_again().await,
        }
    }
}

async fn next<T>(changes: &mut Changes<T>) -> T {
    if let Some(inner) = changes {
        if let Some(item) = inner.next().await {
            return item;
        }
        *changes = None;
    }
    std::future::pending().await
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

impl<F: Fn(String) + Send> Machine<'_, F> {
    async fn act(&mut self, action: Action) {
        let result = match action {
            Action::RequestSelf => self.request_own().await,
            Action::RequestUser(user_id) => self.request_user(&user_id).await,
            Action::RequestDevice(user_id, device_id) => {
                self.request_device(&user_id, &device_id).await
            }
            Action::Open { flow_id } => {
                self.open(&flow_id).await;
                Ok(())
            }
            Action::Accept => self.accept().await,
            Action::Match => match self.sas() {
                Some(sas) => sas.confirm().await.map_err(Into::into),
                None => Ok(()),
            },
            Action::Mismatch => match self.sas() {
                Some(sas) => sas.mismatch().await.map_err(Into::into),
                None => Ok(()),
            },
            Action::Cancel => self.cancel().await,
        };
        if let Err(error) = result {
            tracing::warn!(%error, "verification failed");
            self.fail(error.notice());
        }
    }

    fn sas(&self) -> Option<SasVerification> {
        self.flow.as_ref()?.sas.clone()
    }

    async fn request_own(&mut self) -> Result<(), EncryptionError> {
        let identity = identity_of(&self.session, &self.own_id).await?;
        let request = identity
            .request_verification_with_methods(methods())
            .await?;
        self.show(request).await;
        self.repeat(DeviceIdOrAllDevices::AllDevices);
        Ok(())
    }

    /// Asks our own devices again until one answers.
    fn repeat(&mut self, to: DeviceIdOrAllDevices) {
        if let Some(flow) = &mut self.flow
            && flow.request.is_self_verification()
        {
            flow.repeat = Some(Repeat::new(to));
        }
    }

    async fn ask_again(&mut self) {
        let Some(flow) = &mut self.flow else { return };
        let Some(repeat) = flow.repeat.take() else {
            return;
        };
        if !matches!(
            flow.request.state(),
            Request::Created { .. } | Request::Requested { .. }
        ) {
            return;
        }
        if let Err(error) = repeat.send(&self.client, &flow.request, methods()).await {
            tracing::debug!(%error, "the request for verification could not be repeated");
        }
        flow.repeat = repeat.next();
    }

    async fn request_user(&mut self, user_id: &UserId) -> Result<(), EncryptionError> {
        if *user_id == *self.own_id {
            return self.request_own().await;
        }
        let identity = identity_of(&self.session, user_id).await?;
        let request = identity
            .request_verification_with_methods(methods())
            .await?;
        self.show(request).await;
        Ok(())
    }

    async fn request_device(
        &mut self,
        user_id: &UserId,
        device_id: &DeviceId,
    ) -> Result<(), EncryptionError> {
        let device = self
            .client
            .encryption()
            .get_device(user_id, device_id)
            .await?;
        let device = device.ok_or(EncryptionError::NothingToVerify)?;
        let request = device.request_verification_with_methods(methods()).await?;
        self.show(request).await;
        self.repeat(device_id.to_owned().into());
        Ok(())
    }

    /// A request from elsewhere: it is shown at once if nothing else is, and told in any case.
    async fn asked(&mut self, asked: Incoming) {
        let Incoming { user_id, flow_id } = asked;
        let is_shown = |flow: &Flow| flow.request.flow_id() == flow_id;
        if self.waiting.contains_key(&flow_id) || self.flow.as_ref().is_some_and(is_shown) {
            return;
        }
        let Some(request) = find(&self.client, &user_id, &flow_id).await else {
            tracing::debug!(%user_id, "a request for verification is not known or too old");
            return;
        };
        if request.we_started() || request.is_done() || request.is_cancelled() {
            return;
        }
        self.waiting
            .retain(|_, kept| !kept.is_done() && !kept.is_cancelled());
        if self.waiting.len() < KEPT {
            self.waiting.insert(flow_id.clone(), request.clone());
        }
        if self.is_idle() {
            self.show(request).await;
        }
        (self.requested)(flow_id);
    }

    fn is_idle(&self) -> bool {
        match &*self.screen.state.borrow() {
            None => true,
            Some(state) => matches!(
                state.step,
                Step::Done | Step::Cancelled(_) | Step::Failed(_)
            ),
        }
    }

    async fn open(&mut self, flow_id: &str) {
        if self
            .flow
            .as_ref()
            .is_some_and(|flow| flow.request.flow_id() == flow_id)
        {
            return;
        }
        if let Some(request) = self.waiting.get(flow_id).cloned() {
            self.show(request).await;
        }
    }

    /// Shows a flow from where it stands.
    async fn show(&mut self, request: VerificationRequest) {
        self.waiting.remove(request.flow_id());
        let user_id = request.other_user_id().to_owned();
        let is_self = request.is_self_verification();
        let state = VerificationState {
            flow_id: request.flow_id().to_owned(),
            name: name_of(&self.client, &user_id).await,
            user_id,
            is_self,
            device_id: None,
            step: if request.we_started() {
                Step::Waiting
            } else {
                Step::Asked
            },
        };
        self.screen.update(|shown| *shown = Some(state));
        let changes = request.changes().boxed();
        let now = request.state();
        self.flow = Some(Flow {
            request,
            request_changes: Some(changes),
            sas: None,
            sas_changes: None,
            begin_at: None,
            repeat: None,
        });
        Box::pin(self.request_changed(now)).await;
    }

    async fn accept(&mut self) -> Result<(), EncryptionError> {
        if let Some(flow) = &self.flow {
            let request = flow.request.clone();
            self.step(Step::Starting);
            request.accept_with_methods(methods()).await?;
        }
        Ok(())
    }

    async fn cancel(&mut self) -> Result<(), EncryptionError> {
        let Some(flow) = self.flow.take() else {
            self.screen.update(|shown| *shown = None);
            return Ok(());
        };
        let over = self.is_idle();
        if !over {
            match &flow.sas {
                Some(sas) => sas.cancel().await?,
                None => flow.request.cancel().await?,
            }
        }
        self.screen.update(|shown| *shown = None);
        Ok(())
    }

    async fn request_changed(&mut self, state: Request) {
        match state {
            Request::Created { .. } | Request::Requested { .. } => {}
            Request::Ready {
                other_device_data, ..
            } => {
                self.know_device(other_device_data.device_id());
                self.step(Step::Starting);
                if let Some(flow) = &mut self.flow {
                    // Who asked begins; the other waits a little, for programs that leave it to the person.
                    let wait = if flow.request.we_started() {
                        Duration::ZERO
                    } else {
                        BEGIN_ANYWAY
                    };
                    flow.begin_at = Some(Instant::now() + wait);
                }
            }
            Request::Transitioned {
                verification: Verification::SasV1(sas),
                ..
            } => {
                self.follow(sas).await;
            }
            Request::Transitioned { .. } => {
                self.step(Step::Cancelled(CancelReason::Protocol));
            }
            Request::Done => {
                // The comparison itself says when it is done; a request without one ended elsewhere.
                if self.sas().is_none() {
                    self.step(Step::Cancelled(CancelReason::Elsewhere));
                }
            }
            Request::Cancelled(info) => self.cancelled(&info),
        }
    }

    /// Begins the comparison, unless the other side has.
    async fn begin_sas(&mut self) {
        let Some(flow) = &mut self.flow else { return };
        flow.begin_at = None;
        if flow.sas.is_some() {
            return;
        }
        let request = flow.request.clone();
        match request.start_sas().await {
            Ok(Some(sas)) => self.follow(sas).await,
            Ok(None) => {}
            Err(error) => self.fail(EncryptionError::from(error).notice()),
        }
    }

    async fn follow(&mut self, sas: SasVerification) {
        let Some(flow) = &mut self.flow else { return };
        flow.begin_at = None;
        flow.sas_changes = Some(sas.changes().boxed());
        flow.sas = Some(sas.clone());
        self.know_device(sas.other_device().device_id());
        self.step(Step::Starting);
        if !sas.we_started()
            && let Err(error) = sas.accept().await
        {
            return self.fail(EncryptionError::from(error).notice());
        }
        let now = sas.state();
        self.sas_changed(now).await;
    }

    async fn sas_changed(&mut self, state: SasState) {
        match state {
            SasState::Created { .. } | SasState::Started { .. } | SasState::Accepted { .. } => {}
            SasState::KeysExchanged {
                emojis: Some(emojis),
                ..
            } => {
                let emoji = emojis.emojis.iter().map(|emoji| SasEmoji {
                    symbol: emoji.symbol.to_owned(),
                    name: emoji.description.to_owned(),
                });
                self.step(Step::Compare(emoji.collect()));
            }
            SasState::KeysExchanged { emojis: None, .. } => {
                // Only numbers in common: this program compares emoji.
                if let Some(sas) = self.sas() {
                    let _ = sas.cancel().await;
                }
                self.step(Step::Cancelled(CancelReason::Protocol));
            }
            SasState::Confirmed => self.step(Step::Confirmed),
            SasState::Done { .. } => self.done(),
            SasState::Cancelled(info) => self.cancelled(&info),
        }
    }

    fn done(&mut self) {
        self.step(Step::Done);
        if let Some(flow) = self.flow.take() {
            let user_id = flow.request.other_user_id().to_owned();
            tracing::info!(%user_id, "verified");
        }
    }

    fn cancelled(&mut self, info: &CancelInfo) {
        let reason = match info.cancel_code() {
            CancelCode::User => CancelReason::Person,
            CancelCode::Timeout => CancelReason::Timeout,
            CancelCode::MismatchedSas
            | CancelCode::MismatchedCommitment
            | CancelCode::KeyMismatch
            | CancelCode::UserMismatch => CancelReason::Mismatch,
            CancelCode::Accepted => CancelReason::Elsewhere,
            _ => CancelReason::Protocol,
        };
        if !self.is_idle() {
            self.step(Step::Cancelled(reason));
        }
        self.flow = None;
    }

    fn fail(&mut self, notice: Notice) {
        let own_id = self.own_id.clone();
        self.screen.update(|shown| match shown {
            Some(state) => state.step = Step::Failed(notice),
            // Asking failed, so there is no flow yet to show it in.
            None => {
                *shown = Some(VerificationState {
                    flow_id: String::new(),
                    name: own_id.localpart().to_owned(),
                    user_id: own_id,
                    is_self: true,
                    device_id: None,
                    step: Step::Failed(notice),
                });
            }
        });
        self.flow = None;
    }

    fn know_device(&self, device_id: &DeviceId) {
        self.screen.update(|shown| {
            if let Some(state) = shown {
                state.device_id = Some(device_id.to_owned());
            }
        });
    }

    fn step(&mut self, step: Step) {
        let with = self.flow.as_ref().map(|flow| &flow.request);
        let user_id = with
            .filter(|request| !request.is_self_verification())
            .map(|request| request.other_user_id().to_owned());
        let (client, tasks) = (self.client.clone(), self.session.tasks());
        self.moving = match (&step, user_id) {
            (Step::Starting | Step::Confirmed, Some(_)) => {
                Some(tasks.spawn("comparison", nudge::keep_moving(client)))
            }
            (Step::Done, Some(user_id)) => Some(tasks.spawn("signature", async move {
                becomes_verified(&client, &user_id).await;
            })),
            _ => None,
        };
        self.screen.update(|shown| {
            if let Some(state) = shown {
                state.step = step;
            }
        });
    }
}

async fn find(client: &Client, user_id: &UserId, flow_id: &str) -> Option<VerificationRequest> {
    for _ in 0..8 {
        let found = client
            .encryption()
            .get_verification_request(user_id, flow_id)
            .await;
        if found.is_some() {
            return found;
        }
        sleep(KNOWN_AFTER).await;
    }
    None
}

/// Somebody's identity as the homeserver has it now: just after signing in, the store does not know it yet.
async fn identity_of(session: &Session, user_id: &UserId) -> Result<UserIdentity, EncryptionError> {
    session.prepared().await;
    let encryption = session.client().encryption();
    let identity = encryption.request_user_identity(user_id).await?;
    identity.ok_or(EncryptionError::NothingToVerify)
}

async fn name_of(client: &Client, user_id: &UserId) -> String {
    let account = client.account();
    let profile = account.fetch_user_profile_of(user_id);
    let name = match tokio::time::timeout(Duration::from_secs(3), profile).await {
        Ok(Ok(profile)) => profile.get_static::<DisplayName>().ok().flatten(),
        _ => None,
    };
    match name {
        Some(name) => crate::text::one_line(&name, 100),
        None => user_id.localpart().to_owned(),
    }
}

fn methods() -> Vec<VerificationMethod> {
    vec![VerificationMethod::SasV1]
}
