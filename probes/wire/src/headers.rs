//! What header fields carry in a series: hop limits of the packets of a conversation, and the
//! component's own ports of many conversations with one place.
//!
//! Promises: a series of [`LEAST`] or more values, [`DIFFERENT`] of them different, is kept as a
//! payload of the conversation (of the last one, for ports) when the wire ends. Bounded: at most
//! [`PLACES`] series of each kind are followed, of at most [`VALUES`] values each; what goes beyond
//! is not kept (the capture has it). Cannot see: other fields (identifiers, flags, windows, options
//! of TCP), and how often something is sent.

use crate::flows::Key;
use crate::keeper::{Keeper, Series};
use belljar_record::{Direction, Endpoint, FlowId, Layer, Transport};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// The least values of a series.
const LEAST: usize = 16;
/// How many of them must be different.
const DIFFERENT: usize = 4;
const PLACES: usize = 4096;
const VALUES: usize = 8192;

/// Hop limits of one conversation: nothing is kept while they do not change.
#[derive(Debug, Default)]
struct Hops {
    same: usize,
    first: u8,
    changed: Vec<u8>,
}

/// Ports of the conversations with one place.
#[derive(Debug)]
struct Ports {
    last: FlowId,
    values: Vec<u16>,
}

#[derive(Debug, Default)]
struct State {
    hops: HashMap<FlowId, Hops>,
    ports: HashMap<(Transport, Endpoint), Ports>,
    known: HashSet<FlowId>,
}

/// All series.
#[derive(Debug, Default)]
pub(crate) struct Headers(Mutex<State>);

impl Headers {
    /// Takes note of a packet of a conversation.
    pub(crate) fn see(&self, flow: FlowId, key: &Key, hops: u8) {
        if key.kernel {
            return;
        }
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        if state.hops.len() < PLACES || state.hops.contains_key(&flow) {
            let known = state.hops.entry(flow).or_default();
            if known.same == 0 {
                known.first = hops;
            }
            if known.changed.is_empty() && known.first == hops {
                known.same += 1;
            } else if known.changed.len() < VALUES {
                known.changed.push(hops);
            }
        }
        let room = state.known.len() < PLACES * 16;
        if key.local.port != 0 && room && state.known.insert(flow) {
            let place = (key.transport, key.remote);
            if state.ports.len() < PLACES || state.ports.contains_key(&place) {
                let ports = state
                    .ports
                    .entry(place)
                    .or_insert_with(|| Ports { last: flow, values: Vec::new() });
                ports.last = flow;
                if ports.values.len() < VALUES {
                    ports.values.push(key.local.port);
                }
            }
        }
    }

    /// Keeps the series that may carry something. Says how many could not be kept.
    pub(crate) fn keep(&self, keeper: &Keeper) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { hops, ports, .. } = std::mem::take(&mut *state);
        let mut all: Vec<(FlowId, &'static str, Vec<u8>)> = Vec::new();
        for (flow, Hops { same, first, changed }) in hops {
            if changed.is_empty() {
                continue;
            }
            let mut values = vec![first; same.min(VALUES)];
            values.extend(changed);
            if tells(&values) {
                all.push((flow, "hop limits", values));
            }
        }
        for Ports { last, values } in ports.into_values() {
            if tells(&values) {
                let bytes = values.into_iter().flat_map(u16::to_be_bytes).collect();
                all.push((last, "local ports", bytes));
            }
        }
        all.sort_by_key(|(flow, label, _)| (*flow, *label));
        let mut lost = 0;
        for (flow, label, bytes) in all {
            let series = Series { flow, direction: Direction::Out, layer: Layer::Headers, label };
            lost += u64::from(keeper.keep(series, &bytes).is_err());
        }
        lost
    }
}

fn tells<T: Ord>(values: &[T]) -> bool {
    values.len() >= LEAST && values.iter().collect::<BTreeSet<_>>().len() >= DIFFERENT
}
