//! Decoys: each makes sense in itself, and no two stand at one place.

use super::paths::{self, Homes};
use super::placeholders;
use crate::error::{FileError, FileErrorKind};
use crate::plan::DecoyKind;
use crate::source::{At, Source, Wrong};
use crate::written::WrittenDecoy;
use std::collections::BTreeMap;

/// Archives in archives: as deep as belljar itself looks.
const MAX_DEPTH: usize = 4;
const MAX_COUNT: u32 = 1_000_000;
const MAX_SIZE: u64 = 1 << 40;

fn wrong(message: String, help: impl Into<String>) -> Wrong {
    Wrong::new(FileErrorKind::Decoy, message, help)
}

/// All decoys of a scenario.
pub(super) fn check_all(
    source: &Source,
    decoys: &[WrittenDecoy],
    homes: Homes<'_>,
) -> Result<(), FileError> {
    if decoys.is_empty() {
        return Err(source.wrong(
            &At::root().key("decoys"),
            wrong("no decoy is planted".into(), "add at least one `[[decoys]]`"),
        ));
    }
    let mut taken: BTreeMap<String, &WrittenDecoy> = BTreeMap::new();
    for (index, decoy) in decoys.iter().enumerate() {
        let at = At::root().key("decoys").index(index);
        check_one(source, decoy, &at, 0)?;
        check_place(source, decoy, &at, homes, &taken)?;
        taken.insert(homes.normal(&decoy.path), decoy);
    }
    Ok(())
}

/// Whether a decoy's place is free: not taken, not below a file, not above one.
pub(super) fn check_place(
    source: &Source,
    decoy: &WrittenDecoy,
    at: &At,
    homes: Homes<'_>,
    taken: &BTreeMap<String, &WrittenDecoy>,
) -> Result<(), FileError> {
    let path = homes.normal(&decoy.path);
    let fail =
        |message: String, help: &str| Err(source.wrong(&at.key("path"), wrong(message, help)));
    if taken.contains_key(&path) {
        return fail(
            format!("`{}` is planted twice", decoy.path),
            "give each decoy a path of its own",
        );
    }
    let mut above = path.as_str();
    while let Some((parent, _)) = above.rsplit_once('/') {
        if let Some(other) = taken.get(parent) {
            return fail(
                format!("`{}` lies inside `{}`, which is planted whole", decoy.path, other.path),
                "choose a path beside it",
            );
        }
        above = parent;
    }
    let below = format!("{path}/");
    if let Some((_, other)) = taken.range(below.clone()..).next()
        && homes.normal(&other.path).starts_with(&below)
    {
        return fail(
            format!("`{}` would be a file, but `{}` lies inside it", decoy.path, other.path),
            "choose a path beside it",
        );
    }
    Ok(())
}

/// One decoy and its members.
pub(super) fn check_one(
    source: &Source,
    decoy: &WrittenDecoy,
    at: &At,
    depth: usize,
) -> Result<(), FileError> {
    let fail = |key: &str, wrong: Wrong| Err(source.wrong(&at.key(key), wrong));
    let count = decoy.count.unwrap_or(1);
    let numbered = decoy.kind != DecoyKind::SourceTree && decoy.path.contains("{n}");
    let path = placeholders::replace(&decoy.path, "n", "1");
    let placed = match depth {
        0 => paths::in_world(&path, placeholders::PATH),
        _ => paths::member(&path, placeholders::PATH),
    };
    placed.or_else(|wrong| fail("path", wrong))?;
    check_amounts(decoy).or_else(|(key, wrong)| fail(key, wrong))?;
    if decoy.kind != DecoyKind::SourceTree && (count > 1) != numbered {
        return match numbered {
            true => fail(
                "path",
                wrong(
                    format!("`{}` holds `{{n}}`, but one file is planted", decoy.path),
                    "add `count = …`, or take `{n}` out",
                ),
            ),
            false => fail(
                "count",
                wrong(
                    format!("{count} files cannot all stand at `{}`", decoy.path),
                    "put `{n}` into the path; it becomes the number of the file",
                ),
            ),
        };
    }
    check_marking(decoy).or_else(|wrong| fail("marking", wrong))?;
    if let Some(mode) = &decoy.mode {
        let bits = u32::from_str_radix(mode, 8).ok().filter(|bits| *bits <= 0o7777);
        if bits.is_none() || mode.starts_with('+') {
            return fail(
                "mode",
                wrong(format!("`{mode}` are no mode bits"), "write octal digits: \"0600\""),
            );
        }
    }
    check_sample(decoy).or_else(|(key, wrong)| fail(key, wrong))?;
    check_members(source, decoy, at, depth)
}

fn check_members(
    source: &Source,
    decoy: &WrittenDecoy,
    at: &At,
    depth: usize,
) -> Result<(), FileError> {
    let fail = |key: &str, wrong: Wrong| Err(source.wrong(&at.key(key), wrong));
    let name = kind_name(decoy.kind);
    if !holds_members(decoy.kind) {
        return match decoy.members.is_empty() {
            true => Ok(()),
            false => fail(
                "members",
                wrong(
                    format!("a decoy of kind `{name}` has no members"),
                    "`zip`, `tar-gz` and `eml` (attachments) have",
                ),
            ),
        };
    }
    if decoy.members.is_empty() {
        return match decoy.kind == DecoyKind::Eml || decoy.size.is_some() {
            true => Ok(()),
            false => fail(
                "kind",
                wrong(
                    format!("`{}` is an archive with nothing in it", decoy.path),
                    "add `members = [{ path = \"…\", kind = \"text\" }]`, or a size to be filled",
                ),
            ),
        };
    }
    if depth + 1 > MAX_DEPTH {
        return fail(
            "members",
            wrong(
                format!("archives lie more than {MAX_DEPTH} deep in each other"),
                "take a level out",
            ),
        );
    }
    let mut taken = BTreeMap::new();
    for (index, member) in decoy.members.iter().enumerate() {
        let at = at.key("members").index(index);
        if member.kind == DecoyKind::SystemFile {
            return Err(source.wrong(
                &at.key("kind"),
                wrong(
                    "`system-file` cannot be a member".into(),
                    "a file of the system is known by its path; use `text`",
                ),
            ));
        }
        if member.owner.is_some() {
            return Err(source.wrong(
                &at.key("owner"),
                wrong("a member has no owner of its own".into(), "take `owner` out"),
            ));
        }
        check_one(source, member, &at, depth + 1)?;
        check_place(source, member, &at, Homes { user: None }, &taken)?;
        taken.insert(member.path.clone(), member);
    }
    Ok(())
}

fn check_amounts(decoy: &WrittenDecoy) -> Result<(), (&'static str, Wrong)> {
    let amount = |key, message: String, help: &str| {
        Err((key, Wrong::new(FileErrorKind::Amount, message, help)))
    };
    match decoy.count {
        Some(0) => return amount("count", "`0` files are planted".into(), "write at least 1"),
        Some(count) if count > MAX_COUNT => {
            return amount("count", format!("{count} files are too many"), "at most 1000000");
        }
        _ => {}
    }
    let Some(size) = decoy.size else { return Ok(()) };
    match decoy.kind {
        _ if decoy.sample.is_some() => {
            amount("size", "a file with a sample is the sample, whole".into(), "take `size` out")
        }
        DecoyKind::Sample | DecoyKind::SshKey => amount(
            "size",
            format!("the size of a decoy of kind `{}` is given", kind_name(decoy.kind)),
            "take `size` out",
        ),
        _ if size.0 == 0 => amount("size", "a decoy of no bytes".into(), "write at least \"1 B\""),
        _ if size.0 > MAX_SIZE => {
            amount("size", format!("{size} is too large for a decoy"), "at most \"1 TiB\"")
        }
        _ => Ok(()),
    }
}

fn check_marking(decoy: &WrittenDecoy) -> Result<(), Wrong> {
    let Some(marking) = &decoy.marking else { return Ok(()) };
    if marking
        .strip_prefix("EXERCISE")
        .is_none_or(|rest| !rest.is_empty() && !rest.starts_with(' '))
    {
        return Err(Wrong::new(
            FileErrorKind::Marking,
            format!("the marking `{marking}` could be taken for a real one"),
            format!("write \"EXERCISE {}\"", marking.trim()),
        ));
    }
    if marking.len() > 120 || marking.chars().any(char::is_control) {
        return Err(Wrong::new(
            FileErrorKind::Marking,
            format!("`{}` is no marking", marking.escape_debug()),
            "a marking is one line of at most 120 bytes",
        ));
    }
    match decoy.kind {
        DecoyKind::Text | DecoyKind::Docx | DecoyKind::Pdf | DecoyKind::Eml => Ok(()),
        kind => Err(Wrong::new(
            FileErrorKind::Marking,
            format!("a decoy of kind `{}` carries no marking", kind_name(kind)),
            "`text`, `docx`, `pdf` and `eml` do",
        )),
    }
}

fn check_sample(decoy: &WrittenDecoy) -> Result<(), (&'static str, Wrong)> {
    let plain = matches!(
        decoy.kind,
        DecoyKind::Sample | DecoyKind::Text | DecoyKind::Source | DecoyKind::Binary
    );
    if decoy.sample.is_some() && !plain {
        return Err((
            "sample",
            wrong(
                format!("a decoy of kind `{}` cannot hold a sample itself", kind_name(decoy.kind)),
                match holds_members(decoy.kind) {
                    true => "make it a member: `{ path = \"tool.com\", kind = \"sample\" }`",
                    false => "`sample`, `text`, `source` and `binary` can",
                },
            ),
        ));
    }
    if decoy.count.unwrap_or(1) > 1 && (decoy.sample.is_some() || decoy.kind == DecoyKind::Sample) {
        return Err((
            "count",
            wrong(
                "a sample is planted at one path only".into(),
                "write a decoy for each place where it is to be detected",
            ),
        ));
    }
    Ok(())
}

/// Whether members can lie in it.
pub(super) fn holds_members(kind: DecoyKind) -> bool {
    matches!(kind, DecoyKind::Zip | DecoyKind::TarGz | DecoyKind::Eml)
}

/// A kind as it is written.
pub(super) fn kind_name(kind: DecoyKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{kind:?}"),
    }
}

/// A way to a planted sample: the archives in which it lies, from the outside. Empty for a plain
/// file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sampled {
    pub(crate) within: Vec<DecoyKind>,
}

/// All samples in a decoy.
pub(crate) fn samples(decoy: &WrittenDecoy) -> Vec<Sampled> {
    let mut found = Vec::new();
    if decoy.sample.is_some() || decoy.kind == DecoyKind::Sample {
        found.push(Sampled { within: Vec::new() });
    }
    for member in &decoy.members {
        for mut sample in samples(member) {
            sample.within.insert(0, decoy.kind);
            found.push(sample);
        }
    }
    found
}
