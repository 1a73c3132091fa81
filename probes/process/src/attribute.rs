//! Who is behind a conversation: what was seen when a process asked for it, cross-checked with the
//! socket that the kernel names.
//!
//! Promises: *confirmed* means that two sources agree (the call that was held, and sock_diag, name
//! the same socket); what could not be named is counted.
//! Cannot see: which of two processes that share a socket sent; who used an inherited or passed
//! socket that was connected before.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use belljar_record::{Actor, AttributeFlow, Attribution, Confidence, Endpoint, Transport};
use belljar_sys::diag::{Carrier, SockDiag};

use crate::procfs;
use crate::table::ProcessTable;

const MOST_REACHES: usize = 4096;
/// How long after it was asked for a conversation may begin and still be taken for that one, where
/// only its remote end is known.
const NEAR: Duration = Duration::from_secs(10);
const MOST_LOOKED_AT: usize = 256;
const MOST_DESCRIPTORS: usize = 512;

/// A call that asked for an address.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub at: Instant,
    pub transport: Option<Transport>,
    pub remote: Option<Endpoint>,
    pub local_port: u16,
    pub inode: Option<u32>,
    pub call: String,
    pub actor: Actor,
}

#[derive(Debug, Default)]
struct State {
    reaches: VecDeque<Reach>,
    diag: Option<SockDiag>,
    unknown: u64,
    forgotten: u64,
}

/// Names the process behind a conversation.
#[derive(Debug)]
pub struct FlowActors {
    table: Arc<ProcessTable>,
    state: Mutex<State>,
}

impl FlowActors {
    pub(crate) fn new(table: Arc<ProcessTable>) -> Arc<Self> {
        Arc::new(Self { table, state: Mutex::default() })
    }

    /// Gives it the `NETLINK_SOCK_DIAG` socket of the component's network namespace.
    pub fn use_sock_diag(&self, socket: OwnedFd) {
        self.lock().diag = Some(SockDiag::new(socket));
    }

    /// How many conversations could not be attributed.
    pub fn unknown(&self) -> u64 {
        self.lock().unknown
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, reach: Reach) {
        let mut state = self.lock();
        if state.reaches.len() >= MOST_REACHES {
            state.reaches.pop_front();
            state.forgotten += 1;
        }
        state.reaches.push_back(reach);
    }
}

fn fits(reach: &Reach, transport: Transport, local: Endpoint, remote: Endpoint) -> bool {
    let carried = match (reach.transport, transport) {
        (Some(a), b) => a == b || matches!((a, b), (Transport::Ip(_) | Transport::Raw, _)),
        (None, _) => true,
    };
    let port = reach.local_port == 0 || local.port == 0 || reach.local_port == local.port;
    let end = reach.remote.is_some_and(|r| {
        r.address == remote.address && (r.port == remote.port || remote.port == 0)
    });
    carried && port && end
}

impl AttributeFlow for FlowActors {
    fn attribute(&self, transport: Transport, local: Endpoint, remote: Endpoint) -> Attribution {
        let mut state = self.lock();
        let carrier = match transport {
            Transport::Tcp => Some(Carrier::Tcp),
            Transport::Udp => Some(Carrier::Udp),
            _ => None,
        };
        let inode = match (carrier, state.diag.as_mut()) {
            (Some(carrier), Some(diag)) => diag
                .inode(carrier, (local.address, local.port), (remote.address, remote.port))
                .unwrap_or(None),
            _ => None,
        };
        if let Some(inode) = inode {
            let same = |reach: &&Reach| reach.inode == Some(inode);
            let held = state
                .reaches
                .iter()
                .rev()
                .filter(same)
                .find(|reach| fits(reach, transport, local, remote))
                .or_else(|| state.reaches.iter().rev().find(same));
            if let Some(reach) = held {
                return Attribution {
                    actor: reach.actor.clone(),
                    source: format!("seccomp {} + sock_diag", reach.call),
                    confidence: Confidence::Confirmed,
                };
            }
        }
        let now = Instant::now();
        let mut near = state.reaches.iter().rev().filter(|reach| {
            fits(reach, transport, local, remote) && now.duration_since(reach.at) < NEAR
        });
        if let Some(first) = near.next() {
            let alone = near.all(|other| other.actor.process() == first.actor.process());
            let known = first.local_port != 0 && first.local_port == local.port;
            return Attribution {
                actor: first.actor.clone(),
                source: format!("seccomp {}", first.call),
                confidence: if known {
                    Confidence::Held
                } else if alone {
                    Confidence::Observed
                } else {
                    Confidence::Inferred
                },
            };
        }
        drop(near);
        if let Some(inode) = inode {
            let holder = self
                .table
                .living(MOST_LOOKED_AT)
                .into_iter()
                .find(|process| procfs::holds_socket(process.key.pid, inode, MOST_DESCRIPTORS));
            if let Some(process) = holder {
                return Attribution {
                    actor: Actor::Native(process.actor(process.key.pid)),
                    source: "sock_diag".into(),
                    confidence: Confidence::Observed,
                };
            }
        }
        state.unknown += 1;
        Attribution {
            actor: Actor::unknown("no call and no living process with this socket was seen"),
            source: "none".into(),
            confidence: Confidence::Inferred,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use belljar_record::{Log, ProcessKey, SteadyClock};
    use std::net::{IpAddr, Ipv4Addr};

    fn end(last: u8, port: u16) -> Endpoint {
        Endpoint { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port }
    }

    fn actors() -> Arc<FlowActors> {
        let log = Log::new(std::io::sink(), u64::MAX, Arc::new(SteadyClock::start()));
        FlowActors::new(ProcessTable::new(log))
    }

    fn reach(pid: u32, remote: Endpoint, local_port: u16) -> Reach {
        Reach {
            at: Instant::now(),
            transport: Some(Transport::Tcp),
            remote: Some(remote),
            local_port,
            inode: None,
            call: "connect".into(),
            actor: Actor::Native(belljar_record::NativeActor {
                process: ProcessKey { pid, start: 1 },
                thread: pid,
                executable: "/bin/a".into(),
            }),
        }
    }

    #[test]
    fn two_processes_that_ask_for_one_address_are_told_apart_by_port_else_only_inferred() {
        let actors = actors();
        actors.note(reach(1, end(1, 80), 4001));
        actors.note(reach(2, end(1, 80), 4002));
        let one = actors.attribute(Transport::Tcp, end(9, 4001), end(1, 80));
        assert_eq!(one.actor.process().map(|p| p.pid), Some(1));
        assert_eq!(one.confidence, Confidence::Held);
        actors.note(reach(1, end(2, 80), 0));
        actors.note(reach(2, end(2, 80), 0));
        let either = actors.attribute(Transport::Tcp, end(9, 4003), end(2, 80));
        assert_eq!(either.confidence, Confidence::Inferred);
    }

    #[test]
    fn nobody_is_named_without_a_source_and_that_is_counted() {
        let actors = actors();
        actors.note(reach(1, end(1, 80), 0));
        let nobody = actors.attribute(Transport::Tcp, end(9, 1), end(3, 80));
        assert!(matches!(nobody.actor, Actor::Unknown { .. }));
        assert_eq!(actors.unknown(), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let actors = actors();
        for n in 0..(MOST_REACHES + 10) {
            actors.note(reach(u32::try_from(n).expect("small"), end(1, 80), 0));
        }
        assert_eq!(actors.lock().reaches.len(), MOST_REACHES);
        assert_eq!(actors.lock().forgotten, 10);
    }
}
