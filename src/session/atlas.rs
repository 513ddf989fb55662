//! What is known of the databases behind one listener, and when sidegate looks again: when a session is the first of
//! its database, when somebody's statement changed it, when a name is not known, and every now and then. Looking
//! happens beside the sessions; they go on with what is known.

mod keeper;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::catalog::{Relation, Snapshot};
use crate::forward::Connector;
use crate::model::ListenerName;
use crate::parse::{Definitions, Trust};
use crate::telemetry::Metrics;

/// Databases whose catalogs are kept while nobody uses them.
const KEPT: usize = 16;
/// While it is used, a database is looked at this often, though nobody says that it changed.
const INTERVAL: Duration = Duration::from_secs(30);
/// What is older than this is not relied on.
const OLD: Duration = Duration::from_secs(300);
/// How long a statement waits to be understood better.
const PATIENCE: Duration = Duration::from_secs(10);

/// The catalogs of one listener's databases.
pub(super) struct Atlas {
    pages: Mutex<VecDeque<Arc<Page>>>,
    opened: mpsc::UnboundedSender<Weak<Page>>,
    unkept: Mutex<Option<mpsc::UnboundedReceiver<Weak<Page>>>>,
}

/// What is known of one database.
#[derive(Debug)]
pub(super) struct Page {
    database: Arc<str>,
    taken: ArcSwapOption<Taken>,
    /// Counts everything that asks for a look.
    asked: AtomicU64,
    /// What definitions have left uncertain since the last look.
    unsettled: Mutex<Unsettled>,
    /// All of that together.
    defined: ArcSwap<Definitions>,
    /// Counts what makes answers others.
    turns: AtomicU64,
    /// What `asked` was before the last look began that has ended, however it ended.
    looked: watch::Sender<u64>,
    /// Looking takes too long, or fails: nobody waits for it.
    unwell: AtomicBool,
    wish: Arc<Notify>,
}

/// Definitions that no look has covered.
#[derive(Debug, Default)]
struct Unsettled {
    /// What `asked` was when they were made, and what they move.
    made: Vec<(u64, Definitions)>,
    /// Those that may be made at any moment.
    held: Vec<Held>,
    holds: u64,
    /// Of the held ones those whose sessions have gone, with what their server's processes are called.
    orphans: Vec<(u64, i32)>,
    /// Somebody was told that nobody says when those have gone.
    untold: bool,
}

/// Definitions that may be made at any moment.
#[derive(Debug)]
struct Held {
    number: u64,
    defined: Definitions,
    since: Instant,
    /// Ends the session that holds them; nothing for one that has gone.
    over: Option<Arc<Notify>>,
}

/// A statement that leaves names of others uncertain while it runs may run this long.
pub(super) const HELD: Duration = Duration::from_secs(900);

/// More definitions since the last look are not told apart.
const APART: usize = 64;

/// Nor are those that take so many bytes together.
const HEAVY: usize = 4 << 20;

/// What is known, and how far it can be relied on.
pub(super) struct Seen {
    /// The catalog.
    pub(super) snapshot: Arc<Snapshot>,
    /// Whether it still holds.
    pub(super) trust: Trust,
    /// Which names may mean something else by now.
    pub(super) defined: Arc<Definitions>,
    /// When the look began: no two began at once.
    pub(super) began: Instant,
}

/// While it lives, definitions may be made that nobody has heard of yet.
#[derive(Debug)]
pub(super) struct Hold {
    page: Arc<Page>,
    number: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.page.let_go(self.number);
    }
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
        if let Some(page) = pages.iter().find(|page| *page.database == *database) {
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
            looks.spawn(async move { keeper::keep(page, &connector, &listener, &metrics).await });
            while looks.try_join_next().is_some() {}
        }
    }
}

impl Page {
    fn new(database: &str) -> Self {
        Self {
            database: Arc::from(database),
            taken: ArcSwapOption::empty(),
            asked: AtomicU64::new(0),
            unsettled: Mutex::default(),
            defined: ArcSwap::default(),
            turns: AtomicU64::new(0),
            looked: watch::Sender::new(0),
            unwell: AtomicBool::new(false),
            wish: Arc::default(),
        }
    }

    fn take(&self, snapshot: Arc<Snapshot>, covers: u64, began: Instant) {
        self.release(&snapshot);
        let before = self.taken.load_full();
        // What says the same stays the same: nothing that was computed from it is computed again.
        let snapshot = match &before {
            Some(before)
                if before.snapshot.says_the_same_as(&snapshot)
                    && (before.snapshot.has_definitions() || !snapshot.has_definitions()) =>
            {
                Arc::clone(&before.snapshot)
            }
            Some(_) | None => snapshot,
        };
        let other = before.is_none_or(|before| before.snapshot != snapshot);
        // Before the definitions that it covers are forgotten: whoever reads both reads them the other way round.
        self.taken.store(Some(Arc::new(Taken { snapshot, covers, began })));
        let mut unsettled = self.unsettled.lock();
        unsettled.made.retain(|(made, _)| *made > covers);
        self.tell(&unsettled, other);
        self.unwell.store(false, Ordering::Relaxed);
    }

    /// Puts what is unsettled together.
    fn tell(&self, unsettled: &Unsettled, other: bool) {
        let mut all = Definitions::default();
        let made = unsettled.made.iter().map(|(_, defined)| defined);
        let each = made.chain(unsettled.held.iter().map(|held| &held.defined));
        each.clone().for_each(|defined| all.extend(defined));
        let moved = all != **self.defined.load();
        if moved && all.is_everything() && !each.clone().any(Definitions::is_everything) {
            tracing::warn!(
                database = %self.database,
                limit = Definitions::MANY,
                "more names were changed at once than are told apart: until the catalog is read again none is certain"
            );
        }
        if moved {
            self.defined.store(Arc::new(all));
        }
        if moved || other {
            self.turns.fetch_add(1, Ordering::AcqRel);
        }
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
        let defined = self.defined.load_full();
        let taken = self.taken.load_full()?;
        let age = now.saturating_duration_since(taken.began);
        let trust = if age > OLD { Trust::Outdated } else { Trust::Recent };
        Some(Seen { snapshot: Arc::clone(&taken.snapshot), trust, defined, began: taken.began })
    }

    /// When the last look began that succeeded.
    pub(super) fn looked_at(&self) -> Option<Instant> {
        self.taken.load().as_ref().map(|taken| taken.began)
    }

    /// Which catalog answers rest on: another number whenever they may be others.
    pub(super) fn stamp(&self) -> u64 {
        let turns = self.turns.load(Ordering::Acquire);
        turns.saturating_mul(2).saturating_add(u64::from(self.is_old(OLD)))
    }

    /// Statements that define something are on their way, or are done for good.
    pub(super) fn changed(&self, defined: &Definitions) {
        if !defined.is_empty() {
            let defined = self.widened(defined);
            self.made(&mut self.unsettled.lock(), defined);
        }
    }

    fn made(&self, unsettled: &mut Unsettled, defined: Definitions) {
        let ticket = self.ask();
        let made = &mut unsettled.made;
        match made.iter_mut().find(|(_, known)| *known == defined) {
            Some((last, _)) => *last = ticket,
            None => made.push((ticket, defined)),
        }
        let weight = || made.iter().map(|(_, defined)| defined.weight()).fold(0, usize::saturating_add);
        if made.len() > APART || weight() > HEAVY {
            let mut all = Definitions::default();
            made.drain(..).for_each(|(_, defined)| all.extend(&defined));
            made.push((ticket, all));
        }
        self.tell(unsettled, false);
    }

    /// Definitions that may be made at any moment, until the hold is let go. `over` is rung where that takes too long.
    pub(super) fn hold(self: &Arc<Self>, defined: &Definitions, over: &Arc<Notify>) -> Hold {
        let number = self.held(defined, &mut self.unsettled.lock(), Some(Arc::clone(over)));
        Hold { page: Arc::clone(self), number }
    }

    fn held(&self, defined: &Definitions, unsettled: &mut Unsettled, over: Option<Arc<Notify>>) -> u64 {
        unsettled.holds = unsettled.holds.saturating_add(1);
        let number = unsettled.holds;
        unsettled.held.push(Held { number, defined: self.widened(defined), since: Instant::now(), over });
        self.tell(unsettled, false);
        number
    }

    /// Ends the sessions whose statements have left names of others uncertain for too long.
    pub(super) fn end_overdue(&self, now: Instant) {
        for held in &self.unsettled.lock().held {
            let overdue = now.saturating_duration_since(held.since) > HELD && held.defined.reach_far();
            held.over.iter().filter(|_| overdue).for_each(|over| over.notify_one());
        }
    }

    fn let_go(&self, number: u64) {
        let mut unsettled = self.unsettled.lock();
        if let Some(at) = unsettled.held.iter().position(|held| held.number == number) {
            let Held { defined, .. } = unsettled.held.swap_remove(at);
            self.made(&mut unsettled, defined);
        }
    }

    /// Definitions that the server may still make for a session that has gone: they are held until its process has, too.
    pub(super) fn orphan(&self, defined: &Definitions, process: i32) {
        let mut unsettled = self.unsettled.lock();
        let number = self.held(defined, &mut unsettled, None);
        unsettled.orphans.push((number, process));
        drop(unsettled);
        self.ask();
    }

    /// The longer they take, the less often they are asked about.
    fn waits_for_orphans(&self) -> Duration {
        let unsettled = self.unsettled.lock();
        let orphans = unsettled.held.iter().filter(|held| held.over.is_none());
        orphans.map(|held| held.since.elapsed() / 20).min().unwrap_or_default().min(INTERVAL)
    }

    fn has_orphans(&self) -> bool {
        !self.unsettled.lock().orphans.is_empty()
    }

    /// What was held for processes that are gone is made now, or never.
    fn release(&self, snapshot: &Snapshot) {
        let gone: Vec<u64> = {
            let mut unsettled = self.unsettled.lock();
            if !unsettled.orphans.is_empty() && snapshot.has_backend(0).is_none() && !unsettled.untold {
                unsettled.untold = true;
                tracing::warn!(
                    database = %self.database,
                    "the server does not tell which sessions there are, so names that lost sessions were changing stay \
                     unknown: grant execute on `pg_stat_get_backend_idset()` and `pg_stat_get_backend_pid(integer)`"
                );
            }
            // Who is not told has not gone.
            let is_there = |process: i32| snapshot.has_backend(process).unwrap_or(true);
            let (kept, gone): (Vec<_>, Vec<_>) =
                unsettled.orphans.drain(..).partition(|(_, process)| is_there(*process));
            unsettled.orphans = kept;
            gone.into_iter().map(|(number, _)| number).collect()
        };
        gone.into_iter().for_each(|number| self.let_go(number));
    }

    /// What changes a table changes what inherits from it.
    fn widened(&self, defined: &Definitions) -> Definitions {
        // Others cannot tell whether it was made.
        let mut all = defined.clone().without_tables();
        let Some(taken) = self.taken.load_full() else { return all };
        let snapshot = &taken.snapshot;
        for (schema, name) in defined.relation_names() {
            let meant = |relation: &Relation<'_>| schema.is_none_or(|schema| relation.schema() == schema);
            for relation in snapshot.relations_named(name).filter(meant) {
                let family = relation.family();
                if family.len() > 1 {
                    let place = |one: Relation<'_>| (Some(one.schema().to_owned()), one.name().to_owned());
                    all.extend(&Definitions::relations(family.into_values().map(place)));
                }
            }
        }
        all
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
mod tests;
