//! A replayed finding in words: each step with its places, and the bytes side by side.

use crate::shown::shown;
use belljar_evidence::{Compared, DecoyShown, Excerpted, Explanation, StepShown};
use belljar_judge::{bytes_words, grouped};

/// Bytes on one row of a comparison.
const ROW: usize = 16;

/// The explanation for a terminal.
pub fn explained(told: &Explanation) -> String {
    let mut out = format!("{}  {}\n", told.id, shown(&told.title));
    if !told.by.is_empty() {
        out.push_str(&format!("\nBy {}\n", shown(&told.by)));
    }
    if !told.attack.is_empty() {
        out.push_str(&format!("ATT&CK: {} (labels only)\n", shown(&told.attack.join("; "))));
    }
    if let Some(payload) = &told.payload {
        let part = payload.part.as_deref().map_or_else(String::new, |p| format!(", {}", shown(p)));
        out.push_str(&format!(
            "\nPayload {} ({}, {}{part})\n",
            shown(&payload.sha256),
            bytes_words(payload.len),
            shown(&payload.layer),
        ));
    }
    for step in &told.steps {
        out.push_str(&step_words(step));
    }
    if let Some(decoy) = &told.decoy {
        out.push_str(&decoy_words(decoy));
    }
    for (number, compared) in (1_usize..).zip(&told.compared) {
        out.push_str(&compared_words(number, compared, told.steps.len()));
    }
    if told.more > 0 {
        out.push_str(&format!(
            "\nAnd {} more runs of equal bytes, not compared here.\n",
            grouped(told.more)
        ));
    }
    if !told.record.is_empty() {
        out.push_str("\nRecord\n");
        for line in &told.record {
            out.push_str(&format!("  {}\n", shown(&line.to_string())));
        }
    }
    if !told.others.is_empty() {
        let names: Vec<&str> = told.others.iter().map(String::as_str).collect();
        out.push_str(&format!("\nRests on, or belongs to: {}\n", shown(&names.join(", "))));
    }
    let (equal, len) =
        told.compared.iter().fold((0, 0), |(equal, len), one| (equal + one.equal, len + one.len));
    out.push('\n');
    if told.holds {
        out.push_str("HOLDS.");
    } else {
        out.push_str("DOES NOT HOLD.");
    }
    if len > 0 {
        out.push_str(&format!(" {} of {} bytes compared are equal.", grouped(equal), grouped(len)));
    }
    out.push('\n');
    for doubt in &told.doubts {
        out.push_str(&format!("  {}\n", shown(doubt)));
    }
    out
}

/// What a step's places are places of.
fn object(steps_before: usize) -> String {
    match steps_before {
        0 => "the payload".to_owned(),
        number => format!("what step {number} gives"),
    }
}

fn step_words(step: &StepShown) -> String {
    format!(
        "\nStep {}: {}\n  reads bytes {}–{} of {}\n{}  gives {}\n{}",
        step.number,
        shown(&step.decoding),
        step.reads_from,
        step.reads_to,
        object(step.number - 1),
        rows(&step.input),
        bytes_words(step.gives),
        rows(&step.output),
    )
}

fn decoy_words(decoy: &DecoyShown) -> String {
    let part = decoy.part.as_deref().map_or_else(String::new, |p| format!(", in it {}", shown(p)));
    let len = decoy.len.map_or_else(String::new, |len| format!(", {}", bytes_words(len)));
    let agrees = match decoy.as_in_manifest {
        Some(true) => "; its SHA-256 is that of the manifest",
        Some(false) => "; its SHA-256 is NOT that of the manifest",
        None => "",
    };
    format!("\nDecoy {}: {}{part}{len}{agrees}\n", decoy.id, shown(&decoy.path))
}

fn compared_words(number: usize, compared: &Compared, steps: usize) -> String {
    let to = |from: u64| from.saturating_add(compared.len);
    let mut out = format!(
        "\nComparison {number}: bytes {}–{} of {} with bytes {}–{}: {}; {} of {} equal\n",
        compared.left.offset,
        to(compared.left.offset),
        object(steps),
        compared.planted.offset,
        to(compared.planted.offset),
        shown(&compared.what),
        grouped(compared.equal),
        grouped(compared.len),
    );
    let (left, planted) = (&compared.left.bytes, &compared.planted.bytes);
    for from in (0..left.len().max(planted.len())).step_by(ROW) {
        let (one, other) = (cut(left, from), cut(planted, from));
        let mark = if one == other { '=' } else { '≠' };
        let (at, there) = (compared.left.offset, compared.planted.offset);
        out.push_str(&format!("  left     {}\n", row(at + from as u64, one)));
        out.push_str(&format!("{mark} planted  {}\n", row(there + from as u64, other)));
    }
    out
}

fn cut(bytes: &[u8], from: usize) -> &[u8] {
    let from = from.min(bytes.len());
    &bytes[from..bytes.len().min(from + ROW)]
}

fn rows(excerpt: &Excerpted) -> String {
    excerpt
        .bytes
        .chunks(ROW)
        .zip(0_u64..)
        .map(|(bytes, number)| {
            format!("    {}\n", row(excerpt.offset + number * ROW as u64, bytes))
        })
        .collect()
}

fn row(offset: u64, bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: String = bytes
        .iter()
        .map(|&byte| if (32..127).contains(&byte) { char::from(byte) } else { '·' })
        .collect();
    format!("{offset:08x}  {:<47}  {text}", hex.join(" "))
}
