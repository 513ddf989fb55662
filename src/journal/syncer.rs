//! The thread that brings the file to the disk, keeps the spare segment, and finds a way on when the disk
//! has failed. It never calls `fdatasync` again on a file where it failed once: the kernel may say that all
//! is well although pages were dropped.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::JournalError;
use super::appender::{Appender, SYNC_EARLY, Shared, Waiter, When, begin, spare_path};
use super::payload::GapPayload;
use super::segment::{self, Segment};

const RETRY: Duration = Duration::from_millis(100);

/// Runs until the journal is ended and everything in it is on the disk, or cannot be brought there. A defect counts as
/// a disk that failed: without this thread, nothing would get there any more.
pub(super) fn run(shared: &Shared) {
    let mut retry = Instant::now();
    loop {
        match catch_unwind(AssertUnwindSafe(|| turn(shared, retry))) {
            Ok(Turn::End) => return,
            Ok(Turn::Done) => {}
            Ok(Turn::Failed) => retry = Instant::now() + RETRY,
            Err(_) => {
                doubt(shared);
                retry = Instant::now() + RETRY;
            }
        }
    }
}

/// What came of looking once.
enum Turn {
    Done,
    Failed,
    End,
}

/// Waits until there is something to do, and does it.
fn turn(shared: &Shared, retry: Instant) -> Turn {
    let mut appender = shared.appender.lock();
    while let Some(until) = idle_until(&appender, shared, retry) {
        if shared.work.wait_until(&mut appender, until).timed_out() {
            break;
        }
    }
    if appender.ended {
        // What is stuck at the end stays so: nobody can make room and say so.
        let _ = appender.commit(shared);
    }
    if appender.ended && (appender.is_synced() || appender.refusing.is_some()) {
        let end = appender.refusing.clone().or_else(|| appender.stuck.clone()).map_or(Ok(()), Err);
        answer(std::mem::take(&mut appender.waiters), &end);
        return Turn::End;
    }
    let refusing = appender.refusing.clone();
    drop(appender);
    let ready = Instant::now() >= retry;
    // The spare first: a sync can take long, and meanwhile there is work to be taken.
    let spared = if ready && refusing.is_none() { keep_spare(shared) } else { Ok(()) };
    shared.room.notify_waiters();
    let synced = refusing.map_or_else(|| sync(shared), |error| recover(shared, error));
    if ready {
        pay_owed(shared);
    }
    shared.room.notify_waiters();
    if ready && (synced.is_err() || spared.is_err()) { Turn::Failed } else { Turn::Done }
}

/// Nobody knows how far a turn got that ended by a defect.
fn doubt(shared: &Shared) {
    let mut appender = shared.appender.lock();
    appender.syncing = None;
    appender.refusing = Some(JournalError::Defect);
    answer(std::mem::take(&mut appender.waiters), &Err(JournalError::Defect));
}

/// Until when there is nothing to do; `None` when there is. What failed is not tried again before `retry`.
fn idle_until(appender: &Appender, shared: &Shared, retry: Instant) -> Option<Instant> {
    if !appender.waiters.is_empty() || appender.ended {
        return None;
    }
    let refusing = appender.refusing.is_some();
    if !refusing && (!appender.sealing.is_empty() || appender.unsynced > SYNC_EARLY) {
        return None;
    }
    let now = Instant::now();
    let far = now + Duration::from_secs(3600);
    let sync = appender.oldest.filter(|_| !refusing).map_or(far, |oldest| oldest + shared.settings.sync);
    let lacking = refusing || appender.stuck.is_some() || appender.spare.is_none() || !shared.owed.lock().is_empty();
    let due = match (&appender.stuck, lacking) {
        // Nothing can be synced before it is written.
        (Some(_), _) => retry,
        (None, true) => sync.min(retry),
        (None, false) => sync,
    };
    (due > now).then_some(due)
}

/// One `fdatasync` for all that is in the file now.
fn sync(shared: &Shared) -> Result<(), JournalError> {
    let mut appender = shared.appender.lock();
    // What waits goes with it, if it can; whoever waits for the disk is in the file already.
    let committed = appender.commit(shared);
    // A write may have failed since this was looked at; then there is nothing to sync but a file in doubt.
    if let Some(error) = &appender.refusing {
        return Err(error.clone());
    }
    if appender.is_synced() && appender.sealing.is_empty() {
        answer(std::mem::take(&mut appender.waiters), &Ok(()));
        return committed;
    }
    let (upto, bytes) = (shared.written.load(Ordering::Acquire), appender.in_file());
    let waiters = std::mem::take(&mut appender.waiters);
    let sealing = std::mem::take(&mut appender.sealing);
    let current = appender.segment.clone();
    appender.oldest = None;
    appender.syncing = Some(Instant::now());
    drop(appender);

    // Older segments first: a record on the disk has all before it on the disk.
    let rolled = !sealing.is_empty();
    let begun = Instant::now();
    let result = sealing
        .iter()
        .try_for_each(Segment::seal)
        .and_then(|()| if rolled { segment::sync_directory(&shared.directory) } else { Ok(()) })
        .and_then(|()| current.sync());

    let mut appender = shared.appender.lock();
    appender.syncing = None;
    match &result {
        Ok(()) => {
            shared.settings.metrics.journal_synced(begun.elapsed());
            appender.synced = upto;
            appender.unsynced = appender.unsynced.saturating_sub(bytes);
            if appender.unsynced > 0 && appender.oldest.is_none() {
                appender.oldest = Some(Instant::now());
            }
        }
        Err(error) => appender.refusing = Some(error.clone()),
    }
    drop(appender);
    answer(waiters, &result);
    result.and(committed)
}

/// Leaves every file in doubt behind and goes on in a new one, which must reach the disk first.
/// Nobody writes while `refusing` is set, so that the numbers stay as they are.
fn recover(shared: &Shared, cause: JournalError) -> Result<(), JournalError> {
    let mut appender = shared.appender.lock();
    answer(std::mem::take(&mut appender.waiters), &Err(cause));
    appender.lose(shared);
    let (synced, next) = (appender.synced, appender.next);
    drop(appender);

    // Written also when nothing is missing: what a failed write left behind the last record is explained by it.
    let gap = GapPayload { from: synced, to: next.checked_sub(1), reason: Cow::Borrowed("disk_error") };
    let attempt = || {
        let mut fresh = Segment::create(shared.directory.join("probe"), shared.settings.segment)?;
        let after = begin(&mut fresh, &shared.settings, next, synced, Some(&gap))?;
        fresh.sync()?;
        fresh.publish(&shared.directory, next)?;
        segment::sync_directory(&shared.directory)?;
        Ok((fresh, after))
    };
    let result: Result<(Segment, u64), JournalError> = attempt();

    let mut appender = shared.appender.lock();
    match result {
        Ok((fresh, after)) => {
            tracing::error!(
                from = synced,
                to = next.saturating_sub(1),
                "journal goes on in a new segment after a disk error"
            );
            appender.segment = fresh;
            // What it named stands in a file that was left behind.
            appender.splicer.forget();
            appender.sealing.clear();
            appender.next = after;
            shared.written.store(after, Ordering::Release);
            appender.synced = after;
            appender.unsynced = 0;
            appender.oldest = None;
            appender.refusing = None;
            Ok(())
        }
        Err(error) => {
            drop(appender);
            // A probe that stays behind would only take space.
            let _ = segment::remove(&shared.directory.join("probe"));
            shared.appender.lock().refusing = Some(error.clone());
            Err(error)
        }
    }
}

/// Makes the next segment ahead of its need.
fn keep_spare(shared: &Shared) -> Result<(), JournalError> {
    {
        let appender = shared.appender.lock();
        if appender.spare.is_some() || appender.refusing.is_some() || appender.ended {
            return Ok(());
        }
    }
    let made = Segment::create(spare_path(&shared.directory), shared.settings.segment);
    let mut appender = shared.appender.lock();
    match made {
        Ok(spare) => {
            appender.spare = Some(spare);
            appender.spareless = None;
            Ok(())
        }
        Err(error) => {
            appender.spareless = Some(error.clone());
            Err(error)
        }
    }
}

/// Writes outcomes that the disk did not take when they were known.
pub(super) fn pay_owed(shared: &Shared) {
    let mut appender = shared.appender.lock();
    if appender.refusing.is_some() {
        return;
    }
    // What waits first: should it be lost, its outcomes are owed, too.
    if appender.commit(shared).is_err() {
        return;
    }
    let mut owed = shared.owed.lock();
    // Taken away once it is written: a defect in between must not lose it.
    while let Some(draft) = owed.last_mut() {
        if appender.append(draft, When::Now, shared).is_err() {
            return;
        }
        owed.pop();
        appender.open = appender.open.saturating_sub(1);
        appender.oldest.get_or_insert_with(Instant::now);
    }
}

fn answer(waiters: Vec<Waiter>, result: &Result<(), JournalError>) {
    for waiter in waiters {
        // Who went away needs no answer.
        let _ = waiter.send(result.clone());
    }
}
