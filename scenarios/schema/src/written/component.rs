//! `component.toml` as written.

use super::command::WrittenCommand;
use super::is_default;
use super::scenario::WrittenVendorRule;
use crate::item::DataItem;
use crate::plan::{ComponentKind, DecoyKind};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A component file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "belljar component file")]
pub struct WrittenComponent {
    /// Its name: lower-case letters, digits and `-`.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Its version, as the vendor writes it.
    pub version: String,
    /// Where the vendor is (ISO 3166-1 alpha-2).
    #[serde(default, skip_serializing_if = "is_default")]
    pub country: Option<String>,
    /// Others that get data from it, as far as declared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub third_parties: Vec<String>,
    /// What kind of program it is; left out: `native`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: ComponentKind,
    /// Host files and folders that it needs, shown read-only inside the jar.
    #[serde(default, skip_serializing_if = "is_default")]
    pub files: Vec<HostFile>,
    /// Folders that it keeps state in; what the host has there is copied in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: Vec<String>,
    /// Kinds of archives that it looks into (`zip`, `tar-gz`, `eml`): a sample inside one is expected to be detected only
    /// then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub looks_into: Vec<DecoyKind>,
    /// How a line of its output tells a detection: a regular expression with the group `path` and,
    /// where there is one, `name`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub detection: Option<String>,
    /// It is an engine that is a library (`belljar:engine`), not a command: `scan` names the module
    /// and the paths, and it is called for each file. Only for `kind = "wasm"`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub engine: Option<WrittenEngine>,
    /// Its command lines.
    pub commands: WrittenCommands,
    /// What the vendor declares that it sends.
    #[serde(default, skip_serializing_if = "is_default")]
    pub declares: Vec<WrittenDeclared>,
    /// What its vendor's servers answer, after the rules of the scenario.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answers: Vec<WrittenVendorRule>,
    /// Files written inside the jar before it starts: its signatures of the planted samples.
    #[serde(default, skip_serializing_if = "is_default")]
    pub provisions: Vec<WrittenProvision>,
    /// Ways in which it can be set, by name; `default` is the one that is used if none is asked
    /// for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub profiles: BTreeMap<String, WrittenProfile>,
}

/// What the host of an engine offers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenEngine {
    /// Address of its vendor's reputation service (`https://reputation.vendor.example/v1/lookup`);
    /// left out: there is none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reputation: Option<String>,
    /// Address of its vendor's intake of samples; left out: there is none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub submission: Option<String>,
}

/// The command lines of a component by role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenCommands {
    /// Installs it inside the jar.
    #[serde(default, skip_serializing_if = "is_default")]
    pub install: Option<WrittenCommand>,
    /// Starts its daemon.
    #[serde(default, skip_serializing_if = "is_default")]
    pub daemon: Option<WrittenCommand>,
    /// Scans.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scan: Option<WrittenCommand>,
    /// Updates its signatures.
    #[serde(default, skip_serializing_if = "is_default")]
    pub update: Option<WrittenCommand>,
    /// Removes it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub remove: Option<WrittenCommand>,
}

impl WrittenCommands {
    /// The roles.
    pub const ROLES: [&'static str; 5] = ["install", "daemon", "scan", "update", "remove"];

    /// The command for a role.
    pub fn get(&self, role: &str) -> Option<&WrittenCommand> {
        match role {
            "install" => self.install.as_ref(),
            "daemon" => self.daemon.as_ref(),
            "scan" => self.scan.as_ref(),
            "update" => self.update.as_ref(),
            "remove" => self.remove.as_ref(),
            _ => None,
        }
    }
}

/// One way in which a component can be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenProfile {
    /// What it is, in a sentence.
    #[serde(default, skip_serializing_if = "is_default")]
    pub about: Option<String>,
    /// More arguments by role; they are put before the first argument that holds `{scan}`, else at
    /// the end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub args: BTreeMap<String, Vec<String>>,
    /// More environment, for every command.
    #[serde(default, skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Commands that replace the component's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub commands: WrittenCommands,
    /// What the vendor declares for this profile, in place of the component's; left out: the same.
    #[serde(default, skip_serializing_if = "is_default")]
    pub declares: Option<Vec<WrittenDeclared>>,
}

/// Something that the vendor says it sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenDeclared {
    /// Which data item.
    pub item: DataItem,
    /// Where to (`*.vendor.example`).
    pub to: String,
}

/// A file written inside the jar before the component starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenProvision {
    /// Absolute path inside the jar.
    pub path: String,
    /// Its text. `{eicar-hex}`, `{eicar-md5}` and `{eicar-sha256}` are filled in when planted,
    /// `{scan-lines}` by the paths to scan, one a line.
    pub text: String,
}

/// A host file or folder: a path (shown at the same place) or `{ host = …, inside = … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostFile {
    /// Shown at the same place.
    Same(String),
    /// Shown at another place.
    Placed(WrittenPlaced),
}

/// A host file that is shown at another place inside the jar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenPlaced {
    /// Absolute path on the host; may begin with `{beside}`.
    pub host: String,
    /// Absolute path inside the jar.
    pub inside: String,
}

impl Serialize for HostFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same(path) => path.serialize(serializer),
            Self::Placed(placed) => placed.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for HostFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrPlaced;
        impl<'de> Visitor<'de> for PathOrPlaced {
            type Value = HostFile;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a path (\"/usr/bin/clamscan\") or { host = \"…\", inside = \"…\" }")
            }

            fn visit_str<E: Error>(self, path: &str) -> Result<HostFile, E> {
                Ok(HostFile::Same(path.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<HostFile, A::Error> {
                WrittenPlaced::deserialize(MapAccessDeserializer::new(map)).map(HostFile::Placed)
            }
        }
        deserializer.deserialize_any(PathOrPlaced)
    }
}

impl JsonSchema for HostFile {
    fn schema_name() -> Cow<'static, str> {
        "HostFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let placed = generator.subschema_for::<WrittenPlaced>();
        json_schema!({
            "description": "A host path, shown at the same place inside the jar or at another.",
            "oneOf": [{ "type": "string" }, placed],
        })
    }
}
