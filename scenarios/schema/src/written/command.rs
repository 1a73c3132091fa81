//! Command lines as written.

use super::is_default;
use crate::measure::Time;
use crate::plan::Owner;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A command line of a component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenCommand {
    /// Program and arguments. `{beside}` is the folder of the belljar executable; `{scan}` the
    /// paths to scan (an argument that holds it is repeated for each); `{user}` and `{home}` the
    /// planted person.
    pub argv: Vec<String>,
    /// Environment on top of the clean one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub env: BTreeMap<String, String>,
    /// Working directory inside the jar; left out: `/`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cwd: Option<String>,
    /// Who runs it; left out: `root`, as antivirus programs are run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user: Option<Owner>,
    /// Exit codes that are in order; left out: any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub exit: Vec<i32>,
    /// For a daemon: when it counts as ready.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: Option<WrittenReady>,
}

/// When a daemon counts as ready: exactly one of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WrittenReady {
    /// This path exists inside the jar (a socket, a pid file).
    #[serde(default, skip_serializing_if = "is_default")]
    pub path: Option<String>,
    /// This regular expression matches a line of its output.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output: Option<String>,
    /// This time went by.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after: Option<Time>,
}

/// A command of a step: one of the component's by its role (`"scan"`), or a command line
/// (`["/usr/bin/touch", "/tmp/x"]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandRef {
    /// A role: `install`, `daemon`, `scan`, `update`, `remove`.
    Role(String),
    /// Program and arguments.
    Argv(Vec<String>),
}

impl Serialize for CommandRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Role(role) => role.serialize(serializer),
            Self::Argv(argv) => argv.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CommandRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RoleOrArgv;
        impl<'de> Visitor<'de> for RoleOrArgv {
            type Value = CommandRef;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(
                    "a role of the component (\"scan\") or a command line ([\"/bin/ls\", \"/\"])",
                )
            }

            fn visit_str<E: Error>(self, role: &str) -> Result<CommandRef, E> {
                Ok(CommandRef::Role(role.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<CommandRef, A::Error> {
                let mut argv = Vec::new();
                while let Some(argument) = seq.next_element()? {
                    argv.push(argument);
                }
                Ok(CommandRef::Argv(argv))
            }
        }
        deserializer.deserialize_any(RoleOrArgv)
    }
}

impl JsonSchema for CommandRef {
    fn schema_name() -> Cow<'static, str> {
        "CommandRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A role of the component (`\"scan\"`) or a command line.",
            "oneOf": [
                { "enum": ["install", "daemon", "scan", "update", "remove"] },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        })
    }
}
