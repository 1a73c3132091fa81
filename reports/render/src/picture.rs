//! The timeline as SVG: reads, reads beyond the task, changes, sends, in columns of time.

use crate::shown::shown;
use belljar_judge::{MarkKind, TimeColumn, Timeline};
use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 110.0;
const ROW: f64 = 34.0;
const MARKS: usize = 40;

/// Name, class and figure of a lane.
type Lane = (&'static str, &'static str, fn(&TimeColumn) -> u64);

/// A timeline as a picture; empty if nothing happened.
pub(crate) fn timeline(line: &Timeline) -> String {
    if line.columns.is_empty() {
        return String::new();
    }
    let lanes: [Lane; 4] = [
        ("reads", "within", |column| column.reads),
        ("reads beyond", "beyond", |column| column.beyond),
        ("changes", "writes", |column| column.writes),
        ("sends", "sends", |column| column.sends),
    ];
    let lanes: Vec<_> =
        lanes.into_iter().filter(|(_, _, get)| line.columns.iter().any(|c| get(c) > 0)).collect();
    let rows = number(lanes.len());
    let height = rows * ROW + 46.0;
    let count = number(line.columns.len());
    let step = (WIDTH - LEFT) / count;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"tl\">\
         <title id=\"tl\">When the component read, changed and sent</title>"
    );
    for (row, (name, class, get)) in lanes.iter().enumerate() {
        let base = number(row + 1) * ROW;
        let most = line.columns.iter().map(get).max().unwrap_or(1).max(1);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.1}\">{name}</text>\
             <line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{base}\" y2=\"{base}\"/>",
            base - 6.0
        );
        for (place, column) in line.columns.iter().enumerate() {
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
                LEFT + number(place) * step,
                base - tall,
                (step - 0.6).max(1.0)
            );
        }
    }
    let bottom = rows * ROW;
    let total = float(line.column) * count;
    for mark in line.marks.rows.iter().take(MARKS) {
        let class = match mark.kind {
            MarkKind::Step => "step",
            MarkKind::Sample => "sample",
            MarkKind::Beyond => "beyond",
            MarkKind::Send => "sends",
            MarkKind::Limit => "limit",
        };
        let x = LEFT + float(mark.at) / total * (WIDTH - LEFT);
        let _ = write!(
            svg,
            "<line class=\"mark {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"4\" y2=\"{:.1}\">\
             <title>{}</title></line>",
            bottom + 6.0,
            escaped(&format!("{:.3} s: {}", float(mark.at) / 1e9, mark.text))
        );
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
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{:.2} s</text>",
            bottom + 24.0,
            total * number(quarter) / 4.0 / 1e9
        );
    }
    svg.push_str("</svg>");
    svg
}

#[expect(clippy::cast_precision_loss, reason = "places on a picture")]
fn float(value: u64) -> f64 {
    value as f64
}

fn number(value: usize) -> f64 {
    float(value as u64)
}

/// Text for SVG: hostile characters shown, markup escaped.
fn escaped(text: &str) -> String {
    shown(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
