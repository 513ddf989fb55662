//! The admin address: `/health` and `/metrics`, and nothing else without credentials. Takes how the house is, gives
//! OPA's answers over HTTP, refuses everything else with 404 or 405.

mod health;
mod routes;
mod server;

pub use health::{BundleHealth, Health, HealthSource, PluginHealth};
pub use server::{Admin, AdminError};
