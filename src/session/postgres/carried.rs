//! Cursors and prepared statements whose rows are masked on their way back. The server has those raw: so nothing may read
//! them but what runs their name alone, where it is certain what that stands for.
//!
//! The server says what a name stands for: it takes one only while it is free. So what it has answered holds until it
//! takes the name back, or until code ran that nobody has read, which may have given it anew. Whatever could tell a
//! difference waits for the answers.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::decide::Masks;
use crate::enforce::{self, By, Earlier, Rows, Woven};
use crate::parse::{Effect, Facts};

use super::corridor::{Corridor, End};
use super::given::runs_by_name;
use super::masks::{Masked, Said};
use super::owed::{Owed, Running};
use super::requests::Requests;

/// What names stand for by the server's own answers.
#[derive(Debug, Default)]
pub(super) struct Carried {
    all: HashMap<(By, Box<str>), Kept>,
    /// There are more than are told apart.
    crowded: bool,
}

/// What a name stands for.
#[derive(Debug)]
struct Kept {
    rows: Rows,
    masks: Arc<Masks>,
    /// It outlives its transaction.
    holds: bool,
    /// Nothing has run since that may have given the name anew.
    sure: bool,
}

/// Names that are told apart, and columns of all their rows.
const NAMES: usize = 4_096;
const COLUMNS: usize = 8 * NAMES;

impl Kept {
    /// Whether the server has values in its rows that are masked on their way back.
    fn is_raw(&self) -> bool {
        self.rows.cells().next().is_some()
    }
}

impl Carried {
    /// What a name answers, where that is certain and went upstream under these masks.
    fn rows(&self, by: By, name: &str, masks: &Masks) -> Option<&Rows> {
        let kept = self.all.get(&(by, Box::from(name)))?;
        (kept.sure && *kept.masks == *masks).then_some(&kept.rows)
    }

    /// Whether rows of a name, or of any, may be raw.
    fn is_raw(&self, by: By, name: Option<&str>) -> bool {
        let raw = match name {
            Some(name) => self.all.get(&(by, Box::from(name))).is_some_and(Kept::is_raw),
            None => self.all.iter().any(|((of, _), kept)| *of == by && kept.is_raw()),
        };
        self.crowded || raw
    }

    /// Whether rows of any name may be raw.
    fn has_raw(&self) -> bool {
        self.crowded || self.all.values().any(Kept::is_raw)
    }

    /// Whether prepared statements may have raw rows.
    pub(super) fn has_prepared(&self) -> bool {
        self.is_raw(By::Execute, None)
    }

    /// A transaction ended, and nothing of it is unanswered.
    pub(super) fn transaction_ended(&mut self) {
        self.all.retain(|(by, _), kept| *by == By::Execute || kept.holds);
    }

    /// A statement ran to its end, or failed.
    pub(super) fn ran(&mut self, running: &Running) {
        if is_unread(&running.facts) {
            self.all.values_mut().for_each(|kept| kept.sure = false);
        }
        let alone = running.facts.statements.iter().filter(|statement| !statement.nested).count() == 1;
        if !alone {
            self.doubt(&running.facts);
        } else if running.sqlstate.is_none() {
            self.forgets(running);
            self.gives(running);
        }
    }

    /// The names that it gives may stand for something else now.
    fn doubt(&mut self, facts: &Facts) {
        for key in names(facts) {
            self.all.entry(key).and_modify(|kept| kept.sure = false);
        }
    }

    fn forgets(&mut self, running: &Running) {
        let aftermath = &running.facts.aftermath;
        let mut remove = |by, name: &String| _ = self.all.remove(&(by, Box::from(name.as_str())));
        match running.tag.as_deref() {
            Some("CLOSE CURSOR") => aftermath.closes.iter().for_each(|name| remove(By::Fetch, name)),
            Some("DEALLOCATE") => aftermath.deallocates.iter().for_each(|name| remove(By::Execute, name)),
            Some("CLOSE CURSOR ALL") => self.all.retain(|(by, _), _| *by != By::Fetch),
            Some("DEALLOCATE ALL") => self.all.retain(|(by, _), _| *by != By::Execute),
            Some("DISCARD ALL") => *self = Self::default(),
            Some(_) | None => {}
        }
    }

    /// What it gives names to, if it does nothing else.
    fn gives(&mut self, running: &Running) {
        let facts = &running.facts;
        let mut names = names(facts);
        let (Some(key), None) = (names.next(), names.next()) else { return };
        let tag = match key.0 {
            By::Fetch => "DECLARE CURSOR",
            By::Execute => "PREPARE",
        };
        if running.tag.as_deref() != Some(tag) {
            return self.doubt(facts);
        }
        // Whatever it was before is gone.
        self.all.remove(&key);
        let later = running.masked.as_ref().map(|masked| (masked.later(), Arc::clone(masked.masks())));
        let Some(([later], masks)) = later else { return };
        let Some(rows) = later.rows.clone().filter(|_| (later.by, &later.name) == (key.0, &key.1)) else { return };
        self.keep(key, Kept { rows, masks, holds: facts.aftermath.holds, sure: true });
    }

    fn keep(&mut self, key: (By, Box<str>), kept: Kept) {
        let columns = self.all.values().fold(kept.rows.columns(), |sum, kept| sum.saturating_add(kept.rows.columns()));
        if self.all.len() < NAMES && columns <= COLUMNS {
            self.all.insert(key, kept);
        } else {
            self.crowded |= kept.is_raw();
        }
    }
}

/// The names that a statement gives.
fn names(facts: &Facts) -> impl Iterator<Item = (By, Box<str>)> {
    let declares = facts.aftermath.declares.iter().map(|(name, _)| (By::Fetch, Box::from(name.as_str())));
    declares.chain(facts.aftermath.prepares.iter().map(|(name, _)| (By::Execute, Box::from(name.as_str()))))
}

/// Whether it gives any.
pub(super) fn gives_names(facts: &Facts) -> bool {
    !(facts.aftermath.declares.is_empty() && facts.aftermath.prepares.is_empty())
}

/// Whether code may run in it that nobody has read, which can close and open what it likes.
fn is_unread(facts: &Facts) -> bool {
    let runs = facts.effects.contains(&Effect::Procedure) && !facts.describes;
    facts.unparsed.is_some() || runs || facts.effects.contains(&Effect::Unknown)
}

impl Owed {
    /// Whether its answer tells what any name stands for that a statement may run.
    fn names_or_declares(&self) -> bool {
        let declares = |running: &Running| !running.facts.aftermath.declares.is_empty();
        self.names() || matches!(self, Self::Query(running) | Self::Execute(running) if declares(running))
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Waits until nothing unanswered gives or takes a name that a statement may run.
    pub(super) async fn run_names_settled(&mut self) -> Result<(), End> {
        let masks = || self.corridor.house.store.snapshot().is_some_and(|policy| policy.may_mask());
        let names = if self.corridor.keeps_raw() || masks() { Owed::names_or_declares } else { Owed::names };
        self.answered(names).await
    }
}

impl Corridor {
    /// Whether the server keeps rows under a name that are masked on their way back.
    pub(super) fn keeps_raw(&self) -> bool {
        self.loom.lock().given().carried().is_some_and(Carried::has_raw)
    }

    /// Whether what a statement runs by name went upstream under these masks. Of statements, those that messages have
    /// named are not told from the others.
    pub(super) fn earlier(&self, (text, facts): Said<'_>, masks: &Arc<Masks>) -> Earlier {
        let meant = self.meant();
        let state = self.state.lock();
        let mut loom = self.loom.lock();
        let given = loom.given();
        let cursor = |name: &String| given.declared(name, masks) && !state.names.bound_by_messages(&state.ledger, name);
        let cursors = facts.cursors.iter().all(cursor);
        let prepared = given.prepared(masks, meant) && !state.names.prepared_by_messages();
        let rows = match runs_by_name(text, facts).as_slice() {
            [Some((by, name))] if if *by == By::Fetch { cursors } else { prepared } => {
                given.carried().and_then(|carried| carried.rows(*by, name, masks)).cloned()
            }
            _ => None,
        };
        Earlier { prepared, cursors, rows }
    }

    /// What goes upstream, with what is foreseen of the names that it runs: each may stand for one thing only.
    pub(super) fn expecting(
        &self,
        said: Said<'_>,
        woven: Woven,
        Earlier { prepared, cursors, rows }: &Earlier,
    ) -> Woven {
        if rows.is_some() {
            return woven.expecting(std::slice::from_ref(rows));
        }
        let (text, facts) = said;
        let mut loom = self.loom.lock();
        let mut answers = |by: By, name: &str| {
            let certain = if by == By::Fetch { *cursors } else { *prepared };
            loom.given().answers_with(woven.later(), by, name).filter(|_| certain)
        };
        let names = runs_by_name(text, facts);
        let rows: Vec<_> = names.iter().map(|name| name.as_ref().and_then(|(by, name)| answers(*by, name))).collect();
        if rows.is_empty() { woven } else { woven.expecting(&rows) }
    }

    /// Why a statement would show, or have read, what the server keeps raw under a name; `None` if it does not.
    pub(super) fn shows_raw(&self, (text, facts): Said<'_>, masked: Option<&Masked>) -> Option<String> {
        let keeps = self.keeps_raw();
        if !keeps && facts.cursors.is_empty() {
            return None;
        }
        let unread = facts.unparsed.as_ref().map(|_| Err("this statement could not be read".to_owned()));
        let unread = unread.unwrap_or_else(|| enforce::calls(facts, self.snapshot().as_deref()));
        if let Some(problem) = unread.err().filter(|_| keeps) {
            let kept = "a cursor or prepared statement is there whose columns are masked on their way back";
            return Some(format!("{kept}, and {problem}: close it first"));
        }
        let masks = masked.is_some_and(|masked| !masked.plan().is_empty());
        (!masks && self.runs_raw(text, facts)).then(|| {
            "columns of the cursor or prepared statement are masked on their way back, and it is not certain that this \
             is the one, alone, and under the same masks: close it, and declare or prepare it anew"
                .to_owned()
        })
    }

    /// Whether rows that a statement gives by running a name may be raw.
    fn runs_raw(&self, text: &str, facts: &Facts) -> bool {
        let runs = |command: &str| facts.statements.iter().any(|statement| statement.command == command);
        let state = self.state.lock();
        let mut loom = self.loom.lock();
        let carried = loom.given().carried();
        let is_raw = |by, name: Option<&str>| carried.is_some_and(|carried| carried.is_raw(by, name));
        let cursor = |name: &String| is_raw(By::Fetch, Some(name)) || state.names.binds_cells(&state.ledger, name);
        let prepared = || match runs_by_name(text, facts).as_slice() {
            [Some((By::Execute, name))] => is_raw(By::Execute, Some(name)),
            _ => is_raw(By::Execute, None),
        };
        (runs("FETCH") && facts.cursors.iter().any(cursor)) || (runs("EXECUTE") && prepared())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(raw: bool, holds: bool) -> Kept {
        Kept { rows: if raw { Rows::raw() } else { Rows::default() }, masks: Arc::default(), holds, sure: true }
    }

    fn key(by: By, name: &str) -> (By, Box<str>) {
        (by, Box::from(name))
    }

    #[test]
    fn what_is_not_told_apart_counts_as_raw_until_all_is_forgotten() {
        let mut carried = Carried::default();
        for number in 0..NAMES {
            carried.keep(key(By::Fetch, &format!("c{number}")), kept(false, true));
        }
        carried.keep(key(By::Fetch, "plain"), kept(false, true));
        assert!(!carried.has_raw(), "nothing of it is raw");
        carried.keep(key(By::Fetch, "raw"), kept(true, true));
        assert_eq!((carried.all.len(), carried.rows(By::Fetch, "raw", &Masks::default())), (NAMES, None));
        assert!(carried.has_raw() && carried.is_raw(By::Fetch, Some("c1")) && carried.is_raw(By::Execute, Some("p")));
        carried.transaction_ended();
        assert!(carried.has_raw(), "it may outlive its transaction");
        assert!(carried.rows(By::Fetch, "c1", &Masks::default()).is_some(), "what is known stays known");
    }

    #[test]
    fn cursors_end_with_their_transaction_and_what_is_held_or_prepared_does_not() {
        let mut carried = Carried::default();
        for (by, name, holds) in [(By::Fetch, "c", false), (By::Fetch, "h", true), (By::Execute, "p", false)] {
            carried.keep(key(by, name), kept(true, holds));
        }
        carried.transaction_ended();
        let raw = |by, name| carried.is_raw(by, Some(name));
        assert_eq!((raw(By::Fetch, "c"), raw(By::Fetch, "h"), raw(By::Execute, "p")), (false, true, true));
        assert!(carried.has_prepared() && carried.rows(By::Execute, "p", &Masks::default()).is_some());
        let other: Masks = serde_json::from_str("{\"public.t\": {\"a\": {\"null\": {}}}}").unwrap();
        assert_eq!(carried.rows(By::Execute, "p", &other), None, "it was prepared under others");
        carried.all.values_mut().for_each(|kept| kept.sure = false);
        assert!(carried.rows(By::Execute, "p", &Masks::default()).is_none() && carried.has_raw(), "it may be another");
    }
}
