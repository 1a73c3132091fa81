//! The claims of the wire, with packets carried by TUN devices.
#![allow(missing_docs, reason = "a test")]

use belljar_record::{Direction, Layer};
use belljar_sys::net::Carrier;
use belljar_wire::WireLimits;
use claims::over_a_wire;

/// What carries the packets.
const CARRIER: Carrier = Carrier::Tun;

mod claims;

#[test]
fn what_a_short_queue_drops_is_counted_to_the_packet() {
    let (ran, _) = over_a_wire(WireLimits::default(), |inside| {
        inside.text("ip", &["link", "set", "eth0", "txqueuelen", "2"]);
        inside.python(
            r#"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(50000): s.sendto(b"F" * 500, ("203.0.113.3", 9))
"#,
        )
    });
    let kept: u64 = ran
        .payloads(Layer::Datagram, Direction::Out)
        .iter()
        .map(|(_, bytes)| bytes.len() as u64 / 504)
        .sum();
    println!("kept {kept} lost {}", ran.end.lost);
    assert!(ran.end.lost > 0, "nothing was dropped, so nothing is shown");
    assert_eq!(kept + ran.end.lost, 50_000);
    assert!(ran.limits().iter().any(|limit| limit.contains("Packets Lost")), "{:?}", ran.limits());
}
