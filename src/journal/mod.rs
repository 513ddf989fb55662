//! The write-ahead audit. Takes a decision, gives an open [`Entry`] that stands on the disk
//! (or in the file, by its class) before anything goes upstream; refuses when the disk does.
//!
//! The journal is a directory of append-only segments (`record` has the format). An INTENT is written before
//! the first byte goes upstream, an OUTCOME before the last byte goes to the client, and both together are an
//! OPA decision log event (`event`). Records of one moment share a write: whoever is about to send asks for what is
//! [marked](Mark) first. At start the tail that a crash left is put in order (`recovery`).

mod appender;
mod entry;
mod error;
mod event;
mod open;
mod payload;
mod record;
mod recovery;
mod segment;
mod sinks;
mod splice;
mod syncer;
mod tail;

pub use appender::Mark;
pub use entry::{Intent, IntentKind, Outcome};
pub use error::JournalError;
pub use event::Event;
pub use open::{Entry, Journal, JournalSettings};
pub use tail::{Gap, Tail, TailItem, TailOptions, tail};

#[cfg(test)]
mod tests;
