//! Where the evidence of a statement stands.

/// A place that a reader can go to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// A place on the page, by its id (`F1`, `coverage`).
    Here(String),
    /// A file of the bundle, by its path in it (`payloads/…`, `record.jsonl`).
    File(String),
}

impl Evidence {
    pub(crate) fn here(id: &str) -> Self {
        Self::Here(id.to_owned())
    }

    /// As a link, relative to the page in its bundle.
    pub fn href(&self) -> String {
        match self {
            Self::Here(id) => format!("#{id}"),
            Self::File(path) => path.clone(),
        }
    }

    /// In words: the id, or what kind of file it is.
    pub fn words(&self) -> &str {
        match self {
            Self::Here(id) => id,
            Self::File(path) if path.starts_with("payloads/") => "bytes sent",
            Self::File(path) => path,
        }
    }

    /// The finding's id, if it is a finding.
    pub fn finding(&self) -> Option<&str> {
        match self {
            Self::Here(id) if id.starts_with('F') => Some(id),
            _ => None,
        }
    }
}
