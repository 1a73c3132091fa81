//! What left, conversation by conversation and destination by destination.

use crate::ceiling::Ceiling;
use crate::flows::{FlowSeen, Flows};
use crate::input::JudgeInput;
use crate::sends::{destination, short, who};
use crate::verdict::{DestinationClass, DestinationRow, Egress, FlowRow, Listing};
use crate::{neighbours, policy, words};
use std::collections::BTreeMap;

const FLOW_ROWS: usize = 1_000;
const DESTINATION_ROWS: usize = 1_000;
const PAYLOADS: usize = 20;
const ADDRESSES: usize = 8;

/// The rows, with each conversation's part in the ceiling.
pub(crate) fn egress(
    input: &JudgeInput<'_>,
    flows: &Flows,
    ceiling: &Ceiling,
    unexplained: &BTreeMap<u64, u64>,
) -> Egress {
    let mut rows = Vec::new();
    let mut destinations: BTreeMap<(String, u16, String, String), DestinationRow> = BTreeMap::new();
    let mut near = neighbours::Counting::default();
    let mut internal = 0;
    for (&id, flow) in &flows.seen {
        if flow.internal() {
            internal += 1;
            continue;
        }
        let to = destination(flow);
        let by = who(flow);
        let program = short(&by.program).to_owned();
        let tls = flow.tls.as_ref().map(|tls| tls.words.clone());
        let named = known(input, &to.host) || asks_for_known_only(input, flow);
        let whose = neighbours::whose(input, flow, &to.host, named);
        if whose == DestinationClass::Neighbour {
            near.add(input, flow, &to.address, to.port);
        }
        let row = destinations
            .entry((to.host.clone(), to.port, to.transport.clone(), to.protocol.clone()))
            .or_insert_with(|| DestinationRow {
                known: named,
                whose,
                host: to.host.clone(),
                addresses: Vec::new(),
                port: to.port,
                transport: to.transport.clone(),
                protocol: to.protocol.clone(),
                tls: tls.clone(),
                flows: 0,
                bytes_out: 0,
                bytes_in: 0,
                programs: Vec::new(),
            });
        row.known &= named;
        // Where several addresses hide behind one name, the one that is told is the nearest.
        row.whose = row.whose.min(whose);
        row.flows += 1;
        row.bytes_out += flow.bytes_out;
        row.bytes_in += flow.bytes_in;
        for (list, value) in
            [(&mut row.addresses, to.address.clone()), (&mut row.programs, program)]
        {
            if !list.contains(&value) && list.len() < ADDRESSES {
                list.push(value);
                list.sort();
            }
        }
        rows.push(FlowRow {
            flow: id,
            host: to.host,
            address: to.address,
            local_port: flow.flow.as_ref().map_or(0, |flow| flow.local.port),
            port: to.port,
            transport: to.transport,
            protocol: to.protocol,
            tls,
            who: by,
            known_by: flow.flow.as_ref().map_or_else(String::new, |flow| flow.source.clone()),
            confidence: flow
                .flow
                .as_ref()
                .map_or("not known", |flow| words::confidence(flow.confidence))
                .to_owned(),
            step: flow.before.step.clone(),
            at: flow.at,
            bytes_out: flow.bytes_out,
            bytes_in: flow.bytes_in,
            packets_out: flow.packets_out,
            requests: flow.requests.clone(),
            payloads: flow
                .payloads
                .iter()
                .take(PAYLOADS)
                .map(|kept| kept.payload.sha256.to_string())
                .collect(),
            unexplained: unexplained.get(&id).copied().unwrap_or(0),
        });
    }
    let mut destinations: Vec<DestinationRow> = destinations.into_values().collect();
    destinations.sort_by(|a, b| b.bytes_out.cmp(&a.bytes_out).then_with(|| a.host.cmp(&b.host)));
    Egress {
        flows: Listing::capped(rows, FLOW_ROWS, flows.more),
        destinations: Listing::capped(destinations, DESTINATION_ROWS, 0),
        bytes: ceiling.sent,
        packets: flows.packets(),
        internal,
        neighbours: near.finish(),
        suspects: Listing::default(),
    }
}

/// Whether a conversation is nothing but questions for hosts that are known: a name server is not
/// named by anybody, and asking it where a known host is, is part of talking to that host.
fn asks_for_known_only(input: &JudgeInput<'_>, flow: &FlowSeen) -> bool {
    let lookups = &flow.lookups;
    let name = |lookup: &String| lookup.rsplit_once(' ').map(|(name, _)| name.to_owned());
    !lookups.rows.is_empty()
        && lookups.more == 0
        && lookups.rows.iter().all(|row| name(row).is_some_and(|name| known(input, &name)))
}

/// Whether the scenario, the policy or the vendor's declaration names a host.
fn known(input: &JudgeInput<'_>, host: &str) -> bool {
    let scenario = &input.plan.scenario;
    scenario
        .vendor
        .iter()
        .map(|rule| &rule.host)
        .chain(input.plan.component.declares.iter().map(|entry| &entry.to))
        .chain(scenario.policy.items.iter().flat_map(|row| &row.may_send_to))
        .any(|pattern| pattern != "*" && policy::host_fits(pattern, host))
}
