//! Telling a service manager how it goes: ready, alive, stopping.
//!
//! Protocol: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::{
    os::unix::{ffi::OsStrExt, net::UnixDatagram},
    path::Path,
    time::Duration,
};

use crate::service::Services;

/// Tells a supervisor that follows the sd_notify protocol, if there is one.
pub fn notify(state: &str) -> std::io::Result<()> {
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

/// How often the supervisor wants to hear that this process is alive, if it does.
fn watchdog() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_other = number("WATCHDOG_PID").is_some_and(|pid| pid != u64::from(std::process::id()));
    let microseconds = number("WATCHDOG_USEC").filter(|_| !is_other)?;
    Some(Duration::from_micros(microseconds))
}

/// Says that this process is alive while its database answers, until the server stops.
pub async fn run_watchdog(services: Services) {
    let Some(limit) = watchdog() else { return };
    let mut timer = tokio::time::interval((limit / 3).max(Duration::from_millis(10)));
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = services.shutdown.cancelled() => return,
        }
        let answers = async {
            services.store.read(|_| Ok(())).await?;
            services.store.write(|_| Ok(())).await
        };
        match tokio::time::timeout(limit / 3, answers).await {
            Ok(Ok(())) => {
                let _ = notify("WATCHDOG=1");
            }
            Ok(Err(error)) => tracing::error!(%error, "the database fails"),
            Err(_) => tracing::error!("the database does not answer"),
        }
    }
}
