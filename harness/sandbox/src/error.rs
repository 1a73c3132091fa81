//! Why there is no jar, one variant a step.

use belljar_record::{Isolation, IsolationCheck};

/// Why there is no jar, or why it cannot go on. Nothing of the component has run when `prepare` or
/// `check` returns one of these.
#[derive(Debug, thiserror::Error)]
pub enum JarError {
    /// belljar could not start its own helper process.
    #[error("cannot start the supervisor: {0}")]
    Supervisor(String),
    /// The supervisor or init ended or said something that was not asked.
    #[error("the jar's {who} ended or answered out of turn: {detail}")]
    Lost {
        /// Which process.
        who: &'static str,
        /// What was heard.
        detail: String,
    },
    /// A step of making the jar failed.
    #[error("making the jar failed at `{step}`: {detail}")]
    Step {
        /// Which.
        step: String,
        /// What the kernel said.
        detail: String,
        /// What to do about it, as far as known.
        hint: &'static str,
    },
    /// User and group maps could not be written.
    #[error("cannot map users into the jar: {0}")]
    Map(String),
    /// A control group could not be made.
    #[error("cannot limit the component: {0}")]
    Limits(String),
    /// Host canaries could not be written, so that nobody could prove that they are unreadable.
    #[error("cannot write the host canary {path}: {source}")]
    Canary {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The look from inside found a way out. The component was not started.
    #[error("the jar is not isolated: {}", failed(.0))]
    NotIsolated(Isolation),
    /// The jar was not checked before something was to be started in it.
    #[error("the jar has not been checked from inside")]
    Unchecked,
    /// The program could not be executed.
    #[error("cannot run {program} inside the jar: {detail}")]
    Execute {
        /// Which.
        program: String,
        /// Why.
        detail: String,
    },
    /// The filter or its listener could not be set up.
    #[error("cannot watch system calls: {0}")]
    Watch(String),
}

fn failed(isolation: &Isolation) -> String {
    let failed: Vec<String> = isolation
        .checks
        .iter()
        .filter(|check| !check.holds)
        .map(|IsolationCheck { name, seen, .. }| format!("{name} ({seen})"))
        .collect();
    failed.join("; ")
}
