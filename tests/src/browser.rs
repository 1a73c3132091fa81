//! A headless browser that opens a page as a reader would, and says what it did meanwhile.
//!
//! It runs with a profile of its own, with every service of its vendor off and no name that
//! resolves, so what it asks for is what the page asks for.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const PROGRAM: &str = "/usr/bin/chromium";

/// Whether a browser is installed.
pub fn installed() -> bool {
    Path::new(PROGRAM).is_file()
}

/// What the reader's system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// What a page did while it was open.
#[derive(Debug)]
pub struct Seen {
    /// What it said on the console: errors and all else.
    pub console: Vec<String>,
    /// What was asked for beside the page itself.
    pub requests: Vec<String>,
}

fn chromium(profile: &Path, file: &Path, extra: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-extensions",
            "--disable-sync",
            "--disable-domain-reliability",
            "--disable-client-side-phishing-detection",
            "--no-pings",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--hide-scrollbars",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(extra)
        .arg(format!("file://{}", file.display()));
    command.output().expect("chromium starts")
}

/// Opens a page in a window of `width` pixels and takes a picture of it.
pub fn open(file: &Path, scheme: Scheme, width: u32, picture: &Path) -> Seen {
    let profile = TempDir::new().expect("a temporary folder");
    let log = profile.path().join("net.json");
    let preferred = match scheme {
        Scheme::Light => "--blink-settings=preferredColorScheme=1",
        Scheme::Dark => "--blink-settings=preferredColorScheme=0",
    };
    let output = chromium(
        profile.path(),
        file,
        &[
            "--enable-logging=stderr",
            "--v=0",
            preferred,
            &format!("--window-size={width},4000"),
            &format!("--screenshot={}", picture.display()),
            &format!("--log-net-log={}", log.display()),
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "chromium: {said}");
    let console =
        said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    Seen { console, requests: requests(&log) }
}

/// URLs of the browser's own log of requests, but for files, data of its own pages, and what its
/// vendor's services ask for at the start.
fn requests(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).expect("the log of requests is written");
    // A log whose end was not written is closed by hand: it is a list of events.
    let log: Value = serde_json::from_str(&text)
        .or_else(|_| serde_json::from_str(&format!("{}]}}", text.trim_end().trim_end_matches(','))))
        .expect("the log of requests is JSON");
    let mut urls = Vec::new();
    for event in log["events"].as_array().expect("a list of events") {
        let Some(url) = event["params"]["url"].as_str() else { continue };
        let own =
            ["file:", "data:", "chrome:", "chrome-extension:", "blob:", "about:", "devtools:"];
        let vendor = [".google.com/", ".googleapis.com/", ".gvt1.com/"];
        if !own.iter().any(|scheme| url.starts_with(scheme))
            && !vendor.iter().any(|host| url.contains(host))
            && !urls.iter().any(|known| known == url)
        {
            urls.push(url.to_owned());
        }
    }
    urls
}

/// The document as it stands after its script ran.
pub fn document(file: &Path) -> String {
    let profile = TempDir::new().expect("a temporary folder");
    let output = chromium(profile.path(), file, &["--dump-dom"]);
    assert!(output.status.success(), "chromium: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a document says: its text without tags.
pub fn text(document: &str) -> String {
    let body = document.split("<body>").nth(1).unwrap_or(document);
    let body = body.split("<script>").next().unwrap_or(body);
    let mut out = String::new();
    for piece in body.split('<') {
        out.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
    }
    out.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ")
}

/// Prints a page as PDF.
pub fn print(file: &Path, pdf: &Path) {
    let profile = TempDir::new().expect("a temporary folder");
    let target = format!("--print-to-pdf={}", pdf.display());
    let output = chromium(profile.path(), file, &[&target, "--no-pdf-header-footer"]);
    assert!(output.status.success(), "chromium: {}", String::from_utf8_lossy(&output.stderr));
}
