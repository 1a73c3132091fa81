//! What may differ between two runs of one plan, and must be left out before they are compared.

use serde_json::Value;

/// Fields of `verdict.json` that may differ between two runs of one plan: times, process numbers,
/// the component's own ports, places in the record, and what depends on packet timing. They are
/// volatile wherever they stand.
pub const VOLATILE: &[&str] = &[
    "at",
    "began",
    "bytes-in",
    "column",
    "flow",
    "last-read",
    "local-port",
    "millis",
    "packets",
    "packets-out",
    "parent",
    "payload",
    "payloads",
    "pid",
    "sample-before-millis",
    "seq",
    "seqs",
    "start",
    "timeline",
];

/// A verdict without its volatile fields. Programs that run at the same time are listed as the
/// kernel happened to start them: they are put in order of their names.
pub fn steady(mut verdict: Value) -> Value {
    strip(&mut verdict);
    if let Some(rows) = verdict.pointer_mut("/processes/rows").and_then(Value::as_array_mut) {
        rows.sort_by_cached_key(ToString::to_string);
    }
    verdict
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !VOLATILE.contains(&name.as_str()));
            fields.values_mut().for_each(strip);
        }
        Value::Array(rows) => rows.iter_mut().for_each(strip),
        _ => {}
    }
}
