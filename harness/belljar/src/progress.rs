//! Progress while a run goes on: on a terminal only, and always on standard error.

use belljar_run::{Phase, RunEvent};
use belljar_schema::Action;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// One line that says what is going on.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Shows nothing where standard error is no terminal.
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar }
    }

    /// Takes one event of the run.
    pub(crate) fn take(&self, event: &RunEvent) {
        match event {
            RunEvent::Phase(phase) => self.bar.set_message(match phase {
                Phase::Planting => "planting decoys",
                Phase::Starting => "making the jar",
                Phase::Mounted => "looking at the jar from inside",
                Phase::Running => "starting the component",
                Phase::Concluding => "tracing what left",
            }),
            RunEvent::StepBegan { id, of, step } => {
                let doing = match &step.action {
                    Action::Run { command } | Action::Start { command, .. } => {
                        command.argv.join(" ")
                    }
                    Action::Stop { daemon } => format!("stopping {daemon}"),
                    Action::Drop { decoy } => format!("dropping {}", decoy.path),
                    Action::Change { path, .. } => format!("changing {path}"),
                    Action::Idle { .. } => "waiting".into(),
                };
                self.bar.set_message(format!("step {} of {of}: {}: {doing}", id.0 + 1, step.name));
            }
            RunEvent::Planted { .. }
            | RunEvent::Checked(_)
            | RunEvent::StepEnded(_)
            | RunEvent::Written { .. } => {}
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
