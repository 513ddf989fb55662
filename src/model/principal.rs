use serde::Serialize;
use serde_json::{Map, Value};

use super::Labels;

/// How a caller was recognised: a row of a listener's `identify` list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Named by the deployment: whoever reaches this listener is this workload.
    Workload,
    /// Nobody in particular.
    Anonymous,
    /// SCRAM-SHA-256 against a verifier file.
    Scram,
    /// A token that an issuer signed.
    Jwt,
    /// A certificate that the listener's authority signed.
    Mtls,
    /// A user of this machine, by a unix socket.
    Peer,
}

impl Method {
    /// The name used in policy, events and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Anonymous => "anonymous",
            Self::Scram => "scram",
            Self::Jwt => "jwt",
            Self::Mtls => "mtls",
            Self::Peer => "peer",
        }
    }
}

/// Who is calling, as policy reads it in `input.caller`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Caller {
    /// The identity: a SPIFFE ID, a user name, `anonymous`.
    pub subject: String,
    /// The issuer that vouched for it, where there is one.
    pub issuer: Option<String>,
    /// How it was recognised.
    pub method: Method,
    /// Whether anything was proved; `false` for `anonymous`.
    pub verified: bool,
    /// Group names, sorted.
    pub groups: Vec<String>,
    /// Claims copied from a token by name.
    pub claims: Map<String, Value>,
    /// When the identity ends, RFC 3339 in UTC.
    pub expires_at: Option<String>,
    /// On whose machine the caller acts.
    pub actor: Option<Actor>,
}

/// The party that acts for the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// Its identity.
    pub subject: String,
}

/// The workload this process stands beside, as policy reads it in `input.workload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its service account.
    pub service_account: String,
    /// Its labels.
    pub labels: Labels,
}
