//! A certification authority of the journey's own, and the certificates that it issues.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::client::WantsClientCert;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

/// A CA with a folder for `ca.crt`, `tls.crt` and `tls.key`.
pub struct Pki {
    ca: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

/// A certificate with its key.
pub struct Leaf {
    pub certificate: rcgen::Certificate,
    pub key: KeyPair,
}

impl Pki {
    /// With a certificate for this machine in place.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        let directory = tempfile::tempdir().expect("a folder");
        // OpenSSL goes by names: no two CAs have the same, nor a CA that of what it issues.
        let name = format!("CA of {}", directory.path().display());
        params.distinguished_name.push(DnType::CommonName, &name[name.len() - 20..]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let ca = CertifiedIssuer::self_signed(params, key).expect("a CA");
        let pki = Self { ca, directory };
        std::fs::write(pki.path("ca.crt"), pki.ca.pem()).expect("the CA is written");
        pki.install(&pki.issue(|_| {}));
        pki
    }

    /// A certificate for `localhost` and 127.0.0.1, changed at will.
    pub fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost", "127.0.0.1"].map(str::to_owned)).expect("names");
        change(&mut params);
        Leaf { certificate: params.signed_by(&key, &self.ca).expect("a certificate"), key }
    }

    /// Puts it where sidegate looks, one file after the other.
    pub fn install(&self, leaf: &Leaf) {
        std::fs::write(self.path("tls.crt"), leaf.certificate.pem()).expect("the certificate is written");
        std::fs::write(self.path("tls.key"), leaf.key.serialize_pem()).expect("the key is written");
    }

    /// Where its files are.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// `tls` of a listener, in YAML.
    pub fn yaml(&self) -> String {
        let path = |name| Path::display(&self.directory.path().join(name)).to_string();
        format!("tls: {{certificate: {}, key: {}, client_ca: {}}}", path("tls.crt"), path("tls.key"), path("ca.crt"))
    }

    /// A client that trusts this CA alone.
    pub fn client(&self) -> Arc<ClientConfig> {
        Arc::new(self.trusting().with_no_client_auth())
    }

    /// The same with a certificate of its own.
    pub fn client_with(&self, leaf: &Leaf) -> Arc<ClientConfig> {
        let key = PrivatePkcs8KeyDer::from(leaf.key.serialize_der()).into();
        let chain = vec![leaf.certificate.der().clone()];
        Arc::new(self.trusting().with_client_auth_cert(chain, key).expect("a certificate and its key"))
    }

    fn trusting(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::clone(self.ca.der())).expect("a CA");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        builder.expect("versions").with_root_certificates(roots)
    }
}
