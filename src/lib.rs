//! sidegate: a policy gate beside each workload.
//!
//! # Layout
//!
//! A request walks through rooms in one direction; each room exports one product, which the
//! next takes by value. A module names only earlier ones (`tests/rooms.rs` holds it).

pub mod accept; // listeners, limits → Accepted
pub mod admin; // health, metrics
pub mod bundle; // load, rewrite, check, swap → Policy
pub mod catalog; // what names mean in one database → Snapshot
pub mod cli;
pub mod config; // file structs → checked values
pub mod decide; // the only evaluation → Decision
pub mod enforce; // Decision + Entry → Permit or Refusal
pub mod forward; // the only code that talks upstream
pub mod identify; // who is calling → Caller
pub mod input; // Caller + Request → Document
pub mod journal; // write-ahead audit → Entry
pub mod model; // ids, principals, resources, faults, redacted values
pub mod parse; // what would it do → Request
pub mod session; // the corridor
pub mod telemetry; // every span and metric name
pub mod wire; // sans-IO codecs // one file per command
