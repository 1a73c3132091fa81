//! From what a scenario declares to what is planted: the length of everything, before any byte.
//!
//! How a declared length is reached, by kind:
//! - text, source, system files, binaries: the last block ends there (prose, comment lines, bytes);
//! - docx: a stored custom XML part; pdf: a stream that no page uses; eml: the body;
//! - browser profile: rows, one icon, and bytes after the last page; ssh key: text after the key;
//! - zip: a member `annex/remainder.txt`, or the archive's comment if little is left;
//! - tar.gz: a member `annex/remainder.txt` in steps of 512 bytes, the rest in gzip's comment;
//! - sample: 68 bytes, no other.
//!
//! Where no length is declared it is drawn for the kind; that of an archive is the sum of its
//! members. Inside an archive whose own length is declared, members without one take the least
//! usual length, so that whether they fit does not depend on the seed.

use crate::blocks::{Blocks, Style};
use crate::cache::Cache;
use crate::calendar::Moment;
use crate::code::Language;
use crate::content::{Build, Built, BuiltKey, Content, Flip, Flipped, Literal, Rope};
use crate::error::PlantError;
use crate::identity::ResolvedIdentity;
use crate::kinds::{browser, docx, eml, pdf, sample, ssh_key, tar_gz, zip};
use crate::seed::{Draw as _, Seed};
use crate::system_style::SystemStyle;
use crate::tree;
use belljar_schema::{DecoyClass, DecoyKind, DecoySpec};
use std::sync::Arc;

/// How deep archives may lie in one another.
const MOST_DEPTH: usize = 8;
/// zip and tar without extensions, less one.
const MOST_ARCHIVE: u64 = u32::MAX as u64 - 1;
/// What is built whole is at most half the cache.
const MOST_BUILT: u64 = 32 << 20;
/// Most bytes of a plain file.
const MOST_PLAIN: u64 = 1 << 40;
/// Most files of a source tree, and most copies of a decoy.
pub(crate) const MOST_COUNT: u32 = 1_000_000;

const FILLING: &str = "annex/remainder.txt";

/// What all recipes of a plant share.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) cache: Arc<Cache>,
    pub(crate) person: ResolvedIdentity,
}

/// A file to be: everything but the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    /// Path, or name within an archive. Also the label of its seed.
    pub(crate) name: String,
    pub(crate) kind: DecoyKind,
    pub(crate) class: DecoyClass,
    pub(crate) len: u64,
    pub(crate) marking: Option<Arc<str>>,
    pub(crate) filling: Filling,
}

/// What a file is filled with.
#[derive(Debug, Clone)]
pub(crate) enum Filling {
    /// Blocks, or a document built whole; with a sample embedded or not.
    Own { with_sample: bool },
    /// Exactly the sample.
    Sample,
    /// Members (of an archive, or attachments of a mail), and bytes of comment.
    Members { members: Vec<Recipe>, comment: u64 },
}

/// Lengths from which one is drawn where none is declared.
pub(crate) fn usual(kind: DecoyKind) -> (u64, u64) {
    const KIB: u64 = 1 << 10;
    match kind {
        DecoyKind::Text => (2 * KIB, 48 * KIB),
        DecoyKind::Source | DecoyKind::SourceTree => (KIB, 24 * KIB),
        DecoyKind::Docx => (24 * KIB, 160 * KIB),
        DecoyKind::Pdf => (24 * KIB, 200 * KIB),
        DecoyKind::Eml => (8 * KIB, 80 * KIB),
        DecoyKind::BrowserProfile => (192 * KIB, 768 * KIB),
        DecoyKind::Binary => (16 * KIB, 256 * KIB),
        DecoyKind::SystemFile => (600, 3 * KIB),
        DecoyKind::SshKey | DecoyKind::Zip | DecoyKind::TarGz | DecoyKind::Sample => (0, 0),
    }
}

/// Where in the scenario a recipe is: what surrounds it.
#[derive(Debug, Clone, Copy)]
struct Place {
    depth: usize,
    /// Whether the archive around it has a declared length.
    in_sized: bool,
}

/// The recipe of one file; `name` is its path with everything filled in.
pub(crate) fn file(
    spec: &DecoySpec,
    name: String,
    seed: Seed,
    person: &ResolvedIdentity,
) -> Result<Recipe, PlantError> {
    Planner { person }.file(spec, name, seed, Place { depth: 0, in_sized: false })
}

/// Works out lengths.
struct Planner<'a> {
    person: &'a ResolvedIdentity,
}

impl Planner<'_> {
    fn file(
        &self,
        spec: &DecoySpec,
        name: String,
        seed: Seed,
        place: Place,
    ) -> Result<Recipe, PlantError> {
        let marking = match &spec.marking {
            Some(marking) => Some(checked_marking(&name, marking)?),
            None => None,
        };
        let kind = match spec.kind {
            DecoyKind::SourceTree => DecoyKind::Source,
            kind => kind,
        };
        let recipe = |len, filling| Recipe {
            name: name.clone(),
            kind,
            class: spec.class,
            len,
            marking: marking.clone(),
            filling,
        };
        let is_archive = matches!(kind, DecoyKind::Zip | DecoyKind::TarGz);
        if !spec.members.is_empty() && !is_archive && kind != DecoyKind::Eml {
            return Err(PlantError::MembersImpossible { path: name, kind });
        }
        let whole_sample = kind == DecoyKind::Sample
            || spec.sample.is_some()
                && matches!(kind, DecoyKind::Text | DecoyKind::Source | DecoyKind::Binary);
        if whole_sample {
            bounded(&name, kind, spec.size, sample::EICAR_LEN, sample::EICAR_LEN)?;
            return Ok(recipe(sample::EICAR_LEN, Filling::Sample));
        }
        let with_sample = spec.sample.is_some();
        if with_sample
            && matches!(kind, DecoyKind::SshKey | DecoyKind::BrowserProfile | DecoyKind::SystemFile)
        {
            return Err(PlantError::SampleImpossible { path: name, kind });
        }
        if is_archive || kind == DecoyKind::Eml {
            let (len, filling) = self.container(spec, &name, seed, place)?;
            return Ok(recipe(len, filling));
        }
        let marks = marking.as_deref().map_or(0, |marking| marks_len(kind, &name, marking));
        let (least, most) = match kind {
            DecoyKind::Docx => (docx::LEAST + marks, MOST_BUILT),
            DecoyKind::Pdf => (pdf::LEAST + marks, MOST_BUILT),
            DecoyKind::BrowserProfile => (browser::LEAST, MOST_BUILT),
            DecoyKind::SshKey => {
                let comment = ssh_key::comment(&self.person.user, &self.person.hostname);
                (ssh_key::least(&comment), MOST_BUILT)
            }
            _ => (marks, MOST_PLAIN),
        };
        bounded(&name, kind, spec.size, least, most)?;
        let len = spec.size.unwrap_or_else(|| drawn(kind, seed, place, least));
        Ok(recipe(len, Filling::Own { with_sample }))
    }

    /// Archives, and mails with their attachments.
    fn container(
        &self,
        spec: &DecoySpec,
        name: &str,
        seed: Seed,
        place: Place,
    ) -> Result<(u64, Filling), PlantError> {
        if place.depth >= MOST_DEPTH {
            return Err(PlantError::TooDeep { path: name.to_owned(), most: MOST_DEPTH });
        }
        let mut members = Vec::new();
        let below = Place {
            depth: place.depth + 1,
            in_sized: place.in_sized || spec.size.is_some() || spec.kind == DecoyKind::Eml,
        };
        for member in &spec.members {
            for (path, member) in self.expand(member, seed, below)? {
                let seed = seed.child(&path);
                members.push(self.file(&member, path, seed, below)?);
            }
        }
        if spec.sample.is_some() {
            let seed = seed.stream("sample name").below(1 << 16);
            members.push(Recipe {
                name: format!("installer/update-{seed:04x}.com"),
                kind: DecoyKind::Sample,
                class: DecoyClass::Sample,
                len: sample::EICAR_LEN,
                marking: None,
                filling: Filling::Sample,
            });
        }
        let mut names = std::collections::HashSet::new();
        for member in &members {
            if !names.insert(member.name.as_str()) || member.name == FILLING {
                return Err(PlantError::Twice { path: format!("{name}!{}", member.name) });
            }
        }
        match spec.kind {
            DecoyKind::Zip => zip_lengths(spec, name, members),
            DecoyKind::TarGz => tar_lengths(spec, name, members),
            _ => self.mail_lengths(spec, name, seed, place, members),
        }
    }

    /// A member as the files that it stands for.
    fn expand(
        &self,
        spec: &DecoySpec,
        seed: Seed,
        place: Place,
    ) -> Result<Vec<(String, DecoySpec)>, PlantError> {
        let path = self.person.fill_names(&spec.path);
        let path = path.trim_start_matches('/').to_owned();
        check_member_path(&path)?;
        if spec.kind == DecoyKind::SourceTree {
            return Ok(tree::files(spec, seed.child(&path), place.in_sized)?
                .into_iter()
                .map(|(below, len)| {
                    let spec =
                        DecoySpec { size: Some(len), kind: DecoyKind::Source, ..spec.clone() };
                    (format!("{path}/{below}"), spec)
                })
                .collect());
        }
        if spec.count > MOST_COUNT {
            return Err(PlantError::TooMany { most: MOST_COUNT });
        }
        Ok(numbered(&path, spec.count).map(|path| (path, spec.clone())).collect())
    }

    fn mail_lengths(
        &self,
        spec: &DecoySpec,
        name: &str,
        seed: Seed,
        place: Place,
        mut members: Vec<Recipe>,
    ) -> Result<(u64, Filling), PlantError> {
        let marks = spec.marking.as_ref().map_or(0, |marking| 3 * marking.len() as u64 + 16);
        let taken: u64 =
            members.iter().map(|member| eml::attachment_len(&member.name, member.len)).sum();
        let least = eml::LEAST
            + marks
            + taken
            + self.person.full_name.len() as u64
            + self.person.email.len() as u64;
        bounded(name, DecoyKind::Eml, spec.size, least, MOST_BUILT)?;
        let len = spec.size.unwrap_or_else(|| least + drawn(DecoyKind::Eml, seed, place, 0));
        // A mail without attachments gets one if there is room for it.
        let room = (len - least) * 3 / 5;
        if members.is_empty() && room >= 1024 {
            let kind = if room >= 20 << 10 { DecoyKind::Pdf } else { DecoyKind::Text };
            let ending = if kind == DecoyKind::Pdf { "pdf" } else { "txt" };
            let stem = crate::words::file_stem(&mut seed.stream("attachment name"));
            let path = format!("{stem}.{ending}");
            let spec = DecoySpec {
                path: path.clone(),
                kind,
                size: Some(eml::content_for(room - 512)),
                class: spec.class,
                marking: None,
                sample: None,
                members: Vec::new(),
                count: 1,
                mode: None,
                owner: spec.owner,
            };
            let seed = seed.child(&path);
            members.push(self.file(
                &spec,
                path,
                seed,
                Place { depth: place.depth + 1, ..place },
            )?);
        }
        Ok((len, Filling::Members { members, comment: 0 }))
    }
}

fn zip_lengths(
    spec: &DecoySpec,
    name: &str,
    mut members: Vec<Recipe>,
) -> Result<(u64, Filling), PlantError> {
    let least = zip::EMPTY + members.iter().map(|m| m.len + zip::overhead(&m.name)).sum::<u64>();
    bounded(name, DecoyKind::Zip, spec.size.or(Some(least)), least, MOST_ARCHIVE)?;
    if members.len() >= usize::from(u16::MAX) {
        return Err(PlantError::TooMany { most: u32::from(u16::MAX) });
    }
    let size = spec.size.unwrap_or(least);
    let rest = size - least;
    let cost = zip::overhead(FILLING);
    let comment = match rest.checked_sub(cost) {
        Some(len) if len >= 512 => {
            members.push(filling_member(spec, len));
            0
        }
        _ => rest,
    };
    Ok((size, Filling::Members { members, comment }))
}

fn tar_lengths(
    spec: &DecoySpec,
    name: &str,
    mut members: Vec<Recipe>,
) -> Result<(u64, Filling), PlantError> {
    if let Some(long) = members.iter().find(|m| m.name.len() > tar_gz::LONGEST_NAME) {
        return Err(PlantError::Path {
            path: long.name.clone(),
            why: "a tar member's name has at most 100 bytes",
        });
    }
    let tar =
        tar_gz::EMPTY + members.iter().map(|member| tar_gz::member_len(member.len)).sum::<u64>();
    let least = tar_gz::gzip_len(tar);
    bounded(name, DecoyKind::TarGz, spec.size.or(Some(least)), least, MOST_ARCHIVE)?;
    let size = spec.size.unwrap_or(least);
    let (fill, comment) = tar_gz::fit(tar, size).unwrap_or((None, 0));
    members.extend(fill.map(|len| filling_member(spec, len)));
    Ok((size, Filling::Members { members, comment }))
}

fn filling_member(spec: &DecoySpec, len: u64) -> Recipe {
    let class = match spec.class {
        DecoyClass::Archive => DecoyClass::Document,
        class => class,
    };
    let filling = Filling::Own { with_sample: false };
    Recipe { name: FILLING.into(), kind: DecoyKind::Text, class, len, marking: None, filling }
}

fn drawn(kind: DecoyKind, seed: Seed, place: Place, least: u64) -> u64 {
    let (low, high) = usual(kind);
    let len = if place.in_sized { low } else { seed.stream("size").between(low, high) };
    let len =
        if kind == DecoyKind::BrowserProfile { len / browser::PAGE * browser::PAGE } else { len };
    len.max(least)
}

fn bounded(
    path: &str,
    kind: DecoyKind,
    size: Option<u64>,
    least: u64,
    most: u64,
) -> Result<(), PlantError> {
    match size {
        Some(size) if size < least => {
            Err(PlantError::TooSmall { path: path.to_owned(), kind, size, least })
        }
        Some(size) if size > most => {
            Err(PlantError::TooLarge { path: path.to_owned(), kind, size, most })
        }
        _ => Ok(()),
    }
}

fn checked_marking(path: &str, marking: &str) -> Result<Arc<str>, PlantError> {
    let fits = marking.starts_with("EXERCISE")
        && marking.len() <= 200
        && marking.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"<>&()\\".contains(&byte));
    if fits {
        Ok(marking.into())
    } else {
        Err(PlantError::Marking { path: path.to_owned(), marking: marking.to_owned() })
    }
}

fn check_member_path(path: &str) -> Result<(), PlantError> {
    let bad = |why| Err(PlantError::Path { path: path.to_owned(), why });
    if path.len() > 200 {
        return bad("a member's name has at most 200 bytes");
    }
    if path.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        return bad("a member's name has no control characters, quotes or backslashes");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return bad("no component of a member's name may be empty, `.` or `..`");
    }
    Ok(())
}

/// The paths that `{n}` stands for: 1, 2, 3, …
pub(crate) fn numbered(path: &str, count: u32) -> impl Iterator<Item = String> + use<> {
    let path = path.to_owned();
    (1..=count.max(1)).map(move |number| path.replace("{n}", &number.to_string()))
}

/// The lines before and after marked text.
fn marks(kind: DecoyKind, name: &str, marking: &str) -> (String, String) {
    match kind {
        DecoyKind::Text => (format!("{marking}\n\n"), format!("\n{marking}\n")),
        DecoyKind::Source if Language::of(name) == Language::Python => {
            (format!("# {marking}\n\n"), format!("# {marking}\n"))
        }
        DecoyKind::Source => (format!("// {marking}\n\n"), format!("// {marking}\n")),
        DecoyKind::SystemFile => (format!("# {marking}\n"), format!("# {marking}\n")),
        _ => (String::new(), String::new()),
    }
}

fn marks_len(kind: DecoyKind, name: &str, marking: &str) -> u64 {
    match kind {
        // On every page, in several parts.
        DecoyKind::Docx | DecoyKind::Pdf => 8 * marking.len() as u64,
        _ => {
            let (front, back) = marks(kind, name, marking);
            (front.len() + back.len()) as u64
        }
    }
}

impl Recipe {
    /// Whether it is, or holds, a sample.
    pub(crate) fn holds_sample(&self) -> bool {
        match &self.filling {
            Filling::Own { with_sample } => *with_sample,
            Filling::Sample => true,
            Filling::Members { members, .. } => members.iter().any(Self::holds_sample),
        }
    }

    /// The content. Nothing is generated yet.
    pub(crate) fn content(
        &self,
        seed: Seed,
        shop: &Arc<Workshop>,
        flip: Option<Flip>,
    ) -> Arc<dyn Content> {
        match &self.filling {
            Filling::Sample => sample::content(),
            Filling::Members { members, comment } => {
                self.container(seed, shop, flip, members, *comment)
            }
            Filling::Own { with_sample } => self.own(seed, shop, flip, *with_sample),
        }
    }

    fn container(
        &self,
        seed: Seed,
        shop: &Arc<Workshop>,
        flip: Option<Flip>,
        recipes: &[Self],
        comment: u64,
    ) -> Arc<dyn Content> {
        // The place of a flipped bit counts through the members, one after another; in a mail
        // whose body comes first, the body takes it.
        let in_members = self.kind != DecoyKind::Eml;
        let whole: u64 = recipes.iter().map(|recipe| recipe.len).sum();
        let mut place = flip.map(|flip| flip.offset % whole.max(1)).filter(|_| in_members);
        let mut members = Vec::with_capacity(recipes.len());
        for recipe in recipes {
            let within = match place {
                Some(offset) if offset < recipe.len => {
                    place = None;
                    flip.map(|flip| Flip { offset, ..flip })
                }
                Some(offset) => {
                    place = Some(offset - recipe.len);
                    None
                }
                None => None,
            };
            let seed = seed.child(&recipe.name);
            members.push(zip::Member {
                name: recipe.name.clone(),
                class: recipe.class,
                sample: matches!(recipe.filling, Filling::Sample),
                when: when(seed),
                content: recipe.content(seed, shop, within),
            });
        }
        match self.kind {
            DecoyKind::Zip => {
                Arc::new(zip::Zip::new(seed, members, u16::try_from(comment).unwrap_or(0)))
            }
            DecoyKind::TarGz => Arc::new(tar_gz::TarGz::new(seed, members, comment)),
            _ => self.built(
                seed,
                shop,
                flip,
                eml::Eml {
                    seed,
                    len: self.len,
                    marking: self.marking.as_deref().map(str::to_owned),
                    to: format!("{} <{}>", shop.person.full_name, shop.person.email),
                    when: when(seed),
                    attachments: members,
                    flip,
                },
            ),
        }
    }

    fn own(
        &self,
        seed: Seed,
        shop: &Arc<Workshop>,
        flip: Option<Flip>,
        with_sample: bool,
    ) -> Arc<dyn Content> {
        let (len, when) = (self.len, when(seed));
        let marking = self.marking.as_deref().map(str::to_owned);
        let author = shop.person.full_name.clone();
        match self.kind {
            DecoyKind::Docx => self.built(
                seed,
                shop,
                flip,
                docx::Docx { seed, len, marking, author, when, with_sample, flip },
            ),
            DecoyKind::Pdf => self.built(
                seed,
                shop,
                flip,
                pdf::Pdf { seed, len, marking, author, when, with_sample, flip },
            ),
            DecoyKind::BrowserProfile => {
                let user = shop.person.user.clone();
                self.built(seed, shop, flip, browser::Browser { seed, len, user, flip })
            }
            DecoyKind::SshKey => {
                let comment = ssh_key::comment(&shop.person.user, &shop.person.hostname);
                self.built(seed, shop, flip, ssh_key::SshKey { seed, len, comment, flip })
            }
            _ => self.blocks(seed, flip),
        }
    }

    fn built<B: Build + 'static>(
        &self,
        seed: Seed,
        shop: &Arc<Workshop>,
        flip: Option<Flip>,
        recipe: B,
    ) -> Arc<dyn Content> {
        let cache = Arc::clone(&shop.cache);
        Arc::new(Built { recipe, len: self.len, key: BuiltKey { seed, flip }, cache })
    }

    fn blocks(&self, seed: Seed, flip: Option<Flip>) -> Arc<dyn Content> {
        let style = match self.kind {
            DecoyKind::Source | DecoyKind::SourceTree => Style::Code(Language::of(&self.name)),
            DecoyKind::SystemFile => Style::System(SystemStyle::of(&self.name)),
            DecoyKind::Binary => Style::Random,
            _ => Style::Prose,
        };
        let (front, back) = self
            .marking
            .as_deref()
            .map(|marking| marks(self.kind, &self.name, marking))
            .unwrap_or_default();
        let len = self.len - (front.len() + back.len()) as u64;
        let mut body: Arc<dyn Content> = Arc::new(Blocks { seed, style, len });
        if let Some(flip) = flip
            && len > 0
        {
            let flip = Flip { offset: flip.offset % len, ..flip };
            body = Arc::new(Flipped { inner: body, flip });
        }
        if front.is_empty() {
            return body;
        }
        let pieces = vec![Literal::arc(front.into_bytes()), body, Literal::arc(back.into_bytes())];
        Arc::new(Rope::new(pieces, Vec::new()))
    }
}

/// When a file was last changed: some second of 2023 to 2025.
pub(crate) fn when(seed: Seed) -> Moment {
    Moment(1_672_531_200 + i64::from(seed.stream("time").below(94_694_400)))
}
