//! The data-item table: read · sent · where to · how encoded · declared · verdict · evidence.

use super::outcome_class;
use crate::shown::shown;
use belljar_judge::{
    ItemRow, ReadWord, SentClass, SentTo, Verdict, bytes_words, counted, grouped, item_words,
};

/// Destinations of one item that are shown.
const DESTINATIONS: usize = 8;

pub(super) struct ItemView {
    pub(super) name: &'static str,
    pub(super) read: String,
    pub(super) sent: &'static str,
    /// At least one row; empty texts where nothing was sent.
    pub(super) to: Vec<ToView>,
    pub(super) allowed: String,
    pub(super) verdict: &'static str,
    pub(super) class: &'static str,
    pub(super) evidence: Vec<String>,
}

pub(super) struct ToView {
    pub(super) host: String,
    pub(super) how: String,
    pub(super) declared: &'static str,
}

/// The rows, and the names of items that were neither planted nor met.
pub(super) fn views(verdict: &Verdict) -> (Vec<ItemView>, Vec<&'static str>) {
    let (items, quiet): (Vec<&ItemRow>, Vec<&ItemRow>) = verdict.items.iter().partition(|row| {
        row.sent > SentClass::None
            || matches!(row.read, ReadWord::BeyondTask | ReadWord::WithinTask)
            || row.declared
            || row.planted > 0
    });
    let quiet = quiet.iter().map(|row| item_words(row.item)).collect();
    (items.into_iter().map(item).collect(), quiet)
}

fn item(row: &ItemRow) -> ItemView {
    let mut to: Vec<ToView> = row.sent_to.rows.iter().take(DESTINATIONS).map(destination).collect();
    let over = row.sent_to.total().saturating_sub(to.len() as u64);
    if over > 0 {
        to.push(ToView {
            host: format!("and {} more", grouped(over)),
            how: String::new(),
            declared: "",
        });
    }
    if to.is_empty() {
        let declared = if row.declared { "yes, not seen" } else { "no" };
        to.push(ToView { host: String::new(), how: String::new(), declared });
    }
    ItemView {
        name: item_words(row.item),
        read: read(row),
        sent: row.sent.words(),
        to,
        allowed: match (row.may_send_to.is_empty(), row.may_read) {
            (true, false) => "nothing".to_owned(),
            (true, true) => "to be read".to_owned(),
            (false, read) => format!(
                "{}to {}",
                if read { "to be read; sending " } else { "sending " },
                shown(&row.may_send_to.join(", "))
            ),
        },
        verdict: row.verdict.word(),
        class: outcome_class(row.verdict),
        evidence: row.evidence.iter().take(6).cloned().collect(),
    }
}

fn read(row: &ItemRow) -> String {
    let files = |count: u64| counted(count, "file", "files");
    match row.read {
        ReadWord::No => "no".to_owned(),
        ReadWord::NotObservable => "not observable".to_owned(),
        ReadWord::WithinTask if row.files_read > 0 => files(row.files_read),
        ReadWord::WithinTask => "within the task".to_owned(),
        ReadWord::BeyondTask if row.files_read > 0 => {
            format!("{}, {} beyond the task", files(row.files_read), grouped(row.files_read_beyond))
        }
        ReadWord::BeyondTask => "beyond the task".to_owned(),
    }
}

fn destination(to: &SentTo) -> ToView {
    ToView {
        host: format!("{} ({}), {}", shown(&to.host), to.protocol, bytes_words(to.bytes)),
        how: format!(
            "{}{}",
            if to.chain.is_empty() { "as it is".to_owned() } else { shown(&to.chain.join(" of ")) },
            if to.inside { ", inside a file that was sent" } else { "" }
        ),
        declared: if to.declared { "yes" } else { "no" },
    }
}
