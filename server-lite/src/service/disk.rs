//! The disk fills up: seen in time, told with the time left, and files refused before messages are.
//!
//! What counts is the room the database has: on the disk, and below `storage.max_database_mib` where that is set.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use http::StatusCode;
use parking_lot::Mutex;
use ruma::api::error::{ErrorKind, ResourceLimitExceededErrorData};
use serde::Serialize;

use super::Services;
use crate::{
    config::Config,
    error::{Error, Result},
};

/// Samples of one trend.
const N_SAMPLES: usize = 60;
/// With fewer than this nothing is said.
const MIN_SAMPLES: usize = 12;
/// A trend for the last minutes, the last hours and the last day: a sample every so many looks.
const EVERY: [u64; 3] = [1, 12, 144];
/// With less time than this left, the operator is warned.
const WARN: Duration = Duration::from_secs(6 * 60 * 60);
/// … and again this often.
const WARN_AGAIN: Duration = Duration::from_secs(60 * 60);
/// The part of a disk that is kept free of files, where the configuration does not say.
const RESERVE_SHARE: u64 = 20;
/// … but no more than this.
const MAX_RESERVE: u64 = 256 << 20;

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// There is room.
    #[default]
    Fine,
    /// It will be full within hours, or is nearly as full as that files are refused.
    Filling,
    /// Files are refused.
    FilesRefused,
}

/// What is known of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct State {
    /// Bytes that this server could still write.
    pub free: u64,
    /// The size of the disk in bytes.
    pub size: u64,
    /// With less than this no files are taken.
    pub reserve: u64,
    /// Bytes the database may still grow, where it has an upper bound.
    pub database_room: Option<u64>,
    /// In how many seconds it will be full if it goes on like that; none while there is no such trend.
    pub full_in_seconds: Option<u64>,
    /// How far it is.
    pub level: Level,
}

/// Watches the disk of the data folder.
pub struct Disk {
    folder: PathBuf,
    reserve: Option<u64>,
    database_limit: Option<u64>,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    trends: [Trend; EVERY.len()],
    n_looks: u64,
    state: State,
    warned: Option<Instant>,
}

impl Disk {
    /// For the data of this configuration.
    pub fn new(config: &Config) -> Self {
        let limit = config.storage.max_database_mib;
        Self {
            folder: config.storage.path.clone(),
            reserve: config.storage.reserve_mib.map(|mib| u64::from(mib) << 20),
            database_limit: limit.map(|mib| u64::from(mib.get()) << 20),
            watched: Mutex::default(),
        }
    }

    /// What was known at the last look.
    pub fn state(&self) -> State {
        self.watched.lock().state
    }

    /// Refuses a file of `announced` bytes if it would leave too little room for messages.
    ///
    /// # Errors
    /// 507 `M_RESOURCE_LIMIT_EXCEEDED`.
    pub fn admit_file(&self, announced: u64) -> Result<()> {
        // Where the disk cannot be looked at, writing to it will tell.
        let Ok((free, size)) = space(&self.folder) else {
            return Ok(());
        };
        if free.saturating_sub(announced) >= self.reserve(size) {
            return Ok(());
        }
        Err(Error::new(
            StatusCode::INSUFFICIENT_STORAGE,
            ErrorKind::ResourceLimitExceeded(ResourceLimitExceededErrorData::new(String::new())),
            "The server's disk is nearly full: it takes no files at the moment, only messages. \
             Whoever runs it has to make room.",
        ))
    }

    fn reserve(&self, size: u64) -> u64 {
        self.reserve
            .unwrap_or_else(|| (size / RESERVE_SHARE).min(MAX_RESERVE))
    }

    /// Takes a look; `database` is the room within the database file and how large it is.
    fn look(&self, now: Instant, database: Pages) -> std::io::Result<State> {
        let (free, size) = space(&self.folder)?;
        let room = self.database_limit.map(|limit| {
            let used = database.size.saturating_sub(database.unused);
            limit.saturating_sub(used)
        });
        let mut watched = self.watched.lock();
        let counted = room.map_or(free, |room| room.min(free));
        let n_looks = watched.n_looks;
        for (trend, every) in watched.trends.iter_mut().zip(EVERY) {
            if n_looks.is_multiple_of(every) {
                trend.add(now, counted);
            }
        }
        watched.n_looks += 1;
        let left = watched.trends.iter().filter_map(|trend| trend.left());
        let left = left.min();
        let reserve = self.reserve(size);
        watched.state = State {
            free,
            size,
            reserve,
            database_room: room,
            full_in_seconds: left.map(|left| left.as_secs()),
            level: level(free, reserve, left),
        };
        Ok(watched.state)
    }

    /// Whether it is time to warn (again).
    fn warns(&self, now: Instant, level: Level, before: Level) -> bool {
        let mut watched = self.watched.lock();
        if level == Level::Fine {
            watched.warned = None;
            return false;
        }
        let again = watched
            .warned
            .is_none_or(|at| now.duration_since(at) >= WARN_AGAIN);
        let warns = again || level > before;
        if warns {
            watched.warned = Some(now);
        }
        warns
    }
}

fn level(free: u64, reserve: u64, left: Option<Duration>) -> Level {
    if free < reserve {
        Level::FilesRefused
    } else if free < reserve.saturating_mul(2) || left.is_some_and(|left| left < WARN) {
        Level::Filling
    } else {
        Level::Fine
    }
}

/// Free bytes for this user, and all bytes.
fn space(folder: &Path) -> std::io::Result<(u64, u64)> {
    let found = rustix::fs::statvfs(folder)?;
    let of_blocks = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok((of_blocks(found.f_bavail), of_blocks(found.f_blocks)))
}

/// The size of the database, and what of it is unused, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pages {
    /// All of it.
    pub size: u64,
    /// What deleted things have left.
    pub unused: u64,
}

/// The database's pages.
pub async fn pages(services: &Services) -> Result<Pages> {
    services
        .store
        .read(|c| {
            let number = |name: &str| -> rusqlite::Result<u64> {
                c.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
                    .map(|n| n as u64)
            };
            let page = number("page_size")?;
            Ok(Pages {
                size: number("page_count")? * page,
                unused: number("freelist_count")? * page,
            })
        })
        .await
}

/// Looks at the disk now and then until the server stops.
pub async fn run(services: Services) {
    let period = Duration::from_secs(services.config.storage.watch_seconds.get().into());
    let mut timer = tokio::time::interval(period);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = services.shutdown.cancelled() => return,
        }
        watch(&services).await;
    }
}

async fn watch(services: &Services) {
    let before = services.disk.state().level;
    let pages = pages(services).await.unwrap_or_default();
    let now = Instant::now();
    let state = match services.disk.look(now, pages) {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, "cannot look at the disk");
            return;
        }
    };
    if services.disk.warns(now, state.level, before) {
        let free_mib = state.free >> 20;
        let database_room_mib = state.database_room.map(|room| room >> 20);
        let left = state.full_in_seconds.map_or_else(
            || "no telling when it will be full".to_owned(),
            |seconds| format!("full in {}", span(Duration::from_secs(seconds))),
        );
        let refused = state.level == Level::FilesRefused;
        tracing::warn!(
            free_mib,
            database_room_mib,
            files_refused = refused,
            "the disk is filling up: {left}"
        );
    } else if before != Level::Fine && state.level == Level::Fine {
        tracing::info!(
            free_mib = state.free >> 20,
            "there is room on the disk again"
        );
    }
}

/// A time span as people say it.
pub fn span(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0 | 1 => format!("{} seconds", time.as_secs()),
        2..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

/// Free bytes over time.
#[derive(Default)]
struct Trend {
    samples: VecDeque<(Instant, u64)>,
}

impl Trend {
    fn add(&mut self, now: Instant, free: u64) {
        if self.samples.len() == N_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((now, free));
    }

    /// When nothing will be left, by the line that fits the samples best; none if there are too few or it does not fall.
    fn left(&self) -> Option<Duration> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        if self.samples.len() < MIN_SAMPLES {
            return None;
        }
        let n = self.samples.len() as f64;
        let points = self.samples.iter().map(|(at, free)| {
            let x = at.duration_since(first.0).as_secs_f64();
            (x, *free as f64)
        });
        let (sum_x, sum_y) = points
            .clone()
            .fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
        let (mean_x, mean_y) = (sum_x / n, sum_y / n);
        let (mut covariance, mut variance) = (0.0, 0.0);
        for (x, y) in points {
            covariance += (x - mean_x) * (y - mean_y);
            variance += (x - mean_x) * (x - mean_x);
        }
        let slope = covariance / variance;
        // A day's noise is no trend: it has to have lost something from end to end.
        if !slope.is_finite() || slope >= 0.0 || last.1 >= first.1 {
            return None;
        }
        let seconds = last.1 as f64 / -slope;
        // Centuries are as good as for ever.
        (seconds < 1e10).then(|| Duration::from_secs_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Level, Trend, level, span};

    fn trend(samples: impl IntoIterator<Item = u64>) -> Trend {
        let (mut trend, start) = (Trend::default(), Instant::now());
        for (idx, free) in samples.into_iter().enumerate() {
            trend.add(start + Duration::from_secs(10 * idx as u64), free);
        }
        trend
    }

    #[test]
    fn a_steady_loss_is_told_to_the_second() {
        // 1 MB every ten seconds, of 100 MB.
        let left = trend((0..12).map(|n| 100_000_000 - n * 1_000_000)).left();
        assert_eq!(left, Some(Duration::from_secs(890)));
    }

    #[test]
    fn noise_growth_and_silence_are_no_trend() {
        assert_eq!(trend((0..11).map(|n| 1000 - n)).left(), None);
        assert_eq!(trend([100; 20]).left(), None);
        assert_eq!(trend((0..20).map(|n| 100 + n)).left(), None);
        assert_eq!(trend((0..13).map(|n| 100 - n % 2 * 50)).left(), None);
        assert_eq!(trend([]).left(), None);
    }

    #[test]
    fn only_the_latest_samples_count() {
        let then = (0..60).map(|_| 1_000_000);
        let now = (0..60).map(|n| 1_000_000 - n * 1_000);
        let left = trend(then.chain(now)).left().unwrap();
        assert!((9_350..=9_450).contains(&left.as_secs()), "{left:?}");
    }

    #[test]
    fn levels_follow_space_and_time() {
        let hour = Duration::from_secs(3600);
        assert_eq!(level(1000, 100, None), Level::Fine);
        assert_eq!(level(1000, 100, Some(hour * 100)), Level::Fine);
        assert_eq!(level(1000, 100, Some(hour)), Level::Filling);
        assert_eq!(level(199, 100, None), Level::Filling);
        assert_eq!(level(99, 100, Some(hour * 100)), Level::FilesRefused);
        assert!(Level::FilesRefused > Level::Filling && Level::Filling > Level::Fine);
    }

    #[test]
    fn spans_are_rounded_down() {
        let of = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(of(119), "119 seconds");
        assert_eq!(of(60 * 90), "90 minutes");
        assert_eq!(of(3600 * 47), "47 hours");
        assert_eq!(of(3600 * 24 * 9), "9 days");
    }
}
