//! TLS towards clients: one handshake, and the certificates that it goes by.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::io::AsyncWriteExt as _;
use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use super::certificates::{ALPN, Files, Served};
use super::stream::{Encrypted, Stream};
use super::{AcceptError, Hands};
use crate::config::ListenerTls;
use crate::model::ListenerName;
use crate::telemetry::Metrics;

/// The certificates of one listener, in the newest version that can serve.
#[derive(Debug)]
pub struct Certificates {
    listener: ListenerName,
    paths: ListenerTls,
    served: ArcSwap<Served>,
    watch: Mutex<Watch>,
    /// Counts what was taken over.
    taken: tokio::sync::watch::Sender<u64>,
}

/// The certificates by which a client has shown who it is, and who would have to vouch for them.
#[derive(Clone, Debug)]
pub struct Shown {
    chain: Arc<[CertificateDer<'static>]>,
    certificates: Arc<Certificates>,
}

impl Shown {
    pub(super) fn new(chain: &[CertificateDer<'_>], certificates: &Arc<Certificates>) -> Self {
        let chain = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        Self { chain, certificates: Arc::clone(certificates) }
    }

    /// The client's own certificate, in DER.
    pub fn leaf(&self) -> Option<&[u8]> {
        self.chain.first().map(AsRef::as_ref)
    }

    /// Whether those who may vouch for clients now would still do so.
    pub fn holds(&self) -> bool {
        let served = self.certificates.served.load();
        match (&served.authorities, self.chain.split_first()) {
            (Some(authorities), Some((leaf, rest))) => {
                authorities.verify_client_cert(leaf, rest, UnixTime::now()).is_ok()
            }
            (None, _) | (_, None) => false,
        }
    }
}

/// How the client asked for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By SSLRequest.
    Asked,
    /// With the first byte of the connection. Then ALPN must say which protocol is meant: nobody asked before.
    Direct,
}

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// An end that is this near is worth a warning.
const NEAR: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Certificates {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// A file that cannot be read or used, or a certificate that is not valid now.
    pub(super) async fn load(listener: ListenerName, paths: ListenerTls) -> Result<Self, AcceptError> {
        let files = paths.clone();
        let read = move || Files::read(&files).and_then(|files| Ok((files.digest(), files.build(Timestamp::now())?)));
        let (active, served) = spawn_blocking(read).await.map_err(|source| AcceptError::Reader { source })??;
        let watch = Watch { active, before: None, told: false, failed: false, warned: None };
        let taken = tokio::sync::watch::Sender::new(0);
        Ok(Self { listener, paths, served: ArcSwap::from_pointee(served), watch: Mutex::new(watch), taken })
    }

    /// Changes whenever other certificates or authorities are taken over.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.taken.subscribe()
    }

    /// Whether these files could serve now.
    ///
    /// # Errors
    /// A file that cannot be read or used, or a certificate that is not valid now.
    pub fn check(paths: &ListenerTls) -> Result<(), AcceptError> {
        Files::read(paths)?.build(Timestamp::now()).map(drop)
    }

    /// Takes over what changes in the files, for ever. What cannot serve is told once, and what served before goes on.
    pub async fn keep(self: Arc<Self>, metrics: Metrics) -> Infallible {
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        metrics.certificate_expires(&self.listener, self.served.load().until.as_second());
        loop {
            tick.tick().await;
            let (this, counted) = (Arc::clone(&self), metrics.clone());
            if let Err(error) = spawn_blocking(move || this.look(&counted)).await {
                tracing::error!(listener = %self.listener, %error, "a look at the certificates ended by a defect");
            }
        }
    }

    fn look(&self, metrics: &Metrics) {
        let mut watch = self.watch.lock();
        match watch.see(Files::read(&self.paths)) {
            Seen::Nothing => {}
            Seen::Same => tracing::info!(listener = %self.listener, "the certificate that serves is back in its file"),
            Seen::Changed(files) => match files.build(Timestamp::now()) {
                Ok(served) => {
                    tracing::info!(listener = %self.listener, until = %served.until, "serves a new certificate");
                    metrics.certificate_expires(&self.listener, served.until.as_second());
                    self.served.store(Arc::new(served));
                    self.taken.send_modify(|count| *count = count.wrapping_add(1));
                    watch.active = files.digest();
                    watch.failed = false;
                }
                Err(error) => self.refuse(&mut watch, metrics, &error),
            },
            Seen::Failed(error) => self.refuse(&mut watch, metrics, &error),
        }
        self.warn(&mut watch, Timestamp::now());
    }

    fn refuse(&self, watch: &mut Watch, metrics: &Metrics, error: &AcceptError) {
        tracing::warn!(listener = %self.listener, %error, "the new certificate cannot serve, the one before it does");
        metrics.certificate_refused(&self.listener);
        (watch.told, watch.failed) = (true, true);
    }

    /// Once for an end that is near, and once for one that has been.
    fn warn(&self, watch: &mut Watch, now: Timestamp) {
        let until = self.served.load().until;
        let left = until.duration_since(now);
        let warning = (left < NEAR).then(|| (until, left.is_negative()));
        if warning == watch.warned {
            return;
        }
        watch.warned = warning;
        match warning {
            Some((until, true)) => tracing::warn!(listener = %self.listener, %until, "the certificate has expired"),
            Some((until, false)) => tracing::warn!(listener = %self.listener, %until, "the certificate expires soon"),
            None => {}
        }
    }

    /// Leads one handshake to its end, from the answer to SSLRequest on. After an error the connection is closed: a client
    /// that fails to make itself understood inside TLS understands nothing outside of it.
    pub(super) async fn shake_hands(
        self: &Arc<Self>,
        stream: Stream,
        way: Way,
        hands: &Hands,
    ) -> Result<Stream, AcceptError> {
        let served = self.served.load_full();
        let acceptor = TlsAcceptor::from(Arc::clone(&served.config));
        let shaken = hands.lead(async move {
            // Not before its turn: whoever waits for the answer cannot leave a handshake and come for another one.
            let begun = match way {
                Way::Asked => agreed(stream).await,
                Way::Direct => Ok(stream),
            };
            match begun {
                Ok(stream) => Ok(acceptor.accept(stream).into_fallible().await),
                Err(error) => Err(error),
            }
        });
        let stream = match shaken.await.ok_or(AcceptError::Defect)?? {
            Ok(stream) => {
                let chain = stream.get_ref().1.peer_certificates();
                let shown = chain.map(|chain| Shown::new(chain, self));
                Stream::Tls(Box::new(Encrypted { stream, end_point: served.end_point.clone(), shown }))
            }
            Err((source, stream)) => {
                // The alert is on its way; what the client still sends must not reset it.
                stream.farewell(&[]).await;
                return Err(AcceptError::Handshake { source });
            }
        };
        match (way, stream.application_protocol()) {
            (Way::Asked, _) | (Way::Direct, Some(ALPN)) => Ok(stream),
            (Way::Direct, _) => {
                // A client of another protocol must not take an answer for one of its own.
                stream.farewell(&[]).await;
                Err(AcceptError::NoApplicationProtocol)
            }
        }
    }
}

/// The answer to SSLRequest.
const ENCRYPTION: &[u8] = b"S";

/// The stream whose client has been told that TLS begins.
async fn agreed(mut stream: Stream) -> Result<Stream, AcceptError> {
    let lost = |source| AcceptError::Connection { source };
    stream.write_all(ENCRYPTION).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    Ok(stream)
}

/// What the looks at the files have shown so far.
#[derive(Debug)]
struct Watch {
    /// What serves was made of this.
    active: blake3::Hash,
    /// What the last look saw, if it was something else.
    before: Option<Result<blake3::Hash, String>>,
    /// Whether the operator was told that it cannot serve.
    told: bool,
    /// Whether the last that the operator was told is that something cannot serve.
    failed: bool,
    /// The end of which the operator was told, and whether it had been.
    warned: Option<(Timestamp, bool)>,
}

enum Seen<'a> {
    Nothing,
    /// What serves, after something that could not.
    Same,
    /// Something else, twice in a row: nobody is writing it any more.
    Changed(Files<'a>),
    /// The files cannot be read, twice in a row.
    Failed(AcceptError),
}

impl Watch {
    fn see<'a>(&mut self, read: Result<Files<'a>, AcceptError>) -> Seen<'a> {
        let seen = match &read {
            Ok(files) => Ok(files.digest()),
            Err(error) => Err(error.to_string()),
        };
        if seen == Ok(self.active) {
            self.before = None;
            return if std::mem::take(&mut self.failed) { Seen::Same } else { Seen::Nothing };
        }
        if self.before.as_ref() != Some(&seen) {
            self.before = Some(seen);
            self.told = false;
            return Seen::Nothing;
        }
        match read {
            _ if self.told => Seen::Nothing,
            Ok(files) => Seen::Changed(files),
            Err(error) => Seen::Failed(error),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
