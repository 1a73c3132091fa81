//! Requests in any order, with any numbers and names: the world never panics, keeps its budgets, and
//! always gives the planted bytes where nobody has written.
#![forbid(unsafe_code)]

use belljar_fuzz::{behaviour, fuzz};
use belljar_record::{Actor, BytesSource, DecoyId, HandleId, Log, NodeId, Precision, SteadyClock};
use belljar_world::{
    ExtendedMode, Meta, NewNode, RenameMode, SetAttributes, World, WorldBuilder, WorldError,
    WorldLimits,
};
use std::ops::ControlFlow;
use std::sync::Arc;

const META: Meta = Meta { mode: 0o644, uid: 1000, gid: 1000, mtime_s: 1_700_000_000 };
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// An input, taken apart from the front; zeros when it is used up.
struct Tape<'a>(&'a [u8]);

impl Tape<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) =
            self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    /// Mostly small, now and then at an edge.
    fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=199 => u64::from(small),
            200..=219 => u64::from(self.byte()) << 12,
            220..=239 => u64::MAX - u64::from(self.byte()),
            240..=249 => i64::MAX as u64 - u64::from(self.byte()),
            _ => u64::from(self.byte()) << 40,
        }
    }

    fn name(&mut self) -> Vec<u8> {
        match self.byte() % 12 {
            0 => b"secret".to_vec(),
            1 => b"home".to_vec(),
            2 => b"..".to_vec(),
            3 => b".".to_vec(),
            4 => Vec::new(),
            5 => vec![b'x'; 256],
            6 => b"a/b".to_vec(),
            7 => vec![self.byte(), 0],
            other => vec![b'a' + other],
        }
    }
}

fn world(limits: WorldLimits) -> (Arc<World>, Log) {
    let log = Log::new(std::io::sink(), 4 << 20, Arc::new(SteadyClock::start()));
    let source = Arc::new(BytesSource::from(SECRET.to_vec()));
    let world = WorldBuilder::new(limits)
        .directory("/home", Meta { mode: 0o755, ..META })
        .file("/home/secret", META, source, Some(DecoyId(0)))
        .build(log.clone())
        .expect("can be built");
    (world, log)
}

/// One request; gives its kind and what came of it.
fn request(
    world: &World,
    tape: &mut Tape<'_>,
    open: &mut Vec<(NodeId, HandleId)>,
) -> (u8, Option<WorldError>) {
    let actor = Actor::Guest { label: "fuzz".into() };
    let kind = tape.byte() % 18;
    // Numbers of nodes are small, so that most of them are there.
    let (node, other) = (NodeId(tape.number()), NodeId(tape.number()));
    let (name, to) = (tape.name(), tape.name());
    let handle = open
        .get(usize::from(tape.byte()) % open.len().max(1))
        .map_or(HandleId(tape.number()), |(_, handle)| *handle);
    let failed = match kind {
        0 | 1 => world.lookup(&actor, node, &name).err(),
        2 | 3 => match world.open(&actor, node, tape.number() as u32, tape.byte() & 1 == 1) {
            Ok(handle) => {
                open.push((node, handle));
                None
            }
            Err(error) => Some(error),
        },
        4 | 5 => {
            let mut buffer = vec![0; usize::from(tape.byte()) * 16];
            world.read(&actor, node, handle, tape.number(), &mut buffer, Precision::Exact).err()
        }
        6 | 7 => {
            let data = vec![tape.byte(); usize::from(tape.byte()) * 8];
            world.write(&actor, node, handle, tape.number(), &data).err()
        }
        8 => world.create(&actor, node, &name, tape.number() as u32 & 0o7777, (0, 0), 2).err(),
        9 => {
            let what = match tape.byte() % 3 {
                0 => NewNode::Directory,
                1 => NewNode::Symlink(&to),
                _ => NewNode::File,
            };
            world.make(&actor, node, &name, what, 0o755, (1000, 1000)).err()
        }
        10 => world.unlink(&actor, node, &name).err(),
        11 => world.remove_directory(&actor, node, &name).err(),
        12 => {
            let mode =
                if tape.byte() & 1 == 0 { RenameMode::Exchange } else { RenameMode::Replace };
            world.rename(&actor, (node, &name), (other, &to), mode).err()
        }
        13 => world.link(&actor, node, other, &name).err(),
        14 => {
            let set = SetAttributes { len: Some(tape.number()), ..SetAttributes::default() };
            world.set_attributes(&actor, node, set).err()
        }
        15 => {
            let value = vec![1; usize::from(tape.byte()) * 512];
            let name = [b"user.", &name[..]].concat();
            world.set_extended(&actor, node, &name, &value, ExtendedMode::Either).err()
        }
        16 => {
            let room = tape.byte();
            let mut shown = 0;
            world
                .list(&actor, node, tape.number(), |_| {
                    shown += 1;
                    if shown > room { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
                .err()
        }
        _ => match open.pop() {
            Some((node, handle)) => world.release(&actor, node, handle).err(),
            None => {
                world.forget(node, tape.number());
                None
            }
        },
    };
    (kind, failed)
}

#[test]
fn hostile_requests() {
    let limits = WorldLimits { write_bytes: 1 << 20, nodes: 200, ..WorldLimits::default() };
    let begin: Vec<Vec<u8>> = vec![
        (0..=255).collect(),
        [0, 1, 1, 0, 0, 2, 3, 0, 0, 0].repeat(20),
        [8, 1, 1, 9, 9, 0, 6, 4, 0, 0, 0, 0, 9, 200].repeat(10),
    ];
    let fuzzed = fuzz("world", &begin, |bytes| {
        let (world, log) = world(limits);
        let mut tape = Tape(bytes);
        let mut open = Vec::new();
        let mut came = std::collections::BTreeSet::new();
        let mut touched = false;
        for _ in 0..256 {
            if tape.0.is_empty() {
                break;
            }
            let (kind, failed) = request(&world, &mut tape, &mut open);
            touched |= matches!(kind, 6..=14) && failed.is_none();
            came.insert((kind, failed.map(|error| format!("{error:?}"))));
        }
        let stats = world.stats();
        assert!(stats.written_memory <= limits.write_bytes, "{stats:?}");
        assert!(stats.nodes <= limits.nodes, "{stats:?}");
        if !touched {
            assert_eq!(world.content(b"/home/secret", 1024).as_deref(), Ok(SECRET));
        }
        drop(log);
        // What single requests came to, not their order: else every input would be new.
        let (kinds, errors): (Vec<_>, Vec<_>) = came.into_iter().unzip();
        behaviour((kinds.last().copied(), errors.into_iter().flatten().max()))
    });
    assert!(fuzzed.behaviours > 20, "{fuzzed:?}: hardly anything was reached");
}
