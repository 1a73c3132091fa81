//! The table: one row for each data item, whatever happened to it.

use crate::finding::Finding;
use crate::gather::Gathered;
use crate::input::JudgeInput;
use crate::reading::FileReads;
use crate::sends::Sent;
use crate::verdict::{ItemRow, Listing, Outcome, ReadWord, SentClass, SentTo};
use crate::{classify, everyday, policy};
use belljar_schema::DataItem;
use std::collections::{BTreeMap, HashMap};

const DESTINATIONS: usize = 50;
const SEQS: usize = 5;

/// What was read of one item.
#[derive(Debug, Default)]
struct Read {
    files: u64,
    beyond: u64,
    bytes: u64,
    seqs: Vec<u64>,
}

impl Read {
    fn add(&mut self, reads: &FileReads, beyond: bool) {
        self.files += 1;
        self.beyond += u64::from(beyond);
        self.bytes += reads.bytes;
        if self.seqs.len() < SEQS {
            self.seqs.push(reads.seq);
        }
    }
}

/// The rows. `clean` is what an item without a finding against it comes to.
pub(crate) fn items(
    input: &JudgeInput<'_>,
    gathered: &Gathered,
    sent: &[Sent],
    findings: &[Finding],
    clean: Outcome,
) -> Vec<ItemRow> {
    let scenario_policy = &input.plan.scenario.policy;
    let mut planted: HashMap<DataItem, u64> = HashMap::new();
    let mut reads: BTreeMap<DataItem, Read> = BTreeMap::new();
    for fact in &input.manifest.facts {
        *planted.entry(fact.item).or_default() += 1;
    }
    for decoy in &input.manifest.decoys {
        *planted.entry(classify::read_item(decoy)).or_default() += 1;
    }
    for (&id, file) in &gathered.reading.decoys {
        let item =
            classify::decoy(input.manifest, id).map_or(DataItem::Document, classify::read_item);
        reads.entry(item).or_default().add(file, !gathered.reading.within(id));
    }
    for (path, file) in &gathered.reading.everyday {
        let item = everyday::item(path).unwrap_or(DataItem::SystemFile);
        reads.entry(item).or_default().add(file, true);
    }
    DataItem::ALL
        .iter()
        .map(|&item| {
            let read = reads.remove(&item).unwrap_or_default();
            let mine: Vec<&Sent> = sent.iter().filter(|sent| sent.item == item).collect();
            let against = findings.iter().any(|finding| finding.against.contains(&item));
            ItemRow {
                item,
                planted: planted.get(&item).copied().unwrap_or(0),
                read: word(item, &read, gathered),
                files_read: read.files,
                files_read_beyond: read.beyond,
                bytes_read: read.bytes,
                sent: mine.iter().map(|sent| sent.class).max().unwrap_or(SentClass::None),
                sent_to: destinations(input, item, &mine),
                declared: input.plan.component.declares.iter().any(|entry| entry.item == item),
                may_read: policy::may_read(scenario_policy, item),
                may_send_to: policy::row(scenario_policy, item)
                    .map_or_else(Vec::new, |row| row.may_send_to.clone()),
                verdict: if against { Outcome::Fail } else { clean },
                evidence: findings
                    .iter()
                    .filter(|finding| finding.items.contains(&item))
                    .map(|finding| finding.id.clone())
                    .take(DESTINATIONS)
                    .collect(),
                seqs: read.seqs,
            }
        })
        .collect()
}

fn word(item: DataItem, read: &Read, gathered: &Gathered) -> ReadWord {
    if read.beyond > 0 {
        return ReadWord::BeyondTask;
    }
    if read.files > 0 {
        return ReadWord::WithinTask;
    }
    let reading = &gathered.reading;
    match item {
        DataItem::FileNames if reading.listed_beyond > 0 => ReadWord::BeyondTask,
        DataItem::FileNames if reading.listed > 0 => ReadWord::WithinTask,
        DataItem::FileMetadata if !reading.touched.is_empty() => ReadWord::BeyondTask,
        DataItem::FileMetadata if reading.stats > 0 => ReadWord::WithinTask,
        // Asked of the kernel or of the environment without passing a door; or the component's own.
        DataItem::ProductVersion
        | DataItem::InstallationId
        | DataItem::Hostname
        | DataItem::Hardware
        | DataItem::OsVersion
        | DataItem::TimeZone
        | DataItem::Locale
        | DataItem::Applications
        | DataItem::Processes
        | DataItem::Network
        | DataItem::UserName => ReadWord::NotObservable,
        // Computed from what was read; the reading itself stands in the rows of the files.
        DataItem::HashOfExecutable | DataItem::HashOfDocument | DataItem::HashOfSample => {
            ReadWord::NotObservable
        }
        _ => ReadWord::No,
    }
}

fn destinations(input: &JudgeInput<'_>, item: DataItem, sent: &[&Sent]) -> Listing<SentTo> {
    let mut rows: BTreeMap<(String, String, Vec<String>, bool), SentTo> = BTreeMap::new();
    for one in sent {
        let key = (one.host.clone(), one.protocol.clone(), one.chain.clone(), one.inside);
        let row = rows.entry(key).or_insert_with(|| SentTo {
            host: one.host.clone(),
            protocol: one.protocol.clone(),
            class: one.class,
            chain: one.chain.clone(),
            bytes: 0,
            declared: policy::declared(&input.plan.component, item, &one.host),
            allowed: policy::may_send(&input.plan.scenario.policy, item, &one.host),
            inside: one.inside,
        });
        row.class = row.class.max(one.class);
        row.bytes += one.bytes;
    }
    let mut rows: Vec<SentTo> = rows.into_values().collect();
    rows.sort_by(|a, b| (a.allowed, b.class, b.bytes).cmp(&(b.allowed, a.class, a.bytes)));
    Listing::capped(rows, DESTINATIONS, 0)
}
