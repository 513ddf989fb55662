//! SIGTERM and SIGINT: the first asks for a drain, the second for the end.

use tokio::signal::unix::{SignalKind, signal};
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

/// Watches the process' signals from now on. SIGHUP counts, too: a closed terminal must not leave anything behind.
///
/// # Errors
/// Signals cannot be watched.
pub(super) fn watch() -> std::io::Result<watch::Receiver<Stop>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (sender, receiver) = watch::channel(Stop::No);
    tokio::spawn(async move {
        for stop in [Stop::Drain, Stop::Now] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            }
            sender.send_replace(stop);
        }
    });
    Ok(receiver)
}
