//! The manifest of a plant (`decoys.json`): what was planted, by length and digest. It is enough
//! to recognise every decoy without its bytes.

use crate::item::DataItem;
use crate::plan::{DecoyClass, DecoyKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was planted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of the generator; the same generator, scenario and seed give the same bytes.
    pub generator: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The planted facts about person and machine.
    pub facts: Vec<Fact>,
    /// The decoys, by id: `decoys[i].id == i`.
    pub decoys: Vec<DecoyRecord>,
}

/// A planted fact about the person or the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Fact {
    /// Which row of the table it belongs to.
    pub item: DataItem,
    /// Its value, as served inside the jar.
    pub value: String,
    /// Whether the value is too short or too common to count wherever it appears (`en_GB`, `UTC`):
    /// then it counts only in a field that is named for it.
    pub common: bool,
}

/// A planted file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DecoyRecord {
    /// Its id in the record.
    pub id: u32,
    /// Its path inside the jar.
    pub path: String,
    /// Kind.
    pub kind: DecoyKind,
    /// Class.
    pub class: DecoyClass,
    /// Protective marking, if any.
    pub marking: Option<String>,
    /// Whether it is, or holds, a planted sample.
    pub holds_sample: bool,
    /// Length and digests.
    pub digest: Digests,
    /// What lies inside, at every depth, in order.
    pub members: Vec<MemberRecord>,
}

/// Something inside a planted file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MemberRecord {
    /// Names from the decoy inwards, joined by `!`.
    pub name: String,
    /// Class of the member.
    pub class: DecoyClass,
    /// Whether it is the planted sample.
    pub sample: bool,
    /// Length and digests.
    pub digest: Digests,
}

/// Length and digests of a piece of content, in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Digests {
    /// Bytes.
    pub len: u64,
    /// MD5 (RFC 1321).
    pub md5: String,
    /// SHA-1 (FIPS 180-4).
    pub sha1: String,
    /// SHA-256 (FIPS 180-4).
    pub sha256: String,
}
