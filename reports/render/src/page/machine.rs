//! What it read outside its task, what it changed, and what the kernel or the host was asked for.

use super::{Pair, more, pair, rest};
use crate::lines::Tampering;
use crate::shown::shown;
use belljar_judge::{
    CallRow, Listing, SystemChangeRow, Verdict, WorldWriteRow, bytes_words, counted, grouped,
    item_words,
};

pub(super) struct ReadView {
    pub(super) path: String,
    pub(super) item: &'static str,
    pub(super) who: String,
    pub(super) reads: String,
    pub(super) bytes: String,
    pub(super) note: String,
    pub(super) allowed: bool,
}

pub(super) struct WriteView {
    pub(super) path: String,
    pub(super) what: String,
    pub(super) who: String,
    pub(super) place: &'static str,
    pub(super) means: &'static str,
}

pub(super) struct RefusedView {
    pub(super) call: String,
    pub(super) detail: String,
    pub(super) why: String,
    pub(super) count: String,
    pub(super) who: String,
}

/// A table of calls.
pub(super) struct CallTable {
    pub(super) id: &'static str,
    pub(super) head: &'static str,
    pub(super) rows: Vec<CallView>,
}

pub(super) struct CallView {
    pub(super) call: String,
    pub(super) detail: String,
    pub(super) count: String,
    pub(super) who: String,
}

pub(super) fn reads(verdict: &Verdict, most: usize) -> Vec<ReadView> {
    verdict
        .reads
        .beyond
        .rows
        .iter()
        .take(most)
        .map(|row| ReadView {
            path: shown(&row.path),
            item: item_words(row.item),
            who: row.who.iter().map(|who| shown(&who.program)).collect::<Vec<_>>().join(", "),
            reads: grouped(row.reads),
            bytes: grouped(row.bytes),
            note: [
                row.everyday.then(|| "read by nearly every program".to_owned()),
                row.page_granular.then(|| "known to the page only".to_owned()),
                row.marking.as_deref().map(shown),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
            allowed: row.allowed,
        })
        .collect()
}

pub(super) fn reads_note(verdict: &Verdict) -> String {
    let reads = &verdict.reads;
    format!(
        "{} by the component, {}; {} listed; {} that are not there looked for. Within the task {} \
         of {} were read.",
        counted(reads.count, "read", "reads"),
        bytes_words(reads.bytes),
        counted(reads.listed, "folder", "folders"),
        counted(reads.missed, "name", "names"),
        grouped(reads.within),
        counted(reads.within_planted, "planted file", "planted files"),
    )
}

pub(super) fn touched(verdict: &Verdict, most: usize) -> Vec<Pair> {
    let rows = verdict.reads.touched_beyond.rows.iter().take(most);
    rows.map(|row| pair(&shown(&row.path), grouped(row.count))).collect()
}

/// What was changed, outside its own places first, and what is not shown of it.
pub(super) fn writes(verdict: &Verdict, most: usize) -> (Vec<WriteView>, String) {
    let system = &verdict.writes.system;
    let world = &verdict.writes.world;
    let changed = |own: bool| system.rows.iter().filter(move |row| row.own == own).take(most);
    let mut views: Vec<WriteView> = changed(false).map(|row| changed_view(row, "system")).collect();
    // What the change of a file means comes before the many that mean nothing special.
    views.sort_by_key(|view| view.means.is_empty());
    views.extend(world.rows.iter().take(most).map(world_view));
    views.extend(changed(true).map(|row| changed_view(row, "its own")));
    let over = more(rest(system.total() + world.total(), views.len()), "more changes");
    (views, over)
}

fn changed_view(row: &SystemChangeRow, place: &'static str) -> WriteView {
    WriteView {
        path: shown(&row.path),
        what: format!("{}, {} now", row.change, bytes_words(row.len)),
        who: String::new(),
        place,
        means: if row.own { "" } else { Tampering::of(&row.path).map_or("", Tampering::words) },
    }
}

fn world_view(row: &WorldWriteRow) -> WriteView {
    let bytes = if row.bytes > 0 { format!(", {}", bytes_words(row.bytes)) } else { String::new() };
    WriteView {
        path: shown(&row.path),
        what: format!("{}{bytes}", shown(&row.acts.join(", "))),
        who: shown(&row.who.program),
        place: if row.decoy.is_some() { "planted file" } else { "world" },
        means: Tampering::of(&row.path).map_or("", Tampering::words),
    }
}

pub(super) fn refused(verdict: &Verdict, most: usize) -> Vec<RefusedView> {
    let rows = verdict.refused.rows.iter().take(most);
    rows.map(|row| RefusedView {
        call: shown(&row.call),
        detail: shown(&row.detail),
        why: format!("{} ({})", row.why, shown(&row.errno)),
        count: grouped(row.count),
        who: shown(&row.who.program),
    })
    .collect()
}

/// Calls that went through, if there were any.
pub(super) fn calls(verdict: &Verdict, most: usize) -> Vec<CallTable> {
    [
        ("allowed", "Let pass: memory or descriptors handed on inside the jar", &verdict.allowed),
        ("imports", "Asked of the host beside files and network", &verdict.imports),
        ("looked", "Looked at what can give the jar away", &verdict.looked),
    ]
    .into_iter()
    .filter(|(_, _, list)| list.total() > 0)
    .map(|(id, head, list)| CallTable { id, head, rows: call_rows(list, most) })
    .collect()
}

/// The last row counts those that are not shown.
fn call_rows(list: &Listing<CallRow>, most: usize) -> Vec<CallView> {
    let mut views: Vec<CallView> = list
        .rows
        .iter()
        .take(most)
        .map(|row| CallView {
            call: shown(&row.call),
            detail: shown(&row.detail),
            count: grouped(row.count),
            who: shown(&row.who.program),
        })
        .collect();
    let over = rest(list.total(), views.len());
    if over > 0 {
        views.push(CallView {
            call: format!("and {} more kinds", grouped(over)),
            detail: String::new(),
            count: String::new(),
            who: String::new(),
        });
    }
    views
}
