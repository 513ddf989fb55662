use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::catalog::{CatalogError, Table};
use crate::model::{Fault, FaultKind, Secret};
use crate::wire::postgres::WireError;

/// Why there is no connection to an upstream, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The credential's file cannot be read.
    #[error("cannot read the credential from `{}`: {source}", .path.display())]
    CredentialFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The credential's file or variable is empty, too long or not UTF-8.
    #[error("the credential from `{from}` {problem}")]
    CredentialValue {
        /// The file or variable.
        from: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file of trusted certificates cannot be read.
    #[error("cannot read upstream.tls.ca from `{}`: {source}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of trusted certificates holds something else.
    #[error("upstream.tls.ca `{}` {problem}", .path.display())]
    CaValue {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The system trusts nobody.
    #[error("this system has no trusted certificates: name some as upstream.tls.ca")]
    SystemCertificates,
    /// A host that no certificate can name.
    #[error("`{host}` is no name that a certificate can have: use a host name or an IP address")]
    HostName {
        /// The host.
        host: String,
    },
    /// The server has no TLS, and nothing goes to it without.
    #[error(
        "`{address}` does not start TLS, {problem}: set `ssl = on` in postgresql.conf, or `tls: {{mode: disable}}`"
    )]
    NoTls {
        /// `host:port`.
        address: String,
        /// What it did instead.
        problem: &'static str,
    },
    /// TLS could not be agreed on.
    #[error("the TLS handshake with `{address}` failed: {problem}")]
    Handshake {
        /// `host:port`.
        address: String,
        /// What was wrong.
        problem: &'static str,
    },
    /// The certificate does not do.
    #[error("the certificate of `{address}` does not do for `{host}`: {problem}")]
    Certificate {
        /// `host:port`.
        address: String,
        /// Whom it should name.
        host: String,
        /// What was wrong.
        problem: &'static str,
    },
    /// The host name has no address.
    #[error("cannot resolve `{host}`: {problem}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        problem: String,
    },
    /// No connection.
    #[error("cannot connect to `{address}`: {source}")]
    Connect {
        /// `host:port` or `unix:/path`.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Connection and login did not end within `upstream.connect`.
    #[error("`{address}` did not let sidegate in within `{}`", humantime::format_duration(*.limit))]
    TooSlow {
        /// `host:port` or `unix:/path`.
        address: String,
        /// `upstream.connect`.
        limit: Duration,
    },
    /// The server went away.
    #[error("`{address}` closed the connection before it had answered")]
    Gone {
        /// `host:port` or `unix:/path`.
        address: String,
    },
    /// The server answered the login with an error.
    #[error("`{address}` refused the login with SQLSTATE `{sqlstate}`, its own log says why")]
    Refused {
        /// `host:port` or `unix:/path`.
        address: String,
        /// Its SQLSTATE; `-----` if it sent none.
        sqlstate: String,
        /// Its own words, once it had let sidegate in. Before, nobody vouches for it, and they are not repeated.
        words: Option<Secret<String>>,
    },
    /// The server wants the credential in a way that would give it away.
    #[error(
        "`{address}` asks for `{method}`: let it ask for scram-sha-256 in pg_hba.conf (md5 needs `allow_md5: true`)"
    )]
    Method {
        /// `host:port` or `unix:/path`.
        address: String,
        /// What it asked for.
        method: &'static str,
    },
    /// The server asks for a password and none is configured.
    #[error("`{address}` asks for a password: set upstream.credential.password")]
    NoCredential {
        /// `host:port` or `unix:/path`.
        address: String,
    },
    /// A password is configured and the server let sidegate in without proving that it knows it.
    #[error(
        "`{address}` did not prove that it knows the credential: ask for scram-sha-256 in pg_hba.conf, \
         or remove upstream.credential.password"
    )]
    Unproven {
        /// `host:port` or `unix:/path`.
        address: String,
    },
    /// Nobody checked the certificate, and the login does not show whose it is either.
    #[error(
        "`{address}` cannot be told from somebody in between, {problem}: name a certificate to trust as \
         upstream.tls.ca, or use `mode: verify-full`"
    )]
    Unbound {
        /// `host:port`.
        address: String,
        /// Why the login is not bound to the certificate.
        problem: &'static str,
    },
    /// The server's side of SCRAM is wrong.
    #[error("`{address}` failed the scram-sha-256 exchange: {problem}")]
    Scram {
        /// `host:port` or `unix:/path`.
        address: String,
        /// What was wrong.
        problem: &'static str,
    },
    /// The server broke the protocol.
    #[error("`{address}` broke the protocol: {source}")]
    Protocol {
        /// `host:port` or `unix:/path`.
        address: String,
        /// How.
        source: WireError,
    },
    /// The server does not describe its database.
    #[error("`{address}` does not describe {table}, SQLSTATE `{sqlstate}`: its own log says why")]
    Undescribed {
        /// `host:port` or `unix:/path`.
        address: String,
        /// What it was asked for.
        table: Table,
        /// What it answered.
        sqlstate: String,
    },
    /// The server describes its database in a way that cannot be.
    #[error("`{address}` describes database `{database}` wrongly: {source}")]
    Description {
        /// `host:port` or `unix:/path`.
        address: String,
        /// The database.
        database: String,
        /// What is wrong.
        source: CatalogError,
    },
    /// The server does not say what its database holds in time.
    #[error("`{address}` did not describe database `{database}` within `{}`", humantime::format_duration(*.limit))]
    SlowDescription {
        /// `host:port` or `unix:/path`.
        address: String,
        /// The database.
        database: String,
        /// How long it had.
        limit: Duration,
    },
    /// A start-up parameter that cannot be sent.
    #[error("the start-up packet cannot be written: {source}")]
    Startup {
        /// Why.
        source: WireError,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {problem}")]
    Random {
        /// What it said.
        problem: String,
    },
}

/// There is no connection to the database that can be trusted.
macro_rules! untrusted {
    () => {
        Self::CaFile { .. }
            | Self::CaValue { .. }
            | Self::SystemCertificates
            | Self::HostName { .. }
            | Self::NoTls { .. }
            | Self::Handshake { .. }
            | Self::Certificate { .. }
    };
}

/// The database cannot be logged into.
macro_rules! login {
    () => {
        Self::CredentialFile { .. }
            | Self::CredentialValue { .. }
            | Self::Refused { .. }
            | Self::Method { .. }
            | Self::NoCredential { .. }
            | Self::Unproven { .. }
            | Self::Unbound { .. }
            | Self::Scram { .. }
    };
}

/// The database does not tell what it holds. No client waits for that.
macro_rules! undescribed {
    () => {
        Self::Undescribed { .. } | Self::Description { .. } | Self::SlowDescription { .. }
    };
}

impl ForwardError {
    /// What a client may hear that the server said of it: the SQLSTATE that clients go by, and words.
    pub fn of_server(&self) -> Option<(&str, &str)> {
        let Self::Refused { sqlstate, words, .. } = self else { return None };
        let words = match (words, sqlstate.as_str()) {
            (Some(words), code) if is_about_the_session(code) => words.expose(),
            // It is full, or not up yet. Clients that come again later need not know whose word that is.
            (None, "53300" | "57P03") => "the database takes no connections at present",
            (Some(_) | None, _) => return None,
        };
        Some((sqlstate, words))
    }
}

/// Whether an error at the end of a login is about the database, its limits or the parameters of the start-up packet.
/// What else there is may be of somebody's code that runs at each login, and show what it read.
fn is_about_the_session(sqlstate: &str) -> bool {
    matches!(sqlstate, "22023" | "28000" | "42501") || matches!(sqlstate.get(..2), Some("3D" | "53" | "55" | "57"))
}

impl Fault for ForwardError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Resolve { .. } | Self::Connect { .. } | Self::TooSlow { .. } => FaultKind::UpstreamUnreachable,
            Self::Gone { .. } | Self::Protocol { .. } | undescribed!() => FaultKind::UpstreamLost,
            untrusted!() => FaultKind::UpstreamUnreachable,
            login!() => FaultKind::UpstreamLogin,
            Self::Startup { .. } => FaultKind::StartupParameter,
            Self::Random { .. } => FaultKind::Internal,
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Resolve { .. } | Self::Connect { .. } | Self::TooSlow { .. } => {
                "the database cannot be reached".to_owned()
            }
            untrusted!() => "there is no trusted connection to the database".to_owned(),
            Self::Gone { .. } | Self::Protocol { .. } | undescribed!() => {
                "the database broke the connection off".to_owned()
            }
            login!() => "sidegate could not log in to the database".to_owned(),
            Self::Startup { .. } => "the database name or a start-up parameter cannot be sent".to_owned(),
            Self::Random { .. } => "internal error".to_owned(),
        }
    }
}
