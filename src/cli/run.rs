//! `sidegate run`: the sidecar, from its configuration to the end of its last session.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use super::args::RunArguments;
use super::output::{self, Exit};
use super::signals::{self, Stop};
use crate::admin::{Admin, AdminError, BundleHealth, Health, HealthSource};
use crate::config::Config;
use crate::telemetry::{self, Metrics};

/// Statements are parsed on the workers; only what is touched costs memory.
const STACK: usize = 64 << 20;

/// Why the sidecar ended before it was asked to.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the runtime cannot start: {source}")]
    Runtime { source: std::io::Error },
    #[error("signals cannot be watched: {source}")]
    Signals { source: std::io::Error },
    #[error(transparent)]
    Admin(#[from] AdminError),
}

/// Runs until a signal.
pub(super) fn run(arguments: &RunArguments) -> Exit {
    let filter = std::env::var("RUST_LOG").ok();
    if let Err(error) = telemetry::init(arguments.log_format.into(), arguments.log_level.into(), filter.as_deref()) {
        return output::fail(&error);
    }
    let warn = |warning: &dyn Display| tracing::warn!("{warning}");
    let mut config = match configured(arguments, warn) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    if let Some(seconds) = arguments.shutdown_grace_period {
        config.sidegate.drain = Duration::from_secs(seconds.into());
    }
    match runtime().and_then(|runtime| runtime.block_on(serve(config))) {
        Ok(()) => Exit::Ok,
        Err(error) => output::fail(&error),
    }
}

/// The configuration with `--addr` laid over it like any other argument, so that it is checked alike.
fn configured(arguments: &RunArguments, warn: fn(&dyn Display)) -> Result<Config, Exit> {
    let mut config = arguments.config.clone();
    if let Some(address) = &arguments.addr {
        // OPA's `:8181` means every interface.
        let address = match address.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => address.clone(),
        };
        config.set.push(format!("plugins.sidegate.admin.address={address}"));
    }
    output::load(&config, warn)
}

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.enable_all().thread_name("sidegate").thread_stack_size(STACK).build();
    built.map_err(|source| RunError::Runtime { source })
}

async fn serve(config: Config) -> Result<(), RunError> {
    let mut stop = signals::watch().map_err(|source| RunError::Signals { source })?;
    let metrics = Metrics::new();
    let admin = Admin::bind(config.sidegate.admin.address).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), admin = %admin.address(), "started");
    let answering = tokio::spawn(answer(admin, health(&config), metrics));
    // The sender lives as long as the process.
    let _ = stop.wait_for(|stop| *stop >= Stop::Drain).await;
    tracing::info!(drain = ?config.sidegate.drain, "draining");
    answering.abort();
    Ok(())
}

async fn answer(admin: Admin, health: HealthSource, metrics: Metrics) -> Infallible {
    admin.serve(health, metrics).await
}

fn health(config: &Config) -> HealthSource {
    let bundle = |source: &crate::config::BundleSource| BundleHealth {
        name: source.name.clone(),
        active_revision: None,
        error: None,
    };
    let health = Health { bundles: config.bundles.iter().map(bundle).collect(), plugins: Vec::new() };
    Arc::new(move || health.clone())
}
