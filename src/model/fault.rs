use serde::Serialize;

/// What went wrong, in the one vocabulary that reaches the wire.
/// `enforce` maps each to its SQLSTATE, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Policy said no, or gave no usable answer.
    Denied,
    /// The statement could not be read whole.
    Unreadable,
    /// More bytes or tokens than the limits allow.
    TooLarge,
    /// Deeper or more repetitive than the limits allow.
    TooComplex,
    /// A prepared statement that sidegate has not read.
    UnknownStatement,
    /// A portal that sidegate has not read.
    UnknownPortal,
    /// No bundle serves yet.
    NoPolicy,
    /// The peer broke the protocol; the session ends.
    Protocol,
    /// Nobody could say who is calling; the session ends.
    Unauthenticated,
    /// The caller's identity ended while its session was idle.
    IdentityExpired,
    /// The caller's password or proof is wrong; the session ends.
    WrongPassword,
    /// A start-up parameter that is not allowed; the session ends.
    StartupParameter,
    /// No connection left on this listener.
    TooManyConnections,
    /// Start-up took longer than allowed.
    StartupTimeout,
    /// The session was idle for longer than allowed.
    IdleTimeout,
    /// The client cancelled a statement before it was sent.
    Cancelled,
    /// The upstream cannot be reached.
    UpstreamUnreachable,
    /// The upstream refused sidegate's login, or asked for a method that is not allowed.
    UpstreamLogin,
    /// The upstream went away or broke the protocol in the middle of a session.
    UpstreamLost,
    /// The journal's disk failed.
    JournalFailed,
    /// The journal's disk is full.
    JournalFull,
    /// The sidecar is draining.
    ShuttingDown,
    /// A defect of sidegate's own.
    Internal,
}

/// An error that may reach a client.
pub trait Fault: std::error::Error {
    /// Which fault it is.
    fn kind(&self) -> FaultKind;

    /// The only text that a client may see.
    fn public(&self) -> String;
}

/// Why a decision was a denial: `custom.sidegate.cause` of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A rule said no, or none said yes.
    Policy,
    /// The entrypoint has no value for this input.
    Undefined,
    /// A value of the wrong type.
    Type,
    /// Evaluation failed.
    Error,
    /// Evaluation took too long.
    Deadline,
    /// Too many questions were waiting.
    Overload,
    /// A rule reads what the sidecar does not know.
    Unknown,
    /// The statement could not be read whole.
    Unparsed,
    /// An obligation that cannot be carried out.
    Obligation,
    /// The caller could not be recognised.
    Identity,
    /// No bundle serves.
    NoBundle,
    /// Over a limit.
    Limit,
    /// The caller or the target is contained.
    Contained,
    /// The peer broke the protocol.
    Protocol,
}

impl Cause {
    /// The name used in events and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Undefined => "undefined",
            Self::Type => "type",
            Self::Error => "error",
            Self::Deadline => "deadline",
            Self::Overload => "overload",
            Self::Unknown => "unknown",
            Self::Unparsed => "unparsed",
            Self::Obligation => "obligation",
            Self::Identity => "identity",
            Self::NoBundle => "no_bundle",
            Self::Limit => "limit",
            Self::Contained => "contained",
            Self::Protocol => "protocol",
        }
    }
}
