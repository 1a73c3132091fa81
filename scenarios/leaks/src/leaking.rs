//! The cases in which something leaves, by a fixed rule: each value of each axis on several
//! channels, then nested encodings, then mixtures, then what cannot be found.

use crate::axes::{Channel, Encoding, ReadPath, Shape, Timing, Trigger};
use crate::case::{Case, Class, Kind, Source, Truth};
use crate::combine::{fitting, grown, suits};
use crate::draw::{Draw, short_hash};
use crate::world::{ARCHIVE, COURIER, Planted, WORLD};
use std::collections::BTreeSet;

/// Channels on which each value of an axis is put at least.
const EACH: usize = 4;
/// Nested cases, two and three deep.
const NESTED: [(usize, usize); 2] = [(2, 56), (3, 32)];
/// The port on which the fake internet takes FTP data.
const FTP_DATA: u16 = 50_021;
/// Mixtures of all axes.
const MIXED: usize = 40;

/// What a case is put together from.
#[derive(Clone)]
pub(crate) struct Mix {
    pub(crate) channel: Channel,
    pub(crate) encodings: Vec<Encoding>,
    pub(crate) read_path: ReadPath,
    pub(crate) shape: Shape,
    pub(crate) timing: Timing,
    pub(crate) trigger: Trigger,
}

impl Mix {
    pub(crate) fn plain(channel: Channel, encodings: &[Encoding]) -> Self {
        Self {
            channel,
            encodings: encodings.to_vec(),
            read_path: ReadPath::Pread,
            shape: Shape::Same,
            timing: Timing::AtOnce,
            trigger: Trigger::Always,
        }
    }

    pub(crate) fn id(&self, front: &str) -> String {
        let encodings: Vec<&str> = self.encodings.iter().map(|e| e.name()).collect();
        format!(
            "{front}{}.{}.{}.{}.{}.{}",
            self.channel.name(),
            encodings.join("+"),
            self.read_path.name(),
            self.shape.name(),
            self.timing.name(),
            self.trigger.name()
        )
    }

    pub(crate) fn case(self, id: String, kind: Kind, source: Source) -> Case {
        let short = short_hash(&id);
        Case {
            host: format!("c-{short:08x}.example"),
            port: self.channel.port(),
            seed: short,
            id,
            kind,
            source,
            encodings: self.encodings,
            channel: self.channel,
            read_path: self.read_path,
            shape: self.shape,
            timing: self.timing,
            trigger: self.trigger,
            truth: Vec::new(),
            hidden: None,
        }
    }
}

/// Encodings that can be undone, and are in the catalogue of nested ones.
const REVERSIBLE: &[Encoding] = &[
    Encoding::Hex,
    Encoding::Base32,
    Encoding::Base58,
    Encoding::Base64,
    Encoding::Base64Url,
    Encoding::Percent,
    Encoding::HtmlEntity,
    Encoding::QuotedPrintable,
    Encoding::JsonEscapes,
    Encoding::Gzip,
    Encoding::Deflate,
    Encoding::Zlib,
    Encoding::Bzip2,
    Encoding::Xz,
    Encoding::Zstd,
    Encoding::Tar,
    Encoding::Zip,
    Encoding::Reversal,
    Encoding::Utf16,
    Encoding::XorFixed,
    Encoding::Cbor,
    Encoding::Protobuf,
];

/// Channels that can be run and whose content can be seen.
pub(crate) fn sendable() -> impl Iterator<Item = Channel> {
    Channel::ALL.iter().copied().filter(|c| c.waiting().is_none() && *c != Channel::Gaps)
}

/// The decoys that a trigger means.
fn decoys(trigger: Trigger) -> Vec<Planted> {
    let fits = |planted: &&Planted| {
        let path = planted.path;
        match trigger {
            Trigger::Name => path.contains("accounts"),
            Trigger::Keyword => path.ends_with(".eml"),
            Trigger::Type => path.ends_with(".docx") || path.ends_with(".pdf"),
            Trigger::Detection => path == ARCHIVE,
            _ => true,
        }
    };
    WORLD.iter().filter(fits).copied().collect()
}

struct Set {
    seed: u64,
    cases: Vec<Case>,
    known: BTreeSet<String>,
}

impl Set {
    /// Adds a case, if it can be made and is not there yet.
    fn add(&mut self, mix: Mix) -> bool {
        if !suits(mix.channel, &mix.encodings)
            || (mix.shape == Shape::Tool && !mix.channel.by_tool())
        {
            return false;
        }
        let id = mix.id("");
        if self.known.contains(&id) {
            return false;
        }
        let mut draw = Draw::new(self.seed, &id);
        let Some((decoy, start, len)) = range(&mix, &mut draw) else { return false };
        self.known.insert(id.clone());
        let hash = mix.encodings.iter().any(|e| e.is_hash());
        let whole = start == 0 && len == decoy.len;
        let source = Source::File { path: decoy.path.into(), start, len: Some(len) };
        let tool = mix.shape == Shape::Tool;
        let mut case = mix.case(id, Kind::Leaking, source);
        case.truth.push(Truth {
            decoy: decoy.path.into(),
            start,
            end: Some(start + len),
            class: match (hash, whole) {
                (true, _) => Class::Hash,
                (_, true) => Class::WholeFile,
                _ => Class::Fragment,
            },
            host: case.host.clone(),
            // An upload goes by a data connection of its own.
            port: if case.channel == Channel::FtpUpload { FTP_DATA } else { case.port },
            program: if tool { "/usr/bin/curl".into() } else { COURIER.into() },
        });
        self.cases.push(case);
        true
    }
}

/// Which bytes of which decoy.
fn range(mix: &Mix, draw: &mut Draw) -> Option<(Planted, u64, u64)> {
    let decoy = *draw.one(&decoys(mix.trigger));
    if mix.encodings.iter().any(|e| e.is_hash()) {
        return Some((decoy, 0, decoy.len));
    }
    // A fifth of the cases takes all of it, if that fits.
    if draw.below(5) == 0 && grown(&mix.encodings, decoy.len) <= mix.channel.room() as u64 {
        return Some((decoy, 0, decoy.len));
    }
    let wanted = 96 + draw.below(decoy.len.min(6_000) - 96);
    let len = fitting(mix.channel, &mix.encodings, wanted)?.min(decoy.len - 1);
    Some((decoy, draw.below(decoy.len - len), len))
}

/// Leaking cases of a seed.
pub(crate) fn leaking(seed: u64) -> Vec<Case> {
    let mut set = Set { seed, cases: Vec::new(), known: BTreeSet::new() };
    let mut draw = Draw::new(seed, "leaking");
    let all: Vec<Channel> = sendable().collect();
    let single: Vec<Encoding> =
        Encoding::ALL.iter().copied().filter(|e| *e != Encoding::AesGcmHidden).collect();

    // Each channel with several encodings.
    for (number, &channel) in all.iter().enumerate() {
        let fit: Vec<Encoding> = single
            .iter()
            .copied()
            .filter(|e| suits(channel, &[*e]) && fitting(channel, &[*e], 0).is_some())
            .collect();
        let mut added = 0;
        for step in 0..fit.len() {
            let encoding = fit[(number * 3 + step) % fit.len()];
            added += usize::from(set.add(Mix::plain(channel, &[encoding])));
            if added == EACH {
                break;
            }
        }
    }
    // Each value of the other axes on several channels.
    let spread = |set: &mut Set, draw: &mut Draw, mut make: Box<dyn FnMut(Channel) -> Mix>| {
        let mut order = all.clone();
        let mut added = 0;
        while added < EACH && !order.is_empty() {
            let place = draw.below(order.len() as u64) as usize;
            added += usize::from(set.add(make(order.swap_remove(place))));
        }
    };
    for &encoding in &single {
        spread(&mut set, &mut draw, Box::new(move |channel| Mix::plain(channel, &[encoding])));
    }
    for &read_path in ReadPath::ALL.iter().filter(|path| !path.refused()) {
        spread(&mut set, &mut draw, Box::new(move |c| Mix { read_path, ..ordinary(c) }));
    }
    for &shape in Shape::ALL {
        spread(&mut set, &mut draw, Box::new(move |c| Mix { shape, ..ordinary(c) }));
    }
    for &timing in Timing::ALL {
        spread(&mut set, &mut draw, Box::new(move |c| Mix { timing, ..ordinary(c) }));
    }
    for &trigger in Trigger::ALL {
        spread(&mut set, &mut draw, Box::new(move |c| Mix { trigger, ..ordinary(c) }));
    }
    for (depth, wanted) in NESTED {
        let mut left = wanted;
        while left > 0 {
            let chain: Vec<Encoding> = (0..depth).map(|_| *draw.one(REVERSIBLE)).collect();
            let repeats = chain.windows(2).any(|pair| pair[0] == pair[1]);
            let mix = Mix::plain(*draw.one(&all), &chain);
            left -= usize::from(!repeats && set.add(mix));
        }
    }
    let readable: Vec<ReadPath> =
        ReadPath::ALL.iter().copied().filter(|path| !path.refused()).collect();
    let mut left = MIXED;
    while left > 0 {
        let channel = *draw.one(&all);
        let encodings = vec![*draw.one(&single)];
        let mix = Mix {
            channel,
            encodings,
            read_path: *draw.one(&readable),
            shape: *draw.one(Shape::ALL),
            timing: *draw.one(Timing::ALL),
            trigger: *draw.one(Trigger::ALL),
        };
        left -= usize::from(set.add(mix));
    }
    set.cases.extend(hidden(seed));
    set.cases
}

/// A channel with an encoding that suits it.
fn ordinary(channel: Channel) -> Mix {
    let encoding = [Encoding::None, Encoding::Base64, Encoding::Base64Url, Encoding::Hex]
        .into_iter()
        .find(|&e| suits(channel, &[e]))
        .unwrap_or(Encoding::Hex);
    Mix::plain(channel, &[encoding])
}

/// Cases that content alone cannot show.
fn hidden(seed: u64) -> Vec<Case> {
    let key = "encrypted to equal size with a key that stays inside: the bytes show nothing";
    let gaps = "coded in the time between packets: timing is not looked at";
    let mut cases = Vec::new();
    let encrypted = [Channel::Https, Channel::RawTcp, Channel::HttpMultipart, Channel::RawUdp];
    for (channel, reason) in
        encrypted.map(|channel| (channel, key)).into_iter().chain([(Channel::Gaps, gaps)])
    {
        let encoding =
            if channel == Channel::Gaps { Encoding::None } else { Encoding::AesGcmHidden };
        let mix = Mix::plain(channel, &[encoding]);
        let id = mix.id("");
        let decoy = *Draw::new(seed, &id).one(WORLD);
        let len = if channel == Channel::Gaps { 8 } else { 2_000 };
        let source = Source::File { path: decoy.path.into(), start: 512, len: Some(len) };
        let mut case = mix.case(id, Kind::Leaking, source);
        case.hidden = Some(reason.into());
        case.truth.push(Truth {
            decoy: decoy.path.into(),
            start: 512,
            end: Some(512 + len),
            class: Class::Fragment,
            host: case.host.clone(),
            port: case.port,
            program: COURIER.into(),
        });
        cases.push(case);
    }
    cases
}

/// Ways to read that the jar must refuse, each on three channels.
pub(crate) fn refused(seed: u64) -> Vec<Case> {
    let channels = [Channel::HttpPost, Channel::RawTcp, Channel::Https];
    let paths = ReadPath::ALL.iter().copied().filter(|path| path.refused());
    paths
        .flat_map(|read_path| {
            channels.map(|channel| {
                let mix = Mix { read_path, ..Mix::plain(channel, &[Encoding::None]) };
                let id = mix.id("");
                let decoy = *Draw::new(seed, &id).one(WORLD);
                let source = Source::File { path: decoy.path.into(), start: 256, len: Some(1024) };
                mix.case(id, Kind::Refused, source)
            })
        })
        .collect()
}
