//! Whatever can be written reads back as the same.

use belljar_schema::written::*;
use belljar_schema::{
    DataItem, DecoyKind, Owner, ResolveOptions, Sample, Size, Time, load_component, load_scenario,
    resolve,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    // Quotes, backslashes, line breaks and letters outside ASCII must survive; braces could make a
    // placeholder that nothing fills in.
    "[^{}\u{0}-\u{8}\u{b}-\u{1f}\u{7f}-\u{9f}]{1,40}"
}

fn size() -> impl Strategy<Value = Size> {
    (1u64..1 << 30).prop_map(Size)
}

fn plain_decoy(path: String) -> impl Strategy<Value = WrittenDecoy> {
    let kinds = prop::sample::select(vec![
        DecoyKind::Text,
        DecoyKind::Docx,
        DecoyKind::Pdf,
        DecoyKind::Eml,
        DecoyKind::Sample,
    ]);
    let parts = (
        kinds,
        option::of(size()),
        option::of("EXERCISE( [A-Z]{1,12}){0,3}"),
        any::<bool>(),
        option::of(0u32..0o10000),
    );
    parts.prop_map(move |(kind, size, marking, sample, mode)| WrittenDecoy {
        path: path.clone(),
        kind,
        size: size.filter(|_| kind != DecoyKind::Sample && !(sample && kind == DecoyKind::Text)),
        class: None,
        marking: marking.filter(|_| kind != DecoyKind::Sample),
        sample: (sample && kind == DecoyKind::Text).then_some(Sample::Eicar),
        count: None,
        mode: mode.map(|mode| format!("{mode:04o}")),
        owner: None,
        members: Vec::new(),
    })
}

fn decoy(number: usize) -> impl Strategy<Value = WrittenDecoy> {
    let path = format!("{{home}}/folder/{number} file");
    let members = vec(Just(()), 1..4).prop_flat_map(|members| {
        let members: Vec<_> = (0..members.len()).map(|n| plain_decoy(format!("in/{n}"))).collect();
        members
    });
    let archive = (members, any::<bool>(), option::of(Just(Owner::Root)));
    let path_of_archive = path.clone();
    prop_oneof![
        plain_decoy(path),
        archive.prop_map(move |(members, zip, owner)| WrittenDecoy {
            path: path_of_archive.clone(),
            kind: if zip { DecoyKind::Zip } else { DecoyKind::TarGz },
            size: None,
            class: None,
            marking: None,
            sample: None,
            count: None,
            mode: None,
            owner,
            members,
        }),
    ]
}

fn holds_sample(decoy: &WrittenDecoy) -> bool {
    decoy.sample.is_some()
        || decoy.kind == DecoyKind::Sample
        || decoy.members.iter().any(holds_sample)
}

fn rule() -> impl Strategy<Value = WrittenVendorRule> {
    (
        prop::sample::select(vec!["a.example", "*.b.example", "198.18.0.9", "2001:db8::1", "*"]),
        "/[a-z*]{0,12}",
        option::of(1u32..9),
        option::of(200u16..600),
        btree_map("[A-Za-z-]{1,12}", "[ -z]{0,20}", 0..3),
        text(),
    )
        .prop_map(|(host, path, ordinal, status, headers, body)| WrittenVendorRule {
            host: host.into(),
            path,
            method: None,
            ordinal,
            status,
            headers,
            body,
        })
}

prop_compose! {
    fn scenario()(count in 1usize..6)(
        decoys in (0..count).map(decoy).collect::<Vec<_>>(),
        question in "[A-Z][a-z ]{3,40}\\?",
        seed in option::of(0u64..1 << 63),
        user in option::of("[a-z][a-z0-9_-]{0,10}"),
        time in option::of((60_000u64..80_000_000).prop_map(Time)),
        memory in option::of((1u64 << 20..1 << 40).prop_map(Size)),
        idle in (1u64..60_000).prop_map(Time),
        exit in option::of(vec(0i32..256, 0..3)),
        argv in vec(text().prop_filter("NUL", |text| !text.contains('\0')), 0..3),
        drop in plain_decoy("{home}/dropped".into()),
        append in text(),
        vendor in vec(rule(), 0..4),
        items in btree_map(prop::sample::select(DataItem::ALL.to_vec()), any::<bool>(), 0..5),
        strict in option::of(any::<bool>()),
    ) -> WrittenScenario {
        let detections =
            decoys.iter().filter(|d| holds_sample(d)).map(|d| d.path.clone()).collect();
        let mut command = vec!["/bin/echo".to_owned(), "{scan}".to_owned()];
        command.extend(argv);
        WrittenScenario {
            name: "any-1".into(),
            question,
            seed,
            scan: vec!["{home}/folder".into()],
            identity: WrittenIdentity { user, ..WrittenIdentity::default() },
            limits: WrittenLimits { time, memory, ..WrittenLimits::default() },
            steps: vec![
                WrittenStep {
                    run: Some(CommandRef::Role("scan".into())),
                    decoys_read: decoys.len() as u64,
                    detections,
                    exit,
                    ..WrittenStep::default()
                },
                WrittenStep { run: Some(CommandRef::Argv(command)), ..WrittenStep::default() },
                WrittenStep { idle: Some(idle), ..WrittenStep::default() },
                WrittenStep { drop: Some(Box::new(drop)), ..WrittenStep::default() },
                WrittenStep {
                    change: Some(WrittenChange { path: decoys[0].path.clone(), append }),
                    ..WrittenStep::default()
                },
            ],
            decoys,
            vendor,
            neighbours: vec!["files.office.example".into(), "198.51.100.10".into()],
            policy: WrittenPolicy {
                strict,
                items: items
                    .into_iter()
                    .map(|(item, may_read)| {
                        (item, WrittenPolicyItem { may_read, may_send_to: vec!["*".into()] })
                    })
                    .collect(),
            },
        }
    }
}

prop_compose! {
    fn component()(
        vendor in "[A-Z][a-z]{1,10}",
        version in "[0-9a-z.+-]{1,12}",
        argv in vec(text(), 0..4),
        env in btree_map("[A-Z_]{1,10}", text(), 0..3),
        exit in vec(0i32..256, 0..4),
        args in vec(text(), 0..3),
        provision in text(),
        after in (1u64..100_000).prop_map(Time),
        placed in any::<bool>(),
    ) -> WrittenComponent {
        let mut command = vec!["/usr/bin/scanner".to_owned(), "{scan}".to_owned()];
        command.extend(argv);
        let scan = WrittenCommand { argv: command, env, exit, ..WrittenCommand::default() };
        let daemon = WrittenCommand {
            argv: vec!["daemon".into()],
            ready: Some(WrittenReady { after: Some(after), ..WrittenReady::default() }),
            ..WrittenCommand::default()
        };
        let profile = WrittenProfile {
            args: [("scan".to_owned(), args)].into(),
            declares: Some(Vec::new()),
            ..WrittenProfile::default()
        };
        WrittenComponent {
            name: "any".into(),
            vendor,
            version,
            files: vec![if placed {
                HostFile::Placed(WrittenPlaced { host: "{beside}/x".into(), inside: "/opt/x".into() })
            } else {
                HostFile::Same("/usr/bin/scanner".into())
            }],
            looks_into: vec![DecoyKind::Zip, DecoyKind::TarGz],
            commands: WrittenCommands {
                scan: Some(scan),
                daemon: Some(daemon),
                ..WrittenCommands::default()
            },
            provisions: vec![WrittenProvision { path: "/var/lib/x/db".into(), text: provision }],
            profiles: [("other".to_owned(), profile)].into(),
            ..WrittenComponent::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_scenario_and_component_that_can_be_written_read_back_as_the_same_and_resolve(
        scenario in scenario(),
        component in component(),
    ) {
        let text = toml::to_string(&scenario).expect("can be written");
        let file = load_scenario("any.toml", &text)
            .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(file.written(), &scenario);

        let text = toml::to_string(&component).expect("can be written");
        let part = load_component("any.toml", &text)
            .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(part.written(), &component);

        let plan = resolve(&file, &part, &ResolveOptions::default());
        let plan = plan.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let json = serde_json::to_string(&plan).expect("serialises");
        prop_assert_eq!(serde_json::from_str::<belljar_schema::RunPlan>(&json).expect("reads"), plan);
    }

    #[test]
    fn no_text_at_all_makes_the_reader_panic_or_point_outside_the_text(
        from in 0usize..4000, len in 0usize..60, put in "\\PC{0,12}",
    ) {
        let text = belljar_schema::library()[0].text;
        let border = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) { at -= 1 }
            at
        };
        let (start, end) = (border(from), border(from + len));
        let broken = format!("{}{put}{}", &text[..start], &text[end..]);
        if let Err(error) = load_scenario("x", &broken) {
            prop_assert!(error.source_text.get(error.span.clone()).is_some());
            prop_assert!(!error.message.is_empty());
        }
    }
}
