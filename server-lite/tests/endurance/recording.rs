//! What a server did to its files, in order (`record.c`), and what of it is there after a power cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use rand::{Rng, rngs::StdRng, seq::SliceRandom};

/// Disks write whole sectors.
const SECTOR: usize = 512;

/// Builds the library that records.
pub fn build_recorder(dir: &Path) -> Result<PathBuf> {
    let library = dir.join("record.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/endurance/record.c");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .output()
        .context("cc")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(library)
}

/// One thing that was done.
#[derive(Clone, Debug)]
pub enum Act {
    Create,
    Write {
        offset: usize,
        data: Vec<u8>,
    },
    Truncate(usize),
    Sync,
    /// To the path with this number.
    Rename(usize),
    Unlink,
    MakeDir,
}

/// An act, on which path, and how long the recording was when it had happened.
#[derive(Clone, Debug)]
pub struct Step {
    pub path: usize,
    pub act: Act,
    pub end: u64,
}

/// A whole recording.
#[derive(Debug, Default)]
pub struct Recording {
    pub paths: Vec<PathBuf>,
    pub steps: Vec<Step>,
}

impl Recording {
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = std::fs::read(file)?;
        let mut recording = Self::default();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            rest = recording.record(rest, bytes.len())?;
        }
        Ok(recording)
    }

    fn record<'a>(&mut self, bytes: &'a [u8], total: usize) -> Result<&'a [u8]> {
        let (head, rest) = bytes.split_at_checked(21).context("half a record")?;
        let number = |range: std::ops::Range<usize>| {
            let digits = head[range].iter().rev();
            digits.fold(0_usize, |n, byte| n << 8 | usize::from(*byte))
        };
        let (kind, path, offset, length) = (head[0], number(1..5), number(5..13), number(13..21));
        let has_data = matches!(kind, b'W' | b'P');
        let n_data = if has_data { length } else { 0 };
        let (data, rest) = rest.split_at_checked(n_data).context("half a record")?;
        let act = match kind {
            b'P' => {
                let text = String::from_utf8(data.to_vec())?;
                self.paths.push(text.into());
                return Ok(rest);
            }
            b'O' => Act::Create,
            b'W' => Act::Write {
                offset,
                data: data.to_vec(),
            },
            b'T' => Act::Truncate(length),
            b'S' => Act::Sync,
            b'R' => Act::Rename(offset),
            b'U' => Act::Unlink,
            b'D' => Act::MakeDir,
            other => bail!("unknown record {other}"),
        };
        let end = (total - rest.len()) as u64;
        self.steps.push(Step { path, act, end });
        Ok(rest)
    }

    /// The number of the path that ends so.
    pub fn path(&self, suffix: &str) -> Option<usize> {
        let found = self.paths.iter();
        found
            .enumerate()
            .find(|(_, path)| path.to_string_lossy().ends_with(suffix))
            .map(|(n, _)| n)
    }

    /// The files whose name and content survive a power cut once the recording is `length` long: synced, then renamed,
    /// and every folder above them synced since they, or the folder below, came into it.
    pub fn safe_files(&self, length: u64) -> BTreeSet<PathBuf> {
        // Paths whose content is synced, and entries of folders that are synced.
        let (mut synced, mut entered) = (BTreeSet::new(), BTreeSet::new());
        let mut unsafe_entries = BTreeSet::new();
        for step in self.steps.iter().take_while(|step| step.end <= length) {
            let path = &self.paths[step.path];
            match &step.act {
                Act::Create | Act::MakeDir => {
                    synced.remove(path);
                    entered.remove(path);
                    unsafe_entries.insert(path.clone());
                }
                Act::Write { .. } | Act::Truncate(_) => drop(synced.remove(path)),
                Act::Rename(to) => {
                    let to = &self.paths[*to];
                    if synced.remove(path) {
                        synced.insert(to.clone());
                    }
                    entered.remove(to);
                    unsafe_entries.insert(to.clone());
                }
                Act::Sync => {
                    synced.insert(path.clone());
                    let inside = unsafe_entries.iter();
                    let inside: Vec<PathBuf> = inside
                        .filter(|entry| entry.parent() == Some(path))
                        .cloned()
                        .collect();
                    for entry in inside {
                        unsafe_entries.remove(&entry);
                        entered.insert(entry);
                    }
                }
                Act::Unlink => {
                    synced.remove(path);
                    entered.remove(path);
                }
            }
        }
        let is_reachable = |path: &PathBuf| path.ancestors().all(|p| !unsafe_entries.contains(p));
        entered
            .into_iter()
            .filter(|path| synced.contains(path) && is_reachable(path))
            .collect()
    }
}

/// What becomes of writes that were not synced before the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// All reached the disk.
    Kept,
    /// None did.
    Lost,
    /// Some did, in any order, the sectors of one write apart.
    Mixed,
}

/// A file on a disk with a cache.
#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Act>,
}

impl File {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Sync => {
                for act in std::mem::take(&mut self.pending) {
                    apply(&mut self.durable, &act);
                }
            }
            Act::Create => {}
            other => self.pending.push(other.clone()),
        }
    }

    fn after_a_cut(&self, fate: Unsynced, random: &mut StdRng) -> Vec<u8> {
        let mut content = self.durable.clone();
        match fate {
            Unsynced::Lost => {}
            Unsynced::Kept => self.pending.iter().for_each(|act| apply(&mut content, act)),
            Unsynced::Mixed => {
                let mut parts: Vec<Act> = self.pending.iter().flat_map(sectors).collect();
                parts.shuffle(random);
                for part in parts {
                    if random.random_bool(0.6) {
                        apply(&mut content, &part);
                    }
                }
            }
        }
        content
    }
}

fn apply(content: &mut Vec<u8>, act: &Act) {
    match act {
        Act::Write { offset, data } => {
            let end = offset + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(data);
        }
        Act::Truncate(length) => content.resize(*length, 0),
        _ => {}
    }
}

fn sectors(act: &Act) -> Vec<Act> {
    let Act::Write { offset, data } = act else {
        return vec![act.clone()];
    };
    let mut parts = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let to_boundary = SECTOR - (offset + at) % SECTOR;
        let end = data.len().min(at + to_boundary);
        parts.push(Act::Write {
            offset: offset + at,
            data: data[at..end].to_vec(),
        });
        at = end;
    }
    parts
}

/// A disk that follows a recording.
pub struct Disk {
    files: BTreeMap<usize, File>,
}

impl Disk {
    /// Begins with these files.
    pub fn new(files: impl IntoIterator<Item = (usize, Vec<u8>)>) -> Self {
        let files = files.into_iter();
        let files = files.map(|(path, durable)| {
            let pending = Vec::new();
            (path, File { durable, pending })
        });
        Self {
            files: files.collect(),
        }
    }

    /// Does one more thing, if it is to one of the files.
    pub fn step(&mut self, step: &Step) -> Result<()> {
        if let Some(file) = self.files.get_mut(&step.path) {
            ensure!(
                !matches!(step.act, Act::Unlink | Act::Rename(_)),
                "{:?} of the database is not expected while it is open",
                step.act
            );
            file.act(&step.act);
        }
        Ok(())
    }

    /// The content of each file if the power goes now.
    pub fn after_a_cut(&self, fate: Unsynced, random: &mut StdRng) -> BTreeMap<usize, Vec<u8>> {
        let files = self.files.iter();
        files
            .map(|(path, file)| (*path, file.after_a_cut(fate, random)))
            .collect()
    }
}

#[test]
fn a_cut_keeps_what_was_synced_and_anything_of_the_rest() {
    use rand::SeedableRng;
    let mut random = StdRng::seed_from_u64(1);
    let write = |offset, byte| Act::Write {
        offset,
        data: vec![byte; 1024],
    };
    let step = |act| Step {
        path: 0,
        act,
        end: 0,
    };
    let mut disk = Disk::new([(0, Vec::new())]);
    for act in [write(0, 1), Act::Sync, write(0, 2), write(1024, 3)] {
        disk.step(&step(act)).unwrap();
    }
    let mut cut = |fate| disk.after_a_cut(fate, &mut random).remove(&0).unwrap();
    assert_eq!(cut(Unsynced::Lost), vec![1; 1024]);
    assert_eq!(cut(Unsynced::Kept), [vec![2; 1024], vec![3; 1024]].concat());
    let mixed: BTreeSet<Vec<u8>> = (0..50).map(|_| cut(Unsynced::Mixed)).collect();
    assert!(mixed.len() > 5, "{}", mixed.len());
}
