//! `wasi:sockets/tcp`: connections in memory to the fake internet. Every address and port answers;
//! nobody connects to a guest, so a listening socket waits for ever.

use crate::address::{
    bound, endpoint, here, not_zero, reachable, socket_address, wasi_socket_address,
};
use crate::conversation::Conversation;
use crate::guest::Guest;
use crate::pipe::{Control, Input, Near, Output, connection};
use belljar_record::{Clock as _, Protocol, Transport};
use std::net::SocketAddr;
use std::sync::Arc;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::bindings::sockets::{tcp, tcp_create_socket};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, Pollable, SocketResult, subscribe,
};

type Socket = Resource<tcp::TcpSocket>;

/// A round trip to the fake internet, in nanoseconds of the run's clock.
const ROUND_TRIP: u64 = 2_000_000;

#[derive(Debug)]
enum State {
    New,
    Binding(SocketAddr),
    Bound(SocketAddr),
    Connecting { local: SocketAddr, remote: SocketAddr, near: Option<Box<(Input, Output)>> },
    Connected { local: SocketAddr, remote: SocketAddr },
    StartedListening(SocketAddr),
    Listening(SocketAddr),
    Closed,
}

/// What a guest can set and see again.
#[derive(Debug, Clone, Copy)]
struct Options {
    keep_alive: bool,
    idle: u64,
    interval: u64,
    count: u32,
    hops: u8,
    receive: u64,
    send: u64,
}

/// A socket, as the table holds it.
#[derive(Debug)]
pub(crate) struct Tcp {
    family: IpAddressFamily,
    state: State,
    options: Options,
    control: Option<Control>,
}

#[async_trait::async_trait]
impl Pollable for Tcp {
    async fn ready(&mut self) {
        if matches!(self.state, State::Listening(_)) {
            std::future::pending::<()>().await;
        }
    }
}

fn own(socket: &Socket) -> Resource<Tcp> {
    Resource::new_borrow(socket.rep())
}

impl Guest {
    fn tcp(&mut self, socket: &Socket) -> SocketResult<&mut Tcp> {
        Ok(self.table.get_mut(&own(socket))?)
    }

    fn tcp_options(&self, socket: &Socket) -> SocketResult<Options> {
        Ok(self.table.get(&own(socket))?.options)
    }
}

impl tcp_create_socket::Host for Guest {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Socket> {
        let options = Options {
            keep_alive: false,
            idle: 7_200_000_000_000,
            interval: 75_000_000_000,
            count: 9,
            hops: 64,
            receive: 64 << 10,
            send: 64 << 10,
        };
        let tcp = Tcp { family, state: State::New, options, control: None };
        let socket = self.table.push(tcp).map_err(|_| ErrorCode::NewSocketLimit)?;
        Ok(Resource::new_own(socket.rep()))
    }
}

impl tcp::Host for Guest {}

impl tcp::HostTcpSocket for Guest {
    async fn start_bind(
        &mut self,
        socket: Socket,
        network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        self.check_network(&network)?;
        let local = socket_address(local);
        self.note("wasi:sockets/tcp start-bind", local.to_string())
            .map_err(wasmtime_wasi::p2::SocketError::trap)?;
        let tcp = self.tcp(&socket)?;
        if !matches!(tcp.state, State::New) {
            return Err(ErrorCode::InvalidState.into());
        }
        if local.ip().is_multicast() {
            return Err(ErrorCode::InvalidArgument.into());
        }
        tcp.state = State::Binding(bound(tcp.family, local)?);
        Ok(())
    }

    fn finish_bind(&mut self, socket: Socket) -> SocketResult<()> {
        let tcp = self.tcp(&socket)?;
        let State::Binding(local) = tcp.state else {
            return Err(ErrorCode::NotInProgress.into());
        };
        tcp.state = State::Bound(local);
        Ok(())
    }

    fn start_connect(
        &mut self,
        socket: Socket,
        network: Resource<Network>,
        remote: IpSocketAddress,
    ) -> SocketResult<()> {
        self.check_network(&network)?;
        let remote = socket_address(remote);
        let tcp = self.tcp(&socket)?;
        let bound_to = match tcp.state {
            State::New => None,
            State::Bound(local) => Some(local),
            State::Binding(_) | State::Connecting { .. } | State::StartedListening(_) => {
                return Err(ErrorCode::ConcurrencyConflict.into());
            }
            _ => return Err(ErrorCode::InvalidState.into()),
        };
        let family = tcp.family;
        if !reachable(family, remote) || remote.ip().is_multicast() {
            return Err(ErrorCode::InvalidArgument.into());
        }
        if remote.ip().is_loopback() {
            // Nothing listens beside the guest.
            self.note("wasi:sockets/tcp start-connect refused", remote.to_string())
                .map_err(wasmtime_wasi::p2::SocketError::trap)?;
            self.tcp(&socket)?.state = State::Closed;
            return Err(ErrorCode::ConnectionRefused.into());
        }
        let mut conversation = Conversation::open(
            &self.doors,
            self.shared.actor(),
            Transport::Tcp,
            endpoint(remote),
            Protocol::Unknown,
        )
        .map_err(|_| ErrorCode::AccessDenied)?;
        let local = bound_to.unwrap_or_else(|| here(family, conversation.flow.local.port));
        conversation.flow.local = endpoint(local);
        let (near, far) = connection();
        let internet = Arc::clone(&self.doors.internet);
        self.shared.spawn(async move {
            let end = internet.serve_stream(conversation.flow.id, endpoint(remote), far).await;
            conversation.flow.protocol = end.protocol;
            conversation.flow.host = end.host;
            conversation.count(belljar_record::Direction::Out, end.bytes_out);
            conversation.count(belljar_record::Direction::In, end.bytes_in);
        });
        let clock = Arc::clone(&self.doors.clock);
        clock.advance_to(belljar_record::Moment(clock.now().0.saturating_add(ROUND_TRIP)));
        let Near { input, output, control } = near;
        let tcp = self.tcp(&socket)?;
        tcp.control = Some(control);
        tcp.state = State::Connecting { local, remote, near: Some(Box::new((input, output))) };
        Ok(())
    }

    fn finish_connect(
        &mut self,
        socket: Socket,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let tcp = self.tcp(&socket)?;
        let State::Connecting { local, remote, near } = &mut tcp.state else {
            return Err(ErrorCode::NotInProgress.into());
        };
        let (local, remote) = (*local, *remote);
        let near = near.take().ok_or(ErrorCode::InvalidState)?;
        tcp.state = State::Connected { local, remote };
        let (input, output) = *near;
        let input: DynInputStream = Box::new(input);
        let output: DynOutputStream = Box::new(output);
        let parent = own(&socket);
        Ok((self.table.push_child(input, &parent)?, self.table.push_child(output, &parent)?))
    }

    async fn start_listen(&mut self, socket: Socket) -> SocketResult<()> {
        let tcp = self.tcp(&socket)?;
        let State::Bound(local) = tcp.state else { return Err(ErrorCode::InvalidState.into()) };
        tcp.state = State::StartedListening(local);
        self.note("wasi:sockets/tcp start-listen", local.to_string())
            .map_err(wasmtime_wasi::p2::SocketError::trap)?;
        Ok(())
    }

    fn finish_listen(&mut self, socket: Socket) -> SocketResult<()> {
        let tcp = self.tcp(&socket)?;
        let State::StartedListening(local) = tcp.state else {
            return Err(ErrorCode::NotInProgress.into());
        };
        tcp.state = State::Listening(local);
        Ok(())
    }

    fn accept(
        &mut self,
        socket: Socket,
    ) -> SocketResult<(Socket, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        match self.tcp(&socket)?.state {
            State::Listening(_) => Err(ErrorCode::WouldBlock.into()),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn local_address(&mut self, socket: Socket) -> SocketResult<IpSocketAddress> {
        match self.tcp(&socket)?.state {
            State::Bound(local)
            | State::Connecting { local, .. }
            | State::Connected { local, .. }
            | State::StartedListening(local)
            | State::Listening(local) => Ok(wasi_socket_address(local)),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn remote_address(&mut self, socket: Socket) -> SocketResult<IpSocketAddress> {
        match self.tcp(&socket)?.state {
            State::Connected { remote, .. } => Ok(wasi_socket_address(remote)),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn is_listening(&mut self, socket: Socket) -> wasmtime::Result<bool> {
        Ok(matches!(self.table.get(&own(&socket))?.state, State::Listening(_)))
    }

    fn address_family(&mut self, socket: Socket) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&own(&socket))?.family)
    }

    fn set_listen_backlog_size(&mut self, socket: Socket, value: u64) -> SocketResult<()> {
        let tcp = self.tcp(&socket)?;
        match (value, &tcp.state) {
            (0, _) => Err(ErrorCode::InvalidArgument.into()),
            (_, State::Connected { .. } | State::Connecting { .. } | State::Closed) => {
                Err(ErrorCode::InvalidState.into())
            }
            _ => Ok(()),
        }
    }

    fn keep_alive_enabled(&mut self, socket: Socket) -> SocketResult<bool> {
        Ok(self.tcp_options(&socket)?.keep_alive)
    }

    fn set_keep_alive_enabled(&mut self, socket: Socket, value: bool) -> SocketResult<()> {
        self.tcp(&socket)?.options.keep_alive = value;
        Ok(())
    }

    fn keep_alive_idle_time(&mut self, socket: Socket) -> SocketResult<u64> {
        Ok(self.tcp_options(&socket)?.idle)
    }

    fn set_keep_alive_idle_time(&mut self, socket: Socket, value: u64) -> SocketResult<()> {
        self.tcp(&socket)?.options.idle = not_zero(value)?;
        Ok(())
    }

    fn keep_alive_interval(&mut self, socket: Socket) -> SocketResult<u64> {
        Ok(self.tcp_options(&socket)?.interval)
    }

    fn set_keep_alive_interval(&mut self, socket: Socket, value: u64) -> SocketResult<()> {
        self.tcp(&socket)?.options.interval = not_zero(value)?;
        Ok(())
    }

    fn keep_alive_count(&mut self, socket: Socket) -> SocketResult<u32> {
        Ok(self.tcp_options(&socket)?.count)
    }

    fn set_keep_alive_count(&mut self, socket: Socket, value: u32) -> SocketResult<()> {
        self.tcp(&socket)?.options.count = not_zero(value)?;
        Ok(())
    }

    fn hop_limit(&mut self, socket: Socket) -> SocketResult<u8> {
        Ok(self.tcp_options(&socket)?.hops)
    }

    fn set_hop_limit(&mut self, socket: Socket, value: u8) -> SocketResult<()> {
        self.tcp(&socket)?.options.hops = not_zero(value)?;
        Ok(())
    }

    fn receive_buffer_size(&mut self, socket: Socket) -> SocketResult<u64> {
        Ok(self.tcp_options(&socket)?.receive)
    }

    fn set_receive_buffer_size(&mut self, socket: Socket, value: u64) -> SocketResult<()> {
        self.tcp(&socket)?.options.receive = not_zero(value)?;
        Ok(())
    }

    fn send_buffer_size(&mut self, socket: Socket) -> SocketResult<u64> {
        Ok(self.tcp_options(&socket)?.send)
    }

    fn set_send_buffer_size(&mut self, socket: Socket, value: u64) -> SocketResult<()> {
        self.tcp(&socket)?.options.send = not_zero(value)?;
        Ok(())
    }

    fn subscribe(&mut self, socket: Socket) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, own(&socket))
    }

    fn shutdown(&mut self, socket: Socket, how: tcp::ShutdownType) -> SocketResult<()> {
        let tcp = self.tcp(&socket)?;
        let (State::Connected { .. }, Some(control)) = (&tcp.state, &tcp.control) else {
            return Err(ErrorCode::InvalidState.into());
        };
        if matches!(how, tcp::ShutdownType::Send | tcp::ShutdownType::Both) {
            control.finish_sending();
        }
        if matches!(how, tcp::ShutdownType::Receive | tcp::ShutdownType::Both) {
            control.stop_receiving();
        }
        Ok(())
    }

    fn drop(&mut self, socket: Socket) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Tcp>::new_own(socket.rep()))?;
        Ok(())
    }
}
