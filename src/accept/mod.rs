//! Connections. Takes one listener's configuration, gives [`Accepted`] sessions and cancel requests,
//! refuses start-up packets that break the protocol, that come too late, that are one too many, or that come in
//! clear where TLS is configured.

mod certificates;
mod end_point;
mod error;
mod hands;
mod listener;
mod opening;
mod sources;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

pub use end_point::end_point;
pub use error::{AcceptError, Refused};
pub use hands::Hands;
pub use listener::{Connection, Listener, Slot};
pub use opening::{Accepted, Cancelling, Opening};
pub use stream::{Encrypted, Peer, Stream};
pub use tls::{Certificates, Shown};
