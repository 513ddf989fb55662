//! The wall clock, as far as identities go by it: setting it back makes nothing valid again.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::time::Instant;

/// A clock that is never behind the time at which it began plus what has passed since on a clock that nobody can set.
/// It follows the wall clock forward, and back again as far as that: a wall clock that is far ahead by mistake ends
/// identities, and when it is set right tokens are valid again without a restart.
#[derive(Debug)]
pub(super) struct Clock {
    began: i64,
    read: fn() -> i64,
    passed: fn() -> i64,
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
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        static SYSTEM: LazyLock<Arc<Clock>> = LazyLock::new(|| {
            let passed = || i64::try_from(BEGAN.elapsed().as_secs()).unwrap_or(i64::MAX);
            Clock::reading(|| jiff::Timestamp::now().as_second(), passed)
        });
        Arc::clone(&SYSTEM)
    }

    /// Another clock: what it shows, and the seconds that have passed since some beginning.
    pub(super) fn reading(read: fn() -> i64, passed: fn() -> i64) -> Arc<Self> {
        Arc::new(Self { began: read().saturating_sub(passed()), read, passed })
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        (self.read)().max(self.began.saturating_add((self.passed)()))
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
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_what_is_certain() {
        static WALL: AtomicI64 = AtomicI64::new(1_000);
        static PASSED: AtomicI64 = AtomicI64::new(70);
        let clock = Clock::reading(|| WALL.load(Ordering::Relaxed), || PASSED.load(Ordering::Relaxed));
        let at = |wall: i64, passed: i64| {
            WALL.store(wall, Ordering::Relaxed);
            PASSED.store(passed, Ordering::Relaxed);
            clock.now()
        };
        assert_eq!(at(1_000, 70), 1_000);
        assert_eq!(at(1_100, 170), 1_100);
        assert_eq!(at(-300_000_000, 180), 1_110, "ten years back");
        assert_eq!(at(300_000_000, 190), 300_000_000, "ten years ahead by mistake");
        assert_eq!(at(1_130, 200), 1_130, "set right, it is right");
        assert_eq!(at(900, 210), 1_140);
    }

    #[tokio::test]
    async fn an_identity_ends_by_whichever_clock_says_so_first() {
        static WALL: AtomicI64 = AtomicI64::new(0);
        static PASSED: AtomicI64 = AtomicI64::new(0);
        WALL.store(1_000, Ordering::Relaxed);
        let clock = Clock::reading(|| WALL.load(Ordering::Relaxed), || PASSED.load(Ordering::Relaxed));
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
        PASSED.store(160, Ordering::Relaxed);
        assert!(expiry.is_over(), "what ended does not begin again");
    }
}
