//! From what was found to traces: where each stands, by the parts of the protocol and the members of
//! archives that a reader knows.

use crate::conclude::{Candidate, Object, outer};
use crate::index::Index;
use crate::small::Small;
use crate::{Egress, Place, Subject, Trace, Traced};
use belljar_decode::{Decoder, Role, Step, entries, parts};
use std::ops::Range;

/// The longest payload in which members of archives are named.
const ARCHIVES: u64 = 16 << 20;

impl Index {
    /// Writes what was found as traces.
    pub(crate) fn write(
        &self,
        egress: &Egress<'_>,
        objects: &[Object],
        accepted: Vec<Candidate>,
        small: Vec<Small>,
        traced: &mut Traced,
    ) {
        if accepted.is_empty() && small.is_empty() {
            return;
        }
        // Where each part of the protocol lies, smallest last.
        let (parts, _) = parts(egress.bytes, egress.layer);
        let mut places: Vec<(Range<u64>, &belljar_record::ByteString)> = parts
            .iter()
            .filter(|part| part.role != Role::Joined)
            .map(|part| (part.in_one_piece().unwrap_or_else(|| part.input.clone()), &part.name))
            .collect();
        places.sort_by_key(|(range, _)| std::cmp::Reverse(range.end - range.start));
        // Members of archives that stand in the payload as they are.
        let members = match egress.bytes.len() <= ARCHIVES {
            true => entries(&egress.bytes.read_all()),
            false => Vec::new(),
        };
        let place = |outer: &[Range<u64>], chain: &[Step]| {
            let named = chain
                .first()
                .filter(|step| step.decoder == Decoder::Part)
                .and_then(|step| step.detail.clone());
            // The middle: a run of base64 can begin with the last letters of a header.
            let start = outer.first().map_or(0, |range| range.start.midpoint(range.end));
            // All of it must lie in a member: of an archive that is sent whole each is only a part.
            let end = outer.last().map_or(0, |range| range.end);
            let begin = outer.first().map_or(0, |range| range.start);
            let member = members
                .iter()
                .filter(|entry| entry.header <= begin && end <= entry.data.end)
                .min_by_key(|entry| entry.data.end - entry.header);
            let part = named.or_else(|| {
                places
                    .iter()
                    .rev()
                    .find(|(range, _)| range.contains(&start))
                    .map(|(_, name)| (*name).clone())
            });
            let part = match (part, member.filter(|_| chain.is_empty())) {
                (Some(part), Some(entry)) => {
                    Some(format!("member {} of {part}", entry.name).into())
                }
                (None, Some(entry)) => Some(format!("member {}", entry.name).into()),
                (part, None) => part,
            };
            Place {
                flow: egress.flow,
                payload: egress.payload.clone(),
                layer: egress.layer,
                direction: egress.direction,
                part,
            }
        };
        for candidate in accepted {
            let outer = outer(objects, &candidate);
            let object = &objects[candidate.object];
            let held = &self.contents[candidate.content as usize];
            traced.traces.push(Trace {
                egress: place(&outer, &object.chain),
                chain: object.chain.clone(),
                gives: object.lengths.clone(),
                at: outer.first().map_or(0, |range| range.start),
                offset: candidate.pieces.first().map_or(0, |range| range.start),
                outer,
                contains: candidate.contains,
                also: candidate.also,
                subject: Subject::Content {
                    decoy: held.decoy,
                    part: held.part.clone(),
                    sample: held.sample,
                    ranges: candidate.matches,
                    bytes: candidate.bytes,
                    of: held.len,
                    whole: candidate.whole,
                },
            });
        }
        for small in small {
            let outer = vec![small.outer(objects)];
            let object = &objects[small.object];
            traced.traces.push(Trace {
                egress: place(&outer, &object.chain),
                chain: object.chain.clone(),
                gives: object.lengths.clone(),
                at: outer[0].start,
                offset: small.range.start,
                outer,
                contains: Vec::new(),
                also: small.also,
                subject: small.subject,
            });
        }
    }
}
