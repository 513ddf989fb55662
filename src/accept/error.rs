use std::io;

use super::{Slot, Stream};
use crate::model::{Fault, FaultKind, ListenerName};
use crate::wire::postgres::WireError;

/// Why a listener does not listen, or a connection did not become a session.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The address cannot be listened on.
    #[error("listener `{listener}` cannot listen on `{address}`: {source}")]
    Bind {
        /// The listener's name.
        listener: ListenerName,
        /// Its address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody already answers on the unix socket.
    #[error("listener `{listener}` cannot listen on `{address}`: another process answers there, stop it first")]
    InUse {
        /// The listener's name.
        listener: ListenerName,
        /// Its address.
        address: String,
    },
    /// Something that is not a socket lies where the unix socket should be.
    #[error("listener `{listener}` cannot listen on `{address}`: it is not a socket, remove it or choose another path")]
    NotASocket {
        /// The listener's name.
        listener: ListenerName,
        /// Its address.
        address: String,
    },
    /// `limits.connections` are open already.
    #[error("all `{limit}` connections of the listener are taken")]
    TooManyConnections {
        /// `limits.connections`.
        limit: usize,
    },
    /// Start-up did not end within `limits.startup`.
    #[error("start-up took longer than `{}`", humantime::format_duration(*.limit))]
    TooSlow {
        /// `limits.startup`.
        limit: std::time::Duration,
    },
    /// The client went away during start-up.
    #[error("the client went away during start-up")]
    Gone,
    /// The connection failed during start-up.
    #[error("the connection failed during start-up: {source}")]
    Connection {
        /// What the system said.
        source: io::Error,
    },
    /// SSLRequest or GSSENCRequest a second time.
    #[error("encryption was asked for again after it was refused")]
    Repeated,
    /// Bytes behind an SSLRequest or GSSENCRequest: somebody in between could have put them there.
    #[error("bytes came before the answer to a request for encryption")]
    EarlyBytes,
    /// A start-up packet that breaks the protocol.
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl Fault for AcceptError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Bind { .. } | Self::InUse { .. } | Self::NotASocket { .. } => FaultKind::Internal,
            Self::TooManyConnections { .. } => FaultKind::TooManyConnections,
            Self::TooSlow { .. } => FaultKind::StartupTimeout,
            Self::Gone | Self::Connection { .. } | Self::Repeated | Self::EarlyBytes => FaultKind::Protocol,
            Self::Wire(error) => error.kind(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Bind { .. } | Self::InUse { .. } | Self::NotASocket { .. } => "internal error".to_owned(),
            Self::TooManyConnections { .. } => "too many connections to sidegate".to_owned(),
            Self::TooSlow { .. } => "start-up took too long".to_owned(),
            Self::Gone | Self::Connection { .. } => "the connection was lost during start-up".to_owned(),
            Self::Repeated | Self::EarlyBytes => format!("protocol violation: {self}"),
            Self::Wire(error) => error.public(),
        }
    }
}

/// A connection that goes no further, with what is needed to say so.
#[derive(Debug)]
pub struct Refused<E> {
    /// Why.
    pub error: E,
    /// The connection, for the answer: [`Stream::farewell`].
    pub stream: Stream,
    /// Counts the connection until it is closed.
    pub slot: Slot,
}
