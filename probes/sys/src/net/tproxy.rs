//! One nf_tables rule: all TCP that arrives goes to one listener (nft: `meta l4proto tcp tproxy to
//! :PORT`, table inet, hook prerouting, priority mangle). Spoken directly, so that no `nft` program
//! is needed. The kernel applies the batch whole or not at all.

use super::NetError;
use super::message::{attribute, message, nested, text};
use super::netlink::{ACK, APPEND, CREATE, Netlink, REQUEST};

const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const NEW_CHAIN: u16 = (SUBSYSTEM << 8) | 3;
const NEW_RULE: u16 = (SUBSYSTEM << 8) | 6;
const INET: u8 = 1;
const NAME: &str = "wire";
const PREROUTING: u32 = 0;
const MANGLE: i32 = -150;
const REGISTER: u32 = 1;
const META_L4PROTO: u32 = 16;
const TCP: u8 = 6;

/// Sends every arriving TCP packet to the socket that listens on `port`.
pub(super) fn send_all_tcp_to(port: u16) -> Result<(), NetError> {
    let netlink = Netlink::netfilter()?;
    let mut batch = Vec::new();
    let mut add = |kind: u16, flags: u16, body: &[u8]| {
        batch.extend(message(kind, REQUEST | flags, netlink.next_sequence(), body));
    };
    let edge = nfgen(0, SUBSYSTEM);
    add(BATCH_BEGIN, 0, &edge);
    let mut table = nfgen(INET, 0);
    attribute(&mut table, 1, &text(NAME));
    add(NEW_TABLE, CREATE | ACK, &table);
    add(NEW_CHAIN, CREATE | ACK, &chain());
    add(NEW_RULE, CREATE | APPEND | ACK, &rule(port));
    add(BATCH_END, 0, &edge);
    netlink.exchange(&batch, 3).map_err(NetError::Tproxy)
}

/// `struct nfgenmsg`.
fn nfgen(family: u8, resource: u16) -> Vec<u8> {
    let [high, low] = resource.to_be_bytes();
    vec![family, 0, high, low]
}

fn chain() -> Vec<u8> {
    let mut body = nfgen(INET, 0);
    attribute(&mut body, 1, &text(NAME));
    attribute(&mut body, 3, &text(NAME));
    nested(&mut body, 4, |hook| {
        attribute(hook, 1, &PREROUTING.to_be_bytes());
        attribute(hook, 2, &MANGLE.to_be_bytes());
    });
    attribute(&mut body, 7, &text("filter"));
    body
}

fn rule(port: u16) -> Vec<u8> {
    let mut body = nfgen(INET, 0);
    attribute(&mut body, 1, &text(NAME));
    attribute(&mut body, 2, &text(NAME));
    nested(&mut body, 4, |list| {
        expression(list, "meta", |data| {
            attribute(data, 1, &REGISTER.to_be_bytes());
            attribute(data, 2, &META_L4PROTO.to_be_bytes());
        });
        expression(list, "cmp", |data| {
            attribute(data, 1, &REGISTER.to_be_bytes());
            attribute(data, 2, &0u32.to_be_bytes());
            nested(data, 3, |value| attribute(value, 1, &[TCP]));
        });
        expression(list, "immediate", |data| {
            attribute(data, 1, &REGISTER.to_be_bytes());
            nested(data, 2, |value| attribute(value, 1, &port.to_be_bytes()));
        });
        expression(list, "tproxy", |data| {
            // Family 0: whichever the packet has.
            attribute(data, 1, &0u32.to_be_bytes());
            attribute(data, 3, &REGISTER.to_be_bytes());
        });
    });
    body
}

fn expression(list: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Vec<u8>)) {
    nested(list, 1, |element| {
        attribute(element, 1, &text(name));
        nested(element, 2, fill);
    });
}
