//! Source trees: which files a folder of program source has, and how long each is.

use crate::error::PlantError;
use crate::recipe::{MOST_COUNT, usual};
use crate::seed::{Draw as _, Seed};
use crate::words;
use belljar_schema::{DecoyKind, DecoySpec};

/// The files of a source tree: names below the folder, and lengths that add up to the declared one.
pub(crate) fn files(
    spec: &DecoySpec,
    seed: Seed,
    least_each: bool,
) -> Result<Vec<(String, u64)>, PlantError> {
    /// Least length of a file of a tree.
    const LEAST: u64 = 64;
    let count = u64::from(spec.count.clamp(1, MOST_COUNT));
    let names = names(seed, count);
    let mut lens = Vec::with_capacity(names.len());
    let Some(size) = spec.size else {
        for name in &names {
            let (least, most) = usual(DecoyKind::SourceTree);
            let most = if least_each { least } else { most };
            lens.push(seed.child(name).stream("size").between(least, most));
        }
        return Ok(names.into_iter().zip(lens).collect());
    };
    let spare = size.checked_sub(count * LEAST).ok_or_else(|| PlantError::TooSmall {
        path: spec.path.clone(),
        kind: spec.kind,
        size,
        least: count * LEAST,
    })?;
    let weights: Vec<u64> =
        names.iter().map(|name| seed.child(name).stream("weight").between(20, 100)).collect();
    let whole: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    let mut given = 0;
    for weight in &weights {
        let share = (u128::from(spare) * u128::from(*weight) / whole.max(1)) as u64;
        given += share;
        lens.push(LEAST + share);
    }
    if let Some(last) = lens.last_mut() {
        *last += spare - given;
    }
    Ok(names.into_iter().zip(lens).collect())
}

fn names(seed: Seed, count: u64) -> Vec<String> {
    let mut known = std::collections::HashSet::new();
    (0..count)
        .map(|number| {
            // By number, not by what came before: a larger tree has the same first files.
            let mut stream = seed.child("names").block(number);
            let ending = stream.one_of(&["rs", "c", "h", "py"]);
            let folder = match stream.below(4) {
                0 => String::new(),
                1 => "src/".to_owned(),
                2 => format!("src/{}/", words::noun(&mut stream)),
                _ => format!("tests/{}/", words::noun(&mut stream)),
            };
            let (verb, noun) = (words::action(&mut stream), words::noun(&mut stream));
            let mut name = format!("{folder}{verb}_{noun}.{ending}");
            if !known.insert(name.clone()) {
                name = format!("{folder}{verb}_{noun}_{number}.{ending}");
                known.insert(name.clone());
            }
            name
        })
        .collect()
}
