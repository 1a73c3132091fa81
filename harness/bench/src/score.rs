//! What was found of a case, held against its truth.
//!
//! A finding belongs to the case whose host it went to, whose name stands in its place (labels of
//! DNS queries), or whose command line its process has. Nothing else of the case is looked at for
//! that, so that a wrong decoy or range stays a wrong one.

use crate::batch::In;
use crate::ranges::Ranges;
use belljar_judge::{FindingKind, SentClass, TraceRow, Verdict, Who};
use belljar_leaks::{Case, Class, Encoding, Innocent, Kind, Source, Truth};
use belljar_plant::Plant;
use belljar_record::DecoySource as _;
use belljar_schema::DataItem;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes by which a range may be longer or shorter: neighbours that are equal by chance, edges of
/// fragments.
const SLACK: u64 = 16;

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Its leak was found.
    Found,
    /// Its leak was not found.
    Missed,
    /// Nothing was found, and nothing was to be found.
    Clean,
    /// Something was found that does not leave in this case.
    False,
    /// The jar refused what it must refuse.
    Refused,
    /// It was not carried out: it proves nothing.
    Failed,
}

/// How right a found leak is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attribution {
    /// The decoy, and no other.
    pub decoy: bool,
    /// The bytes of it.
    pub range: bool,
    /// As what it left (hash, fragment, whole file).
    pub class: bool,
    /// The decodings, in order.
    pub chain: bool,
    /// Host and port.
    pub destination: bool,
    /// The program that sent, in the process of this case.
    pub process: bool,
}

impl Attribution {
    /// Whether decoy, range, destination and process are right.
    pub fn whole(&self) -> bool {
        self.decoy && self.range && self.destination && self.process
    }
}

/// One thing found, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Of what, in words.
    pub subject: String,
    /// Bytes of it, from where.
    pub from: u64,
    /// How many.
    pub bytes: u64,
    /// The decodings.
    pub chain: Vec<String>,
    /// Where to.
    pub to: String,
    /// Who.
    pub program: String,
}

/// One case and what was seen of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Result {
    /// The case.
    pub case: Case,
    /// What became of it.
    pub seen: Seen,
    /// How right it is told, if it was found.
    pub attribution: Option<Attribution>,
    /// What was found, the first few.
    pub findings: Vec<Finding>,
    /// Exit code of the component.
    pub code: Option<i32>,
    /// Bytes that left in it and that no trace shows, at least; none if that is not known.
    #[serde(default)]
    pub hidden: Option<u64>,
    /// The part of its conversations in the ceiling.
    #[serde(default)]
    pub ceiling: u64,
    /// Whether the first rival found it.
    pub grep: bool,
    /// Whether the second rival found it.
    pub table: bool,
}

/// The decoys as they lie in memory, by path.
pub(crate) struct Decoys {
    by_path: BTreeMap<String, (u32, Vec<u8>)>,
}

impl Decoys {
    pub(crate) fn of(plant: &Plant) -> Self {
        let mut by_path = BTreeMap::new();
        for decoy in plant.decoys() {
            by_path.insert(decoy.path_str().to_owned(), (decoy.id().0, decoy.read_all()));
        }
        Self { by_path }
    }

    /// Id and bytes of a truth.
    pub(crate) fn truth(&self, truth: &Truth) -> Option<(u32, &[u8])> {
        let (id, bytes) = self.by_path.get(&truth.decoy)?;
        let start = usize::try_from(truth.start).ok()?;
        let end = match truth.end {
            Some(end) => usize::try_from(end).ok()?,
            None => bytes.len(),
        };
        Some((*id, bytes.get(start..end)?))
    }
}

/// Whether a command line holds the case of this id: the id stands in quotes, however they are
/// written. (The id of one case may be the end of another's.)
fn names_case(command: &str, id: &str) -> bool {
    command.match_indices(id).any(|(at, _)| {
        let before = command[..at].chars().next_back();
        let after = command[at + id.len()..].chars().next();
        before == Some('"') && matches!(after, Some('"' | '\\'))
    })
}

/// Scores the cases of one run.
pub(crate) fn score(
    cases: &[Case],
    verdict: &Verdict,
    decoys: &Decoys,
    ranges: &Ranges,
    jar: In,
) -> Vec<Result> {
    let commands: BTreeMap<(u32, u64), &str> = verdict
        .processes
        .rows
        .iter()
        // A process that never ran a program of its own has no command line.
        .filter(|row| !row.command.is_empty())
        .map(|row| ((row.pid, row.start), row.command.as_str()))
        .collect();
    let of = |(number, case): (usize, &Case)| {
        let sender = match jar {
            In::Native => Sender::Process { commands: &commands, id: &case.id },
            // Each case is a step with a guest of its own.
            In::Wasm => Sender::Instance(format!("wasm instance {number}, wasi:cli/run")),
        };
        one(case, cases, verdict, decoys, ranges, &sender)
    };
    cases.iter().enumerate().map(of).collect()
}

/// How what a case sent is known to be sent by it.
enum Sender<'a> {
    /// By a process whose command line names the case.
    Process { commands: &'a BTreeMap<(u32, u64), &'a str>, id: &'a str },
    /// By the guest of this name.
    Instance(String),
}

impl Sender<'_> {
    /// Whether it is this case's; `None` if that is not known.
    fn own(&self, who: &Who) -> Option<bool> {
        match self {
            Self::Process { commands, id } => {
                Some(names_case(commands.get(&(who.pid?, who.start?))?, id))
            }
            Self::Instance(name) => Some(who.program == *name),
        }
    }

    /// Whether it is the program of the truth, in the process of this case.
    fn right(&self, who: &Who, truth: &Truth) -> bool {
        match self {
            Self::Process { .. } => {
                who.program == truth.program
                    && (truth.program != belljar_leaks::COURIER || self.own(who).unwrap_or(true))
            }
            Self::Instance(name) => who.program == *name,
        }
    }
}

/// The label that tells a case's host from others'.
fn label_of(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

fn one(
    case: &Case,
    all: &[Case],
    verdict: &Verdict,
    decoys: &Decoys,
    ranges: &Ranges,
    sender: &Sender<'_>,
) -> Result {
    let code = verdict.scenario.steps.iter().find(|step| step.name == case.id).and_then(|s| s.code);
    let label = label_of(&case.host);
    let mine: Vec<&belljar_judge::Finding> = verdict
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::Sent)
        .filter(|finding| {
            let to = finding.destination.as_ref().map_or("", |to| to.host.as_str());
            let named = to.eq_ignore_ascii_case(&case.host)
                || to.to_ascii_lowercase().ends_with(&format!(".{}", case.host));
            let placed = finding
                .place
                .as_ref()
                .and_then(|place| place.part.as_deref())
                .is_some_and(|part| part.contains(label));
            // What names another case is that case's, whoever is said to have sent it.
            let place = finding.place.as_ref().and_then(|place| place.part.as_deref());
            let others = all.iter().any(|other| {
                let label = label_of(&other.host);
                other.id != case.id
                    && (to.contains(label) || place.is_some_and(|part| part.contains(label)))
            });
            let elsewhere = others || to.ends_with(".vendor.example");
            named || placed || (!elsewhere && sender.own(&finding.who) == Some(true))
        })
        .collect();
    // What nearly every program says of itself is no leak of a decoy; the planted sample is judged
    // by policy.
    let counts = |row: &TraceRow| {
        row.decoy.is_some() && !matches!(row.item, DataItem::Sample | DataItem::HashOfSample)
    };
    let rows: Vec<&TraceRow> = verdict
        .traces
        .rows
        .iter()
        .filter(|row| mine.iter().any(|finding| row.finding.as_ref() == Some(&finding.id)))
        .filter(|row| counts(row))
        .collect();
    let findings = rows
        .iter()
        .take(8)
        .map(|row| {
            let finding = mine.iter().find(|finding| row.finding.as_ref() == Some(&finding.id));
            let to = finding.and_then(|finding| finding.destination.as_ref());
            Finding {
                subject: row.subject.clone(),
                from: row.decoy_offset,
                bytes: row.bytes,
                chain: row.chain.clone(),
                to: to.map_or(String::new(), |to| format!("{}:{}", to.host, to.port)),
                program: finding.map_or(String::new(), |finding| finding.who.program.clone()),
            }
        })
        .collect();
    let mut result = Result {
        case: case.clone(),
        seen: Seen::Clean,
        attribution: None,
        findings,
        code,
        hidden: None,
        ceiling: ceiling(case, verdict, sender),
        grep: false,
        table: false,
    };
    result.seen = match case.kind {
        Kind::Leaking if code != Some(0) => Seen::Failed,
        Kind::Refused if code == Some(10) && rows.is_empty() => Seen::Refused,
        Kind::Refused => Seen::Failed,
        Kind::Negative(belljar_leaks::Negative::TriggerNotMet) if code != Some(11) => Seen::Failed,
        Kind::Negative(_) if !matches!(code, Some(0 | 11)) => Seen::Failed,
        Kind::Negative(_) if rows.is_empty() => Seen::Clean,
        Kind::Negative(_) => Seen::False,
        Kind::Leaking => {
            let attribution = attribution(case, &rows, &mine, decoys, ranges, sender);
            let seen = if attribution.is_some() { Seen::Found } else { Seen::Missed };
            result.attribution = attribution;
            seen
        }
    };
    result.hidden = hidden(case, &result, decoys, &verdict.egress.flows);
    result
}

/// The part of a case's conversations in the ceiling: of those with its host, and of those of its
/// process (questions to a name server).
fn ceiling(case: &Case, verdict: &Verdict, sender: &Sender<'_>) -> u64 {
    let label = label_of(&case.host);
    verdict
        .egress
        .flows
        .rows
        .iter()
        .filter(|flow| {
            flow.host.to_ascii_lowercase().contains(label) || sender.own(&flow.who) == Some(true)
        })
        .map(|flow| flow.unexplained)
        .sum()
}

/// How many bytes at least left in a case and are in no trace: what a packer leaves of them, since
/// what could be predicted is no content. `None` where nothing is hidden or it is not known how much.
fn hidden(
    case: &Case,
    result: &Result,
    decoys: &Decoys,
    flows: &belljar_judge::Listing<belljar_judge::FlowRow>,
) -> Option<u64> {
    // Conversations that are not listed one by one cannot be added up.
    if flows.more > 0 {
        return None;
    }
    match (result.seen, case.kind, &case.source) {
        (Seen::Missed, Kind::Leaking, _) => {
            let truth = case.truth.first()?;
            if case.encodings.iter().any(|encoding| encoding.is_hash()) {
                return Some(12);
            }
            let (_, bytes) = decoys.truth(truth)?;
            Some(packed(bytes).min(bytes.len() as u64))
        }
        (Seen::Clean, Kind::Negative(_), Source::MadeUp { what: Innocent::Random, len }) => {
            Some(*len)
        }
        _ => None,
    }
}

/// Length of what a strong packer may leave: deflate, less a fifth.
fn packed(bytes: &[u8]) -> u64 {
    use std::io::Write as _;
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let written = out.write_all(bytes).and_then(|()| out.finish());
    written.map_or(0, |packed| packed.len() as u64 * 4 / 5)
}

fn attribution(
    case: &Case,
    rows: &[&TraceRow],
    findings: &[&belljar_judge::Finding],
    decoys: &Decoys,
    ranges: &Ranges,
    sender: &Sender<'_>,
) -> Option<Attribution> {
    let truth = case.truth.first()?;
    let (id, expected) = decoys.truth(truth)?;
    let hash = truth.class == Class::Hash;
    let right: Vec<&&TraceRow> = rows
        .iter()
        .filter(|row| row.decoy == Some(id))
        .filter(|row| if hash { row.class == SentClass::Hash } else { content(row.class) })
        .collect();
    if right.is_empty() {
        return None;
    }
    let whole = expected.len() as u64;
    let range = if hash {
        true
    } else {
        let mut covered: Vec<Range<u64>> = Vec::new();
        let mut beyond = 0;
        for piece in right.iter().flat_map(|row| ranges.pieces(row)) {
            match place(expected, &piece.bytes) {
                Some(place) => covered.push(place),
                // What is inside (an attachment in base64) stands in the range in another form.
                None if piece.inside => {}
                None => beyond += piece.bytes.len() as u64,
            }
        }
        union(covered) + SLACK >= whole && beyond <= SLACK
    };
    let class = right.iter().any(|row| match truth.class {
        Class::Hash => row.class == SentClass::Hash,
        Class::Fragment => row.class == SentClass::Fragment,
        Class::WholeFile => row.class == SentClass::WholeFile,
    });
    let senders: Vec<&&belljar_judge::Finding> = findings
        .iter()
        .filter(|finding| right.iter().any(|row| row.finding.as_ref() == Some(&finding.id)))
        .collect();
    let label = label_of(&truth.host);
    let destination = senders.iter().all(|finding| {
        let part = finding.place.as_ref().and_then(|place| place.part.as_deref());
        finding.destination.as_ref().is_some_and(|to| {
            let host = to.host.to_ascii_lowercase();
            let named = host == truth.host
                || host.ends_with(&format!(".{}", truth.host))
                // A query goes to the resolver; whom it tells is in the name.
                || part.is_some_and(|part| part.contains(label));
            named && to.port == truth.port
        })
    });
    let process = senders.iter().all(|finding| sender.right(&finding.who, truth));
    Some(Attribution {
        decoy: rows.iter().all(|row| row.decoy == Some(id)),
        range,
        class,
        chain: right.iter().any(|row| chain_fits(&case.encodings, &row.chain)),
        destination,
        process,
    })
}

fn content(class: SentClass) -> bool {
    matches!(class, SentClass::Fragment | SentClass::Content | SentClass::WholeFile)
}

/// Where in `expected` some bytes stand, but for a few at their ends.
fn place(expected: &[u8], bytes: &[u8]) -> Option<Range<u64>> {
    let slack = SLACK as usize;
    for cut in [0, 1, 2, 4, 8, slack] {
        for front in [0, cut] {
            for back in [0, cut] {
                let Some(core) = bytes.get(front..bytes.len().saturating_sub(back)) else {
                    continue;
                };
                if core.len() < slack.min(expected.len()) {
                    continue;
                }
                if let Some(at) = memchr::memmem::find(expected, core) {
                    return Some(at as u64..(at + core.len()) as u64);
                }
            }
        }
    }
    None
}

fn union(mut ranges: Vec<Range<u64>>) -> u64 {
    ranges.sort_by_key(|range| (range.start, range.end));
    let (mut end, mut sum) = (0, 0);
    for range in ranges {
        let from = range.start.max(end);
        if range.end > from {
            sum += range.end - from;
            end = range.end;
        }
    }
    sum
}

/// Whether the decodings undo the encodings, outermost first. Steps that the channel needs (parts
/// of the protocol, its own escapes) may stand between.
fn chain_fits(encodings: &[Encoding], chain: &[String]) -> bool {
    let mut steps = chain.iter();
    encodings.iter().rev().filter(|encoding| **encoding != Encoding::None).all(|encoding| {
        let names = names(*encoding);
        names.is_empty() || steps.any(|step| names.iter().any(|name| step.starts_with(name)))
    })
}

/// What the decodings of an encoding may be called; none: it needs none.
fn names(encoding: Encoding) -> &'static [&'static str] {
    match encoding {
        Encoding::None | Encoding::Chunks | Encoding::Protobuf => &[],
        Encoding::Cbor | Encoding::MessagePack => &[],
        Encoding::Hex | Encoding::Hash | Encoding::SaltedHash | Encoding::TruncatedHash => &["hex"],
        Encoding::Base32 => &["base32"],
        Encoding::Base32Hex => &["base32"],
        Encoding::Base58 => &["base58"],
        Encoding::Base64 | Encoding::Base64Url => &["base64"],
        Encoding::Ascii85 => &["ascii85"],
        Encoding::Percent => &["percent", "form"],
        Encoding::HtmlEntity => &["entities"],
        Encoding::QuotedPrintable => &["quoted-printable"],
        Encoding::JsonEscapes => &["json"],
        Encoding::Gzip => &["gzip"],
        Encoding::Deflate => &["deflate"],
        Encoding::Zlib => &["zlib"],
        Encoding::Bzip2 => &["bzip2"],
        Encoding::Xz => &["xz"],
        Encoding::Zstd => &["zstd", "zstandard"],
        Encoding::Brotli => &["brotli"],
        // The member of a tar archive stands in it as it is.
        Encoding::Tar => &[],
        Encoding::Zip => &["zip"],
        Encoding::SevenZip => &["7z"],
        Encoding::EncryptedZip => &["zip", "encrypted zip"],
        Encoding::LzString => &["lz-string", "lz string"],
        Encoding::XorFixed | Encoding::XorSent => &["xor"],
        Encoding::ByteAddition => &["byte addition", "addition", "rot"],
        Encoding::AesGcm | Encoding::AesGcmHidden => &["aes", "cipher"],
        Encoding::WordList => &["word", "bip"],
        Encoding::ImageLowBits => &["image", "low bits"],
        Encoding::Reversal => &["reversed", "reversal"],
        Encoding::Utf16 => &["utf-16"],
    }
}

/// The decoy that a case reads, by its path, if it reads one.
pub(crate) fn reads(case: &Case) -> Option<&str> {
    match &case.source {
        Source::File { path, .. } => Some(path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_must_undo_the_encodings_outermost_first() {
        let chain = |steps: &[&str]| -> Vec<String> {
            steps.iter().map(|step| (*step).to_owned()).collect()
        };
        let encodings = [Encoding::Gzip, Encoding::Base64];
        assert!(chain_fits(&encodings, &chain(&["part (body)", "base64", "gzip"])));
        assert!(!chain_fits(&encodings, &chain(&["gzip", "base64"])));
        assert!(!chain_fits(&encodings, &chain(&["base64"])));
        assert!(chain_fits(&[Encoding::None], &chain(&[])));
    }

    #[test]
    fn a_place_is_found_though_its_ends_are_off_by_chance() {
        let expected: Vec<u8> = (0..200).collect();
        let mut found = expected[20..180].to_vec();
        found.push(7);
        assert_eq!(place(&expected, &found), Some(20..180));
        assert_eq!(place(&expected, &[9; 64]), None);
        assert_eq!(union(vec![0..10, 5..20, 30..40]), 30);
    }
}
