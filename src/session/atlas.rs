//! What is known of the databases behind one listener, and when sidegate looks again: when a session is the first of
//! its database, when somebody's statement changed it, when a name is not known, and every now and then. Looking
//! happens beside the sessions; they go on with what is known.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::catalog::{Power, Snapshot};
use crate::forward::Connector;
use crate::model::ListenerName;
use crate::parse::Trust;
use crate::telemetry::Metrics;

/// Databases whose catalogs are kept while nobody uses them.
const KEPT: usize = 16;
/// While it is used, a database is looked at this often, though nobody says that it changed.
const INTERVAL: Duration = Duration::from_secs(30);
/// From the end of a look to the next, at least: names that are not there must not keep the database busy.
const PAUSE: Duration = Duration::from_millis(50);
/// What is older than this is not relied on.
const OLD: Duration = Duration::from_secs(300);
/// How long a statement waits to be understood better.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an attempt that failed, and at most, since each that fails again waits twice as long.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The catalogs of one listener's databases.
pub(super) struct Atlas {
    pages: Mutex<VecDeque<Arc<Page>>>,
    opened: mpsc::UnboundedSender<Weak<Page>>,
    unkept: Mutex<Option<mpsc::UnboundedReceiver<Weak<Page>>>>,
}

/// What is known of one database.
#[derive(Debug)]
pub(super) struct Page {
    database: String,
    taken: ArcSwapOption<Taken>,
    /// Counts everything that asks for a look.
    asked: AtomicU64,
    /// What `asked` was when somebody last changed the database.
    changed: AtomicU64,
    /// The same of a change that may have made functions, or shown them to somebody.
    functions: AtomicU64,
    /// What `asked` was before the last look began that has ended, however it ended.
    looked: watch::Sender<u64>,
    /// Looking takes too long, or fails: nobody waits for it.
    unwell: AtomicBool,
    wish: Notify,
}

/// What is known, and how far it can be relied on.
pub(super) struct Seen {
    /// The catalog.
    pub(super) snapshot: Arc<Snapshot>,
    /// Whether it still holds.
    pub(super) trust: Trust,
    /// Whether what it says of functions does.
    pub(super) functions: Trust,
}

/// A look that succeeded.
#[derive(Debug)]
struct Taken {
    snapshot: Arc<Snapshot>,
    covers: u64,
    began: Instant,
}

impl Default for Atlas {
    fn default() -> Self {
        let (opened, unkept) = mpsc::unbounded_channel();
        Self { pages: Mutex::default(), opened, unkept: Mutex::new(Some(unkept)) }
    }
}

impl Atlas {
    /// The page of a database that a session was let into.
    pub(super) fn page(&self, database: &str) -> Arc<Page> {
        let mut pages = self.pages.lock();
        if let Some(page) = pages.iter().find(|page| page.database == database) {
            if page.is_old(INTERVAL) {
                page.ask();
            }
            return Arc::clone(page);
        }
        if pages.len() >= KEPT
            && let Some(at) = pages.iter().position(|page| Arc::strong_count(page) == 1)
        {
            pages.remove(at);
        }
        let page = Arc::new(Page::new(database));
        page.ask();
        pages.push_back(Arc::clone(&page));
        // Without a keeper nothing is ever known, and nobody waits.
        if self.opened.send(Arc::downgrade(&page)).is_err() {
            page.unwell.store(true, Ordering::Relaxed);
        }
        page
    }

    /// Looks whenever it is time, until it is dropped.
    pub(super) async fn keep(&self, connector: &Arc<Connector>, listener: &ListenerName, metrics: &Metrics) {
        let Some(mut opened) = self.unkept.lock().take() else { return };
        let mut looks = JoinSet::new();
        while let Some(page) = opened.recv().await {
            let (connector, listener, metrics) = (Arc::clone(connector), listener.clone(), metrics.clone());
            looks.spawn(async move { keep(page, &connector, &listener, &metrics).await });
            while looks.try_join_next().is_some() {}
        }
    }
}

/// Looks at one database whenever it is time, until nobody remembers it.
async fn keep(page: Weak<Page>, connector: &Connector, listener: &ListenerName, metrics: &Metrics) {
    let mut pause = Duration::ZERO;
    let mut warned = Vec::new();
    loop {
        sleep(pause).await;
        let Some(page) = page.upgrade() else { return };
        // Of those who hold it, the atlas and this are not sessions.
        let used = Arc::strong_count(&page) > 2;
        let again = used && page.unwell.load(Ordering::Relaxed);
        if !(page.is_wished() || again) {
            let wished = timeout(INTERVAL, page.wish.notified()).await.is_ok();
            if !(wished || used) {
                continue;
            }
        }
        let (covers, began) = (page.asked.load(Ordering::Acquire), Instant::now());
        let looked = connector.survey(&page.database).await;
        metrics.catalog_read(listener, looked.is_ok());
        match looked {
            Ok(snapshot) => {
                let took = began.elapsed();
                let (relations, bytes, version) = (snapshot.relation_count(), snapshot.bytes(), snapshot.version());
                tracing::debug!(%listener, database = %page.database, relations, bytes, version, ?took, "read a catalog");
                if let Some(powers) = snapshot.powers() {
                    metrics.excess_powers(listener, powers.len());
                    warn_of(powers, &mut warned, listener, &snapshot.server().user, &page.database);
                }
                page.take(Arc::new(snapshot), covers, began);
                // At most half of the time is spent on it.
                pause = took.max(PAUSE);
            }
            Err(error) => {
                if !page.unwell.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%listener, database = %page.database, %error, "a catalog was not read");
                }
                pause = pause.saturating_mul(2).clamp(RETRY.0, RETRY.1);
            }
        }
        page.looked.send_replace(covers);
    }
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

impl Page {
    fn new(database: &str) -> Self {
        Self {
            database: database.to_owned(),
            taken: ArcSwapOption::empty(),
            asked: AtomicU64::new(0),
            changed: AtomicU64::new(0),
            functions: AtomicU64::new(0),
            looked: watch::Sender::new(0),
            unwell: AtomicBool::new(false),
            wish: Notify::new(),
        }
    }

    fn take(&self, snapshot: Arc<Snapshot>, covers: u64, began: Instant) {
        let before = self.taken.load_full();
        // What says the same stays the same: nothing that was computed from it is computed again.
        let snapshot = match before {
            Some(before) if before.snapshot.says_the_same_as(&snapshot) => Arc::clone(&before.snapshot),
            Some(_) | None => snapshot,
        };
        self.taken.store(Some(Arc::new(Taken { snapshot, covers, began })));
        self.unwell.store(false, Ordering::Relaxed);
    }

    fn ask(&self) -> u64 {
        let ticket = self.asked.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        self.wish.notify_one();
        ticket
    }

    fn is_wished(&self) -> bool {
        self.asked.load(Ordering::Acquire) > *self.looked.borrow()
    }

    fn is_old(&self, age: Duration) -> bool {
        self.taken.load().as_ref().is_none_or(|taken| taken.began.elapsed() > age)
    }

    /// What is known, and how far it can be relied on.
    pub(super) fn known(&self) -> Option<Seen> {
        self.known_at(Instant::now())
    }

    fn known_at(&self, now: Instant) -> Option<Seen> {
        let taken = self.taken.load_full()?;
        let age = now.saturating_duration_since(taken.began);
        let trust = |changed: &AtomicU64| {
            if changed.load(Ordering::Acquire) > taken.covers || age > OLD { Trust::Outdated } else { Trust::Recent }
        };
        let (trust, functions) = (trust(&self.changed), trust(&self.functions));
        Some(Seen { snapshot: Arc::clone(&taken.snapshot), trust, functions })
    }

    /// Which catalog answers rest on: another number whenever they may be others.
    pub(super) fn stamp(&self) -> u64 {
        self.known().map_or(0, |Seen { snapshot, trust, functions }| {
            let outdated = |trust: Trust| u64::from(trust == Trust::Outdated);
            let version = snapshot.version().saturating_mul(4);
            version.saturating_add(outdated(trust).saturating_mul(2)).saturating_add(outdated(functions))
        })
    }

    /// A statement that changes the database is on its way, or is done for good.
    pub(super) fn changed(&self, functions: bool) {
        let ticket = self.ask();
        self.changed.fetch_max(ticket, Ordering::AcqRel);
        if functions {
            self.functions.fetch_max(ticket, Ordering::AcqRel);
        }
    }

    /// Whether nobody has looked yet, and somebody will.
    pub(super) fn is_new(&self) -> bool {
        *self.looked.borrow() == 0 && !self.unwell.load(Ordering::Relaxed)
    }

    /// Waits for a look that began after now; `false` when there is none soon.
    pub(super) async fn look_again(&self) -> bool {
        self.look_within(PATIENCE).await
    }

    async fn look_within(&self, patience: Duration) -> bool {
        if self.unwell.load(Ordering::Relaxed) {
            return false;
        }
        let ticket = self.ask();
        let mut looked = self.looked.subscribe();
        if timeout(patience, looked.wait_for(|looked| *looked >= ticket)).await.is_err() {
            self.unwell.store(true, Ordering::Relaxed);
        }
        self.taken.load().as_ref().is_some_and(|taken| taken.covers >= ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Builder, Table};

    fn snapshot(schema: &str) -> Arc<Snapshot> {
        let mut builder = Builder::default();
        let row = |texts: &[&'static str]| texts.iter().map(|text| Some(text.as_bytes())).collect::<Vec<_>>();
        builder.row(Table::Server, &row(&["150000", "shop", "app", "10", "f", "UTF8"])).unwrap();
        builder.row(Table::Namespaces, &[Some(b"7"), Some(schema.as_bytes()), Some(b"t"), Some(b"t")]).unwrap();
        Arc::new(builder.finish().unwrap())
    }

    #[test]
    fn what_is_known_is_relied_on_until_somebody_changes_it_or_it_is_old() {
        let (page, now) = (Page::new("shop"), Instant::now());
        let trust = |after: Duration| page.known_at(now + after).map(|seen| seen.trust);
        assert_eq!((trust(Duration::ZERO), page.stamp()), (None, 0));
        page.take(snapshot("a"), 0, now);
        assert_eq!(trust(OLD), Some(Trust::Recent));
        assert_eq!(trust(OLD + PAUSE), Some(Trust::Outdated));
        let before = page.stamp();
        page.changed(false);
        assert_eq!(trust(PAUSE), Some(Trust::Outdated));
        assert_eq!(page.known_at(now).map(|seen| seen.functions), Some(Trust::Recent));
        assert_ne!(page.stamp(), before);
        page.take(snapshot("a"), 0, now);
        assert_eq!(trust(PAUSE), Some(Trust::Outdated), "that look began before the change");
        page.take(snapshot("a"), 1, now);
        assert_eq!(trust(PAUSE), Some(Trust::Recent));
    }

    #[test]
    fn a_catalog_that_says_the_same_stays_the_same() {
        let page = Page::new("shop");
        page.take(snapshot("a"), 0, Instant::now());
        let before = page.stamp();
        page.take(snapshot("a"), 0, Instant::now());
        assert_eq!(page.stamp(), before);
        page.take(snapshot("b"), 0, Instant::now());
        assert_ne!(page.stamp(), before);
    }

    #[tokio::test]
    async fn nobody_waits_twice_for_a_look_that_does_not_end() {
        let page = Page::new("shop");
        assert!(!page.look_within(Duration::from_millis(1)).await);
        assert!(!page.look_within(Duration::from_secs(3600)).await);
        page.take(snapshot("a"), 1, Instant::now());
        page.looked.send_replace(1);
        let (looked, ()) = tokio::join!(page.look_within(Duration::from_secs(3600)), async {
            page.take(snapshot("a"), 2, Instant::now());
            page.looked.send_replace(2);
        });
        assert!(looked);
    }

    #[test]
    fn a_database_has_one_page_and_idle_ones_make_room() {
        let atlas = Atlas::default();
        let first = atlas.page("a");
        assert!(Arc::ptr_eq(&first, &atlas.page("a")));
        let used: Vec<_> = (0..40).map(|number| atlas.page(&number.to_string())).collect();
        assert_eq!(atlas.pages.lock().len(), used.len() + 1, "what is in use stays");
        drop((used, first));
        atlas.page("b");
        assert!(atlas.pages.lock().iter().any(|page| page.database == "b"));
    }

    #[test]
    fn functions_are_relied_on_until_a_change_may_have_made_some() {
        let (page, now) = (Page::new("shop"), Instant::now());
        page.take(snapshot("a"), 0, now);
        let before = page.stamp();
        page.changed(true);
        assert_eq!(page.known_at(now).map(|seen| seen.functions), Some(Trust::Outdated));
        assert_ne!(page.stamp(), before);
        page.take(snapshot("a"), 1, now);
        assert_eq!(page.known_at(now).map(|seen| seen.functions), Some(Trust::Recent));
    }
}
