//! The text of a file and the places in it: from a key path (`decoys`, 3, `path`) to the bytes
//! that a message must point at.

use crate::error::{FileError, FileErrorKind, nearest};
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Files longer than this are not read: nobody writes them by hand.
const MAX_TEXT: usize = 4 << 20;

/// A file that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) text: Arc<str>,
}

/// A place in a file, by keys and numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct At(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

impl At {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    pub(crate) fn key(&self, key: impl Into<String>) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment::Key(key.into()));
        Self(segments)
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment::Index(index));
        Self(segments)
    }
}

/// What is wrong at some place, before the place is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) kind: FileErrorKind,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Wrong {
    pub(crate) fn new(
        kind: FileErrorKind,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { kind, message: message.into(), help: Some(help.into()) }
    }
}

impl Source {
    /// Reads the text into a written form. Unknown keys, missing keys and wrong values are told
    /// with what would be right.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        if self.text.len() > MAX_TEXT {
            return Err(FileError {
                file: self.file.clone(),
                source_text: "".into(),
                span: 0..0,
                message: format!("the file has {} bytes", self.text.len()),
                help: Some(format!("a file may have {MAX_TEXT} bytes")),
                kind: FileErrorKind::Amount,
            });
        }
        if let Err(error) = DeTable::parse(&self.text) {
            let wrong = Wrong {
                kind: FileErrorKind::Syntax,
                message: format!("not TOML: {}", error.message()),
                help: None,
            };
            return Err(self.wrong_span(error.span(), wrong));
        }
        toml::from_str(&self.text)
            .map_err(|error| self.wrong_span(error.span(), translate(error.message())))
    }

    /// The error for what is wrong at a place.
    pub(crate) fn wrong(&self, at: &At, wrong: Wrong) -> FileError {
        let span = DeTable::parse(&self.text).ok().and_then(|table| find(table.get_ref(), &at.0));
        self.wrong_span(span, wrong)
    }

    fn wrong_span(&self, span: Option<Range<usize>>, wrong: Wrong) -> FileError {
        FileError {
            file: self.file.clone(),
            source_text: self.text.clone(),
            span: self.one_line(span.unwrap_or(0..0)),
            message: wrong.message,
            help: wrong.help,
            kind: wrong.kind,
        }
    }

    /// A span over tables can run over pages: only its first line is pointed at. The result lies
    /// within the text, on the borders of characters.
    fn one_line(&self, span: Range<usize>) -> Range<usize> {
        let border = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (start, end) = (border(span.start), border(span.end.max(span.start)));
        let line = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        start..end.min(line)
    }
}

/// The span of the value at a place; where it is missing, that of the last table on the way.
fn find(root: &DeTable<'_>, path: &[Segment]) -> Option<Range<usize>> {
    let mut span = None;
    let mut table = Some(root);
    let mut array = None;
    for segment in path {
        let next = match segment {
            Segment::Key(key) => table?.iter().find(|(name, _)| name.get_ref() == key).map(
                // A table is pointed at by its key: its own span is all that is in it.
                |(name, value)| match value.get_ref() {
                    DeValue::Table(_) => (name.span(), value.get_ref()),
                    _ => (value.span(), value.get_ref()),
                },
            ),
            Segment::Index(index) => {
                let array: &toml::de::DeArray<'_> = array?;
                array.get(*index).map(|value| (value.span(), value.get_ref()))
            }
        };
        let Some((here, value)) = next else { break };
        span = Some(here);
        table = value.as_table();
        array = value.as_array();
    }
    span
}

/// serde's messages in the words of a person who writes a file.
fn translate(message: &str) -> Wrong {
    let names = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let (kind, what) = if message.starts_with("unknown field") {
        (FileErrorKind::UnknownKey, "key")
    } else if message.starts_with("unknown variant") {
        (FileErrorKind::Value, "value")
    } else if let Some(key) = message.strip_prefix("missing field ") {
        let key = key.trim_matches('`');
        return Wrong {
            kind: FileErrorKind::MissingKey,
            message: format!("the key `{key}` is missing"),
            help: Some(format!("add `{key} = …` here")),
        };
    } else {
        let (message, help) = match message.split_once(", expected ").or(message.split_once("; ")) {
            Some((message, help)) => (message, Some(format!("expected {help}"))),
            None => (message, None),
        };
        let help = help.map(|help| {
            // Messages of sizes and times already say what is right.
            ["expected a size is", "expected a time is", "expected write"]
                .iter()
                .find(|start| help.starts_with(**start))
                .map_or(help.clone(), |_| help["expected ".len()..].to_owned())
        });
        let kind = match message.contains("of size")
            || message.contains("of time")
            || message.contains("no unit")
            || message.contains("no size")
            || message.contains("no time")
            || message.contains("too large")
        {
            true => FileErrorKind::Amount,
            false => FileErrorKind::Value,
        };
        return Wrong { kind, message: message.to_owned(), help };
    };
    let mut names = names(message).into_iter();
    let wrong = names.next().unwrap_or_default();
    let known: Vec<String> = names.collect();
    let help = match nearest(&wrong, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => format!("no {what} is known here"),
        None => format!("known here: {}", known.join(", ")),
    };
    Wrong { kind, message: format!("unknown {what} `{wrong}`"), help: Some(help) }
}
