//! Connections: each accepted one becomes a stream of the responders.

use crate::ends;
use crate::flows::Key;
use crate::keeper::Series;
use crate::responders::{Known, Responders};
use crate::wire::Shared;
use belljar_record::{Direction, FlowId, Layer, Protocol, Transport};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// How long a conversation that the responder is done with may stay silent.
const QUIET: Duration = Duration::from_millis(500);
/// How long it may go on at all.
const LINGER: Duration = Duration::from_secs(10);
/// How long a packet that was passed on may take through the answering kernel.
const SETTLE: Duration = Duration::from_millis(20);

/// Accepts until told to stop.
pub(crate) async fn run<R: Responders>(
    shared: Arc<Shared<R>>,
    listener: TcpListener,
    connections: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        // Beyond the limit connections wait in the listener's queue; nothing of them is lost.
        let free = tokio::select! {
            free = Arc::clone(&connections).acquire_owned() => free,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok(permit) = free else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        // The address comes with the connection: asked later, one that was reset has none, and
        // yet it may hold bytes.
        let Ok((socket, local)) = accepted else {
            // Out of descriptors: the others must go on, and this one waits.
            tokio::time::sleep(SETTLE).await;
            continue;
        };
        let flow = socket.local_addr().ok().map(|remote| key(local, remote));
        let flow = flow.and_then(|key| Some((key, shared.flows.accept(key)?)));
        let Some((key, flow)) = flow else {
            shared.losses.unmatched.add(1);
            continue;
        };
        let stop = stop.clone();
        tokio::spawn(converse(Arc::clone(&shared), socket, flow, key, stop, permit));
    }
}

fn key(local: SocketAddr, remote: SocketAddr) -> Key {
    Key {
        transport: Transport::Tcp,
        local: ends::end(local.ip().to_canonical(), local.port()),
        remote: ends::end(remote.ip().to_canonical(), remote.port()),
        kernel: false,
    }
}

async fn converse<R: Responders>(
    shared: Arc<Shared<R>>,
    socket: TcpStream,
    flow: FlowId,
    key: Key,
    stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
    // Answers go out as the responder writes them.
    let _ = socket.set_nodelay(true);
    let (stream, back) = Conversation::new(socket, stop);
    let responders = Arc::clone(&shared.responders);
    // A task of its own, so that a responder that panics ends only this conversation.
    let served =
        tokio::spawn(async move { responders.serve_stream(flow, key.remote, stream).await });
    let known = served.await.unwrap_or_else(|_| {
        shared.losses.responders.add(1);
        Known { protocol: Protocol::Unknown, host: None }
    });
    let mut taken = 0;
    if let Ok(Returned { socket, read }) = back.await {
        taken = read + drain(&shared, flow, socket).await;
    }
    let missing = shared.flows.expected(flow).saturating_sub(taken);
    shared.losses.stream_bytes.add(missing);
    shared.keeper.finish_flow(flow);
    shared.flows.close(flow, known.protocol, known.host);
    drop(permit);
}

/// Reads what the responder left unread, and keeps it as a remainder.
async fn drain<R: Responders>(shared: &Shared<R>, flow: FlowId, mut socket: TcpStream) -> u64 {
    let mut taken = 0;
    let mut buffer = vec![0; 64 * 1024];
    let keep = |bytes: &[u8]| {
        let label = "left unread by the responder";
        let series = Series { flow, direction: Direction::Out, layer: Layer::Remainder, label };
        shared.keeper.keep(series, bytes).is_ok()
    };
    let _ = socket.shutdown().await;
    let until = tokio::time::Instant::now() + LINGER;
    while tokio::time::Instant::now() < until {
        match tokio::time::timeout(QUIET, socket.read(&mut buffer)).await {
            Ok(Ok(0)) => return taken,
            Ok(Ok(len)) if keep(&buffer[..len]) => taken += len as u64,
            _ => break,
        }
    }
    // From here on the wire itself keeps what comes; what was passed on before may still arrive.
    shared.flows.stop_reading(flow);
    tokio::time::sleep(SETTLE).await;
    while let Ok(len) = socket.try_read(&mut buffer)
        && len > 0
        && keep(&buffer[..len])
    {
        taken += len as u64;
    }
    taken
}

/// What comes back from a responder.
struct Returned {
    socket: TcpStream,
    read: u64,
}

/// A connection as the responder has it: counts what is read, ends when the wire stops, and gives
/// the socket back when it is dropped.
struct Conversation {
    socket: Option<TcpStream>,
    read: u64,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    stopped: bool,
    back: Option<oneshot::Sender<Returned>>,
}

impl Conversation {
    fn new(
        socket: TcpStream,
        mut stop: watch::Receiver<bool>,
    ) -> (Self, oneshot::Receiver<Returned>) {
        let (back, returned) = oneshot::channel();
        let stop = Box::pin(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        });
        let conversation =
            Self { socket: Some(socket), read: 0, stop, stopped: false, back: Some(back) };
        (conversation, returned)
    }

    fn stopped(&mut self, context: &mut Context<'_>) -> bool {
        self.stopped = self.stopped || self.stop.as_mut().poll(context).is_ready();
        self.stopped
    }

    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Conversation {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match self.socket()?.poll_read(context, buffer) {
            // Nothing more will come: the component has ended.
            Poll::Pending if self.stopped(context) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
            ready => {
                self.read += (buffer.filled().len() - before) as u64;
                ready
            }
        }
    }
}

impl AsyncWrite for Conversation {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.socket()?.poll_write(context, bytes) {
            Poll::Pending if self.stopped(context) => {
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(context)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if let (Some(socket), Some(back)) = (self.socket.take(), self.back.take()) {
            let _ = back.send(Returned { socket, read: self.read });
        }
    }
}
