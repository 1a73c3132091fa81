//! The same verdict on a terminal and as a page.

#[path = "../../judge/tests/support/mod.rs"]
mod support;

use belljar_evidence::{Excerpt, excerpts};
use belljar_judge::Verdict;
use belljar_record::*;
use belljar_render::*;
use sha2::Digest as _;
use std::sync::Arc;
use support::{Case, KEY, UPLOAD, honest, native, overreach};

fn page_of(case: &Case, verdict: &Verdict) -> String {
    let payload = |sha256: &str| {
        let bytes = case.payloads.get(sha256)?;
        Some(Arc::new(BytesSource::from(bytes.clone())) as Arc<dyn DecoySource>)
    };
    let decoy =
        |id: u32| Some(Arc::new(case.sources.get(id as usize)?.clone()) as Arc<dyn DecoySource>);
    let excerpts: Vec<Excerpt> = excerpts(verdict, &payload, &decoy, 128);
    html(&HtmlInput {
        verdict,
        manifest: &case.manifest,
        excerpts: &excerpts,
        command: Some("belljar run small --component overreach --seed 7"),
        holds: &|path| {
            let digest = path.strip_prefix("payloads/");
            digest.map_or(path == "record.jsonl", |it| case.payloads.contains_key(it))
        },
        notice: "",
    })
    .expect("renders")
}

#[test]
fn a_fail_is_told_in_ten_seconds_at_80_columns() {
    let mut case = overreach();
    case.read(1).read(2);
    let text = text_summary(&case.judge(), 80);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.lines().count() <= 40, "{text}");
    insta::assert_snapshot!("fail", text);
}

#[test]
fn a_pass_and_an_unexercised_run_are_told_too() {
    insta::assert_snapshot!("pass", text_summary(&honest().judge(), 80));
    let mut case = Case::new();
    case.begin().read(0).end_with(Some(0), &[]);
    insta::assert_snapshot!("not-exercised", text_summary(&case.judge(), 80));
}

#[test]
fn a_summary_keeps_any_width() {
    for width in [40, 61, 120] {
        let text = text_summary(&overreach().judge(), width);
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
    }
}

/// Run with `BELLJAR_PAGES=FOLDER` to look at them.
#[test]
fn the_first_page_says_what_the_summary_says_and_every_link_leads_somewhere() {
    let mut case = overreach();
    case.read(1).read(2);
    for (name, case) in [("fail", case), ("pass", honest())] {
        let verdict = case.judge();
        let page = page_of(&case, &verdict);
        for line in lines(&verdict) {
            let text = line.text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
            assert!(page.contains(&text), "{}", line.text);
        }
        for target in page.split("href=\"").skip(1) {
            let target = target.split('"').next().expect("closed");
            match target.strip_prefix('#') {
                Some(id) => assert!(page.contains(&format!("id=\"{id}\"")), "#{id} is nowhere"),
                None => assert!(
                    target == "record.jsonl"
                        || case.payloads.contains_key(target.trim_start_matches("payloads/")),
                    "{target} is not in the bundle"
                ),
            }
        }
        if let Some(folder) = std::env::var_os("BELLJAR_PAGES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), &page)
                .expect("writes");
        }
    }
}

#[test]
fn a_page_asks_for_nothing_and_runs_its_own_filter_only() {
    let case = overreach();
    let page = page_of(&case, &case.judge());
    let small = page.to_lowercase();
    for forbidden in
        ["http://", "https://", " src=", "url(", "@import", "<link", "<iframe", "<img", "fetch("]
    {
        assert!(!small.contains(forbidden), "{forbidden}");
    }
    // One script, and its digest is the only one that the page lets run.
    let scripts: Vec<&str> = page.split("<script>").skip(1).collect();
    let [script] = scripts.as_slice() else { panic!("{} scripts", scripts.len()) };
    let text = script.split("</script>").next().expect("closed");
    let digest = data_encoding::BASE64.encode(&sha2::Sha256::digest(text));
    assert!(page.contains(&format!("script-src 'sha256-{digest}'\"")), "{digest}");
    assert!(page.contains("default-src 'none'") && !page.contains(" onclick"));
}

/// What a reader without sight, mouse or colour needs.
#[test]
fn a_page_has_names_for_its_pictures_heads_for_its_columns_and_one_first_heading() {
    let mut case = overreach();
    case.read(1).read(2);
    let page = page_of(&case, &case.judge());
    assert!(page.contains("<html lang=\"en\">") && page.contains("<main id=\"main\">"));
    assert_eq!(page.matches("<h1>").count(), 1);
    for picture in page.split("<svg ").skip(1) {
        let head = picture.split('>').next().expect("closed");
        assert!(head.contains("role=\"img\"") && head.contains("aria-labelledby"), "{head}");
    }
    for table in page.split("<table").skip(1) {
        let table = table.split("</table>").next().expect("closed");
        assert!(table.contains("<th scope=\"col\""), "a table without heads: {table:.200}");
    }
    let ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let once: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(once.len(), ids.len(), "an id stands twice: {ids:?}");
}

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let evil = "<script>alert(1)</script>\"'&\u{202e}fdp\u{1b}[2J";
    let mut case = overreach();
    case.actor = native(4200, &format!("/opt/{evil}"));
    case.read(1);
    case.file(&format!("/home/mara/{evil}"), None, FileAct::Create);
    case.post(&format!("{evil}.example"), "/x", b"");
    case.own(Event::Changed {
        path: format!("/etc/{evil}").as_str().into(),
        change: Change::Created,
        len: 1,
        sha256: None,
    });
    let actor = case.actor.clone();
    case.put(
        actor,
        Event::Refused {
            call: evil.into(),
            detail: evil.into(),
            errno: "EPERM".into(),
            why: RefusalKind::ReachesOut,
            count: 1,
        },
    );
    case.own(Event::StepBegan { step: StepId(0), name: evil.into() });
    case.manifest.decoys[1].path = format!("{KEY}{evil}");
    case.plan.component.name = evil.into();
    case.plan.scenario.question = evil.into();
    let verdict = case.judge();
    let page = page_of(&case, &verdict);
    assert_eq!(page.matches("<script").count(), 1, "markup is escaped");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'), "steering is shown");
    assert!(page.contains("\\u{202e}"));
    let text = text_summary(&verdict, 80);
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
}

#[test]
fn a_page_of_a_huge_run_stays_under_two_megabytes() {
    let mut case = overreach();
    let long = "n".repeat(3000);
    for n in 0..5_000_u32 {
        case.file(&format!("/home/mara/{long}/{n}"), None, FileAct::Create);
        case.own(Event::Changed {
            path: format!("/etc/{long}{n}").as_str().into(),
            change: Change::Created,
            len: 1,
            sha256: None,
        });
        let flow = case.flow(&format!("{n}.{UPLOAD}{long}"), Transport::Tcp, Protocol::Unknown, 1);
        case.own(Event::FlowClosed { flow, bytes_out: 9, bytes_in: 0, packets_out: 2 });
        let actor = native(10_000 + n, &format!("/opt/{long}"));
        case.put(
            actor.clone(),
            Event::Process(Program {
                process: actor.process().expect("native"),
                parent: None,
                executable: format!("/opt/{long}").as_str().into(),
                arguments: vec![long.as_str().into()],
                source: "x".into(),
                confidence: Confidence::Held,
            }),
        );
    }
    let page = page_of(&case, &case.judge());
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(page.contains("more destinations; verdict.json and record.jsonl hold them"));
}

#[test]
fn a_page_of_a_hundred_thousand_reads_is_aggregated() {
    let mut case = overreach();
    for n in 0..100_000_u64 {
        let act = FileAct::Read {
            handle: HandleId(7),
            offset: n % 3000,
            requested: 1,
            returned: 1,
            precision: Precision::Exact,
            pristine: true,
        };
        case.file(support::NOTES, Some(3), act);
    }
    let verdict = case.judge();
    assert!(verdict.reads.count >= 100_000);
    let page = page_of(&case, &verdict);
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(page.contains("100,0"), "the count is told");
}
