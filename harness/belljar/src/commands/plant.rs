//! `belljar plant`: the world of a scenario as a folder.

use crate::cli::PlantArgs;
use crate::exit::Exit;
use crate::files;
use crate::problem::Problem;
use crate::seed::seed_for;
use belljar_plant::Plant;
use belljar_schema::resolve_world;

/// Writes the world.
pub(crate) fn plant(args: &PlantArgs) -> Result<Exit, Problem> {
    let file = files::scenario(&args.scenario)?;
    let seed = seed_for(args.seed, file.seed());
    let plant = Plant::new(&resolve_world(&file), seed)?;
    let written = plant.write_to(&args.dir)?;
    eprintln!(
        "{} files, {} bytes, seed {seed}: {}",
        written.files,
        written.bytes,
        args.dir.display()
    );
    Ok(Exit::Pass)
}
