//! Taking connections: so many an address, none that takes its time.
//!
//! A client has a while to say what it wants, must not stop in the middle of a body or of taking an answer, and has to
//! send a body at a pace; otherwise its connection is closed. Waiting for an answer (a long poll) takes as long as it
//! takes.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, serve::Listener};
use http::Request;
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, Sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::config::Config;

/// A body has to come with so many bytes a second, on average and after the time a client may stop.
const MIN_PACE: u64 = 512;
/// No request is shorter than this, with its last line.
const SHORTEST_REQUEST: u64 = 18;
/// So much is kept of what comes in or goes out, a connection (HTTP/1) or request (HTTP/2): all headers have to fit in.
const BUFFER: usize = 64 << 10;
/// So much may be under way to us on an HTTP/2 connection.
const WINDOW: u32 = 256 << 10;
/// Requests of one HTTP/2 connection under way at a time.
const MAX_STREAMS: u32 = 100;

/// What is asked of connections.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    per_address: usize,
    header: Duration,
    stall: Duration,
}

impl Rules {
    /// As configured. Behind a proxy all connections are the proxy's, so they are not counted.
    pub fn new(config: &Config) -> Self {
        let per_address = match config.limits.connections_per_address {
            0 => usize::MAX,
            _ if config.listen.behind_proxy => usize::MAX,
            n => n as usize,
        };
        Self {
            per_address,
            header: config.limits.header(),
            stall: config.limits.stall(),
        }
    }
}

/// Serves `app` to whoever connects and is not one too many among the `open` connections, until `stop` resolves and the requests under way have ended.
pub async fn serve<L>(
    mut listener: L,
    app: Router,
    rules: Rules,
    open: Open,
    stop: impl Future<Output = ()> + Send + 'static,
) where
    L: Listener<Addr = SocketAddr>,
{
    let stopping = CancellationToken::new();
    let canceller = stopping.clone();
    tokio::spawn(async move {
        stop.await;
        canceller.cancel();
    });
    let connections = TaskTracker::new();
    loop {
        let (io, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match open.enter(address.ip(), rules.per_address) {
            Some(place) => {
                let served = serve_one(io, address, app.clone(), rules, stopping.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            None => {
                connections.spawn(refuse(io));
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve_one<Io>(
    io: Io,
    address: SocketAddr,
    app: Router,
    rules: Rules,
    stopping: CancellationToken,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(|body| Body::new(Paced::new(body, rules.stall)));
        request.extensions_mut().insert(ConnectInfo(address));
        app.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(BUFFER)
        .header_read_timeout(rules.header);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(rules.header)
        .keep_alive_timeout(rules.stall)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(BUFFER)
        .max_concurrent_streams(MAX_STREAMS);
    let io = TokioIo::new(Hurried::new(io, rules));
    let mut connection = std::pin::pin!(builder.serve_connection(io, service));
    let mut stopped = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::trace!(%error, "a connection ended early");
                }
                return;
            }
            () = stopping.cancelled(), if !stopped => {
                stopped = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Says why before it closes.
async fn refuse<Io: AsyncWrite + Unpin>(mut io: Io) {
    const BODY: &str = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"There are too many connections from your address.","retry_after_ms":10000}"#;
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 10\r\n\
         access-control-allow-origin: *\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let told = async {
        io.write_all(answer.as_bytes()).await?;
        io.shutdown().await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
}

/// How many connections each address has, whichever listener took them.
#[derive(Clone, Default)]
pub struct Open {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection among them, until it is dropped.
struct Place {
    open: Open,
    address: IpAddr,
}

impl Open {
    fn enter(&self, address: IpAddr, max: usize) -> Option<Place> {
        let address = counted_as(address);
        let mut counts = self.counts.lock();
        let count = counts.entry(address).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place {
            open: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.open.counts.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A household has 2⁶⁴ IPv6 addresses or more: they count as one.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}

/// A stream whose other end must begin in time and take what it is sent.
struct Hurried<Io> {
    io: Io,
    n_read: u64,
    begin: Pin<Box<Sleep>>,
    /// Runs while something waits to be taken.
    taking: Option<Pin<Box<Sleep>>>,
    stall: Duration,
}

impl<Io> Hurried<Io> {
    fn new(io: Io, rules: Rules) -> Self {
        Self {
            io,
            n_read: 0,
            begin: Box::pin(tokio::time::sleep(rules.header)),
            taking: None,
            stall: rules.stall,
        }
    }

    /// What a write came to, unless the other end has not taken anything for too long.
    fn taken<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.taking = None;
            return written;
        }
        let stall = self.stall;
        let taking = self
            .taking
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        ready!(taking.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Hurried<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        self.n_read += (buffer.filled().len() - before) as u64;
        if read.is_pending() && self.n_read < SHORTEST_REQUEST {
            ready!(self.begin.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Hurried<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.taken(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, parts);
        self.taken(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.taken(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.io).poll_shutdown(context);
        self.taken(context, closed)
    }
}

/// A body came too slowly, or stopped.
#[derive(Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub struct TooSlow;

/// A body that has to come at a pace.
struct Paced<B> {
    body: B,
    started: Instant,
    n_bytes: u64,
    stall: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<B> Paced<B> {
    fn new(body: B, stall: Duration) -> Self {
        Self {
            body,
            started: Instant::now(),
            n_bytes: 0,
            stall,
            alarm: None,
        }
    }

    /// Until when what has come so far suffices.
    fn deadline(&self) -> Instant {
        self.started + self.stall + Duration::from_millis(self.n_bytes * 1000 / MIN_PACE)
    }
}

impl<B> HttpBody for Paced<B>
where
    B: HttpBody<Data = bytes::Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = bytes::Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let now = Instant::now();
        if let Poll::Ready(frame) = frame {
            self.alarm = None;
            if let Some(Ok(frame)) = &frame {
                self.n_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if now > self.deadline() {
                    return Poll::Ready(Some(Err(TooSlow.into())));
                }
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let until = self.deadline().min(now + self.stall);
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        ready!(alarm.as_mut().poll(context));
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Open, counted_as};

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let address = |text: &str| counted_as(text.parse::<IpAddr>().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.2"), address("192.0.2.1"));
    }

    #[test]
    fn a_place_is_free_again_once_its_connection_ends() {
        let (open, address) = (Open::default(), IpAddr::from([192, 0, 2, 1]));
        let first = open.enter(address, 2).unwrap();
        let second = open.enter(address, 2).unwrap();
        assert!(open.enter(address, 2).is_none());
        assert!(open.enter(IpAddr::from([192, 0, 2, 2]), 2).is_some());
        drop(first);
        assert!(open.enter(address, 2).is_some());
        drop(second);
        assert!(open.counts.lock().is_empty());
    }
}
