use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

use super::cancel::CancelTarget;
use super::link::Link;
use super::login::{Channel, Credential};
use super::tls::Tls;
use super::{ForwardError, credential, login, resolve, scram};
use crate::accept::{Hands, Stream};
use crate::config::{self, Address};
use crate::model::Secret;
use crate::wire::postgres::{BackendFramer, Startup, TransactionStatus};

/// The way to one listener's upstream.
#[derive(Debug)]
pub struct Connector {
    pub(super) upstream: config::Upstream,
    tls: Option<Arc<Tls>>,
    password: Option<credential::Keeper>,
    keys: scram::Memory,
    /// The role that sessions begin as, where it is another than the one that logs in.
    pub(super) assumed: Option<String>,
    /// When second attempts were made within the running second.
    again: Mutex<(Option<Instant>, u32)>,
}

/// A connection to the upstream, logged in and ready for the first statement.
#[derive(Debug)]
pub struct Upstream {
    /// The connection.
    pub stream: Link,
    /// Cuts what comes from it; it may hold bytes already.
    pub framer: BackendFramer,
    /// The settings that the server reported, each name once with its last value.
    pub parameters: Vec<(String, String)>,
    /// What the first ReadyForQuery said.
    pub status: TransactionStatus,
    /// What a cancel request needs; `None` if the server cannot cancel.
    pub cancel: Option<CancelTarget>,
}

/// Where the server really was: a cancel request must go to the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// How long the delivery of a cancel request may take.
const CANCEL: Duration = Duration::from_secs(5);
/// Logins a second that are tried again with a password that has just changed.
const MAX_AGAIN: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);
/// invalid_password.
const WRONG_PASSWORD: &str = "28P01";

impl Connector {
    /// The way to an upstream. Nothing is read yet.
    pub fn new(upstream: config::Upstream) -> Self {
        let tls = tls(&upstream, Hands::default());
        let password = upstream.password.clone().map(credential::Keeper::new);
        Self { upstream, tls, password, keys: scram::Memory::default(), assumed: None, again: Mutex::new((None, 0)) }
    }

    /// The same for sessions that begin as this role: it is the one that databases are described to.
    #[must_use]
    pub fn assuming(self, role: Option<String>) -> Self {
        Self { assumed: role, ..self }
    }

    /// The same, with its handshakes led by these.
    #[must_use]
    pub fn shaking(self, hands: Hands) -> Self {
        Self { tls: tls(&self.upstream, hands), ..self }
    }

    /// Whether it is known whom to trust.
    ///
    /// # Errors
    /// That cannot be read, or no certificate can name the host.
    pub fn check(&self) -> Result<(), ForwardError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.check())
    }

    /// Reads whom to trust, the system's own certificates as well.
    ///
    /// # Errors
    /// What was never read cannot be read, or no certificate can name the host. Later, what was read before goes on.
    pub async fn refresh(&self) -> Result<(), ForwardError> {
        match &self.tls {
            Some(tls) => tls.refresh().await,
            None => Ok(()),
        }
    }

    /// Connects and logs in with the held credential, within `upstream.connect` altogether. The credential and whom to
    /// trust are looked at each time. `parameters` are sent as they are: the caller has chosen them. Where a name comes
    /// twice the last value holds.
    ///
    /// # Errors
    /// The server cannot be reached, cannot be trusted, refuses, is too slow, breaks the protocol, or wants the
    /// credential in another way than is configured.
    pub async fn connect(&self, database: &str, parameters: &[(String, String)]) -> Result<Upstream, ForwardError> {
        let limit = self.upstream.connect;
        let slow = || ForwardError::TooSlow { address: self.upstream.address.to_string(), limit };
        timeout(limit, self.open(database, parameters)).await.unwrap_or_else(|_| Err(slow()))
    }

    async fn open(&self, database: &str, parameters: &[(String, String)]) -> Result<Upstream, ForwardError> {
        let started = Instant::now();
        let mut startup = Startup::default();
        startup.parameters.extend(parameters.iter().cloned());
        startup.parameters.insert("user".to_owned(), self.upstream.user.clone());
        startup.parameters.insert("database".to_owned(), database.to_owned());
        let packet = startup.encode().map_err(|source| ForwardError::Startup { source })?;
        let password = self.password().await?;
        let opened = self.attempt(&packet, password.as_ref(), started).await;
        let Err(ForwardError::Refused { sqlstate, .. }) = &opened else { return opened };
        // Between the reading of the file and the login both may have changed. The same password again could only
        // lock the account.
        if sqlstate != WRONG_PASSWORD || password.is_none() {
            return opened;
        }
        let changed = self.password().await?;
        let same = match (&changed, &password) {
            (Some(changed), Some(password)) => changed.expose() == password.expose(),
            (None, _) | (_, None) => false,
        };
        if same || !self.may_try_again() {
            return opened;
        }
        tracing::info!(upstream = %self.upstream.address, "the password has changed meanwhile: logging in again");
        self.attempt(&packet, changed.as_ref(), started).await
    }

    async fn password(&self) -> Result<Option<Arc<Secret<String>>>, ForwardError> {
        match &self.password {
            Some(keeper) => keeper.secret().await.map(Some),
            None => Ok(None),
        }
    }

    async fn attempt(
        &self,
        packet: &[u8],
        password: Option<&Arc<Secret<String>>>,
        started: Instant,
    ) -> Result<Upstream, ForwardError> {
        let left = self.upstream.connect.saturating_sub(started.elapsed());
        let (stream, endpoint) = reach(&self.upstream.address, left).await?;
        let address = self.upstream.address.to_string();
        let (mut stream, channel) = match &self.tls {
            Some(tls) => {
                let (stream, channel) = tls.encrypt(stream, &address).await?;
                (Link::Tls(Box::new(stream)), channel)
            }
            None => (Link::Plain(stream), Channel::Plain),
        };
        let mut framer = BackendFramer::new();
        let (user, memory, md5) = (&self.upstream.user, &self.keys, self.upstream.allow_md5);
        let credential = Credential { user, password, memory, md5 };
        let login = login::log_in(&mut stream, &mut framer, &address, packet, &credential, channel).await?;
        // What was read into for the login goes with it: a session may be idle for long.
        framer.put(&[]);
        let cancel = login.key.map(|key| CancelTarget { endpoint, tls: self.tls.clone(), key, heard: Arc::default() });
        Ok(Upstream { stream, framer, parameters: login.parameters, status: login.status, cancel })
    }

    fn may_try_again(&self) -> bool {
        let mut again = self.again.lock();
        let now = Instant::now();
        if again.0.is_none_or(|began| now.saturating_duration_since(began) >= SECOND) {
            *again = (Some(now), 0);
        }
        again.1 = again.1.saturating_add(1);
        again.1 <= MAX_AGAIN
    }
}

/// Delivers a cancel request. As in PostgreSQL nobody learns whether there was something to cancel.
///
/// # Errors
/// The server cannot be reached within 5 seconds, or cannot be trusted any more.
pub async fn cancel(target: &CancelTarget) -> Result<(), ForwardError> {
    let address = target.endpoint.to_string();
    let packet = target.key.cancel_request().encode().map_err(|source| ForwardError::Startup { source })?;
    let failed = |source| ForwardError::Connect { address: address.clone(), source };
    let deliver = async {
        let stream = dial(&target.endpoint).await.map_err(failed)?;
        let mut stream = match &target.tls {
            Some(tls) => Link::Tls(Box::new(tls.encrypt(stream, &address).await?.0)),
            None => Link::Plain(stream),
        };
        stream.write_all(&packet).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        // The server closes once it has sent its signal: a statement that follows is not hit by it. How it closes is
        // its own affair.
        let _closed = stream.read(&mut [0]).await;
        Ok(())
    };
    let slow = || ForwardError::TooSlow { address: address.clone(), limit: CANCEL };
    timeout(CANCEL, deliver).await.unwrap_or_else(|_| Err(slow()))
}

fn tls(upstream: &config::Upstream, hands: Hands) -> Option<Arc<Tls>> {
    let host = match &upstream.address {
        Address::Tcp { host, .. } => host,
        // No certificate has this name: a socket where TLS is asked for is refused.
        Address::Unix(_) => "",
    };
    upstream.tls.as_ref().map(|tls| Arc::new(Tls::new(tls.clone(), host, hands)))
}

/// Tries the addresses of a host in turn; each gets its share of what is left of the time.
async fn reach(address: &Address, limit: Duration) -> Result<(Stream, Endpoint), ForwardError> {
    let started = Instant::now();
    let endpoints = match address {
        Address::Unix(path) => vec![Endpoint::Unix(path.clone())],
        Address::Tcp { host, port } => resolve::resolve(host, *port).await?.into_iter().map(Endpoint::Tcp).collect(),
    };
    let mut left = endpoints.len();
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "there is no address to try");
    for endpoint in endpoints {
        let share = limit.saturating_sub(started.elapsed()) / u32::try_from(left.max(1)).unwrap_or(u32::MAX);
        left = left.saturating_sub(1);
        // The last one may take all that is left, which whoever called sees to.
        let dialled = if left == 0 { Ok(dial(&endpoint).await) } else { timeout(share, dial(&endpoint)).await };
        match dialled {
            Ok(Ok(stream)) => return Ok((stream, endpoint)),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no answer"),
        }
    }
    Err(ForwardError::Connect { address: address.to_string(), source: last })
}

async fn dial(endpoint: &Endpoint) -> io::Result<Stream> {
    match endpoint {
        Endpoint::Tcp(address) => Stream::tcp(TcpStream::connect(address).await?),
        Endpoint::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
