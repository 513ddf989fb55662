use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::sources::{Sources, Starting};
use super::stream::{Arrived, adjust};
use super::{AcceptError, Certificates, Hands, Peer};
use crate::config::{self, Address};

/// Who waits to be accepted at most.
const BACKLOG: i32 = 1024;
/// How many connections above the limit are told so at a time; further ones are closed without a word.
const REFUSALS: usize = 64;
/// Pauses when the system has no descriptor left. The loop must neither spin nor end.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The owner and the group may connect: who that is, the deployment says by the directory and the group.
const SOCKET_MODE: u32 = 0o660;

/// An open listening socket. Dropping it closes the socket, and removes the file of a unix socket.
#[derive(Debug)]
pub struct Listener {
    socket: ListeningSocket,
    address: Address,
    config: Arc<config::Listener>,
    certificates: Option<Arc<Certificates>>,
    hands: Hands,
    slots: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    sources: Arc<Sources>,
}

#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Unix { listener: UnixListener, _file: SocketFile },
}

/// Counts one connection against `limits.connections` until it is dropped.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
    starting: Option<Starting>,
}

impl Slot {
    /// Start-up is over: the connection no longer counts against those that its source may begin.
    pub fn settle(&mut self) {
        self.starting = None;
    }
}

/// A connection of which nothing has been read yet.
#[derive(Debug)]
pub struct Connection {
    pub(super) stream: Arrived,
    pub(super) peer: Peer,
    pub(super) slot: Slot,
    /// Why there will be no session, if that is certain.
    pub(super) excess: Option<AcceptError>,
    pub(super) deadline: Instant,
    pub(super) config: Arc<config::Listener>,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) hands: Hands,
}

impl Listener {
    /// Opens the socket. A unix socket gets mode 0660; one that nobody answers on is replaced.
    ///
    /// # Errors
    /// The address is taken or not this machine's; the path is no socket; the certificate cannot serve.
    pub async fn bind(config: Arc<config::Listener>) -> Result<Self, AcceptError> {
        let certificates = match &config.tls {
            Some(paths) => Some(Arc::new(Certificates::load(config.name.clone(), paths.clone()).await?)),
            None => None,
        };
        let failed =
            |source| AcceptError::Bind { listener: config.name.clone(), address: config.address.to_string(), source };
        let (socket, address) = match &config.address {
            Address::Tcp { host, port } => {
                let listener = bind_tcp(host, *port).map_err(failed)?;
                let bound = listener.local_addr().map_err(failed)?;
                let address = Address::Tcp { host: bound.ip().to_string(), port: bound.port() };
                (ListeningSocket::Tcp(listener), address)
            }
            Address::Unix(path) => {
                clear_stale(path, &config).await?;
                let (listener, file) = bind_unix(path).map_err(failed)?;
                (ListeningSocket::Unix { listener, _file: file }, config.address.clone())
            }
        };
        let slots = Arc::new(Semaphore::new(config.limits.connections.min(Semaphore::MAX_PERMITS)));
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        let sources = Arc::new(Sources::new(config.limits.connections));
        let hands = Hands::default();
        Ok(Self { socket, address, config, certificates, hands, slots, refusals, sources })
    }

    /// The same, with its handshakes led by these.
    #[must_use]
    pub fn shaking(self, hands: Hands) -> Self {
        Self { hands, ..self }
    }

    /// Where it listens: the real port where the configured one is 0.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The configuration it was opened with.
    pub fn config(&self) -> &Arc<config::Listener> {
        &self.config
    }

    /// What it serves TLS with, if it does; somebody has to [`Certificates::keep`] it.
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// The next connection. It waits for nothing that a client does, so one task may call it in a loop and give each
    /// connection to a task of its own. It may be dropped while it waits.
    pub async fn accept(&self) -> Connection {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    if let Some(connection) = self.admit(stream, peer) {
                        return connection;
                    }
                }
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(listener = %self.config.name, %error, "cannot accept, trying again");
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Counts a connection; `None` closes it.
    fn admit(&self, stream: Arrived, peer: Peer) -> Option<Connection> {
        let starting = self.sources.admit(&peer);
        let place = starting.as_ref().and_then(|_| Arc::clone(&self.slots).try_acquire_owned().ok());
        let (permit, excess) = match (place, &starting) {
            (Some(permit), _) => (permit, None),
            (None, held) => {
                let excess = match held {
                    Some(_) => AcceptError::TooManyConnections { limit: self.config.limits.connections },
                    None => AcceptError::TooManyStarting { limit: self.sources.limit() },
                };
                (Arc::clone(&self.refusals).try_acquire_owned().ok()?, Some(excess))
            }
        };
        let now = Instant::now();
        let deadline = now.checked_add(self.config.limits.startup).unwrap_or(now);
        let slot = Slot { _permit: permit, starting };
        let (config, certificates, hands) = (Arc::clone(&self.config), self.certificates.clone(), self.hands.clone());
        Some(Connection { stream, peer, slot, excess, deadline, config, certificates, hands })
    }
}

impl ListeningSocket {
    /// Whoever leads the session has the connection watched: here it would be in vain.
    async fn accept(&self) -> io::Result<(Arrived, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Arrived::Tcp(stream.into_std()?), Peer::tcp(address)))
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Arrived::Unix(stream.into_std()?), Peer::Unix))
            }
        }
    }
}

/// Errors that belong to one connection, not to the listener.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotConnected
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Interrupted
    )
}

fn bind_tcp(host: &str, port: u16) -> io::Result<TcpListener> {
    let ip: IpAddr = if host == "localhost" {
        IpAddr::from([127, 0, 0, 1])
    } else {
        host.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the host is not an IP address"))?
    };
    let address = SocketAddr::new(ip, port);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    adjust(SockRef::from(&socket))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// The file of a unix socket, removed with the listener unless another process has replaced it.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket file");
        }
    }
}

fn bind_unix(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = std::fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), identity: (file.dev(), file.ino()) };
    // Nobody can connect before `listen`, so nobody connects before the mode is right.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    socket.listen(BACKLOG)?;
    Ok((UnixListener::from_std(socket.into())?, file))
}

/// Removes a socket file that a dead process left; never one that somebody answers on, never another file.
async fn clear_stale(path: &Path, config: &config::Listener) -> Result<(), AcceptError> {
    let (listener, address) = (config.name.clone(), config.address.to_string());
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(AcceptError::Bind { listener, address, source }),
        Ok(file) if !file.file_type().is_socket() => return Err(AcceptError::NotASocket { listener, address }),
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(AcceptError::InUse { listener, address }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| AcceptError::Bind { listener, address, source })
        }
        Err(source) => Err(AcceptError::Bind { listener, address, source }),
    }
}
