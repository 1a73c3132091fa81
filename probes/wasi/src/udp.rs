//! `wasi:sockets/udp`: datagrams are kept, then answered at once by the fake internet.

use crate::address::{
    bound, endpoint, here, not_zero, reachable, socket_address, wasi_socket_address,
};
use crate::conversation::{Conversation, Keeper};
use crate::guest::{Guest, lock};
use belljar_record::{Direction, Layer, Protocol, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::{udp, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, SocketResult, subscribe};

/// Datagrams of one call.
const AT_ONCE: usize = 16;
/// Largest payload over IPv4.
const LARGEST: usize = 65_507;
/// Datagrams that wait to be received; more are dropped, as a kernel does.
const WAITING: usize = 1024;
/// Conversations of one socket.
const CONVERSATIONS: usize = 4096;

type Socket = Resource<udp::UdpSocket>;
type Incoming = Resource<udp::IncomingDatagramStream>;
type Outgoing = Resource<udp::OutgoingDatagramStream>;

/// A series of datagrams between two addresses.
struct Series {
    conversation: Option<Conversation>,
    out: Option<Keeper>,
    back: Option<Keeper>,
}

impl Drop for Series {
    fn drop(&mut self) {
        if let Some(mut conversation) = self.conversation.take() {
            for keeper in [self.out.take(), self.back.take()].into_iter().flatten() {
                conversation.done(keeper);
            }
        }
    }
}

/// What a socket and its two streams share.
#[derive(Default)]
struct Inner {
    remote: Option<SocketAddr>,
    series: BTreeMap<SocketAddr, Series>,
    waiting: VecDeque<(SocketAddr, Vec<u8>)>,
    receiver: Option<Waker>,
}

/// A socket, as the table holds it.
struct Udp {
    family: IpAddressFamily,
    binding: Option<SocketAddr>,
    local: Option<SocketAddr>,
    hops: u8,
    receive: u64,
    send: u64,
    inner: Arc<Mutex<Inner>>,
}

struct Receiving(Arc<Mutex<Inner>>);

struct Sending {
    inner: Arc<Mutex<Inner>>,
    family: IpAddressFamily,
    permits: usize,
}

#[async_trait::async_trait]
impl Pollable for Udp {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl Pollable for Receiving {
    async fn ready(&mut self) {
        std::future::poll_fn(|cx| {
            let mut inner = lock(&self.0);
            if inner.waiting.is_empty() {
                inner.receiver = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

#[async_trait::async_trait]
impl Pollable for Sending {
    async fn ready(&mut self) {}
}

fn own(socket: &Socket) -> Resource<Udp> {
    Resource::new_borrow(socket.rep())
}

impl Guest {
    fn udp(&mut self, socket: &Socket) -> SocketResult<&mut Udp> {
        Ok(self.table.get_mut(&own(socket))?)
    }
}

impl udp_create_socket::Host for Guest {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Socket> {
        let udp = Udp {
            family,
            binding: None,
            local: None,
            hops: 64,
            receive: 64 << 10,
            send: 64 << 10,
            inner: Arc::default(),
        };
        let socket = self.table.push(udp).map_err(|_| ErrorCode::NewSocketLimit)?;
        Ok(Resource::new_own(socket.rep()))
    }
}

impl udp::Host for Guest {}

impl udp::HostUdpSocket for Guest {
    async fn start_bind(
        &mut self,
        socket: Socket,
        network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        self.check_network(&network)?;
        let local = socket_address(local);
        self.note("wasi:sockets/udp start-bind", local.to_string()).map_err(SocketError::trap)?;
        let udp = self.udp(&socket)?;
        if udp.local.is_some() || udp.binding.is_some() {
            return Err(ErrorCode::InvalidState.into());
        }
        udp.binding = Some(bound(udp.family, local)?);
        Ok(())
    }

    fn finish_bind(&mut self, socket: Socket) -> SocketResult<()> {
        let udp = self.udp(&socket)?;
        let local = udp.binding.take().ok_or(ErrorCode::NotInProgress)?;
        udp.local = Some(local);
        Ok(())
    }

    async fn stream(
        &mut self,
        socket: Socket,
        remote: Option<IpSocketAddress>,
    ) -> SocketResult<(Incoming, Outgoing)> {
        let active = self
            .table
            .iter_children(&own(&socket))?
            .any(|child| child.is::<Receiving>() || child.is::<Sending>());
        if active {
            return Err(SocketError::trap(wasmtime::format_err!("UDP streams not dropped yet")));
        }
        let udp = self.udp(&socket)?;
        if udp.local.is_none() {
            return Err(ErrorCode::InvalidState.into());
        }
        let remote = remote.map(socket_address);
        if remote.is_some_and(|remote| !reachable(udp.family, remote)) {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let (inner, family) = (Arc::clone(&udp.inner), udp.family);
        lock(&inner).remote = remote;
        let parent = own(&socket);
        let receiving = self.table.push_child(Receiving(Arc::clone(&inner)), &parent)?;
        let sending = self.table.push_child(Sending { inner, family, permits: 0 }, &parent)?;
        Ok((Resource::new_own(receiving.rep()), Resource::new_own(sending.rep())))
    }

    fn local_address(&mut self, socket: Socket) -> SocketResult<IpSocketAddress> {
        let udp = self.udp(&socket)?;
        let local = udp.local.ok_or(ErrorCode::InvalidState)?;
        let connected = lock(&udp.inner).remote.is_some();
        let shown = if connected && local.ip().is_unspecified() {
            here(udp.family, local.port())
        } else {
            local
        };
        Ok(wasi_socket_address(shown))
    }

    fn remote_address(&mut self, socket: Socket) -> SocketResult<IpSocketAddress> {
        let remote = lock(&self.udp(&socket)?.inner).remote;
        Ok(wasi_socket_address(remote.ok_or(ErrorCode::InvalidState)?))
    }

    fn address_family(&mut self, socket: Socket) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&own(&socket))?.family)
    }

    fn unicast_hop_limit(&mut self, socket: Socket) -> SocketResult<u8> {
        Ok(self.udp(&socket)?.hops)
    }

    fn set_unicast_hop_limit(&mut self, socket: Socket, value: u8) -> SocketResult<()> {
        self.udp(&socket)?.hops = not_zero(value)?;
        Ok(())
    }

    fn receive_buffer_size(&mut self, socket: Socket) -> SocketResult<u64> {
        Ok(self.udp(&socket)?.receive)
    }

    fn set_receive_buffer_size(&mut self, socket: Socket, value: u64) -> SocketResult<()> {
        self.udp(&socket)?.receive = not_zero(value)?;
        Ok(())
    }

    fn send_buffer_size(&mut self, socket: Socket) -> SocketResult<u64> {
        Ok(self.udp(&socket)?.send)
    }

    fn set_send_buffer_size(&mut self, socket: Socket, value: u64) -> SocketResult<()> {
        self.udp(&socket)?.send = not_zero(value)?;
        Ok(())
    }

    fn subscribe(&mut self, socket: Socket) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, own(&socket))
    }

    fn drop(&mut self, socket: Socket) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Udp>::new_own(socket.rep()))?;
        Ok(())
    }
}

impl udp::HostIncomingDatagramStream for Guest {
    fn receive(&mut self, stream: Incoming, most: u64) -> SocketResult<Vec<udp::IncomingDatagram>> {
        let receiving = self.table.get(&Resource::<Receiving>::new_borrow(stream.rep()))?;
        let mut inner = lock(&receiving.0);
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(AT_ONCE);
        let count = most.min(inner.waiting.len());
        Ok(inner
            .waiting
            .drain(..count)
            .map(|(from, data)| udp::IncomingDatagram {
                data,
                remote_address: wasi_socket_address(from),
            })
            .collect())
    }

    fn subscribe(&mut self, stream: Incoming) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, Resource::<Receiving>::new_borrow(stream.rep()))
    }

    fn drop(&mut self, stream: Incoming) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Receiving>::new_own(stream.rep()))?;
        Ok(())
    }
}

impl udp::HostOutgoingDatagramStream for Guest {
    fn check_send(&mut self, stream: Outgoing) -> SocketResult<u64> {
        let sending = self.table.get_mut(&Resource::<Sending>::new_borrow(stream.rep()))?;
        sending.permits = AT_ONCE;
        Ok(AT_ONCE as u64)
    }

    fn send(
        &mut self,
        stream: Outgoing,
        datagrams: Vec<udp::OutgoingDatagram>,
    ) -> SocketResult<u64> {
        let sending = self.table.get_mut(&Resource::<Sending>::new_borrow(stream.rep()))?;
        if datagrams.is_empty() {
            return Ok(0);
        }
        if datagrams.len() > sending.permits {
            return Err(SocketError::trap(wasmtime::format_err!("more datagrams than permitted")));
        }
        sending.permits = 0;
        let (inner, family) = (Arc::clone(&sending.inner), sending.family);
        let mut sent = 0;
        for datagram in datagrams {
            match self.send_one(&inner, family, datagram) {
                Ok(()) => sent += 1,
                Err(_) if sent > 0 => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(sent)
    }

    fn subscribe(&mut self, stream: Outgoing) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, Resource::<Sending>::new_borrow(stream.rep()))
    }

    async fn drop(&mut self, stream: Outgoing) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Sending>::new_own(stream.rep()))?;
        Ok(())
    }
}

impl Guest {
    fn send_one(
        &self,
        inner: &Mutex<Inner>,
        family: IpAddressFamily,
        datagram: udp::OutgoingDatagram,
    ) -> Result<(), ErrorCode> {
        let mut inner = lock(inner);
        let given = datagram.remote_address.map(socket_address);
        let remote = match (given, inner.remote) {
            (Some(given), Some(connected)) if given != connected => {
                return Err(ErrorCode::InvalidArgument);
            }
            (Some(remote), _) | (None, Some(remote)) => remote,
            (None, None) => return Err(ErrorCode::InvalidArgument),
        };
        if !reachable(family, remote) {
            return Err(ErrorCode::InvalidArgument);
        }
        if datagram.data.len() > LARGEST {
            return Err(ErrorCode::DatagramTooLarge);
        }
        if !inner.series.contains_key(&remote) {
            if inner.series.len() >= CONVERSATIONS {
                return Err(ErrorCode::OutOfMemory);
            }
            let actor = self.shared.actor();
            let (transport, protocol) = (Transport::Udp, Protocol::Unknown);
            let conversation =
                Conversation::open(&self.doors, actor, transport, endpoint(remote), protocol)
                    .map_err(|_| ErrorCode::AccessDenied)?;
            let out = conversation.keep(Layer::Datagram, Direction::Out, "datagrams");
            let back = conversation.keep(Layer::Datagram, Direction::In, "datagrams");
            let series =
                Series { conversation: Some(conversation), out: Some(out), back: Some(back) };
            inner.series.insert(remote, series);
        }
        let Inner { series, waiting, receiver, .. } = &mut *inner;
        let Some(Series { conversation: Some(conversation), out: Some(out), back: Some(back) }) =
            series.get_mut(&remote)
        else {
            return Err(ErrorCode::InvalidState);
        };
        out.append_framed(&datagram.data).map_err(|_| ErrorCode::AccessDenied)?;
        conversation.packets_out += 1;
        let end = self.doors.internet.serve_datagram(
            conversation.flow.id,
            endpoint(remote),
            &datagram.data,
        );
        conversation.flow.protocol = end.protocol;
        if end.host.is_some() {
            conversation.flow.host = end.host;
        }
        for reply in end.replies {
            back.append_framed(&reply).map_err(|_| ErrorCode::AccessDenied)?;
            if waiting.len() < WAITING {
                waiting.push_back((remote, reply));
            }
        }
        if let (Some(waker), false) = (receiver.take(), waiting.is_empty()) {
            waker.wake();
        }
        Ok(())
    }
}
