//! Pictures as SVG, in the page's own colours (classes, never colour values), each with a title
//! that a screen reader reads and a table beside it that says the same in words.

mod timeline;
mod ways;

pub(crate) use timeline::timeline;
pub(crate) use ways::{Way, picture as ways_picture, ways};

use crate::shown::shown;

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

/// At most `chars` characters: the head and, since names differ at their ends, more of the end.
fn shortened(text: &str, chars: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= chars {
        return text.to_owned();
    }
    let head = chars / 3;
    let tail = chars - head - 1;
    all[..head].iter().chain(&['…']).chain(&all[all.len() - tail..]).collect()
}
