//! The files of the library make sense with each other.

use belljar_schema::{
    Action, ComponentFile, DecoyKind, Owner, ResolveOptions, RunPlan, ScenarioFile,
    component_library, library, load_component, load_scenario, resolve, resolve_world,
};

fn scenario(name: &str) -> ScenarioFile {
    let entry = library().iter().find(|entry| entry.name == name).expect("is in the library");
    load_scenario(name, entry.text).unwrap_or_else(|error| panic!("{error}"))
}

fn component(name: &str) -> ComponentFile {
    let entry =
        component_library().iter().find(|entry| entry.name == name).expect("is in the library");
    load_component(name, entry.text).unwrap_or_else(|error| panic!("{error}"))
}

fn options(profile: &str) -> ResolveOptions {
    ResolveOptions { profile: Some(profile.into()), seed: 7, beside: "/opt/belljar".into() }
}

fn plan(scenario_name: &str, component_name: &str, profile: &str) -> RunPlan {
    resolve(&scenario(scenario_name), &component(component_name), &options(profile))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn scan_step(plan: &RunPlan) -> (&[String], &belljar_schema::Expect) {
    plan.steps
        .iter()
        .find_map(|step| match &step.action {
            Action::Run { command } if step.name == "scan" => {
                Some((command.argv.as_slice(), &step.expect))
            }
            _ => None,
        })
        .expect("the plan has a scan step")
}

#[test]
fn each_scenario_resolves_with_each_component_in_each_profile() {
    for scenario_entry in library() {
        let scenario = scenario(scenario_entry.name);
        assert_eq!(scenario.written().name, scenario_entry.name);
        for entry in component_library() {
            let component = component(entry.name);
            assert_eq!(component.written().name, entry.name);
            for profile in component.profiles() {
                let plan = resolve(&scenario, &component, &options(profile))
                    .unwrap_or_else(|error| panic!("{error}"));
                let json = serde_json::to_string(&plan).expect("serialises");
                assert_eq!(serde_json::from_str::<RunPlan>(&json).expect("reads back"), plan);
                assert!(!json.contains("{beside}") && !json.contains("{scan"), "{json}");
            }
        }
    }
}

#[test]
fn a_scanner_that_looks_into_no_archive_is_asked_only_for_the_loose_sample() {
    let both = ["/home/{user}/Projects/work.zip", "/home/{user}/Downloads/invoice.com"];
    for name in ["overreach", "honest", "quiet", "clamscan"] {
        assert_eq!(scan_step(&plan("contractor-laptop", name, "default")).1.detections, both);
    }
    let yara = plan("contractor-laptop", "yara", "default");
    assert_eq!(scan_step(&yara).1.detections, both[1..]);
    assert_eq!(scan_step(&plan("quiet-machine", "clamscan", "default")).1.detections.len(), 0);
}

#[test]
fn the_vendor_must_answer_only_components_that_declare_to_send() {
    let answered = |component, profile| {
        scan_step(&plan("contractor-laptop", component, profile)).1.vendor_answered
    };
    assert!(answered("overreach", "default"));
    assert!(answered("honest", "default"));
    assert!(!answered("overreach", "sharing-off"));
    assert!(!answered("quiet", "default"));
    assert!(!answered("clamscan", "default"));
}

#[test]
fn a_profile_puts_its_arguments_before_the_paths() {
    let plan = plan("contractor-laptop", "overreach", "sharing-off");
    assert_eq!(
        scan_step(&plan).0,
        ["/opt/reference/bin/belljar-overreach", "scan", "--upload", "off", "/home/{user}"]
    );
    assert_eq!(plan.component.declares, []);
    assert_eq!(plan.component.placed[0].host, "/opt/belljar/belljar-overreach");
    assert_eq!(plan.component.placed[0].inside, scan_step(&plan).0[0]);
    assert_eq!(plan.profile, "sharing-off");
}

#[test]
fn yara_gets_the_paths_to_scan_as_a_list() {
    let plan = plan("contractor-laptop", "yara", "default");
    let list = plan
        .scenario
        .provisions
        .iter()
        .find(|provision| provision.path.ends_with("scan-list"))
        .expect("yara is given a list");
    assert_eq!(list.text, "/home/{user}\n");
}

#[test]
fn the_archive_of_2014_holds_four_marked_documents_beside_source_and_one_sample() {
    let world = resolve_world(&scenario("contractor-laptop"));
    let archive = world
        .decoys
        .iter()
        .find(|decoy| decoy.path == "/home/{user}/Projects/work.zip")
        .expect("is planted");
    let count = |what: &dyn Fn(&belljar_schema::DecoySpec) -> bool| {
        archive.members.iter().filter(|member| what(member)).count()
    };
    assert_eq!(count(&|member| member.sample.is_some()), 1);
    assert_eq!(count(&|member| member.kind == DecoyKind::Source), 4);
    assert_eq!(count(&|member| member.marking.is_some()), 4);
    for member in &archive.members {
        assert!(member.marking.iter().all(|marking| marking.starts_with("EXERCISE ")));
    }
    let lures = world.decoys.iter().filter(|decoy| decoy.owner == Owner::Root);
    assert_eq!(lures.count(), 3);
}

#[test]
fn the_quiet_machine_holds_nothing_to_detect() {
    let world = resolve_world(&scenario("quiet-machine"));
    assert!(
        world
            .decoys
            .iter()
            .flat_map(|decoy| decoy.members.iter().chain([decoy]))
            .all(|decoy| decoy.sample.is_none() && decoy.kind != DecoyKind::Sample)
    );
}

#[test]
fn a_command_line_in_place_of_a_component_scans_the_paths() {
    let argv = ["clamscan", "-r", "{scan}"].map(str::to_owned);
    let component = ComponentFile::ad_hoc(&argv).expect("is a command line");
    let plan = resolve(&scenario("quiet-machine"), &component, &ResolveOptions::default())
        .expect("resolves");
    assert_eq!(scan_step(&plan).0, ["clamscan", "-r", "/home/{user}"]);
    assert_eq!(plan.component.name, "clamscan");
    assert!(scan_step(&plan).1.exit.is_empty(), "any exit code is in order");

    let as_is = ["/bin/sh", "-c", "echo {x} $HOME"].map(str::to_owned);
    let component = ComponentFile::ad_hoc(&as_is).expect("is a command line");
    let plan = resolve(&scenario("quiet-machine"), &component, &ResolveOptions::default())
        .expect("resolves");
    assert_eq!(scan_step(&plan).0, as_is);

    for wrong in [vec![], vec![String::new()], vec!["./scanner".to_owned()]] {
        let error = ComponentFile::ad_hoc(&wrong).expect_err("is no command line");
        assert!(error.help.is_some());
    }
}

#[test]
fn each_path_to_scan_becomes_an_argument() {
    let text = r#"
        name = "two"
        question = "Two paths?"
        scan = ["{home}/a", "/srv/b"]
        [identity]
        user = "anna"
        [[decoys]]
        path = "/home/anna/a/x.txt"
        kind = "text"
        [[decoys]]
        path = "/srv/b/y.txt"
        kind = "text"
        [[steps]]
        run = "scan"
    "#;
    let scenario = load_scenario("two.toml", text).expect("is a scenario");
    let argv = ["scanner", "--dir={scan}", "--", "{scan}"].map(str::to_owned);
    let component = ComponentFile::ad_hoc(&argv).expect("is a command line");
    let plan = resolve(&scenario, &component, &ResolveOptions::default()).expect("resolves");
    assert_eq!(
        scan_step(&plan).0,
        ["scanner", "--dir=/home/{user}/a", "--dir=/srv/b", "--", "/home/{user}/a", "/srv/b"]
    );
    let owners: Vec<Owner> = plan.scenario.decoys.iter().map(|decoy| decoy.owner).collect();
    assert_eq!(owners, [Owner::User, Owner::Root]);
}

#[test]
fn an_optional_daemon_is_started_and_stopped_only_where_there_is_one() {
    let without = plan("contractor-laptop", "clamscan", "default");
    let names: Vec<&str> = without.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["scan", "wait for late sending"]);

    let text = r#"
        name = "daemonic"
        vendor = "Somebody"
        version = "1"
        [commands.daemon]
        argv = ["/usr/sbin/watchd"]
        ready = { path = "/run/watchd.sock" }
        [commands.scan]
        argv = ["/usr/bin/watch-scan", "{scan}"]
        user = "user"
    "#;
    let component = load_component("daemonic.toml", text).expect("is a component");
    let with = resolve(&scenario("contractor-laptop"), &component, &ResolveOptions::default())
        .expect("resolves");
    let names: Vec<&str> = with.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["start daemon", "scan", "wait for late sending", "stop daemon"]);
}
