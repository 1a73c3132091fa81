//! The planted world of the benchmark, as far as cases need to know it.

/// The scenario that plants the world of the benchmark, as a file.
pub const SCENARIO: &str = include_str!("../leaks.toml");

/// The component, by its path inside the jar.
pub const COURIER: &str = "/opt/reference/bin/belljar-courier";

/// A decoy that cases name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// Its path.
    pub path: &'static str,
    /// Its length, as the scenario says.
    pub len: u64,
}

const fn planted(path: &'static str, len: u64) -> Planted {
    Planted { path, len }
}

/// The decoys that cases read.
pub const WORLD: &[Planted] = &[
    planted("/home/robin/Documents/report.docx", 48 << 10),
    planted("/home/robin/Documents/accounts.pdf", 96 << 10),
    planted("/home/robin/Documents/minutes.txt", 16 << 10),
    planted("/home/robin/Documents/letters/letter-1.txt", 3 << 10),
    planted("/home/robin/Documents/letters/letter-2.txt", 3 << 10),
    planted("/home/robin/Documents/letters/letter-3.txt", 3 << 10),
    planted("/home/robin/Documents/letters/letter-4.txt", 3 << 10),
    planted("/home/robin/Pictures/garden.raw", 64 << 10),
    planted("/home/robin/Pictures/bench.raw", 8 << 10),
    planted("/home/robin/Mail/inbox/1.eml", 12 << 10),
    planted("/home/robin/Mail/inbox/2.eml", 12 << 10),
    planted("/home/robin/Mail/inbox/3.eml", 12 << 10),
    planted("/home/robin/Projects/work.zip", 64 << 10),
];

/// The archive with a sample in it.
pub(crate) const ARCHIVE: &str = "/home/robin/Projects/work.zip";
/// The sample by itself.
pub(crate) const SAMPLE: &str = "/home/robin/Downloads/invoice.com";
