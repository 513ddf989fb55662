//! Policy. Takes the configured bundles, gives a [`Policy`] that never changes.

mod entry;
mod policy;
mod reads;
#[cfg(test)]
pub(crate) mod stub;

pub use entry::{EntryRule, EntrySet};
pub use policy::{Entrypoint, Policy, Question, RuleQuestion};
pub use reads::Reads;
