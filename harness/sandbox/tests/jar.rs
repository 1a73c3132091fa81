//! Claims about the jar, each proved in a process of its own (a sandbox cannot be undone). Needs user
//! namespaces and overlayfs; as root also idmapped mounts.

#[path = "jar/claims.rs"]
mod claims;
#[path = "jar/hostile.rs"]
mod hostile;
#[path = "jar/setup.rs"]
mod setup;

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(belljar_sandbox::SUPERVISOR_ARGUMENT) => belljar_sandbox::supervisor_main(),
        Some("--one") => {
            let name = arguments.get(1).map_or("", String::as_str);
            if claims::helper(name) {
                return ExitCode::SUCCESS;
            }
            for (claim, prove) in claims::ALL {
                if *claim == name {
                    prove();
                }
            }
            return ExitCode::SUCCESS;
        }
        Some("--list") => return ExitCode::SUCCESS,
        _ => {}
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut failed = 0;
    for (claim, _) in claims::ALL {
        if wanted.is_some_and(|wanted| !claim.contains(wanted.as_str())) {
            continue;
        }
        let own = std::env::current_exe().expect("a test binary has a path");
        let done = Command::new(own).args(["--one", claim]).output().expect("it can be run");
        let well = done.status.success();
        println!("test {claim} ... {}", if well { "ok" } else { "FAILED" });
        if !well {
            failed += 1;
            println!("{}", String::from_utf8_lossy(&done.stdout));
            println!("{}", String::from_utf8_lossy(&done.stderr));
        }
    }
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
