//! What may come in floods: the first of each kind by each process are told singly, the rest counted.
//!
//! Promises: what is told and what is counted are together all that came; kinds that are kept do not
//! grow without bound (beyond that they are counted together).

use std::collections::HashMap;
use std::hash::Hash;

use belljar_record::{Actor, ProcessKey};

/// Of one kind by one process.
pub(crate) const LISTED: u64 = 8;
const MOST_KINDS: usize = 512;

/// Counts by process and kind; `T` is what is known of the first of each.
#[derive(Debug)]
pub(crate) struct Floods<K, T> {
    kinds: HashMap<(Option<ProcessKey>, K), Flood<T>>,
}

#[derive(Debug)]
struct Flood<T> {
    actor: Actor,
    first: T,
    count: u64,
}

impl<K, T> Default for Floods<K, T> {
    fn default() -> Self {
        Self { kinds: HashMap::new() }
    }
}

impl<K: Eq + Hash, T: Clone> Floods<K, T> {
    /// Counts one more of a kind of which enough have been told; false (and not counted) for others.
    pub(crate) fn more(&mut self, process: Option<ProcessKey>, kind: K) -> bool {
        let flood = self.kinds.get_mut(&(process, kind)).filter(|flood| flood.count >= LISTED);
        flood.map(|flood| flood.count += 1).is_some()
    }

    /// Counts one more; whether it is to be told. `rest` is the kind of all for which no room is.
    pub(crate) fn take(
        &mut self,
        process: Option<ProcessKey>,
        kind: K,
        rest: K,
        actor: &Actor,
        what: &T,
    ) -> bool {
        let mut key = (process, kind);
        if !self.kinds.contains_key(&key) && self.kinds.len() >= MOST_KINDS {
            key = (None, rest);
        }
        let flood = self.kinds.entry(key).or_insert_with(|| Flood {
            actor: actor.clone(),
            first: what.clone(),
            count: 0,
        });
        flood.count += 1;
        flood.count <= LISTED
    }

    /// What was only counted: kind, who, the first of them, how many were not told.
    pub(crate) fn rest(&mut self) -> Vec<(K, Actor, T, u64)> {
        std::mem::take(&mut self.kinds)
            .into_iter()
            .filter(|(_, flood)| flood.count > LISTED)
            .map(|((_, kind), Flood { actor, first, count })| (kind, actor, first, count - LISTED))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_and_what_is_counted_are_all_that_came() {
        let mut floods = Floods::default();
        let actor = Actor::unknown("a test");
        let mut told = 0;
        for at in 0..2000_u32 {
            let process = Some(ProcessKey { pid: at % 700, start: 1 });
            let more = floods.more(process, "call");
            told += u64::from(!more && floods.take(process, "call", "others", &actor, &at));
        }
        let rest = floods.rest();
        let counted: u64 = rest.iter().map(|(.., count)| count).sum();
        assert_eq!(told + counted, 2000);
        assert!(
            rest.iter().all(|(kind, ..)| *kind == "others"),
            "none of 700 called more than 8 times"
        );
        assert!(floods.rest().is_empty());
    }
}
