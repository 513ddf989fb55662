//! The only evaluation. Takes a policy snapshot and a document, gives a [`Decision`];
//! every odd result is a denial with its cause.

mod accounts;
mod answer;
mod cache;
mod convert;
mod decider;
mod decision;
mod error;
mod evaluate;
mod explain;
mod judge;
mod memo;
mod name;
mod pool;
mod questions;
mod said;
#[cfg(test)]
mod tests;

pub use answer::{Masker, Masks, RowLimit};
pub use decider::{Decider, Settings, Stay};
pub use decision::{Decision, Verdict};
pub use error::DecideError;
pub use explain::{Explanation, RuleReport};
pub use memo::Memo;
pub use name::{RelationName, column as column_name, relation as relation_name};
