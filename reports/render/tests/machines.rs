//! The same verdict for forges and build servers.

#[path = "../../judge/tests/support/mod.rs"]
mod support;

use belljar_record::*;
use belljar_render::*;
use serde_json::Value;
use support::{Case, KEY, honest, native, overreach};

const COMMAND: &str = "belljar run small --component overreach --seed 7";

fn fail() -> Case {
    let mut case = overreach();
    case.read(1).read(2);
    case
}

fn idle() -> Case {
    let mut case = Case::new();
    case.begin().read(0).end_with(Some(0), &[]);
    case
}

/// A run in which everything that the component can choose tries to be more than text.
fn hostile() -> Case {
    let evil =
        "]]>\"'&<b>|`@team #7 http://evil.example www.evil.example \u{202e}\u{1b}[2J\u{ffff}";
    let mut case = overreach();
    case.actor = native(4200, &format!("/opt/{evil}"));
    case.read(1);
    case.post(&format!("{evil}.example"), "/x", b"");
    case.manifest.decoys[1].path = format!("{KEY}{evil}");
    case.plan.component.name = evil.into();
    case.plan.scenario.name = evil.into();
    case
}

#[test]
fn a_comment_says_what_the_first_page_says() {
    insta::assert_snapshot!("comment-fail", markdown(&fail().judge(), Some(COMMAND)));
    insta::assert_snapshot!("comment-pass", markdown(&honest().judge(), None));
}

#[test]
fn a_comment_fits_whatever_the_run_was_and_holds_no_markup_of_the_component() {
    let mut case = hostile();
    let long = "[x](y)".repeat(500);
    for n in 0..3_000_u32 {
        let actor = native(10_000 + n, &format!("/opt/{long}{n}"));
        case.actor = actor;
        case.post(&format!("{n}.{long}.example"), "/x", b"");
        case.file(&format!("/home/mara/{long}/{n}"), None, FileAct::Create);
    }
    let text = markdown(&case.judge(), Some(&format!("`{long}`")));
    assert!(text.chars().count() <= LONGEST && text.len() <= LONGEST, "{}", text.len());
    let text = markdown(&hostile().judge(), None);
    for forbidden in ["<b>", "@team", "#7", "http://", "\u{202e}", "\u{1b}"] {
        assert!(!text.contains(forbidden), "{forbidden}: {text}");
    }
}

#[test]
fn a_build_server_is_told_of_each_item_step_and_dimension() {
    insta::assert_snapshot!("junit-fail", junit(&fail().judge()));
    let idle = junit(&idle().judge());
    assert!(idle.contains("errors=\"") && !idle.contains("errors=\"0\""), "{idle}");
    let pass = junit(&honest().judge());
    assert!(pass.contains("failures=\"0\" errors=\"0\" skipped=\"0\""), "{pass}");
}

/// Well-formed by a small reader of its own: every tag is closed in order, every attribute quoted,
/// no character that XML 1.0 forbids. (`tests/end_to_end/report.rs` asks a real parser.)
#[test]
fn what_the_component_chose_does_not_break_the_xml() {
    for text in [junit(&hostile().judge()), junit(&fail().judge())] {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{ffff}') && !text.contains("<b>"));
        let mut open = Vec::new();
        for tag in text.split('<').skip(1) {
            let (tag, rest) = tag.split_once('>').expect("a tag ends");
            assert!(!rest.contains("]]>"), "{rest}");
            if tag.starts_with('?') {
                continue;
            }
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(tag.split_whitespace().next().expect("a name"));
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn sarif_names_a_rule_and_a_place_for_each_finding() {
    let verdict = fail().judge();
    let log: Value = serde_json::from_str(&sarif(&verdict)).expect("is JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), verdict.findings.len());
    for result in results {
        assert!(rules.contains(&result["ruleId"].as_str().expect("a rule")), "{result}");
        assert!(["error", "note"].contains(&result["level"].as_str().expect("a level")));
        assert!(result["message"]["text"].is_string());
    }
    let region = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert!(region["byteLength"].as_u64().is_some_and(|len| len > 0), "{}", results[0]);
}
