//! Every dependency can be distributed under Apache-2.0 or MIT terms: no GPL, no LGPL, nothing
//! unlicensed.
#![allow(missing_docs, reason = "a test")]

use cargo_metadata::MetadataCommand;

/// SPDX identifiers that go with the project's own licence.
const ACCEPTED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "Unicode-3.0",
    "MPL-2.0",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CDLA-Permissive-2.0",
];

/// Whether an SPDX expression can be met with accepted licences only: one side of each `OR`, both
/// sides of each `AND`. (`/` is the old spelling of `OR`.)
fn acceptable(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut words = Vec::new();
    for word in expression.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
        words.push(word.to_owned());
    }
    let mut at = 0;
    let result = any_of(&words, &mut at);
    result && at == words.len()
}

fn any_of(words: &[String], at: &mut usize) -> bool {
    let mut result = all_of(words, at);
    while words.get(*at).is_some_and(|word| word == "OR") {
        *at += 1;
        let other = all_of(words, at);
        result |= other;
    }
    result
}

fn all_of(words: &[String], at: &mut usize) -> bool {
    let mut result = single(words, at);
    while words.get(*at).is_some_and(|word| word == "AND") {
        *at += 1;
        let other = single(words, at);
        result &= other;
    }
    result
}

fn single(words: &[String], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if word == "(" {
        let result = any_of(words, at);
        let closed = words.get(*at).is_some_and(|word| word == ")");
        *at += 1;
        return result && closed;
    }
    let mut name = word.clone();
    if words.get(*at).is_some_and(|word| word == "WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).map_or("", String::as_str));
        *at += 2;
    }
    ACCEPTED.contains(&name.as_str())
}

#[test]
fn every_dependency_has_an_acceptable_licence() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .exec()
        .expect("cargo metadata answers");
    assert!(metadata.packages.len() > 50, "the whole tree is looked at");
    let refused: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(acceptable))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    assert!(acceptable("MIT OR GPL-3.0-only"));
    assert!(acceptable("MIT/Apache-2.0"));
    assert!(acceptable("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(acceptable("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
    assert!(!acceptable("GPL-3.0-only"));
    assert!(!acceptable("MIT AND LGPL-2.1-or-later"));
    assert!(!acceptable(""));
}
