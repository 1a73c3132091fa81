//! What is wrong in a file that a person wrote: which file, where in it, and what would be right.
//!
//! Only the first mistake is told, and told well. Nothing is rendered here.

use std::ops::Range;
use std::sync::Arc;

/// A mistake in a scenario or component file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// Name of the file, for messages.
    pub file: String,
    /// Its text.
    pub source_text: Arc<str>,
    /// The bytes of the text that are wrong. Always lies within the text, on the borders of
    /// characters.
    pub span: Range<usize>,
    /// What is wrong, with the value.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// What kind of mistake it is.
    pub kind: FileErrorKind,
}

/// Kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileErrorKind {
    /// It is not TOML.
    Syntax,
    /// A key that nobody reads.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A value of the wrong type, or a name that is none of the known ones.
    Value,
    /// A size, time, number or count out of bounds.
    Amount,
    /// A path that cannot be meant.
    Path,
    /// A protective marking that could be taken for a real one.
    Marking,
    /// A decoy that contradicts itself or another.
    Decoy,
    /// A step that contradicts itself.
    Step,
    /// Something refers to what is not there: a command, a daemon, a profile, a planted sample.
    Reference,
    /// A placeholder that nothing fills in.
    Placeholder,
    /// A host name or address outside what belljar may use.
    Host,
    /// A regular expression that cannot be used.
    Pattern,
}

impl FileError {
    /// Line and column (both from 1, the column in characters) where the mistake begins.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = self.source_text.get(..self.span.start).unwrap_or(&self.source_text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The text that is wrong.
    pub fn wrong_text(&self) -> &str {
        self.source_text.get(self.span.clone()).unwrap_or_default()
    }
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (line, column) = self.line_and_column();
        write!(f, "{}:{line}:{column}: {}", self.file, self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

impl std::error::Error for FileError {}

/// The known name that was most likely meant: the one with the smallest edit distance, if that is
/// small for its length.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Hostile files may hold huge keys; nobody mistyped a name by that much.
    if written.len() > 64 {
        return None;
    }
    let normal = |text: &str| text.to_lowercase().replace('_', "-");
    let written = normal(written);
    known
        .into_iter()
        .map(|name| (distance(&written, &normal(name)), name))
        .filter(|(distance, name)| {
            *distance <= name.chars().count().max(written.chars().count()).div_ceil(3)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and exchanges of neighbours that make `a` into `b`
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut table = vec![0; (a.len() + 1) * width];
    for (i, cell) in table.iter_mut().step_by(width).enumerate() {
        *cell = i;
    }
    for (j, cell) in table.iter_mut().take(width).enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let here = i * width + j;
            let replaced = table[here - width - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(table[here - width] + 1).min(table[here - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(table[here - 2 * width - 2] + 1);
            }
            table[here] = least;
        }
    }
    table[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_the_meant_one_and_a_strange_one_finds_none() {
        let known = ["decoys", "vendor", "policy", "limits"];
        assert_eq!(nearest("decoy", known), Some("decoys"));
        assert_eq!(nearest("limtis", known), Some("limits"));
        assert_eq!(nearest("Vendor", known), Some("vendor"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
    }
}
