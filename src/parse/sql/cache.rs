//! Facts by exact text: a statement that comes again is not read again.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::reading::{Encoding, Names, Quoting, Reading, ReadingLimits};
use crate::parse::facts::Facts;

/// Longer texts rarely come twice.
pub(super) const LONGEST_TEXT: usize = 16 * 1024;

/// What facts weigh beside their text: a guess on the safe side.
const OVERHEAD: usize = 2 * 1024;
const WEIGHT_OF_A_BYTE: usize = 8;

/// Everything beside the text that facts depend on, but for what the walk asks the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ReadingKey {
    quoting: Quoting,
    encoding: Encoding,
    names: Names,
    limits: ReadingLimits,
}

impl ReadingKey {
    /// The key of a reading.
    pub(super) fn of(reading: &Reading<'_>) -> Self {
        Self {
            quoting: reading.quoting,
            encoding: reading.encoding,
            names: reading.names.clone(),
            limits: reading.limits,
        }
    }
}

/// Two generations of facts: when the young one is full, the old one is forgotten. The maps compare
/// whole texts and hash with a random key, so no text can stand for another or crowd one out.
#[derive(Debug)]
pub(super) struct Cache {
    generations: Mutex<Generations>,
    capacity: usize,
}

type Shelf = HashMap<ReadingKey, HashMap<Arc<str>, Arc<Facts>>>;

#[derive(Debug, Default)]
struct Generations {
    young: Shelf,
    old: Shelf,
    weight: usize,
}

impl Cache {
    /// Holds about `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self { generations: Mutex::default(), capacity }
    }

    /// The facts of a text that was read this way before.
    pub(super) fn get(&self, text: &str, key: &ReadingKey) -> Option<Arc<Facts>> {
        let mut generations = self.generations.lock();
        if let Some(found) = generations.young.get(key).and_then(|shelf| shelf.get(text)) {
            return Some(Arc::clone(found));
        }
        let (text, facts) = generations.old.get_mut(key)?.remove_entry(text)?;
        self.insert(&mut generations, text, key, Arc::clone(&facts));
        Some(facts)
    }

    /// Keeps facts for the next time.
    pub(super) fn put(&self, text: &str, key: &ReadingKey, facts: Arc<Facts>) {
        if text.len() <= LONGEST_TEXT {
            self.insert(&mut self.generations.lock(), Arc::from(text), key, facts);
        }
    }

    fn insert(&self, generations: &mut Generations, text: Arc<str>, key: &ReadingKey, facts: Arc<Facts>) {
        let weight = text.len().saturating_mul(WEIGHT_OF_A_BYTE).saturating_add(OVERHEAD);
        if generations.weight.saturating_add(weight) > self.capacity / 2 {
            generations.old = std::mem::take(&mut generations.young);
            generations.weight = 0;
        }
        generations.weight = generations.weight.saturating_add(weight);
        match generations.young.get_mut(key) {
            Some(shelf) => shelf.insert(text, facts),
            None => generations.young.entry(key.clone()).or_default().insert(text, facts),
        };
    }
}
