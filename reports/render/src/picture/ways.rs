//! The ways out: planted thing → program → channel → destination, each way a line whose width
//! grows with the logarithm of its bytes. What nothing planted was found in is drawn pale.

use super::{escaped, float, number, shortened};
use crate::shown::shown;
use belljar_judge::{
    Finding, FindingKind, FlowRow, Severity, Verdict, bytes_words, counted, grouped, item_words,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const WIDTH: f64 = 1000.0;
const NODE: f64 = 198.0;
const TALL: f64 = 36.0;
const GAP: f64 = 10.0;
const TOP: f64 = 26.0;
/// Nodes of one column; what is beyond them goes together as one.
const NODES: usize = 9;
const LETTERS: usize = 23;
const HEADS: [&str; 4] = ["planted", "program", "channel", "destination"];

/// How a way is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Against the policy.
    Bad,
    /// Planted and allowed.
    Good,
    /// Read beyond the task; not found in what left.
    Read,
    /// Nothing planted was found in it.
    Plain,
}

/// One way: its stations from left to right, `None` where it does not go.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) kind: Kind,
    pub(crate) stations: [Option<String>; 4],
    pub(crate) bytes: u64,
    /// Findings that it rests on.
    pub(crate) findings: Vec<String>,
}

impl Way {
    pub(crate) fn class(&self) -> &'static str {
        class(self.kind)
    }

    pub(crate) fn words(&self) -> &'static str {
        match self.kind {
            Kind::Bad => "against the policy",
            Kind::Good => "allowed",
            Kind::Read => "read, not found in what left",
            Kind::Plain => "nothing planted found in it",
        }
    }
}

/// Names from left to right.
type Stations = [Option<String>; 4];
/// Bytes, and the findings that they rest on.
type Load = (u64, Vec<String>);

/// All ways of a run, the weightiest first.
pub(crate) fn ways(verdict: &Verdict) -> Vec<Way> {
    let mut all: BTreeMap<(Kind, Stations), Load> = BTreeMap::new();
    let mut carried: BTreeMap<[Option<String>; 3], u64> = BTreeMap::new();
    for finding in verdict.findings.iter().filter(|finding| finding.kind == FindingKind::Sent) {
        let kind = match finding.severity {
            Severity::Violation => Kind::Bad,
            Severity::Allowed => Kind::Good,
        };
        let Some(to) = &finding.destination else { continue };
        let by = Some(short(&finding.who.program).to_owned());
        let host = Some(to.host.clone());
        *carried.entry([by.clone(), Some(to.protocol.clone()), host.clone()]).or_default() +=
            finding.bytes;
        let stations = [Some(subject(finding)), by, Some(channel(finding)), host];
        let entry = all.entry((kind, stations)).or_default();
        entry.0 += finding.bytes;
        entry.1.push(finding.id.clone());
    }
    // One way an item for what was read beyond the task, whatever the number of files.
    let mut read: BTreeMap<(Kind, &str, String), (u64, u64, &str)> = BTreeMap::new();
    for row in verdict.reads.beyond.rows.iter().filter(|row| !row.everyday || !row.allowed) {
        let kind = if row.allowed { Kind::Read } else { Kind::Bad };
        let who = row.who.first().map_or("unknown", |who| short(&who.program)).to_owned();
        let entry =
            read.entry((kind, item_words(row.item), who)).or_insert((0, 0, row.path.as_str()));
        entry.0 += 1;
        entry.1 += row.bytes;
    }
    for ((kind, item, who), (files, bytes, first)) in read {
        let what = if files == 1 {
            first.to_owned()
        } else {
            format!("{} of {item}", counted(files, "file", "files"))
        };
        all.entry((kind, [Some(what), Some(who), None, None])).or_default().0 += bytes;
    }
    // The rest of what left: conversations by program, protocol and host.
    let mut rest: BTreeMap<[Option<String>; 3], u64> = BTreeMap::new();
    for flow in &verdict.egress.flows.rows {
        *rest.entry(conversation(flow)).or_default() += flow.bytes_out;
    }
    for (way, bytes) in rest {
        if !carried.contains_key(&way) {
            let [by, channel, host] = way;
            all.entry((Kind::Plain, [None, by, channel, host])).or_default().0 += bytes;
        }
    }
    let mut ways: Vec<Way> = all
        .into_iter()
        .map(|((kind, stations), (bytes, findings))| Way { kind, stations, bytes, findings })
        .collect();
    ways.sort_by_key(|way| (way.kind, std::cmp::Reverse(way.bytes)));
    ways
}

fn short(program: &str) -> &str {
    program.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(program)
}

/// What a finding is about: the decoy itself, whatever of it or inside it was found, or how many
/// things of one kind.
fn subject(finding: &Finding) -> String {
    let rows = &finding.subjects.rows;
    let first = rows.first().map_or("something", |subject| subject.name.as_str());
    let one = rows.iter().all(|row| row.decoy.is_some() && row.decoy == rows[0].decoy);
    match finding.subjects.total() {
        0 | 1 => first.to_owned(),
        _ if one => first.to_owned(),
        many => format!("{} {}", grouped(many), item_words(finding.item)),
    }
}

fn channel(finding: &Finding) -> String {
    let protocol = finding.destination.as_ref().map_or("", |to| to.protocol.as_str());
    if finding.chain.is_empty() {
        protocol.to_owned()
    } else {
        format!("{protocol} · {}", finding.chain.join(" of "))
    }
}

fn conversation(flow: &FlowRow) -> [Option<String>; 3] {
    [
        Some(short(&flow.who.program).to_owned()),
        Some(flow.protocol.clone()),
        Some(flow.host.clone()),
    ]
}

/// The stations of one column, in order of first use, with one for all that are too many.
struct Column {
    names: Vec<String>,
    over: usize,
}

impl Column {
    fn place(&self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or(self.names.len())
    }

    fn rows(&self) -> usize {
        self.names.len() + usize::from(self.over > 0)
    }
}

/// The picture; empty where there is no way to draw.
pub(crate) fn picture(ways: &[Way]) -> String {
    if ways.is_empty() {
        return String::new();
    }
    let columns: [Column; 4] = std::array::from_fn(|place| {
        let mut names: Vec<String> = Vec::new();
        for name in ways.iter().filter_map(|way| way.stations[place].as_ref()) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let over = if names.len() > NODES { names.len() - (NODES - 1) } else { 0 };
        names.truncate(names.len() - over);
        Column { names, over }
    });
    let rows = columns.iter().map(Column::rows).max().unwrap_or(1);
    let height = TOP + number(rows) * (TALL + GAP);
    let step = (WIDTH - NODE) / 3.0;
    let middle = |column: &Column, row: usize| {
        let free = number(rows - column.rows()) * (TALL + GAP) / 2.0;
        TOP + free + number(row) * (TALL + GAP) + TALL / 2.0
    };
    let mut svg = format!(
        "<svg class=\"ways\" viewBox=\"-1 0 {} {height}\" role=\"img\" aria-labelledby=\"wt wd\">\
         <title id=\"wt\">Ways out</title><desc id=\"wd\">From what was planted through programs \
         and channels to destinations; the table below says the same in words.</desc>",
        WIDTH + 2.0
    );
    for (place, head) in HEADS.iter().enumerate() {
        let _ = write!(svg, "<text x=\"{:.0}\" y=\"13\">{head}</text>", number(place) * step);
    }
    // Pale lines first, so that those that matter lie on top.
    for way in ways.iter().rev() {
        let class = class(way.kind);
        let wide = (float(way.bytes) + 1.0).ln().clamp(1.2, 14.0) * 0.6;
        let stops: Vec<(usize, usize)> = way
            .stations
            .iter()
            .enumerate()
            .filter_map(|(place, name)| Some((place, columns[place].place(name.as_ref()?))))
            .collect();
        for pair in stops.windows(2) {
            let [(from, above), (to, below)] = pair else { continue };
            let (x1, y1) = (number(*from) * step + NODE, middle(&columns[*from], *above));
            let (x2, y2) = (number(*to) * step, middle(&columns[*to], *below));
            let half = (x2 - x1) / 2.0;
            let _ = write!(
                svg,
                "<path class=\"way {class}\" stroke-width=\"{wide:.1}\" d=\"M{x1:.0} {y1:.0}C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}\">\
                 <title>{}</title></path>",
                x1 + half,
                x2 - half,
                escaped(&format!("{}, {}", way.words(), bytes_words(way.bytes)))
            );
        }
    }
    for (place, column) in columns.iter().enumerate() {
        for row in 0..column.rows() {
            let (name, full) = match column.names.get(row) {
                Some(name) => (shortened(&shown(name), LETTERS), name.clone()),
                None => {
                    let more = format!("{} more", grouped(column.over as u64));
                    (more.clone(), more)
                }
            };
            let worst = ways
                .iter()
                .filter(|way| {
                    way.stations[place].as_ref().is_some_and(|name| column.place(name) == row)
                })
                .map(|way| way.kind)
                .min()
                .unwrap_or(Kind::Plain);
            let (x, y) = (number(place) * step, middle(column, row) - TALL / 2.0);
            let _ = write!(
                svg,
                "<g><title>{}</title><rect class=\"node {}\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{NODE}\" height=\"{TALL}\" rx=\"4\"/>\
                 <text class=\"name\" x=\"{:.0}\" y=\"{:.0}\">{}</text></g>",
                escaped(&full),
                class(worst),
                x + 9.0,
                y + TALL / 2.0 + 4.0,
                escaped(&name)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Bad => "bad",
        Kind::Good => "good",
        Kind::Read => "doubt",
        Kind::Plain => "pale",
    }
}
