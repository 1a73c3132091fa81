//! The report: each link leads somewhere, a real browser opens it without asking for anything, it
//! prints, and every form of it is what its readers take. Needs chromium and poppler-utils
//! (`tests/run` installs them).

use belljar_tests::{Belljar, browser, fresh_seed, repository, skip};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A run with findings of every kind: sent, read beyond, changed, neighbours.
fn overreach() -> Belljar {
    let mut belljar = Belljar::run("contractor-laptop", fresh_seed(), &[]);
    assert_eq!(belljar.end().code, 1);
    belljar
}

fn saboteur() -> Belljar {
    let mut belljar = Belljar::run("office-network", fresh_seed(), &["--component", "saboteur"]);
    belljar.end();
    belljar
}

fn page(belljar: &Belljar) -> String {
    std::fs::read_to_string(belljar.bundle().join("report.html")).expect("the page is there")
}

fn report(belljar: &Belljar, format: &str) -> String {
    let bundle = belljar.bundle();
    let bundle = bundle.to_str().expect("a plain path");
    let ended = Belljar::new(&["report", bundle, "--format", format]).end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

/// Where artefacts go: a folder that outlives the test.
fn artefacts() -> PathBuf {
    let folder = repository().join("target/report");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

#[test]
fn each_statement_of_the_first_page_links_to_its_evidence_and_every_link_leads_there() {
    for (name, belljar) in [("overreach", overreach()), ("saboteur", saboteur())] {
        let page = page(&belljar);
        let ids: BTreeSet<&str> = between(&page, " id=\"", "\"").into_iter().collect();
        let first = page.split("<ul class=\"lines\">").nth(1).expect("the first page has lines");
        let first = first.split("</ul>").next().expect("closed");
        let statements = between(first, "<li ", "</li>");
        assert!(statements.len() >= 8, "{name}: {statements:?}");
        for statement in statements {
            assert!(statement.contains("<a href="), "{name}: no evidence: {statement}");
        }
        let links = between(&page, "href=\"", "\"");
        assert!(links.len() > 30, "{name}: {links:?}");
        let (mut here, mut files) = (0, BTreeSet::new());
        for link in links {
            match link.strip_prefix('#') {
                Some(id) => {
                    assert!(ids.contains(id), "{name}: #{id} leads nowhere");
                    here += 1;
                }
                None => {
                    assert!(!link.contains(':') && !link.starts_with('/'), "{name}: {link}");
                    assert!(belljar.bundle().join(link).exists(), "{name}: no {link}");
                    files.insert(link);
                }
            }
        }
        assert!(here > 20 && files.contains("record.jsonl") && files.contains("bundle.json"));
    }
}

/// Every statement of the finding on the first page stands in the file that it links to.
#[test]
fn the_bytes_that_a_finding_links_to_are_those_that_it_shows() {
    let belljar = overreach();
    let verdict = belljar.verdict();
    let finding = &verdict["findings"][0];
    let place = &finding["place"];
    let digest = place["payload"].as_str().expect("a digest");
    let payload = std::fs::read(belljar.bundle().join("payloads").join(digest)).expect("kept");
    let offset = usize::try_from(place["offset"].as_u64().expect("a number")).expect("small");
    let hex: Vec<String> =
        payload[offset..offset + 8].iter().map(|byte| format!("{byte:02x}")).collect();
    let page = page(&belljar);
    let article = page.split("id=\"F1\"").nth(1).and_then(|rest| rest.split("</article>").next());
    let article = article.expect("F1 stands on the page");
    // Side by side: as it left, and as it was planted; nothing is encoded here, so they are equal.
    assert_eq!(article.matches(&hex.join(" ")).count(), 2, "{article}");
    assert!(article.contains(&format!("payloads/{digest}")));
}

#[test]
fn a_browser_opens_the_report_offline_without_an_error_in_light_and_dark_wide_and_narrow() {
    if !browser::installed() {
        skip!("chromium is not installed");
    }
    let runs = [("overreach", overreach()), ("saboteur", saboteur())];
    for (name, belljar) in &runs {
        let file = belljar.bundle().join("report.html");
        for (look, scheme, width) in [
            ("light", browser::Scheme::Light, 1200),
            ("dark", browser::Scheme::Dark, 1200),
            ("narrow", browser::Scheme::Light, 400),
        ] {
            let shot = artefacts().join(format!("{name}-{look}.png"));
            let seen = browser::open(&file, scheme, width, &shot);
            assert!(seen.console.is_empty(), "{name} {look}: {:?}", seen.console);
            assert!(seen.requests.is_empty(), "{name} {look}: {:?}", seen.requests);
            let taken = std::fs::metadata(&shot).expect("a picture was taken").len();
            assert!(taken > 20_000, "{name} {look}: {taken} bytes");
        }
    }
    // The two schemes are two pictures.
    let read = |look: &str| std::fs::read(artefacts().join(format!("overreach-{look}.png")));
    assert_ne!(read("light").expect("is there"), read("dark").expect("is there"));
}

/// The net of the test above catches what it is there to catch.
#[test]
fn a_page_with_an_error_and_a_request_is_told_from_one_without() {
    if !browser::installed() {
        skip!("chromium is not installed");
    }
    let belljar = Belljar::new(&["--version"]);
    let file = belljar.file(
        "bad.html",
        "<!doctype html><title>x</title><img src=\"http://192.0.2.1/x.png\"><script>nothing()</script>",
    );
    let shot = belljar.folder().join("bad.png");
    let seen = browser::open(&file, browser::Scheme::Light, 800, &shot);
    assert!(seen.console.iter().any(|line| line.contains("nothing")), "{:?}", seen.console);
    assert!(seen.requests.iter().any(|url| url.contains("192.0.2.1")), "{:?}", seen.requests);
}

#[test]
fn the_page_in_a_browser_says_what_the_summary_says_and_its_filter_works() {
    if !browser::installed() {
        skip!("chromium is not installed");
    }
    let belljar = overreach();
    let file = belljar.bundle().join("report.html");
    let shown = browser::text(&browser::document(&file));
    let verdict = belljar.verdict();
    let sentence = verdict["sentence"].as_str().expect("text");
    for words in [sentence, "upload.vendor.example", "Ways out", "Timeline", "Repeat and check"] {
        assert!(shown.contains(words), "{words}");
    }
    // The script ran: long tables have a filter. Without it, nothing is missing.
    assert!(browser::document(&file).contains("class=\"filter\""));
    let plain = page(&belljar);
    assert!(!plain.contains("class=\"filter\""));
    let rows = |text: &str| text.matches("<tr").count();
    assert_eq!(rows(&plain), rows(&browser::document(&file)));
}

#[test]
fn the_report_prints_on_a4_with_the_verdict_on_the_first_sheet() {
    if !browser::installed() || !Path::new("/usr/bin/pdftotext").is_file() {
        skip!("chromium or poppler-utils is not installed");
    }
    for (name, belljar) in [("overreach", overreach()), ("saboteur", saboteur())] {
        let pdf = artefacts().join(format!("{name}.pdf"));
        browser::print(&belljar.bundle().join("report.html"), &pdf);
        let run = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).output().expect("poppler-utils runs");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let path = pdf.to_str().expect("a plain path");
        assert!(run("pdfinfo", &[path]).contains("A4"), "{}", run("pdfinfo", &[path]));
        let first = run("pdftotext", &["-f", "1", "-l", "1", path, "-"]);
        for label in ["Left", "The rest", "Worked", "Declared", "Changed", "Not seen", "Check"] {
            assert!(first.contains(label), "{name}: {label} is not on the first sheet:\n{first}");
        }
        let second = run("pdftotext", &["-f", "2", path, "-"]);
        for head in ["Data items", "Ways out", "Findings", "Timeline", "What was seen"] {
            assert!(second.contains(head), "{name}: {head}");
        }
        let picture = artefacts().join(name);
        run("pdftoppm", &["-r", "60", "-png", path, picture.to_str().expect("a plain path")]);
    }
}

#[test]
fn a_comment_fits_under_a_change_and_the_xml_is_xml() {
    let belljar = overreach();
    let comment = report(&belljar, "markdown");
    assert!(comment.len() <= 65_536 && comment.contains("overreach") && comment.contains("FAIL"));
    assert!(comment.contains("upload.vendor.example"));
    let xml = report(&belljar, "junit");
    let file = belljar.file("junit.xml", &xml);
    let script = "import sys, xml.etree.ElementTree as t\n\
        s = t.parse(sys.argv[1]).getroot().find('testsuite')\n\
        c = s.findall('testcase')\n\
        n = lambda k: sum(x.find(k) is not None for x in c)\n\
        assert int(s.get('tests')) == len(c) > 20\n\
        assert int(s.get('failures')) == n('failure') > 0\n\
        assert int(s.get('errors')) == n('error')\n\
        assert int(s.get('skipped')) == n('skipped')\n\
        assert all(x.get('name') and x.get('classname') for x in c)\n";
    let parsed = Command::new("python3").arg("-c").arg(script).arg(&file).output();
    let parsed = parsed.expect("python3 runs");
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    let sarif: Value = serde_json::from_str(&report(&belljar, "sarif")).expect("is JSON");
    assert_eq!(sarif["runs"][0]["results"][0]["level"], "error");
    let json: Value = serde_json::from_str(&report(&belljar, "json")).expect("is JSON");
    assert_eq!(json, belljar.verdict());
    let text = report(&belljar, "text");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    // The page made anew is the page of the run.
    assert_eq!(report(&belljar, "html"), page(&belljar));
}
