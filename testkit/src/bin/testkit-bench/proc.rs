//! What `/proc` says of a process and its children.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use tokio::time::sleep;

/// The name of our core's threads: while nothing happens they do nothing but keep the sync parked.
const CORE_THREAD: &str = "hardline-core";

/// A process and all its descendants.
pub fn tree(root: i32) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        found.extend(children.remove(&found[at]).unwrap_or_default());
        at += 1;
    }
    found
}

/// The fields of `/proc/PID/stat` after the name.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// CPU seconds used so far, user and system (a tick is 10 ms).
pub fn cpu_seconds(pids: &[i32]) -> f64 {
    let ticks: u64 = pids
        .iter()
        .filter_map(|pid| stat(*pid))
        .map(|fields| {
            [11, 12]
                .iter()
                .filter_map(|i| fields.get(*i)?.parse::<u64>().ok())
                .sum::<u64>()
        })
        .sum();
    ticks as f64 / 100.0
}

/// Milliseconds of CPU the first thread of a process has used, which is the one that draws.
pub fn thread_ms(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/schedstat")).unwrap_or_default();
    let ns: f64 = text
        .split_whitespace()
        .next()
        .and_then(|ns| ns.parse().ok())
        .unwrap_or(0.0);
    ns / 1e6
}

/// Watches the thread that draws for a while: the longest it worked without going to sleep, milliseconds of CPU. A frame
/// is drawn between two sleeps, so this is more than a frame's work (by up to a millisecond, or by several frames).
pub async fn longest_stretch(pid: i32, time: Duration) -> f64 {
    let begin = Instant::now();
    let (mut longest, mut from, mut sleeps) = (0.0_f64, thread_ms(pid), thread_sleeps(pid));
    while begin.elapsed() < time {
        sleep(Duration::from_millis(1)).await;
        let (now, slept) = (thread_ms(pid), thread_sleeps(pid));
        if slept != sleeps {
            (from, sleeps) = (now, slept);
        }
        longest = longest.max(now - from);
    }
    longest
}

/// How often the first thread of a process went to sleep of its own accord.
fn thread_sleeps(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/status")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or_default()
}

/// Proportional set size and resident set size, MiB.
pub fn memory_mib(pids: &[i32]) -> (f64, f64) {
    let mut sums = (0.0, 0.0);
    for pid in pids {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (name, value) = (
                words.next(),
                words
                    .next()
                    .and_then(|v| v.parse::<f64>().ok())
                    .unwrap_or(0.0),
            );
            match name {
                Some("Pss:") => sums.0 += value / 1024.0,
                Some("Rss:") => sums.1 += value / 1024.0,
                _ => {}
            }
        }
    }
    sums
}

/// What a thread did since it was made.
#[derive(Clone, Copy, Default)]
struct Work {
    /// Nanoseconds of CPU.
    ns: u64,
    /// How often it went to sleep of its own accord.
    sleeps: u64,
}

/// What the threads of these processes did; true for those on which our core waits for the server.
fn work(pids: &[i32]) -> HashMap<String, (bool, Work)> {
    let mut threads = HashMap::new();
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let (status, schedstat) = (read("status"), read("schedstat"));
            let of = |name| status.lines().find_map(|line| line.strip_prefix(name));
            let waits = of("Name:").is_some_and(|name| name.trim() == CORE_THREAD);
            let number = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok());
            let work = Work {
                ns: number(schedstat.split_whitespace().next()).unwrap_or_default(),
                sleeps: number(of("voluntary_ctxt_switches:")).unwrap_or_default(),
            };
            if let Some(name) = task.file_name().to_str() {
                threads.insert(name.to_owned(), (waits, work));
            }
        }
    }
    threads
}

/// What a process costs while nobody touches it.
#[derive(Debug)]
pub struct Idle {
    /// All its threads.
    pub all: Rest,
    /// Without the threads on which our core waits for the server.
    pub apart: Rest,
    /// Proportional set size at the end, MiB.
    pub pss_mib: f64,
    /// Resident set size at the end, MiB.
    pub rss_mib: f64,
}

/// What threads do while they have nothing to do.
#[derive(Debug)]
pub struct Rest {
    /// CPU, percent of one core.
    pub cpu_percent: f64,
    /// Wake-ups a second.
    pub wakeups: f64,
}

/// Watches a process doing nothing for `time`.
pub async fn idle(pid: i32, time: Duration) -> Idle {
    let pids = tree(pid);
    let (before, start) = (work(&pids), Instant::now());
    sleep(time).await;
    let (after, seconds) = (work(&pids), start.elapsed().as_secs_f64());
    let rest = |with_core: bool| {
        let mut sum = Work::default();
        for (thread, (_, now)) in after.iter().filter(|(_, (core, _))| with_core || !core) {
            let then = before
                .get(thread)
                .map(|(_, work)| *work)
                .unwrap_or_default();
            sum.ns += now.ns.saturating_sub(then.ns);
            sum.sleeps += now.sleeps.saturating_sub(then.sleeps);
        }
        Rest {
            cpu_percent: sum.ns as f64 / 1e7 / seconds,
            wakeups: sum.sleeps as f64 / seconds,
        }
    };
    let (pss_mib, rss_mib) = memory_mib(&tree(pid));
    Idle {
        all: rest(true),
        apart: rest(false),
        pss_mib,
        rss_mib,
    }
}
