//! Prepared statements and portals: which text a name stands for when the server reads it.
//!
//! The server learns names in the order of its answers, the client sends ahead of them. So a
//! name means the newest unanswered message that would give it: if that one fails, the server
//! skips whatever was built on it, but only up to the next Sync, so beyond one its answer is
//! waited for. Else it means what the answers so far have given it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::journal::Entry;
use crate::parse::{Facts, Inner, Parameter, Remembered};

use super::budget::{Budget, Charge};
use super::ledger::Ledger;
use super::masks::{Masked, Words};
use super::owed::Owed;
use super::state::Stamp;
use super::watch::Sent;

/// A statement that was prepared with a Parse.
#[derive(Debug)]
pub(super) struct Statement {
    /// Its text.
    pub(super) text: Arc<str>,
    /// What it would do.
    pub(super) facts: Arc<Facts>,
    /// What `facts` rest on.
    pub(super) stamp: Stamp,
    /// In which words the server has it.
    pub(super) words: Mutex<Words>,
    /// OIDs of its parameters' types; 0 where the client left the choice to the server.
    pub(super) types: Mutex<Vec<u32>>,
    /// The OIDs that the client gave, which the server read it by.
    pub(super) declared: Arc<[u32]>,
    /// It names prepared statements or cursors, which may stand for something else by now.
    pub(super) by_name: bool,
    /// It was prepared with SQL's PREPARE, as a part of this text.
    pub(super) source: Option<Arc<str>>,
    /// What it takes of the session's budget.
    pub(super) _charge: Charge,
}

/// A statement that was bound to values.
#[derive(Debug)]
pub(super) struct Portal {
    /// The name of what it was bound from.
    pub(super) name: String,
    /// What it was bound from.
    pub(super) statement: Arc<Statement>,
    /// What it would do.
    pub(super) facts: Arc<Facts>,
    /// Its values.
    pub(super) parameters: Arc<[Parameter]>,
    /// With which masks the server has it.
    pub(super) masked: Option<Arc<Masked>>,
    /// The formats that its values were asked for in, where cells are masked.
    pub(super) formats: Option<Arc<[i16]>>,
    /// What the answer to it rests on.
    pub(super) rests_on: RestsOn,
    /// What was sent of it.
    pub(super) sent: Arc<Sent>,
    /// The INTENT that its Bind opened; the first Execute takes it.
    pub(super) entry: Mutex<Option<Entry>>,
    /// What it takes of the session's budget.
    pub(super) _charge: Charge,
}

/// What an answer was computed from and may have changed since: while equal, no new question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RestsOn {
    /// The policy snapshot.
    pub(super) generation: u64,
    /// The clock, in seconds: what `time.now` shows.
    pub(super) second: i64,
    /// Counts changes of session state that policy can read.
    pub(super) state: u64,
    /// The catalog, and what names mean.
    pub(super) catalog: Stamp,
}

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Meaning<T> {
    /// This, for certain.
    One(Arc<T>),
    /// Nothing that sidegate has read.
    Nothing,
    /// More than one thing, and the answers so far do not tell which.
    Ambiguous,
    /// Something unanswered would give or take it, and may fail without taking the next message with it.
    Unsettled,
}

impl<T> Meaning<T> {
    /// What it is for certain.
    pub(super) fn one(self) -> Option<Arc<T>> {
        match self {
            Self::One(one) => Some(one),
            Self::Nothing | Self::Ambiguous | Self::Unsettled => None,
        }
    }
}

/// The names of one session.
#[derive(Debug, Default)]
pub(super) struct Names {
    statements: HashMap<String, Vec<(u64, Arc<Statement>)>>,
    portals: HashMap<String, (u64, Arc<Portal>)>,
    /// What all of them may hold.
    pub(super) budget: Budget,
    cursors: Remembered,
    /// What `cursors` take of the budget, by name.
    cursor_charges: HashMap<String, Vec<Charge>>,
    /// Those that were ever declared WITH HOLD, and not closed since: they outlive their transactions.
    held: HashSet<String>,
    /// When a name was last declared a cursor: it stands for no portal that was bound before.
    declared: HashMap<String, u64>,
    /// The same for every name, once there are too many.
    all_declared: u64,
}

/// More definitions of one name than this, and it stands for nothing.
const CANDIDATES: usize = 8;

/// More cursors than this declared in one transaction, and each counts as declared when the last one was.
const DECLARED: usize = 20_000;

impl Names {
    /// What a prepared statement's name stands for when the next message is read.
    pub(super) fn statement(&self, ledger: &Ledger, name: &str) -> Meaning<Statement> {
        let mut synced = false;
        for line in ledger.newest_first() {
            if matches!(line.owed, Owed::Sync) {
                synced = true;
            }
            if let Owed::Parse { name: given, statement, .. } = &line.owed
                && given == name
            {
                return if synced { Meaning::Unsettled } else { Meaning::One(Arc::clone(statement)) };
            }
            if matches!(&line.owed, Owed::Close { portal: false, name: closed } if closed == name) {
                return if synced { Meaning::Unsettled } else { Meaning::Nothing };
            }
        }
        match self.statements.get(name).map(Vec::as_slice) {
            None | Some([]) => Meaning::Nothing,
            Some([(_, statement)]) => Meaning::One(Arc::clone(statement)),
            Some(_) => Meaning::Ambiguous,
        }
    }

    /// What a portal's name stands for when the next message is read.
    pub(super) fn portal(&self, ledger: &Ledger, name: &str) -> Meaning<Portal> {
        let declared = self.declared.get(name).map_or(self.all_declared, |at| self.all_declared.max(*at));
        let mut synced = false;
        for line in ledger.newest_first() {
            if matches!(line.owed, Owed::Sync) {
                synced = true;
            }
            if let Owed::Bind { name: given, portal } = &line.owed
                && given == name
            {
                if line.sequence < declared {
                    return Meaning::Nothing;
                }
                return if synced { Meaning::Unsettled } else { Meaning::One(Arc::clone(portal)) };
            }
            if matches!(&line.owed, Owed::Close { portal: true, name: closed } if closed == name) {
                return if synced { Meaning::Unsettled } else { Meaning::Nothing };
            }
        }
        match self.portals.get(name) {
            Some((bound, portal)) if *bound > declared => Meaning::One(Arc::clone(portal)),
            Some(_) | None => Meaning::Nothing,
        }
    }

    /// ParseComplete: the name was free, so it stands for this and what was sent after it.
    pub(super) fn parsed(&mut self, sequence: u64, name: String, statement: Arc<Statement>) {
        let meanings = self.statements.entry(name).or_default();
        meanings.retain(|(sent, _)| *sent > sequence);
        meanings.push((sequence, statement));
    }

    /// BindComplete.
    pub(super) fn bound(&mut self, sequence: u64, name: String, portal: Arc<Portal>) -> Option<Arc<Portal>> {
        self.portals.insert(name, (sequence, portal)).map(|(_, replaced)| replaced)
    }

    /// CloseComplete. Returns the portal that is gone.
    pub(super) fn closed(&mut self, sequence: u64, portal: bool, name: &str) -> Option<Arc<Portal>> {
        if portal {
            return self.portals.remove(name).map(|(_, gone)| gone);
        }
        if let Some(meanings) = self.statements.get_mut(name) {
            meanings.retain(|(sent, _)| *sent > sequence);
            if meanings.is_empty() {
                self.statements.remove(name);
            }
        }
        None
    }

    /// CLOSE of a cursor, answered: nothing was sent meanwhile that could have declared it anew.
    pub(super) fn cursor_closed(&mut self, name: &str) {
        self.cursors.remove(name);
        self.cursor_charges.remove(name);
        self.held.remove(name);
    }

    /// DEALLOCATE ALL or DISCARD ALL: statements sent before it are gone.
    pub(super) fn forgot_all(&mut self, sequence: u64) {
        for meanings in self.statements.values_mut() {
            meanings.retain(|(sent, _)| *sent > sequence);
        }
        self.statements.retain(|_, meanings| !meanings.is_empty());
    }

    /// The transaction ended: portals sent before that are gone, and so are cursors but for those with hold.
    pub(super) fn transaction_ended(&mut self, sequence: u64) -> Vec<Arc<Portal>> {
        for (name, _) in self.declared.iter().filter(|(name, at)| **at < sequence && !self.held.contains(*name)) {
            self.cursors.remove(name);
            self.cursor_charges.remove(name);
        }
        self.declared.retain(|_, at| *at > sequence);
        let gone = self.portals.extract_if(|_, (sent, _)| *sent < sequence);
        gone.map(|(_, (_, portal))| portal).collect()
    }

    /// Every portal, when the session ends.
    pub(super) fn drain_portals(&mut self) -> Vec<Arc<Portal>> {
        std::mem::take(&mut self.portals).into_values().map(|(_, portal)| portal).collect()
    }

    /// Whether all that a statement prepares and declares can be kept. What cannot must not be sent: its name would
    /// go on standing for what it stood for before. `text`: bytes of its text.
    pub(super) fn can_declare(&self, facts: &Facts, text: usize) -> bool {
        let prepares = facts.aftermath.prepares.iter().map(|(_, inner)| declared_weight(facts, inner, text));
        let known = facts.aftermath.declares.iter().map(|(_, inner)| inner.0.weight());
        let (things, bytes) = prepares.chain(known).fold((0_usize, 0_usize), |(things, bytes), weight| {
            (things.saturating_add(1), bytes.saturating_add(weight))
        });
        things == 0 || self.budget.has_room(things, bytes)
    }

    /// A statement with SQL's PREPARE or DECLARE is about to be sent.
    pub(super) fn declare(&mut self, sequence: u64, facts: &Facts, text: &Arc<str>, stamp: Stamp) {
        for (name, inner) in &facts.aftermath.prepares {
            let statement = Statement {
                words: Mutex::default(),
                text: Arc::from(facts.normalized.as_str()),
                facts: Arc::clone(&inner.0),
                stamp,
                types: Mutex::new(Vec::new()),
                declared: Arc::default(),
                by_name: false,
                source: Some(Arc::clone(text)),
                _charge: self.budget.take_admitted(declared_weight(facts, inner, text.len())),
            };
            self.statements.entry(name.clone()).or_default().push((sequence, Arc::new(statement)));
        }
        for (name, inner) in &facts.aftermath.declares {
            if remember(&mut self.cursors, name, &inner.0) {
                let charge = self.budget.take_admitted(inner.0.weight());
                self.cursor_charges.entry(name.clone()).or_default().push(charge);
            }
            if self.declared.len() >= DECLARED {
                self.declared.clear();
                self.all_declared = sequence;
            }
            self.declared.insert(name.clone(), sequence);
            if facts.aftermath.holds {
                self.held.insert(name.clone());
            }
        }
    }

    /// What an EXECUTE in this text may run, with its names.
    pub(super) fn runnable(&self, text: &[u8]) -> Vec<(String, Arc<Statement>)> {
        let text = text.to_ascii_lowercase();
        let mentioned = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.contains('"') || name.is_empty() || text.windows(name.len()).any(|part| part == name.as_bytes())
        };
        let named = self.statements.iter().filter(|(name, _)| mentioned(name));
        named.flat_map(|(name, all)| all.iter().map(|(_, one)| (name.clone(), Arc::clone(one)))).collect()
    }

    /// Whether messages have given names that SQL's EXECUTE may mean.
    pub(super) fn prepared_by_messages(&self) -> bool {
        let prepared = |meanings: &Vec<(u64, Arc<Statement>)>| meanings.iter().any(|(_, one)| one.source.is_none());
        self.statements.iter().any(|(name, meanings)| !name.is_empty() && prepared(meanings))
    }

    /// Whether a Bind has given, or is about to give, a name that FETCH may mean.
    pub(super) fn bound_by_messages(&self, ledger: &Ledger, cursor: &str) -> bool {
        let bound = |owed: &Owed| matches!(owed, Owed::Bind { name, .. } if name == cursor);
        self.portals.contains_key(cursor) || ledger.newest_first().any(|line| bound(&line.owed))
    }

    /// Whether such a name stands, or may stand, for a portal of which cells are masked on their way back.
    pub(super) fn binds_cells(&self, ledger: &Ledger, cursor: &str) -> bool {
        let owed =
            |owed: &Owed| matches!(owed, Owed::Bind { name, portal } if name == cursor && portal.formats.is_some());
        let bound = self.portals.get(cursor).is_some_and(|(_, portal)| portal.formats.is_some());
        bound || ledger.newest_first().any(|line| owed(&line.owed))
    }

    /// What FETCH may read, by name: SQL's cursors, and portals, which are cursors too.
    pub(super) fn cursors(&self) -> Remembered {
        let mut all = self.cursors.clone();
        for (name, (_, portal)) in &self.portals {
            remember(&mut all, name, &portal.facts);
        }
        unsure(&mut all);
        all
    }
}

/// Forgets names that stand for too many things.
pub(super) fn unsure(all: &mut Remembered) {
    all.retain(|_, known| known.len() <= CANDIDATES);
}

/// What a statement inside a PREPARE weighs by itself.
fn declared_weight(facts: &Facts, inner: &Inner, text: usize) -> usize {
    facts.normalized.len().saturating_add(inner.0.weight()).saturating_add(text)
}

/// Adds one more thing that a name may stand for, and says whether it did. Names with too many
/// stand for nothing, once [`unsure`] has looked at them.
pub(super) fn remember(names: &mut Remembered, name: &str, facts: &Arc<Facts>) -> bool {
    let known = names.entry(name.to_owned()).or_default();
    if known.iter().any(|one| Arc::ptr_eq(one, facts) || are_alike(one, facts)) {
        return false;
    }
    // One beyond the limit is kept as the mark of a name that stands for too many things.
    let kept = known.len() <= CANDIDATES;
    if kept {
        known.push(Arc::clone(facts));
    }
    kept
}

/// Whether policy sees the same in both. What stands inside a PREPARE or DECLARE has no text of its own.
fn are_alike(one: &Facts, other: &Facts) -> bool {
    one.statements == other.statements
        && one.relations == other.relations
        && one.columns == other.columns
        && one.functions == other.functions
        && one.settings == other.settings
        && one.unknown == other.unknown
        && one.unparsed == other.unparsed
        && one.effects == other.effects
        && one.aftermath == other.aftermath
}
