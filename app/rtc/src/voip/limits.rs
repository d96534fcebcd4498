//! Every duration (in milliseconds) and every bound of the one-to-one call.
//!
//! Where the specification suggests a number it is taken:
//! [liveness](https://spec.matrix.org/v1.16/client-server-api/#call-event-liveness),
//! [candidate batching](https://spec.matrix.org/v1.16/client-server-api/#ice-candidate-batching).

/// How long an invite of ours is valid. The specification's least is 90 s.
pub const INVITE_LIFETIME: u64 = 90_000;
/// An invite that says it lives longer than this does not.
pub const MAX_LIFETIME: u64 = 300_000;
/// Ringing for less than this helps nobody to reach the button.
pub const MIN_RING: u64 = 3_000;
/// How long the media process may take for its first description: somebody may have to allow the microphone first.
pub const PREPARE_LIMIT: u64 = 60_000;
/// Candidates found this soon travel inside the description.
pub const GATHER_WINDOW: u64 = 200;
/// Candidates after an invite are sent in batches of this age: the callee takes a while anyway.
pub const BATCH_AFTER_INVITE: u64 = 2_000;
/// As above, after an answer, where the other side waits for them.
pub const BATCH_AFTER_ANSWER: u64 = 500;
/// How long an invite may take to reach the homeserver. It never waits in a queue for better times.
pub const SEND_INVITE_LIMIT: u64 = 15_000;
/// How long other events may take; they are of no use later.
pub const SEND_LIMIT: u64 = 30_000;
/// A hangup helps the other side for longer.
pub const SEND_HANGUP_LIMIT: u64 = 120_000;
/// From the answer to the first connection.
pub const CONNECT_LIMIT: u64 = 45_000;
/// How long an offer of ours in a call waits for its answer.
pub const NEGOTIATE_LIFETIME: u64 = 15_000;
/// How long it says it is valid: less, so that an answer to what is taken at the last moment still comes in time.
pub const OFFER_LIFETIME: u64 = 10_000;
/// An offer or answer in a call that says it is valid for longer is not; also for those that do not say.
pub const MAX_NEGOTIATE_LIFETIME: u64 = 60_000;
/// Offers of ours in a row that may come to nothing before we stop offering the same.
pub const MAX_UNANSWERED: usize = 2;
/// Offers of theirs that are looked at within [`BURST_WINDOW`]; a person does not hold and resume that often.
pub const MAX_OFFERS_OF_THEIRS: usize = 20;
/// A connection that breaks is given this long to come back by itself.
pub const RECOVERY_DELAY: u64 = 2_000;
/// The polite side waits longer, so that both do not offer at once.
pub const RECOVERY_DELAY_POLITE: u64 = 5_000;
/// From the break to the end of the call. matrix-js-sdk hangs up after the same time.
pub const RECOVERY_LIMIT: u64 = 30_000;
/// Attempts of ours to recover before a connection has held for [`RECOVERY_PROOF`].
pub const MAX_RECOVERIES: usize = 6;
/// A connection that holds this long has come back.
pub const RECOVERY_PROOF: u64 = 30_000;
/// Between two attempts to recover.
pub const RECOVERY_RETRY: u64 = 2_000;
/// How long a transfer may take.
pub const TRANSFER_LIMIT: u64 = 60_000;
/// How long a call that the other side hung up as `replaced` waits for the call that replaces it.
pub const YIELD_LIMIT: u64 = 5_000;

/// Bytes of an id.
pub const MAX_ID_BYTES: usize = 255;
/// Bytes of a description. An event has at most 65,536.
pub const MAX_SDP_BYTES: usize = 64 * 1024;
/// Lines of a description.
pub const MAX_SDP_LINES: usize = 4_000;
/// Media sections of a description.
pub const MAX_MEDIA_SECTIONS: usize = 16;
/// Bytes up to which candidates are written into a description of ours.
pub const MAX_SDP_WITH_CANDIDATES: usize = 24 * 1024;
/// Bytes of a candidate, and of its media id.
pub const MAX_CANDIDATE_BYTES: usize = 1_024;
/// Candidates of the other side that are passed on for one description.
pub const MAX_REMOTE_CANDIDATES: usize = 512;
/// Candidates of ours that are sent for one description.
pub const MAX_LOCAL_CANDIDATES: usize = 256;
/// Candidates in one event: far below the size of an encrypted event.
pub const MAX_CANDIDATES_AN_EVENT: usize = 64;
/// Parties of an unanswered call whose candidates are kept.
pub const MAX_PARTIES: usize = 8;
/// Of these of one user.
pub const MAX_PARTIES_A_USER: usize = 4;
/// Candidates kept for a party that is not yet chosen, or for a call that is not yet known.
pub const MAX_EARLY_CANDIDATES: usize = 128;
/// Calls not yet known whose candidates are kept, and for how long.
pub const MAX_EARLY_CALLS: usize = 16;
/// Of these by one sender.
pub const MAX_EARLY_CALLS_A_SENDER: usize = 4;
/// See [`MAX_EARLY_CALLS`].
pub const EARLY_CALL_LIFETIME: u64 = 120_000;
/// Streams that are told apart.
pub const MAX_STREAMS: usize = 8;
/// Bytes of a name or an address that somebody asserts.
pub const MAX_LABEL_BYTES: usize = 512;
/// Calls of one sender that are open to be taken at a time.
pub const MAX_OPEN_A_SENDER: usize = 4;
/// Calls that ring at a time.
pub const MAX_RINGING: usize = 4;
/// Calls that are known without ringing at a time.
pub const MAX_SILENT: usize = 8;
/// Calls that are answered or placed at a time, all but one of them on hold.
pub const MAX_HELD: usize = 8;
/// Calls remembered as over.
pub const MAX_ENDED: usize = 512;
/// Calls remembered as over by hearsay: their end came before their beginning.
pub const MAX_TOLD: usize = 256;
/// Of these by one sender.
pub const MAX_TOLD_A_SENDER: usize = 16;
/// Rings of one person within [`BURST_WINDOW`].
pub const MAX_RINGS_A_SENDER: usize = 5;
/// See [`MAX_RINGS_A_SENDER`].
pub const BURST_WINDOW: u64 = 60_000;
/// People whose rings are counted.
pub const MAX_COUNTED_SENDERS: usize = 64;
/// Digits sent at a time.
pub const MAX_DIGITS: usize = 64;
