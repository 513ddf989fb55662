//! Certificates of one's own.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Somebody who signs.
pub(super) struct Authority {
    issuer: rcgen::CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and key.
pub(super) struct Shown {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these hosts, after something was done to it.
    pub(super) fn sign(&self, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Shown {
        let mut params = params(hosts);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Shown::new(&params.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}

impl Shown {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        let key_pem = key.serialize_pem();
        Self { certificate: certificate.der().clone(), certificate_pem: certificate.pem(), key_pem }
    }

    /// Nobody has signed it but itself.
    pub(super) fn alone(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params(&["localhost", "127.0.0.1"]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Self::new(&params.self_signed(&key).unwrap(), &key)
    }

    /// The same by OpenSSL, which knows more algorithms: `arguments` of `openssl req`.
    pub(super) fn by_openssl(arguments: &str) -> Self {
        let mut command = std::process::Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-days", "30", "-keyout", "-", "-out", "-"]);
        command.args(["-subj", "/CN=sidegate", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        let output = command.args(arguments.split(' ')).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let parts = text.split_once("-----BEGIN CERTIFICATE");
        let (key_pem, rest) = parts.unwrap_or_else(|| panic!("{}", output.stderr.escape_ascii()));
        let (key_pem, certificate_pem) = (key_pem.to_owned(), format!("-----BEGIN CERTIFICATE{rest}"));
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap();
        Self { certificate, certificate_pem, key_pem }
    }

    /// For a server of the test's own.
    pub(super) fn acceptor(&self, alpn: &[&str]) -> tokio_rustls::TlsAcceptor {
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let mut config = config.with_single_cert(vec![self.certificate.clone()], key).unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        std::sync::Arc::new(config).into()
    }
}

fn params(hosts: &[&str]) -> CertificateParams {
    CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap()
}

pub(super) fn expired(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(2020, 1, 1);
}

pub(super) fn future(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(4000, 1, 1);
}

pub(super) fn for_clients(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}
