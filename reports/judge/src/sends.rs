//! From traces to findings of what left: one for each subject, destination and process. Digests,
//! names and facts of one kind that went the same way stand together.

use crate::finding::{
    Collateral, Destination, Finding, FindingKind, PlaceRow, SetOff, Severity, SubjectRow, TraceRow,
};
use crate::flows::{FlowSeen, Flows};
use crate::hit::{Hit, HitKind, HitSubject, union};
use crate::input::JudgeInput;
use crate::verdict::{Listing, SentClass, Who};
use crate::{attack, classify, policy, words};
use belljar_schema::{DataItem, DecoyClass, Manifest};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

const SUBJECTS: usize = 50;
const TRACES_OF_ONE: usize = 50;
/// More findings of whole or partial files than this are put together by item.
const SINGLE: usize = 300;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Decoy(u32),
    Contents(DataItem),
    Hashes(DataItem),
    Names,
    Fact(DataItem),
}

type Key = (About, Destination, Who);

/// One thing that an item's row is told.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) item: DataItem,
    pub(crate) class: SentClass,
    pub(crate) host: String,
    pub(crate) protocol: String,
    pub(crate) chain: Vec<String>,
    pub(crate) bytes: u64,
    pub(crate) inside: bool,
}

/// What left that is planted.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    pub(crate) findings: Vec<Finding>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) traces: Vec<TraceRow>,
    /// For each trace its finding in the list.
    pub(crate) of_trace: Vec<usize>,
}

/// Puts together what was found in what left.
pub(crate) fn sends(input: &JudgeInput<'_>, hits: &[Hit], flows: &Flows) -> Sends {
    let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    let outward: Vec<(&Hit, &FlowSeen)> = hits
        .iter()
        .filter_map(|hit| {
            let flow = flows.seen.get(&hit.flow?.0)?;
            (!flow.internal()).then_some((hit, flow))
        })
        .collect();
    let decoys: BTreeSet<u32> = outward
        .iter()
        .filter_map(|(hit, _)| match (&hit.subject, hit.kind) {
            (HitSubject::Decoy { id, .. }, HitKind::Content { .. }) => Some(*id),
            _ => None,
        })
        .collect();
    let single = decoys.len() <= SINGLE;
    for (place, (hit, flow)) in outward.iter().enumerate() {
        let item = classify::item(input.manifest, hit);
        let about = match (&hit.subject, hit.kind) {
            (HitSubject::Fact(_), _) => About::Fact(item),
            (_, HitKind::Name) => About::Names,
            (_, HitKind::Hash) => About::Hashes(item),
            (HitSubject::Decoy { id, .. }, _) if single => About::Decoy(*id),
            _ => About::Contents(item),
        };
        groups.entry((about, destination(flow), who(flow))).or_default().push(place);
    }
    let per_payload = shares(input, &outward);
    let mut sends = Sends { of_trace: vec![0; outward.len()], ..Sends::default() };
    for ((about, to, by), places) in groups {
        let number = sends.findings.len();
        for &place in &places {
            sends.of_trace[place] = number;
        }
        let finding = finding(input, &outward, &about, to, by, &places, &per_payload, &mut sends);
        sends.findings.push(finding);
    }
    sends.traces = outward
        .iter()
        .map(|(hit, flow)| TraceRow {
            attack: attack::labels(input, hit, &destination(flow), flow),
            ..trace_row(input.manifest, hit)
        })
        .collect();
    sends
}

/// A trace in the words of the verdict.
pub(crate) fn trace_row(manifest: &Manifest, hit: &Hit) -> TraceRow {
    TraceRow {
        subject: classify::subject(manifest, hit),
        decoy: decoy_of(hit),
        item: classify::item(manifest, hit),
        class: classify::class(manifest, hit),
        decoy_offset: hit.decoy_offset(),
        bytes: hit.len(),
        chain: hit.chain_words(),
        attack: attack::labels_alone(hit),
        place: place_row(hit),
        finding: None,
    }
}

fn decoy_of(hit: &Hit) -> Option<u32> {
    match hit.subject {
        HitSubject::Decoy { id, .. } => Some(id),
        HitSubject::Fact(_) => None,
    }
}

fn place_row(hit: &Hit) -> PlaceRow {
    let raw = hit.raw();
    PlaceRow {
        payload: hit.payload.sha256.to_string(),
        offset: raw.start,
        len: raw.end.saturating_sub(raw.start),
        layer: words::layer(hit.layer).to_owned(),
        decoy: decoy_of(hit),
        decoy_offset: hit.decoy_offset(),
        decoded_offset: hit.piece_offset(),
        part: hit.part.clone(),
        flow: hit.flow.map(|flow| flow.0),
        steps: hit.decodings(),
        shows: Some(hit.shows.clone()),
    }
}

pub(crate) fn destination(flow: &FlowSeen) -> Destination {
    match &flow.flow {
        Some(known) => Destination {
            host: flow.host(),
            address: known.remote.address.to_string(),
            port: known.remote.port,
            transport: words::transport(known.transport),
            protocol: words::protocol(known),
        },
        None => Destination {
            host: "unknown".to_owned(),
            address: String::new(),
            port: 0,
            transport: String::new(),
            protocol: "unknown".to_owned(),
        },
    }
}

pub(crate) fn who(flow: &FlowSeen) -> Who {
    match &flow.flow {
        Some(known) => words::who(&known.actor),
        None => words::who(&belljar_record::Actor::unknown("conversation not in the record")),
    }
}

/// Bytes of one payload that are sample, and that are not.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    innocent: u64,
    sample: u64,
}

/// A payload, a decoy in it, and what of it.
type Held<'a> = (&'a str, u32, Option<&'a str>);

/// Sums, for each payload, the decoy bytes in it: each place of a decoy once, and the members of a
/// file that is there whole not again.
fn shares(input: &JudgeInput<'_>, outward: &[(&Hit, &FlowSeen)]) -> BTreeMap<String, Share> {
    let mut ranges: BTreeMap<Held<'_>, Vec<Range<u64>>> = BTreeMap::new();
    let mut samples = BTreeSet::new();
    let mut contained = BTreeMap::new();
    for (hit, _) in outward {
        if let (HitSubject::Decoy { id, member }, HitKind::Content { .. }) =
            (&hit.subject, hit.kind)
        {
            let key = (hit.payload.sha256.as_str(), *id, member.as_deref());
            ranges.entry(key).or_default().extend(hit.decoy.iter().cloned());
            if hit.sample {
                samples.insert(key);
            }
            let inside: u64 =
                hit.contains.iter().filter(|part| part.sample).map(|part| part.bytes).sum();
            let known = contained.entry(key).or_insert(0_u64);
            *known = (*known).max(inside);
        }
    }
    let whole: BTreeSet<(String, u32)> = ranges
        .iter()
        .filter(|((_, id, member), list)| {
            member.is_none()
                && classify::decoy(input.manifest, *id)
                    .is_some_and(|decoy| union(list) >= decoy.digest.len)
        })
        .map(|((payload, id, _), _)| ((*payload).to_owned(), *id))
        .collect();
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    for ((payload, id, member), list) in &ranges {
        let Some(decoy) = classify::decoy(input.manifest, *id) else { continue };
        let is_whole = whole.contains(&((*payload).to_owned(), *id));
        if is_whole && member.is_some() {
            continue;
        }
        let bytes = union(list);
        let sample = match member {
            _ if classify::is_sample(decoy) || samples.contains(&(*payload, *id, *member)) => bytes,
            Some(_) => 0,
            None if is_whole => decoy
                .members
                .iter()
                .filter(|member| member.sample)
                .map(|member| member.digest.len)
                .sum::<u64>()
                .min(bytes),
            None => contained.get(&(*payload, *id, *member)).copied().unwrap_or(0).min(bytes),
        };
        let share = shares.entry((*payload).to_owned()).or_default();
        share.sample += sample;
        share.innocent += bytes - sample;
    }
    shares
}

#[expect(clippy::too_many_arguments, reason = "one call; each is a different thing")]
fn finding(
    input: &JudgeInput<'_>,
    outward: &[(&Hit, &FlowSeen)],
    about: &About,
    to: Destination,
    by: Who,
    places: &[usize],
    per_payload: &BTreeMap<String, Share>,
    sends: &mut Sends,
) -> Finding {
    let manifest = input.manifest;
    let scenario_policy = &input.plan.scenario.policy;
    let mine: Vec<(&Hit, &FlowSeen)> = places.iter().map(|&place| outward[place]).collect();

    // Subjects, each with its bytes, and the items with the most of each that left.
    let mut by_subject: BTreeMap<&HitSubject, Vec<&Hit>> = BTreeMap::new();
    for (hit, _) in &mine {
        by_subject.entry(&hit.subject).or_default().push(hit);
    }
    let mut items: BTreeMap<DataItem, (SentClass, u64, bool)> = BTreeMap::new();
    let mut subjects = Vec::new();
    let mut chains: BTreeMap<DataItem, Vec<String>> = BTreeMap::new();
    for (subject, hits) in &by_subject {
        let Some(first) = hits.first() else { continue };
        let item = classify::item(manifest, first);
        let mut class =
            hits.iter().map(|hit| classify::class(manifest, hit)).max().unwrap_or_default();
        let bytes = match first.kind {
            HitKind::Content { .. } => {
                union(&hits.iter().flat_map(|hit| hit.decoy.iter().cloned()).collect::<Vec<_>>())
            }
            _ => hits.iter().map(|hit| hit.len()).max().unwrap_or(0),
        };
        let record = decoy_of(first).and_then(|id| classify::decoy(manifest, id));
        let plain = matches!(subject, HitSubject::Decoy { member: None, .. });
        if let Some(record) = record
            && plain
            && class == SentClass::Fragment
            && bytes >= record.digest.len
        {
            class = SentClass::WholeFile;
        }
        let entry = items.entry(item).or_insert((class, 0, false));
        entry.0 = entry.0.max(class);
        entry.1 += bytes;
        let chain = clearest(hits).chain_words();
        chains.entry(item).or_insert(chain);
        // Of a member that the manifest knows, its own digest; of other parts none.
        let digest = match (record, subject) {
            (Some(record), HitSubject::Decoy { member: Some(name), .. }) => {
                classify::member(record, name)
                    .filter(|member| member.name == *name)
                    .map(|member| &member.digest)
            }
            (record, _) => record.map(|record| &record.digest),
        };
        subjects.push(SubjectRow {
            name: classify::subject(manifest, first),
            decoy: decoy_of(first),
            marking: record.and_then(|record| record.marking.clone()),
            sha256: digest.map(|digest| digest.sha256.clone()),
            len: digest.map(|digest| digest.len),
            bytes,
            inside: false,
        });
        if let (Some(record), true) = (record, class != SentClass::WholeFile) {
            for part in hits.iter().flat_map(|hit| &hit.contains) {
                let name = part.part.lossy();
                let Some(member) = classify::member(record, &name) else { continue };
                let item = classify::member_item(member);
                let class = if part.whole { SentClass::Content } else { SentClass::Fragment };
                let entry = items.entry(item).or_insert((class, 0, true));
                entry.0 = entry.0.max(class);
                entry.1 += part.bytes;
                chains.entry(item).or_insert_with(|| clearest(hits).chain_words());
            }
        }
        // What was sent whole took its members with it.
        if let (Some(record), true, SentClass::WholeFile) = (record, plain, class) {
            for member in &record.members {
                let item = classify::member_item(member);
                let entry = items.entry(item).or_insert((SentClass::WholeFile, 0, true));
                entry.0 = entry.0.max(if record.class == DecoyClass::Archive {
                    SentClass::WholeFile
                } else {
                    SentClass::Content
                });
                entry.1 += member.digest.len;
                chains.entry(item).or_insert_with(|| clearest(hits).chain_words());
            }
        }
    }
    subjects.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));

    let against: Vec<DataItem> = items
        .keys()
        .copied()
        .filter(|&item| !policy::may_send(scenario_policy, item, &to.host))
        .collect();
    let main = weightiest(about, manifest, &items, &against);
    let class = items.values().map(|(class, _, _)| *class).max().unwrap_or_default();
    let declared =
        items.keys().all(|&item| policy::declared(&input.plan.component, item, &to.host));
    for (&item, &(class, bytes, inside)) in &items {
        sends.sent.push(Sent {
            item,
            class,
            host: to.host.clone(),
            protocol: to.protocol.clone(),
            chain: chains.get(&item).cloned().unwrap_or_default(),
            bytes,
            inside,
        });
    }

    let all: Vec<&Hit> = mine.iter().map(|(hit, _)| *hit).collect();
    let best = clearest(&all);
    let flow = mine
        .iter()
        .find(|(hit, _)| hit.flow == best.flow && hit.payload == best.payload)
        .map_or(mine[0].1, |(_, flow)| *flow);
    let bytes = subjects.iter().map(|subject| subject.bytes).max().unwrap_or(0);
    let bytes = match about {
        About::Decoy(_) => bytes,
        _ => subjects.iter().map(|subject| subject.bytes).sum(),
    };
    let title = title(&by.program, about, class, &subjects, bytes, &to);
    Finding {
        id: String::new(),
        kind: FindingKind::Sent,
        severity: if against.is_empty() { Severity::Allowed } else { Severity::Violation },
        title,
        item: main,
        policy: policy::words(scenario_policy, main),
        items: items.keys().copied().collect(),
        against,
        declared,
        class,
        known_by: known_by(flow),
        who: by,
        bytes,
        chain: best.chain_words(),
        attack: attack::labels(input, best, &to, flow),
        destination: Some(to),
        place: Some(place_row(best)),
        at: flow.at,
        set_off: SetOff { ..flow.before.clone() },
        collateral: collateral(input, about, best.payload.sha256.as_str(), per_payload),
        traces: Listing::capped(
            places.iter().map(|&place| place as u64).collect(),
            TRACES_OF_ONE,
            0,
        ),
        seqs: vec![flow.seq],
        subjects: Listing::capped(subjects, SUBJECTS, 0),
    }
}

fn known_by(flow: &FlowSeen) -> String {
    match &flow.flow {
        Some(known) => format!(
            "{}, {}{}",
            known.source,
            words::confidence(known.confidence),
            words::functions(&known.actor)
        ),
        None => "not known".to_owned(),
    }
}

/// The trace that shows most clearly: the longest, of these the least encoded, of these the first.
fn clearest<'a>(hits: &[&'a Hit]) -> &'a Hit {
    let mut best = hits[0];
    for hit in hits {
        let better = hit.len() > best.len()
            || (hit.len() == best.len() && hit.chain.len() < best.chain.len());
        if better {
            best = hit;
        }
    }
    best
}

/// The item a finding is named for: the subject's own if it is against the policy or nothing is,
/// else the one against the policy of which most left.
fn weightiest(
    about: &About,
    manifest: &belljar_schema::Manifest,
    items: &BTreeMap<DataItem, (SentClass, u64, bool)>,
    against: &[DataItem],
) -> DataItem {
    let own = match about {
        About::Decoy(id) => classify::decoy(manifest, *id).map(classify::content_item),
        About::Contents(item) | About::Hashes(item) | About::Fact(item) => Some(*item),
        About::Names => Some(DataItem::FileNames),
    };
    own.filter(|own| items.contains_key(own) && (against.is_empty() || against.contains(own)))
        .or_else(|| {
            items
                .iter()
                .filter(|(item, _)| against.is_empty() || against.contains(item))
                .max_by_key(|(_, (class, bytes, _))| (*class, *bytes))
                .map(|(item, _)| *item)
        })
        .unwrap_or(DataItem::Document)
}

fn collateral(
    input: &JudgeInput<'_>,
    about: &About,
    payload: &str,
    per_payload: &BTreeMap<String, Share>,
) -> Option<Collateral> {
    if !matches!(about, About::Decoy(_) | About::Contents(_)) {
        return None;
    }
    let sum = per_payload.get(payload).copied().unwrap_or_default();
    if sum.sample == 0 {
        return None;
    }
    let record = match about {
        About::Decoy(id) => classify::decoy(input.manifest, *id),
        _ => None,
    };
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    Some(Collateral {
        innocent: sum.innocent,
        sample: sum.sample,
        ratio: sum.innocent as f64 / sum.sample as f64,
        innocent_members: record.map_or(0, |record| {
            record.members.iter().filter(|member| !member.sample).count() as u64
        }),
        marked_members: record.map_or(0, |record| {
            classify::marked_members(&input.plan.scenario, input.manifest, record)
        }),
    })
}

/// The name of a program without its folders.
pub(crate) fn short(program: &str) -> &str {
    // `wasm instance 0, wasi:cli/run`: what it is before what was called.
    if let Some((instance, _)) = program.split_once(", ")
        && instance.starts_with("wasm instance ")
    {
        return instance;
    }
    program.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(program)
}

fn title(
    program: &str,
    about: &About,
    class: SentClass,
    subjects: &[SubjectRow],
    bytes: u64,
    to: &Destination,
) -> String {
    let program = short(program);
    let first = subjects.first().map_or("something", |subject| subject.name.as_str());
    let many = subjects.len() as u64;
    let host = &to.host;
    match about {
        About::Decoy(_) | About::Contents(_) => {
            let size = words::bytes_words(bytes);
            let rest = match (about, many) {
                (About::Contents(_), 2..) => {
                    format!(" and {}", words::counted(many - 1, "other file", "other files"))
                }
                _ => String::new(),
            };
            match class {
                SentClass::WholeFile
                    if subjects.iter().any(|subject| subject.len == Some(subject.bytes)) =>
                {
                    format!("{program} sent {first}{rest} whole ({size}) to {host}")
                }
                _ => format!("{program} sent {size} of {first}{rest} to {host}"),
            }
        }
        About::Hashes(item) => {
            let what = words::item_words(*item);
            if many > 1 {
                format!("{program} sent {} digests ({what}) to {host}", words::grouped(many))
            } else {
                format!("{program} sent the {what} {first} to {host}")
            }
        }
        About::Names => {
            format!("{program} sent {} to {host}", words::counted(many, "file name", "file names"))
        }
        About::Fact(_) => format!("{program} sent the {first} to {host}"),
    }
}
