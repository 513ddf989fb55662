//! `sidegate demo`: a real PostgreSQL behind a real sidegate, a tour, and then yours.

mod child;
mod house;
mod postgres;
mod sidecar;
mod tour;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::args::DemoArguments;
use super::output::{self, Exit};
use super::signals::{self, Stop};
use house::House;
use postgres::Postgres;
use sidecar::Sidecar;

/// Why the demo did not get to its end. Each names what was tried.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("`{program}` of PostgreSQL was not found in PATH or /usr/lib/postgresql: install the package postgresql")]
    NoPostgres { program: &'static str },
    #[error("PostgreSQL does not run as root and there is no account `postgres`: run the demo as another user")]
    NoAccount,
    #[error("`{program}` failed: {said}")]
    Failed { program: String, said: String },
    #[error("{what} was not ready after {seconds} s; the last it said: {said}")]
    NotReady { what: &'static str, seconds: u64, said: String },
    #[error("{step}: expected {expected}, got `{got}`")]
    Unexpected { step: &'static str, expected: &'static str, got: String },
    #[error("{} is no bundle directory", .directory.display())]
    NoBundle { directory: PathBuf },
    #[error("it was interrupted")]
    Interrupted,
}

/// What an I/O error was about.
fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DemoError {
    let what = what.into();
    move |source| DemoError::Io { what, source }
}

/// A path for a message.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Runs the demo.
pub(super) fn demo(arguments: &DemoArguments) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(guarded(arguments))),
        Err(source) => Err(DemoError::Io { what: "the runtime cannot start".to_owned(), source }),
    };
    match result {
        Ok(()) => Exit::Ok,
        Err(error @ DemoError::Unexpected { .. }) => {
            output::complain(&error);
            Exit::No
        }
        Err(error) => output::fail(&error),
    }
}

/// Whatever happens within, the children end and the directory is cleared.
async fn guarded(arguments: &DemoArguments) -> Result<(), DemoError> {
    let mut stop = signals::watch().map_err(io("signals cannot be watched"))?;
    let mut hangups = signals::hangups().map_err(io("signals cannot be watched"))?;
    // A closed terminal must not leave anything behind.
    let ended = async {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop >= Stop::Drain) => {}
            _ = hangups.recv() => {}
        }
    };
    let mut ended = std::pin::pin!(ended);
    let mut house = House::open(arguments.directory.as_deref())?;
    let result = tokio::select! {
        result = Box::pin(walk(arguments, &mut house)) => result,
        () = &mut ended => Err(DemoError::Interrupted),
    };
    let result = match result {
        Ok(mut running) => {
            if stays(arguments) {
                tokio::select! {
                    result = running.follow() => result,
                    () = &mut ended => Ok(()),
                }
            } else {
                Ok(())
            }
        }
        Err(error) => Err(error),
    };
    house.close().await;
    result
}

/// Whether somebody is there for whom it goes on after the tour.
fn stays(arguments: &DemoArguments) -> bool {
    std::io::stdin().is_terminal() && !arguments.once
}

/// Builds everything and walks through it once.
async fn walk(arguments: &DemoArguments, house: &mut House) -> Result<Sidecar, DemoError> {
    output::say(&format!("sidegate demo: everything is kept in {}\n", shown(house.path())));
    output::say("1. A PostgreSQL of its own, reachable only through a socket in that directory.");
    let postgres = Postgres::start(house).await?;
    output::say("2. sidegate in front of it. It holds the database's password; clients have none.");
    let mut sidecar = Sidecar::start(house, &postgres, arguments).await?;
    tour::tour(&postgres, &mut sidecar).await?;
    output::say(&tour::farewell(house, &sidecar, stays(arguments)));
    Ok(sidecar)
}
