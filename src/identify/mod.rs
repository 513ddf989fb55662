//! Who is calling. Takes an [`Accepted`](crate::accept::Accepted) connection, gives a [`Caller`](crate::model::Caller)
//! and the connection, refuses callers that no method of the listener's `identify` recognises.
//!
//! Methods are tried in order, and the first that matches decides. `workload` matches every peer on this machine,
//! `anonymous` everybody, `scram` whoever says a name of its file: that caller must then prove it, and a wrong proof
//! is the end, whatever else is listed. A name that is in no file goes on to the next method; if none is left, it
//! goes through the same exchange as a known one and fails like it.

mod error;
mod identifier;
mod scram;
#[cfg(test)]
mod tests;
mod users;

pub use error::IdentifyError;
pub use identifier::{Identified, Identifier};
