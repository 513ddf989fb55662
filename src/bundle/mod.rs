//! Policy. Takes the configured bundles, gives a [`Policy`] that never changes, by way of a [`Store`]
//! that replaces it when the files do. Refuses a bundle with every problem at once; what served
//! before then goes on serving.

mod contents;
mod engine;
mod entry;
mod error;
mod files;
pub mod gate;
mod inspect;
mod json;
mod keeper;
mod library;
mod literals;
mod policy;
mod reads;
mod rego;
mod source;
mod status;
mod store;
#[cfg(test)]
pub(crate) mod stub;
mod tarball;

pub use entry::{EntryRule, EntrySet};
pub use error::BundleError;
pub use inspect::{inspect, load};
pub use literals::{Literal, Written, literals};
pub use policy::{Entrypoint, Policy, Question, RuleQuestion};
pub use reads::Reads;
pub use status::{BundleStatus, Problem, Report};
pub use store::{Settings, Store};
