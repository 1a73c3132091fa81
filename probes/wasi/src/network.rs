//! Networks, addresses and name look-up. A look-up is a DNS question to the fake resolver, kept and
//! answered like one off a wire.

use crate::address::wasi_address;
use crate::conversation::Conversation;
use crate::guest::Guest;
use belljar_internet::RESOLVER_V4;
use belljar_record::{Direction, Endpoint, Layer, Protocol, Transport};
use rand_core::Rng as _;
use std::net::IpAddr;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::{instance_network, ip_name_lookup};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, SocketResult, subscribe};

/// The right to use the network. There is one network only.
struct Everywhere;

/// Addresses that a look-up found, the next one last.
struct Found(Vec<IpAddr>);

#[async_trait::async_trait]
impl Pollable for Found {
    async fn ready(&mut self) {}
}

impl Guest {
    /// A guest may use the network only by a network that it was given.
    pub(crate) fn check_network(&self, network: &Resource<Network>) -> SocketResult<()> {
        self.table.get(&Resource::<Everywhere>::new_borrow(network.rep()))?;
        Ok(())
    }
}

impl network::Host for Guest {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        _: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        // Streams of this jar end, they do not fail.
        Ok(None)
    }
}

impl network::HostNetwork for Guest {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Everywhere>::new_own(network.rep()))?;
        Ok(())
    }
}

impl instance_network::Host for Guest {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<Network>> {
        let network = self.table.push(Everywhere)?;
        Ok(Resource::new_own(network.rep()))
    }
}

type Addresses = Resource<ip_name_lookup::ResolveAddressStream>;

impl ip_name_lookup::Host for Guest {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Addresses> {
        self.check_network(&network)?;
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let mut found = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let Some(labels) = labels(&name) else {
                    // No question can be made of it, so it went nowhere.
                    self.note("wasi:sockets/ip-name-lookup refused", format!("{name:?}"))
                        .map_err(SocketError::trap)?;
                    return Err(ErrorCode::InvalidArgument.into());
                };
                let known = self.ask(&labels)?;
                if !known {
                    return Err(ErrorCode::NameUnresolvable.into());
                }
                let (v4, v6) = self.doors.internet.addresses(name.as_bytes());
                vec![IpAddr::from(v4), IpAddr::from(v6)]
            }
        };
        found.reverse();
        let found = self.table.push(Found(found))?;
        Ok(Resource::new_own(found.rep()))
    }
}

impl Guest {
    /// Asks the resolver for both kinds of addresses of a name; whether there are any.
    fn ask(&mut self, labels: &[u8]) -> SocketResult<bool> {
        /// Record types A and AAAA (RFC 1035, RFC 3596).
        const TYPES: [u8; 2] = [1, 28];
        let remote = Endpoint { address: RESOLVER_V4.into(), port: 53 };
        let mut conversation = Conversation::open(
            &self.doors,
            self.shared.actor(),
            Transport::Udp,
            remote,
            Protocol::Dns,
        )
        .map_err(|_| ErrorCode::AccessDenied)?;
        let mut out = conversation.keep(Layer::Datagram, Direction::Out, "look-up");
        let mut back = conversation.keep(Layer::Datagram, Direction::In, "look-up");
        let mut known = false;
        for kind in TYPES {
            let id = self.random.next_u32().to_be_bytes();
            // Recursion desired, one question, class IN.
            let mut question = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            question.extend_from_slice(labels);
            question.extend_from_slice(&[0, kind, 0, 1]);
            out.append_framed(&question).map_err(|_| ErrorCode::AccessDenied)?;
            conversation.packets_out += 1;
            let end = self.doors.internet.serve_datagram(conversation.flow.id, remote, &question);
            for reply in end.replies {
                back.append_framed(&reply).map_err(|_| ErrorCode::AccessDenied)?;
                // No error, and at least one answer.
                known |= reply.len() >= 12 && reply[3] & 15 == 0 && reply[6..8] != [0, 0];
            }
        }
        conversation.done(out);
        conversation.done(back);
        Ok(known)
    }
}

/// A name as DNS writes it (RFC 1035, 3.1); `None` if it cannot be written.
fn labels(name: &str) -> Option<Vec<u8>> {
    const LABEL: usize = 63;
    const WHOLE: usize = 255;
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut written = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        let odd = |byte: u8| byte <= b' ' || byte == 127;
        if label.is_empty() || label.len() > LABEL || label.bytes().any(odd) {
            return None;
        }
        written.push(u8::try_from(label.len()).ok()?);
        written.extend_from_slice(label.as_bytes());
    }
    written.push(0);
    (written.len() <= WHOLE).then_some(written)
}

impl ip_name_lookup::HostResolveAddressStream for Guest {
    fn resolve_next_address(&mut self, addresses: Addresses) -> SocketResult<Option<IpAddress>> {
        let found = self.table.get_mut(&Resource::<Found>::new_borrow(addresses.rep()))?;
        Ok(found.0.pop().map(wasi_address))
    }

    fn subscribe(&mut self, addresses: Addresses) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, Resource::<Found>::new_borrow(addresses.rep()))
    }

    fn drop(&mut self, addresses: Addresses) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Found>::new_own(addresses.rep()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_dns_cannot_write_are_refused() {
        assert_eq!(labels("a.example").as_deref(), Some(&b"\x01a\x07example\0"[..]));
        assert_eq!(labels("a.example."), labels("a.example"));
        for name in ["", ".", "a..b", "a b", &"x".repeat(64), &"abc.".repeat(64)] {
            assert_eq!(labels(name), None, "{name}");
        }
    }
}
