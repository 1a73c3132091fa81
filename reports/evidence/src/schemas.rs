//! JSON Schemas of what a bundle holds, as published under `docs/schemas/`.

use crate::BundleManifest;
use belljar_judge::Verdict;
use belljar_record::Dimension;
use serde_json::{Value, json};

/// JSON Schema of `verdict.json`.
pub fn verdict_schema() -> Value {
    schemars::schema_for!(Verdict).to_value()
}

/// JSON Schema of `bundle.json`.
pub fn bundle_schema() -> Value {
    schemars::schema_for!(BundleManifest).to_value()
}

/// JSON Schema of one line of `record.jsonl`. Written by hand and short: it fixes what every line
/// has, which kinds there are, and what each kind must carry.
pub fn record_schema() -> Value {
    let text = json!({ "oneOf": [
        { "type": "string" },
        { "type": "object", "required": ["base64"], "additionalProperties": false,
          "properties": { "base64": { "type": "string", "contentEncoding": "base64" } } },
    ] });
    let count = json!({ "type": "integer", "minimum": 0 });
    let process = json!({ "type": "object", "required": ["pid", "start"],
        "properties": { "pid": count, "start": count } });
    let kinds: [(&str, &[&str]); 21] = [
        ("phase", &["name"]),
        ("isolation", &["checks"]),
        ("step-began", &["step", "name"]),
        ("step-ended", &["step", "code", "timed_out", "millis", "detections", "unmet"]),
        ("file", &["act", "path", "node"]),
        ("process", &["process", "executable", "arguments", "source", "confidence"]),
        ("exit", &["process"]),
        ("reach", &["transport", "local_port", "call", "confidence"]),
        ("refused", &["call", "detail", "errno", "why", "count"]),
        ("import", &["call", "detail"]),
        ("allowed", &["call", "detail", "count"]),
        ("flow-opened", &["id", "transport", "protocol", "local", "remote", "actor"]),
        ("flow-closed", &["flow", "bytes_out", "bytes_in", "packets_out"]),
        ("payload", &["direction", "layer", "payload", "label"]),
        ("tls", &["flow", "outcome"]),
        ("lookup", &["flow", "name", "record", "answer"]),
        ("served", &["flow", "protocol", "request", "body_len", "ordinal", "status"]),
        ("changed", &["path", "change", "len"]),
        ("limited", &["dimension", "extent"]),
        ("limit", &["what", "detail"]),
        ("interrupted", &["reason"]),
    ];
    let events: Vec<Value> = kinds
        .iter()
        .map(|(kind, fields)| {
            let mut required = vec!["kind"];
            required.extend_from_slice(fields);
            let mut event = json!({
                "type": "object",
                "required": required,
                "properties": { "kind": { "const": kind } },
            });
            if *kind == "limited" {
                let names: Vec<&str> =
                    Dimension::ALL.iter().map(|dimension| dimension.name()).collect();
                event["properties"]["dimension"] = json!({ "enum": names });
            }
            if *kind == "file" {
                event["properties"]["path"] = text.clone();
                event["properties"]["act"] = json!({ "type": "object", "required": ["op"] });
            }
            event
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Observation",
        "description": "One line of record.jsonl: what a probe saw, before it answered.",
        "type": "object",
        "required": ["seq", "at", "actor", "event"],
        "additionalProperties": false,
        "properties": {
            "seq": { "description": "Place in the record: 0, 1, 2, … without gaps.", "type": "integer", "minimum": 0 },
            "at": { "description": "Nanoseconds since the run began.", "type": "integer", "minimum": 0 },
            "actor": { "description": "Who.", "oneOf": [
                { "enum": ["kernel", "belljar"] },
                { "type": "object", "required": ["native"], "properties": { "native": {
                    "type": "object", "required": ["process", "thread", "executable"],
                    "properties": { "process": process, "thread": count, "executable": text } } } },
                { "type": "object", "required": ["wasm"] },
                { "type": "object", "required": ["guest"] },
                { "type": "object", "required": ["unknown"] },
            ] },
            "event": { "description": "What.", "oneOf": events },
        },
    })
}
