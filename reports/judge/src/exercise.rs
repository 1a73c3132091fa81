//! Whether the component did its work. Nothing passes by doing nothing.

use crate::classify::fill;
use crate::gather::{Gathered, StepSeen, cut};
use crate::input::JudgeInput;
use crate::verdict::{Exercise, ExerciseCheck, ExerciseKind, Listing, StepRow};
use crate::words::{counted, grouped};
use belljar_record::ByteString;
use belljar_schema::{Action, Step};
use std::collections::BTreeSet;

const DETECTION_ROWS: usize = 100;

/// Compares what each step had to do with what it did.
pub(crate) fn exercise(input: &JudgeInput<'_>, gathered: &Gathered) -> Exercise {
    let mut checks = Vec::new();
    let mut wanted_all = 0;
    let mut found_all = 0;
    let mut asked = false;
    for (step, seen) in input.plan.steps.iter().zip(&gathered.steps) {
        let before = checks.len();
        ended(step, seen, &mut checks);
        let expect = &step.expect;
        let end = seen.end.as_ref();
        if !expect.exit.is_empty() {
            asked = true;
            let code = end.and_then(|end| end.code);
            checks.push(ExerciseCheck {
                step: step.name.clone(),
                what: ExerciseKind::ExitCode,
                wanted: format!("exit code {}", list(&expect.exit)),
                got: code.map_or_else(|| "none".to_owned(), |code| code.to_string()),
                met: code.is_some_and(|code| expect.exit.contains(&code)),
            });
        }
        if !expect.detections.is_empty() {
            asked = true;
            let said = end.map_or(&[][..], |end| end.detections.as_slice());
            let wanted: Vec<String> =
                expect.detections.iter().map(|path| fill(input.manifest, path)).collect();
            let missing: Vec<&String> =
                wanted.iter().filter(|path| !said.iter().any(|said| names(said, path))).collect();
            let found = (wanted.len() - missing.len()) as u64;
            wanted_all += wanted.len() as u64;
            found_all += found;
            let mut got = grouped(found);
            if let Some(first) = missing.first() {
                got.push_str(&format!(
                    "; not {first}{}",
                    if missing.len() > 1 {
                        format!(" and {}", counted(missing.len() as u64 - 1, "other", "others"))
                    } else {
                        String::new()
                    }
                ));
            }
            checks.push(ExerciseCheck {
                step: step.name.clone(),
                what: ExerciseKind::Detections,
                wanted: counted(wanted.len() as u64, "planted detection", "planted detections"),
                got,
                met: missing.is_empty(),
            });
        }
        if expect.decoys_read > 0 {
            asked = true;
            let read = seen.decoys.len() as u64;
            checks.push(ExerciseCheck {
                step: step.name.clone(),
                what: ExerciseKind::DecoysRead,
                wanted: format!("at least {} read", counted(expect.decoys_read, "decoy", "decoys")),
                got: grouped(read),
                met: read >= expect.decoys_read,
            });
        }
        if expect.vendor_answered {
            asked = true;
            checks.push(ExerciseCheck {
                step: step.name.clone(),
                what: ExerciseKind::VendorAnswered,
                wanted: "a request to the vendor that the scenario answers".to_owned(),
                got: counted(seen.answered, "answered request", "answered requests"),
                met: seen.answered > 0,
            });
        }
        // What the runner itself found wanting and none of the checks above says.
        if let Some(end) = end
            && !end.unmet.is_empty()
            && checks.get(before..).is_some_and(|own| own.iter().all(|check| check.met))
        {
            checks.push(ExerciseCheck {
                step: step.name.clone(),
                what: ExerciseKind::Other,
                wanted: "what the scenario asks of the step".to_owned(),
                got: cut(&end.unmet.join("; "), 400),
                met: false,
            });
        }
    }
    for limit in &gathered.limits {
        checks.push(ExerciseCheck {
            step: String::new(),
            what: ExerciseKind::Limits,
            wanted: "no limit of the jar reached".to_owned(),
            got: cut(limit, 200),
            met: false,
        });
    }
    if let Some(reason) = &gathered.interrupted {
        checks.push(ExerciseCheck {
            step: String::new(),
            what: ExerciseKind::Ended,
            wanted: "the run goes to its end".to_owned(),
            got: format!("interrupted: {}", cut(reason, 200)),
            met: false,
        });
    }
    if !asked {
        checks.push(ExerciseCheck {
            step: String::new(),
            what: ExerciseKind::Asked,
            wanted: "a step that must achieve something".to_owned(),
            got: "the scenario asks nothing of this component, so nothing shows that it worked"
                .to_owned(),
            met: false,
        });
    }
    let read: BTreeSet<u32> = gathered.reading.decoys.keys().copied().collect();
    Exercise {
        done: checks.iter().all(|check| check.met),
        checks,
        decoys_read: read.len() as u64,
        detections_wanted: wanted_all,
        detections_found: found_all,
        vendor_answers: gathered.steps.first().map_or(0, |step| step.answered),
    }
}

fn ended(step: &Step, seen: &StepSeen, checks: &mut Vec<ExerciseCheck>) {
    let (got, met) = match (&seen.end, seen.began) {
        (Some(end), _) if end.timed_out => {
            (format!("its time ran out after {} ms", grouped(end.millis)), false)
        }
        (Some(_), _) => return,
        (None, Some(_)) => ("begun, and not ended".to_owned(), false),
        (None, None) => ("not begun".to_owned(), false),
    };
    checks.push(ExerciseCheck {
        step: step.name.clone(),
        what: ExerciseKind::Ended,
        wanted: "the step goes to its end".to_owned(),
        got,
        met,
    });
}

/// Whether what the component said names a path: the path itself, or something in it.
fn names(said: &ByteString, path: &str) -> bool {
    said.as_bytes().strip_prefix(path.as_bytes()).is_some_and(|rest| {
        rest.first()
            .is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'-' | b'_'))
    })
}

fn list(codes: &[i32]) -> String {
    codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// The steps as they went.
pub(crate) fn steps(input: &JudgeInput<'_>, gathered: &Gathered) -> Vec<StepRow> {
    input
        .plan
        .steps
        .iter()
        .zip(&gathered.steps)
        .map(|(step, seen)| StepRow {
            name: step.name.clone(),
            command: match &step.action {
                Action::Run { command } | Action::Start { command, .. } => command
                    .argv
                    .iter()
                    .map(|word| shell(&fill(input.manifest, word)))
                    .collect::<Vec<_>>()
                    .join(" "),
                _ => String::new(),
            },
            began: seen.began,
            millis: seen.end.as_ref().map(|end| end.millis),
            code: seen.end.as_ref().and_then(|end| end.code),
            detections: seen.end.as_ref().map_or_else(Listing::default, |end| {
                Listing::capped(
                    end.detections.iter().map(ToString::to_string).collect(),
                    DETECTION_ROWS,
                    0,
                )
            }),
        })
        .collect()
}

/// A word of a command line as one types it.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
