//! Running the server: bind, say "ready", serve, stop gracefully.

use std::{
    io::Write,
    net::SocketAddr,
    os::unix::{ffi::OsStrExt, net::UnixDatagram},
    path::{Path, PathBuf},
    time::Duration,
};

use axum::serve::ListenerExt;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    router,
    service::{
        Services, StartError, appservices, delayed_events, presence, push_gateway, rooms::typing,
    },
};

/// How long requests under way may take after a stop signal.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until SIGTERM or SIGINT. `ready_file` gets the bound address once connections are taken.
pub async fn run(services: Services, ready_file: Option<PathBuf>) -> Result<(), StartError> {
    services.media.files().remove_leftovers()?;
    appservices::prepare(&services).await?;
    let listen = &services.config.listen;
    let address = SocketAddr::new(listen.address, listen.port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })?;
    let bound = listener.local_addr()?;
    let app = router::build(services.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(typing::run_expiry(services.clone()));
    tokio::spawn(delayed_events::run(services.clone()));
    tokio::spawn(push_gateway::run(services.clone()));
    tokio::spawn(presence::run_expiry(services.clone()));
    appservices::start(&services);
    let stop = stopped(services.clone())?;
    let server = axum::serve(listener, app).with_graceful_shutdown(stop);
    if services.config.testing.private_addresses {
        tracing::warn!(
            "testing.private_addresses is on: users can make this server speak to its own network"
        );
    }
    announce(&services, bound, ready_file.as_deref())?;
    let shutdown = services.shutdown.clone();
    tokio::select! {
        result = server => result?,
        () = async { shutdown.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("some requests did not end in time");
        }
    }
    let _ = notify_systemd("STOPPING=1");
    services.store.close();
    tracing::info!("stopped");
    Ok(())
}

/// Resolves at the first stop signal, after telling long polls to end.
fn stopped(services: Services) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        services.shutdown.cancel();
    })
}

fn announce(
    services: &Services,
    bound: SocketAddr,
    ready_file: Option<&Path>,
) -> std::io::Result<()> {
    tracing::info!(server = %services.config.server.name, address = %bound, "ready");
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "hardline-server ready on http://{bound} as {}",
        services.config.server.name
    )?;
    out.flush()?;
    if let Some(path) = ready_file {
        let partial = path.with_extension("partial");
        std::fs::write(&partial, format!("http://{bound}\n"))?;
        std::fs::rename(&partial, path)?;
    }
    notify_systemd("READY=1")
}

/// Tells a supervisor that follows the sd_notify protocol, if there is one.
fn notify_systemd(state: &str) -> std::io::Result<()> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let socket = UnixDatagram::unbound()?;
    match path.as_bytes().strip_prefix(b"@") {
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(state.as_bytes(), &address)?;
        }
        None => {
            socket.send_to(state.as_bytes(), Path::new(&path))?;
        }
    }
    Ok(())
}
