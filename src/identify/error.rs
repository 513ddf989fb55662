use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::KeysError;
use super::token::TokenError;
use crate::model::{Fault, FaultKind, Hidden, ListenerName, brief};
use crate::wire::postgres::WireError;

/// Why nobody can say who is calling.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// A file of SCRAM users cannot be read.
    #[error("cannot read the users of `{}`: {source}", .path.display())]
    UsersFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of SCRAM users has a line that is none.
    #[error("{}:{line}: {problem}, expected `name:SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`", .path.display())]
    UsersLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file of SCRAM users has a name that looks like another.
    #[error("{}:{line}: the name has the character {hidden} where nobody sees it, write it without", .path.display())]
    UsersName {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character.
        hidden: Hidden,
    },
    /// A name that looks like another.
    #[error("{what} has the character {hidden} where nobody sees it")]
    Hidden {
        /// Whose name.
        what: &'static str,
        /// The character.
        hidden: Hidden,
    },
    /// The secret for users that do not exist can be neither read nor made.
    #[error("cannot keep `{}` in `state_directory`: {source}", .path.display())]
    MockSecret {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The start-up packet has no `user`.
    #[error("the start-up packet names no user")]
    NoUser,
    /// No method of the listener recognises the caller.
    #[error("no method of listener `{listener}` recognises user `{}`", brief(.user).escape_debug())]
    Unrecognised {
        /// The listener's name.
        listener: ListenerName,
        /// What the caller said its name is.
        user: String,
    },
    /// The proof is wrong, or the user does not exist.
    #[error("wrong password for user `{}`", brief(.user).escape_debug())]
    WrongPassword {
        /// What the caller said its name is.
        user: String,
    },
    /// A mechanism that was not offered.
    #[error("the client chose a SASL mechanism that was not offered")]
    Mechanism,
    /// A SCRAM message that is none.
    #[error("the client broke the scram-sha-256 exchange: {problem}")]
    Scram {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A token that is not to be believed.
    #[error("a token{} is refused: {problem}", of_issuer(.issuer))]
    Token {
        /// The name of the issuer that it says it is from, once one was found.
        issuer: Option<String>,
        /// What is wrong with it.
        problem: TokenError,
    },
    /// A listener that names an issuer that is not there.
    #[error("there is no issuer `{issuer}`")]
    NoIssuer {
        /// Its name.
        issuer: String,
    },
    /// An issuer whose keys cannot be had.
    #[error("the keys of issuer `{issuer}` cannot be had: {problem}")]
    Keys {
        /// Its name.
        issuer: String,
        /// Why.
        problem: KeysError,
    },
    /// An OAUTHBEARER message that is none.
    #[error("the client broke the oauthbearer exchange: {problem}")]
    Bearer {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A certificate that names nobody for certain.
    #[error("the client's certificate is refused: {problem}")]
    Certificate {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Authentication did not end within `limits.startup`.
    #[error("authentication did not end within `{}` of the connection", humantime::format_duration(*.limit))]
    TooSlow {
        /// `limits.startup`.
        limit: Duration,
    },
    /// The client went away.
    #[error("the client went away during authentication")]
    Gone,
    /// A message that breaks the protocol: a second start-up packet or a query among them.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {problem}")]
    Random {
        /// What it said.
        problem: String,
    },
}

fn of_issuer(issuer: &Option<String>) -> String {
    issuer.as_ref().map(|name| format!(" of issuer `{name}`")).unwrap_or_default()
}

impl IdentifyError {
    /// Whether nobody is left to refuse: whoever goes before any proof asked for nothing, and is owed no record.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }
}

impl Fault for IdentifyError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::UsersFile { .. }
            | Self::UsersLine { .. }
            | Self::UsersName { .. }
            | Self::Hidden { .. }
            | Self::NoUser
            | Self::Unrecognised { .. }
            | Self::Token { .. }
            | Self::Keys { .. }
            | Self::Certificate { .. } => FaultKind::Unauthenticated,
            Self::WrongPassword { .. } => FaultKind::WrongPassword,
            Self::Mechanism | Self::Scram { .. } | Self::Bearer { .. } | Self::Gone => FaultKind::Protocol,
            Self::TooSlow { .. } => FaultKind::StartupTimeout,
            Self::Wire(error) => error.kind(),
            Self::NoIssuer { .. } | Self::MockSecret { .. } | Self::Random { .. } => FaultKind::Internal,
        }
    }

    fn public(&self) -> String {
        match self {
            Self::UsersFile { .. } | Self::UsersLine { .. } | Self::UsersName { .. } | Self::Keys { .. } => {
                "sidegate cannot recognise callers at present".to_owned()
            }
            Self::NoUser | Self::Hidden { .. } => self.to_string(),
            Self::Unrecognised { .. } => "sidegate does not recognise the caller".to_owned(),
            Self::WrongPassword { .. } => "password authentication failed".to_owned(),
            // Which check a token failed is for the operator: a client that is wrong gets no help in guessing.
            Self::Token { problem: TokenError::Missing, .. } => "a token is needed as the password".to_owned(),
            Self::Token { problem: TokenError::TooLong, .. } => "the token is longer than 64 KiB".to_owned(),
            Self::Token { problem: TokenError::Expired, .. } => "the token has expired".to_owned(),
            Self::Token { .. } => "the token was not accepted".to_owned(),
            Self::Certificate { .. } => "the client certificate was not accepted".to_owned(),
            Self::Mechanism | Self::Scram { .. } | Self::Bearer { .. } | Self::Gone => {
                format!("protocol violation: {self}")
            }
            Self::TooSlow { .. } => "authentication took too long".to_owned(),
            Self::Wire(error) => error.public(),
            Self::NoIssuer { .. } | Self::MockSecret { .. } | Self::Random { .. } => "internal error".to_owned(),
        }
    }
}
