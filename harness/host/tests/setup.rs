//! A host is set up once, twice without a change, and set back to what it was.
#![allow(missing_docs, reason = "a test")]

use belljar_host::setup::{Deed, SetupError, Wishes, apply, done, plan, remove};
use belljar_host::{Facts, System};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A host with little in it.
fn host() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("made");
    std::fs::create_dir_all(root.path().join("etc/apparmor.d")).expect("made");
    for (name, text) in [
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n"),
        ("etc/subuid", "ben:100000:65536\n"),
        // Without an end of line, as an editor may leave it.
        ("etc/subgid", "ben:100000:65536"),
    ] {
        std::fs::write(root.path().join(name), text).expect("written");
    }
    root
}

fn ubuntu() -> Facts {
    Facts {
        system: System::Ubuntu,
        name: "a test".into(),
        kernel: "6.8.0".into(),
        container: None,
        root: true,
        settings: vec![("kernel.apparmor_restrict_unprivileged_userns".into(), "1".into())],
    }
}

fn wishes(root: &Path) -> Wishes {
    Wishes { root: root.into(), executable: "/usr/bin/belljar".into(), users: vec!["ada".into()] }
}

/// Every file below, with its content.
fn everything(root: &Path) -> BTreeMap<PathBuf, String> {
    let (mut out, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).expect("text");
                out.insert(path.strip_prefix(root).expect("below").to_owned(), text);
            }
        }
    }
    out
}

#[test]
fn a_host_is_set_up_and_set_back() {
    let root = host();
    let before = everything(root.path());
    let deeds = plan(&ubuntu(), &wishes(root.path())).expect("planned");
    assert_eq!(everything(root.path()), before, "planning changes nothing");
    let mut told = 0;
    apply(root.path(), &deeds, &mut |_| told += 1).expect("done");
    assert_eq!(told, deeds.len());
    let after = everything(root.path());
    let text = |name: &str| after.get(Path::new(name)).unwrap_or_else(|| panic!("no {name}"));
    assert!(
        text("etc/apparmor.d/belljar")
            .contains("profile belljar /usr/bin/belljar flags=(unconfined)")
    );
    assert!(text("etc/udev/rules.d/70-belljar.rules").contains("net/tun"));
    assert_eq!(text("etc/subuid"), "ben:100000:65536\nada:165536:65536\n");
    assert_eq!(text("etc/subgid"), "ben:100000:65536\nada:165536:65536\n");

    assert_eq!(plan(&ubuntu(), &wishes(root.path())).expect("planned"), [], "twice is once");

    let left = remove(root.path(), &mut |_| {}).expect("taken back");
    assert_eq!(left, []);
    let mut set_back = everything(root.path());
    // Only the end of the last line, which any editor would have added, stays.
    assert_eq!(
        set_back.get(Path::new("etc/subgid")).map(|text| &**text),
        Some("ben:100000:65536\n")
    );
    set_back.insert("etc/subgid".into(), "ben:100000:65536".into());
    assert_eq!(set_back, before);
    assert!(matches!(remove(root.path(), &mut |_| {}), Err(SetupError::Nothing(_))));
}

#[test]
fn what_others_have_written_stays() {
    let root = host();
    let rules = root.path().join("etc/udev/rules.d/70-belljar.rules");
    std::fs::create_dir_all(rules.parent().expect("has one")).expect("made");
    std::fs::write(&rules, "# mine\n").expect("written");
    assert!(matches!(plan(&ubuntu(), &wishes(root.path())), Err(SetupError::Foreign(_))));
    std::fs::remove_file(&rules).expect("removed");

    let deeds = plan(&ubuntu(), &wishes(root.path())).expect("planned");
    apply(root.path(), &deeds, &mut |_| {}).expect("done");
    std::fs::write(&rules, "# changed\n").expect("written");
    let subuid = root.path().join("etc/subuid");
    let mut ranges = std::fs::read_to_string(&subuid).expect("readable");
    ranges.push_str("cem:231072:65536\n");
    std::fs::write(&subuid, ranges).expect("written");

    let left = remove(root.path(), &mut |_| {}).expect("taken back");
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(
        matches!(&left[0].deed, Deed::Write { path, .. } if path.ends_with("70-belljar.rules"))
    );
    assert_eq!(std::fs::read_to_string(&rules).expect("there"), "# changed\n");
    let ranges = std::fs::read_to_string(&subuid).expect("readable");
    assert_eq!(ranges, "ben:100000:65536\ncem:231072:65536\n");
}

#[test]
fn what_was_cut_off_can_be_taken_back() {
    let root = host();
    let before = everything(root.path());
    let deeds = plan(&ubuntu(), &wishes(root.path())).expect("planned");
    // A folder stands where the second file would go.
    std::fs::create_dir_all(root.path().join("etc/modules-load.d/belljar.conf")).expect("made");
    assert!(apply(root.path(), &deeds, &mut |_| {}).is_err());
    assert_eq!(done(root.path()).expect("readable").expect("kept").deeds.len(), 2);
    std::fs::remove_dir(root.path().join("etc/modules-load.d/belljar.conf")).expect("removed");
    assert_eq!(remove(root.path(), &mut |_| {}).expect("taken back"), []);
    assert_eq!(everything(root.path()), before);
}

#[test]
fn odd_users_are_refused() {
    let root = host();
    for user in ["nobody-such", "a:b", "", "-x", "a\nb"] {
        let wishes = Wishes { users: vec![user.into()], ..wishes(root.path()) };
        assert!(plan(&ubuntu(), &wishes).is_err(), "{user:?}");
    }
}
