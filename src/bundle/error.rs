//! Why a bundle cannot be read or checked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// What this room refuses. What is wrong inside a policy is a [`super::Problem`].
#[derive(Debug, Error)]
pub enum BundleError {
    /// The operating system refused.
    #[error("cannot read `{path}`: {cause}", path = path.display())]
    Read {
        /// Which file or directory.
        path: PathBuf,
        /// Its words.
        cause: io::Error,
    },
    /// Something that is neither a file nor a directory.
    #[error("`{path}` is not a regular file: remove it from the bundle", path = path.display())]
    NotRegular {
        /// Which one.
        path: PathBuf,
    },
    /// A file changed between being listed and being read.
    #[error("`{path}` changed while it was read: it is taken when it stays the same", path = path.display())]
    Changed {
        /// Which one.
        path: PathBuf,
    },
    /// A file name that is not text.
    #[error("the file name `{name}` is not UTF-8: rename it")]
    Name {
        /// The name, with its strange bytes replaced.
        name: String,
    },
    /// A file that is not text.
    #[error("`{file}` is not UTF-8: save it as UTF-8")]
    NotText {
        /// Which one.
        file: String,
    },
    /// Too many files or directories below one another.
    #[error("more than {limit} {what}: a bundle may not have as many")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Too many bytes.
    #[error("`{file}` makes the bundle larger than {limit} bytes: split it or remove what policy does not need")]
    TooLarge {
        /// Where the limit was passed.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The archive cannot be read to its end.
    #[error("`{path}` is not a whole tar.gz archive: {cause}", path = path.display())]
    Archive {
        /// Which one.
        path: PathBuf,
        /// What the reader said.
        cause: io::Error,
    },
    /// A name in an archive that leads elsewhere.
    #[error("the archive names `{name}`: names may not have `..`, empty parts or backslashes")]
    ArchiveName {
        /// The name.
        name: String,
    },
    /// A link, device or other special entry in an archive.
    #[error("`{name}` in the archive is a link or a device: a bundle holds regular files only")]
    ArchiveEntry {
        /// The name.
        name: String,
    },
    /// Two entries with one name.
    #[error("the archive holds `{name}` twice: keep one")]
    ArchiveTwice {
        /// The name.
        name: String,
    },
    /// The checking process could not be started or spoken to.
    #[error("the checking process `{program}` cannot be used: {cause}", program = program.display())]
    Gate {
        /// The program that was to be started.
        program: PathBuf,
        /// What failed.
        cause: io::Error,
    },
    /// It did not end in time.
    #[error("checking it took longer than {limit:?}: a rule, a test or a literal in it needs too long")]
    GateTimeout {
        /// The time it has.
        limit: Duration,
    },
    /// It was ended by the operating system, or aborted.
    #[error(
        "checking it ended with {how}: it needs more stack, memory or time than policy may have \
         (a function that calls itself, a very long chain of rules or a very large value does that)"
    )]
    GateDied {
        /// The signal or exit code.
        how: String,
    },
    /// Its answer is not one.
    #[error("the checking process gave an answer that cannot be read: {cause}")]
    GateAnswer {
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// Its answer is too long.
    #[error("the checking process gave an answer of more than {limit} bytes")]
    GateAnswerLength {
        /// How long it may be.
        limit: u64,
    },
    /// No thread for the bundles.
    #[error("no thread can be started for the bundles: {cause}")]
    Thread {
        /// The operating system's words.
        cause: io::Error,
    },
    /// What the checking process accepted does not compile here.
    #[error("the checked policy cannot be compiled: {cause}")]
    Compile {
        /// The engine's words.
        cause: String,
    },
}
