//! From what was found to the row of the table: which item, and how much of it.

use crate::hit::{Hit, HitKind, HitSubject};
use crate::verdict::SentClass;
use crate::{everyday, words};
use belljar_schema::{
    DataItem, DecoyClass, DecoyKind, DecoyRecord, DecoySpec, Manifest, MemberRecord, Scenario,
};

/// The item that a class of content belongs to.
pub(crate) fn of_class(class: DecoyClass) -> DataItem {
    match class {
        DecoyClass::Document => DataItem::Document,
        DecoyClass::Executable => DataItem::Executable,
        DecoyClass::Archive => DataItem::Archive,
        DecoyClass::Credential => DataItem::Credentials,
        DecoyClass::Browsing => DataItem::Browsing,
        DecoyClass::Mail => DataItem::Mail,
        DecoyClass::Source => DataItem::Source,
        DecoyClass::System => DataItem::SystemFile,
        DecoyClass::Sample => DataItem::Sample,
    }
}

/// Whether a decoy is the sample itself, not something that holds it.
pub(crate) fn is_sample(decoy: &DecoyRecord) -> bool {
    decoy.kind == DecoyKind::Sample || decoy.class == DecoyClass::Sample
}

/// The item under which a decoy stands when it is read.
pub(crate) fn read_item(decoy: &DecoyRecord) -> DataItem {
    if is_sample(decoy) {
        return DataItem::Sample;
    }
    everyday::item(&decoy.path).unwrap_or_else(|| of_class(decoy.class))
}

/// The item under which a decoy's content stands when it is sent.
pub(crate) fn content_item(decoy: &DecoyRecord) -> DataItem {
    if is_sample(decoy) { DataItem::Sample } else { of_class(decoy.class) }
}

/// The item of a member.
pub(crate) fn member_item(member: &MemberRecord) -> DataItem {
    if member.sample { DataItem::Sample } else { of_class(member.class) }
}

fn hash_item(class: DecoyClass, sample: bool) -> DataItem {
    match (sample, class) {
        (true, _) | (_, DecoyClass::Sample) => DataItem::HashOfSample,
        (_, DecoyClass::Executable) => DataItem::HashOfExecutable,
        _ => DataItem::HashOfDocument,
    }
}

/// The manifest's record of a decoy.
pub(crate) fn decoy(manifest: &Manifest, id: u32) -> Option<&DecoyRecord> {
    manifest
        .decoys
        .get(id as usize)
        .filter(|decoy| decoy.id == id)
        .or_else(|| manifest.decoys.iter().find(|decoy| decoy.id == id))
}

/// The member that a name means: in full, or by what it ends with (a part of a member).
pub(crate) fn member<'a>(decoy: &'a DecoyRecord, name: &str) -> Option<&'a MemberRecord> {
    decoy.members.iter().find(|member| member.name == name).or_else(|| {
        decoy
            .members
            .iter()
            .filter(|member| {
                name.strip_prefix(member.name.as_str()).is_some_and(|rest| rest.starts_with('!'))
            })
            .max_by_key(|member| member.name.len())
    })
}

/// The item of a trace.
pub(crate) fn item(manifest: &Manifest, hit: &Hit) -> DataItem {
    match &hit.subject {
        HitSubject::Fact(place) => {
            manifest.facts.get(*place).map_or(DataItem::UserName, |fact| fact.item)
        }
        HitSubject::Decoy { id, member: name } => {
            if hit.kind == HitKind::Name {
                return DataItem::FileNames;
            }
            let Some(decoy) = decoy(manifest, *id) else { return DataItem::Document };
            let inner = name.as_deref().and_then(|name| member(decoy, name));
            match (hit.kind, inner) {
                (HitKind::Hash, Some(inner)) => hash_item(inner.class, hit.sample || inner.sample),
                (HitKind::Hash, None) => hash_item(decoy.class, hit.sample || is_sample(decoy)),
                _ if hit.sample => DataItem::Sample,
                (_, Some(inner)) => member_item(inner),
                (_, None) => content_item(decoy),
            }
        }
    }
}

/// How much of its subject a trace is, taken by itself.
pub(crate) fn class(manifest: &Manifest, hit: &Hit) -> SentClass {
    match hit.kind {
        HitKind::Hash => SentClass::Hash,
        HitKind::Name => SentClass::Metadata,
        HitKind::Value => match item(manifest, hit) {
            DataItem::InstallationId
            | DataItem::Hostname
            | DataItem::MachineId
            | DataItem::UserName
            | DataItem::FullName
            | DataItem::Email => SentClass::Identifier,
            _ => SentClass::Metadata,
        },
        HitKind::Content { whole: false } => SentClass::Fragment,
        HitKind::Content { whole: true } => match &hit.subject {
            HitSubject::Decoy { id, member: Some(_) } => {
                let archive =
                    decoy(manifest, *id).is_some_and(|decoy| decoy.class == DecoyClass::Archive);
                // A member of an archive is a file; the text of a document is not the document.
                if archive { SentClass::WholeFile } else { SentClass::Content }
            }
            _ => SentClass::WholeFile,
        },
    }
}

/// The subject of a trace in words.
pub(crate) fn subject(manifest: &Manifest, hit: &Hit) -> String {
    match &hit.subject {
        HitSubject::Fact(place) => match manifest.facts.get(*place) {
            Some(fact) => format!("{} ({})", words::item_words(fact.item), fact.value),
            None => "a planted fact".to_owned(),
        },
        HitSubject::Decoy { id, member: name } => {
            let path = decoy(manifest, *id)
                .map_or_else(|| format!("decoy {id}"), |decoy| decoy.path.clone());
            match name {
                Some(name) => format!("{path}!{name}"),
                None => path,
            }
        }
    }
}

/// Fills `{user}`, `{home}`, `{hostname}` and `{email}` of a plan with what was planted.
pub(crate) fn fill(manifest: &Manifest, text: &str) -> String {
    let fact = |item| {
        manifest.facts.iter().find(|fact| fact.item == item).map_or("", |fact| fact.value.as_str())
    };
    let user = fact(DataItem::UserName);
    text.replace("{user}", user)
        .replace("{home}", &format!("/home/{user}"))
        .replace("{hostname}", fact(DataItem::Hostname))
        .replace("{email}", fact(DataItem::Email))
}

/// How many files with a protective marking the scenario puts into a decoy.
pub(crate) fn marked_members(scenario: &Scenario, manifest: &Manifest, decoy: &DecoyRecord) -> u64 {
    fn count(specs: &[DecoySpec]) -> u64 {
        specs
            .iter()
            .map(|spec| {
                let own = if spec.marking.is_some() { u64::from(spec.count.max(1)) } else { 0 };
                own + count(&spec.members)
            })
            .sum()
    }
    scenario
        .decoys
        .iter()
        .find(|spec| fill(manifest, &spec.path) == decoy.path)
        .map_or(0, |spec| count(&spec.members))
}
