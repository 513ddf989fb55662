//! The wall clock, as far as identities go by it: it never goes back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::time::Instant;

/// A clock that remembers the latest second it ever showed, so that setting it back makes no expired token valid.
#[derive(Debug)]
pub(super) struct Clock {
    seen: AtomicI64,
    read: fn() -> i64,
}

/// The end of an identity, the skew included.
#[derive(Clone, Debug)]
pub(super) struct Expiry {
    /// In seconds since 1970.
    at: i64,
    /// The same on the clock that nobody can set.
    deadline: Instant,
    clock: Arc<Clock>,
}

/// How long a sleeper takes at most to notice that the wall clock was set forward.
const LOOK: Duration = Duration::from_secs(30);

impl Clock {
    /// The machine's clock, one for the whole process.
    pub(super) fn system() -> Arc<Self> {
        static SYSTEM: LazyLock<Arc<Clock>> = LazyLock::new(|| Clock::reading(|| jiff::Timestamp::now().as_second()));
        Arc::clone(&SYSTEM)
    }

    /// Another clock.
    pub(super) fn reading(read: fn() -> i64) -> Arc<Self> {
        Arc::new(Self { seen: AtomicI64::new(i64::MIN), read })
    }

    /// Seconds since 1970; never less than before.
    pub(super) fn now(&self) -> i64 {
        let now = (self.read)();
        self.seen.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

impl Expiry {
    /// The end at `at`, plus `skew`.
    pub(super) fn new(clock: &Arc<Clock>, at: i64, skew: Duration) -> Self {
        let at = at.saturating_add(i64::try_from(skew.as_secs()).unwrap_or(0));
        let left = u64::try_from(at.saturating_sub(clock.now())).unwrap_or(0);
        let now = Instant::now();
        // Further away than the clock can say is as good as never; the wall clock still counts.
        let deadline = now.checked_add(Duration::from_secs(left.min(1 << 31))).unwrap_or(now);
        Self { at, deadline, clock: Arc::clone(clock) }
    }

    /// Whether the identity has ended, by either clock.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline || self.clock.now() >= self.at
    }

    /// Returns once it has.
    pub(super) async fn reached(&self) {
        while !self.is_over() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            tokio::time::sleep(left.min(LOOK)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_shows_what_it_showed() {
        static WALL: AtomicI64 = AtomicI64::new(1_000);
        let clock = Clock::reading(|| WALL.load(Ordering::Relaxed));
        assert_eq!(clock.now(), 1_000);
        WALL.store(2_000, Ordering::Relaxed);
        assert_eq!(clock.now(), 2_000);
        WALL.store(-300_000_000, Ordering::Relaxed);
        assert_eq!(clock.now(), 2_000, "ten years back");
        WALL.store(2_001, Ordering::Relaxed);
        assert_eq!(clock.now(), 2_001);
    }

    #[tokio::test]
    async fn an_identity_ends_by_whichever_clock_says_so_first() {
        static WALL: AtomicI64 = AtomicI64::new(0);
        let clock = Clock::reading(|| WALL.load(Ordering::Relaxed));
        WALL.store(1_000, Ordering::Relaxed);
        let expiry = Expiry::new(&clock, 1_100, Duration::from_secs(60));
        let left = expiry.deadline.saturating_duration_since(Instant::now());
        assert!(left > Duration::from_secs(150) && left <= Duration::from_secs(160) && !expiry.is_over());
        let deadline = Instant::now() + Duration::from_millis(50);
        let by_time = Expiry { deadline, ..expiry.clone() };
        by_time.reached().await;
        assert!(Instant::now() >= deadline, "the wall clock stood still all the time");
        WALL.store(1_159, Ordering::Relaxed);
        assert!(!expiry.is_over());
        WALL.store(1_160, Ordering::Relaxed);
        assert!(expiry.is_over(), "the second of its end is not part of it");
        WALL.store(0, Ordering::Relaxed);
        assert!(expiry.is_over(), "what ended does not begin again");
    }
}
