//! The socket a child writes `READY=1` to, and waiting for a port.
//!
//! Protocol: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::{io, net::SocketAddr, path::Path, time::Duration};

use tokio::net::{TcpStream, UnixDatagram};

/// A notify socket in a private directory of its own, which goes with it.
#[derive(Debug)]
pub(super) struct NotifySocket {
    socket: UnixDatagram,
    dir: std::path::PathBuf,
}

impl NotifySocket {
    pub(super) fn bind() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!(
            "{}-{:016x}",
            crate::identity::PROGRAM,
            rand::random::<u64>()
        );
        let dir = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&dir)?;
        match UnixDatagram::bind(dir.join("notify")) {
            Ok(socket) => Ok(Self { socket, dir }),
            Err(error) => {
                let _ = std::fs::remove_dir(&dir);
                Err(error)
            }
        }
    }

    pub(super) fn path(&self) -> std::path::PathBuf {
        self.dir.join("notify")
    }

    pub(super) async fn ready(&self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).await?;
            if buffer[..length]
                .split(|byte| *byte == b'\n')
                .any(|line| line == b"READY=1")
            {
                return Ok(());
            }
        }
    }
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path());
        let _ = std::fs::remove_dir(Path::new(&self.dir));
    }
}

pub(super) async fn listens(address: SocketAddr) {
    while TcpStream::connect(address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
