use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

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
    /// A file of `tls` cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of `tls` does not hold what it should.
    #[error("`{}` cannot be used: {problem}", .path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The certificate is of another key.
    #[error("the key in `{}` is not that of the certificate in `{}`", .key.display(), .certificate.display())]
    KeyMismatch {
        /// `tls.certificate`.
        certificate: PathBuf,
        /// `tls.key`.
        key: PathBuf,
    },
    /// A certificate whose time is over.
    #[error("the certificate in `{}` expired on {date}: put a valid one there", .path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When it ended.
        date: Timestamp,
    },
    /// A certificate whose time has not come.
    #[error("the certificate in `{}` is valid only from {date}: put a valid one there or set the clock", .path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// When it begins.
        date: Timestamp,
    },
    /// Files that are fine one by one and still cannot serve.
    #[error("the certificate in `{}` cannot serve: {problem}", .path.display())]
    Tls {
        /// `tls.certificate`.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The thread that reads the files of `tls` died.
    #[error("reading the files of `tls` ended by a defect: {source}")]
    Reader {
        /// How it ended.
        source: tokio::task::JoinError,
    },
    /// The client wants a session in clear where TLS is configured.
    #[error("the client asked for a session without TLS, which this listener does not give")]
    Plain,
    /// The client wants TLS at once where none is configured.
    #[error("the client began with TLS, which this listener does not speak")]
    NoTls,
    /// The client began with TLS and did not say for which protocol.
    #[error("the client began with TLS without the application protocol `postgresql`")]
    NoApplicationProtocol,
    /// The handshake failed.
    #[error("the TLS handshake failed: {source}")]
    Handshake {
        /// Why.
        source: io::Error,
    },
    /// The handshake ended by a defect.
    #[error("the TLS handshake ended by a defect")]
    Defect,
    /// `limits.connections` are open already.
    #[error("all `{limit}` connections of the listener are taken")]
    TooManyConnections {
        /// `limits.connections`.
        limit: usize,
    },
    /// Half of `limits.connections` are in start-up already, all from where this one comes from.
    #[error("`{limit}` connections from the same address are in start-up already")]
    TooManyStarting {
        /// The most that one source may have.
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
    #[error("encryption was asked for again")]
    Repeated,
    /// Bytes behind an SSLRequest or GSSENCRequest: somebody in between could have put them there.
    #[error("bytes came before the answer to a request for encryption")]
    EarlyBytes,
    /// A start-up packet that breaks the protocol.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// What keeps a listener from listening, and defects: an operator's matter, never a client's.
macro_rules! setup {
    () => {
        Self::Bind { .. }
            | Self::InUse { .. }
            | Self::NotASocket { .. }
            | Self::ReadFile { .. }
            | Self::TlsFile { .. }
            | Self::KeyMismatch { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Tls { .. }
            | Self::Reader { .. }
            | Self::Defect
    };
}

impl AcceptError {
    /// Whether nobody is left who would understand a parting word: it could only be taken for something else.
    pub(super) fn is_mute(&self) -> bool {
        match self {
            Self::NoTls | Self::NoApplicationProtocol | Self::Handshake { .. } => true,
            setup!()
            | Self::Plain
            | Self::TooManyConnections { .. }
            | Self::TooManyStarting { .. }
            | Self::TooSlow { .. }
            | Self::Gone
            | Self::Connection { .. }
            | Self::Repeated
            | Self::EarlyBytes
            | Self::Wire(_) => false,
        }
    }
}

impl Fault for AcceptError {
    fn kind(&self) -> FaultKind {
        match self {
            setup!() => FaultKind::Internal,
            Self::Plain => FaultKind::Unauthenticated,
            Self::TooManyConnections { .. } | Self::TooManyStarting { .. } => FaultKind::TooManyConnections,
            Self::TooSlow { .. } => FaultKind::StartupTimeout,
            Self::Gone
            | Self::Connection { .. }
            | Self::Repeated
            | Self::EarlyBytes
            | Self::NoTls
            | Self::NoApplicationProtocol
            | Self::Handshake { .. } => FaultKind::Protocol,
            Self::Wire(error) => error.kind(),
        }
    }

    fn public(&self) -> String {
        match self {
            setup!() => "internal error".to_owned(),
            Self::Plain => "sidegate takes TLS connections only here: connect with sslmode=require or more".to_owned(),
            Self::TooManyConnections { .. } => "too many connections to sidegate".to_owned(),
            Self::TooManyStarting { .. } => "too many connections of this address are in start-up".to_owned(),
            Self::TooSlow { .. } => "start-up took too long".to_owned(),
            Self::Gone | Self::Connection { .. } => "the connection was lost during start-up".to_owned(),
            Self::Repeated | Self::EarlyBytes | Self::NoTls | Self::NoApplicationProtocol | Self::Handshake { .. } => {
                format!("protocol violation: {self}")
            }
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
