//! Names for things in the record. Every id is a newtype, so that a flow is never taken for a file.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// Place of an observation in its log: 0, 1, 2, … without gaps.
    Seq(u64)
);
id!(
    /// A decoy of the plant: its place in the scenario's list of decoys (a function of the
    /// scenario alone, never of the order in which the component finds them).
    DecoyId(u32)
);
id!(
    /// A node of the world (file, directory, link); also its inode number.
    NodeId(u64)
);
id!(
    /// One opening of a node.
    HandleId(u64)
);
id!(
    /// A conversation that a probe saw: one TCP connection, one UDP pair of endpoints, one ICMP or
    /// other raw series. Numbered in order of appearance; only a label inside one record.
    FlowId(u64)
);
id!(
    /// A step of the scenario's stimulus, counted from 0.
    StepId(u32)
);

/// A SHA-256 digest as 64 lower-case hexadecimal digits (FIPS 180-4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha256Hex(pub String);

impl Sha256Hex {
    /// Digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_digest(&sha2::Sha256::digest(bytes))
    }

    /// Writes a finished 32-byte digest as text.
    pub fn from_digest(digest: &[u8]) -> Self {
        Self(data_encoding::HEXLOWER.encode(digest))
    }

    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
