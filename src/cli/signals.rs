//! SIGTERM and SIGINT: the first asks for a drain, the second for the end. SIGHUP asks the sidecar to read anew.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What the process was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Nothing: go on.
    No,
    /// Take no new sessions, let the open ones end.
    Drain,
    /// End at once.
    Now,
}

/// Watches for signals that end the process, from now on.
///
/// # Errors
/// Signals cannot be watched.
pub(super) fn watch() -> std::io::Result<watch::Receiver<Stop>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        for stop in [Stop::Drain, Stop::Now] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            sender.send_replace(stop);
        }
    });
    Ok(receiver)
}

/// Watches for SIGHUP, from now on. Several at once count as one.
///
/// # Errors
/// Signals cannot be watched.
pub(super) fn hangups() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}
