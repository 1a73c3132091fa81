//! Why something cannot be planted.

use belljar_schema::DecoyKind;
use std::path::PathBuf;

/// Why something cannot be planted.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    /// The declared size cannot hold what the kind needs.
    #[error("{path}: {size} bytes are too few for kind `{}`; the least is {least}", kind_name(*.kind))]
    TooSmall {
        /// Which decoy.
        path: String,
        /// Its kind.
        kind: DecoyKind,
        /// What was declared.
        size: u64,
        /// What it needs at least (with its members, its marking and its sample).
        least: u64,
    },
    /// The declared size is more than the format or the generator can do.
    #[error("{path}: {size} bytes are too many for kind `{}`; the most is {most}", kind_name(*.kind))]
    TooLarge {
        /// Which decoy.
        path: String,
        /// Its kind.
        kind: DecoyKind,
        /// What was declared.
        size: u64,
        /// What is possible at most.
        most: u64,
    },
    /// A path that cannot be planted.
    #[error("path `{path}` cannot be planted: {why}")]
    Path {
        /// As written.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two decoys at one place.
    #[error("two decoys at `{path}`")]
    Twice {
        /// Where.
        path: String,
    },
    /// A decoy at a path that must be a directory of another.
    #[error("`{path}` is both a file and a directory of other decoys")]
    FileAndDirectory {
        /// Where.
        path: String,
    },
    /// A marking that could be taken for a real one.
    #[error(
        "{path}: marking `{marking}` must begin with EXERCISE, be printable ASCII without <, >, &, (, ) or \\ and have at most 200 characters"
    )]
    Marking {
        /// Which decoy.
        path: String,
        /// As written.
        marking: String,
    },
    /// This kind cannot carry a sample.
    #[error("{path}: kind `{}` cannot carry a sample that engines detect; put it into an archive, a mail, a document or a file of its own", kind_name(*.kind))]
    SampleImpossible {
        /// Which decoy.
        path: String,
        /// Its kind.
        kind: DecoyKind,
    },
    /// Members in something that holds none.
    #[error("{path}: kind `{}` has no members", kind_name(*.kind))]
    MembersImpossible {
        /// Which decoy.
        path: String,
        /// Its kind.
        kind: DecoyKind,
    },
    /// Archives nested too deeply.
    #[error("{path}: archives are nested more than {most} deep")]
    TooDeep {
        /// Which decoy.
        path: String,
        /// The limit.
        most: usize,
    },
    /// More decoys than the generator takes.
    #[error("the scenario has more than {most} decoys")]
    TooMany {
        /// The limit.
        most: u32,
    },
    /// An identity that cannot be planted.
    #[error("identity: {field} `{value}` {why}")]
    Identity {
        /// Which field.
        field: &'static str,
        /// As written.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The target directory has something in it.
    #[error("directory {dir} is not empty; a plant is written only into an empty or new directory")]
    NotEmpty {
        /// Which.
        dir: PathBuf,
    },
    /// The host refused.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The name of a kind as it is written in scenarios.
pub(crate) fn kind_name(kind: DecoyKind) -> &'static str {
    match kind {
        DecoyKind::Text => "text",
        DecoyKind::SourceTree => "source-tree",
        DecoyKind::Source => "source",
        DecoyKind::Docx => "docx",
        DecoyKind::Pdf => "pdf",
        DecoyKind::Eml => "eml",
        DecoyKind::SshKey => "ssh-key",
        DecoyKind::BrowserProfile => "browser-profile",
        DecoyKind::Zip => "zip",
        DecoyKind::TarGz => "tar-gz",
        DecoyKind::Binary => "binary",
        DecoyKind::SystemFile => "system-file",
        DecoyKind::Sample => "sample",
    }
}
