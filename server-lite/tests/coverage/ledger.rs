//! What the stories have proven.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

/// The proofs of one row.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The story in which it worked.
    pub success: Option<&'static str>,
    /// How it refused: status and error code.
    pub refusal: Option<String>,
    /// The story in which somebody else, or a later request, saw what it did.
    pub effect: Option<&'static str>,
}

/// The proofs of all rows, by number.
#[derive(Debug, Default)]
pub struct Ledger {
    proofs: Mutex<BTreeMap<usize, Proof>>,
    spellings: Mutex<BTreeSet<(usize, &'static str)>>,
    used: Mutex<BTreeSet<(&'static str, usize)>>,
}

impl Ledger {
    /// Writes something down about a row.
    pub fn note(&self, row: usize, note: impl FnOnce(&mut Proof)) {
        note(self.proofs.lock().unwrap().entry(row).or_default());
    }

    /// What is known of a row.
    pub fn of(&self, row: usize) -> Proof {
        self.proofs
            .lock()
            .unwrap()
            .get(&row)
            .cloned()
            .unwrap_or_default()
    }

    /// Notes that a story uses a row.
    pub fn note_use(&self, story: &'static str, row: usize) {
        self.used.lock().unwrap().insert((story, row));
    }

    /// The rows that a story used.
    pub fn rows_of(&self, story: &str) -> Vec<usize> {
        let used = self.used.lock().unwrap();
        let of_story = used.iter().filter(|(name, _)| *name == story);
        of_story.map(|(_, row)| *row).collect()
    }

    /// Notes that a request succeeded at this spelling of a row.
    pub fn note_spelling(&self, row: usize, spelling: &'static str) {
        self.spellings.lock().unwrap().insert((row, spelling));
    }

    /// The spellings that were used.
    pub fn spellings(&self) -> BTreeSet<(usize, &'static str)> {
        self.spellings.lock().unwrap().clone()
    }
}
