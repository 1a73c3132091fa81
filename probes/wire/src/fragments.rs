//! Puts cut IP packets together again, within bounds.
//!
//! Promises: a fragment is either part of a packet that came together without overlap, or it is
//! handed back as a remainder.

use belljar_packet::Fragment;
use std::collections::VecDeque;
use std::net::IpAddr;

/// Packets that may be incomplete at one time.
const SETS: usize = 64;
/// Longest packet (RFC 791), with its last fragment's slack.
const LONGEST: usize = 65_535;
/// Most fragments of one packet.
const PIECES: usize = 8192;

/// Fragments that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) source: IpAddr,
    pub(crate) target: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) id: u32,
}

/// What became of a fragment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// More are needed. Pieces of another packet may have been given up for it.
    Waiting(Option<Loose>),
    /// The packet's payload, from its first fragment to its last.
    Whole(Vec<u8>),
    /// The pieces make no packet (they overlap, or are too long).
    Loose(Loose),
}

/// Fragments that made no packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Loose {
    pub(crate) whole: Whole,
    pub(crate) pieces: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Set {
    whole: Whole,
    pieces: Vec<(usize, Vec<u8>)>,
    bytes: usize,
    end: Option<usize>,
}

impl Set {
    fn loose(self) -> Loose {
        Loose {
            whole: self.whole,
            pieces: self.pieces.into_iter().map(|(_, piece)| piece).collect(),
        }
    }
}

/// Packets that are not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    sets: VecDeque<Set>,
}

impl Fragments {
    /// Takes a fragment.
    pub(crate) fn add(&mut self, whole: Whole, fragment: Fragment, bytes: &[u8]) -> Joined {
        let mut given_up = None;
        let place = self.sets.iter().position(|set| set.whole == whole).unwrap_or_else(|| {
            if self.sets.len() >= SETS {
                given_up = self.sets.pop_front().map(Set::loose);
            }
            self.sets.push_back(Set { whole, pieces: Vec::new(), bytes: 0, end: None });
            self.sets.len() - 1
        });
        let set = &mut self.sets[place];
        set.pieces.push((fragment.offset, bytes.to_vec()));
        set.bytes += bytes.len();
        if !fragment.more {
            set.end = Some(fragment.offset + bytes.len());
        }
        let full = set.bytes > LONGEST || set.pieces.len() > PIECES;
        if !full && set.end.is_none_or(|end| set.bytes < end) {
            return Joined::Waiting(given_up);
        }
        let Some(mut set) = self.sets.remove(place) else { return Joined::Waiting(given_up) };
        set.pieces.sort_by_key(|(offset, _)| *offset);
        let mut joined = Vec::with_capacity(set.bytes);
        let fits = set.pieces.iter().all(|(offset, piece)| {
            let fits = *offset == joined.len();
            joined.extend_from_slice(piece);
            fits
        });
        // A set was given up only to begin a new one, and a new one is whole at once only when it
        // is a single fragment; its loss must still be told.
        if fits && !full && given_up.is_none() {
            Joined::Whole(joined)
        } else {
            let mut loose = set.loose();
            loose.pieces.extend(given_up.into_iter().flat_map(|other| other.pieces));
            Joined::Loose(loose)
        }
    }

    /// Gives up all that is not whole.
    pub(crate) fn finish(&mut self) -> Vec<Loose> {
        self.sets.drain(..).map(Set::loose).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(id: u32) -> Whole {
        let address = IpAddr::from([192, 0, 2, 1]);
        Whole { source: address, target: address, protocol: 17, id }
    }

    fn piece(offset: usize, more: bool) -> Fragment {
        Fragment { id: 0, offset, more }
    }

    #[test]
    fn fragments_join_in_any_order_and_overlaps_are_handed_back() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.add(whole(1), piece(8, false), b"tail"), Joined::Waiting(None));
        assert_eq!(
            fragments.add(whole(1), piece(0, true), b"headhead"),
            Joined::Whole(b"headheadtail".to_vec())
        );
        assert_eq!(fragments.add(whole(2), piece(0, true), b"headhead"), Joined::Waiting(None));
        assert_eq!(fragments.add(whole(2), piece(0, true), b"HEADHEAD"), Joined::Waiting(None));
        assert!(
            matches!(fragments.add(whole(2), piece(8, false), b"x"), Joined::Loose(loose) if loose.pieces.len() == 3)
        );
    }

    #[test]
    fn a_flood_of_first_fragments_is_bounded_and_nothing_of_it_is_lost() {
        let mut fragments = Fragments::default();
        let mut given_up = 0;
        for id in 0..1000 {
            if let Joined::Waiting(Some(loose)) = fragments.add(whole(id), piece(0, true), b"x") {
                given_up += loose.pieces.len();
            }
        }
        assert!(fragments.sets.len() <= SETS);
        assert_eq!(given_up + fragments.finish().len(), 1000);
    }
}
