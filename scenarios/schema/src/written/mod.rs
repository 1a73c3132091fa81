//! Scenario and component files as people write them: every key that may stand in them, with
//! defaults left out. They become a [`crate::RunPlan`] by [`crate::resolve`].

mod command;
mod component;
mod scenario;

pub use command::{CommandRef, WrittenCommand, WrittenReady};
pub use component::{
    HostFile, WrittenCommands, WrittenComponent, WrittenDeclared, WrittenEngine, WrittenPlaced,
    WrittenProfile, WrittenProvision,
};
pub use scenario::{
    WrittenChange, WrittenDecoy, WrittenIdentity, WrittenLimits, WrittenPolicy, WrittenPolicyItem,
    WrittenScenario, WrittenStep, WrittenVendorRule,
};

/// Whether a value is what stands for a key that was left out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
