use crate::model::{Hidden, brief};

/// What is wrong with a token. Never repeats what the token says, except names of claims and keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There is none.
    #[error("no token was given")]
    Missing,
    /// Longer than any that is read.
    #[error("it is longer than 64 KiB")]
    TooLong,
    /// Not three parts of base64url.
    #[error("it is not three parts of base64url")]
    Form,
    /// A part that is no JSON object, or has a name twice.
    #[error("its {part} are no JSON object in which every name is there once")]
    Json {
        /// Which part.
        part: &'static str,
    },
    /// A header that is of a wrong type, unknown, or must not be there.
    #[error("the header parameter `{name}` is missing or not acceptable")]
    Header {
        /// The parameter.
        name: &'static str,
    },
    /// No signature, a shared key's, or one that sidegate does not know.
    #[error("its `alg` is none that is accepted")]
    Algorithm,
    /// The issuer of another listener, or of nobody.
    #[error("no issuer of this listener has its `iss`")]
    Issuer,
    /// A key that the issuer does not have.
    #[error("the issuer has no key `{}`", brief(.kid).escape_debug())]
    UnknownKey {
        /// The token's `kid`; empty if it has none.
        kid: String,
    },
    /// The issuer took its key back while the token was looked at.
    #[error("the issuer has withdrawn its key")]
    WithdrawnKey,
    /// Several keys would do.
    #[error("the issuer has several keys that it may be signed with")]
    AmbiguousKey,
    /// The key is for something else than the token's `alg`, or that is not configured.
    #[error("the key is not for its `alg`, or that is not among `algorithms`")]
    KeyAlgorithm,
    /// The signature is not this key's.
    #[error("the signature is wrong")]
    Signature,
    /// A claim that is missing or of another type than it must be.
    #[error("the claim `{name}` is missing or not {expected}")]
    Claim {
        /// The claim.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A name that looks like another.
    #[error("the claim `{name}` has the character {hidden} where nobody sees it")]
    Hidden {
        /// The claim.
        name: String,
        /// The character.
        hidden: Hidden,
    },
    /// A token for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// Past its time.
    #[error("it has expired")]
    Expired,
    /// Before its time.
    #[error("it is not valid yet")]
    Early,
    /// An address that the provider did not verify.
    #[error("the address is not verified: `email_verified` is not true")]
    Unverified,
    /// Bound to a key or certificate that the client has not shown.
    #[error("it is bound to a key that the client has not shown (`cnf`)")]
    Bound,
}
