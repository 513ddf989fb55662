//! Answers of rules, under exactly the values that each rule reads.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::answer::Answer;
use crate::bundle::Reads;
use crate::input::Document;

const SHARDS: usize = 16;

/// What an entry costs beside its answer: key, map slot, pointers.
const OVERHEAD: usize = 128;

/// A keyed 256-bit digest: a hit is only ever the answer to the same question.
pub(super) type Key = [u8; 32];

/// Bounded answers, in two generations: when the young half of a shard is full it becomes the
/// old half, and what nobody asked for since then is gone.
pub(super) struct Cache {
    secret: [u8; 32],
    generation: AtomicU64,
    shards: Vec<Mutex<Shard>>,
    /// Bytes that half a shard may hold.
    share: usize,
}

#[derive(Default)]
struct Shard {
    young: Half,
    old: Half,
}

#[derive(Default)]
struct Half {
    answers: HashMap<Key, (Arc<Answer>, usize), BuildHasherDefault<FirstBytes>>,
    bytes: usize,
}

impl Cache {
    /// At most about this many bytes.
    pub(super) fn new(secret: [u8; 32], bytes: usize) -> Self {
        let shards = std::iter::repeat_with(|| Mutex::new(Shard::default())).take(SHARDS).collect();
        Self { secret, generation: AtomicU64::new(0), shards, share: bytes / SHARDS / 2 }
    }

    /// The key of one rule's answer to this document; `None` when it may not be reused.
    pub(super) fn key(&self, generation: u64, rule: usize, reads: &Reads, document: &Document) -> Option<Key> {
        if !reads.deterministic() {
            return None;
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&generation.to_le_bytes());
        hasher.update(&u64::try_from(rule).ok()?.to_le_bytes());
        if reads.whole() {
            document.feed::<&str>(&[], &mut hasher);
        } else {
            // Which paths there are is fixed by generation and rule, so their values need no names.
            reads.paths().iter().for_each(|path| document.feed(path, &mut hasher));
        }
        Some(*hasher.finalize().as_bytes())
    }

    pub(super) fn get(&self, key: &Key) -> Option<Arc<Answer>> {
        let mut shard = self.shard(key)?.lock();
        if let Some((answer, _)) = shard.young.answers.get(key) {
            return Some(Arc::clone(answer));
        }
        let (answer, weight) = shard.old.answers.remove(key)?;
        shard.old.bytes = shard.old.bytes.saturating_sub(weight);
        self.keep(&mut shard, *key, Arc::clone(&answer), weight);
        Some(answer)
    }

    /// Only answers come here: never an error, a deadline or a breakdown.
    pub(super) fn put(&self, key: Key, answer: Arc<Answer>) {
        let weight = answer.weight().saturating_add(OVERHEAD);
        if weight > self.share {
            return;
        }
        if let Some(shard) = self.shard(&key) {
            self.keep(&mut shard.lock(), key, answer, weight);
        }
    }

    /// Forgets everything that an older snapshot said. Keys hold the generation, so this is for
    /// the memory, not for the answers.
    pub(super) fn follow(&self, generation: u64) {
        if self.generation.fetch_max(generation, Ordering::Relaxed) < generation {
            for shard in &self.shards {
                let emptied = std::mem::take(&mut *shard.lock());
                drop(emptied);
            }
        }
    }

    /// How many answers it holds.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock())
            .map(|shard| shard.young.answers.len() + shard.old.answers.len())
            .sum()
    }

    fn keep(&self, shard: &mut Shard, key: Key, answer: Arc<Answer>, weight: usize) {
        if shard.young.bytes.saturating_add(weight) > self.share {
            shard.old = std::mem::take(&mut shard.young);
        }
        if shard.young.answers.insert(key, (answer, weight)).is_none() {
            shard.young.bytes = shard.young.bytes.saturating_add(weight);
        }
    }

    fn shard(&self, key: &Key) -> Option<&Mutex<Shard>> {
        let last = key.last().copied().map(usize::from)?;
        self.shards.get(last % SHARDS)
    }
}

/// The keys are digests under a secret: their first bytes are as good as any hash of them.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
