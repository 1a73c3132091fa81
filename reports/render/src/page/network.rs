//! Where it spoke to: destinations, conversations, and the machines next to the planted one.

use super::HtmlInput;
use super::first::LinkView;
use crate::shown::shown;
use belljar_judge::{DestinationClass, Verdict, bytes_words, counted, grouped};

/// Payloads and requests of one conversation that are shown.
const OF_ONE: usize = 3;

pub(super) struct DestinationView {
    pub(super) host: String,
    pub(super) address: String,
    pub(super) protocol: String,
    pub(super) tls: String,
    pub(super) flows: String,
    pub(super) out: String,
    pub(super) back: String,
    pub(super) known: bool,
    pub(super) whose: &'static str,
    pub(super) programs: String,
}

pub(super) struct ConversationView {
    pub(super) when: String,
    pub(super) step: String,
    pub(super) host: String,
    pub(super) protocol: String,
    pub(super) who: String,
    pub(super) known_by: String,
    pub(super) requests: Vec<String>,
    pub(super) out: String,
    pub(super) unexplained: String,
    pub(super) payloads: Vec<LinkView>,
}

pub(super) struct NeighboursView {
    pub(super) text: String,
    pub(super) scanned: bool,
    pub(super) logins: Vec<String>,
    pub(super) logins_more: String,
}

pub(super) fn destinations(verdict: &Verdict, most: usize) -> Vec<DestinationView> {
    verdict
        .egress
        .destinations
        .rows
        .iter()
        .take(most)
        .map(|row| DestinationView {
            host: shown(&row.host),
            address: row.addresses.join(", "),
            protocol: format!("{} · {} {}", row.protocol, row.transport, row.port),
            tls: row.tls.as_deref().map(shown).unwrap_or_default(),
            flows: grouped(row.flows),
            out: grouped(row.bytes_out),
            back: grouped(row.bytes_in),
            known: row.known,
            whose: match row.whose {
                DestinationClass::Neighbour => "neighbour",
                DestinationClass::Vendor => "vendor",
                DestinationClass::NameServer => "name server",
                DestinationClass::Other => "not known",
            },
            programs: row.programs.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", "),
        })
        .collect()
}

pub(super) fn conversations(input: &HtmlInput<'_>, most: usize) -> Vec<ConversationView> {
    let flows = &input.verdict.egress.flows.rows;
    flows
        .iter()
        .take(most)
        .map(|flow| {
            let over = flow.requests.total().saturating_sub(OF_ONE as u64);
            let mut requests: Vec<String> =
                flow.requests.rows.iter().take(OF_ONE).map(|request| shown(request)).collect();
            if over > 0 {
                requests.push(format!("and {} more", grouped(over)));
            }
            let payloads = flow
                .payloads
                .iter()
                .map(|digest| (format!("payloads/{digest}"), digest))
                .filter(|(path, _)| (input.holds)(path))
                .take(OF_ONE)
                .map(|(href, digest)| LinkView {
                    href,
                    words: digest.chars().take(8).collect(),
                    about: "",
                })
                .collect();
            ConversationView {
                when: super::seconds(flow.at),
                step: flow.step.as_deref().map_or_else(|| "between steps".to_owned(), shown),
                host: format!("{} port {}", shown(&flow.host), flow.port),
                protocol: format!("{} over {}", flow.protocol, flow.transport),
                who: format!(
                    "{}{}",
                    shown(&flow.who.program),
                    flow.who.pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
                ),
                known_by: format!("{}, {}", shown(&flow.known_by), flow.confidence),
                requests,
                out: grouped(flow.bytes_out),
                unexplained: grouped(flow.unexplained),
                payloads,
            }
        })
        .collect()
}

pub(super) fn neighbours(verdict: &Verdict) -> Option<NeighboursView> {
    let near = &verdict.egress.neighbours;
    (near.hosts > 0).then(|| NeighboursView {
        text: format!(
            "{} of {} in its own network, {} sent to them.",
            counted(near.doors, "door", "doors"),
            counted(near.hosts, "machine", "machines"),
            bytes_words(near.bytes_out)
        ),
        scanned: near.scanned,
        logins: near.logins.rows.iter().take(20).map(|login| shown(login)).collect(),
        logins_more: super::more(super::rest(near.logins.total(), 20), "more attempts"),
    })
}
