//! The timeline's changes, older rows, what was answered, and what was seen.

use std::{sync::Arc, time::Duration};

use eyeball_im::VectorDiff;
use matrix_sdk::room::Receipts;
use matrix_sdk_ui::timeline::{EventTimelineItem, TimelineItem};

use super::{
    super::{Row, RowKind},
    driver::{Model, soon},
    lookups::Outcome,
};
use crate::{
    failure::{self, Doing},
    ids::{EventId, OwnedEventId},
    notice::Notice,
    timeline::Applied,
    view::{Pending, room::RoomEffect},
};

/// Events fetched at a time.
const PAGE: u16 = 50;
/// Rows fetched again at most after the timeline was emptied.
const REFILL: usize = 200;
/// Pages looked through for an event that was answered.
const SEARCH_PAGES: usize = 20;
/// How long a page of these may take.
const REFILL_LIMIT: Duration = Duration::from_secs(20);
/// Receipts are sent no more often than this.
const RECEIPT_PAUSE: Duration = Duration::from_millis(600);

impl Model {
    /// Applies changes of the timeline.
    pub(super) fn take_diffs(&mut self, diffs: Vec<VectorDiff<Arc<TimelineItem>>>) {
        let before = self.list.len();
        let applied = self.list.apply(diffs, &self.context);
        if applied != Applied::Changed {
            // There may be older rows again.
            self.screen.update(|state| state.at_start = false);
        }
        if applied == Applied::Emptied {
            // Ignoring somebody makes the SDK forget all timelines: fetch again what was shown, then swap.
            self.refill_to = before.min(REFILL);
            self.refill();
        }
        self.after_rows();
    }

    /// What mapping asked for, and what depends on the rows.
    pub(super) fn after_rows(&mut self) {
        let people = self.context.names.take_wanted();
        if !people.is_empty() {
            self.look_up(people);
        }
        for event_id in self.context.wanted.take_replies() {
            if self.asked_replies.insert(event_id.clone()) {
                self.fetch_answered(event_id);
            }
        }
        if self.context.wanted.take_undecryptable() {
            self.keys_are_missing();
        }
        self.count_unread();
    }

    fn refill(&mut self) {
        let Some(timeline) = self.timeline.clone() else {
            return;
        };
        let (goal, outcomes) = (self.refill_to, self.outcomes.clone());
        self.tasks.detach("refill", async move {
            let mut n_items = 0;
            let mut at_start = false;
            while n_items < goal {
                let page =
                    tokio::time::timeout(REFILL_LIMIT, timeline.paginate_backwards(PAGE)).await;
                n_items = settled_len(&timeline).await;
                at_start = matches!(page, Ok(Ok(true)));
                if !matches!(page, Ok(Ok(false))) {
                    break;
                }
            }
            let _ = outcomes.send(Outcome::Refilled { at_start });
        });
    }

    /// Shows the rows that came back. If no event did although there were some, the SDK forgot them while it fetched
    /// them: the timeline is opened again.
    pub(super) fn release(&mut self) {
        if self.list.is_held() {
            self.list.release(&self.context);
            let lost = self.refill_to > 1 && self.list.items().all(|item| event_of(item).is_none());
            self.timeline_is_wrong |= lost;
            self.after_rows();
        }
    }

    /// Fetches older rows.
    pub(super) fn paginate(&mut self) {
        let Some(timeline) = self.timeline.clone().filter(|_| !self.paginating) else {
            return;
        };
        self.paginating = true;
        self.screen.update(|state| state.paginating = Pending::Busy);
        let outcomes = self.outcomes.clone();
        self.tasks.detach("paginate", async move {
            let result = timeline.paginate_backwards(PAGE).await;
            let result = result.map_err(|error| notice_of(&error));
            let _ = outcomes.send(Outcome::Paginated(result));
        });
    }

    pub(super) fn paginated(&mut self, result: Result<bool, Notice>) {
        self.paginating = false;
        self.screen.update(|state| match result {
            Ok(at_start) => {
                state.paginating = Pending::Idle;
                state.at_start = at_start;
            }
            Err(notice) => state.paginating = Pending::Failed(notice),
        });
    }

    fn fetch_answered(&self, event_id: OwnedEventId) {
        let Some(timeline) = self.timeline.clone() else {
            return;
        };
        self.tasks.detach("answered", async move {
            // A failure is kept in the item, which then shows an empty quote.
            if let Err(error) = timeline.fetch_details_for_event(&event_id).await {
                tracing::debug!(%event_id, %error, "the answered event could not be fetched");
            }
        });
    }

    /// Scrolls to an event, fetching older rows until it is there.
    pub(super) fn show_event(&mut self, event_id: OwnedEventId) {
        if let Some(row) = self.row_of_event(&event_id) {
            self.effect(RoomEffect::ScrollTo { row });
            self.effect(RoomEffect::Focus(event_id));
            return;
        }
        let Some(timeline) = self.timeline.clone() else {
            return;
        };
        let outcomes = self.outcomes.clone();
        self.tasks.detach("search-event", async move {
            for _ in 0..SEARCH_PAGES {
                let at_start = timeline.paginate_backwards(PAGE).await.unwrap_or(true);
                if timeline.item_by_event_id(&event_id).await.is_some() {
                    let _ = outcomes.send(Outcome::Found(event_id));
                    return;
                }
                if at_start {
                    break;
                }
            }
            let _ = outcomes.send(Outcome::NotFound);
        });
    }

    pub(super) fn row_of_event(&self, event_id: &EventId) -> Option<String> {
        self.list.row_of_item(|item| {
            event_of(item).and_then(EventTimelineItem::event_id) == Some(event_id)
        })
    }

    /// The event behind a row.
    pub(super) fn event_of_row(&self, row: &str) -> Option<EventTimelineItem> {
        event_of(self.list.item_of_row(row)?).cloned()
    }

    /// Rows down to this one were seen.
    pub(super) fn seen(&mut self, row: &str) {
        let Some(event_id) = self.event_at_or_above(row) else {
            return;
        };
        if self.seen.as_ref() != Some(&event_id) {
            self.seen = Some(event_id);
            if self.seen_due.is_none() {
                self.seen_due = soon(RECEIPT_PAUSE);
            }
            self.count_unread();
        }
    }

    /// The last event on the server that is not below a row.
    fn event_at_or_above(&self, row: &str) -> Option<OwnedEventId> {
        let found = self.list.item_of_row(row)?;
        self.list
            .items()
            .rev()
            .skip_while(|item| !Arc::ptr_eq(item, found))
            .find_map(|item| {
                event_of(item)
                    .filter(|event| !event.is_local_echo())?
                    .event_id()
            })
            .map(ToOwned::to_owned)
    }

    /// Sends the receipt that waits.
    pub(super) fn send_receipt(&mut self) {
        self.seen_due = None;
        let (Some(timeline), Some(event_id)) = (self.timeline.clone(), self.seen.clone()) else {
            return;
        };
        self.tasks.detach("receipt", async move {
            let receipts = Receipts::new()
                .fully_read_marker(event_id.clone())
                .public_read_receipt(event_id.clone());
            if let Err(error) = timeline.send_multiple_receipts(receipts).await {
                tracing::debug!(%event_id, %error, "the receipt was not sent");
            }
        });
    }

    /// Goes to the end and marks everything read.
    pub(super) fn jump_to_end(&mut self) {
        self.effect(RoomEffect::ScrollToEnd);
        let last = self.list.items().rev().find_map(|item| {
            event_of(item)
                .filter(|event| !event.is_local_echo())?
                .event_id()
        });
        if let Some(event_id) = last.map(ToOwned::to_owned) {
            self.seen = Some(event_id);
            self.send_receipt();
            self.count_unread();
        }
    }

    /// Others' messages below what was seen, or below the read marker.
    fn count_unread(&mut self) {
        let rows = self.list.rows().snapshot();
        let is_seen = |row: &Row| match &row.kind {
            RowKind::Message(message) => {
                message.event_id.is_some() && message.event_id == self.seen
            }
            RowKind::Locked { messages, .. } => messages
                .iter()
                .any(|message| message.event_id.is_some() && message.event_id == self.seen),
            RowKind::ReadMarker => self.seen.is_none(),
            _ => false,
        };
        let mut unread = 0;
        let mut bounded = false;
        for row in rows.iter().rev().take(1000) {
            if is_seen(row) {
                bounded = true;
                break;
            }
            unread += match &row.kind {
                RowKind::Message(message) => u64::from(!message.own && !message.redacted),
                RowKind::Locked { messages, .. } => {
                    messages.iter().filter(|message| !message.own).count() as u64
                }
                _ => 0,
            };
        }
        // Without a mark everything was read before.
        let unread = if bounded { unread } else { 0 };
        self.screen.update(|state| state.unread_below = unread);
    }
}

/// Items of a timeline once those just fetched are in: it takes them from the event cache a moment later.
async fn settled_len(timeline: &matrix_sdk_ui::Timeline) -> usize {
    let mut before = 0;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = timeline.items().await.len();
        if now > 0 && now == before {
            break;
        }
        before = now;
    }
    before
}

/// The event of an item.
pub(super) fn event_of(item: &Arc<TimelineItem>) -> Option<&EventTimelineItem> {
    item.as_event()
}

/// The notice for an error of the timeline.
pub(super) fn notice_of(error: &matrix_sdk_ui::timeline::Error) -> Notice {
    // The SDK wraps what happened several times over; the innermost cause says most.
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(sdk) = inner.downcast_ref::<matrix_sdk::Error>() {
            return failure::of_sdk(sdk, Doing::InRoom);
        }
        if let Some(http) = inner.downcast_ref::<matrix_sdk::HttpError>() {
            return failure::of_http(http, Doing::InRoom);
        }
        cause = inner.source();
    }
    failure::of_any(error)
}
