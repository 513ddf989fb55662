//! The only code that talks upstream. Takes an upstream's configuration, gives a logged-in connection and
//! the keys that cancel on it, refuses servers that ask for the credential in another way than SCRAM-SHA-256
//! or that break the protocol.

mod cancel;
mod connect;
mod credential;
mod error;
mod login;
mod resolve;
mod sender;
#[cfg(test)]
mod tests;

pub use cancel::{CancelKeys, CancelTarget, KeyGuard};
pub use connect::{Upstream, cancel, connect};
pub use error::ForwardError;
pub use sender::{Free, Sender};
