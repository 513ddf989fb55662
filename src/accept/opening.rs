use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::stream::TLS_HANDSHAKE;
use super::tls::Way;
use super::{AcceptError, Connection, Peer, Refused, Shown, Slot, Stream};
use crate::wire::postgres::{CancelRequest, Startup, StartupPacket};

/// What a connection turned out to be.
#[derive(Debug)]
pub enum Opening {
    /// A client that wants a session.
    Session(Accepted),
    /// A client that wants another session's statement cancelled.
    Cancel(Cancelling),
    /// A client that understood nothing that it could be told. Its connection is closed.
    Lost(AcceptError),
}

/// A request to cancel. As in PostgreSQL the connection is closed without an answer, once the request is delivered:
/// whoever waits for that may send the next statement without having it hit.
#[derive(Debug)]
pub struct Cancelling {
    /// Whose statement.
    pub request: CancelRequest,
    stream: Stream,
    _slot: Slot,
}

impl Cancelling {
    /// Closes the connection.
    pub async fn close(self) {
        self.stream.farewell(&[]).await;
    }
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

impl Accepted {
    /// Whether the client speaks TLS.
    pub fn encrypted(&self) -> bool {
        self.stream.is_encrypted()
    }

    /// What the client has shown of itself, verified against `tls.client_ca`; `None` if nothing.
    pub fn shown(&self) -> Option<&Shown> {
        self.stream.shown()
    }
}

/// The answer to SSLRequest and GSSENCRequest where there is no such encryption.
const NO_ENCRYPTION: &[u8] = b"N";
/// How much is read at a time.
const READ: usize = 1024;

impl Connection {
    /// Reads the client's start-up packet, agreeing on encryption on the way, until the deadline of `limits.startup`.
    /// A connection above `limits.connections` may still cancel a statement, else it is refused here.
    ///
    /// # Errors
    /// The client breaks the protocol, asks for a session in clear where there is TLS, is too slow, is one too many,
    /// or goes away.
    pub async fn open(self) -> Result<Opening, Refused<AcceptError>> {
        let Self { stream, peer, slot, excess, deadline, config, certificates, hands } = self;
        let mut stream = match stream.watched() {
            Ok(stream) => stream,
            Err(source) => return Ok(Opening::Lost(AcceptError::Connection { source })),
        };
        let too_slow = || AcceptError::TooSlow { limit: config.limits.startup };
        let mut buffer = BytesMut::new();
        let offer = if certificates.is_some() { Encryption::Offered } else { Encryption::Absent };
        let mut first = timeout_at(deadline, negotiate(&mut stream, &mut buffer, offer)).await;
        if let (Ok(Ok(First::Encrypt(way))), Some(certificates)) = (&first, &certificates) {
            // Boxed, so that plain connections pay nothing for it.
            let shaken = Box::pin(timeout_at(deadline, certificates.shake_hands(stream, *way, &hands))).await;
            stream = match shaken {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Ok(Opening::Lost(error)),
                Err(_) => return Ok(Opening::Lost(too_slow())),
            };
            first = timeout_at(deadline, negotiate(&mut stream, &mut buffer, Encryption::On)).await;
        }
        let error = match first.unwrap_or_else(|_| Err(too_slow())) {
            Ok(First::Cancel(request)) => return Ok(Opening::Cancel(Cancelling { request, stream, _slot: slot })),
            Ok(First::Startup(startup)) => match excess {
                Some(excess) => excess,
                None => {
                    return Ok(Opening::Session(Accepted { stream, peer, startup, slot, deadline, buffered: buffer }));
                }
            },
            // Only what is offered is agreed on, and only once.
            Ok(First::Encrypt(_)) => AcceptError::Repeated,
            Err(error) => error,
        };
        if error.is_mute() {
            stream.farewell(&[]).await;
            return Ok(Opening::Lost(error));
        }
        Err(Refused { error, stream, slot })
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// Where a connection stands with encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    /// There is none.
    Absent,
    /// Whoever wants a session must take it.
    Offered,
    /// There is nothing left to agree on.
    On,
}

enum First {
    Startup(Startup),
    Cancel(CancelRequest),
    Encrypt(Way),
}

async fn negotiate(stream: &mut Stream, buffer: &mut BytesMut, encryption: Encryption) -> Result<First, AcceptError> {
    let lost = |source| AcceptError::Connection { source };
    if encryption == Encryption::Offered && stream.begins_with_tls().await.map_err(lost)? {
        return Ok(First::Encrypt(Way::Direct));
    }
    let (mut ssl_asked, mut gss_asked) = (false, false);
    loop {
        let (asked, agreed) = match StartupPacket::take(buffer) {
            Ok(Some(StartupPacket::Startup(_))) if encryption == Encryption::Offered => return Err(AcceptError::Plain),
            Ok(Some(StartupPacket::Startup(startup))) => return Ok(First::Startup(startup)),
            // In clear, too: that is how libpq before version 17 sends it, whatever its session speaks.
            Ok(Some(StartupPacket::Cancel(request))) => return Ok(First::Cancel(request)),
            Ok(Some(StartupPacket::Ssl | StartupPacket::GssEncryption)) if encryption == Encryption::On => {
                return Err(AcceptError::Repeated);
            }
            Ok(Some(StartupPacket::Ssl)) if encryption == Encryption::Offered => (&mut ssl_asked, true),
            Ok(Some(StartupPacket::Ssl)) => (&mut ssl_asked, false),
            Ok(Some(StartupPacket::GssEncryption)) => (&mut gss_asked, false),
            Ok(None) => {
                buffer.reserve(READ);
                match stream.read_buf(buffer).await {
                    Ok(0) => return Err(AcceptError::Gone),
                    Ok(_) => continue,
                    Err(source) => return Err(lost(source)),
                }
            }
            Err(_) if encryption == Encryption::Absent && buffer.first() == Some(&TLS_HANDSHAKE) => {
                return Err(AcceptError::NoTls);
            }
            Err(error) => return Err(error.into()),
        };
        if std::mem::replace(asked, true) {
            return Err(AcceptError::Repeated);
        }
        // PostgreSQL refuses these, too: a client waits for the answer, somebody in between does not.
        if !buffer.is_empty() {
            return Err(AcceptError::EarlyBytes);
        }
        if agreed {
            return Ok(First::Encrypt(Way::Asked));
        }
        stream.write_all(NO_ENCRYPTION).await.map_err(lost)?;
        stream.flush().await.map_err(lost)?;
    }
}
