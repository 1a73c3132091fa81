//! Each kind of mistake in a file is told with its place, its value, and what would be right.

use belljar_schema::{
    ComponentFile, FileError, FileErrorKind, FileErrorKind::*, ResolveOptions, load_component,
    load_scenario, resolve,
};

const SCENARIO: &str = r#"
name = "small"
question = "Does anything leave?"
scan = ["{home}"]

[identity]
user = "anna"

[limits]
time = "60s"

[[decoys]]
path = "{home}/a.zip"
kind = "zip"
members = [{ path = "tool.com", kind = "sample" }]

[[decoys]]
path = "{home}/plan.docx"
kind = "docx"
marking = "EXERCISE SECRET"

[[steps]]
run = "scan"
timeout = "30s"
decoys-read = 2
detections = ["{home}/a.zip"]

[[vendor]]
host = "api.vendor.example"
path = "/v1/*"
body = '{"n": {ordinal}}'

[policy.items.hash-of-sample]
may-send-to = ["*.vendor.example"]
"#;

const COMPONENT: &str = r#"
name = "scanner"
vendor = "Somebody"
version = "1.0"
country = "GB"
files = ["/usr/bin/scanner"]
state = ["/var/lib/scanner"]
looks-into = ["zip"]
detection = '^(?P<path>/.*): FOUND$'

[commands.scan]
argv = ["/usr/bin/scanner", "{scan}"]
exit = [0, 1]

[[declares]]
item = "hash-of-sample"
to = "*.vendor.example"

[[provisions]]
path = "/var/lib/scanner/base.db"
text = "{eicar-hex}"

[profiles.sharing-off]
args = { scan = ["--private"] }
"#;

/// Replaces `from` (which must be there once) in the good scenario.
fn scenario_mistake(from: &str, to: &str) -> FileError {
    assert_eq!(SCENARIO.matches(from).count(), 1, "{from}");
    load_scenario("small.toml", &SCENARIO.replace(from, to)).expect_err(to)
}

fn component_mistake(from: &str, to: &str) -> FileError {
    assert_eq!(COMPONENT.matches(from).count(), 1, "{from}");
    load_component("scanner.toml", &COMPONENT.replace(from, to)).expect_err(to)
}

#[track_caller]
fn told(error: &FileError, kind: FileErrorKind, at: &str, message: &str, help: &str) {
    assert_eq!(error.kind, kind, "{error}");
    assert_eq!(error.wrong_text(), at, "{error}");
    assert!(error.message.contains(message), "{error}");
    assert!(error.help.as_deref().unwrap_or_default().contains(help), "{error}");
}

#[test]
fn the_files_without_mistakes_are_in_order() {
    load_scenario("small.toml", SCENARIO).unwrap_or_else(|error| panic!("{error}"));
    load_component("scanner.toml", COMPONENT).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_message_names_file_line_and_column() {
    let error = scenario_mistake("decoys-read = 2", "decoys-raed = 2");
    assert_eq!(error.line_and_column(), (25, 1));
    assert_eq!(
        error.to_string(),
        "small.toml:25:1: unknown key `decoys-raed` (did you mean `decoys-read`?)"
    );
}

#[test]
fn what_is_not_toml_is_told_where_it_breaks_off() {
    let error = scenario_mistake("name = \"small\"", "name = \"small");
    assert_eq!((error.kind, error.line_and_column().0), (Syntax, 2), "{error}");
    let twice = scenario_mistake("name = \"small\"", "name = \"small\"\nname = \"b\"");
    assert_eq!((twice.kind, twice.line_and_column().0), (Syntax, 3), "{twice}");
}

#[test]
fn unknown_keys_values_and_types_are_told_with_what_is_known() {
    let s = scenario_mistake;
    told(&s("marking =", "marknig ="), UnknownKey, "marknig", "`marknig`", "`marking`");
    told(&s("question =", "colour ="), UnknownKey, "colour", "`colour`", "known here: name");
    told(&s("kind = \"docx\"", "kind = \"doc\""), Value, "\"doc\"", "`doc`", "`docx`");
    let item = s("items.hash-of-sample", "items.hash-of-samples");
    told(&item, Value, "hash-of-samples", "`hash-of-samples`", "`hash-of-sample`");
    told(&s("decoys-read = 2", "decoys-read = \"2\""), Value, "\"2\"", "string", "u64");
    told(&s("run = \"scan\"", "run = 3"), Value, "3", "integer", "a role of the component");
    told(&component_mistake("country", "contry"), UnknownKey, "contry", "", "`country`");
    let missing = s("path = \"{home}/plan.docx\"\n", "");
    told(&missing, MissingKey, "[[decoys]]", "`path` is missing", "path = ");
    let placed =
        component_mistake("\"/usr/bin/scanner\"]\n", "{ host = \"/x\", insid = \"/y\" }]\n");
    told(&placed, UnknownKey, "insid", "`insid`", "`inside`");
}

#[test]
fn sizes_times_and_numbers_out_of_bounds_are_told() {
    let s = scenario_mistake;
    told(&s("\"30s\"", "\"30 sec\""), Amount, "\"30 sec\"", "`sec`", "ms, s, m or h");
    told(&s("\"30s\"", "30"), Value, "30", "integer", "in quotes");
    told(&s("\"30s\"", "\"0s\""), Amount, "\"0s\"", "no time", "at least");
    told(&s("\"30s\"", "\"5m\""), Amount, "\"5m\"", "longer than the whole run", "\"1m\"");
    told(&s("\"60s\"", "\"0s\""), Amount, "\"0s\"", "limit of time", "between");
    let size = s("kind = \"docx\"", "kind = \"docx\"\nsize = \"20 kb\"");
    told(&size, Amount, "\"20 kb\"", "`kb`", "\"20 KiB\"");
    let whole = s("kind = \"sample\" }", "kind = \"text\", sample = \"eicar\", size = \"9 B\" }");
    told(&whole, Amount, "\"9 B\"", "is the sample, whole", "take `size` out");
    told(&s("decoys-read = 2", "decoys-read = 9"), Amount, "9", "cannot be read", "2 are planted");
    let exit = s("decoys-read = 2", "exit = [0, 300]");
    told(&exit, Amount, "300", "no exit code", "0 to 255");
    let status = s("path = \"/v1/*\"", "path = \"/v1/*\"\nstatus = 99");
    told(&status, Amount, "99", "no status", "200 to 599");
    let ordinal = s("path = \"/v1/*\"", "path = \"/v1/*\"\nordinal = 0");
    told(&ordinal, Amount, "0", "number 0", "from 1");
}

#[test]
fn paths_that_cannot_be_meant_are_told() {
    let at = "\"{home}/plan.docx\"";
    let s = |to: &str| scenario_mistake(at, to);
    told(&s("\"plan.docx\""), Path, "\"plan.docx\"", "not absolute", "{home}/plan.docx");
    told(&s("\"~/plan.docx\""), Path, "\"~/plan.docx\"", "not absolute", "{home}/plan.docx");
    told(&s("\"{home}/../x\""), Path, "\"{home}/../x\"", "`..`", "without steps up");
    told(&s("\"{home}//x\""), Path, "\"{home}//x\"", "empty part", "single slashes");
    told(&s("\"/usr/bin/x\""), Path, "\"/usr/bin/x\"", "outside the world", "/home");
    told(&s("\"/home\""), Path, "\"/home\"", "top-level", "below");
    told(&s("\"{home}\""), Path, "\"{home}\"", "the home itself", "below");
    told(&s("\"{hone}/x\""), Placeholder, "\"{hone}/x\"", "`{hone}`", "`{home}`");
    let member = scenario_mistake("\"tool.com\"", "\"/tool.com\"");
    told(&member, Path, "\"/tool.com\"", "names a member", "\"tool.com\"");
    let home = component_mistake("\"/usr/bin/scanner\"]", "\"/home/me/scanner\"]");
    told(&home, Path, "\"/home/me/scanner\"", "homes inside the jar", "inside = \"/opt/");
    let state = component_mistake("\"/var/lib/scanner\"]", "\"/proc/x\"]");
    told(&state, Path, "\"/proc/x\"", "belongs to the jar", "/var/lib");
    let request = scenario_mistake("path = \"/v1/*\"", "path = \"v1\"");
    told(&request, Path, "\"v1\"", "no path of a request", "/v1/");
}

#[test]
fn decoys_that_contradict_themselves_or_each_other_are_told() {
    let s = scenario_mistake;
    let twice = s("\"{home}/plan.docx\"", "\"/home/anna/a.zip\"");
    told(&twice, Decoy, "\"/home/anna/a.zip\"", "planted twice", "path of its own");
    let inside = s("\"{home}/plan.docx\"", "\"{home}/a.zip/b\"");
    told(&inside, Decoy, "\"{home}/a.zip/b\"", "lies inside", "beside");
    let empty = s("members = [{ path = \"tool.com\", kind = \"sample\" }]\n", "");
    told(&empty, Decoy, "\"zip\"", "nothing in it", "members");
    let count = s("marking =", "count = 3\nmarking =");
    told(&count, Decoy, "3", "cannot all stand", "{n}");
    let mode = s("marking =", "mode = \"0888\"\nmarking =");
    told(&mode, Decoy, "\"0888\"", "no mode bits", "\"0600\"");
    let sample = s("marking =", "sample = \"eicar\"\nmarking =");
    told(&sample, Decoy, "\"eicar\"", "cannot hold a sample", "`text`");
    let system = s("kind = \"sample\" }", "kind = \"system-file\" }");
    told(&system, Decoy, "\"system-file\"", "cannot be a member", "`text`");
    let real = s("\"EXERCISE SECRET\"", "\"SECRET\"");
    told(&real, Marking, "\"SECRET\"", "taken for a real one", "\"EXERCISE SECRET\"");
    let glued = s("\"EXERCISE SECRET\"", "\"EXERCISESECRET\"");
    told(&glued, Marking, "\"EXERCISESECRET\"", "taken for a real one", "");
    let zip = s("kind = \"zip\"", "kind = \"zip\"\nmarking = \"EXERCISE X\"");
    told(&zip, Marking, "\"EXERCISE X\"", "carries no marking", "`docx`");
}

#[test]
fn steps_that_contradict_themselves_are_told() {
    let s = |to: &str| scenario_mistake("run = \"scan\"\n", to);
    let nothing = s("name = \"x\"\n");
    told(&nothing, Step, "[[steps]]", "does nothing", "`run`");
    told(&s("run = \"scan\"\nidle = \"1s\"\n"), Step, "\"1s\"", "`run` and `idle`", "two steps");
    let idle = scenario_mistake(
        "run = \"scan\"\ntimeout = \"30s\"\ndecoys-read = 2\ndetections = [\"{home}/a.zip\"]",
        "idle = \"1s\"\nexit = [0]",
    );
    told(&idle, Step, "[0]", "means nothing", "`run`");
    told(&s("run = \"daemon\"\n"), Step, "\"daemon\"", "does not run to its end", "start");
    told(&s("run = \"scna\"\n"), Reference, "\"scna\"", "no role", "\"scan\"");
    told(&s("run = [\"ls -l\"]\n"), Value, "\"ls -l\"", "one word", "[\"/bin/ls\", \"/\"]");
    told(&s("run = []\n"), Value, "[]", "empty", "program");
    let start = |step: &str| {
        load_scenario("small.toml", &SCENARIO.replace("[[vendor]]", &format!("{step}\n[[vendor]]")))
            .expect_err("is wrong")
    };
    let stop = start("[[steps]]\nstop = \"daemon\"");
    told(&stop, Reference, "\"daemon\"", "no daemon `daemon` runs", "start one first");
    let again = start("[[steps]]\nstart = \"daemon\"\n[[steps]]\nstart = \"daemon\"");
    told(&again, Step, "\"daemon\"", "runs already", "stop it first");
    let ends = start("[[steps]]\nstart = \"scan\"");
    told(&ends, Step, "\"scan\"", "a command that ends", "run = \"scan\"");
    let ready = start("[[steps]]\nstart = [\"/bin/d\"]");
    told(&ready, MissingKey, "[[steps]]", "`ready`", "path");
    let change = start("[[steps]]\nchange = { path = \"{home}/plan.doc\", append = \"x\" }");
    told(&change, Reference, "\"{home}/plan.doc\"", "not planted", "{home}/plan.docx");
}

#[test]
fn a_detection_where_no_sample_lies_is_told_with_where_one_does() {
    let s = |to: &str| scenario_mistake("[\"{home}/a.zip\"]", to);
    let none = s("[\"{home}/plan.docx\"]");
    told(&none, Reference, "\"{home}/plan.docx\"", "holds no sample", "{home}/a.zip");
    let elsewhere = s("[\"{home}/b/a.zip\"]");
    told(&elsewhere, Reference, "\"{home}/b/a.zip\"", "is not planted", "\"{home}/a.zip\"?");
    let scan = scenario_mistake("scan = [\"{home}\"]", "scan = [\"/srv\"]");
    told(&scan, Reference, "\"/srv\"", "no decoy lies below", "plant");
}

#[test]
fn hosts_that_could_belong_to_somebody_or_are_none_are_told() {
    let s = |to: &str| scenario_mistake("\"api.vendor.example\"", to);
    told(&s("\"8.8.8.8\""), Host, "\"8.8.8.8\"", "could belong to somebody", "198.18.0.0/15");
    told(&s("\"2606:4700::1\""), Host, "\"2606:4700::1\"", "could belong", "2001:db8::/32");
    told(
        &s("\"https://a.example/x\""),
        Host,
        "\"https://a.example/x\"",
        "no host",
        "\"a.example\"",
    );
    told(&s("\"a..b\""), Host, "\"a..b\"", "no host name", "*.vendor.example");
    for fake in ["198.18.3.4", "192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::5"] {
        load_scenario("small.toml", &SCENARIO.replace("api.vendor.example", fake))
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let policy = scenario_mistake("[\"*.vendor.example\"]", "[\"*vendor\"]");
    told(&policy, Host, "\"*vendor\"", "no host name", "\"*\"");
    let declared = component_mistake("\"*.vendor.example\"", "\"1.1.1.1\"");
    told(&declared, Host, "\"1.1.1.1\"", "could belong", "address");
}

#[test]
fn expressions_and_placeholders_that_cannot_work_are_told() {
    let pattern = "'^(?P<path>/.*): FOUND$'";
    let broken = component_mistake(pattern, "'(?P<path>'");
    told(&broken, Pattern, "'(?P<path>'", "unclosed group", "regular expression");
    let group = component_mistake(pattern, "'^(.*): FOUND$'");
    told(&group, Pattern, "'^(.*): FOUND$'", "no group `path`", "(?P<path>");
    let body = scenario_mistake("{ordinal}", "{ordnal}");
    told(&body, Placeholder, "'{\"n\": {ordnal}}'", "`{ordnal}`", "`{ordinal}`");
    let argument = component_mistake("\"{scan}\"]", "\"{paths}\"]");
    told(&argument, Placeholder, "\"{paths}\"", "`{paths}`", "`{scan}`");
    let text = component_mistake("{eicar-hex}", "{eicar-sha1}");
    told(&text, Placeholder, "\"{eicar-sha1}\"", "`{eicar-sha1}`", "`{eicar-");
}

#[test]
fn components_that_contradict_themselves_are_told() {
    let c = component_mistake;
    told(&c("\"GB\"", "\"UK Ltd\""), Value, "\"UK Ltd\"", "no country", "\"GB\"");
    told(&c("\"scanner\"\n", "\"My Scanner\"\n"), Value, "\"My Scanner\"", "no name", "lower-case");
    told(&c("[\"zip\"]", "[\"docx\"]"), Value, "\"docx\"", "holds no other", "`zip`");
    let roles = c("{ scan = [\"--private\"] }", "{ scann = [\"--private\"] }");
    told(&roles, Reference, "[\"--private\"]", "no command `scann`", "`scan`");
    let role = c("[commands.scan]", "[commands.scann]");
    told(&role, UnknownKey, "scann", "`scann`", "`scan`");
    let ready = c("[commands.scan]", "[commands.daemon]");
    told(&ready, MissingKey, "daemon", "`ready`", "/run/x.sock");
}

const ENGINE: &str = r#"
name = "engine"
vendor = "Somebody"
version = "1.0"
country = "GB"
kind = "wasm"
files = ["/opt/engine.wasm"]

[engine]
reputation = "https://reputation.vendor.example/v1/lookup"
submission = "http://upload.vendor.example:8080/v1/submit"

[commands.scan]
argv = ["/opt/engine.wasm", "{scan}"]
exit = [0, 1]
"#;

#[test]
fn engines_that_are_called_as_commands_are_told() {
    load_component("engine.toml", ENGINE).expect("in order");
    let wrong = |from: &str, to: &str| {
        assert_eq!(ENGINE.matches(from).count(), 1, "{from}");
        load_component("engine.toml", &ENGINE.replace(from, to)).expect_err(to)
    };
    let native = wrong("kind = \"wasm\"\n", "");
    told(&native, Value, "engine", "only WebAssembly", "kind = \"wasm\"");
    let detection = "kind = \"wasm\"\ndetection = '^(?P<path>/.*): FOUND$'\n";
    let detection = wrong("kind = \"wasm\"\n", detection);
    told(&detection, Value, "'^(?P<path>/.*): FOUND$'", "by its verdicts", "leave the key out");
    let argument = wrong("\"{scan}\"]", "\"--all\", \"{scan}\"]");
    told(&argument, Value, "[\"/opt/engine.wasm\", \"--all\", \"{scan}\"]", "`--all`", "{scan}");
    let update = wrong("[commands.scan]", "[commands.update]\nargv = [\"/a\"]\n\n[commands.scan]");
    assert_eq!(update.kind, Value, "{update}");
    assert!(update.message.contains("no command `update`"), "{update}");
    for (address, message, help) in [
        ("ftp://reputation.vendor.example/", "no address of http or https", "https://"),
        ("https://reputation.vendor.example:0/v1", "no port from 1 to 65535", "as a number"),
        ("https://reputation.vendor.example:x/v1", "no port from 1 to 65535", "as a number"),
        ("https://*.vendor.example/v1", "is no address", "a host and a path"),
        ("https://reputation.vendor.example/v 1", "is no address", "a host and a path"),
    ] {
        let wrong = wrong("https://reputation.vendor.example/v1/lookup", address);
        told(&wrong, Value, &format!("\"{address}\""), message, help);
    }
    let nowhere = wrong("https://reputation.vendor.example/v1/lookup", "https:///v1");
    assert!(nowhere.source_text[nowhere.span.clone()].contains("https:///v1"), "{nowhere}");
}

#[test]
fn scenario_and_component_that_do_not_fit_are_told() {
    let component: ComponentFile = load_component("scanner.toml", COMPONENT).expect("in order");
    let text = SCENARIO.replace("run = \"scan\"", "run = \"update\"");
    let scenario = load_scenario("small.toml", &text).expect("in order by itself");
    let error = resolve(&scenario, &component, &ResolveOptions::default()).expect_err("misfit");
    told(&error, Reference, "\"update\"", "`scanner` has no command `update`", "optional = true");
    assert_eq!(error.file, "small.toml");

    let scenario = load_scenario("small.toml", SCENARIO).expect("in order");
    let options =
        ResolveOptions { profile: Some("sharing-of".into()), ..ResolveOptions::default() };
    let error = resolve(&scenario, &component, &options).expect_err("no such profile");
    told(&error, Reference, "\"scanner\"", "no profile `sharing-of`", "`sharing-off`");
    assert_eq!(error.file, "scanner.toml");
}

#[test]
fn hostile_files_are_refused_without_harm() {
    let long = "a = 1\n".repeat(1 << 20);
    assert_eq!(load_scenario("x", &long).expect_err("too long").kind, Amount);
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(load_scenario("x", &deep).expect_err("too deep").kind, Syntax);
    let nest = (0..20).fold("{ path = \"t\", kind = \"sample\" }".to_owned(), |inner, _| {
        format!("{{ path = \"z\", kind = \"zip\", members = [{inner}] }}")
    });
    let error = scenario_mistake("{ path = \"tool.com\", kind = \"sample\" }", &nest);
    assert!(error.message.contains("deep"), "{error}");
    let costly = component_mistake("'^(?P<path>/.*): FOUND$'", "'(?P<path>(x{1000}){1000})'");
    assert_eq!(costly.kind, Pattern, "{costly}");
    for text in ["", "\u{feff}", "=", "\u{0}", "name = \"é", "[[steps]]\n[[steps.x]]"] {
        let error = load_scenario("x", text).expect_err("is no scenario");
        assert!(error.source_text.get(error.span.clone()).is_some(), "{error:?}");
    }
}
