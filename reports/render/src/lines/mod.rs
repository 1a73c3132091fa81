//! The first page in words: what the terminal and the page both say.

mod did;
mod evidence;
mod left;
mod machine;
mod seen;

pub use evidence::Evidence;
pub(crate) use machine::Tampering;

use belljar_judge::{Outcome, Verdict};

/// Findings that stand on the first page.
const FIRST: usize = 5;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub label: &'static str,
    /// How it is to be taken.
    pub mark: Mark,
    /// The statement, in sentences.
    pub text: String,
    /// Where its evidence stands.
    pub evidence: Vec<Evidence>,
}

/// How a statement is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// In order.
    Good,
    /// Against the policy.
    Bad,
    /// Limits what can be said.
    Doubt,
    /// Neither.
    Plain,
}

/// The first page, line by line.
pub fn lines(verdict: &Verdict) -> Vec<Line> {
    let mut lines = left::sent(verdict);
    lines.push(left::ceiling(verdict));
    lines.extend(left::suspects(verdict));
    lines.push(did::worked(verdict));
    lines.extend(did::answers(verdict));
    lines.push(did::beyond(verdict));
    lines.push(did::declared(verdict));
    lines.push(machine::changes(verdict));
    lines.extend(machine::nearby(verdict));
    lines.push(seen::not_seen(verdict));
    lines
}

/// The word for an outcome, in capitals.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "PASS",
        Outcome::Fail => "FAIL",
        Outcome::Inconclusive => "INCONCLUSIVE",
    }
}
