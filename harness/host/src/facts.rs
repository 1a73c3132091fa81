//! What kind of host this is, as far as advice depends on it. Nothing is concluded from it.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// A family of systems that advice is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Debian and what follows it.
    Debian,
    /// Ubuntu and what follows it.
    Ubuntu,
    /// Red Hat Enterprise Linux, its rebuilds, Fedora.
    RedHat,
    /// Any other.
    Other,
}

/// What this process runs in, if it is a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// Docker, Podman or one like them.
    Docker,
    /// A pod of Kubernetes.
    Kubernetes,
}

/// What kind of host this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Family.
    pub system: System,
    /// Its own name for itself (`PRETTY_NAME` of os-release(5)).
    pub name: String,
    /// Kernel release.
    pub kernel: String,
    /// The container around this process, if there is one.
    pub container: Option<Container>,
    /// Whether belljar runs as root.
    pub root: bool,
    /// Kernel settings that are known to bear on jars, with their values; those that do not exist here
    /// are left out.
    pub settings: Vec<(String, String)>,
}

/// Settings that decide whether an unprivileged user may make a jar.
const SETTINGS: [&str; 4] = [
    "user/max_user_namespaces",
    "kernel/unprivileged_userns_clone",
    "kernel/apparmor_restrict_unprivileged_userns",
    "net/ipv4/ip_unprivileged_port_start",
];

impl Facts {
    /// Looks at the host.
    pub fn here() -> Self {
        let release = fs::read_to_string("/etc/os-release")
            .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
            .unwrap_or_default();
        let exists = |path: &str| Path::new(path).exists();
        let container = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            Some(Container::Kubernetes)
        } else if exists("/.dockerenv") || exists("/run/.containerenv") {
            Some(Container::Docker)
        } else {
            None
        };
        let settings = SETTINGS
            .iter()
            .filter_map(|name| {
                let value = fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?;
                Some((name.replace('/', "."), value.trim().to_owned()))
            })
            .collect();
        Self {
            system: system(&release),
            name: field(&release, "PRETTY_NAME").unwrap_or("a system without os-release").into(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            container,
            root: nix::unistd::Uid::effective().is_root(),
            settings,
        }
    }

    /// The value of a kernel setting, by its dotted name.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

fn field<'a>(release: &'a str, name: &str) -> Option<&'a str> {
    release.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        Some(value.trim_matches(['"', '\'']))
    })
}

fn system(release: &str) -> System {
    let id = field(release, "ID").unwrap_or_default();
    let like = field(release, "ID_LIKE").unwrap_or_default();
    let is = |name: &str| id == name || like.split(' ').any(|one| one == name);
    if is("ubuntu") {
        System::Ubuntu
    } else if is("debian") {
        System::Debian
    } else if is("rhel") || is("fedora") || is("centos") {
        System::RedHat
    } else {
        System::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_by_their_own_names() {
        for (release, expected) in [
            ("ID=debian\nPRETTY_NAME=\"Debian\"", System::Debian),
            ("ID=ubuntu\nID_LIKE=debian", System::Ubuntu),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"", System::Ubuntu),
            ("ID=\"rhel\"\nID_LIKE=\"fedora\"", System::RedHat),
            ("ID='rocky'\nID_LIKE='rhel centos fedora'", System::RedHat),
            ("ID=alpine", System::Other),
            ("", System::Other),
        ] {
            assert_eq!(system(release), expected, "{release}");
        }
    }
}
