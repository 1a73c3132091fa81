//! What could not be looked for or through, counted.

use belljar_decode::Cut;
use belljar_trace::Traced;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Something that could not be looked for or through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LostRow {
    /// Of which input, or `decoys`.
    pub of: String,
    /// How many.
    pub count: u64,
    /// What.
    pub what: String,
}

#[derive(Debug, Default)]
pub(crate) struct Lost(BTreeMap<(String, String), u64>);

impl Lost {
    pub(crate) fn add(&mut self, of: &str, count: u64, what: &str) {
        if count > 0 {
            *self.0.entry((of.to_owned(), what.to_owned())).or_default() += count;
        }
    }

    /// Adds what the budgets of a trace cut.
    pub(crate) fn cut(&mut self, of: &str, traced: &Traced) {
        let Cut { depth, output, pieces, time, windows, messages } = traced.cut;
        for (count, what) in [
            (depth, "objects nested too deep"),
            (output, "decodings with too much output"),
            (pieces, "decodings beyond what is done for one payload"),
            (time, "decodings that took too long"),
            (windows, "objects larger than what is looked at in one piece"),
            (messages, "messages that could not be split"),
            (traced.skipped, "comparisons beyond what is done for one payload"),
        ] {
            self.add(of, count, what);
        }
    }

    pub(crate) fn rows(self) -> Vec<LostRow> {
        self.0.into_iter().map(|((of, what), count)| LostRow { of, count, what }).collect()
    }
}
