//! How many refusals of strangers are written down: each is an event on the disk, and whoever proves nothing must not
//! fill it.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How many at once.
const BURST: u32 = 20;
/// And then one in this time.
const PACE: Duration = Duration::from_secs(1);

/// What may still be written down.
#[derive(Debug)]
pub(super) struct Strangers(Mutex<(u32, Instant)>);

impl Strangers {
    /// Nothing was written down yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new((BURST, Instant::now())))
    }

    /// Whether one more may be written down now.
    pub(super) fn admit(&self) -> bool {
        self.admit_at(Instant::now())
    }

    fn admit_at(&self, now: Instant) -> bool {
        let mut state = self.0.lock();
        let (left, since) = *state;
        let passed = now.saturating_duration_since(since).as_secs() / PACE.as_secs().max(1);
        let gained = u32::try_from(passed).unwrap_or(BURST);
        let left = left.saturating_add(gained).min(BURST);
        let since = if gained > 0 { now } else { since };
        *state = (left.saturating_sub(1), since);
        left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_few_and_then_one_a_second() {
        let strangers = Strangers::new();
        let begin = Instant::now();
        let admitted = |at: Duration| (0..10_000).filter(|_| strangers.admit_at(begin + at)).count();
        assert_eq!(admitted(Duration::ZERO), 20);
        assert_eq!(admitted(Duration::from_millis(900)), 0);
        assert_eq!(admitted(Duration::from_millis(2_100)), 2);
        assert_eq!(admitted(Duration::from_millis(2_900)), 0);
        assert_eq!(admitted(Duration::from_secs(86_400)), 20, "what was not used is not kept for ever");
    }
}
