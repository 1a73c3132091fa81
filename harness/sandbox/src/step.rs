//! A step of making the jar that failed: named, with what to do.

/// A failed step.
#[derive(Debug)]
pub(crate) struct Failed {
    pub step: String,
    pub detail: String,
    pub hint: &'static str,
}

pub(crate) trait Step<T> {
    /// Names the step and says what can be done when it fails.
    fn step(self, name: impl Into<String>, hint: &'static str) -> Result<T, Failed>;
}

impl<T, E: std::fmt::Display> Step<T> for Result<T, E> {
    fn step(self, name: impl Into<String>, hint: &'static str) -> Result<T, Failed> {
        self.map_err(|error| Failed { step: name.into(), detail: error.to_string(), hint })
    }
}
