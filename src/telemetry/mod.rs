//! Logs and metrics: every metric name and label of the program. Takes what happened, gives log lines on stderr and
//! the text of `/metrics`, refuses nothing but a wrong log filter.

mod exposition;
mod labels;
mod lines;
mod log;
mod metrics;
mod panics;
mod series;

pub use labels::{BundleFailure, Cancelled, Handler, HttpMethod, Plugin, PluginStatus, TurnedAway};
pub use lines::LogGuard;
pub use log::{LogError, LogFormat, LogLevel, init};
pub use metrics::{Metrics, SessionGauge, Tally};
pub use panics::log_panics;
