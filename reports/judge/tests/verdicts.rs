//! What hand-made records come to.

mod support;

use belljar_judge::*;
use belljar_record::*;
use belljar_schema::*;
use support::*;

fn item(verdict: &Verdict, item: DataItem) -> &ItemRow {
    verdict.items.iter().find(|row| row.item == item).expect("every item has a row")
}

#[test]
fn an_honest_run_passes_and_says_what_it_sent() {
    let verdict = honest().judge();
    assert_eq!(verdict.verdict, Outcome::Pass, "{:?}", verdict.reasons);
    assert!(verdict.exercise.done);
    assert_eq!(verdict.items.len(), DataItem::ALL.len());
    let row = item(&verdict, DataItem::HashOfSample);
    assert_eq!((row.sent, row.verdict, row.declared), (SentClass::Hash, Outcome::Pass, true));
    assert_eq!(verdict.findings.len(), 1);
    assert_eq!(verdict.findings[0].severity, Severity::Allowed);
    assert!(verdict.findings[0].declared);
}

#[test]
fn a_whole_archive_fails_with_its_members_and_its_collateral() {
    let case = overreach();
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Fail);
    let finding = &verdict.findings[0];
    assert_eq!(finding.class, SentClass::WholeFile);
    assert_eq!(finding.item, DataItem::Archive);
    for item in [DataItem::Archive, DataItem::Source, DataItem::Document, DataItem::Sample] {
        assert!(finding.against.contains(&item), "{item:?} left inside the archive");
    }
    let to = finding.destination.as_ref().expect("it went somewhere");
    assert_eq!((to.host.as_str(), to.port), (UPLOAD, 80));
    assert_eq!(finding.who.program, "/opt/av/scan");
    assert_eq!(finding.set_off.sample.as_deref(), Some(WORK));
    assert!(finding.set_off.sample_before_millis >= Some(1300) && finding.set_off.same_process);
    let collateral = finding.collateral.as_ref().expect("the sample left with it");
    let whole = case.sources[0].bytes.len() as u64;
    let sample = case.sources[0].parts[0].1.len() as u64;
    assert_eq!((collateral.innocent, collateral.sample), (whole - sample, sample));
    assert_eq!((collateral.innocent_members, collateral.marked_members), (2, 1));
    assert_eq!(item(&verdict, DataItem::Document).verdict, Outcome::Fail);
    assert!(item(&verdict, DataItem::Document).sent_to.rows[0].inside);
    assert_eq!(item(&verdict, DataItem::Credentials).verdict, Outcome::Pass);
    assert!(verdict.component.declares.iter().all(|row| !row.seen));
}

#[test]
fn without_the_sample_there_is_no_collateral_ratio() {
    let mut case = Case::new();
    case.begin().read(0).read(3);
    let body = case.sources[3].bytes.clone();
    let (flow, payload, at) = case.post(UPLOAD, "/v1/sample", &body);
    case.trace_whole(3, &flow, &payload, at).end();
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Fail);
    assert!(verdict.findings[0].collateral.is_none());
}

#[test]
fn a_row_of_the_policy_allows_one_item_to_one_host_only() {
    let mut case = overreach();
    let all = [DataItem::Archive, DataItem::Source, DataItem::Document, DataItem::Sample];
    let row =
        |item, host: &str| PolicyItem { item, may_read: false, may_send_to: vec![host.to_owned()] };
    case.plan.scenario.policy.items = all.map(|item| row(item, UPLOAD)).to_vec();
    assert_eq!(case.judge().verdict, Outcome::Pass);
    case.plan.scenario.policy.items = all.map(|item| row(item, "other.example")).to_vec();
    assert_eq!(case.judge().verdict, Outcome::Fail);
    case.plan.scenario.policy.items = all[..3].iter().map(|&item| row(item, "*")).collect();
    assert_eq!(case.judge().findings[0].against, vec![DataItem::Sample]);
}

#[test]
fn nothing_passes_by_doing_nothing() {
    let mut case = Case::new();
    case.begin().read(0).end_with(Some(0), &[]);
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Inconclusive);
    let unmet: Vec<ExerciseKind> =
        verdict.exercise.checks.iter().filter(|check| !check.met).map(|check| check.what).collect();
    let wanted = [ExerciseKind::ExitCode, ExerciseKind::Detections, ExerciseKind::DecoysRead];
    assert_eq!(unmet, wanted);

    let mut case = honest();
    case.plan.steps[0].expect = Expect::default();
    assert_eq!(case.judge().verdict, Outcome::Inconclusive, "nothing was asked of it");

    let mut case = Case::new();
    case.begin().read(0).read(3);
    assert_eq!(case.judge().verdict, Outcome::Inconclusive, "the step never ended");
}

#[test]
fn a_vendor_channel_that_is_expected_must_be_answered() {
    let mut case = honest();
    case.plan.steps[0].expect.vendor_answered = true;
    assert_eq!(case.judge().verdict, Outcome::Inconclusive);
    case.own(Event::Served(Served {
        flow: FlowId(1),
        protocol: Protocol::Http,
        request: "POST /v1/sample HTTP/1.1".into(),
        host: Some(UPLOAD.into()),
        body_len: 64,
        rule: Some(0),
        ordinal: 1,
        status: 200,
    }));
    assert_eq!(case.judge().verdict, Outcome::Pass);
}

#[test]
fn a_limit_or_an_interruption_is_no_pass() {
    let mut case = honest();
    case.own(Event::Limit { what: "time".into(), detail: "10 s".into() });
    assert_eq!(case.judge().verdict, Outcome::Inconclusive);
    let mut case = honest();
    case.own(Event::Interrupted { reason: "SIGINT".into() });
    assert_eq!(case.judge().verdict, Outcome::Inconclusive);
}

#[test]
fn every_dimension_that_is_lost_unreadable_or_absent_bars_a_pass_and_is_named() {
    for dimension in Dimension::ALL {
        let lost = Extent::Lost { count: 2, unit: "things".into(), reason: "full".into() };
        let unreadable =
            Extent::Unreadable { count: 1, unit: "things".into(), reason: "odd".into() };
        let absent = Extent::Absent { reason: "no probe".into() };
        for extent in [lost, unreadable, absent] {
            let mut case = honest();
            case.own(Event::Limited { dimension, extent: extent.clone() });
            let verdict = case.judge();
            assert_eq!(verdict.verdict, Outcome::Inconclusive, "{dimension:?} {extent:?}");
            let named =
                verdict.reasons.iter().any(|reason| reason.text.starts_with(dimension.name()));
            assert!(named, "{dimension:?} is named: {:?}", verdict.reasons);
            assert!(verdict.items.iter().all(|row| row.verdict == Outcome::Inconclusive));
        }
        let mut case = honest();
        case.own(Event::Limited { dimension, extent: Extent::Blind { reason: "so".into() } });
        assert_eq!(case.judge().verdict, Outcome::Pass, "blind is printed, not barred");
    }
}

#[test]
fn tls_that_could_not_be_read_unknown_senders_cuts_and_gaps_bar_a_pass() {
    let mut case = honest();
    let flow = case.flow("pinned.example", Transport::Tcp, Protocol::Tls, 443);
    case.put(flow.actor.clone(), Event::FlowOpened(flow.clone()));
    case.own(Event::Tls {
        flow: flow.id,
        sni: Some("pinned.example".into()),
        outcome: TlsOutcome::Refused { reason: "unknown_ca".into() },
    });
    case.own(Event::FlowClosed { flow, bytes_out: 812, bytes_in: 10, packets_out: 4 });
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Inconclusive);
    assert_eq!(verdict.ceiling.unreadable, 812);
    assert!(verdict.ceiling.bytes >= 812);

    let mut case = honest();
    let mut flow = case.flow("x.example", Transport::Udp, Protocol::Unknown, 9);
    flow.actor = Actor::unknown("gone");
    case.put(flow.actor.clone(), Event::FlowOpened(flow));
    assert_eq!(case.judge().verdict, Outcome::Inconclusive);

    let mut case = honest();
    case.cuts.push(DecodingCut {
        payload: Sha256Hex::of(b""),
        count: 1,
        reason: "too deep".into(),
    });
    assert_eq!(case.judge().verdict, Outcome::Inconclusive);

    let mut case = honest();
    case.lines.remove(6);
    let verdict = case.judge();
    assert!(verdict.reasons.iter().any(|reason| reason.text.contains("numbering has gaps")));
}

#[test]
fn a_jar_that_was_not_checked_is_no_pass() {
    let mut case = honest();
    case.lines.retain(|line| !matches!(line.event, Event::Isolation(_)));
    for (number, line) in case.lines.iter_mut().enumerate() {
        line.seq = Seq(number as u64);
    }
    let verdict = case.judge();
    assert!(verdict.reasons.iter().any(|reason| reason.from == ReasonFrom::Isolation));
    assert_eq!(verdict.verdict, Outcome::Inconclusive);
}

#[test]
fn fail_stands_over_inconclusive() {
    let mut case = overreach();
    case.own(Event::Limit { what: "time".into(), detail: "10 s".into() });
    assert_eq!(case.judge().verdict, Outcome::Fail);
}

#[test]
fn a_key_read_beyond_the_task_is_a_finding_unless_a_row_allows_it() {
    let mut case = Case::new();
    case.begin().read(0).read(3).read(1).end();
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Fail);
    assert_eq!(verdict.findings[0].kind, FindingKind::ReadBeyondTask);
    assert_eq!(verdict.findings[0].item, DataItem::Credentials);
    assert_eq!(item(&verdict, DataItem::Credentials).read, ReadWord::BeyondTask);
    case.plan.scenario.policy.items.push(PolicyItem {
        item: DataItem::Credentials,
        may_read: true,
        may_send_to: Vec::new(),
    });
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Pass);
    assert_eq!(verdict.findings[0].severity, Severity::Allowed);
}

#[test]
fn files_that_every_program_reads_fail_nobody_unless_a_row_says_so() {
    let mut case = honest();
    case.read(2);
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Pass, "{:?}", verdict.reasons);
    assert!(verdict.reads.beyond.rows[0].everyday);
    assert_eq!(item(&verdict, DataItem::UserName).read, ReadWord::BeyondTask);
    case.plan.scenario.policy.items.push(PolicyItem {
        item: DataItem::UserName,
        may_read: false,
        may_send_to: Vec::new(),
    });
    assert_eq!(case.judge().verdict, Outcome::Fail);
}

#[test]
fn opening_without_reading_and_starting_a_program_are_no_reads() {
    let mut case = honest();
    case.file(KEY, Some(1), FileAct::Open { handle: HandleId(900), flags: 0, exec: false });
    case.file(KEY, Some(1), FileAct::Stat);
    case.read_as(1, Precision::Page, true);
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Pass, "{:?}", verdict.reasons);
    assert_eq!(verdict.reads.touched_beyond.rows[0].path, KEY);
}

#[test]
fn moving_a_file_into_the_scanned_place_does_not_make_it_part_of_the_task() {
    let mut case = honest();
    let read = FileAct::Read {
        handle: HandleId(901),
        offset: 0,
        requested: 100,
        returned: 100,
        precision: Precision::Exact,
        pristine: true,
    };
    case.file("/home/mara/Downloads/moved", Some(1), read);
    assert_eq!(case.judge().verdict, Outcome::Fail);
}

#[test]
fn page_granular_reads_are_said_and_bar_nothing() {
    let mut case = honest();
    case.read_as(3, Precision::Page, false);
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Pass);
    let row = verdict.coverage.iter().find(|row| row.dimension == "read-precision");
    assert_eq!(row.expect("listed").extent, ExtentWord::Blind);
}

#[test]
fn traffic_that_stays_in_the_jar_is_no_egress() {
    let mut case = honest();
    let mut flow = case.flow("localhost", Transport::Tcp, Protocol::Unknown, 3310);
    flow.remote.address = "127.0.0.1".parse().expect("an address");
    let body = case.sources[3].bytes.clone();
    let payload = case.converse(&flow, Layer::Stream, &body, body.len() as u64);
    case.trace_whole(3, &flow, &payload, 0);
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Pass);
    assert_eq!(verdict.egress.internal, 1);
}

#[test]
fn two_processes_of_one_program_are_told_apart() {
    let mut case = overreach();
    case.actor = native(4200, "/opt/av/scan");
    let body = case.sources[3].bytes.clone();
    let (flow, payload, at) = case.post(UPLOAD, "/v1/sample", &body);
    case.trace_whole(3, &flow, &payload, at);
    let verdict = case.judge();
    let pids: Vec<_> = verdict.findings.iter().map(|finding| finding.who.pid).collect();
    assert_eq!(verdict.findings.len(), 2);
    assert!(pids.contains(&Some(4100)) && pids.contains(&Some(4200)));
}

#[test]
fn a_strict_policy_doubts_what_nothing_names() {
    let mut case = honest();
    let flow = case.flow("stranger.example", Transport::Tcp, Protocol::Unknown, 4444);
    case.converse(&flow, Layer::Stream, b"\x01\x02opaque", 8);
    assert_eq!(case.judge().verdict, Outcome::Pass);
    case.plan.scenario.policy.strict = true;
    let verdict = case.judge();
    assert_eq!(verdict.verdict, Outcome::Inconclusive);
    assert!(verdict.reasons[0].text.contains("stranger.example"));
}

#[test]
fn even_bytes_as_many_as_were_read_are_reported_and_a_strict_policy_doubts_them() {
    let read = usize::try_from(honest().judge().reads.bytes).expect("small");
    let judged = |bytes: &[u8], strict: bool| {
        let mut case = honest();
        case.plan.scenario.policy.strict = strict;
        // A host that the scenario names: nothing else makes a strict policy doubt it.
        let flow = case.flow(UPLOAD, Transport::Tcp, Protocol::Unknown, 4444);
        case.converse(&flow, Layer::Stream, bytes, bytes.len() as u64);
        case.judge()
    };
    let verdict = judged(&noise(3, read), false);
    let [row] = verdict.egress.suspects.rows.as_slice() else {
        panic!("{:#?}", verdict.egress.suspects)
    };
    assert_eq!((row.bytes, row.read, row.same_process), (read as u64, read as u64, true));
    assert_eq!(verdict.verdict, Outcome::Pass);
    assert_eq!(judged(&noise(3, read), true).verdict, Outcome::Inconclusive);
    // Much less than was read, and words, are no such thing.
    assert!(judged(&noise(3, read / 10), true).egress.suspects.rows.is_empty());
    let words = b"the state of all is well and nothing is to be said of it ".repeat(read / 57);
    assert!(judged(&words, true).egress.suspects.rows.is_empty());
}

#[test]
fn every_trace_is_labelled_with_the_technique_of_its_channel() {
    let verdict = overreach().judge();
    for row in &verdict.traces.rows {
        assert!(row.attack.iter().any(|label| label == "T1041"), "{:?}", row.attack);
        assert!(row.attack.iter().all(|label| technique(label).is_some()), "{:?}", row.attack);
    }
    for finding in &verdict.findings {
        assert!(finding.attack.iter().all(|label| technique(label).is_some()));
    }
}

#[test]
fn a_million_lines_are_judged_in_bounded_memory_and_lists_stay_short() {
    let mut case = honest();
    for n in 0..20_000_u32 {
        case.file(&format!("/home/mara/made/{n}"), None, FileAct::Create);
        case.own(Event::Changed {
            path: format!("/opt/x/{n}").as_str().into(),
            change: Change::Created,
            len: 1,
            sha256: None,
        });
    }
    let verdict = case.judge();
    assert_eq!(verdict.writes.world.total(), 20_000);
    assert!(verdict.writes.world.rows.len() <= 2_000 && verdict.writes.system.rows.len() <= 2_000);
}

#[test]
fn the_same_run_at_another_time_under_other_numbers_gives_the_same_verdict() {
    let one = serde_json::to_value(overreach().judge()).expect("serialises");
    let mut case = overreach();
    let json = serde_json::to_string(&case.lines).expect("serialises").replace("4100", "5100");
    case.lines = serde_json::from_str(&json).expect("reads back");
    for line in &mut case.lines {
        line.at.0 = line.at.0 * 3 + 17;
    }
    let other = serde_json::to_value(case.judge()).expect("serialises");
    assert_ne!(one, other);
    assert_eq!(steady(one), steady(other));
}

#[test]
fn the_verdict_has_the_keys_of_the_contract() {
    let verdict = serde_json::to_value(honest().judge()).expect("serialises");
    for key in [
        "verdict",
        "coverage",
        "exercise",
        "items",
        "reads",
        "writes",
        "egress",
        "traces",
        "findings",
        "ceiling",
        "component",
        "scenario",
    ] {
        assert!(verdict.get(key).is_some(), "{key}");
    }
    insta::assert_json_snapshot!("honest", steady(verdict));
}
