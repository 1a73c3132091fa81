//! Findings as SARIF 2.1.0 (OASIS), for tools that show findings beside code: a rule a data item, a
//! result a finding, its place the bytes in what left.

use crate::shown::shown;
use belljar_judge::{Finding, Severity, Verdict, item_words};
use belljar_schema::DataItem;
use serde_json::{Value, json};

/// The findings as one SARIF run, pretty-printed.
pub fn sarif(verdict: &Verdict) -> String {
    let rules: Vec<Value> = DataItem::ALL
        .iter()
        .map(|&item| {
            json!({
                "id": id(item),
                "shortDescription": { "text": format!("{} read or sent", item_words(item)) },
            })
        })
        .collect();
    let results: Vec<Value> = verdict.findings.iter().map(result).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "belljar",
                "version": verdict.belljar,
                "rules": rules,
            } },
            "automationDetails": { "id": format!(
                "belljar/{}/{}/{}",
                verdict.scenario.name, verdict.component.name, verdict.component.profile
            ) },
            "results": results,
            "properties": {
                "verdict": verdict.verdict,
                "seed": verdict.seed,
                "planSha256": verdict.plan_sha256,
                "ceilingBytes": verdict.ceiling.bytes,
            },
        }],
    });
    format!("{log:#}\n")
}

fn id(item: DataItem) -> Value {
    json!(item)
}

fn result(finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": id(finding.item),
        "level": match finding.severity {
            Severity::Violation => "error",
            Severity::Allowed => "note",
        },
        "message": { "text": shown(&finding.title) },
        "properties": {
            "finding": finding.id,
            "declared": finding.declared,
            "class": finding.class,
            "host": finding.destination.as_ref().map(|to| shown(&to.host)),
            "attack": finding.attack,
        },
    });
    if let Some(place) = &finding.place {
        result["locations"] = json!([{ "physicalLocation": {
            "artifactLocation": { "uri": format!("payloads/{}", place.payload) },
            "region": { "byteOffset": place.offset, "byteLength": place.len },
        } }]);
    }
    result
}
