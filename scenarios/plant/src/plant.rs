//! The whole plant of a scenario and a seed.

use crate::cache::{Cache, CacheUse, DEFAULT_CACHE_BYTES};
use crate::decoy::{Decoy, DecoyMeta, Mutation};
use crate::error::PlantError;
use crate::identity::ResolvedIdentity;
use crate::recipe::{self, MOST_COUNT, Workshop};
use crate::seed::Seed;
use crate::system_files::{self, SET_UP, SystemFile};
use crate::tree;
use belljar_record::DecoyId;
use belljar_schema::{DecoyKind, DecoySpec, Fact, Owner, Scenario};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// User and group of the planted person.
const PERSON: u32 = 1000;
/// Group that may read `/etc/shadow`.
const SHADOW_GROUP: u32 = 42;

/// A planted world: decoys, the person and the machine, and the directories that hold them.
#[derive(Debug, Clone)]
pub struct Plant {
    scenario: String,
    number: u64,
    seed: Seed,
    decoys: Vec<Arc<Decoy>>,
    shop: Arc<Workshop>,
}

/// A directory of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Absolute path inside the jar.
    pub path: String,
    /// Mode, owner, time.
    pub meta: DecoyMeta,
}

impl Plant {
    /// Plans the plant of a scenario: lengths are known afterwards, nothing is generated.
    ///
    /// # Errors
    /// [`PlantError`] if the scenario declares something that cannot be planted.
    pub fn new(scenario: &Scenario, seed: u64) -> Result<Self, PlantError> {
        Self::with_cache(scenario, seed, DEFAULT_CACHE_BYTES)
    }

    /// As [`Plant::new`], keeping at most so many bytes of built files.
    ///
    /// # Errors
    /// As [`Plant::new`].
    pub fn with_cache(scenario: &Scenario, seed: u64, cache: u64) -> Result<Self, PlantError> {
        let root = Seed::new(seed);
        let person = ResolvedIdentity::resolve(&scenario.identity, root)?;
        let shop = Arc::new(Workshop { cache: Arc::new(Cache::new(cache)), person });
        let mut plant = Self {
            scenario: scenario.name.clone(),
            number: seed,
            seed: root,
            decoys: Vec::new(),
            shop,
        };
        for spec in &scenario.decoys {
            let next = plant.next_id()?;
            let mut decoys = plant.decoy_from_spec(spec, next)?;
            plant.decoys.append(&mut decoys);
        }
        plant.check_places()?;
        Ok(plant)
    }

    fn next_id(&self) -> Result<DecoyId, PlantError> {
        u32::try_from(self.decoys.len())
            .ok()
            .filter(|&count| count < u32::MAX - MOST_COUNT)
            .map(DecoyId)
            .ok_or(PlantError::TooMany { most: u32::MAX - MOST_COUNT })
    }

    /// No two files at one place, and no file where a directory must be.
    fn check_places(&self) -> Result<(), PlantError> {
        let mut files = HashMap::with_capacity(self.decoys.len());
        for decoy in &self.decoys {
            if files.insert(decoy.path_str(), decoy.id()).is_some() {
                return Err(PlantError::Twice { path: decoy.path_str().to_owned() });
            }
        }
        let directories = self.directories();
        match directories.into_iter().find(|directory| files.contains_key(directory.path.as_str()))
        {
            Some(directory) => Err(PlantError::FileAndDirectory { path: directory.path }),
            None => Ok(()),
        }
    }

    /// The decoys that a specification stands for, with ids from `first` on: one, or as many as its
    /// `count` says. For a file that is dropped during a run. Their content depends on the seed and
    /// on their path, not on their id.
    ///
    /// # Errors
    /// [`PlantError`] if it cannot be planted.
    pub fn decoy_from_spec(
        &self,
        spec: &DecoySpec,
        first: DecoyId,
    ) -> Result<Vec<Arc<Decoy>>, PlantError> {
        let person = &self.shop.person;
        let path = person.fill_names(&spec.path);
        check_path(&path)?;
        if spec.count > MOST_COUNT {
            return Err(PlantError::TooMany { most: MOST_COUNT });
        }
        let files: Vec<(String, DecoySpec)> = if spec.kind == DecoyKind::SourceTree {
            let folder = self.seed.child(&path);
            tree::files(spec, folder, false)?
                .into_iter()
                .map(|(below, len)| {
                    (format!("{path}/{below}"), DecoySpec { size: Some(len), ..spec.clone() })
                })
                .collect()
        } else {
            recipe::numbered(&path, spec.count).map(|path| (path, spec.clone())).collect()
        };
        let mut decoys = Vec::with_capacity(files.len());
        let mut id = first;
        for (path, spec) in files {
            let seed = self.seed.child(&path);
            let meta = meta_of(&spec, &path, seed);
            let recipe = Arc::new(recipe::file(&spec, path, seed, person)?);
            decoys.push(Arc::new(Decoy::new(id, recipe, seed, Arc::clone(&self.shop), meta)));
            id = DecoyId(id.0.checked_add(1).ok_or(PlantError::TooMany { most: u32::MAX })?);
        }
        Ok(decoys)
    }

    /// Name of the scenario.
    pub fn scenario(&self) -> &str {
        &self.scenario
    }

    /// The seed's number.
    pub fn seed_number(&self) -> u64 {
        self.number
    }

    /// The seed.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The decoys: `decoys()[i].id() == i`.
    pub fn decoys(&self) -> &[Arc<Decoy>] {
        &self.decoys
    }

    /// The planted person and machine.
    pub fn identity(&self) -> &ResolvedIdentity {
        &self.shop.person
    }

    /// The facts by which person and machine are recognised in what left.
    pub fn facts(&self) -> Vec<Fact> {
        self.shop.person.facts()
    }

    /// Fills in `{user}`, `{home}`, `{hostname}`, `{email}`, `{full-name}`, `{machine-id}`,
    /// `{time-zone}`, `{locale}`, `{eicar-hex}`, `{eicar-md5}` and `{eicar-sha256}`; other braces
    /// stay as they are.
    pub fn fill(&self, text: &str) -> String {
        self.shop.person.fill(text)
    }

    /// The files by which the machine and its users are known, but for those that a decoy replaces.
    pub fn system_files(&self) -> Vec<SystemFile> {
        let mut files = system_files::files(&self.shop.person);
        files.retain(|file| !self.decoys.iter().any(|decoy| decoy.path_str() == file.path));
        files
    }

    /// All directories that decoys and system files need, parents before children.
    pub fn directories(&self) -> Vec<Directory> {
        let home = self.shop.person.home.as_str();
        let mut found: BTreeMap<String, ()> = BTreeMap::new();
        let fixed = [home, "/root", "/tmp"].map(|path| format!("{path}/x"));
        let system = system_files::files(&self.shop.person);
        let files = self.decoys.iter().map(|decoy| decoy.path_str());
        let files = files.chain(system.iter().map(|file| file.path));
        for path in files.chain(fixed.iter().map(String::as_str)) {
            let mut at = path;
            while let Some(slash) = at.rfind('/').filter(|&slash| slash > 0) {
                at = &at[..slash];
                if found.insert(at.to_owned(), ()).is_some() {
                    break;
                }
            }
        }
        found.into_keys().map(|path| directory(path, home)).collect()
    }

    /// The same scenario with other content everywhere: same ids, paths, lengths and person. What
    /// decoy and twin have in common is format, not content.
    pub fn twin(&self) -> Self {
        let decoys = self.decoys.iter().map(|decoy| decoy.vary(Mutation::Reseed(0))).collect();
        Self { decoys, ..self.clone() }
    }

    /// What the cache of built files holds.
    pub fn cache_use(&self) -> CacheUse {
        self.shop.cache.use_of()
    }
}

fn directory(path: String, home: &str) -> Directory {
    let of_person =
        path == home || path.strip_prefix(home).is_some_and(|rest| rest.starts_with('/'));
    let owner = if of_person { PERSON } else { 0 };
    let mode = match path.rsplit('/').next() {
        _ if path == "/tmp" => 0o1777,
        _ if path == "/root" => 0o700,
        Some(".ssh" | ".gnupg" | ".mozilla") => 0o700,
        _ => 0o755,
    };
    Directory { path, meta: DecoyMeta { mode, uid: owner, gid: owner, mtime_s: SET_UP } }
}

fn meta_of(spec: &DecoySpec, path: &str, seed: Seed) -> DecoyMeta {
    let is_shadow = matches!(path, "/etc/shadow" | "/etc/gshadow" | "/etc/shadow-");
    let mode = spec.mode.map(|mode| mode & 0o7777).unwrap_or(match spec.kind {
        DecoyKind::SshKey | DecoyKind::BrowserProfile => 0o600,
        _ if is_shadow => 0o640,
        _ => 0o644,
    });
    let (uid, gid) = match spec.owner {
        Owner::User => (PERSON, PERSON),
        Owner::Root if is_shadow => (0, SHADOW_GROUP),
        Owner::Root => (0, 0),
    };
    DecoyMeta { mode, uid, gid, mtime_s: recipe::when(seed).0 }
}

fn check_path(path: &str) -> Result<(), PlantError> {
    let bad = |why| Err(PlantError::Path { path: path.to_owned(), why });
    let Some(below) = path.strip_prefix('/') else {
        return bad("it must be absolute");
    };
    if path.len() > 4000 || below.split('/').any(|part| part.len() > 255) {
        return bad("it is longer than Linux allows");
    }
    if path.contains('\0') {
        return bad("it holds a NUL");
    }
    if below.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return bad("no component may be empty, `.` or `..`");
    }
    Ok(())
}
