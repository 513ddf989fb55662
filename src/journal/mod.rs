//! The write-ahead audit. Takes a decision, gives an open [`Entry`] that stands on the disk
//! (or in the file, by its class) before anything goes upstream; refuses when the disk does.

mod entry;

pub use entry::{Intent, IntentKind, Outcome};
