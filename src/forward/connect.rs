use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, timeout};

use super::cancel::CancelTarget;
use super::{ForwardError, credential, login, resolve};
use crate::accept::Stream;
use crate::config::{self, Address};
use crate::wire::postgres::{BackendFramer, Startup, TransactionStatus};

/// A connection to the upstream, logged in and ready for the first statement.
#[derive(Debug)]
pub struct Upstream {
    /// The connection.
    pub stream: Stream,
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

/// Connects and logs in with the held credential, within `upstream.connect` altogether.
/// `parameters` are sent as they are: the caller has chosen them. Where a name comes twice the last value holds.
///
/// # Errors
/// The server cannot be reached, refuses, is too slow, breaks the protocol, or wants the credential in another way
/// than by SCRAM-SHA-256.
pub async fn connect(
    upstream: &config::Upstream,
    database: &str,
    parameters: &[(String, String)],
) -> Result<Upstream, ForwardError> {
    let limit = upstream.connect;
    let slow = || ForwardError::TooSlow { address: upstream.address.to_string(), limit };
    timeout(limit, open(upstream, database, parameters)).await.unwrap_or_else(|_| Err(slow()))
}

/// Delivers a cancel request. As in PostgreSQL nobody learns whether there was something to cancel.
///
/// # Errors
/// The server cannot be reached within 5 seconds.
pub async fn cancel(target: &CancelTarget) -> Result<(), ForwardError> {
    let address = target.endpoint.to_string();
    let packet = target.key.cancel_request().encode().map_err(|source| ForwardError::Startup { source })?;
    let deliver = async {
        let mut stream = dial(&target.endpoint).await?;
        stream.write_all(&packet).await?;
        // The server closes once it has sent its signal: a statement that follows is not hit by it.
        stream.read(&mut [0]).await
    };
    match timeout(CANCEL, deliver).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(source)) => Err(ForwardError::Connect { address, source }),
        Err(_) => Err(ForwardError::TooSlow { address, limit: CANCEL }),
    }
}

async fn open(
    upstream: &config::Upstream,
    database: &str,
    parameters: &[(String, String)],
) -> Result<Upstream, ForwardError> {
    let mut startup = Startup::default();
    startup.parameters.extend(parameters.iter().cloned());
    startup.parameters.insert("user".to_owned(), upstream.user.clone());
    startup.parameters.insert("database".to_owned(), database.to_owned());
    let packet = startup.encode().map_err(|source| ForwardError::Startup { source })?;
    let password = match &upstream.password {
        Some(source) => Some(credential::read(source).await?),
        None => None,
    };
    let (mut stream, endpoint) = reach(&upstream.address, upstream.connect).await?;
    let address = upstream.address.to_string();
    let mut framer = BackendFramer::new();
    let login = login::log_in(&mut stream, &mut framer, &address, &packet, password.as_ref()).await?;
    let cancel = login.key.map(|key| CancelTarget { endpoint, key });
    Ok(Upstream { stream, framer, parameters: login.parameters, status: login.status, cancel })
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
        match timeout(share, dial(&endpoint)).await {
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
