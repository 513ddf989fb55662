//! `sidegate run`: the sidecar, from its configuration to the end of its last session.

use std::convert::Infallible;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use super::args::RunArguments;
use super::furnish::{FurnishError, furnish};
use super::output::{self, Exit};
use super::signals::{self, Stop};
use crate::admin::{Admin, AdminError, HealthSource};
use crate::config::Config;
use crate::identify::Issuers;
use crate::session::{Drain, Lane};
use crate::telemetry::{self, Metrics};

/// What this version cannot see; README says more.
const OPEN: &str = "`effects == [\"read\"]` says nothing about what a trigger's function does, which rows row security \
    reads, or what a user's function called by field selection of an expression does; give the upstream role no more than \
    it needs";

/// Why the sidecar ended before it was asked to.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the runtime cannot start: {source}")]
    Runtime { source: std::io::Error },
    #[error("signals cannot be watched: {source}")]
    Signals { source: std::io::Error },
    #[error("the sessions ended by a defect: {source}")]
    Ended { source: tokio::task::JoinError },
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Furnish(#[from] FurnishError),
}

/// Runs until a signal.
pub(super) fn run(arguments: &RunArguments) -> Exit {
    let filter = std::env::var("RUST_LOG").ok();
    let started = telemetry::init(arguments.log_format.into(), arguments.log_level.into(), filter.as_deref());
    let log = match started {
        Ok(log) => log,
        Err(error) => return output::fail(&error),
    };
    telemetry::log_panics();
    let warn = |warning: &dyn Display| tracing::warn!("{warning}");
    let mut config = match configured(arguments, warn) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    if let Some(seconds) = arguments.shutdown_grace_period {
        config.sidegate.drain = Duration::from_secs(seconds.into());
    }
    let diagnostics = match diagnostics(arguments) {
        Ok(diagnostics) => diagnostics,
        Err(exit) => return exit,
    };
    let served = runtime().and_then(|runtime| runtime.block_on(serve(config, diagnostics)));
    drop(log);
    match served {
        Ok(()) => Exit::Ok,
        Err(error) => output::fail(&error),
    }
}

/// The configuration with `--addr` laid over it like any other argument, so that it is checked alike.
fn configured(arguments: &RunArguments, warn: fn(&dyn Display)) -> Result<Config, Exit> {
    let mut config = arguments.config.clone();
    if let Some(address) = &arguments.addr {
        config.set.push(format!("plugins.sidegate.admin.address={}", spelled_out(address)));
    }
    output::load(&config, warn)
}

/// An address as OPA writes it, with the numbers: `:8181` is every interface.
fn spelled_out(address: &str) -> String {
    match address.split_once(':') {
        Some(("", port)) => format!("0.0.0.0:{port}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        Some(_) | None => address.to_owned(),
    }
}

/// `--diagnostic-addr`.
fn diagnostics(arguments: &RunArguments) -> Result<Vec<SocketAddr>, Exit> {
    let parsed = |address: &String| {
        spelled_out(address).parse().map_err(|_| {
            let expected = "must be an IP address and a port, such as `127.0.0.1:8282`";
            output::fail(&format!("--diagnostic-addr: {expected}, got `{address}`"))
        })
    };
    arguments.diagnostic_addr.iter().map(parsed).collect()
}

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.enable_all().worker_threads(2).thread_name("house").build();
    built.map_err(|source| RunError::Runtime { source })
}

async fn serve(config: Config, diagnostics: Vec<SocketAddr>) -> Result<(), RunError> {
    let mut stop = signals::watch().map_err(|source| RunError::Signals { source })?;
    let hangups = signals::hangups().map_err(|source| RunError::Signals { source })?;
    let metrics = Metrics::new();
    let (drain, draining) = watch::channel(false);
    let drains = Drain::new(draining, config.sidegate.drain);
    let house = furnish(&config, metrics.clone(), drains).await?;
    let admin = Admin::bind(config.sidegate.admin.address).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), admin = %admin.address(), "started");
    tracing::warn!("{OPEN}");
    let mut answering = tokio::task::JoinSet::new();
    for address in diagnostics {
        let diagnostic = Admin::bind(address).await?;
        tracing::info!(address = %diagnostic.address(), "diagnostics");
        answering.spawn(answer(diagnostic, house.health(), metrics.clone()));
    }
    answering.spawn(answer(admin, house.health(), metrics));
    let refreshing = tokio::spawn(refresh(hangups, house.lanes(), house.issuers()));
    let mut serving = tokio::spawn(house.serve());
    let ended = loop {
        tokio::select! {
            ended = &mut serving => break ended,
            changed = stop.changed() => {
                let now = *stop.borrow_and_update();
                if changed.is_err() || now == Stop::Now {
                    return Ok(());
                }
                tracing::info!(drain = ?config.sidegate.drain, "draining");
                drain.send_replace(true);
            }
        }
    };
    answering.abort_all();
    refreshing.abort();
    ended.map_err(|source| RunError::Ended { source })?.map_err(RunError::from)
}

/// Reads anew what is read at certain times only, whenever somebody asks for it by SIGHUP. Sessions go on.
async fn refresh(mut hangups: Signal, lanes: Vec<Arc<Lane>>, issuers: Issuers) {
    while hangups.recv().await.is_some() {
        for lane in &lanes {
            // What cannot be read goes on as it was, and has been complained about.
            if let Err(error) = lane.refresh().await {
                tracing::warn!(listener = %lane.listener.name, %error, "nothing was read anew");
            }
        }
        issuers.refetch().await;
        tracing::info!("read anew whom to trust, asked by SIGHUP");
    }
}

async fn answer(admin: Admin, health: HealthSource, metrics: Metrics) -> Infallible {
    admin.serve(health, metrics).await
}
