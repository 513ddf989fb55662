//! Checked values: what the rest of the house reads. Built only by this room.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::places::Places;
use crate::model::{Labels, ListenerName, Stage, Workload};

/// A whole configuration that was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// `labels`, with OPA's enforced `id` and `version` added.
    pub labels: Labels,
    /// `bundles`, by name.
    pub bundles: Vec<BundleSource>,
    /// `decision_logs.console`.
    pub console: bool,
    /// `plugins.sidegate`.
    pub sidegate: Sidegate,
    /// Where each key was written.
    pub places: Places,
}

/// One entry of `bundles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleSource {
    /// Its key.
    pub name: String,
    /// Where it comes from.
    pub location: BundleLocation,
}

/// Where a bundle comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleLocation {
    /// `resource: file://DIR`.
    Directory(PathBuf),
    /// `resource: file://….tar.gz`.
    Tarball(PathBuf),
    /// A bundle of a service. This version cannot load it: it never activates, and nothing serves beside it.
    Remote {
        /// `service`.
        service: String,
        /// `resource`.
        resource: String,
    },
}

/// `plugins.sidegate`.
#[derive(Clone, Debug)]
pub struct Sidegate {
    /// `decision`: the entrypoint, without a leading slash.
    pub decision: String,
    /// `deadline` of one question.
    pub deadline: Duration,
    /// `evaluators`: threads that evaluate.
    pub evaluators: usize,
    /// `state_directory`.
    pub state_directory: PathBuf,
    /// `admin`.
    pub admin: Admin,
    /// `audit`.
    pub audit: Audit,
    /// `drain`: SIGTERM to the end of the last session.
    pub drain: Duration,
    /// `workload`.
    pub workload: Workload,
    /// `keys`, by name.
    pub keys: Vec<MaskKey>,
    /// `issuers`.
    pub issuers: Vec<Issuer>,
    /// `listeners`.
    pub listeners: Vec<Listener>,
}

/// One of `keys`, for `hash` and `tokenize`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskKey {
    /// Its name in policy.
    pub name: String,
    /// Where it is read from.
    pub source: SecretSource,
}

/// `admin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where `/health` and `/metrics` answer.
    pub address: SocketAddr,
}

/// `audit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// `class`.
    pub class: AuditRule,
    /// `sync`: how long an `async` record may stay unsynced.
    pub sync: Duration,
}

/// `audit.class`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditRule {
    /// Every record waits for the disk.
    Strict,
    /// No record waits for the disk unless policy raises it.
    Async,
    /// `async` for plain allowed statements, else `strict`.
    Auto,
}

/// One listener with `protocol: postgres`.
#[derive(Clone, Debug)]
pub struct Listener {
    /// `name`, unique.
    pub name: ListenerName,
    /// `address`.
    pub address: Address,
    /// `tls` towards clients; without it connections are plain, and the address is this machine's.
    pub tls: Option<ListenerTls>,
    /// `identify`, in order.
    pub identify: Vec<Identify>,
    /// `stages`.
    pub stages: Vec<Stage>,
    /// `settings` and `pins`.
    pub settings: Settings,
    /// `startup_parameters.allow`, lower-case.
    pub allowed_parameters: Vec<String>,
    /// `limits`.
    pub limits: Limits,
    /// `upstream`.
    pub upstream: Upstream,
    /// `labels`.
    pub labels: Labels,
}

/// `tls` of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// `certificate`: a PEM file, sidegate's own certificate first, then those that lead to its CA.
    pub certificate: PathBuf,
    /// `key`: a PEM file.
    pub key: PathBuf,
    /// `client_ca`: a PEM file of CAs; clients may then show a certificate of theirs.
    pub client_ca: Option<PathBuf>,
}

/// Where a listener listens or an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`; for a listener the host is an IP address.
    Tcp {
        /// Host name or IP address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// `unix:/path`.
    Unix(PathBuf),
}

impl Address {
    /// Whether nobody beyond this machine can be at the other end.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
            }
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One row of `identify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identify {
    /// `{workload: {subject}}`.
    Workload {
        /// The identity of whoever connects.
        subject: String,
    },
    /// `{scram: {users: PATH}}`.
    Scram {
        /// File of `name:SCRAM-SHA-256$…` lines.
        users: PathBuf,
    },
    /// `{jwt: {issuer, ask}}`.
    Jwt {
        /// The name of the issuer.
        issuer: String,
        /// How the token is asked for.
        ask: Ask,
    },
    /// `{mtls: {}}`.
    Mtls,
    /// `{peer: {uids: {UID: NAME}}}`.
    Peer {
        /// Who each user of this machine is.
        uids: BTreeMap<u32, String>,
    },
    /// `{anonymous: {}}`.
    Anonymous,
}

/// `identify[].jwt.ask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// As a password in clear.
    Password,
    /// By SASL OAUTHBEARER.
    OauthBearer,
}

/// One of `issuers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// `name`, unique.
    pub name: String,
    /// `issuer`: what `iss` must be.
    pub issuer: String,
    /// `jwks`, or discovery.
    pub keys: KeySource,
    /// `ca`: who vouches for the provider's certificate, instead of the system's authorities.
    pub ca: Option<PathBuf>,
    /// `audience`.
    pub audience: String,
    /// `algorithms`.
    pub algorithms: Vec<Algorithm>,
    /// `subject_claim`.
    pub subject_claim: String,
    /// `actor_claim`.
    pub actor_claim: String,
    /// `groups_claim` and `groups_optional`.
    pub groups: Option<GroupsClaim>,
    /// `claims` that are copied.
    pub claims: Vec<String>,
    /// `skew` that clocks may have.
    pub skew: Duration,
    /// `max_age` of keys that cannot be fetched anew.
    pub max_age: Duration,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// OpenID Connect discovery.
    Discovery,
    /// `jwks: {file}`.
    File(PathBuf),
    /// `jwks: {url}`.
    Url(String),
}

/// `groups_claim`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupsClaim {
    /// The claim's name.
    pub name: String,
    /// `groups_optional`: without the claim there are no groups, else no login.
    pub optional: bool,
}

/// How a token is signed; only with keys that the verifier does not share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA PKCS #1 1.5 with SHA-256.
    Rs256,
    /// The same with SHA-384.
    Rs384,
    /// The same with SHA-512.
    Rs512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// The same with SHA-384.
    Ps384,
    /// The same with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Its name in tokens and keys.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// `settings` and `pins`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settings {
    /// sidegate fixes these at start-up: name (PostgreSQL's spelling) and value, `search_path` always among them.
    Pinned(Vec<(String, String)>),
    /// The client may set what it likes; names are never certain.
    Free,
}

impl Settings {
    /// Whether a pin makes transactions read-only unless they say otherwise.
    pub fn holds_read_only(&self) -> bool {
        let Self::Pinned(pins) = self else { return false };
        pins.iter().any(|(name, _)| {
            ["default_transaction_read_only", "transaction_read_only"].iter().any(|pin| name.eq_ignore_ascii_case(pin))
        })
    }

    /// What a setting is pinned to.
    pub fn pin(&self, wanted: &str) -> Option<&str> {
        let Self::Pinned(pins) = self else { return None };
        pins.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
    }

    /// The schemas of the pinned `search_path` that a user may own (not `pg_catalog`, not `pg_temp`), in order.
    pub fn user_schemas(&self) -> Vec<String> {
        let Some(path) = self.pin("search_path") else { return Vec::new() };
        path.split(',')
            .map(|schema| schema.trim().trim_matches('"').to_owned())
            .filter(|schema| !schema.is_empty() && schema != "pg_catalog" && schema != "pg_temp")
            .collect()
    }
}

/// `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `connections` at a time.
    pub connections: usize,
    /// `startup`: accept to the end of authentication.
    pub startup: Duration,
    /// `idle`: between statements; zero is none.
    pub idle: Duration,
    /// `statement`: bytes of SQL text.
    pub statement: usize,
    /// `tokens` of SQL text.
    pub tokens: usize,
}

/// `upstream`.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// `address`.
    pub address: Address,
    /// `tls`; `None` for plain connections.
    pub tls: Option<UpstreamTls>,
    /// `credential.user`.
    pub user: String,
    /// `credential.password`.
    pub password: Option<SecretSource>,
    /// `credential.allow_md5`.
    pub allow_md5: bool,
    /// `connect`: time to be connected and logged in.
    pub connect: Duration,
}

/// `upstream.tls` where it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// `mode`.
    pub check: CertificateCheck,
    /// `ca`: certificates that are trusted; the system's own if absent, which `verify-full` alone may leave it.
    pub ca: Option<PathBuf>,
}

/// What is asked of the upstream's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateCheck {
    /// `require` without a `ca`: nothing. Who the server is shows in the login, by its binding to the channel.
    Nothing,
    /// `verify-ca`, and `require` with a `ca`: that somebody trusted has signed it.
    Chain,
    /// `verify-full`: that it was made out to the host, too.
    Name,
}

/// Where a secret is read from; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `{file: PATH}`: its content without the final line break.
    File(PathBuf),
    /// `{env: NAME}`.
    Env(String),
}
