//! The world without any door: what it records, refuses and tells at the end.
#![forbid(unsafe_code)]

use belljar_record::{
    Actor, BytesSource, DecoyId, Event, FileAct, Log, Observation, Precision, SteadyClock,
};
use belljar_world::{
    ChangeKind, Meta, NewNode, RenameMode, World, WorldBuilder, WorldError, WorldLimits,
};
use proptest::prelude::*;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

const META: Meta = Meta { mode: 0o644, uid: 1000, gid: 1000, mtime_s: 1_700_000_000 };

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn source(bytes: &[u8]) -> Arc<BytesSource> {
    Arc::new(BytesSource::from(bytes.to_vec()))
}

fn world_in(limits: WorldLimits, budget: u64) -> (Arc<World>, Log, Shared) {
    let out = Shared::default();
    let log = Log::new(out.clone(), budget, Arc::new(SteadyClock::start()));
    let world = WorldBuilder::new(limits)
        .file("/home/a/secret", META, source(b"0123456789"), Some(DecoyId(0)))
        .file("/home/a/other", META, source(b"other"), Some(DecoyId(1)))
        .build(log.clone())
        .expect("can be built");
    (world, log, out)
}

fn world() -> (Arc<World>, Log, Shared) {
    world_in(WorldLimits::default(), u64::MAX)
}

fn recorded(log: &Log, out: &Shared) -> Vec<Observation> {
    log.flush().expect("memory takes all");
    let bytes = out.0.lock().expect("not poisoned").clone();
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("an observation")).collect()
}

fn someone() -> Actor {
    Actor::Guest { label: "test".into() }
}

fn read(world: &World, path: &[u8], offset: u64, len: usize) -> Result<Vec<u8>, WorldError> {
    let node = world.find(path).expect("there");
    let handle = world.open(&someone(), node, 0, false)?;
    let mut buf = vec![0; len];
    let got = world.read(&someone(), node, handle, offset, &mut buf, Precision::Exact)?;
    buf.truncate(got);
    world.release(&someone(), node, handle)?;
    Ok(buf)
}

#[test]
fn ranges_of_a_decoy_that_were_given_are_known_to_the_byte() {
    let (world, ..) = world();
    assert_eq!(read(&world, b"/home/a/secret", 2, 3).expect("given"), b"234");
    assert_eq!(read(&world, b"/home/a/secret", 4, 100).expect("given"), b"456789");
    let ranges: Vec<_> = world.reads_of(DecoyId(0)).iter().collect();
    assert_eq!((ranges.len(), ranges[0].clone()), (1, 2..10));
    assert!(world.reads_of(DecoyId(1)).is_empty());
    assert_eq!(world.use_of(DecoyId(0)).opens, 2);
    // What belljar itself reads is recorded, but is not the component's.
    let node = world.find(b"/home/a/other").expect("there");
    let mut buf = [0; 5];
    let given = world.read(
        &Actor::Belljar,
        node,
        belljar_record::HandleId(0),
        0,
        &mut buf,
        Precision::Page,
    );
    assert_eq!(given, Ok(5));
    assert!(world.reads_of(DecoyId(1)).is_empty());
}

#[test]
fn one_planted_byte_among_written_ones_is_not_called_the_components_own() {
    let (world, log, out) = world();
    let node = world.find(b"/home/a/secret").expect("there");
    let handle = world.open(&someone(), node, 2, false).expect("opened");
    world.write(&someone(), node, handle, 0, b"abc").expect("written");
    assert_eq!(read(&world, b"/home/a/secret", 0, 3).expect("given"), b"abc");
    assert_eq!(read(&world, b"/home/a/secret", 0, 4).expect("given"), b"abc3");
    let pristine: Vec<bool> = recorded(&log, &out)
        .into_iter()
        .filter_map(|seen| match seen.event {
            Event::File(file) => match file.act {
                FileAct::Read { pristine, .. } => Some(pristine),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(pristine, [false, true]);
}

#[test]
fn a_full_record_refuses_everything_and_changes_nothing() {
    let (world, ..) = world_in(WorldLimits::default(), 0);
    let a = world.find(b"/home/a").expect("there");
    let secret = world.find(b"/home/a/secret").expect("there");
    let full = Err(WorldError::RecordFull);
    let handle = belljar_record::HandleId(1);
    assert_eq!(world.lookup(&someone(), a, b"secret").map(drop), full);
    assert_eq!(world.lookup(&someone(), a, b"missing").map(drop), full);
    assert_eq!(world.attributes(&someone(), secret).map(drop), full);
    let mut buf = *b"untouched!";
    let read = world.read(&someone(), secret, handle, 0, &mut buf, Precision::Exact);
    assert_eq!(read.map(drop), full);
    assert_eq!(&buf, b"untouched!");
    assert_eq!(world.write(&someone(), secret, handle, 0, b"x").map(drop), full);
    assert_eq!(world.unlink(&someone(), a, b"secret"), full);
    let made = world.make(&someone(), a, b"new", NewNode::Directory, 0o755, (0, 0));
    assert_eq!(made.map(drop), full);
    let renamed = world.rename(&someone(), (a, b"secret"), (a, b"gone"), RenameMode::Replace);
    assert_eq!(renamed, full);
    assert_eq!(world.changes(), []);
    let stats = world.stats();
    assert_eq!((stats.record_refused, stats.record_refused_writes), (4, 4));
    assert_eq!(world.stats().written_memory, 0);
    assert_eq!(world.stats().nodes, 5);
}

#[test]
fn ten_thousand_directories_deep_names_are_still_whole() {
    let out = std::io::sink();
    let log = Log::new(out, u64::MAX, Arc::new(SteadyClock::start()));
    let world = WorldBuilder::new(WorldLimits::default()).build(log).expect("can be built");
    let mut at = world.root();
    for _ in 0..10_000 {
        let made = world.make(&someone(), at, b"d", NewNode::Directory, 0o755, (0, 0));
        at = made.expect("made").node;
    }
    let made = world.make(&someone(), at, b"leaf", NewNode::File, 0o644, (0, 0));
    let leaf = made.expect("made").node;
    let path = format!("{}/leaf", "/d".repeat(10_000));
    assert_eq!(world.find(path.as_bytes()), Some(leaf));
    // A longer path than the limit is refused, also by renaming something above it.
    let root = world.root();
    let long = [b'n'; 255];
    let mut top = b"d".to_vec();
    for ordinal in 0..200 {
        let new_top = format!("top{ordinal}").into_bytes();
        let made = world.make(&someone(), root, &new_top, NewNode::Directory, 0o755, (0, 0));
        let below = made.expect("made").node;
        let moved = world.rename(&someone(), (root, &top), (below, &long), RenameMode::Replace);
        if moved == Err(WorldError::NameTooLong) {
            assert!(ordinal > 100);
            return;
        }
        moved.expect("not too long yet");
        top = new_top;
    }
    panic!("the limit was never met");
}

#[test]
fn the_end_tells_tampering_by_digest_and_entropy() {
    let (world, ..) = world();
    let a = world.find(b"/home/a").expect("there");
    let secret = world.find(b"/home/a/secret").expect("there");
    let other = world.find(b"/home/a/other").expect("there");
    let handle = world.open(&someone(), secret, 2, false).expect("opened");
    let noise: Vec<u8> = (0..=255).collect();
    world.write(&someone(), secret, handle, 0, &noise).expect("written");
    world.release(&someone(), secret, handle).expect("released");
    world
        .rename(&someone(), (a, b"secret"), (a, b"secret.locked"), RenameMode::Replace)
        .expect("renamed");
    // Written, but with the same bytes: no change.
    let handle = world.open(&someone(), other, 2, false).expect("opened");
    world.write(&someone(), other, handle, 0, b"other").expect("written");
    let changes = world.changes();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0].decoy, Some(DecoyId(0)));
    assert_eq!(changes[0].ways, [ChangeKind::Modified, ChangeKind::Renamed]);
    assert_eq!(changes[0].sha256, Some(belljar_record::Sha256Hex::of(&noise)));
    assert!((changes[0].entropy.expect("looked at") - 8.0).abs() < 1e-9);
}

#[test]
fn an_unlinked_file_lives_until_it_is_released_and_gives_its_memory_back() {
    let (world, ..) = world();
    let a = world.find(b"/home/a").expect("there");
    let (made, handle) = world.create(&someone(), a, b"tmp", 0o600, (0, 0), 2).expect("created");
    world.write(&someone(), made.node, handle, 5000, b"data").expect("written");
    assert!(world.stats().written_memory > 4096);
    world.unlink(&someone(), a, b"tmp").expect("unlinked");
    let mut buf = [0; 4];
    let got = world.read(&someone(), made.node, handle, 5000, &mut buf, Precision::Exact);
    assert_eq!((got, &buf), (Ok(4), b"data"));
    world.release(&someone(), made.node, handle).expect("released");
    assert_eq!(world.stats().written_memory, 0);
    let gone = world.attributes(&someone(), made.node).map(drop);
    assert_eq!(gone, Err(WorldError::Stale));
    assert_eq!(world.changes(), []);
}

#[test]
fn a_directory_is_not_moved_into_itself() {
    let (world, ..) = world();
    let home = world.find(b"/home").expect("there");
    let a = world.find(b"/home/a").expect("there");
    let root = world.root();
    for mode in [RenameMode::Replace, RenameMode::NoReplace] {
        let moved = world.rename(&someone(), (root, b"home"), (a, b"x"), mode);
        assert_eq!(moved, Err(WorldError::Invalid));
    }
    let exchanged = world.rename(&someone(), (home, b"a"), (root, b"home"), RenameMode::Exchange);
    assert_eq!(exchanged, Err(WorldError::Invalid));
}

#[test]
fn appending_by_belljar_keeps_a_decoy_as_planted() {
    let (world, log, out) = world();
    world.append(b"/home/a/secret", b"+more").expect("appended");
    assert_eq!(world.content(b"/home/a/secret", 100).expect("there"), b"0123456789+more");
    assert_eq!(read(&world, b"/home/a/secret", 8, 4).expect("given"), b"89+m");
    world.put(b"/home/a/other", META, source(b"new"), Some(DecoyId(7))).expect("put");
    assert_eq!(world.content(b"/home/a/other", 100).expect("there"), b"new");
    assert_eq!(world.changes(), []);
    let own = recorded(&log, &out).into_iter().filter(|seen| seen.actor == Actor::Belljar);
    assert_eq!(own.count(), 2);
}

/// What the component may do with three names in two directories.
#[derive(Debug, Clone)]
enum Doing {
    Make(usize, usize),
    MakeDirectory(usize, usize),
    Rename((usize, usize), (usize, usize), RenameMode),
    Unlink(usize, usize),
    RemoveDirectory(usize, usize),
    Link((usize, usize), (usize, usize)),
}

fn doing() -> impl Strategy<Value = Doing> {
    let at = || (0usize..3, 0usize..3);
    let mode = prop_oneof![
        Just(RenameMode::Replace),
        Just(RenameMode::NoReplace),
        Just(RenameMode::Exchange)
    ];
    prop_oneof![
        at().prop_map(|(d, n)| Doing::Make(d, n)),
        at().prop_map(|(d, n)| Doing::MakeDirectory(d, n)),
        (at(), at(), mode).prop_map(|(from, to, mode)| Doing::Rename(from, to, mode)),
        at().prop_map(|(d, n)| Doing::Unlink(d, n)),
        at().prop_map(|(d, n)| Doing::RemoveDirectory(d, n)),
        (at(), at()).prop_map(|(from, to)| Doing::Link(from, to)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_renamed_the_tree_stays_whole(doings in proptest::collection::vec(doing(), 1..60)) {
        let (world, ..) = world();
        let names: [&[u8]; 3] = [b"x", b"y", b"z"];
        let who = someone();
        // Directories are looked up anew each time: `/`, `/x`, `/x/y`.
        let directory = |which: usize| {
            let path: &[u8] = [&b"/"[..], b"/x", b"/x/y"][which];
            world.find(path).unwrap_or_else(|| world.root())
        };
        for doing in doings {
            let place = |(d, n): (usize, usize)| (directory(d), names[n]);
            let _ = match doing {
                Doing::Make(d, n) => {
                    world.make(&who, directory(d), names[n], NewNode::File, 0o644, (0, 0)).map(drop)
                }
                Doing::MakeDirectory(d, n) => world
                    .make(&who, directory(d), names[n], NewNode::Directory, 0o755, (0, 0))
                    .map(drop),
                Doing::Rename(from, to, mode) => world.rename(&who, place(from), place(to), mode),
                Doing::Unlink(d, n) => world.unlink(&who, directory(d), names[n]),
                Doing::RemoveDirectory(d, n) => {
                    world.remove_directory(&who, directory(d), names[n])
                }
                Doing::Link(from, to) => {
                    let (parent, name) = place(to);
                    match world.lookup(&who, place(from).0, place(from).1) {
                        Ok(found) => world.link(&who, found.node, parent, name).map(drop),
                        Err(error) => Err(error),
                    }
                }
            };
            // Every name that can be reached leads to a node that knows it; what was planted stays.
            let mut open = vec![(world.root(), Vec::new())];
            let mut steps = 0;
            while let Some((at, path)) = open.pop() {
                steps += 1;
                prop_assert!(steps < 100, "a circle");
                let mut found = Vec::new();
                world
                    .list(&who, at, 2, |entry| {
                        found.push((entry.name.to_vec(), entry.attributes));
                        ControlFlow::Continue(())
                    })
                    .expect("a directory");
                let below = found.iter().filter(|(_, known)| {
                    known.kind == belljar_world::NodeKind::Directory
                });
                let links = world.attributes(&who, at).expect("there").links;
                prop_assert_eq!(links as usize, 2 + below.count());
                for (name, known) in found {
                    let mut path = path.clone();
                    path.push(b'/');
                    path.extend_from_slice(&name);
                    prop_assert_eq!(world.find(&path), Some(known.node));
                    prop_assert!(known.links > 0);
                    if known.kind == belljar_world::NodeKind::Directory {
                        open.push((known.node, path));
                    }
                }
            }
            prop_assert!(world.find(b"/home/a/secret").is_some());
        }
    }
}
