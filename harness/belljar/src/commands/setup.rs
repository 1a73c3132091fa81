//! `belljar setup`: gives a host, once and as root, what belljar needs to run there without root.

use crate::cli::SetupArgs;
use crate::exit::Exit;
use crate::problem::Problem;
use belljar_host::Facts;
use belljar_host::setup::{self, Left, SetupError, Wishes};

/// Sets the host up, or back.
pub(crate) fn setup(args: &SetupArgs) -> Result<Exit, Problem> {
    let host = args.root == std::path::Path::new("/");
    if host && !args.dry_run && !nix::unistd::geteuid().is_root() {
        return Err(SetupError::NotRoot.into());
    }
    if args.remove { remove(args) } else { apply(args, host) }
}

fn apply(args: &SetupArgs, host: bool) -> Result<Exit, Problem> {
    let mut users = args.user.clone();
    if users.is_empty()
        && host
        && let Ok(user) = std::env::var("SUDO_USER")
        && user != "root"
    {
        users.push(user);
    }
    let executable = match &args.executable {
        Some(path) => path.clone(),
        None => std::env::current_exe().map_err(Problem::Beside)?,
    };
    let wishes = Wishes { root: args.root.clone(), executable, users };
    let deeds = setup::plan(&Facts::here(), &wishes)?;
    if deeds.is_empty() {
        eprintln!("Nothing is left to do.");
    } else if args.dry_run {
        for deed in &deeds {
            eprintln!("would {deed}");
        }
    } else {
        setup::apply(&args.root, &deeds, &mut |deed| eprintln!("{deed}"))?;
        eprintln!(
            "Done. `belljar doctor` says what works now; `belljar setup --remove` takes it back."
        );
    }
    Ok(Exit::Pass)
}

fn remove(args: &SetupArgs) -> Result<Exit, Problem> {
    if args.dry_run {
        for deed in setup::done(&args.root)?.unwrap_or_default().deeds.iter().rev() {
            eprintln!("would take back: {deed}");
        }
        return Ok(Exit::Pass);
    }
    let left = setup::remove(&args.root, &mut |deed| eprintln!("taken back: {deed}"))?;
    for Left { deed, why } in left {
        eprintln!("left as it is, for {why}: {deed}");
    }
    Ok(Exit::Pass)
}
