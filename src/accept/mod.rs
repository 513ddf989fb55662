//! Connections. Takes one listener's configuration, gives [`Accepted`] sessions and cancel requests,
//! refuses start-up packets that break the protocol, that come too late, or that are one too many.

mod error;
mod listener;
mod opening;
mod stream;
#[cfg(test)]
pub(crate) mod tests;

pub use error::{AcceptError, Refused};
pub use listener::{Connection, Listener, Slot};
pub use opening::{Accepted, Opening};
pub use stream::{Peer, Stream};
