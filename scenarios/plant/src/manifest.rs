//! The manifest of a plant, and the digests that it holds. Content is streamed: memory does not
//! grow with the plant but by a record a decoy.

use crate::content::{Content, Inside};
use crate::decoy::Decoy;
use crate::plant::Plant;
use belljar_record::{DecoySource, PartKind};
use belljar_schema::{DecoyClass, DecoyRecord, Digests, Manifest, MemberRecord};
use sha2::Digest as _;

/// Name and version of the generator. The same generator, scenario and seed give the same bytes;
/// whatever changes a byte of any decoy changes this.
pub const GENERATOR: &str = concat!("belljar-plant ", env!("CARGO_PKG_VERSION"), " format 1");

const BUFFER: usize = 256 << 10;

/// Length and digests of content, streamed.
pub fn digests(source: &dyn DecoySource) -> Digests {
    let (mut md5, mut sha1, mut sha256) = (md5::Md5::new(), sha1::Sha1::new(), sha2::Sha256::new());
    let mut buffer = vec![0; BUFFER.min(usize::try_from(source.len()).unwrap_or(BUFFER)).max(1)];
    let mut offset = 0;
    loop {
        let got = source.read_at(offset, &mut buffer);
        if got == 0 {
            break;
        }
        md5.update(&buffer[..got]);
        sha1.update(&buffer[..got]);
        sha256.update(&buffer[..got]);
        offset += got as u64;
    }
    Digests {
        len: offset,
        md5: data_encoding::HEXLOWER.encode(&md5.finalize()),
        sha1: data_encoding::HEXLOWER.encode(&sha1.finalize()),
        sha256: data_encoding::HEXLOWER.encode(&sha256.finalize()),
    }
}

impl Decoy {
    /// What the manifest says of it. Reads all of it once, and once more a level of nesting.
    pub fn record(&self) -> DecoyRecord {
        let mut members = Vec::new();
        collect(&*self.content, "", self.class(), &mut members);
        DecoyRecord {
            id: self.id().0,
            path: self.path_str().to_owned(),
            kind: self.kind(),
            class: self.class(),
            marking: self.marking().map(str::to_owned),
            holds_sample: self.holds_sample(),
            digest: digests(self),
            members,
        }
    }
}

/// The members at every depth, outer before inner, in order. Texts and values are no members.
fn collect(content: &dyn Content, above: &str, class: DecoyClass, out: &mut Vec<MemberRecord>) {
    for inside in content.inside() {
        let Inside { name, kind, class: own, sample, content } = inside;
        if kind != PartKind::Member {
            continue;
        }
        let name = if above.is_empty() { name } else { format!("{above}!{name}") };
        let class = own.unwrap_or(class);
        let class = if sample { DecoyClass::Sample } else { class };
        let digest = digests(&*content);
        out.push(MemberRecord { name: name.clone(), class, sample, digest });
        collect(&*content, &name, class, out);
    }
}

impl Plant {
    /// The manifest: length and digests of every decoy and every member. Reads everything.
    pub fn manifest(&self) -> Manifest {
        Manifest {
            generator: GENERATOR.to_owned(),
            scenario: self.scenario().to_owned(),
            seed: self.seed_number(),
            facts: self.facts(),
            decoys: self.decoys().iter().map(|decoy| decoy.record()).collect(),
        }
    }
}
