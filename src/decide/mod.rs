//! The only evaluation. Takes a policy snapshot and a document, gives a [`Decision`];
//! every odd result is a denial with its cause.

mod decision;

pub use decision::{Decision, Verdict};
