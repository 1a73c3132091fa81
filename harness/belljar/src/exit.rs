//! Exit codes are an API. They are kept here and nowhere else, and documented in
//! `docs/exit-codes.md`.
//!
//! When several apply, the first of 4, 2, 1, 3, 0 wins. The component's own exit code never
//! becomes belljar's.

use belljar_judge::Outcome;
use std::process::ExitCode;

/// What belljar ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The component did its work, all of it was seen, and nothing was against the policy.
    Pass,
    /// A finding against the policy.
    Fail,
    /// Usage, or a bad scenario, component or policy file.
    Usage,
    /// Not all was seen, or the component did not do its work.
    Inconclusive,
    /// belljar or the host failed; nothing is said of the component.
    Failed,
    /// Interrupted by the person who started it.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Failed => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Fail => Self::Fail,
            Outcome::Inconclusive => Self::Inconclusive,
        }
    }
}
