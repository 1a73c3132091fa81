//! What it did to the machine and to the machines next to it.

use super::{Evidence, Line, Mark};
use crate::shown::shown;
use belljar_judge::{Verdict, bytes_words, counted, grouped};

pub(crate) fn changes(verdict: &Verdict) -> Line {
    let writes = &verdict.writes;
    let world = writes.world.total();
    let outside: Vec<&str> =
        writes.system.rows.iter().filter(|row| !row.own).map(|row| row.path.as_str()).collect();
    let decoys = writes.world.rows.iter().filter(|row| row.decoy.is_some()).count() as u64;
    let mut text = Vec::new();
    text.push(match (world, decoys) {
        (0, _) => "It changed none of the planted files.".to_owned(),
        (_, 0) => format!(
            "It made or changed {} beside the planted ones.",
            counted(world, "file", "files")
        ),
        _ if world == decoys => {
            format!("It changed {}.", counted(decoys, "planted file", "planted files"))
        }
        _ => format!(
            "It changed {} and {} beside them.",
            counted(decoys, "planted file", "planted files"),
            counted(world - decoys, "file", "files")
        ),
    });
    if outside.is_empty() {
        text.push("Nothing in the system outside its own places is changed.".to_owned());
    } else {
        let first: Vec<String> = outside.iter().take(3).map(|path| shown(path)).collect();
        text.push(format!(
            "In the system, outside its own places, it changed {}: {}{}.",
            counted(outside.len() as u64, "file", "files"),
            first.join(", "),
            match outside.len().saturating_sub(3) {
                0 => String::new(),
                more => format!(" and {more} more"),
            }
        ));
    }
    let kinds = tampering(verdict);
    if !kinds.is_empty() {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.words()).collect();
        text.push(format!("With that it changed {}.", words.join(", ")));
    }
    let refused: u64 = verdict.refused.rows.iter().map(|row| row.count).sum();
    if refused > 0 {
        text.push(format!("The jar refused {}.", counted(refused, "system call", "system calls")));
    }
    Line {
        label: "Changed",
        mark: match (decoys == 0, outside.is_empty(), kinds.is_empty()) {
            (true, true, _) => Mark::Good,
            (true, false, true) => Mark::Plain,
            _ => Mark::Doubt,
        },
        text: text.join(" "),
        evidence: vec![Evidence::here("writes"), Evidence::here("refused")],
    }
}

/// What of the system is changed by a change to a file, where the file is known for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tampering {
    Trust,
    Names,
    Preload,
    Jobs,
    Start,
    Accounts,
    Firewall,
    Shells,
    Kernel,
}

/// Beginnings of paths, and what lies there.
const PLACES: [(&str, Tampering); 34] = [
    ("/etc/ssl/certs", Tampering::Trust),
    ("/usr/local/share/ca-certificates", Tampering::Trust),
    ("/usr/share/ca-certificates", Tampering::Trust),
    ("/etc/ca-certificates", Tampering::Trust),
    ("/etc/pki", Tampering::Trust),
    ("/etc/resolv.conf", Tampering::Names),
    ("/etc/hosts", Tampering::Names),
    ("/etc/nsswitch.conf", Tampering::Names),
    ("/etc/ld.so.preload", Tampering::Preload),
    ("/etc/ld.so.conf", Tampering::Preload),
    ("/etc/cron", Tampering::Jobs),
    ("/etc/anacrontab", Tampering::Jobs),
    ("/var/spool/cron", Tampering::Jobs),
    ("/etc/systemd", Tampering::Start),
    ("/usr/lib/systemd", Tampering::Start),
    ("/lib/systemd", Tampering::Start),
    ("/etc/init.d", Tampering::Start),
    ("/etc/rc", Tampering::Start),
    ("/etc/xdg/autostart", Tampering::Start),
    ("/etc/passwd", Tampering::Accounts),
    ("/etc/shadow", Tampering::Accounts),
    ("/etc/group", Tampering::Accounts),
    ("/etc/gshadow", Tampering::Accounts),
    ("/etc/sudoers", Tampering::Accounts),
    ("/etc/pam.d", Tampering::Accounts),
    ("/root/.ssh", Tampering::Accounts),
    ("/etc/nftables", Tampering::Firewall),
    ("/etc/iptables", Tampering::Firewall),
    ("/etc/ufw", Tampering::Firewall),
    ("/etc/profile", Tampering::Shells),
    ("/etc/bash.bashrc", Tampering::Shells),
    ("/etc/environment", Tampering::Shells),
    ("/etc/sysctl", Tampering::Kernel),
    ("/etc/modprobe.d", Tampering::Kernel),
];

impl Tampering {
    /// What a changed file means; `None` for a file that is not known for anything.
    pub(crate) fn of(path: &str) -> Option<Self> {
        PLACES.iter().find(|(place, _)| path.starts_with(place)).map(|&(_, what)| what)
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Trust => "whom the machine trusts (root certificates)",
            Self::Names => "how it finds other machines (names, resolver)",
            Self::Preload => "what is loaded into every program",
            Self::Jobs => "scheduled jobs",
            Self::Start => "what starts with it",
            Self::Accounts => "accounts and rights",
            Self::Firewall => "the firewall",
            Self::Shells => "what every shell does first",
            Self::Kernel => "settings of the kernel",
        }
    }
}

/// What of the system was changed outside the component's own places, each kind once.
pub(crate) fn tampering(verdict: &Verdict) -> Vec<Tampering> {
    let system = verdict.writes.system.rows.iter().filter(|row| !row.own).map(|row| &row.path);
    let world = verdict.writes.world.rows.iter().map(|row| &row.path);
    let mut kinds: Vec<Tampering> =
        system.chain(world).filter_map(|path| Tampering::of(path)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// What it did in its own network, if anything.
pub(crate) fn nearby(verdict: &Verdict) -> Option<Line> {
    let near = &verdict.egress.neighbours;
    if near.hosts == 0 {
        return None;
    }
    let mut text = format!(
        "In its own network it tried {} of {} and sent {} there.",
        counted(near.doors, "door", "doors"),
        counted(near.hosts, "machine", "machines"),
        bytes_words(near.bytes_out)
    );
    if near.scanned {
        text.push_str(" So many doors are a scan.");
    }
    if near.logins.total() > 0 {
        let first: Vec<String> =
            near.logins.rows.iter().take(2).map(|login| shown(login)).collect();
        text.push_str(&format!(
            " It tried to log in {}: {}{}.",
            match near.logins.total() {
                1 => "once".to_owned(),
                times => format!("{} times", grouped(times)),
            },
            first.join("; "),
            if near.logins.total() > 2 { "; …" } else { "" }
        ));
    }
    let quiet = !near.scanned && near.logins.total() == 0;
    Some(Line {
        label: "Nearby",
        mark: if quiet { Mark::Plain } else { Mark::Doubt },
        text,
        evidence: vec![Evidence::here("neighbours")],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_says_what_it_means() {
        assert_eq!(Tampering::of("/etc/cron.d/job"), Some(Tampering::Jobs));
        assert_eq!(Tampering::of("/etc/ld.so.preload"), Some(Tampering::Preload));
        assert_eq!(Tampering::of("/etc/motd"), None);
    }
}
