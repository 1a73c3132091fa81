//! The programs that ran, and the calls that were refused, let pass or handed to the host.
//!
//! A process is told of more than once: when it asks to run a program, with its arguments, and when
//! it is first met at a door, with nothing but its executable. Which comes first is a race that the
//! component decides, so the two do not compete: what was asked for to be run stands, and a sight
//! fills only what nothing else has told. Cannot see: a process that neither ran a program nor came
//! to a door.

use crate::gather::{ROWS, cut};
use crate::verdict::{CallRow, Listing, ProcessRow, RefusedRow, Who};
use crate::words;
use belljar_record::{Actor, ProcessKey, Program, RefusalKind};
use std::collections::{BTreeMap, HashMap};

const REFUSED_ROWS: usize = 1_000;
const CALL_ROWS: usize = 500;
const COMMAND: usize = 400;
const DETAIL: usize = 200;

/// Programs by process.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    rows: BTreeMap<ProcessKey, ProcessRow>,
    parents: HashMap<ProcessKey, ProcessKey>,
    more: u64,
}

impl Programs {
    pub(crate) fn take(&mut self, program: &Program, at: u64) {
        if let Some(parent) = program.parent {
            self.parents.insert(program.process, parent);
        }
        if self.rows.len() >= ROWS && !self.rows.contains_key(&program.process) {
            self.more += 1;
            return;
        }
        let row = self.rows.entry(program.process).or_insert_with(|| ProcessRow {
            pid: program.process.pid,
            start: program.process.start,
            parent: program.parent.map(|parent| parent.pid),
            depth: 0,
            program: String::new(),
            command: String::new(),
            code: None,
            at,
        });
        let sight = program.arguments.is_empty();
        if sight && !row.program.is_empty() {
            return;
        }
        row.program = program.executable.to_string();
        let words: Vec<String> = program.arguments.iter().map(ToString::to_string).collect();
        row.command = cut(&words.join(" "), COMMAND);
    }

    pub(crate) fn ended(&mut self, process: ProcessKey, code: Option<i32>) {
        if let Some(row) = self.rows.get_mut(&process) {
            row.code = code;
        }
    }

    pub(crate) fn finish(self) -> Listing<ProcessRow> {
        let parents = self.parents;
        let mut rows: Vec<ProcessRow> = self
            .rows
            .into_iter()
            .map(|(key, mut row)| {
                row.depth = depth(key, &parents);
                row
            })
            .collect();
        rows.sort_by_key(|row| (row.at, row.start, row.pid));
        Listing { rows, more: self.more }
    }
}

/// How many known ancestors a process has; a ring of parents (a forged record) ends the count.
fn depth(key: ProcessKey, parents: &HashMap<ProcessKey, ProcessKey>) -> u32 {
    let mut depth = 0;
    let mut at = key;
    while let Some(&parent) = parents.get(&at) {
        if !parents.contains_key(&parent) || depth == 32 {
            break;
        }
        depth += 1;
        at = parent;
    }
    depth
}

/// Calls that the jar refused, counted by call, arguments and error.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    places: HashMap<(String, String, String), usize>,
    rows: Listing<RefusedRow>,
}

impl Refusals {
    pub(crate) fn add(
        &mut self,
        actor: Actor,
        call: &str,
        detail: &str,
        errno: &str,
        why: RefusalKind,
        count: u64,
    ) {
        let key = (call.to_owned(), detail.to_owned(), errno.to_owned());
        if let Some(&place) = self.places.get(&key) {
            self.rows.rows[place].count += count;
            return;
        }
        if self.rows.rows.len() < REFUSED_ROWS {
            self.places.insert(key, self.rows.rows.len());
        }
        let row = RefusedRow {
            call: call.to_owned(),
            detail: cut(detail, DETAIL),
            errno: errno.to_owned(),
            why: words::refusal(why).to_owned(),
            count,
            who: words::who(&actor),
        };
        self.rows.push(row, REFUSED_ROWS);
    }

    pub(crate) fn finish(self) -> Listing<RefusedRow> {
        self.rows
    }
}

/// Calls that went through, counted by call and arguments.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    places: HashMap<(String, String), usize>,
    rows: Listing<CallRow>,
}

impl Calls {
    pub(crate) fn add(&mut self, call: &str, detail: &str, count: u64, who: impl FnOnce() -> Who) {
        let detail = cut(detail, DETAIL);
        let key = (call.to_owned(), detail);
        if let Some(&place) = self.places.get(&key) {
            self.rows.rows[place].count += count;
            return;
        }
        let (call, detail) = key.clone();
        if self.rows.rows.len() < CALL_ROWS {
            self.places.insert(key, self.rows.rows.len());
        }
        self.rows.push(CallRow { call, detail, count, who: who() }, CALL_ROWS);
    }

    pub(crate) fn finish(self) -> Listing<CallRow> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use belljar_record::Confidence;

    fn program(executable: &str, arguments: &[&str]) -> Program {
        Program {
            process: ProcessKey { pid: 7, start: 9 },
            parent: None,
            executable: executable.into(),
            arguments: arguments.iter().map(|&word| word.into()).collect(),
            source: "test".to_owned(),
            confidence: Confidence::Observed,
        }
    }

    #[test]
    fn a_row_does_not_depend_on_whether_a_sight_came_before_or_after_the_start() {
        let (asked, sight) =
            (program("/usr/bin/cat", &["cat", "/etc/machine-id"]), program("/usr/bin/cat", &[]));
        let row = |order: [&Program; 2]| {
            let mut programs = Programs::default();
            order.iter().for_each(|program| programs.take(program, 5));
            programs.finish().rows.remove(0)
        };
        assert_eq!(row([&asked, &sight]), row([&sight, &asked]));
        assert_eq!(row([&sight, &asked]).command, "cat /etc/machine-id");
    }

    #[test]
    fn calls_are_counted_and_bounded() {
        let mut calls = Calls::default();
        for n in 0..2 * CALL_ROWS {
            let who = || words::who(&Actor::Kernel);
            calls.add("ptrace", &n.to_string(), 2, who);
            calls.add("ptrace", "0", 1, who);
        }
        let rows = calls.finish();
        assert_eq!(rows.rows.len(), CALL_ROWS);
        assert_eq!(rows.more, CALL_ROWS as u64);
        assert_eq!(rows.rows[0].count, 2 + 2 * CALL_ROWS as u64);
    }
}
