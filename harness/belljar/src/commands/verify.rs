//! `belljar verify`: whether a bundle holds, without trusting whoever made it.

use crate::cli::VerifyArgs;
use crate::exit::Exit;
use crate::problem::Problem;
use belljar_evidence::{Bundle, Difference, VerifyReport, verify as check};

/// Checks a bundle and says what differs.
pub(crate) fn verify(args: &VerifyArgs) -> Result<Exit, Problem> {
    let report = check(&Bundle::open(&args.bundle)?);
    eprint!("{}", words(&report));
    Ok(if report.holds { Exit::Pass } else { Exit::Fail })
}

fn words(report: &VerifyReport) -> String {
    let mut text = String::from(if report.holds { "HOLDS. " } else { "DOES NOT HOLD. " });
    text.push_str(&format!(
        "Checked: {} files by length and digest, {} lines of the record, {} payloads.\n",
        report.files, report.observations, report.payloads
    ));
    if let Some(redaction) = &report.redacted {
        text.push_str(&format!(
            "Redacted: {} payloads ({} bytes), the packets and the bytes of {} decoys are withheld, {} \
             places masked. The original's bundle.json has sha256 {}.\n",
            redaction.payloads,
            redaction.payload_bytes,
            redaction.decoys,
            redaction.masked,
            redaction.original
        ));
    }
    text.push_str(&if report.derived && report.redacted.is_some() {
        format!(
            "The verdict was judged again from the record and {} traces as stated.\n",
            report.traces
        )
    } else if report.derived {
        format!(
            "The verdict was derived again from the bundle alone: {} traces in {} decoys.\n",
            report.traces, report.decoys
        )
    } else {
        "The verdict could not be derived again.\n".to_owned()
    });
    if let Some(reason) = &report.partial {
        text.push_str(&format!("The bundle is partial: {reason}\n"));
    }
    for Difference { what, says, found } in &report.differences {
        text.push_str(&format!("  {what}: the bundle says {says}; found {found}\n"));
    }
    if report.more > 0 {
        text.push_str(&format!("  and {} more differences\n", report.more));
    }
    for note in &report.notes {
        text.push_str(&format!("Note: {note}\n"));
    }
    text
}
