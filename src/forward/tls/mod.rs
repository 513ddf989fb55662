//! TLS towards the upstream. Takes a plain connection, gives one inside TLS and what a login can be bound to;
//! refuses servers that have no TLS, that say more than they were asked, or whose certificate does not do.

mod trust;
mod verify;

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ForwardError;
use super::login::Channel;
use crate::accept::{Hands, Stream, end_point};
use crate::config::{CertificateCheck, UpstreamTls};
use crate::wire::postgres::StartupPacket;

/// The name of PostgreSQL's protocol where one TLS port serves several.
const ALPN: &[u8] = b"postgresql";

/// TLS to one upstream.
pub(super) struct Tls {
    asked: UpstreamTls,
    host: String,
    hands: Hands,
    kept: Mutex<Option<Kept>>,
}

/// What the last good reading of the trusted certificates made.
struct Kept {
    /// The file's bytes; empty for the system's certificates.
    from: Vec<u8>,
    config: Arc<ClientConfig>,
    /// What was wrong with a later reading, so that it is said once.
    complaint: Option<String>,
}

impl Tls {
    /// TLS to a host; nothing is read yet.
    pub(super) fn new(asked: UpstreamTls, host: &str, hands: Hands) -> Self {
        // A certificate is made out to names without the root's dot.
        let host = host.strip_suffix('.').unwrap_or(host).to_owned();
        Self { asked, host, hands, kept: Mutex::new(None) }
    }

    /// Reads everything, and waits for it.
    pub(super) fn check(&self) -> Result<(), ForwardError> {
        self.name()?;
        self.read(true).map(drop)
    }

    /// Reads everything anew.
    pub(super) async fn refresh(self: &Arc<Self>) -> Result<(), ForwardError> {
        self.name()?;
        self.config(true).await.map(drop)
    }

    fn name(&self) -> Result<ServerName<'static>, ForwardError> {
        ServerName::try_from(self.host.clone()).map_err(|_| ForwardError::HostName { host: self.host.clone() })
    }

    /// The configuration for the next handshake. A file is read each time; if it does not do, what did before it goes
    /// on. The system's certificates are read again only if `anew`.
    async fn config(self: &Arc<Self>, anew: bool) -> Result<Arc<ClientConfig>, ForwardError> {
        let tls = Arc::clone(self);
        // Some hundred certificates: other sessions on this thread should not wait for them.
        let read = tokio::task::spawn_blocking(move || tls.read(anew)).await;
        read.map_err(|_| ForwardError::SystemCertificates)?
    }

    fn read(&self, anew: bool) -> Result<Arc<ClientConfig>, ForwardError> {
        let mut kept = self.kept.lock();
        match (self.attempt(kept.as_ref(), anew), kept.as_mut()) {
            (Ok(None), Some(kept)) => {
                kept.complaint = None;
                Ok(Arc::clone(&kept.config))
            }
            (Ok(Some(new)), before) => {
                if before.is_some() {
                    tracing::info!(host = %self.host, "the certificates that are trusted upstream were read again");
                }
                let config = Arc::clone(&new.config);
                *kept = Some(new);
                Ok(config)
            }
            (Err(error), Some(kept)) => {
                let complaint = error.to_string();
                if kept.complaint.as_ref() != Some(&complaint) {
                    tracing::warn!(host = %self.host, %error, "the certificates that were trusted before still are");
                    kept.complaint = Some(complaint);
                }
                Ok(Arc::clone(&kept.config))
            }
            (Err(error), None) => Err(error),
            (Ok(None), None) => Err(ForwardError::SystemCertificates),
        }
    }

    /// `None` where nothing has changed.
    fn attempt(&self, kept: Option<&Kept>, anew: bool) -> Result<Option<Kept>, ForwardError> {
        let mut trusted = match (self.asked.check, &self.asked.ca) {
            (CertificateCheck::Nothing, _) if kept.is_some() => return Ok(None),
            (CertificateCheck::Nothing, _) => trust::Trusted::nobody(),
            (CertificateCheck::Chain | CertificateCheck::Name, Some(path)) => {
                let bytes = trust::read(path)?;
                if kept.is_some_and(|kept| kept.from == bytes) {
                    return Ok(None);
                }
                trust::of_file(path, bytes)?
            }
            (CertificateCheck::Chain | CertificateCheck::Name, None) if kept.is_some() && !anew => return Ok(None),
            (CertificateCheck::Chain | CertificateCheck::Name, None) => trust::of_system()?,
        };
        let from = std::mem::take(&mut trusted.from);
        let config = configure(self.asked.check, trusted)?;
        Ok(Some(Kept { from, config, complaint: None }))
    }

    /// Asks the server for TLS, and shakes hands.
    pub(super) async fn encrypt(
        self: &Arc<Self>,
        mut stream: Stream,
        address: &str,
    ) -> Result<(TlsStream<Stream>, Channel), ForwardError> {
        let config = self.config(false).await?;
        let name =
            ServerName::try_from(self.host.clone()).map_err(|_| ForwardError::HostName { host: self.host.clone() })?;
        ask(&mut stream, address).await?;
        let shaken = self.hands.lead(TlsConnector::from(config).connect(name, stream)).await;
        let encrypted = shaken
            .unwrap_or_else(|| Err(std::io::Error::other("it ended by a defect")))
            .map_err(|error| verify::handshake_error(error, address, &self.host))?;
        let (_, session) = encrypted.get_ref();
        let end_point = session.peer_certificates().and_then(<[_]>::first).and_then(|leaf| end_point(leaf));
        let checked = match self.asked.check {
            CertificateCheck::Nothing => false,
            CertificateCheck::Chain | CertificateCheck::Name => true,
        };
        Ok((encrypted, Channel::Tls { end_point, checked }))
    }
}

fn configure(check: CertificateCheck, trusted: trust::Trusted) -> Result<Arc<ClientConfig>, ForwardError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verify::Verifier::new(check, trusted, provider.signature_verification_algorithms);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| ForwardError::SystemCertificates)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would not show its certificate again: one that has expired must be noticed.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// SSLRequest and its answer, which is one byte and nothing more: what came with it would be read as if it were
/// protected. No answer is a reason to go on without TLS.
async fn ask(stream: &mut Stream, address: &str) -> Result<(), ForwardError> {
    let gone = |_| ForwardError::Gone { address: address.to_owned() };
    stream.write_all(&StartupPacket::SSL_REQUEST).await.map_err(gone)?;
    let mut answer = [0; 2];
    let count = stream.read(&mut answer).await.map_err(gone)?;
    let problem = match answer.get(..count) {
        Some(b"S") => return Ok(()),
        None | Some([]) => return Err(ForwardError::Gone { address: address.to_owned() }),
        Some([b'S', ..]) => "it sent more than its answer before the handshake",
        Some([b'N']) => "it has TLS turned off",
        Some([b'E', ..]) => "it answered with an error, which nobody vouches for",
        Some(_) => "its answer means nothing",
    };
    Err(ForwardError::NoTls { address: address.to_owned(), problem })
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("asked", &self.asked).field("host", &self.host).finish_non_exhaustive()
    }
}
