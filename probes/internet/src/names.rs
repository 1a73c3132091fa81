//! Names and addresses. The address of a name is a function of seed and name, never of arrival
//! order; the way back is what was looked up.
//!
//! Cannot see: which of several names with the same address a component meant (131,072 IPv4
//! addresses: two names of a run collide now and then). The latest look-up wins, all are kept, and
//! the protocols that name their host (SNI, `Host`) overrule it.

use crate::seed::Draw;
use belljar_record::ByteString;
use lru::LruCache;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// The resolver that the jar's `resolv.conf` names.
pub const RESOLVER_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The same over IPv6.
pub const RESOLVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Addresses whose names are remembered. Beyond it the longest unused is forgotten.
const KNOWN: NonZeroUsize = NonZeroUsize::new(16_384).expect("is not zero");
/// Names kept for one address.
const CANDIDATES: usize = 8;
/// RFC 1035, section 2.3.4.
const NAME_MAX: usize = 255;

/// Both directions between names and addresses.
#[derive(Debug)]
pub(crate) struct Names {
    draw: Draw,
    known: Mutex<LruCache<IpAddr, Vec<ByteString>>>,
}

/// A name as it is compared: lower case, without the last dot.
pub(crate) fn canonical(name: &[u8]) -> Vec<u8> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    name.to_ascii_lowercase()
}

impl Names {
    pub(crate) fn new(draw: Draw) -> Self {
        Self { draw, known: Mutex::new(LruCache::new(KNOWN)) }
    }

    /// The addresses of a name: IPv4 within 198.18.0.0/15 but not 198.18.0.0/24 (gateway,
    /// resolver), IPv6 within 2001:db8::/32 but not 2001:db8:0::/48.
    pub(crate) fn addresses(&self, name: &[u8]) -> (Ipv4Addr, Ipv6Addr) {
        let drawn = self.draw.bytes("address", &canonical(name), 0);
        let number = |at: usize| u16::from_be_bytes([drawn[at], drawn[at + 1]]);
        // 1..=511: the 512 blocks of /24 but for the first.
        let block = 1 + number(0) % 511;
        let [high, third] = block.to_be_bytes();
        let last = u8::try_from(1 + number(2) % 254).unwrap_or(1);
        let v4 = Ipv4Addr::new(198, 18 + high, third, last);
        let group = |n: usize| number(4 + 2 * n);
        let v6 = Ipv6Addr::new(
            0x2001,
            0xdb8,
            group(0).max(1),
            group(1),
            group(2),
            group(3),
            group(4),
            group(5).max(1),
        );
        (v4, v6)
    }

    /// Remembers that `name` was looked up: it is now the first name of its addresses.
    pub(crate) fn learn(&self, name: &[u8]) {
        if name.is_empty() || name.len() > NAME_MAX {
            return;
        }
        let (v4, v6) = self.addresses(name);
        let name = ByteString(canonical(name));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for address in [IpAddr::V4(v4), IpAddr::V6(v6)] {
            let names = known.get_or_insert_mut(address, Vec::new);
            names.retain(|other| *other != name);
            names.insert(0, name.clone());
            names.truncate(CANDIDATES);
        }
    }

    /// Every remembered name of an address, latest look-up first.
    pub(crate) fn names_of(&self, address: IpAddr) -> Vec<ByteString> {
        let address = address.to_canonical();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.peek(&address).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_does_not_depend_on_who_asked_before() {
        let (one, two) = (Names::new(Draw::new(7)), Names::new(Draw::new(7)));
        two.learn(b"other.example");
        assert_eq!(one.addresses(b"Vendor.Example."), two.addresses(b"vendor.example"));
        let elsewhere = Names::new(Draw::new(8)).addresses(b"vendor.example");
        assert_ne!(one.addresses(b"vendor.example"), elsewhere);
    }

    #[test]
    fn the_latest_lookup_names_a_shared_address_and_the_others_are_kept() {
        let names = Names::new(Draw::new(1));
        let first = names.addresses(b"n0.example").0;
        let twin = (1..2_000_000u32)
            .map(|n| format!("n{n}.example"))
            .find(|name| names.addresses(name.as_bytes()).0 == first)
            .expect("131,072 addresses collide within two million names");
        names.learn(b"n0.example");
        names.learn(twin.as_bytes());
        assert_eq!(
            names.names_of(first.into()),
            [ByteString::from(twin), ByteString::from("n0.example")]
        );
    }

    #[test]
    fn memory_for_names_is_bounded() {
        let names = Names::new(Draw::new(1));
        for n in 0..20_000 {
            names.learn(format!("{n}.example").as_bytes());
        }
        assert!(names.known.lock().expect("not poisoned").len() <= KNOWN.get());
        assert_eq!(names.names_of(names.addresses(b"19999.example").0.into()).len(), 1);
    }

    proptest! {
        #[test]
        fn every_address_is_in_the_test_ranges(seed: u64, name in prop::collection::vec(any::<u8>(), 0..300)) {
            let (v4, v6) = Names::new(Draw::new(seed)).addresses(&name);
            let [a, b, c, d] = v4.octets();
            prop_assert!(a == 198 && (b == 18 || b == 19) && d != 0 && d != 255);
            prop_assert!((b, c) != (18, 0));
            prop_assert_eq!(v6.segments()[..2].to_vec(), vec![0x2001, 0xdb8]);
            prop_assert_ne!(v6.segments()[2], 0);
        }
    }
}
