//! The names asked for in a series of DNS queries, and the labels of them put together.

use std::collections::HashSet;
use std::ops::Range;

/// A question of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// Labels, outermost (leftmost) first.
    pub(crate) labels: Vec<Vec<u8>>,
}

impl Question {
    pub(crate) fn name(&self) -> Vec<u8> {
        self.labels.join(&b'.')
    }
}

/// The first question of a query message (RFC 1035, 4.1), if it is one.
pub(crate) fn question(message: &[u8]) -> Option<Question> {
    let head = message.get(..12)?;
    let is_query = head[2] & 0xf8 == 0;
    let questions = u16::from_be_bytes([head[4], head[5]]);
    if !is_query || questions == 0 || questions > 4 {
        return None;
    }
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        match usize::from(*message.get(at)?) {
            0 => break,
            len if len < 64 => {
                labels.push(message.get(at + 1..at + 1 + len)?.to_vec());
                at += 1 + len;
            }
            // Compression has nothing to point at in the first question.
            _ => return None,
        }
        if labels.len() > 127 {
            return None;
        }
    }
    message.get(at + 1..at + 5)?;
    (!labels.is_empty()).then_some(Question { labels })
}

/// Labels of many queries put together: without what all names end in, without repeated queries;
/// all labels of each name, and each column of labels alone (a counter may stand in another).
pub(crate) fn joined(questions: &[Question]) -> Vec<(String, Vec<u8>)> {
    let mut seen = HashSet::new();
    let different: Vec<&Question> =
        questions.iter().filter(|q| seen.insert(q.labels.clone())).collect();
    let mut result = Vec::new();
    // Names of different parties are put together apart, by their last two labels.
    let mut parties: Vec<Vec<Vec<u8>>> = Vec::new();
    for question in &different {
        let party = question.labels[question.labels.len().saturating_sub(2)..].to_vec();
        if !parties.contains(&party) && parties.len() < 1000 {
            parties.push(party);
        }
    }
    for party in parties {
        let names: Vec<&[Vec<u8>]> =
            different.iter().map(|q| q.labels.as_slice()).filter(|l| l.ends_with(&party)).collect();
        let suffix = common_suffix(&names).max(party.len());
        let fronts: Vec<&[Vec<u8>]> =
            names.iter().map(|labels| &labels[..labels.len().saturating_sub(suffix)]).collect();
        let party = String::from_utf8_lossy(&party.join(&b'.')).into_owned();
        let all: Vec<u8> =
            fronts.iter().flat_map(|labels| labels.iter().flatten().copied()).collect();
        if all.is_empty() {
            continue;
        }
        result.push((format!("labels under {party}"), all.clone()));
        if let Some(bytes) = by_number(&fronts) {
            result.push((format!("labels under {party} by number"), bytes));
        }
        let columns = fronts.iter().map(|labels| labels.len()).max().unwrap_or(0);
        if columns > 1 && names.len() > 1 {
            for column in 0..columns.min(4) {
                let bytes: Vec<u8> = fronts
                    .iter()
                    .filter_map(|labels| labels.get(column))
                    .flatten()
                    .copied()
                    .collect();
                result.push((format!("labels {} under {party}", column + 1), bytes));
            }
        }
    }
    result
}

/// Labels in the order of numbers that stand in one of them (`s7`, `0007`), without these.
fn by_number(fronts: &[&[Vec<u8>]]) -> Option<Vec<u8>> {
    if fronts.len() < 2 {
        return None;
    }
    // Counted from the right, where names of different lengths have the same; then from the left.
    let places: [(bool, usize); 5] = [(true, 0), (true, 1), (true, 2), (false, 0), (false, 1)];
    places.into_iter().find_map(|(from_right, place)| {
        let index = |labels: &[Vec<u8>]| match from_right {
            true => labels.len().checked_sub(place + 1),
            false => (place < labels.len()).then_some(place),
        };
        let mut numbered = Vec::with_capacity(fronts.len());
        let mut word: Option<&[u8]> = None;
        for labels in fronts {
            let at = index(labels)?;
            let label = labels.get(at)?.as_slice();
            let digits = label.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            let (front, digits) = label.split_at(label.len() - digits);
            if front.len() > 8 || digits.len() > 9 || *word.get_or_insert(front) != front {
                return None;
            }
            let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
            numbered.push((number, at, *labels));
        }
        numbered.sort_by_key(|&(number, _, _)| number);
        if numbered.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let others = numbered.into_iter().flat_map(|(_, at, labels)| {
            labels.iter().enumerate().filter(move |&(i, _)| i != at).flat_map(|(_, label)| label)
        });
        let bytes: Vec<u8> = others.copied().collect();
        (!bytes.is_empty()).then_some(bytes)
    })
}

fn common_suffix(names: &[&[Vec<u8>]]) -> usize {
    let Some((first, rest)) = names.split_first() else { return 0 };
    if rest.is_empty() {
        return 2;
    }
    rest.iter().fold(first.len(), |most, name| {
        most.min(first.iter().rev().zip(name.iter().rev()).take_while(|(a, b)| a == b).count())
    })
}

/// The frames of a framed payload: where each message lies. The second value is how many bytes at
/// the end belong to no whole frame.
pub(crate) fn frames(
    len: u64,
    read: &dyn Fn(u64, &mut [u8]) -> usize,
    prefix: usize,
) -> (Vec<Range<u64>>, u64) {
    let (mut at, mut found) = (0_u64, Vec::new());
    while at < len && found.len() < 4_000_000 {
        let mut head = [0; 4];
        if read(at, &mut head[4 - prefix..]) < prefix {
            break;
        }
        let start = at + prefix as u64;
        let end = start + u64::from(u32::from_be_bytes(head));
        if end > len {
            break;
        }
        found.push(start..end);
        at = end;
    }
    (found, len - at)
}
