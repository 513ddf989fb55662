use crate::model::{Fault, FaultKind};

/// What a peer sent that the protocol does not allow, or what cannot be put into a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A length word that is below 4 or above the limit of its message.
    #[error("message `{}` of length `{length}`, allowed are 4 to {limit}", .tag.escape_ascii())]
    Length {
        /// The message's tag.
        tag: u8,
        /// What the length word said.
        length: u32,
        /// The most it may say.
        limit: u32,
    },
    /// A start-up packet whose length word is impossible.
    #[error("start-up packet of length `{length}`, allowed are 8 to {limit}")]
    StartupLength {
        /// What the length word said.
        length: u32,
        /// The most it may say.
        limit: u32,
    },
    /// A major protocol version that nobody speaks.
    #[error("protocol version `{major}.{minor}`, only 3 is spoken")]
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A tag that the protocol does not know, or that cannot come now.
    #[error("unexpected message `{}`", .tag.escape_ascii())]
    Tag {
        /// The tag.
        tag: u8,
    },
    /// A body that is not what its message should be.
    #[error("{message} message is malformed: {problem}")]
    Body {
        /// The message's name in the protocol's documentation.
        message: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A message of sidegate's own that cannot be written: a NUL in a string, or more than a length word can say.
    #[error("{message} message cannot be written: {problem}")]
    Encode {
        /// The message's name.
        message: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Fault for WireError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Length { .. }
            | Self::StartupLength { .. }
            | Self::Version { .. }
            | Self::Tag { .. }
            | Self::Body { .. } => FaultKind::Protocol,
            Self::Encode { .. } => FaultKind::Internal,
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Length { .. }
            | Self::StartupLength { .. }
            | Self::Version { .. }
            | Self::Tag { .. }
            | Self::Body { .. } => format!("protocol violation: {self}"),
            Self::Encode { .. } => "internal error".to_owned(),
        }
    }
}
