//! Hostile packets: what parses them never panics, and gives nothing that is not in the packet.

use crate::answer;
use crate::ends;
use crate::fragments::{Fragments, Joined, Whole};
use belljar_fuzz::{behaviour, fuzz};
use belljar_packet::{self as packet, Packet};
use etherparse::PacketBuilder;

/// Whether `part` lies within `whole`, as memory.
fn within(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || {
        let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
        part.start >= whole.start && part.end <= whole.end
    }
}

/// Packets as a kernel makes them, to begin with.
fn ordinary() -> Vec<Vec<u8>> {
    let built = |builder: etherparse::PacketBuilderStep<etherparse::UdpHeader>| {
        let mut out = Vec::new();
        builder.write(&mut out, b"payload").expect("memory takes all");
        out
    };
    let mut out = vec![
        built(PacketBuilder::ipv4([10, 0, 0, 1], [198, 18, 0, 1], 64).udp(4000, 53)),
        built(PacketBuilder::ipv6([1; 16], [2; 16], 64).udp(4000, 53)),
    ];
    for ip in [
        PacketBuilder::ipv4([10, 0, 0, 1], [198, 18, 0, 1], 64),
        PacketBuilder::ipv6([1; 16], [2; 16], 64),
    ] {
        let mut tcp = Vec::new();
        ip.tcp(4000, 80, 1, 1024).write(&mut tcp, b"GET /").expect("memory takes all");
        out.push(tcp);
    }
    let mut ping = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 1], [198, 18, 0, 1], 64)
        .icmpv4_echo_request(1, 2)
        .write(&mut ping, b"ping")
        .expect("memory takes all");
    out.push(ping);
    // A fragment of IPv4, and one of IPv6 behind another extension header.
    let mut fragment = out[0].clone();
    fragment[6] = 0x20;
    out.push(fragment);
    let mut chained = out[1].clone();
    chained[6] = 0;
    chained.splice(40..40, [44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 9]);
    chained[5] += 16;
    out.push(chained);
    out
}

#[test]
fn hostile_packets() {
    let mut joining = Fragments::default();
    let fuzzed = fuzz("packets", &ordinary(), |bytes| {
        let Some(packet) = packet::parse(bytes) else { return 0 };
        for part in [packet.payload, packet.options, packet.trailing] {
            assert!(within(part, bytes), "a part that is not of the packet");
        }
        let segment = packet::segment(packet.payload);
        if let Some(segment) = &segment {
            assert!(within(segment.payload, packet.payload));
        }
        let datagram = packet::datagram(packet.payload);
        if let Some(datagram) = &datagram {
            assert!(within(datagram.payload, packet.payload));
            assert!(within(datagram.trailing, packet.payload));
        }
        let mut joined = 0;
        if let Some(fragment) = packet.fragment {
            let whole = Whole {
                source: packet.source,
                target: packet.target,
                protocol: packet.protocol,
                id: fragment.id,
            };
            joined = match joining.add(whole, fragment, packet.payload) {
                Joined::Waiting(given_up) => 1 + u8::from(given_up.is_some()),
                Joined::Loose(_) => 3,
                Joined::Whole(payload) => {
                    let (protocol, _, skip) = packet::extensions(packet.protocol, &payload);
                    let whole = Packet {
                        protocol,
                        fragment: None,
                        payload: &payload[skip..],
                        ..packet.clone()
                    };
                    let _ = (packet::segment(whole.payload), packet::datagram(whole.payload));
                    4
                }
            };
        }
        behaviour((
            packet.source.is_ipv6(),
            packet.protocol,
            packet.options.len().min(64),
            packet.trailing.is_empty(),
            packet.fragment.is_some(),
            segment.is_some(),
            datagram.is_some_and(|datagram| datagram.trailing.is_empty()),
            ends::kernel_made(packet.protocol, packet.payload),
            answer::echo(&packet).is_some(),
            joined,
        ))
    });
    assert!(fuzzed.behaviours > 10, "{fuzzed:?}: hardly anything was reached");
    // Whatever was put in, what waits is bounded, and all of it is given back in the end.
    let _ = joining.finish();
}
