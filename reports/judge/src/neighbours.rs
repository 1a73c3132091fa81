//! Whose a destination is, and what was done to the machines next to the planted one.
//!
//! A component that tries doors in the local network, or logs in there, does something else than
//! talk to its vendor, whatever it carries. Cannot see: a neighbour that is reached through a host
//! outside; whether a log-in inside a protocol that is not listed here was tried.

use crate::flows::FlowSeen;
use crate::gather::cut;
use crate::input::JudgeInput;
use crate::policy;
use crate::verdict::{DestinationClass, Neighbours};
use belljar_record::Protocol;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The planted machine's own network: RFC 5737 and RFC 3849 addresses that every jar has.
const NET_V4: (Ipv4Addr, u32) = (Ipv4Addr::new(198, 51, 100, 0), 24);
const NET_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 0), 64);
/// Different doors of one run from which on it is a scan. A client of a file server and an intranet
/// page needs two or three.
const SCAN: usize = 8;
const LOGINS: usize = 50;
/// How far a payload is read for a log-in.
const HEAD: usize = 4096;

/// Whose a destination is.
pub(crate) fn whose(
    input: &JudgeInput<'_>,
    flow: &FlowSeen,
    host: &str,
    known: bool,
) -> DestinationClass {
    let address = flow.flow.as_ref().map(|flow| flow.remote.address.to_canonical());
    let fits = |name: &str| {
        input.plan.scenario.neighbours.iter().any(|pattern| policy::host_fits(pattern, name))
    };
    let near = address.is_some_and(|address| local(address) || fits(&address.to_string()));
    if near || fits(host) {
        DestinationClass::Neighbour
    } else if flow.protocol() == Protocol::Dns {
        DestinationClass::NameServer
    } else if known {
        DestinationClass::Vendor
    } else {
        DestinationClass::Other
    }
}

fn local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let (net, bits) = NET_V4;
            (address.to_bits() ^ net.to_bits()) >> (32 - bits) == 0
        }
        IpAddr::V6(address) => {
            let (net, bits) = NET_V6;
            (address.to_bits() ^ net.to_bits()) >> (128 - bits) == 0
        }
    }
}

/// Counts what was done to neighbours.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    hosts: BTreeSet<String>,
    doors: BTreeSet<(String, u16)>,
    logins: BTreeSet<String>,
    bytes: u64,
}

impl Counting {
    /// A conversation with a neighbour.
    pub(crate) fn add(
        &mut self,
        input: &JudgeInput<'_>,
        flow: &FlowSeen,
        address: &str,
        port: u16,
    ) {
        self.hosts.insert(address.to_owned());
        self.doors.insert((address.to_owned(), port));
        self.bytes += flow.bytes_out;
        for kept in &flow.payloads {
            let Some(source) = (input.payload)(&kept.payload) else { continue };
            let len = usize::try_from(source.len()).unwrap_or(HEAD).min(HEAD);
            let mut head = vec![0; len];
            source.read_at(0, &mut head);
            for login in logins(&head) {
                self.logins.insert(format!("{}:{port}: {login}", flow.host()));
            }
        }
    }

    pub(crate) fn finish(self) -> Neighbours {
        let mut neighbours = Neighbours {
            hosts: self.hosts.len() as u64,
            doors: self.doors.len() as u64,
            bytes_out: self.bytes,
            scanned: self.doors.len() >= SCAN,
            ..Neighbours::default()
        };
        for login in self.logins {
            neighbours.logins.push(login, LOGINS);
        }
        neighbours
    }
}

/// Attempts to log in, in the first bytes of what was sent: FTP, POP3 and IMAP commands, HTTP
/// credentials, and the openings of SSH and SMB, whose log-ins cannot be read.
fn logins(head: &[u8]) -> Vec<String> {
    if head.starts_with(b"SSH-") {
        return vec!["SSH, not readable".to_owned()];
    }
    if [&b"\xffSMB"[..], b"\xfeSMB"].iter().any(|magic| head.get(4..8) == Some(*magic)) {
        return vec!["SMB, not read further".to_owned()];
    }
    let text = String::from_utf8_lossy(head);
    text.lines()
        .take(200)
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let (first, second) = (words.next()?, words.next().unwrap_or_default());
            let upper = first.to_ascii_uppercase();
            match upper.as_str() {
                "USER" => Some(format!("user {}", cut(second, 60))),
                "AUTH" => Some(format!("AUTH {}", cut(second, 20))),
                "AUTHORIZATION:" => Some(format!("HTTP {}", cut(second, 20))),
                _ if second.eq_ignore_ascii_case("LOGIN") => {
                    Some(format!("user {}", cut(words.next().unwrap_or_default(), 60)))
                }
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planted_network_is_told_from_the_rest() {
        for near in ["198.51.100.7", "2001:db8:51::9"] {
            assert!(local(near.parse().expect("is an address")), "{near}");
        }
        for far in ["198.51.101.7", "198.18.0.1", "2001:db8:52::9"] {
            assert!(!local(far.parse().expect("is an address")), "{far}");
        }
    }

    #[test]
    fn a_log_in_is_told_without_its_secret() {
        let said = logins(b"USER backup\r\nPASS hunter2\r\n");
        assert_eq!(said, ["user backup"]);
        let said = logins(b"GET / HTTP/1.1\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n");
        assert_eq!(said, ["HTTP Basic"]);
        assert_eq!(logins(b"a1 LOGIN anna secret\r\n"), ["user anna"]);
        assert_eq!(logins(b"SSH-2.0-x\r\n"), ["SSH, not readable"]);
        assert!(logins(b"GET /user HTTP/1.1\r\nHost: x\r\n\r\n").is_empty());
        assert!(logins(&[0xff; 64]).is_empty());
    }
}
