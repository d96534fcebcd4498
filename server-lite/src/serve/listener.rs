//! Taking connections, plain or with TLS. Handshakes run beside each other, so a slow client keeps nobody waiting.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::server::TlsStream;

use super::tls::Certificate;
use crate::config::{Listener as Wanted, Serves};

/// How long a client may take to greet.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// So many greetings at a time; whoever comes later waits in the kernel's queue.
const MAX_HANDSHAKES: usize = 256;
/// How long an address that is not there yet is waited for: after a power failure, the network may come up last.
const WAIT_FOR_ADDRESS: Duration = Duration::from_secs(60);

/// A bound socket.
pub struct Listener {
    accepted: Accepted,
    local: SocketAddr,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// What is served here.
    pub serves: Vec<Serves>,
}

enum Accepted {
    Plain(TcpListener),
    Tls(
        mpsc::Receiver<(Stream, SocketAddr)>,
        #[expect(dead_code, reason = "dropping it ends them")] JoinSet<()>,
    ),
}

impl Listener {
    /// Binds what the configuration says.
    pub async fn bind(wanted: &Wanted) -> io::Result<Self> {
        let socket = bind(wanted.socket()).await?;
        let local = socket.local_addr()?;
        let accepted = match (&wanted.certificate, &wanted.key) {
            (Some(certificate), Some(key)) => {
                let certificate = Certificate::load(certificate, key)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
                let (ready, accepted) = mpsc::channel(16);
                let mut tasks = JoinSet::new();
                tasks.spawn(greet(socket, Arc::new(certificate), ready));
                Accepted::Tls(accepted, tasks)
            }
            _ => Accepted::Plain(socket),
        };
        Ok(Self {
            accepted,
            local,
            scheme: wanted.scheme(),
            serves: wanted.serves.clone(),
        })
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.local)
    }
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let deadline = tokio::time::Instant::now() + WAIT_FOR_ADDRESS;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error)
                if error.kind() == io::ErrorKind::AddrNotAvailable
                    && tokio::time::Instant::now() < deadline =>
            {
                tracing::warn!(%address, "no interface has this address yet; waiting for it");
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            Err(error) => {
                let text = format!("cannot listen on {address}: {error}");
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
            Err(error) if is_of_connection(&error) => {}
            // Out of files, most likely: others have to end first.
            Err(error) => {
                tracing::error!(%error, "cannot take a connection");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Takes connections and hands those on that have greeted.
async fn greet(
    listener: TcpListener,
    certificate: Arc<Certificate>,
    ready: mpsc::Sender<(Stream, SocketAddr)>,
) {
    let mut greeting = JoinSet::new();
    loop {
        tokio::select! {
            (stream, address) = accept(&listener), if greeting.len() < MAX_HANDSHAKES => {
                let (acceptor, ready) = (certificate.acceptor(), ready.clone());
                greeting.spawn(async move {
                    let done = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
                    match done.await {
                        Ok(Ok(stream)) => {
                            let stream = Stream::Tls(Box::new(stream));
                            let _ = ready.send((stream, address)).await;
                        }
                        Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
                        Err(_) => tracing::debug!("a TLS handshake took too long"),
                    }
                });
            }
            Some(_) = greeting.join_next() => {}
            () = ready.closed() => return,
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match &mut self.accepted {
            Accepted::Plain(listener) => {
                let (stream, address) = accept(listener).await;
                (Stream::Plain(stream), address)
            }
            Accepted::Tls(accepted, _) => match accepted.recv().await {
                Some(connection) => connection,
                // Its task lives as long as this listener.
                None => std::future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

/// `http` or `https`, as a request came.
#[derive(Clone, Copy, Debug)]
pub struct Scheme(pub &'static str);

/// A connection.
pub enum Stream {
    /// As it comes.
    Plain(TcpStream),
    /// Decrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! of_either {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain(stream) => {
                let $inner = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $inner = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of_either!(self, inner => inner.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        of_either!(self, inner => inner.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_either!(self, inner => inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_either!(self, inner => inner.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        of_either!(self, inner => inner.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
