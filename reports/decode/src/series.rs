//! Messages of a series: each by itself, and what several of them carry together: in their order, by
//! their numbers, behind what they all begin with, and in their lengths.
//!
//! Cannot see: messages of several conversations put together; numbers elsewhere than in ICMP echoes
//! and in labels of DNS.

use crate::dns;
use crate::part::{Content, Part, Role, push_joined};
use crate::span::Span;
use belljar_record::Layer;
use std::collections::BTreeSet;
use std::ops::Range;

/// The longest head that messages may share.
const HEAD: usize = 512;
/// The length of an NTP header (RFC 5905, 7.3).
const NTP: u64 = 48;
/// From how many messages on their lengths may tell something.
const LENGTHS: usize = 16;

pub(crate) fn messages(span: Span<'_>, layer: Layer, frames: &[Range<u64>], parts: &mut Vec<Part>) {
    let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return };
    let input = first.start..last.end;
    let mut questions = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        if layer == Layer::Datagram
            && frame.end - frame.start <= 4096
            && let Some(question) = dns::question(&span.take(frame.clone(), 4096))
        {
            parts.push(Part {
                role: Role::DnsName,
                name: format!("query {}", i + 1).into(),
                input: frame.clone(),
                content: Content::Bytes(question.name()),
            });
            questions.push(question);
            continue;
        }
        parts.push(Part {
            role: Role::Message,
            name: format!("message {}", i + 1).into(),
            input: frame.clone(),
            content: Content::Ranges(std::iter::once(frame.clone()).collect()),
        });
    }
    push_joined(&questions, &input, parts);
    lengths(frames, &input, parts);
    let heads = heads(span, frames);
    if frames.len() < 2 && heads.is_empty() {
        return;
    }
    let mut join = |name: &str, skip: u64, frames: &[Range<u64>]| {
        let ranges = frames.iter().map(|f| (f.start + skip).min(f.end)..f.end).collect();
        let content = Content::Ranges(ranges);
        parts.push(Part { role: Role::Joined, name: name.into(), input: input.clone(), content });
    };
    if frames.len() > 1 {
        join("all messages", 0, frames);
    }
    for len in heads.into_iter().filter(|&len| layer != Layer::Packet || len != 8) {
        join(&format!("all messages without their first {len} bytes"), len, frames);
    }
    if layer == Layer::Packet {
        join("all messages without their first 8 bytes", 8, frames);
        // An ICMP echo (RFC 792) has eight bytes of header, the last two being its number.
        let mut numbered: Vec<(u32, Range<u64>)> = frames
            .iter()
            .map(|frame| {
                let head = span.take(frame.clone(), 8);
                let number =
                    head.get(4..8).map_or(0, |n| u32::from_be_bytes([n[0], n[1], n[2], n[3]]));
                (number, frame.clone())
            })
            .collect();
        let in_order = numbered.is_sorted_by_key(|&(number, _)| number);
        if !in_order {
            numbered.sort_by_key(|&(number, _)| number);
            let sorted: Vec<_> = numbered.into_iter().map(|(_, frame)| frame).collect();
            join("all messages by number, without their first 8 bytes", 8, &sorted);
        }
    }
}

/// Values of header fields: bytes, or two bytes each, of which the low or the high ones may carry
/// something.
pub(crate) fn values(span: Span<'_>, frames: &[Range<u64>], parts: &mut Vec<Part>) {
    for frame in frames {
        let bytes = span.take(frame.clone(), 64 << 10);
        let every = |from: usize| bytes.iter().skip(from).step_by(2).copied().collect();
        for (name, content) in [
            ("values", Content::Ranges(std::iter::once(frame.clone()).collect())),
            ("low bytes of the values", Content::Bytes(every(1))),
            ("high bytes of the values", Content::Bytes(every(0))),
        ] {
            let (role, name, input) = (Role::Joined, name.into(), frame.clone());
            parts.push(Part { role, name, input, content });
        }
    }
}

/// Lengths of heads that messages begin with: what all have in common, back to the last sign in it,
/// to whole words of four and sixteen bytes; of ICMP echoes, and of NTP.
fn heads(span: Span<'_>, frames: &[Range<u64>]) -> BTreeSet<u64> {
    let mut lens = BTreeSet::new();
    let Some(first) = frames.first() else { return lens };
    let head = span.take(first.clone(), HEAD);
    let ntp = |head: &[u8]| matches!(head.first(), Some(b) if b & 7 == 3 && (3..=4).contains(&(b >> 3 & 7)));
    let (mut shared, mut all_ntp) = (head.len(), ntp(&head));
    for frame in &frames[1..] {
        let other = span.take(frame.clone(), HEAD);
        shared = head[..shared].iter().zip(&other).take_while(|(a, b)| a == b).count();
        all_ntp &= ntp(&other);
    }
    if frames.len() > 1 {
        let sign =
            head[..shared].iter().rposition(|b| b" =:/,;\0".contains(b)).map_or(0, |i| i + 1);
        lens.extend([shared, sign, shared & !3, shared & !15].map(|len| len as u64));
    }
    let longer = |len: u64| frames.iter().any(|frame| frame.end - frame.start > len);
    if all_ntp && longer(NTP) {
        lens.insert(NTP);
    }
    lens.remove(&0);
    lens.retain(|&len| longer(len));
    lens
}

/// The lengths of the messages as a message: the low byte of each.
fn lengths(frames: &[Range<u64>], input: &Range<u64>, parts: &mut Vec<Part>) {
    let bytes: Vec<u8> = frames.iter().map(|frame| (frame.end - frame.start) as u8).collect();
    let different: BTreeSet<u8> = bytes.iter().copied().collect();
    if bytes.len() < LENGTHS || different.len() < 4 {
        return;
    }
    parts.push(Part {
        role: Role::Joined,
        name: "lengths of all messages".into(),
        input: input.clone(),
        content: Content::Bytes(bytes),
    });
}
