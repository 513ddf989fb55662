use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::{AcceptError, Connection, Peer, Refused, Slot, Stream};
use crate::wire::postgres::{CancelRequest, Startup, StartupPacket};

/// What a connection turned out to be.
#[derive(Debug)]
pub enum Opening {
    /// A client that wants a session.
    Session(Accepted),
    /// A client that wants another session's statement cancelled. It is closed without an answer, as in PostgreSQL.
    Cancel(CancelRequest),
}

/// A client that has said what it wants, and nobody knows yet who it is.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: Stream,
    /// Who is at its other end.
    pub peer: Peer,
    /// What the client asked for.
    pub startup: Startup,
    /// Counts the connection until it is closed.
    pub slot: Slot,
    /// When authentication must have ended.
    pub deadline: Instant,
    /// Bytes that came behind the start-up packet.
    pub buffered: BytesMut,
}

/// A refusal of encryption: `N`, alone.
const NO_ENCRYPTION: &[u8] = b"N";
/// How much is read at a time.
const READ: usize = 1024;

impl Accepted {
    /// The client's certificate (DER), where it has shown one and it was verified.
    pub fn certificate(&self) -> Option<&[u8]> {
        None
    }

    /// Whether nobody in between can read what is said.
    pub fn encrypted(&self) -> bool {
        false
    }
}

impl Connection {
    /// Reads the client's start-up packet, refusing encryption on the way, until the deadline of `limits.startup`.
    /// A connection above `limits.connections` may still cancel a statement, else it is refused here.
    ///
    /// # Errors
    /// The client breaks the protocol, is too slow, is one too many, or goes away.
    pub async fn open(mut self) -> Result<Opening, Refused<AcceptError>> {
        let mut buffer = BytesMut::new();
        let limit = self.config.limits.startup;
        let read = timeout_at(self.deadline, negotiate(&mut self.stream, &mut buffer))
            .await
            .unwrap_or(Err(AcceptError::TooSlow { limit }));
        let Self { stream, peer, slot, within_limit, deadline, config } = self;
        match read {
            Ok(First::Cancel(request)) => Ok(Opening::Cancel(request)),
            Ok(First::Startup(_)) if !within_limit => {
                let limit = config.limits.connections;
                Err(Refused { error: AcceptError::TooManyConnections { limit }, stream, slot })
            }
            Ok(First::Startup(startup)) => {
                Ok(Opening::Session(Accepted { stream, peer, startup, slot, deadline, buffered: buffer }))
            }
            Err(error) => Err(Refused { error, stream, slot }),
        }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

enum First {
    Startup(Startup),
    Cancel(CancelRequest),
}

async fn negotiate(stream: &mut Stream, buffer: &mut BytesMut) -> Result<First, AcceptError> {
    let (mut ssl_refused, mut gss_refused) = (false, false);
    loop {
        let refused = match StartupPacket::take(buffer)? {
            Some(StartupPacket::Startup(startup)) => return Ok(First::Startup(startup)),
            Some(StartupPacket::Cancel(request)) => return Ok(First::Cancel(request)),
            Some(StartupPacket::Ssl) => &mut ssl_refused,
            Some(StartupPacket::GssEncryption) => &mut gss_refused,
            None => {
                buffer.reserve(READ);
                match stream.read_buf(buffer).await {
                    Ok(0) => return Err(AcceptError::Gone),
                    Ok(_) => continue,
                    Err(source) => return Err(AcceptError::Connection { source }),
                }
            }
        };
        if std::mem::replace(refused, true) {
            return Err(AcceptError::Repeated);
        }
        // PostgreSQL refuses these, too: a client waits for the answer, somebody in between does not.
        if !buffer.is_empty() {
            return Err(AcceptError::EarlyBytes);
        }
        stream.write_all(NO_ENCRYPTION).await.map_err(|source| AcceptError::Connection { source })?;
    }
}
