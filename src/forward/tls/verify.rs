//! Whether a server's certificate does.

use std::io;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::trust::Trusted;
use crate::config::CertificateCheck;
use crate::forward::ForwardError;

/// Checks as much as is configured. That the server holds the certificate's key is checked always.
#[derive(Debug)]
pub(super) struct Verifier {
    check: CertificateCheck,
    trusted: Trusted,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(check: CertificateCheck, trusted: Trusted, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { check, trusted, algorithms }
    }

    fn chain(
        &self,
        parsed: &ParsedCertificate<'_>,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        // Nobody has to sign what is trusted itself, but its time counts all the same.
        if self.trusted.themselves.iter().any(|trusted| trusted == certificate) {
            return valid_at(certificate, now).map_err(rustls::Error::from);
        }
        let (roots, algorithms) = (&self.trusted.roots, self.algorithms.all);
        let signed = verify_server_cert_signed_by_trust_anchor(parsed, roots, intermediates, now, algorithms);
        // A signer's own certificate that is not trusted itself: said as what it is.
        if signed.is_err() && is_signer(certificate) { Err(CertificateError::UnknownIssuer.into()) } else { signed }
    }
}

fn is_signer(certificate: &[u8]) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

fn valid_at(certificate: &[u8], now: UnixTime) -> Result<(), CertificateError> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = parsed.validity();
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet);
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired);
    }
    Ok(())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.check {
            CertificateCheck::Nothing => {}
            CertificateCheck::Chain => {
                self.chain(&ParsedCertificate::try_from(certificate)?, certificate, intermediates, now)?;
            }
            CertificateCheck::Name => {
                let parsed = ParsedCertificate::try_from(certificate)?;
                self.chain(&parsed, certificate, intermediates, now)?;
                verify_server_name(&parsed, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Why a handshake came to nothing, in our words: what the server sent is not repeated.
pub(super) fn handshake_error(error: io::Error, address: &str, host: &str) -> ForwardError {
    let address = address.to_owned();
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return ForwardError::Gone { address };
    };
    if let rustls::Error::InvalidCertificate(problem) = inner {
        return ForwardError::Certificate { address, host: host.to_owned(), problem: in_words(problem) };
    }
    ForwardError::Handshake { address, problem: handshake_in_words(inner) }
}

fn in_words(problem: &CertificateError) -> &'static str {
    use CertificateError as Error;
    if matches!(problem, Error::Expired | Error::ExpiredContext { .. }) {
        "it has expired"
    } else if matches!(problem, Error::NotValidYet | Error::NotValidYetContext { .. }) {
        "it is not valid yet"
    } else if matches!(problem, Error::UnknownIssuer) {
        "nobody whom `upstream.tls.ca` names, or without one the system, has signed it"
    } else if matches!(problem, Error::NotValidForName | Error::NotValidForNameContext { .. }) {
        "its subjectAltName has another host"
    } else if matches!(problem, Error::InvalidPurpose | Error::InvalidPurposeContext { .. }) {
        "it is not for servers"
    } else if matches!(problem, Error::BadSignature) {
        "its signature is wrong"
    } else {
        "it cannot be read, or is signed in a way that is not taken"
    }
}

fn handshake_in_words(problem: &rustls::Error) -> &'static str {
    use rustls::Error;
    if matches!(problem, Error::AlertReceived(_)) {
        "it broke the handshake off"
    } else if matches!(problem, Error::PeerIncompatible(_)) {
        "there is no version of TLS or cipher that both sides take"
    } else if matches!(problem, Error::InvalidMessage(_) | Error::InappropriateMessage { .. }) {
        "what it sent is not TLS"
    } else {
        "it broke the rules of TLS"
    }
}
