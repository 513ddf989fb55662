//! What the two directions of a session tell each other. Both live in one task, and what nobody waits for is remembered
//! until somebody does: one look tells of all of it, where a bell for each would have to be looked at one by one.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Poll, Waker};

use parking_lot::Mutex;

/// Some of the things that one may hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal(u8);

impl Signal {
    /// Nothing.
    pub(super) const NONE: Self = Self(0);
    /// An answer was settled.
    pub(super) const ANSWERED: Self = Self(1);
    /// The server owes nothing and no transaction is open, if somebody may wait for it; or draining begins.
    pub(super) const WENT_QUIET: Self = Self(2);
    /// A Sync that was held back is wanted after all.
    pub(super) const SYNC_WANTED: Self = Self(4);

    /// A message that fails is [wanted](super::state::State::wanted).
    pub(super) const FAILURE_WANTED: Self = Self(8);

    /// These, and others.
    pub(super) fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// These, if it is so.
    pub(super) fn only_if(self, so: bool) -> Self {
        if so { self } else { Self::NONE }
    }

    /// Whether this is among them.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The signals of one session. One waits at a time.
#[derive(Debug, Default)]
pub(super) struct Signals {
    given: AtomicU8,
    /// What the waker waits for.
    awaited: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

impl Signals {
    /// Gives a signal; given twice before anybody hears it, it is heard once.
    pub(super) fn give(&self, signal: Signal) {
        self.given.fetch_or(signal.0, Ordering::SeqCst);
        if self.awaited.load(Ordering::SeqCst) & signal.0 != 0
            && let Some(waker) = self.waker.lock().take()
        {
            waker.wake();
        }
    }

    /// Waits for any of these, and gives those that were given since they were heard last.
    pub(super) async fn heard(&self, any: Signal) -> Signal {
        poll_fn(|context| {
            let taken = self.take(any);
            if taken != Signal::NONE {
                return Poll::Ready(taken);
            }
            {
                let mut waker = self.waker.lock();
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    *waker = Some(context.waker().clone());
                }
            }
            self.awaited.store(any.0, Ordering::SeqCst);
            // Given before it was known that anybody waits.
            match self.take(any) {
                Signal::NONE => Poll::Pending,
                taken => Poll::Ready(taken),
            }
        })
        .await
    }

    /// Those of these that were given since they were heard last.
    pub(super) fn take(&self, any: Signal) -> Signal {
        if self.given.load(Ordering::SeqCst) & any.0 == 0 {
            return Signal::NONE;
        }
        Signal(self.given.fetch_and(!any.0, Ordering::SeqCst) & any.0)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_was_given_before_anybody_waits_is_heard_once() {
        let signals = Signals::default();
        signals.give(Signal::ANSWERED);
        signals.give(Signal::ANSWERED);
        signals.give(Signal::SYNC_WANTED);
        assert_eq!(signals.heard(Signal::ANSWERED.and(Signal::WENT_QUIET)).await, Signal::ANSWERED);
        let again = tokio::time::timeout(Duration::from_millis(1), signals.heard(Signal::ANSWERED)).await;
        assert!(again.is_err());
        assert!(signals.heard(Signal::SYNC_WANTED).await.has(Signal::SYNC_WANTED));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_waits_hears_every_signal_whoever_gives_it() {
        let (signals, turn) = (Arc::new(Signals::default()), Arc::new(Signals::default()));
        let giver = {
            let (signals, turn) = (Arc::clone(&signals), Arc::clone(&turn));
            tokio::spawn(async move {
                for _ in 0..10_000 {
                    signals.give(Signal::WENT_QUIET);
                    turn.heard(Signal::ANSWERED).await;
                }
            })
        };
        for _ in 0..10_000 {
            assert_eq!(signals.heard(Signal::WENT_QUIET.and(Signal::SYNC_WANTED)).await, Signal::WENT_QUIET);
            turn.give(Signal::ANSWERED);
        }
        giver.await.unwrap();
    }

    #[test]
    fn what_nobody_waits_for_wakes_nobody() {
        struct Bell(AtomicU8);
        impl std::task::Wake for Bell {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (signals, bell) = (Signals::default(), Arc::new(Bell(AtomicU8::new(0))));
        let waker = Waker::from(Arc::clone(&bell));
        let mut waiting = std::pin::pin!(signals.heard(Signal::WENT_QUIET));
        let mut poll = || waiting.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        assert!(poll().is_pending());
        signals.give(Signal::ANSWERED);
        assert_eq!(bell.0.load(Ordering::Relaxed), 0);
        signals.give(Signal::WENT_QUIET);
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        assert_eq!(poll(), Poll::Ready(Signal::WENT_QUIET));
    }
}
