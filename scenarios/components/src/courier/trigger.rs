//! What sets a case off. Each is really looked at; for a case in which it must not happen, what is
//! asked for is not true of this machine.

use crate::{Failure, http};
use belljar_components::scan;
use belljar_leaks::{Case, Kind, Source, Trigger};
use std::path::Path;

/// Whether the case is set off.
pub(crate) fn met(case: &Case) -> Result<bool, Failure> {
    let wanted = !matches!(case.kind, Kind::Negative(_));
    let Source::File { path, .. } = &case.source else { return Ok(true) };
    Ok(match case.trigger {
        Trigger::Always => true,
        Trigger::Name => path.contains("accounts"),
        Trigger::Keyword => std::fs::read(path)?.windows(8).any(|part| part == b"Subject:"),
        Trigger::Type => {
            let bytes = std::fs::read(path)?;
            bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"%PDF")
        }
        Trigger::Detection => scan::detect(Path::new(path), &std::fs::read(path)?).is_some(),
        Trigger::Reply => {
            let id = std::fs::read_to_string("/etc/machine-id")?;
            http::ordered(id.trim(), wanted)?
        }
        Trigger::Locale => {
            let locale = std::env::var("LANG").unwrap_or_default();
            locale.starts_with(if wanted { "en_GB" } else { "xx_XX" })
        }
        Trigger::Date => {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            // 2020-01-01, or the year 2200.
            since.as_secs() > if wanted { 1_577_836_800 } else { 7_258_118_400 }
        }
    })
}
