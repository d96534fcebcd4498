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

/// How often the threads whose name is `wanted` went to sleep of their own accord so far.
fn sleeps(pids: &[i32], wanted: impl Fn(&str) -> bool) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let text = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let thread = text.lines().find_map(|line| line.strip_prefix("Name:"));
            if !wanted(thread.unwrap_or_default().trim()) {
                continue;
            }
            let count = text.lines().find_map(|line| {
                line.strip_prefix("voluntary_ctxt_switches:")?
                    .trim()
                    .parse()
                    .ok()
            });
            if let (Some(name), Some(count)) = (task.file_name().to_str(), count) {
                counts.insert(name.to_owned(), count);
            }
        }
    }
    counts
}

/// What a process costs while nobody touches it.
#[derive(Debug)]
pub struct Idle {
    /// CPU, percent of one core.
    pub cpu_percent: f64,
    /// Wake-ups a second, all threads.
    pub wakeups: f64,
    /// The same without the threads on which our core waits for the server.
    pub wakeups_apart: f64,
    /// Proportional set size at the end, MiB.
    pub pss_mib: f64,
    /// Resident set size at the end, MiB.
    pub rss_mib: f64,
}

/// Watches a process doing nothing for `time`.
pub async fn idle(pid: i32, time: Duration) -> Idle {
    let pids = tree(pid);
    let apart = |thread: &str| thread != CORE_THREAD;
    let cpu = cpu_seconds(&pids);
    let (all, others, start) = (
        sleeps(&pids, |_| true),
        sleeps(&pids, apart),
        Instant::now(),
    );
    sleep(time).await;
    let seconds = start.elapsed().as_secs_f64();
    let woken = |before: &HashMap<String, u64>, now: HashMap<String, u64>| {
        let times: u64 = now
            .iter()
            .map(|(task, n)| n.saturating_sub(before.get(task).copied().unwrap_or(0)))
            .sum();
        times as f64 / seconds
    };
    let (pss_mib, rss_mib) = memory_mib(&tree(pid));
    Idle {
        cpu_percent: 100.0 * (cpu_seconds(&pids) - cpu) / seconds,
        wakeups: woken(&all, sleeps(&pids, |_| true)),
        wakeups_apart: woken(&others, sleeps(&pids, apart)),
        pss_mib,
        rss_mib,
    }
}
