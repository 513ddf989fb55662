//! Words every room shares: ids, principals, resources, faults, redacted values.
//! Takes nothing, gives plain data without behaviour, refuses nothing.

mod fault;
mod id;
mod principal;
mod resource;
mod secret;
mod stage;
mod text;

pub use fault::{Cause, Fault, FaultKind};
pub use id::{DecisionId, ID_LENGTH, ListenerName, SessionId};
pub use principal::{Actor, Caller, Method, Workload};
pub use resource::{Labels, Target};
pub use secret::Secret;
pub use stage::{AuditClass, OutcomeKind, Stage};
pub use text::{Hidden, acts, brief};
