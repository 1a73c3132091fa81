//! The timeline: what was asked of the component, above it when it read, changed and sent, in
//! columns of time, and what stands out.

use super::{escaped, float, number, shortened};
use belljar_judge::{MarkKind, StepRow, TimeColumn, Timeline};
use std::fmt::Write as _;

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 104.0;
const ROW: f64 = 36.0;
const BAND: f64 = 18.0;
const MARKS: usize = 60;
const STEPS: usize = 24;

/// Name, class and figure of a lane.
type Lane = (&'static str, &'static str, fn(&TimeColumn) -> u64);

const LANES: [Lane; 5] = [
    ("reads", "within", |column| column.reads),
    ("reads beyond", "beyond", |column| column.beyond),
    ("changes", "writes", |column| column.writes),
    ("sends", "sends", |column| column.sends),
    ("bytes sent", "sends", |column| column.sent_bytes),
];

/// A timeline as a picture; empty if nothing happened.
pub(crate) fn timeline(line: &Timeline, steps: &[StepRow]) -> String {
    if line.columns.is_empty() {
        return String::new();
    }
    let lanes: Vec<&Lane> =
        LANES.iter().filter(|(_, _, get)| line.columns.iter().any(|c| get(c) > 0)).collect();
    let count = number(line.columns.len());
    let total = float(line.column) * count;
    let place = |at: u64| LEFT + (float(at) / total).min(1.0) * (WIDTH - LEFT);
    let bands = bands(steps, place);
    let top = number(bands.rows) * (BAND + 3.0) + 6.0;
    let bottom = top + number(lanes.len()) * ROW;
    let height = bottom + 34.0;
    let mut svg = format!(
        "<svg class=\"time\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-labelledby=\"tl td\">\
         <title id=\"tl\">When the component read, changed and sent</title>\
         <desc id=\"td\">Heights by the logarithm of the count; the table below says the moments \
         in words.</desc>{}",
        bands.svg
    );
    let step = (WIDTH - LEFT) / count;
    for (row, (name, class, get)) in lanes.iter().enumerate() {
        let base = top + number(row + 1) * ROW;
        let most = line.columns.iter().map(get).max().unwrap_or(1).max(1);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.0}\">{name}</text>\
             <line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{base:.0}\" y2=\"{base:.0}\"/>",
            base - 6.0
        );
        for (column, at) in line.columns.iter().zip(0_usize..) {
            let value = get(column);
            if value == 0 {
                continue;
            }
            // By the logarithm, so that one read beside ten thousand is still seen.
            let tall = (float(value) + 1.0).ln() / (float(most) + 1.0).ln() * (ROW - 10.0);
            let tall = tall.max(3.0);
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\">\
                 <title>{value} {name}</title></rect>",
                LEFT + number(at) * step,
                base - tall,
                (step - 0.6).clamp(1.0, 12.0)
            );
        }
    }
    let marks = line.marks.rows.iter().filter(|mark| mark.kind != MarkKind::Step);
    for mark in marks.take(MARKS) {
        let class = match mark.kind {
            MarkKind::Step => "step",
            MarkKind::Detection => "found",
            MarkKind::Sample => "sample",
            MarkKind::Beyond => "beyond",
            MarkKind::Send => "sends",
            MarkKind::Limit => "limit",
        };
        let x = place(mark.at);
        let _ = write!(
            svg,
            "<g class=\"mark {class}\"><title>{}</title>\
             <line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.0}\" y2=\"{:.0}\"/>",
            escaped(&format!("{:.3} s: {}", float(mark.at) / 1e9, mark.text)),
            bottom + 5.0,
        );
        if mark.kind == MarkKind::Detection {
            let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{:.0}\" r=\"4\"/>", bottom + 6.0);
        }
        svg.push_str("</g>");
    }
    for quarter in 0..=4_usize {
        let x = LEFT + number(quarter) / 4.0 * (WIDTH - LEFT);
        let anchor = match quarter {
            0 => "start",
            4 => "end",
            _ => "middle",
        };
        let _ = write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{:.2} s</text>",
            bottom + 26.0,
            total * number(quarter) / 4.0 / 1e9
        );
    }
    svg.push_str("</svg>");
    svg
}

struct Bands {
    svg: String,
    rows: usize,
}

/// What was asked of the component, each step a band from its begin to its end; those that overlap
/// stand under one another, up to four deep.
fn bands(steps: &[StepRow], place: impl Fn(u64) -> f64) -> Bands {
    let mut svg = String::new();
    let mut ends: Vec<f64> = Vec::new();
    for step in steps.iter().filter(|step| step.began.is_some()).take(STEPS) {
        let began = step.began.unwrap_or(0);
        let long = step.millis.unwrap_or(0).saturating_mul(1_000_000);
        let (from, to) = (place(began), place(began.saturating_add(long)));
        let wide = (to - from).max(3.0);
        let name = shortened(&crate::shown::shown(&step.name), 22);
        // A name that has no room in its band stands behind it, if it does not leave the picture.
        let text = number(name.chars().count()) * 6.2 + 8.0;
        let inside = wide >= text;
        let (x, anchor) = match (inside, from + wide + text > WIDTH) {
            (true, _) => (from + 4.0, "start"),
            (false, false) => (from + wide + 3.0, "start"),
            (false, true) => (from - 3.0, "end"),
        };
        let start = if anchor == "end" { from - text } else { from };
        let reach = if inside { from + wide } else { from + wide + text };
        let row = ends.iter().position(|end| *end <= start).unwrap_or(ends.len()).min(4);
        match ends.get_mut(row) {
            Some(end) => *end = reach,
            None => ends.push(reach),
        }
        let y = number(row) * (BAND + 3.0);
        let _ = write!(
            svg,
            "<g><title>{}</title><rect class=\"band\" x=\"{from:.1}\" y=\"{y:.0}\" width=\"{wide:.1}\" height=\"{BAND}\" rx=\"2\"/>\
             <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text></g>",
            escaped(&format!("step {}: {} ms", step.name, step.millis.unwrap_or(0))),
            y + 13.0,
            escaped(&name)
        );
    }
    if !svg.is_empty() {
        svg.push_str("<text x=\"0\" y=\"13\">asked of it</text>");
    }
    Bands { svg, rows: ends.len() }
}
