//! An issuer's keys: where they come from, how long they hold, and what each is for.

mod fetch;
mod jwk;
mod keyring;
#[cfg(test)]
mod tests;

pub use fetch::check_issuer;
pub(super) use jwk::{KeySet, SignedWith};
pub use keyring::Issuers;
pub(super) use keyring::Keyring;

/// Why an issuer's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file that cannot be read.
    #[error("cannot read `{key}`, `{path}`: {source}")]
    File {
        /// The key of the issuer that names it.
        key: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A provider that cannot be reached or breaks off.
    #[error("cannot fetch `{url}`: {problem}")]
    Fetch {
        /// Its address.
        url: String,
        /// What went wrong.
        problem: String,
    },
    /// An answer that is not what it must be.
    #[error("what `{from}` gives is not acceptable: {problem}")]
    Content {
        /// The address or file.
        from: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// No keys were ever had, or those are too old.
    #[error("there are no keys that are younger than `max_age`")]
    None,
}
