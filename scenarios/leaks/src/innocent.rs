//! The cases in which nothing of a decoy leaves.

use crate::axes::{Channel, Encoding, Form, ReadPath, Shape, Timing, Trigger};
use crate::case::{Case, Innocent, Kind, Negative, Source};
use crate::combine::{fitting, suits};
use crate::draw::Draw;
use crate::leaking::{Mix, sendable};
use crate::world::{SAMPLE, WORLD};

/// Where the documents of another seed lie inside the jar: below it, at their own paths.
pub const FOREIGN_FOLDER: &str = "/opt/reference/foreign";

/// Files of the machine that belong to no one. They are there on every Debian system.
pub const HOST_FILES: &[&str] = &[
    "/usr/bin/bash",
    "/usr/bin/tar",
    "/usr/bin/gzip",
    "/usr/bin/openssl",
    "/usr/lib/os-release",
    "/usr/share/common-licenses/Apache-2.0",
    "/usr/share/common-licenses/MPL-2.0",
    "/usr/share/common-licenses/Artistic",
];

/// Of each kind, how many.
const COUNTS: &[(Negative, usize)] = &[
    (Negative::Nothing, 24),
    (Negative::HashOfSample, 30),
    (Negative::UploadOfTheSample, 30),
    (Negative::VersionCheck, 40),
    (Negative::UpdateDownload, 24),
    (Negative::RandomId, 40),
    (Negative::CrashDump, 40),
    (Negative::Counters, 40),
    (Negative::DnsNoise, 40),
    (Negative::CompressedLog, 40),
    (Negative::RandomData, 50),
    (Negative::CompressedData, 50),
    (Negative::EncryptedData, 50),
    (Negative::ForeignDocument, 60),
    (Negative::HostFile, 50),
    (Negative::TriggerNotMet, 42),
];

/// Encodings in which innocent things are sent, beside those that their kind asks for.
const ENCODINGS: &[Encoding] = &[
    Encoding::None,
    Encoding::Base64,
    Encoding::Hex,
    Encoding::Base64Url,
    Encoding::Gzip,
    Encoding::Percent,
    Encoding::Base32,
    Encoding::Zip,
    Encoding::XorFixed,
    Encoding::Zstd,
    Encoding::Xz,
];

/// Negative cases of a seed.
pub(crate) fn innocent(seed: u64) -> Vec<Case> {
    let channels: Vec<Channel> =
        sendable().filter(|c| !matches!(c, Channel::IcmpTtl | Channel::SourcePort)).collect();
    let mut cases = Vec::new();
    for &(kind, count) in COUNTS {
        let mut number = 0;
        let mut tried = 0_u32;
        while number < count && tried < 100_000 {
            tried += 1;
            let front = format!("n-{}-{number}.", kind.name());
            let mut draw = Draw::new(seed, &format!("{front}{tried}"));
            let Some(case) = one(kind, number, &front, &channels, &mut draw) else { continue };
            cases.push(case);
            number += 1;
        }
    }
    cases
}

fn one(
    kind: Negative,
    number: usize,
    front: &str,
    channels: &[Channel],
    draw: &mut Draw,
) -> Option<Case> {
    let shape = *draw.one(&[
        Shape::Same,
        Shape::Same,
        Shape::Same,
        Shape::Thread,
        Shape::Fork,
        Shape::SocketDaemon,
    ]);
    let mut mix = Mix {
        channel: *draw.one(channels),
        encodings: encodings(kind, draw),
        read_path: *draw.one(&[ReadPath::Read, ReadPath::Pread, ReadPath::Mmap]),
        shape,
        timing: *draw.one(&[Timing::AtOnce, Timing::AtOnce, Timing::Chunks]),
        trigger: Trigger::Always,
    };
    let made = |what, len| Source::MadeUp { what, len };
    let size = 200 + draw.below(12_000);
    let source = match kind {
        Negative::Nothing => Source::Nothing,
        Negative::HashOfSample | Negative::UploadOfTheSample => {
            Source::File { path: SAMPLE.into(), start: 0, len: None }
        }
        Negative::VersionCheck => {
            mix.channel = *draw.one(&[Channel::UpdateCheck, Channel::HttpQuery, Channel::DnsTxt]);
            made(Innocent::Version, 0)
        }
        Negative::UpdateDownload => {
            mix.channel = Channel::UpdateCheck;
            mix.timing = Timing::AfterUpdate;
            made(Innocent::Version, 0)
        }
        Negative::RandomId => made(Innocent::Id, 0),
        Negative::CrashDump => made(Innocent::Dump, size),
        Negative::Counters => made(Innocent::Counters, 0),
        Negative::DnsNoise => {
            mix.channel = *draw.one(&[Channel::DnsLabel, Channel::DnsTxt, Channel::DnsMany]);
            made(Innocent::Random, 20 + draw.below(60))
        }
        Negative::CompressedLog => made(Innocent::Log, size),
        Negative::RandomData | Negative::EncryptedData => made(Innocent::Random, size),
        Negative::CompressedData => made(Innocent::Prose, size),
        Negative::ForeignDocument => {
            let decoy = draw.one(WORLD);
            let len = (200 + draw.below(20_000)).min(decoy.len);
            Source::File {
                path: format!("{FOREIGN_FOLDER}{}", decoy.path),
                start: draw.below(decoy.len - len + 1),
                len: Some(len),
            }
        }
        Negative::HostFile => Source::File {
            path: (*draw.one(HOST_FILES)).into(),
            start: 0,
            len: Some(200 + draw.below(8_000)),
        },
        Negative::TriggerNotMet => {
            // What each of them asks for is not true of this file, or of this machine.
            let triggers = [
                (Trigger::Name, "/home/robin/Pictures/garden.raw"),
                (Trigger::Keyword, "/home/robin/Pictures/bench.raw"),
                (Trigger::Type, "/home/robin/Documents/minutes.txt"),
                (Trigger::Detection, "/home/robin/Documents/report.docx"),
                (Trigger::Reply, "/home/robin/Documents/minutes.txt"),
                (Trigger::Locale, "/home/robin/Mail/inbox/1.eml"),
                (Trigger::Date, "/home/robin/Mail/inbox/2.eml"),
            ];
            let (trigger, path) = triggers[number % triggers.len()];
            mix.trigger = trigger;
            Source::File { path: path.into(), start: 0, len: Some(400) }
        }
    };
    // What is sent must fit; text that is no word is written in base64url where only words go.
    let raw = match &source {
        Source::File { len, .. } => len.unwrap_or(68),
        Source::MadeUp { len, .. } => *len,
        Source::Nothing => 0,
    };
    if mix.channel.form() == Form::Word && !suits(mix.channel, &mix.encodings) {
        mix.encodings.push(Encoding::Hex);
    }
    if !suits(mix.channel, &mix.encodings) {
        return None;
    }
    let fits = fitting(mix.channel, &mix.encodings, raw)?;
    let source = match source {
        Source::MadeUp { what, len } => Source::MadeUp { what, len: len.min(fits) },
        Source::File { path, start, len: Some(len) } => {
            Source::File { path, start, len: Some(len.min(fits)) }
        }
        other if raw > fits => {
            debug_assert_ne!(other, Source::Nothing);
            return None;
        }
        other => other,
    };
    let id = mix.id(front);
    Some(mix.case(id, Kind::Negative(kind), source))
}

fn encodings(kind: Negative, draw: &mut Draw) -> Vec<Encoding> {
    let usual = *draw.one(ENCODINGS);
    match kind {
        Negative::HashOfSample => vec![Encoding::Hash],
        Negative::CompressedLog => vec![*draw.one(&[Encoding::Gzip, Encoding::Zstd, Encoding::Xz])],
        Negative::CompressedData => {
            vec![*draw.one(&[
                Encoding::Gzip,
                Encoding::Zlib,
                Encoding::Bzip2,
                Encoding::Xz,
                Encoding::Zstd,
                Encoding::Brotli,
                Encoding::Zip,
            ])]
        }
        Negative::EncryptedData => {
            vec![*draw.one(&[Encoding::AesGcmHidden, Encoding::AesGcm, Encoding::EncryptedZip])]
        }
        Negative::DnsNoise => vec![Encoding::Hex],
        Negative::VersionCheck | Negative::RandomId | Negative::Counters => {
            vec![*draw.one(&[Encoding::None, Encoding::Base64Url, Encoding::Hex])]
        }
        _ => vec![usual],
    }
}
