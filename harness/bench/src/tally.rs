//! From single cases to figures.

use crate::leaks::{Kinds, LeaksOptions, decoys_read};
use crate::rivals::Rivals;
use crate::score::{Attribution, Result, Seen};
use belljar_leaks::{Channel, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// So many.
    pub count: u64,
    /// Of so many.
    pub of: u64,
}

impl Share {
    fn add(&mut self, yes: bool) {
        self.of += 1;
        self.count += u64::from(yes);
    }

    /// From 0 to 1; 1 of nothing.
    pub fn value(self) -> f64 {
        if self.of == 0 { 1.0 } else { self.count as f64 / self.of as f64 }
    }
}

/// One value of an axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AxisRow {
    /// Leaks found.
    pub found: Share,
    /// Decoy, range, destination and process right, of those found.
    pub right: Share,
    /// The same, one by one.
    pub decoy: Share,
    /// Range.
    pub range: Share,
    /// Class.
    pub class: Share,
    /// Chain.
    pub chain: Share,
    /// Destination.
    pub destination: Share,
    /// Process.
    pub process: Share,
}

impl AxisRow {
    fn add(&mut self, result: &Result) {
        self.found.add(result.seen == Seen::Found);
        let Some(Attribution { decoy, range, class, chain, destination, process }) =
            result.attribution
        else {
            return;
        };
        self.right.add(decoy && range && destination && process);
        self.decoy.add(decoy);
        self.range.add(range);
        self.class.add(class);
        self.chain.add(chain);
        self.destination.add(destination);
        self.process.add(process);
    }
}

/// A case that is named in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Why, in words.
    pub why: String,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeaksReport {
    /// By which kind of component.
    pub kind: Kinds,
    /// Cases of which the two jars tell something different, where both were asked.
    pub differences: Vec<Named>,
    /// The seed that drew the share and planted the world.
    pub seed: u64,
    /// Cases of the set.
    pub set: u64,
    /// Cases that were drawn.
    pub cases: u64,
    /// Leaking ones that were carried out.
    pub leaking: u64,
    /// Leaks that were found.
    pub found: u64,
    /// Negative ones that were carried out.
    pub negative: u64,
    /// Found of all leaking.
    pub recall: f64,
    /// Found of those that content can show.
    pub recall_open: f64,
    /// True findings of all findings: cases found, against negative cases with a finding and
    /// leaking ones with a finding of another decoy.
    pub precision: f64,
    /// Negative cases with a finding. (The name that others read it by.)
    #[serde(rename = "false_positives")]
    pub false_positives: u64,
    /// Leaks that were not found.
    pub missed: u64,
    /// Their names. Those that content cannot show come last.
    pub missed_cases: Vec<Named>,
    /// Negative cases with a finding, by name.
    pub false_cases: Vec<Named>,
    /// Leaks that were found, but told wrongly.
    pub wrong_cases: Vec<Named>,
    /// Cases that were not carried out; they prove nothing.
    pub failed: Vec<Named>,
    /// Cases in which what left and is in no trace is within the ceiling of their conversations, of
    /// those where it is known how much that is.
    #[serde(default)]
    pub within_ceiling: Share,
    /// The others, by name.
    #[serde(default)]
    pub above_ceiling: Vec<Named>,
    /// Ways to read that the jar must refuse, and did.
    pub refused: Share,
    /// Channels that wait, and why.
    pub waiting: Vec<Named>,
    /// All leaking cases together.
    pub total: AxisRow,
    /// By axis and value.
    pub axes: BTreeMap<String, BTreeMap<String, AxisRow>>,
    /// Negative cases by kind: clean of all.
    pub negatives: BTreeMap<String, Share>,
    /// What the rivals found of the same leaks.
    pub rivals: Rivals,
    /// Different files that were read.
    pub files: u64,
    /// Runs.
    pub runs: u64,
    /// Runs at a time.
    pub jobs: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

pub(crate) fn tally(
    mut results: Vec<Result>,
    set: usize,
    options: &LeaksOptions,
    runs: usize,
    jobs: usize,
    took: Duration,
) -> LeaksReport {
    results.sort_by(|a, b| a.case.id.cmp(&b.case.id));
    let mut report = LeaksReport {
        kind: options.kind,
        differences: Vec::new(),
        seed: options.seed,
        set: set as u64,
        cases: results.len() as u64,
        leaking: 0,
        found: 0,
        negative: 0,
        recall: 1.0,
        recall_open: 1.0,
        precision: 1.0,
        false_positives: 0,
        missed: 0,
        missed_cases: Vec::new(),
        false_cases: Vec::new(),
        wrong_cases: Vec::new(),
        failed: Vec::new(),
        within_ceiling: Share::default(),
        above_ceiling: Vec::new(),
        refused: Share::default(),
        waiting: Channel::WAITING
            .iter()
            .map(|waiting| Named { id: waiting.channel.name().into(), why: waiting.reason.into() })
            .collect(),
        total: AxisRow::default(),
        axes: BTreeMap::new(),
        negatives: BTreeMap::new(),
        rivals: Rivals::default(),
        files: decoys_read(&results) as u64,
        runs: runs as u64,
        jobs: jobs as u64,
        seconds: took.as_secs_f64(),
    };
    let mut open = Share::default();
    let mut misattributed = 0_u64;
    for result in &results {
        let id = result.case.id.clone();
        if result.seen == Seen::Failed {
            if result.case.kind == Kind::Refused {
                report.refused.add(false);
            }
            report.failed.push(Named { id, why: format!("exit code {:?}", result.code) });
            continue;
        }
        if let Some(hidden) = result.hidden {
            report.within_ceiling.add(hidden <= result.ceiling);
            if hidden > result.ceiling {
                let why = format!("{hidden} bytes hidden, the ceiling is {}", result.ceiling);
                report.above_ceiling.push(Named { id: id.clone(), why });
            }
        }
        match result.case.kind {
            Kind::Leaking => {
                report.take_leak(result);
                if result.case.hidden.is_none() {
                    open.add(result.seen == Seen::Found);
                }
                misattributed +=
                    u64::from(result.attribution.is_some_and(|attribution| !attribution.decoy));
            }
            Kind::Refused => report.refused.add(true),
            Kind::Negative(kind) => {
                report.negative += 1;
                let clean = result.seen == Seen::Clean;
                report.negatives.entry(kind.name().into()).or_default().add(clean);
                if !clean {
                    report.false_positives += 1;
                    report.false_cases.push(Named { id, why: in_short(result) });
                }
            }
        }
    }
    // Those that content cannot show come last.
    report.missed_cases.sort_by_key(|named| named.why.contains("cannot be found"));
    report.recall = report.total.found.value();
    report.recall_open = open.value();
    let wrong = report.false_positives + misattributed;
    report.precision = Share { count: report.found, of: report.found + wrong }.value();
    report
}

impl LeaksReport {
    fn take_leak(&mut self, result: &Result) {
        let case = &result.case;
        self.leaking += 1;
        self.found += u64::from(result.seen == Seen::Found);
        self.rivals.grep += u64::from(result.grep);
        self.rivals.table += u64::from(result.table);
        self.total.add(result);
        let mut axis = |axis: &str, value: &str| {
            let rows = self.axes.entry(axis.into()).or_default();
            rows.entry(value.into()).or_default().add(result);
        };
        axis("channel", case.channel.name());
        let mut encodings = case.encodings.clone();
        encodings.sort();
        encodings.dedup();
        for encoding in encodings {
            axis("encoding", encoding.name());
        }
        axis("nesting", ["", "one", "two", "three"][case.encodings.len().min(3)]);
        axis("read-path", case.read_path.name());
        axis("shape", case.shape.name());
        axis("timing", case.timing.name());
        axis("trigger", case.trigger.name());
        let id = case.id.clone();
        match (result.seen, &result.attribution) {
            (Seen::Missed, _) => {
                self.missed += 1;
                let why = match &case.hidden {
                    Some(reason) => format!("cannot be found: {reason}"),
                    None => "not found".into(),
                };
                self.missed_cases.push(Named { id, why });
            }
            (_, Some(attribution)) if !attribution.whole() || !attribution.chain => {
                let wrong: Vec<&str> = [
                    (attribution.decoy, "decoy"),
                    (attribution.range, "range"),
                    (attribution.chain, "chain"),
                    (attribution.destination, "destination"),
                    (attribution.process, "process"),
                ]
                .into_iter()
                .filter_map(|(right, what)| (!right).then_some(what))
                .collect();
                let why = format!("{}; {}", wrong.join(", "), in_short(result));
                self.wrong_cases.push(Named { id, why });
            }
            _ => {}
        }
    }
}

fn in_short(result: &Result) -> String {
    let truth = result.case.truth.first().map_or(String::new(), |truth| {
        format!(
            "truth: {} {}..{} ",
            truth.decoy,
            truth.start,
            truth.end.map_or(String::from("end"), |end| end.to_string())
        )
    });
    let found: Vec<String> = result
        .findings
        .iter()
        .take(3)
        .map(|finding| {
            format!(
                "{} {}+{} [{}] to {} by {}",
                finding.subject,
                finding.from,
                finding.bytes,
                finding.chain.join(" > "),
                finding.to,
                finding.program
            )
        })
        .collect();
    format!("{truth}found: {}", found.join(" | "))
}
