//! Proofs for the table of endpoints (`tests/endpoints.txt`): what each does, to whom it refuses it, and what others
//! see of it; and whatever is wrong with a request, thrown at each.
//!
//! A *story* (`stories/`) does something real on a real server and says on the way which row of the table it proves:
//! `row.works(…)`, `row.refused(…)`, `row.effect(…)`. A row without all three fails the test, unless
//! `exceptions.rs` says why one of them cannot be. The same stories run again with the spellings of old clients
//! (`spellings.rs`), and once more with every request that worked repeated in bad shape (`hostile/`).

mod bridge;
mod browser;
mod exceptions;
mod hostile;
mod ledger;
mod person;
mod spellings;
mod stories;
mod table;
mod walk;
mod world;
