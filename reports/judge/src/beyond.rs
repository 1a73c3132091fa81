//! Reads outside the task, judged: one finding for each item and process.

use crate::finding::{Finding, FindingKind, Severity, SubjectRow};
use crate::gather::Gathered;
use crate::input::JudgeInput;
use crate::reading::FileReads;
use crate::verdict::{Listing, ReadRow, Reads, SentClass, TouchRow, Who};
use crate::{classify, everyday, policy, words};
use belljar_schema::DataItem;
use std::collections::{BTreeMap, BTreeSet};

const ROWS: usize = 2_000;
const SUBJECTS: usize = 50;

/// One file read outside the task.
struct Beyond<'a> {
    path: String,
    decoy: Option<u32>,
    item: DataItem,
    everyday: bool,
    marking: Option<String>,
    sha256: Option<String>,
    len: Option<u64>,
    allowed: bool,
    reads: &'a FileReads,
}

/// The reads of the verdict, and the findings among them.
pub(crate) fn beyond(input: &JudgeInput<'_>, gathered: &Gathered) -> (Reads, Vec<Finding>) {
    let reading = &gathered.reading;
    let scenario_policy = &input.plan.scenario.policy;
    let mut files: Vec<Beyond<'_>> = Vec::new();
    for (&id, reads) in &reading.decoys {
        if reading.within(id) {
            continue;
        }
        let record = classify::decoy(input.manifest, id);
        let item = record.map_or(DataItem::Document, classify::read_item);
        let everyday = record.is_some_and(|record| everyday::item(&record.path).is_some());
        files.push(Beyond {
            path: record.map_or_else(|| format!("decoy {id}"), |record| record.path.clone()),
            decoy: Some(id),
            item,
            everyday,
            marking: record.and_then(|record| record.marking.clone()),
            sha256: record.map(|record| record.digest.sha256.clone()),
            len: record.map(|record| record.digest.len),
            allowed: allowed(input, item, everyday),
            reads,
        });
    }
    for (path, reads) in &reading.everyday {
        let item = everyday::item(path).unwrap_or(DataItem::SystemFile);
        files.push(Beyond {
            path: path.clone(),
            decoy: None,
            item,
            everyday: true,
            marking: None,
            sha256: None,
            len: None,
            allowed: allowed(input, item, true),
            reads,
        });
    }
    files.sort_by(|a, b| (a.allowed, a.everyday, &a.path).cmp(&(b.allowed, b.everyday, &b.path)));

    let mut groups: BTreeMap<(DataItem, Who), Vec<&Beyond<'_>>> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.everyday || !file.allowed) {
        for reader in &file.reads.readers {
            groups.entry((file.item, reader.who.clone())).or_default().push(file);
        }
    }
    let findings = groups
        .into_iter()
        .map(|((item, who), files)| finding(scenario_policy, item, who, &files))
        .collect();

    let within: BTreeSet<u32> =
        reading.decoys.keys().copied().filter(|&id| reading.within(id)).collect();
    let within_planted =
        input.manifest.decoys.iter().filter(|decoy| reading.within(decoy.id)).count() as u64;
    let touched: Vec<TouchRow> = reading
        .touched
        .iter()
        .filter(|(id, _)| !reading.decoys.contains_key(id))
        .map(|(_, row)| row.clone())
        .collect();
    let reads = Reads {
        count: reading.count,
        bytes: reading.bytes,
        page_granular: reading.pages,
        within: within.len() as u64,
        within_planted,
        beyond: Listing::capped(files.iter().map(read_row).collect(), ROWS, 0),
        touched_beyond: Listing::capped(touched, ROWS, 0),
        others_beyond: Listing::capped(
            reading.others.values().cloned().collect(),
            ROWS,
            reading.others_more,
        ),
        listed: reading.listed,
        missed: reading.missed,
    };
    (reads, findings)
}

/// Whether an item may be read beyond the task. Everyday files may, unless a row says otherwise.
fn allowed(input: &JudgeInput<'_>, item: DataItem, everyday: bool) -> bool {
    let scenario_policy = &input.plan.scenario.policy;
    if everyday {
        !policy::read_forbidden_by_name(scenario_policy, item)
    } else {
        policy::may_read(scenario_policy, item)
    }
}

fn read_row(file: &Beyond<'_>) -> ReadRow {
    ReadRow {
        path: file.path.clone(),
        decoy: file.decoy,
        item: file.item,
        everyday: file.everyday,
        marking: file.marking.clone(),
        who: file.reads.readers.iter().map(|reader| reader.who.clone()).collect(),
        reads: file.reads.reads,
        bytes: file.reads.bytes,
        page_granular: file.reads.page,
        allowed: file.allowed,
        seq: file.reads.seq,
        at: file.reads.at,
    }
}

fn finding(
    scenario_policy: &belljar_schema::Policy,
    item: DataItem,
    who: Who,
    files: &[&Beyond<'_>],
) -> Finding {
    let mine: Vec<_> = files
        .iter()
        .filter_map(|file| {
            file.reads.readers.iter().find(|reader| reader.who == who).map(|reader| (file, reader))
        })
        .collect();
    let first = mine.iter().min_by_key(|(_, reader)| reader.seq).map(|(_, reader)| *reader);
    let allowed = files.iter().all(|file| file.allowed);
    let program = crate::sends::short(&who.program);
    let name = words::item_words(item);
    let title = match files {
        [file] => {
            format!("{program} read {} ({name}), outside what it was asked to scan", file.path)
        }
        _ => format!(
            "{program} read {} of {name}, outside what it was asked to scan",
            words::counted(files.len() as u64, "file", "files")
        ),
    };
    let subjects = mine
        .iter()
        .map(|(file, reader)| SubjectRow {
            name: file.path.clone(),
            decoy: file.decoy,
            marking: file.marking.clone(),
            sha256: file.sha256.clone(),
            len: file.len,
            bytes: reader.bytes,
            inside: false,
        })
        .collect();
    Finding {
        id: String::new(),
        kind: FindingKind::ReadBeyondTask,
        severity: if allowed { Severity::Allowed } else { Severity::Violation },
        title,
        item,
        items: vec![item],
        against: if allowed { Vec::new() } else { vec![item] },
        policy: policy::words(scenario_policy, item),
        declared: false,
        class: SentClass::None,
        subjects: Listing::capped(subjects, SUBJECTS, 0),
        known_by: format!(
            "the world's own log of reads{}",
            first.map_or("", |reader| reader.functions.as_str())
        ),
        bytes: mine.iter().map(|(_, reader)| reader.bytes).sum(),
        chain: Vec::new(),
        destination: None,
        place: None,
        at: first.map_or(0, |reader| reader.at),
        set_off: first.map(|reader| reader.before.clone()).unwrap_or_default(),
        collateral: None,
        attack: vec![
            match item {
                DataItem::Credentials => "T1552",
                DataItem::Browsing => "T1217",
                _ => "T1005",
            }
            .to_owned(),
        ],
        traces: Listing::default(),
        seqs: mine.iter().take(10).map(|(_, reader)| reader.seq).collect(),
        who,
    }
}
