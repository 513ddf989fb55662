//! Who pays for cached answers: sessions, and the callers behind them.
//!
//! When there are too many bytes, the caller that holds most gives up answers, and of its sessions the one that
//! holds most. So nobody who holds no more than its even share ever loses one to somebody else, however many
//! questions that one asks and however many sessions it opens; and alone, anybody may have all.

use std::collections::{HashMap, VecDeque};

use super::cache::Key;
use crate::input::Asker;

/// Answers that are spared in a row because somebody wanted them; then one goes all the same.
const SPARED: usize = 64;

/// Answers by who asked first.
pub(super) struct Accounts {
    callers: HashMap<[u8; 32], Caller>,
    bytes: usize,
    /// The most that all may hold.
    limit: usize,
}

/// One caller's sessions, and what its ended ones left.
#[derive(Default)]
struct Caller {
    bytes: usize,
    sessions: HashMap<[u8; 32], Account>,
    ended: Account,
}

/// Answers in the order in which they will go.
#[derive(Default)]
struct Account {
    bytes: usize,
    order: VecDeque<Key>,
}

/// What became of an answer that was to go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// It was wanted, and stays for this time.
    Spared,
    /// It went.
    Gone {
        /// What it weighed.
        weight: usize,
    },
}

impl Accounts {
    pub(super) fn new(limit: usize) -> Self {
        Self { callers: HashMap::new(), bytes: 0, limit }
    }

    /// A session gets an account of its own.
    pub(super) fn came(&mut self, asker: &Asker) {
        self.callers.entry(*asker.caller()).or_default().sessions.entry(*asker.session()).or_default();
    }

    /// A session ended. All that a caller's ended sessions asked is one account: who opens session after session
    /// has one share, not many.
    pub(super) fn left(&mut self, asker: &Asker) {
        let Some(caller) = self.callers.get_mut(asker.caller()) else { return };
        if let Some(mut account) = caller.sessions.remove(asker.session()) {
            caller.ended.bytes = caller.ended.bytes.saturating_add(account.bytes);
            caller.ended.order.append(&mut account.order);
        }
        if caller.sessions.is_empty() && caller.ended.order.is_empty() {
            self.callers.remove(asker.caller());
        }
    }

    /// Writes an answer down.
    pub(super) fn charge(&mut self, asker: &Asker, key: Key, weight: usize) {
        let caller = self.callers.entry(*asker.caller()).or_default();
        // Who has no account asked before its session opened, or asks from outside of one.
        let account = match caller.sessions.get_mut(asker.session()) {
            Some(account) => account,
            None => &mut caller.ended,
        };
        account.order.push_back(key);
        account.bytes = account.bytes.saturating_add(weight);
        caller.bytes = caller.bytes.saturating_add(weight);
        self.bytes = self.bytes.saturating_add(weight);
    }

    /// Gives answers up until there is room for some more. `judge` removes an answer, or spares it if it may.
    pub(super) fn make_room(&mut self, judge: impl Fn(&Key, bool) -> Fate) {
        if self.bytes <= self.limit {
            return;
        }
        let goal = self.limit.saturating_sub(self.limit / 64);
        while self.bytes > goal {
            let fair = goal / self.callers.len().max(1);
            let Some((name, caller)) = self.callers.iter_mut().max_by_key(|(_, caller)| caller.bytes) else { return };
            let before = caller.bytes;
            caller.give(fair, before.saturating_sub(self.bytes.saturating_sub(goal)), &judge);
            self.bytes = self.bytes.saturating_sub(before.saturating_sub(caller.bytes));
            let (gave, empty) = (caller.bytes < before, caller.sessions.is_empty() && caller.ended.order.is_empty());
            if empty {
                let name = *name;
                self.callers.remove(&name);
            } else if !gave {
                return;
            }
        }
    }

    /// Nobody holds anything any more.
    pub(super) fn forget(&mut self) {
        self.bytes = 0;
        self.callers.retain(|_, caller| {
            caller.bytes = 0;
            caller.ended = Account::default();
            caller.sessions.values_mut().for_each(|account| *account = Account::default());
            !caller.sessions.is_empty()
        });
    }
}

impl Caller {
    /// Gives up answers of its heaviest account down to `fair` or `enough`, at least one.
    fn give(&mut self, fair: usize, enough: usize, judge: &impl Fn(&Key, bool) -> Fate) {
        let accounts = self.sessions.len().saturating_add(1);
        let even = self.bytes / accounts;
        let of_sessions = self.sessions.values_mut();
        let Some(account) = of_sessions.chain([&mut self.ended]).max_by_key(|account| account.bytes) else { return };
        loop {
            let weight = account.give_one(judge);
            self.bytes = self.bytes.saturating_sub(weight);
            if weight == 0 || self.bytes <= fair.max(enough) || account.bytes <= even {
                return;
            }
        }
    }
}

impl Account {
    /// Gives up the oldest answer that nobody wanted lately. Returns what it weighed.
    fn give_one(&mut self, judge: &impl Fn(&Key, bool) -> Fate) -> usize {
        let mut spared = 0;
        while let Some(key) = self.order.pop_front() {
            match judge(&key, spared < SPARED) {
                Fate::Spared => {
                    spared = spared.saturating_add(1);
                    self.order.push_back(key);
                }
                Fate::Gone { weight } => {
                    self.bytes = self.bytes.saturating_sub(weight);
                    return weight;
                }
            }
        }
        0
    }
}
