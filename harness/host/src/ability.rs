//! What a host can be asked for, as a closed list.

use serde::Serialize;

use crate::Advice;

/// Something that belljar needs of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// User namespaces, and in them mount, pid, network, ipc, uts and cgroup namespaces.
    Namespaces,
    /// More than one user inside the jar.
    Users,
    /// The tree of a jar: overlays on a tmpfs, a `/proc` of its own, `pivot_root`.
    Tree,
    /// System calls are told of and refused by belljar (seccomp notification).
    Calls,
    /// The look from inside holds: nothing but the two doors leads out.
    Isolation,
    /// The door in: a file tree served over FUSE.
    World,
    /// The door out: TUN devices, policy routes and TPROXY.
    Wire,
    /// Memory and processes are limited by control groups.
    Limits,
    /// Descriptors enough for many connections at a time.
    OpenFiles,
    /// Space for captures and payloads.
    Space,
}

impl Ability {
    /// All, in the order in which they are tried.
    pub const ALL: [Self; 10] = [
        Self::Namespaces,
        Self::Users,
        Self::Tree,
        Self::Calls,
        Self::Isolation,
        Self::World,
        Self::Wire,
        Self::Limits,
        Self::OpenFiles,
        Self::Space,
    ];

    /// What it is called, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Users => "users in the jar",
            Self::Tree => "the jar's tree",
            Self::Calls => "watching calls",
            Self::Isolation => "isolation",
            Self::World => "the world (FUSE)",
            Self::Wire => "the wire (TUN)",
            Self::Limits => "limits",
            Self::OpenFiles => "open files",
            Self::Space => "space",
        }
    }

    /// What is lost where the host does not have it.
    pub fn loses(self) -> &'static str {
        match self {
            Self::Namespaces | Self::Tree | Self::Isolation => {
                "no native component can be run (WebAssembly components can)"
            }
            Self::Users => {
                "setgroups, setuid and chown fail inside: daemons that change their user do not work; the verdict's row `uid-range` says so and bars no pass"
            }
            Self::Calls => {
                "no native component can be run: nobody could say who read and who sent, and calls that pass by the doors could not be refused"
            }
            Self::World => "no native component can be run: what it reads could not be seen",
            Self::Wire => {
                "packets come over a pair of Ethernet devices: what comes faster than it is read is dropped before it is seen (counted, and not passed on); where that cannot be made either, no native component can be run"
            }
            Self::Limits => {
                "a watcher looks every 100 ms instead: a limit can be passed for that long, and System V shared memory that nobody has mapped does not count"
            }
            Self::OpenFiles => "fewer connections are served at a time; others wait",
            Self::Space => "a run that sends much ends with a partial bundle",
        }
    }
}

/// What came of trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was done and worked.
    Works,
    /// belljar runs without it, and less is seen or kept: see [`Ability::loses`].
    Weaker,
    /// It was done and did not work; belljar runs nothing native here.
    Missing,
    /// It could not be tried, because something before it is missing.
    Untried,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Which ability.
    pub ability: Ability,
    /// What came of it.
    pub state: State,
    /// What was done, in words.
    pub tried: String,
    /// What was seen, in words; the kernel's own error where there is one.
    pub seen: String,
    /// What is lost by it; empty where it works.
    pub loses: String,
    /// What to do, the most fitting first; empty where it works.
    pub advice: Vec<Advice>,
}
