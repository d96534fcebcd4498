//! This process as the kernel sees it (`proc(5)`).

use std::{fs, path::Path};

/// The kernel tells processor time in hundredths of a second, whatever it counts in itself (`USER_HZ`).
const TICKS_A_SECOND: f64 = 100.0;

/// Figures of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Memory in use, in bytes.
    pub memory: u64,
    /// Processor time used so far, in seconds.
    pub cpu_seconds: f64,
    /// Open files and connections.
    pub n_files: u64,
    /// Threads.
    pub n_threads: u64,
    /// How many files may be open; none for any number.
    pub max_files: Option<u64>,
}

/// Of this process.
pub fn read() -> Process {
    read_at(Path::new("/proc/self"))
}

fn read_at(dir: &Path) -> Process {
    let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
    let status = text("status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
    };
    let n_files = fs::read_dir(dir.join("fd")).map_or(0, Iterator::count);
    let limits = text("limits");
    let max_files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    Process {
        memory: field("VmRSS:").unwrap_or(0) * 1024,
        cpu_seconds: cpu_seconds(&text("stat")).unwrap_or(0.0),
        // One of them is the directory that was just read.
        n_files: (n_files as u64).saturating_sub(1),
        n_threads: field("Threads:").unwrap_or(0),
        max_files,
    }
}

/// Fields 14 and 15; the name before them may hold anything, even brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_A_SECOND)
}

#[cfg(test)]
mod tests {
    use super::{cpu_seconds, read};

    #[test]
    fn a_process_knows_itself() {
        let spin: u64 = (0..50_000_000_u64).fold(0, |sum, n| sum ^ n.wrapping_mul(sum | 1));
        let process = read();
        assert!(process.memory > 1 << 20, "{process:?} {spin}");
        assert!(process.cpu_seconds > 0.0, "{process:?}");
        assert!(
            process.n_files >= 3 && process.n_threads >= 1,
            "{process:?}"
        );
        let before = process.n_files;
        let _open = std::fs::File::open("/proc/self/stat").unwrap();
        assert!(read().n_files > before);
    }

    #[test]
    fn names_with_brackets_do_not_mislead() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
    }
}
