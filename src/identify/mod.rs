//! Who is calling. Takes an [`Accepted`](crate::accept::Accepted) connection, gives a [`Caller`](crate::model::Caller)
//! and the connection, refuses callers that no method of the listener's `identify` recognises.
//!
//! Methods are tried in order, and the first that matches decides: a proof that is wrong is the end, whatever else is
//! listed. `mtls` matches who has shown a verified certificate, `peer` a known user of this machine, `workload` every
//! peer on this machine, `anonymous` everybody; nobody is asked for anything by these. `scram` matches whoever says a
//! name of its file: that caller must then prove it. A name that is in no file goes on to the next method; if none is
//! left, it goes through the same exchange as a known one and fails like it.
//!
//! `jwt` has to ask, since a start-up packet says nothing of tokens. It asks once for all issuers that are listed, and
//! only where nobody in between can read the answer. Asking for a password in clear, it first lets a name of a later
//! `scram` file prove itself in that way, and takes an empty answer for "no token": then the methods after it are
//! tried. Asking by SASL, it offers SCRAM beside OAUTHBEARER where `scram` is listed, and the client chooses.
//!
//! An identity holds for as long as its [`Validity`] says: until its time is over, or until what proved it is taken back,
//! which [`Identifier::keep`] and the issuers look after.

mod certificate;
mod clock;
mod error;
mod identifier;
mod json;
mod keys;
mod mock;
mod oauthbearer;
mod scram;
mod talk;
#[cfg(test)]
mod tests;
mod token;
mod users;
mod validity;
mod version;

pub use error::IdentifyError;
pub use identifier::{Identified, Identifier};
pub use keys::{Issuers, KeysError, check_issuer};
pub use mock::MockSecret;
pub use oauthbearer::BearerMessage;
pub use token::{Token, TokenError};
pub use users::check_users;
pub use validity::{Ending, Validity};
