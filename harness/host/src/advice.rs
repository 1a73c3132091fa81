//! What to do where an ability is missing, for each kind of host.
//!
//! Promises: each piece says whether it was tried or is taken from documentation.
//! Cannot see: what the administrator of a host has decided; some of it needs their consent.

use serde::Serialize;

use crate::{Ability, Container, Facts, System};

/// Where a piece of advice comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// It was done, and it worked (Debian 12, Linux 6.18).
    Tried,
    /// From the system's own documentation; not tried by us.
    Untested,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it does, in words.
    pub what: &'static str,
    /// Command lines, or lines of a file, as they are to be written.
    pub lines: &'static [&'static str],
    /// Where it comes from.
    pub basis: Basis,
}

const fn tried(what: &'static str, lines: &'static [&'static str]) -> Advice {
    Advice { what, lines, basis: Basis::Tried }
}

const fn untested(what: &'static str, lines: &'static [&'static str]) -> Advice {
    Advice { what, lines, basis: Basis::Untested }
}

/// What one `docker run` needs. From Docker's documentation of `--security-opt` and `--device`.
const DOCKER: Advice = untested(
    "start the container with the two devices, and without the profiles that forbid namespaces and mounts; nothing of it gives rights over the host (the recipe is in docs/hosts.md)",
    &[
        "docker run --device /dev/fuse --device /dev/net/tun --security-opt seccomp=unconfined \\",
        "  --security-opt apparmor=unconfined --security-opt systempaths=unconfined IMAGE belljar doctor",
    ],
);

/// What a pod needs. From the Kubernetes API reference (`securityContext`).
const KUBERNETES: Advice = untested(
    "give the pod user namespaces, unmasked /proc and no seccomp profile; the devices come from a device plugin (the manifest is in docs/hosts.md)",
    &[
        "spec: { hostUsers: false }",
        "securityContext: { procMount: Unmasked, seccompProfile: { type: Unconfined }, appArmorProfile: { type: Unconfined } }",
    ],
);

/// What to do where `ability` is missing or weaker here, the most fitting first.
pub fn advice(ability: Ability, facts: &Facts) -> Vec<Advice> {
    let mut out = Vec::new();
    let of_the_container =
        !matches!(ability, Ability::Users | Ability::Limits | Ability::OpenFiles | Ability::Space);
    match facts.container {
        Some(Container::Docker) if of_the_container => out.push(DOCKER),
        Some(Container::Kubernetes) if of_the_container => out.push(KUBERNETES),
        _ => {}
    }
    match ability {
        Ability::Namespaces | Ability::Tree | Ability::Isolation => namespaces(facts, &mut out),
        Ability::Users => users(facts, &mut out),
        Ability::Calls => out.push(untested(
            "use a kernel with seccomp notification (CONFIG_SECCOMP_FILTER, Linux 5.9 or later) and no seccomp profile around belljar that forbids it",
            &[],
        )),
        Ability::World => device(
            facts,
            &mut out,
            tried("load the module", &["sudo modprobe fuse"]),
            tried(
                "open the device to everybody, as udev does on most systems",
                &["sudo belljar setup    # or, until the next start: sudo chmod 0666 /dev/fuse"],
            ),
        ),
        Ability::Wire => device(
            facts,
            &mut out,
            tried("load the modules", &["sudo modprobe -a tun nf_tables nft_tproxy nft_socket"]),
            tried(
                "open the device to everybody, as udev does on most systems",
                &["sudo belljar setup    # or, until the next start: sudo chmod 0666 /dev/net/tun"],
            ),
        ),
        Ability::Limits => limits(facts, &mut out),
        Ability::OpenFiles => out.push(untested(
            "raise the hard limit of open files (pam_limits; log in again)",
            &["echo '* hard nofile 65536' | sudo tee /etc/security/limits.d/belljar.conf"],
        )),
        Ability::Space => {
            out.push(tried("write the bundle elsewhere", &["belljar run SCENARIO --out DIR"]));
        }
    }
    out
}

fn namespaces(facts: &Facts, out: &mut Vec<Advice>) {
    if facts.setting("kernel.apparmor_restrict_unprivileged_userns") == Some("1") && !facts.root {
        out.push(untested(
            "this AppArmor lets only programs with a profile make user namespaces: write one for belljar (the file that `setup` writes is Ubuntu's documented form)",
            &["sudo belljar setup"],
        ));
    }
    if facts.setting("kernel.unprivileged_userns_clone") == Some("0") && !facts.root {
        out.push(untested(
            "let users make user namespaces (Debian's own switch)",
            &[
                "echo kernel.unprivileged_userns_clone=1 | sudo tee /etc/sysctl.d/60-belljar.conf",
                "sudo sysctl --system",
            ],
        ));
    }
    if facts.setting("user.max_user_namespaces").is_none_or(|most| most == "0") {
        out.push(tried(
            "allow user namespaces",
            &[
                "echo user.max_user_namespaces=15000 | sudo tee /etc/sysctl.d/60-belljar.conf",
                "sudo sysctl --system",
            ],
        ));
    }
    if facts.container.is_none() && !facts.root {
        out.push(tried(
            "or run belljar as root, if the host is yours",
            &["sudo belljar run SCENARIO"],
        ));
    }
    if out.is_empty() {
        out.push(untested(
            "use Linux 6.6 or later (overlays in user namespaces with a tmpfs as upper layer), and look at the log of the kernel for what a security module refused",
            &["sudo dmesg | tail"],
        ));
    }
}

fn users(facts: &Facts, out: &mut Vec<Advice>) {
    let install = match facts.system {
        System::Debian => tried("install newuidmap", &["sudo apt install uidmap"]),
        System::Ubuntu => untested("install newuidmap", &["sudo apt install uidmap"]),
        System::RedHat => untested("install newuidmap", &["sudo dnf install shadow-utils"]),
        System::Other => {
            untested("install newuidmap and newgidmap (package shadow or uidmap)", &[])
        }
    };
    out.push(install);
    out.push(tried(
        "give yourself a range of users (`setup` does both files)",
        &["sudo belljar setup --user \"$USER\""],
    ));
}

fn device(facts: &Facts, out: &mut Vec<Advice>, load: Advice, open: Advice) {
    if facts.container.is_some() {
        return;
    }
    out.push(load);
    if !facts.root {
        out.push(open);
    }
}

fn limits(facts: &Facts, out: &mut Vec<Advice>) {
    if facts.root {
        out.push(untested(
            "mount control groups with the controllers memory and pids (systemd does)",
            &[],
        ));
    } else {
        out.push(untested(
            "run in a scope whose control groups are given to you",
            &["systemd-run --user --scope --property=Delegate=yes belljar run SCENARIO"],
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(
        system: System,
        container: Option<Container>,
        root: bool,
        settings: &[(&str, &str)],
    ) -> Facts {
        Facts {
            system,
            name: String::new(),
            kernel: String::new(),
            container,
            root,
            settings: settings.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        }
    }

    #[test]
    fn everything_that_can_be_missing_has_something_to_do_on_every_host() {
        for ability in Ability::ALL {
            for system in [System::Debian, System::Ubuntu, System::RedHat, System::Other] {
                for container in [None, Some(Container::Docker), Some(Container::Kubernetes)] {
                    for root in [true, false] {
                        let facts =
                            host(system, container, root, &[("user.max_user_namespaces", "9")]);
                        assert!(!advice(ability, &facts).is_empty(), "{ability:?} on {facts:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_setting_that_is_in_the_way_is_named() {
        let ubuntu = host(
            System::Ubuntu,
            None,
            false,
            &[
                ("user.max_user_namespaces", "9"),
                ("kernel.apparmor_restrict_unprivileged_userns", "1"),
            ],
        );
        let first = &advice(Ability::Namespaces, &ubuntu)[0];
        assert!(first.what.contains("AppArmor"), "{first:?}");
        assert_eq!(first.basis, Basis::Untested);
        let off = host(System::RedHat, None, true, &[("user.max_user_namespaces", "0")]);
        assert!(advice(Ability::Namespaces, &off)[0].lines[0].contains("max_user_namespaces"));
        let docker = host(System::Debian, Some(Container::Docker), true, &[]);
        assert_eq!(advice(Ability::Wire, &docker)[0], DOCKER);
    }
}
