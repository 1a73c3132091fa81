//! The process tree: who started whom. Many like ones under one parent, as install scripts and
//! audit scripts start them, stand in one row.

use super::{more, rest};
use crate::shown::shown;
use belljar_judge::{FindingKind, ProcessRow, Verdict, counted, grouped};
use std::collections::{BTreeMap, HashMap};

/// Rows of one program under one parent that stand by themselves; more of them stand together.
const ALIKE: usize = 4;

pub(super) struct ProcessView {
    /// Depth in the tree, from 1, for those who hear the page.
    pub(super) level: u32,
    pub(super) indent: u32,
    pub(super) program: String,
    pub(super) command: String,
    pub(super) pid: String,
    pub(super) code: String,
    pub(super) evidence: Vec<String>,
}

/// The rows from the root downwards, at most `most`, and what is not shown of them.
pub(super) fn processes(verdict: &Verdict, most: usize) -> (Vec<ProcessView>, String) {
    let rows = &verdict.processes.rows;
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    let mut latest: HashMap<u32, usize> = HashMap::new();
    // Rows are in order of time: a number that was given again means the newer process.
    for (place, row) in rows.iter().enumerate() {
        let parent = row.parent.and_then(|pid| latest.get(&pid).copied());
        children.entry(parent).or_default().push(place);
        latest.insert(row.pid, place);
    }
    let tree = Tree { rows, children, evidence: evidence(verdict) };
    let mut views = Vec::new();
    let mut shown = 0;
    tree.below(None, 0, most, &mut views, &mut shown);
    let over = more(rest(verdict.processes.total(), shown), "more programs");
    (views, over)
}

/// Findings by process and start.
fn evidence(verdict: &Verdict) -> BTreeMap<(u32, u64), Vec<String>> {
    let mut by: BTreeMap<(u32, u64), Vec<String>> = BTreeMap::new();
    for finding in &verdict.findings {
        if let (Some(pid), Some(start)) = (finding.who.pid, finding.who.start) {
            let list = by.entry((pid, start)).or_default();
            let sent = finding.kind == FindingKind::Sent;
            if list.len() < if sent { 6 } else { 3 } {
                list.push(finding.id.clone());
            }
        }
    }
    by
}

struct Tree<'a> {
    rows: &'a [ProcessRow],
    children: HashMap<Option<usize>, Vec<usize>>,
    evidence: BTreeMap<(u32, u64), Vec<String>>,
}

impl Tree<'_> {
    fn below(
        &self,
        parent: Option<usize>,
        level: u32,
        most: usize,
        views: &mut Vec<ProcessView>,
        shown: &mut usize,
    ) {
        let Some(children) = self.children.get(&parent) else { return };
        let mut alike: HashMap<&str, Vec<usize>> = HashMap::new();
        for &child in children.iter().filter(|&&child| self.plain(child)) {
            alike.entry(self.rows[child].program.as_str()).or_default().push(child);
        }
        for &child in children {
            if views.len() >= most {
                return;
            }
            let group = alike.get(self.rows[child].program.as_str());
            match group.filter(|group| group.len() > ALIKE && self.plain(child)) {
                Some(group) if group.first() == Some(&child) => {
                    *shown += group.len();
                    views.push(self.together(group, level));
                }
                Some(_) => {}
                None => {
                    *shown += 1;
                    views.push(self.one(child, level));
                    self.below(Some(child), (level + 1).min(40), most, views, shown);
                }
            }
        }
    }

    /// Whether a process started nothing and nothing was found of it.
    fn plain(&self, place: usize) -> bool {
        let row = &self.rows[place];
        !self.children.contains_key(&Some(place))
            && !self.evidence.contains_key(&(row.pid, row.start))
    }

    fn one(&self, place: usize, level: u32) -> ProcessView {
        let row = &self.rows[place];
        ProcessView {
            level: level + 1,
            indent: level.min(12),
            program: shown(&row.program),
            command: shown(&row.command),
            pid: row.pid.to_string(),
            code: row.code.map_or_else(|| "–".to_owned(), |code| code.to_string()),
            evidence: self.evidence.get(&(row.pid, row.start)).cloned().unwrap_or_default(),
        }
    }

    fn together(&self, group: &[usize], level: u32) -> ProcessView {
        let first = &self.rows[group[0]];
        ProcessView {
            level: level + 1,
            indent: level.min(12),
            program: shown(&first.program),
            command: format!(
                "{}, the first: {}",
                counted(group.len() as u64, "run", "runs"),
                shown(&first.command)
            ),
            pid: format!("{} of them", grouped(group.len() as u64)),
            code: "–".to_owned(),
            evidence: Vec::new(),
        }
    }
}
