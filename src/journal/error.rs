use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Fault, FaultKind};

/// Why the journal does not take a record, or does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The disk answered with an error.
    #[error("journal: cannot {action} `{}`: {reason}; look at the disk and at who may write there", path.display())]
    Failed {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// No space left for new work; outcomes of work under way still have theirs.
    #[error("journal: no space left to {action} `{}`; free some, nothing else is needed", path.display())]
    Full {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
    },
    /// The disk does not answer in time.
    #[error("journal: the disk did not take a record within {waited_ms} ms")]
    Stalled {
        /// How long was waited, in milliseconds.
        waited_ms: u64,
    },
    /// A record that fits no segment.
    #[error("journal: a record of {size} bytes is larger than the {limit} that fit a segment")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The most bytes it could have.
        limit: u64,
    },
    /// A payload that is not JSON; a defect of sidegate's own.
    #[error("journal: a record cannot be serialised: {reason}")]
    Unserialisable {
        /// What the serialiser said.
        reason: String,
    },
    /// What was to be written when the disk failed.
    #[error("journal: a record was lost when the disk failed")]
    Lost,
    /// What brings records to the disk came upon a defect of sidegate's own.
    #[error("journal: a defect kept records from the disk; please report it")]
    Defect,
    /// The journal was shut down.
    #[error("journal: shut down")]
    Closed,
    /// Another process writes there.
    #[error("journal: `{}` is in use by another process; give each its own state directory", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
    /// A sealed segment is not what was written.
    #[error("journal: `{}` is damaged at byte {offset}: {reason}; move the journal aside to start a new one", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
}

impl JournalError {
    /// Sorts an error of the system.
    pub(super) fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::Full { action, path: path.to_owned() }
        } else {
            Self::Failed { action, path: path.to_owned(), reason: error.to_string() }
        }
    }
}

impl From<serde_json::Error> for JournalError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unserialisable { reason: error.to_string() }
    }
}

impl Fault for JournalError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Full { .. } => FaultKind::JournalFull,
            Self::TooLarge { .. } => FaultKind::TooLarge,
            Self::Closed => FaultKind::ShuttingDown,
            Self::Unserialisable { .. } => FaultKind::Internal,
            Self::Failed { .. }
            | Self::Stalled { .. }
            | Self::Lost
            | Self::Defect
            | Self::Locked { .. }
            | Self::Damaged { .. } => FaultKind::JournalFailed,
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Full { .. } => "the audit journal has no space left".to_owned(),
            Self::TooLarge { .. } => "the statement and its values are too large to be journalled".to_owned(),
            Self::Closed => "the sidecar is shutting down".to_owned(),
            Self::Failed { .. }
            | Self::Stalled { .. }
            | Self::Unserialisable { .. }
            | Self::Lost
            | Self::Defect
            | Self::Locked { .. }
            | Self::Damaged { .. } => "the audit journal cannot be written".to_owned(),
        }
    }
}
