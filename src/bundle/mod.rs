//! Policy. Takes the configured bundles, gives a [`Policy`] that never changes, by way of a [`Store`]
//! that replaces it when the files do. Refuses a bundle with every problem at once; what served
//! before then goes on serving.

mod entry;
mod policy;
mod reads;
mod rego;

pub use entry::{EntryRule, EntrySet};
pub use policy::{Entrypoint, Policy, Question, RuleQuestion};
pub use reads::Reads;
