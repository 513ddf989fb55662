//! The only code that talks upstream. Takes an upstream's configuration, gives a logged-in connection and
//! the keys that cancel on it, refuses servers that are not who they should be, that ask for the credential in
//! another way than is configured, or that break the protocol.

mod cancel;
mod connect;
mod credential;
mod error;
mod estimate;
mod inside;
mod link;
mod login;
mod question;
mod resolve;
mod scram;
mod sender;
mod survey;
#[cfg(test)]
mod tests;
mod tls;

pub use cancel::{CancelKeys, CancelTarget, KeyGuard};
pub use connect::{Connector, Upstream, cancel};
pub use error::ForwardError;
pub use estimate::{Told, WhatIf};
pub use inside::Described;
pub use link::Link;
pub use question::{NamesAnswer, Question};
pub use sender::{Free, Sender, Unsent, recorded};
