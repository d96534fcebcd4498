//! Commands about verification and recovery: the window's view models, driven by lines of text.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Failure, Link, RecoveryCommand, VerifyTarget, failure::CommandReason, room};
use crate::{
    core::Core,
    encryption::becomes_verified,
    session::Session,
    view::{
        Pending,
        recovery::{BackupStatus, RecoveryAction, RecoveryState, RecoveryStatus},
        shell::ShellEffect,
        verification::{Step, VerificationAction, VerificationState},
    },
};

/// How long recovery may take to say how it stands, and to do its work.
const RECOVERY_LIMIT: Duration = Duration::from_secs(120);
/// How long recovery may take to begin; how an earlier attempt ended is no answer to this one.
const BEGIN_LIMIT: Duration = Duration::from_secs(3);

/// Compares emoji. Each step is a line; `yes` or `no` is typed to the questions `asked` and `compare`.
pub(super) async fn verify(
    core: &Core,
    session: &Session,
    target: VerifyTarget,
    link: &mut Link,
) -> Result<Value, Failure> {
    let view = core.verification();
    let mut state = view.state();
    let mut frame = core.shell_effects();
    // A flow that ended before is no answer to this command; one that waits for an answer is.
    let old = state
        .borrow_and_update()
        .as_ref()
        .filter(|shown| shown.step != Step::Asked)
        .map(|shown| shown.flow_id.clone());
    match target {
        VerifyTarget::OwnDevices => view.send(VerificationAction::RequestSelf),
        VerifyTarget::User(user) => {
            view.send(VerificationAction::RequestUser(room::person(&user)?))
        }
        VerifyTarget::Wait => {}
    }
    let mut told = None;
    loop {
        let shown = state.borrow_and_update().clone();
        if let Some(shown) = shown
            && old.as_deref() != Some(&shown.flow_id)
            && told.as_ref() != Some(&shown.step)
        {
            told = Some(shown.step.clone());
            tell(link, &shown);
            match shown.step {
                Step::Done => {
                    let verified = becomes_verified(session.client(), &shown.user_id).await;
                    return Ok(json!({ "user_id": shown.user_id, "user_verified": verified }));
                }
                Step::Cancelled(reason) => {
                    let message = format!("the comparison ended: {reason:?}");
                    return Err(Failure::command(CommandReason::NotVerified, message));
                }
                Step::Failed(notice) => return Err(notice.into()),
                Step::Asked => view.send(
                    answer(link, VerificationAction::Accept, VerificationAction::Cancel).await,
                ),
                Step::Compare(_) => {
                    view.send(
                        answer(
                            link,
                            VerificationAction::Match,
                            VerificationAction::Mismatch,
                        )
                        .await,
                    );
                }
                Step::Waiting | Step::Starting | Step::Confirmed => {}
            }
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return Err(Failure::not_signed_in()) },
            effect = frame.recv() => if let Ok(ShellEffect::VerificationRequested { flow_id }) = effect
                && told.is_none()
            {
                view.send(VerificationAction::Open { flow_id });
            },
            () = link.closed() => {
                view.send(VerificationAction::Cancel);
                return Ok(Value::Null);
            }
        }
    }
}

async fn answer(
    link: &mut Link,
    yes: VerificationAction,
    no: VerificationAction,
) -> VerificationAction {
    match link.input().await {
        Some(line) if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") => yes,
        _ => no,
    }
}

fn tell(link: &Link, shown: &VerificationState) {
    let mut line = json!({
        "step": step(&shown.step),
        "flow_id": shown.flow_id,
        "user_id": shown.user_id,
        "device_id": shown.device_id,
    });
    if let Step::Compare(emoji) = &shown.step {
        let emoji: Vec<Value> = emoji
            .iter()
            .map(|one| json!({ "symbol": one.symbol, "name": one.name }))
            .collect();
        line["emoji"] = json!(emoji);
    }
    link.line(line);
}

fn step(step: &Step) -> &'static str {
    match step {
        Step::Asked => "asked",
        Step::Waiting => "waiting",
        Step::Starting => "starting",
        Step::Compare(_) => "compare",
        Step::Confirmed => "confirmed",
        Step::Done => "done",
        Step::Cancelled(_) => "cancelled",
        Step::Failed(_) => "failed",
    }
}

pub(super) async fn recovery(
    core: &Core,
    session: &Session,
    action: RecoveryCommand,
) -> Result<Value, Failure> {
    session.prepared().await;
    let view = core.recovery();
    let mut state = view.state();
    let known = state.wait_for(|state| state.status != RecoveryStatus::Unknown);
    let _ = tokio::time::timeout(Duration::from_secs(20), known).await;
    match action {
        RecoveryCommand::Status => Ok(describe(&view.state().borrow())),
        RecoveryCommand::SetUp | RecoveryCommand::Replace => {
            view.send(match action {
                RecoveryCommand::Replace => RecoveryAction::Replace,
                _ => RecoveryAction::SetUp,
            });
            let made = settled(&mut state, |state| state.new_key.is_some()).await?;
            view.send(RecoveryAction::KeySaved);
            let mut answer = describe(&made);
            answer["recovery_key"] = json!(made.new_key);
            Ok(answer)
        }
        RecoveryCommand::Enter { key } => {
            view.send(RecoveryAction::Recover {
                key: key.expose().trim().to_owned(),
            });
            let done = settled(&mut state, |state| state.status == RecoveryStatus::Enabled).await?;
            Ok(describe(&done))
        }
    }
}

/// Waits until what was begun has succeeded or failed.
async fn settled(
    state: &mut tokio::sync::watch::Receiver<RecoveryState>,
    done: impl Fn(&RecoveryState) -> bool,
) -> Result<RecoveryState, Failure> {
    let finished = async {
        // Other news may come first; the work itself shows as busy, unless it was over at once.
        let begun = state.wait_for(|state| state.pending == Pending::Busy);
        let _ = tokio::time::timeout(BEGIN_LIMIT, begun).await;
        state
            .wait_for(|state| {
                matches!(state.pending, Pending::Failed(_))
                    || (done(state) && state.pending == Pending::Idle)
            })
            .await
    };
    let state = tokio::time::timeout(RECOVERY_LIMIT, finished)
        .await
        .map_err(|_| Failure::from(crate::notice::Notice::Offline))?
        .map_err(|_| Failure::not_signed_in())?
        .clone();
    match &state.pending {
        Pending::Failed(notice) => Err(notice.clone().into()),
        _ => Ok(state),
    }
}

fn describe(state: &RecoveryState) -> Value {
    json!({
        "recovery": match state.status {
            RecoveryStatus::Unknown => "unknown",
            RecoveryStatus::Disabled => "disabled",
            RecoveryStatus::Enabled => "enabled",
            RecoveryStatus::Incomplete => "incomplete",
        },
        "backup": match state.backup {
            BackupStatus::Unknown => "unknown",
            BackupStatus::Off => "off",
            BackupStatus::Uploading => "uploading",
            BackupStatus::Downloading => "downloading",
            BackupStatus::On => "on",
        },
        "device_verified": state.device_verified,
    })
}
