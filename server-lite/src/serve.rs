//! Running the server: bind, say "ready", serve, stop gracefully.

pub mod control;
pub mod listener;
pub mod lock;
mod notify;
mod tls;

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::Extension;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use self::{
    listener::{Listener, Scheme},
    notify::notify,
};
use crate::{
    config::Serves,
    connections, router,
    service::{
        Services, StartError, appservices, delayed_events, disk, media::retention, presence,
        push_gateway, rooms::typing, safety,
    },
};

/// How long requests under way may take after a stop signal.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT. `ready_file` gets the bound addresses once connections are taken.
pub async fn run(services: Services, ready_file: Option<PathBuf>) -> Result<(), StartError> {
    services.media.files().remove_leftovers()?;
    appservices::prepare(&services).await?;
    let mut listeners = Vec::new();
    for wanted in services.config.all_listeners() {
        listeners.push(Listener::bind(&wanted).await?);
    }
    spawn_work(&services);
    stop_at_signal(services.clone())?;
    for warning in services.config.testing.warnings() {
        tracing::warn!("{warning}");
    }
    announce(&services, &listeners, ready_file.as_deref())?;
    let (mut servers, open) = (JoinSet::new(), connections::Open::default());
    for listener in listeners {
        servers.spawn(serve(services.clone(), listener, open.clone()));
    }
    let shutdown = services.shutdown.clone();
    tokio::select! {
        result = all(&mut servers) => result?,
        () = async { shutdown.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("some requests did not end in time");
        }
    }
    services.store.close();
    tracing::info!("stopped");
    Ok(())
}

/// What the server does without being asked.
fn spawn_work(services: &Services) {
    tokio::spawn(typing::run_expiry(services.clone()));
    tokio::spawn(delayed_events::run(services.clone()));
    tokio::spawn(push_gateway::run(services.clone()));
    tokio::spawn(presence::run_expiry(services.clone()));
    tokio::spawn(disk::run(services.clone()));
    appservices::start(services);
    tokio::spawn(safety::run(services.clone()));
    tokio::spawn(retention::run(services.clone()));
    tokio::spawn(control::run(services.clone()));
    tokio::spawn(notify::run_watchdog(services.clone()));
}

async fn serve(services: Services, listener: Listener, open: connections::Open) {
    let stop = services.shutdown.clone().cancelled_owned();
    let rules = connections::Rules::new(&services.config);
    let scheme = Scheme(listener.scheme);
    let app = router::build(services, &listener.serves).layer(Extension(scheme));
    connections::serve(listener, app, rules, open, stop).await;
}

async fn all(servers: &mut JoinSet<()>) -> std::io::Result<()> {
    while let Some(ended) = servers.join_next().await {
        ended.map_err(std::io::Error::other)?;
    }
    Ok(())
}

/// Tells long polls to end at the first stop signal.
fn stop_at_signal(services: Services) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        let _ = notify("STOPPING=1");
        services.shutdown.cancel();
    });
    Ok(())
}

fn announce(
    services: &Services,
    listeners: &[Listener],
    ready_file: Option<&Path>,
) -> std::io::Result<()> {
    let for_clients = |listener: &&Listener| listener.serves.contains(&Serves::Client);
    let Some(first) = listeners.iter().find(for_clients) else {
        return Ok(());
    };
    let (name, url) = (&services.config.server.name, first.url());
    tracing::info!(server = %name, address = url, "ready");
    let mut text = format!("{url}\n");
    let mut out = std::io::stdout().lock();
    writeln!(out, "hardline-server ready on {url} as {name}")?;
    for listener in listeners {
        if !std::ptr::eq(listener, first) {
            let serves: Vec<_> = listener.serves.iter().map(|serves| serves.name()).collect();
            let line = format!("{} {}\n", serves.join(","), listener.url());
            write!(out, "and {line}")?;
            text.push_str(&line);
        }
    }
    out.flush()?;
    if let Some(path) = ready_file {
        let partial = path.with_extension("partial");
        std::fs::write(&partial, text)?;
        std::fs::rename(&partial, path)?;
    }
    notify("READY=1")
}
