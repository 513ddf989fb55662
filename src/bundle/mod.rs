//! Takes policy bundles, gives the rules that serve, refuses a bundle whose meaning differs from OPA's.

mod entry;
mod reads;
mod rego;

pub use entry::{EntryRule, EntrySet};
pub use reads::Reads;
