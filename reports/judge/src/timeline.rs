//! When things happened, in a fixed number of columns however long the run takes.

use crate::verdict::{Listing, MarkKind, TimeColumn, TimeMark, Timeline};

const COLUMNS: usize = 120;
const MARKS: usize = 200;

/// Counts by time. Starts with columns of a millisecond and doubles them as the run goes on.
#[derive(Debug)]
pub(crate) struct Times {
    column: u64,
    columns: Vec<TimeColumn>,
    marks: Listing<TimeMark>,
}

impl Default for Times {
    fn default() -> Self {
        Self { column: 1_000_000, columns: Vec::new(), marks: Listing::default() }
    }
}

impl Times {
    fn at(&mut self, at: u64) -> &mut TimeColumn {
        let mut place = at / self.column;
        while place >= COLUMNS as u64 {
            let halves: Vec<TimeColumn> = self
                .columns
                .chunks(2)
                .map(|pair| {
                    let mut sum = pair[0];
                    if let Some(other) = pair.get(1) {
                        sum.reads += other.reads;
                        sum.beyond += other.beyond;
                        sum.writes += other.writes;
                        sum.sends += other.sends;
                        sum.sent_bytes += other.sent_bytes;
                    }
                    sum
                })
                .collect();
            self.columns = halves;
            self.column = self.column.saturating_mul(2);
            place = at / self.column;
        }
        // Below COLUMNS by the loop above.
        let place = usize::try_from(place).unwrap_or(COLUMNS - 1);
        if self.columns.len() <= place {
            self.columns.resize(place + 1, TimeColumn::default());
        }
        &mut self.columns[place]
    }

    pub(crate) fn read(&mut self, at: u64, beyond: bool) {
        let column = self.at(at);
        if beyond {
            column.beyond += 1;
        } else {
            column.reads += 1;
        }
    }

    pub(crate) fn write(&mut self, at: u64) {
        self.at(at).writes += 1;
    }

    pub(crate) fn send(&mut self, at: u64, bytes: u64) {
        let column = self.at(at);
        column.sends += 1;
        column.sent_bytes += bytes;
    }

    pub(crate) fn mark(&mut self, at: u64, kind: MarkKind, text: String) {
        self.at(at);
        self.marks.push(TimeMark { at, kind, text: crate::gather::cut(&text, 200) }, MARKS);
    }

    pub(crate) fn finish(self) -> Timeline {
        Timeline { column: self.column, columns: self.columns, marks: self.marks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_loses_no_count_and_grows_no_further() {
        let mut times = Times::default();
        for n in 0..100_000_u64 {
            times.read(n * 7_000_000, n % 3 == 0);
        }
        times.read(u64::MAX, false);
        let line = times.finish();
        assert!(line.columns.len() <= COLUMNS);
        let all: u64 = line.columns.iter().map(|column| column.reads + column.beyond).sum();
        assert_eq!(all, 100_001);
    }
}
