//! The claims of the wire, with packets carried by pairs of Ethernet devices.
#![allow(missing_docs, reason = "a test")]

use belljar_sys::net::{
    Carrier, InnerConfig, OuterConfig, setup_inner_by_pair, setup_outer_by_pair,
};
use belljar_wire::{LONGEST_FRAME, Link as _, Pair};
use std::time::Duration;

/// What carries the packets.
const CARRIER: Carrier = Carrier::Pair;

mod claims;

#[test]
fn what_comes_faster_than_it_is_read_is_counted_to_the_packet() {
    const SENT: u64 = 60_000;
    use nix::sched::{CloneFlags, unshare};
    let alone =
        || unshare(CloneFlags::CLONE_NEWNET).expect("the right to make a network namespace");
    let (_outer, crossing) = std::thread::spawn(move || {
        alone();
        setup_outer_by_pair(&OuterConfig::default()).expect("the outer network")
    })
    .join()
    .expect("the outer network is set up");
    let inner = std::thread::spawn(move || {
        alone();
        let inner =
            setup_inner_by_pair(&InnerConfig::default(), crossing).expect("the inner network");
        // Nobody reads meanwhile: more than the socket's queue of 32 MiB.
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
        for _ in 0..SENT {
            socket.send_to(&[7; 1200], "203.0.113.3:9").expect("sent");
        }
        inner
    })
    .join()
    .expect("everything is sent");
    let link = Pair::new(inner.link).expect("taken over");
    let mut buffer = vec![0; LONGEST_FRAME];
    let mut received = 0;
    while let Some((_, len)) = link.receive(&mut buffer, Duration::from_millis(200)).expect("read")
    {
        assert_eq!(len, 1200 + 28, "each datagram by itself, from its IP header on");
        received += 1;
    }
    let dropped = link.dropped();
    println!("received {received} dropped {dropped}");
    assert!(dropped > 0, "nothing was dropped, so nothing is shown");
    assert_eq!(received + dropped, SENT);
}
