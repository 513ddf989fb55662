use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use super::Shown;

/// A connection to a client or an upstream.
#[derive(Debug)]
pub enum Stream {
    /// TCP, with keepalive and without Nagle's delay.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
    /// TLS over one of the others. Boxed, so that plain connections pay nothing for it.
    Tls(Box<Encrypted>),
}

/// TLS with a client.
#[derive(Debug)]
pub struct Encrypted {
    pub(super) stream: TlsStream<Stream>,
    pub(super) end_point: Option<Arc<[u8]>>,
    pub(super) shown: Option<Shown>,
}

/// Who is at the other end of a client's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An address; never the IPv4-mapped form.
    Tcp(SocketAddr),
    /// A process of this machine.
    Unix,
}

/// A TLS record of a handshake. No start-up packet begins with it: none is that long.
pub(super) const TLS_HANDSHAKE: u8 = 0x16;
/// A peer that is gone shows within two minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long a parting word may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How much of what a peer still sends is read, so that the parting word is not lost to a reset.
const FAREWELL_BYTES: u64 = 1 << 20;

/// A connection that no runtime watches yet: a session stays on one thread, which need not be the one that accepts.
#[derive(Debug)]
pub(super) enum Arrived {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Arrived {
    /// From now on the runtime that this is called on watches it.
    pub(super) fn watched(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Self::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

/// Sets the options of a TCP connection; of a listening socket, those of all that it accepts.
pub(super) fn adjust(socket: SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(3);
    socket.set_tcp_keepalive(&keepalive)
}

impl Stream {
    /// Takes a TCP connection and sets its options.
    ///
    /// # Errors
    /// The connection is gone already.
    pub fn tcp(stream: TcpStream) -> io::Result<Self> {
        adjust(SockRef::from(&stream))?;
        Ok(Self::Tcp(stream))
    }

    /// Whether nobody on the way reads or changes what passes.
    pub fn is_encrypted(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) => false,
            Self::Tls(_) => true,
        }
    }

    /// The certificates that a client has shown, of which it proved to hold the first: only such that `tls.client_ca`
    /// vouched for.
    pub fn shown(&self) -> Option<&Shown> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => None,
            Self::Tls(inner) => inner.shown.as_ref(),
        }
    }

    /// What a login is bound to so that it is worth nothing to somebody in between (`tls-server-end-point`); `None`
    /// without TLS, or where the certificate has no such thing.
    pub fn end_point(&self) -> Option<&[u8]> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => None,
            Self::Tls(inner) => inner.end_point.as_deref(),
        }
    }

    /// What ALPN agreed on.
    pub(super) fn application_protocol(&self) -> Option<&[u8]> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => None,
            Self::Tls(inner) => inner.stream.get_ref().1.alpn_protocol(),
        }
    }

    /// Whether the first byte of the connection is the first of a TLS record; it stays where it is.
    pub(super) async fn begins_with_tls(&self) -> io::Result<bool> {
        match self {
            Self::Tcp(stream) => {
                let mut first = [0];
                Ok(stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE])
            }
            // No listener of the kind speaks TLS.
            Self::Unix(_) | Self::Tls(_) => Ok(false),
        }
    }

    /// Says a last word and closes. What goes wrong with it is nobody's business any more.
    pub async fn farewell(mut self, bytes: &[u8]) {
        let parting = async {
            self.write_all(bytes).await?;
            self.shutdown().await?;
            let mut rest = (&mut self).take(FAREWELL_BYTES);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        };
        // Nothing depends on either outcome: the connection closes here.
        let _closed = tokio::time::timeout(FAREWELL, parting).await;
    }
}

impl Peer {
    /// Whether the peer is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix => true,
        }
    }

    /// The peer of a TCP connection.
    pub(super) fn tcp(address: SocketAddr) -> Self {
        Self::Tcp(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

/// `address:port`, or `unix`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(inner) => Pin::new(&mut inner.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(inner) => Pin::new(&mut inner.stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(inner) => Pin::new(&mut inner.stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(inner) => Pin::new(&mut inner.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(inner) => Pin::new(&mut inner.stream).poll_shutdown(cx),
        }
    }
}
