//! Answers of rules, under exactly the values that each rule reads.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::accounts::{Accounts, Fate};
use super::answer::Answer;
use crate::bundle::Reads;
use crate::input::{Asker, Document};

const SHARDS: usize = 16;

/// What an entry costs beside its answer: key, slot, place in its account's order.
const OVERHEAD: usize = 256;

/// A keyed 256-bit digest: a hit is only ever the answer to the same question.
pub(super) type Key = [u8; 32];

/// Bounded answers. Everybody finds all of them; each is charged to who asked first, and when there are too
/// many, who holds most gives up its own.
pub(super) struct Cache {
    secret: [u8; 32],
    generation: AtomicU64,
    shards: Vec<Mutex<Shard>>,
    /// Locked before a shard, never after one.
    accounts: Mutex<Accounts>,
    /// Bytes of one answer that is not worth its place.
    largest: usize,
}

type Shard = HashMap<Key, Slot, BuildHasherDefault<FirstBytes>>;

struct Slot {
    answer: Arc<Answer>,
    weight: usize,
    /// Somebody asked for it since it was last looked at for eviction.
    wanted: bool,
}

impl Cache {
    /// At most about this many bytes.
    pub(super) fn new(secret: [u8; 32], bytes: usize) -> Self {
        let shards = std::iter::repeat_with(|| Mutex::new(Shard::default())).take(SHARDS).collect();
        let accounts = Mutex::new(Accounts::new(bytes));
        Self { secret, generation: AtomicU64::new(0), shards, accounts, largest: bytes / 32 }
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
        let slot = shard.get_mut(key)?;
        slot.wanted = true;
        Some(Arc::clone(&slot.answer))
    }

    /// Only answers come here: never an error, a deadline or a breakdown.
    pub(super) fn put(&self, key: Key, answer: Arc<Answer>, asker: &Asker) {
        let weight = answer.weight().saturating_add(OVERHEAD);
        if weight > self.largest {
            return;
        }
        let mut accounts = self.accounts.lock();
        {
            let Some(mut shard) = self.shard(&key).map(Mutex::lock) else { return };
            if shard.contains_key(&key) {
                // Two asked at once: the first pays.
                return;
            }
            shard.insert(key, Slot { answer, weight, wanted: false });
        }
        accounts.charge(asker, key, weight);
        accounts.make_room(|key, spare| self.judge(key, spare));
    }

    /// From now on what this session asks is charged to its own account.
    pub(super) fn came(&self, asker: &Asker) {
        self.accounts.lock().came(asker);
    }

    /// The session has ended: what it paid for is its caller's.
    pub(super) fn left(&self, asker: &Asker) {
        self.accounts.lock().left(asker);
    }

    /// Forgets everything that an older snapshot said. Keys hold the generation, so this is for
    /// the memory, not for the answers.
    pub(super) fn follow(&self, generation: u64) {
        // The common case must not bounce a cache line between cores.
        if self.generation.load(Ordering::Relaxed) >= generation {
            return;
        }
        if self.generation.fetch_max(generation, Ordering::Relaxed) < generation {
            let mut accounts = self.accounts.lock();
            accounts.forget();
            for shard in &self.shards {
                let emptied = std::mem::take(&mut *shard.lock());
                drop(emptied);
            }
        }
    }

    /// How many answers it holds.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Removes an answer, unless it was asked for and may be spared.
    fn judge(&self, key: &Key, may_spare: bool) -> Fate {
        let Some(mut shard) = self.shard(key).map(Mutex::lock) else { return Fate::Gone { weight: 0 } };
        match shard.get_mut(key) {
            Some(slot) if slot.wanted && may_spare => {
                slot.wanted = false;
                Fate::Spared
            }
            _ => Fate::Gone { weight: shard.remove(key).map_or(0, |slot| slot.weight) },
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
