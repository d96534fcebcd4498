//! A Matrix homeserver small enough for a phone.
//!
//! # How a request travels
//! `router` → `api/client/<subject>.rs` (one handler an endpoint) → `service/<subject>` (owns its
//! tables and SQL) → `store` (SQLite).
//!
//! # To add an endpoint
//! Write `async fn <verb>_<noun>_route(services: Services, request: Authed<v3::Request>) ->
//! Result<v3::Response>` in the module of its subject and add `.ruma(<verb>_<noun>_route)` to that
//! module's `routes()`; it is then served under every path ruma knows, unstable ones too. Use
//! [`api::Public`] where no log-in is needed: it compiles only for endpoints that allow that.
//! A new module adds itself in `api/client/mod.rs`. `ruma_with_max_body` allows larger bodies,
//! `ruma_at` serves a path ruma lacks. Return [`Error`]: it carries status, `errcode` and a sentence.
//!
//! # To add a service
//! Make `service/<subject>.rs` with functions over `&rusqlite::Connection` (reads) and
//! [`&WriteTx`](store::WriteTx) (writes). Its tables go into a file under `store/schema/` named by a
//! `pub const COMPONENT: Component`, listed in [`service::COMPONENTS`]. A schema step that has landed
//! is never edited: append a step. Handlers call `services.store.read(move |c| …).await` and
//! `services.store.write(move |tx| …).await`; the latter returns once the data is on disk.
//!
//! # Positions and waking
//! Whatever a sync must show stores `tx.next_position()` with its row and calls `tx.wake(user)` for
//! everyone who sees it. A sync at position n shows the rows with a greater position.

pub mod api;
pub mod config;
pub mod connections;
pub mod error;
pub mod router;
pub mod serve;
pub mod service;
pub mod store;
pub mod telemetry;

pub use error::Error;
