//! The line to the media process of one call.

use std::{sync::Arc, time::Duration};

use hardline_platform::media::{
    Media, MediaError, MediaProcess,
    protocol::{Event, Request, Round, Setup},
};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{mapping, relays::Relays};
use crate::runtime::Tasks;

/// How often what was sent and received is asked for.
const STATISTICS: Duration = Duration::from_secs(1);

/// Names a line; calls may hand theirs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(u64);

/// What a media process tells.
#[derive(Debug)]
pub(super) enum Told {
    /// It says something.
    Said(Event),
    /// It could not be started, or ended by itself.
    Ended(MediaError),
}

/// A line to a media process; when it is dropped, the process is told to close.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    asks: mpsc::UnboundedSender<Ask>,
    /// The microphone is open.
    began: bool,
    /// The description asked for last: what is told about earlier ones is of no interest.
    round: Option<Round>,
}

#[derive(Debug)]
enum Ask {
    Begin(Box<Setup>),
    Request(Request),
}

/// Starts media processes.
#[derive(Debug)]
pub(super) struct Links {
    media: Arc<dyn Media>,
    relays: Relays,
    tasks: Tasks,
    told: mpsc::UnboundedSender<(LinkId, Told)>,
    last: u64,
}

impl Links {
    pub(super) fn new(
        media: Arc<dyn Media>,
        relays: Relays,
        tasks: Tasks,
        told: mpsc::UnboundedSender<(LinkId, Told)>,
    ) -> Self {
        Self {
            media,
            relays,
            tasks,
            told,
            last: 0,
        }
    }

    /// Starts a process, which waits for its beginning.
    pub(super) fn open(&mut self) -> Link {
        self.last += 1;
        let id = LinkId(self.last);
        let (asks, asked) = mpsc::unbounded_channel();
        let line = Line {
            id,
            relays: self.relays.clone(),
            told: self.told.clone(),
        };
        let media = self.media.clone();
        self.tasks.detach("call-media", line.run(media, asked));
        Link {
            id,
            asks,
            began: false,
            round: None,
        }
    }
}

impl Link {
    /// Whether the microphone is open.
    pub(super) fn began(&self) -> bool {
        self.began
    }

    /// Opens the microphone, once.
    pub(super) fn begin(&mut self, setup: Setup) {
        if !self.began {
            self.began = true;
            let _ = self.asks.send(Ask::Begin(Box::new(setup)));
        }
    }

    /// Asks for something. The end of the process is told by itself.
    pub(super) fn ask(&mut self, request: Request) {
        self.round = mapping::asked_round(&request).or(self.round);
        let _ = self.asks.send(Ask::Request(request));
    }

    /// Whether something told about a description is about an earlier one.
    pub(super) fn is_stale(&self, round: Option<Round>) -> bool {
        round.is_some() && round != self.round
    }
}

/// The task at the other end of a [`Link`].
struct Line {
    id: LinkId,
    relays: Relays,
    told: mpsc::UnboundedSender<(LinkId, Told)>,
}

impl Line {
    async fn run(self, media: Arc<dyn Media>, mut asked: mpsc::UnboundedReceiver<Ask>) {
        let mut early = Vec::new();
        let started = {
            let mut starting = media.start();
            loop {
                tokio::select! {
                    started = &mut starting => break started,
                    ask = asked.recv() => match ask {
                        Some(ask) => early.push(ask),
                        None => return,
                    },
                }
            }
        };
        let mut process = match started {
            Ok(process) => process,
            Err(error) => return self.end(error),
        };
        tracing::info!(pid = process.pid(), "a media process runs");
        for ask in early {
            self.pass_on(&mut process, ask).await;
        }
        let mut counting: Option<Interval> = None;
        loop {
            tokio::select! {
                ask = asked.recv() => match ask {
                    Some(ask) => self.pass_on(&mut process, ask).await,
                    None => return process.close().await,
                },
                event = process.next() => match event {
                    Ok(event) => {
                        if event == Event::Connected {
                            counting.get_or_insert_with(every);
                        }
                        let _ = self.told.send((self.id, Told::Said(event)));
                    }
                    Err(error) => return self.end(error),
                },
                () = tick(&mut counting) => {
                    self.pass_on(&mut process, Ask::Request(Request::Statistics)).await;
                }
            }
        }
    }

    /// An error means that it is gone, which is told when its output ends.
    async fn pass_on(&self, process: &mut Box<dyn MediaProcess>, ask: Ask) {
        let request = match ask {
            Ask::Begin(mut setup) => {
                setup.ice_servers = self.relays.get().await;
                Request::Start(setup)
            }
            Ask::Request(request) => request,
        };
        if let Err(error) = process.ask(&request).await {
            tracing::info!(pid = process.pid(), %error, "the media process takes no request");
        }
    }

    fn end(&self, error: MediaError) {
        tracing::warn!(%error, "a call has no media process");
        let _ = self.told.send((self.id, Told::Ended(error)));
    }
}

fn every() -> Interval {
    let mut every = interval(STATISTICS);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every
}

async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}
