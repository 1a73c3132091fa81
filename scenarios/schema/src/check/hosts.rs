//! Hosts: names, patterns of names, and addresses out of the ranges kept for tests.

use crate::error::FileErrorKind;
use crate::source::Wrong;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const RANGES: &str = "198.18.0.0/15, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32";

/// Whether an address is out of the ranges that RFC 2544, RFC 5737 and RFC 3849 keep for tests and
/// documents.
fn is_fake(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let within =
                |net: Ipv4Addr, bits: u32| (address.to_bits() ^ net.to_bits()) >> (32 - bits) == 0;
            within(Ipv4Addr::new(198, 18, 0, 0), 15)
                || within(Ipv4Addr::new(192, 0, 2, 0), 24)
                || within(Ipv4Addr::new(198, 51, 100, 0), 24)
                || within(Ipv4Addr::new(203, 0, 113, 0), 24)
        }
        IpAddr::V6(address) => {
            let net = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
            (address.to_bits() ^ net.to_bits()) >> 96 == 0
        }
    }
}

/// A host: a name, `*.name`, or an address; `*` where `any` allows it.
pub(super) fn check(host: &str, any: bool) -> Result<(), Wrong> {
    if host == "*" && any {
        return Ok(());
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return match is_fake(address) {
            true => Ok(()),
            false => Err(Wrong::new(
                FileErrorKind::Host,
                format!("the address `{host}` could belong to somebody"),
                format!("write a name, or an address out of {RANGES}"),
            )),
        };
    }
    let help = match (host.split_once("://"), any) {
        (Some((_, rest)), _) => {
            let name = rest.split(['/', ':']).next().unwrap_or_default();
            format!("write \"{name}\", without scheme, port and path")
        }
        (None, true) => "write \"upload.vendor.example\", \"*.vendor.example\" or \"*\"".into(),
        (None, false) => "write \"upload.vendor.example\" or \"*.vendor.example\"".into(),
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(());
    }
    Err(Wrong::new(FileErrorKind::Host, format!("`{host}` is no host name"), help))
}
