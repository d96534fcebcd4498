//! Commands about calls: a line for every change, until the call is over.

use std::{future::pending, time::Duration};

use matrix_sdk::RoomState;
use ruma::UserId;
use serde_json::{Value, json};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, sleep_until},
};

use super::{Failure, Link, call_lines as lines, failure::CommandReason};
use crate::{
    calls::{
        Call, CallKey, CallNews, CallOptions, Calls, CallsService, Direction, EndReason, EndedCall,
        Stage,
    },
    core::Core,
    ids::{OwnedRoomId, OwnedUserId},
    notice::Notice,
    rooms::actions,
    session::{Session, SessionState},
};

/// Calls somebody and tells how it goes. `limit`: hang up so long after media flow.
pub(super) async fn call(
    core: &Core,
    session: &Session,
    whom: &str,
    options: CallOptions,
    limit: Option<Duration>,
    link: &Link,
) -> Result<Value, Failure> {
    let (room_id, invitee) = target(session, whom).await?;
    let following = Following::new(core.calls(), link, limit);
    let key = core.calls().place(room_id, invitee, options);
    let key = key.ok_or_else(|| Failure::from(Notice::NotAllowed))?;
    match following.until_over(key, true).await? {
        Some(ended) => outcome(&ended),
        None => Ok(Value::Null),
    }
}

/// The calls that are over.
pub(super) fn log(core: &Core, limit: u32) -> Result<Value, Failure> {
    let logged = core.store().logged_calls(limit);
    let logged = logged.map_err(|error| Failure::from(error.notice()))?;
    Ok(logged.iter().map(lines::logged).collect())
}

/// How calls that come in are dealt with.
pub(super) struct Answering {
    /// End after the first.
    pub(super) once: bool,
    /// Reject them.
    pub(super) reject: bool,
    pub(super) options: CallOptions,
    /// Hang up so long after media flow.
    pub(super) limit: Option<Duration>,
}

/// Answers calls as they come in, one after the other, and tells how they go.
pub(super) async fn answer(
    core: &Core,
    answering: Answering,
    link: &Link,
) -> Result<Value, Failure> {
    let calls = core.calls();
    link.line(json!({ "type": "waiting" }));
    let mut sessions = core.sessions().state();
    loop {
        let mut state = calls.calls();
        let signed_out =
            sessions.wait_for(|state| !matches!(state, SessionState::Ready(_) | SessionState::Starting));
        let key = tokio::select! {
            () = link.closed() => return Ok(Value::Null),
            _ = signed_out => return Err(Failure::not_signed_in()),
            ringing = state.wait_for(|calls| ringing(calls).is_some()) => match ringing {
                Ok(calls) => ringing_key(&calls),
                Err(_) => return Ok(Value::Null),
            },
        };
        let Some(key) = key else { continue };
        let following = Following::new(calls, link, answering.limit);
        if answering.reject {
            calls.reject(key.clone());
        } else {
            let taken = tokio::select! {
                () = link.closed() => return Ok(Value::Null),
                taken = calls.answer(key.clone(), answering.options.clone()) => taken,
            };
            match taken {
                Ok(Ok(())) => {}
                Ok(Err(why)) if answering.once => return Err(lines::refused(why)),
                // Another command took it, say: that one looks after it.
                Ok(Err(_)) => {
                    until_it_rings_no_more(calls, &key, link).await;
                    continue;
                }
                Err(_) => return Err(Failure::not_signed_in()),
            }
        }
        let ended = following.until_over(key, !answering.reject).await;
        match ended {
            Ok(Some(ended)) if answering.once && answering.reject => {
                return rejected(&ended);
            }
            Ok(Some(ended)) if answering.once => return outcome(&ended),
            Ok(None) => return Ok(Value::Null),
            Err(failure) if answering.once => return Err(failure),
            // Somebody else took it, or it went wrong; the next may go well, if there still is a session.
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

async fn until_it_rings_no_more(calls: &CallsService, key: &CallKey, link: &Link) {
    let mut state = calls.calls();
    let rings = |calls: &Calls| find(calls, key).is_some_and(|call| call.stage == Stage::Ringing);
    tokio::select! {
        () = link.closed() => {}
        _ = state.wait_for(|calls| !rings(calls)) => {}
    }
}

fn ringing(calls: &Calls) -> Option<&Call> {
    calls.iter().find(|call| call.stage == Stage::Ringing)
}

fn ringing_key(calls: &Calls) -> Option<CallKey> {
    ringing(calls).map(|call| call.key.clone())
}

/// The room that carries a call, and whom it is for.
async fn target(
    session: &Session,
    whom: &str,
) -> Result<(OwnedRoomId, Option<OwnedUserId>), Failure> {
    let room_id = actions::find(session, whom).await?;
    let room = actions::room(session, &room_id)?;
    if room.state() != RoomState::Joined {
        return Err(Failure::usage("you are not in this room; join it first"));
    }
    match (UserId::parse(whom.trim()), room.active_members_count()) {
        (Ok(user_id), _) => Ok((room_id, Some(user_id))),
        (Err(_), 1) => Err(Failure::usage("nobody else is in this room")),
        // Not yet counted: the room was joined a moment ago.
        (Err(_), 0 | 2) => Ok((room_id, None)),
        (Err(_), _) => Err(Failure::usage(
            "several people are in this room; name the one to call (@…)",
        )),
    }
}

/// Whoever follows a call ends it when they go.
struct Following<'a> {
    calls: &'a CallsService,
    link: &'a Link,
    limit: Option<Duration>,
    news: tokio::sync::broadcast::Receiver<CallNews>,
}

impl<'a> Following<'a> {
    /// To be made before the call is placed or taken, so that nothing is missed.
    fn new(calls: &'a CallsService, link: &'a Link, limit: Option<Duration>) -> Self {
        let news = calls.news();
        Self {
            calls,
            link,
            limit,
            news,
        }
    }

    /// Tells how the call goes until it is over; `None` if nobody listens any more. A call of one's `own` ends then.
    async fn until_over(
        mut self,
        mut key: CallKey,
        own: bool,
    ) -> Result<Option<EndedCall>, Failure> {
        let mut state = self.calls.calls();
        let mut guard = HangUp {
            calls: self.calls,
            call: own.then(|| key.clone()),
        };
        let (mut told, mut until) = (None, None);
        state.mark_changed();
        loop {
            tokio::select! {
                biased;
                changed = state.changed() => {
                    if changed.is_err() {
                        return Ok(None);
                    }
                    let shown = find(&state.borrow_and_update(), &key);
                    if let Some(call) = shown {
                        self.tell(told.as_ref(), &call);
                        if call.connected && until.is_none() {
                            until = self.limit.map(|limit| Instant::now() + limit);
                        }
                        told = Some(call);
                    }
                }
                news = self.news.recv() => match news {
                    Ok(CallNews::Ended(ended)) if ended.key == key => {
                        self.link.line(lines::ended(&ended));
                        let EndReason::Replaced(other) = ended.reason else {
                            guard.call = None;
                            return Ok(Some(*ended));
                        };
                        guard.call = own.then(|| other.clone());
                        key = other;
                        state.mark_changed();
                    }
                    Ok(CallNews::Refused { call, why }) if call == key && told.is_none() => {
                        guard.call = None;
                        return Err(lines::refused(why));
                    }
                    Ok(CallNews::SessionEnded) => return Err(Failure::not_signed_in()),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(None),
                },
                () = at(until) => {
                    until = None;
                    self.limit = None;
                    self.calls.hang_up(key.clone());
                }
                () = self.link.closed() => return Ok(None),
            }
        }
    }

    fn tell(&self, before: Option<&Call>, now: &Call) {
        let line = lines::state(now);
        if before.map(lines::state).as_ref() != Some(&line) {
            self.link.line(line);
        }
        let known = before.map_or(0, |before| before.faults.len());
        for fault in now.faults.iter().skip(known) {
            self.link.line(lines::fault(&now.key, fault));
        }
        if let Some(statistics) = &now.statistics
            && before.and_then(|before| before.statistics.as_ref()) != Some(statistics)
        {
            self.link.line(lines::statistics(&now.key, statistics));
        }
    }
}

fn find(calls: &Calls, key: &CallKey) -> Option<Call> {
    calls.iter().find(|call| call.key == *key).cloned()
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

/// Ends a call when it is dropped, however the command ends.
struct HangUp<'a> {
    calls: &'a CallsService,
    call: Option<CallKey>,
}

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.calls.hang_up(call);
        }
    }
}

/// A call that took place went well, unless it broke off.
fn outcome(ended: &EndedCall) -> Result<Value, Failure> {
    let why = ended.reason_word().to_owned();
    let message = lines::sentence(ended);
    match ended.reason {
        EndReason::HungUp | EndReason::Transferred | EndReason::Left
            if ended.connected_for.is_some() =>
        {
            Ok(Value::Null)
        }
        EndReason::Unreachable => Err(Notice::Offline.into()),
        EndReason::Forbidden => Err(Notice::NotAllowed.into()),
        EndReason::HungUp
        | EndReason::Rejected
        | EndReason::Busy
        | EndReason::Unanswered
        | EndReason::AnsweredElsewhere
        | EndReason::RejectedElsewhere
        | EndReason::Replaced(_)
        | EndReason::Transferred
        | EndReason::Left => Err(Failure::command(
            CommandReason::CallNotTaken { why },
            message,
        )),
        EndReason::ConnectionFailed
        | EndReason::ConnectionLost
        | EndReason::NoMicrophone
        | EndReason::Incompatible
        | EndReason::MediaCrashed
        | EndReason::Failed => {
            let cause = ended.fault.clone();
            Err(Failure::command(
                CommandReason::CallFailed { why, cause },
                message,
            ))
        }
    }
}

fn rejected(ended: &EndedCall) -> Result<Value, Failure> {
    match (&ended.reason, ended.direction) {
        (EndReason::Rejected, Direction::Incoming) => Ok(Value::Null),
        _ => outcome(ended),
    }
}
