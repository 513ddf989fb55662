//! What one session makes sidegate keep for it: prepared statements, portals, cursors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the names of one session may hold.
pub(super) const LIMIT: usize = 16 << 20;

/// What a kept thing costs beside its texts: maps, counters, the open journal entry of a portal.
const OVERHEAD: usize = 1024;

/// The bytes of one session.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// A part of a budget; dropped with the thing it pays for.
#[derive(Debug)]
pub(super) struct Charge {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// Takes a part for a thing of so many bytes, if that much is left.
    pub(super) fn take(&self, bytes: usize) -> Option<Charge> {
        let bytes = bytes.saturating_add(OVERHEAD);
        let more = |held: usize| held.checked_add(bytes).filter(|held| *held <= LIMIT);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Charge { budget: self.clone(), bytes })
    }

    /// Takes a part for what was admitted with [`Budget::has_room`].
    pub(super) fn take_admitted(&self, bytes: usize) -> Charge {
        let bytes = bytes.saturating_add(OVERHEAD);
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Charge { budget: self.clone(), bytes }
    }

    /// Whether so many things of so many bytes together can be taken.
    pub(super) fn has_room(&self, things: usize, bytes: usize) -> bool {
        let more = bytes.saturating_add(OVERHEAD.saturating_mul(things));
        self.0.load(Ordering::Relaxed).saturating_add(more) <= LIMIT
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_can_be_taken_again() {
        let budget = Budget::default();
        let most = budget.take(LIMIT - OVERHEAD).unwrap();
        assert!(budget.take(0).is_none() && !budget.has_room(1, 0) && budget.has_room(0, 0));
        drop(most);
        assert!(budget.take(LIMIT).is_none());
        assert!(budget.take(usize::MAX).is_none() && !budget.has_room(usize::MAX, usize::MAX));
        let held: Vec<_> = std::iter::from_fn(|| budget.take(OVERHEAD)).collect();
        assert_eq!(held.len(), LIMIT / OVERHEAD / 2);
    }
}
