//! Looks at one database's catalog whenever it is time.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{INTERVAL, Page};
use crate::catalog::Power;
use crate::forward::Connector;
use crate::model::ListenerName;
use crate::telemetry::Metrics;

/// From the end of a look to the next, at least: names that are not there must not keep the database busy.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// While the server still works for a session that has gone, and nobody else says when that is over.
const ORPHANS: Duration = Duration::from_millis(250);
/// After an attempt that failed, and at most, since each that fails again waits twice as long.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Looks at one database whenever it is time, until nobody remembers it.
pub(super) async fn keep(page: Weak<Page>, connector: &Connector, listener: &ListenerName, metrics: &Metrics) {
    let mut pause = Duration::ZERO;
    let mut warned = Vec::new();
    let mut failed = false;
    loop {
        sleep(pause).await;
        let Some(due) = is_due(&page).await else { return };
        page.upgrade().into_iter().for_each(|page| page.end_overdue(Instant::now()));
        if !due {
            continue;
        }
        let Some(database) =
            page.upgrade().map(|page| (Arc::clone(&page.database), page.asked.load(Ordering::Acquire)))
        else {
            return;
        };
        let ((database, covers), began) = (database, Instant::now());
        // Nobody is kept by being looked at.
        let looked = connector.survey(&database).await;
        metrics.catalog_read(listener, looked.is_ok());
        let Some(page) = page.upgrade() else { return };
        // One connection may end for many reasons: those who wait go on waiting for the next.
        let again = looked.is_err() && !failed;
        failed = looked.is_err();
        match looked {
            Ok(snapshot) => {
                let took = began.elapsed();
                let (relations, bytes, version) = (snapshot.relation_count(), snapshot.bytes(), snapshot.version());
                tracing::debug!(%listener, %database, relations, bytes, version, ?took, "read a catalog");
                if let Some(powers) = snapshot.powers() {
                    metrics.excess_powers(listener, powers.len());
                    warn_of(powers, &mut warned, listener, &snapshot.server().user, &database);
                }
                page.take(Arc::new(snapshot), covers, began);
                // At most half of the time is spent on it.
                pause = took.max(PAUSE);
                if page.has_orphans() {
                    // Until the server has done what it was left with.
                    page.ask();
                    pause = pause.max(ORPHANS).max(page.waits_for_orphans());
                }
            }
            Err(error) if again => {
                tracing::debug!(%listener, %database, %error, "a catalog was not read, and is read again");
                page.ask();
                pause = PAUSE;
                continue;
            }
            Err(error) => {
                if !page.unwell.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%listener, %database, %error, "a catalog was not read");
                }
                pause = pause.saturating_mul(2).clamp(RETRY.0, RETRY.1);
            }
        }
        page.looked.send_replace(covers);
    }
}

/// Waits until it is time to look, or until enough has passed to see whether it is; `None` once nobody remembers it.
pub(super) async fn is_due(page: &Weak<Page>) -> Option<bool> {
    let wish = {
        let page = page.upgrade()?;
        // Of those who hold it, the atlas and this are not sessions.
        let used = Arc::strong_count(&page) > 2;
        if page.is_wished() || (used && page.unwell.load(Ordering::Relaxed)) {
            return Some(true);
        }
        Arc::clone(&page.wish)
    };
    let wished = timeout(INTERVAL, wish.notified()).await.is_ok();
    let page = page.upgrade()?;
    // Whoever wished it may have been served by the look before.
    Some(if wished { page.is_wished() } else { Arc::strong_count(&page) > 2 })
}

/// Says what the role may do too much, once for each change of it.
fn warn_of(powers: &[Power], warned: &mut Vec<Power>, listener: &ListenerName, role: &str, database: &str) {
    if powers == warned.as_slice() {
        return;
    }
    if !powers.is_empty() {
        let mut what: Vec<&str> = powers.iter().map(|power| &*power.what).collect();
        what.dedup();
        let (count, what) = (powers.len(), what.join("; "));
        tracing::warn!(
            %listener, database, role, count, what,
            "the upstream role may do more than statements need: `sidegate check --upstream` has the statements that mend it"
        );
    }
    *warned = powers.to_vec();
}
