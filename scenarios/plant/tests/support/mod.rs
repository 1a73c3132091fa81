//! A scenario with every kind, for the tests of the plant.
#![allow(dead_code, reason = "each test binary uses some of it")]

use belljar_plant::Plant;
use belljar_record::DecoySource;
use belljar_schema::{
    DecoyClass, DecoyKind, DecoySpec, Identity, Limits, Owner, Policy, Sample, Scenario,
};

pub(crate) fn spec(path: &str, kind: DecoyKind, size: Option<u64>) -> DecoySpec {
    DecoySpec {
        path: path.into(),
        kind,
        size,
        class: DecoyClass::Document,
        marking: None,
        sample: None,
        members: Vec::new(),
        count: 1,
        mode: None,
        owner: Owner::User,
    }
}

pub(crate) fn archive(
    path: &str,
    kind: DecoyKind,
    size: Option<u64>,
    members: Vec<DecoySpec>,
) -> DecoySpec {
    DecoySpec { members, class: DecoyClass::Archive, ..spec(path, kind, size) }
}

pub(crate) fn scenario(decoys: Vec<DecoySpec>) -> Scenario {
    Scenario {
        name: "test".into(),
        question: "Is it planted right?".into(),
        scan: vec!["/home".into()],
        identity: Identity::default(),
        decoys,
        limits: Limits::default(),
        vendor: Vec::new(),
        neighbours: Vec::new(),
        policy: Policy::default(),
        provisions: Vec::new(),
    }
}

pub(crate) fn plant(decoys: Vec<DecoySpec>, seed: u64) -> Plant {
    Plant::new(&scenario(decoys), seed).expect("the scenario can be planted")
}

/// Members of every kind that can be one.
pub(crate) fn members() -> Vec<DecoySpec> {
    let mut carrier = spec("bin/helper.com", DecoyKind::Sample, None);
    carrier.sample = Some(Sample::Eicar);
    let mut marked = spec("report.docx", DecoyKind::Docx, None);
    marked.marking = Some("EXERCISE OFFICIAL-SENSITIVE".into());
    let mut tree = spec("project", DecoyKind::SourceTree, None);
    tree.count = 5;
    vec![
        carrier,
        marked,
        tree,
        spec("paper.pdf", DecoyKind::Pdf, None),
        spec("mail.eml", DecoyKind::Eml, None),
        spec("notes{n}.txt", DecoyKind::Text, None),
        archive("inner.zip", DecoyKind::Zip, None, vec![spec("deep.txt", DecoyKind::Text, None)]),
        archive(
            "inner.tar.gz",
            DecoyKind::TarGz,
            None,
            vec![spec("deep.c", DecoyKind::Source, None)],
        ),
    ]
}

/// Every kind at the top.
pub(crate) fn every_kind() -> Vec<DecoySpec> {
    let home = "/home/{user}";
    let mut text = spec(&format!("{home}/notes-{{n}}.txt"), DecoyKind::Text, None);
    text.count = 3;
    text.marking = Some("EXERCISE RESTRICTED".into());
    let mut tree = spec(&format!("{home}/code"), DecoyKind::SourceTree, Some(60_000));
    tree.count = 9;
    let mut mail = spec(&format!("{home}/mail/a.eml"), DecoyKind::Eml, Some(70_001));
    mail.marking = Some("EXERCISE OFFICIAL".into());
    let mut docx = spec(&format!("{home}/plan.docx"), DecoyKind::Docx, Some(50_003));
    docx.marking = Some("EXERCISE SECRET".into());
    let mut pdf = spec(&format!("{home}/plan.pdf"), DecoyKind::Pdf, Some(80_001));
    pdf.marking = Some("EXERCISE SECRET".into());
    let mut shadow = spec("/etc/shadow", DecoyKind::SystemFile, None);
    shadow.owner = Owner::Root;
    vec![
        text,
        tree,
        docx,
        pdf,
        mail,
        spec(&format!("{home}/.ssh/id_ed25519"), DecoyKind::SshKey, None),
        spec(&format!("{home}/.mozilla/places.sqlite"), DecoyKind::BrowserProfile, None),
        spec(&format!("{home}/image.bin"), DecoyKind::Binary, Some(100_001)),
        shadow,
        spec(&format!("{home}/sample.com"), DecoyKind::Sample, None),
        archive(&format!("{home}/all.zip"), DecoyKind::Zip, None, members()),
        archive(&format!("{home}/all.tar.gz"), DecoyKind::TarGz, Some(900_001), members()),
    ]
}

/// All bytes, read in pieces of so many.
pub(crate) fn read_in_pieces(source: &dyn DecoySource, piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        let got = source.read_at(out.len() as u64, &mut buffer);
        if got == 0 {
            return out;
        }
        out.extend_from_slice(&buffer[..got]);
    }
}
