//! Under which masks a session gave SQL's own names: what EXECUTE and FETCH run by name went upstream with those. What a
//! cursor reads is settled when it is declared; a prepared text the server plans anew, with what its names mean by then,
//! and then other masks may belong into it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::decide::Masks;
use crate::enforce::{By, Later, Rows};
use crate::parse::{Aftermath, Answer, Facts, StatementFacts, tokens};

use super::carried::{Carried, gives_names};
use super::owed::Running;

/// The names.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Of PREPARE, all of them together, with what names meant then.
    prepared: Vec<(Arc<Masks>, Meant)>,
    /// Of DECLARE, by cursor.
    cursors: HashMap<String, Vec<Arc<Masks>>>,
    /// There are more cursors than are told apart.
    crowded: bool,
    /// What the names answer; `None` where that may be one thing or another.
    answers: HashMap<(By, Box<str>), Option<Rows>>,
    /// What the server has answered of them.
    carried: Option<Box<Carried>>,
}

/// What names mean: by which version of the catalog, and in which view of the session's own.
pub(super) type Meant = (Option<u64>, u64);

/// Cursors that are told apart.
const CURSORS: usize = 4_096;

/// Columns of all answers that are kept, each with its name.
const COLUMNS: usize = 8 * CURSORS;

impl Given {
    /// A statement that may give names goes upstream under these masks.
    pub(super) fn add(&mut self, aftermath: &Aftermath, masks: &Arc<Masks>, meant: Meant) {
        if !aftermath.prepares.is_empty() {
            keep(&mut self.prepared, (Arc::clone(masks), meant));
        }
        for (name, _) in &aftermath.declares {
            if self.cursors.len() >= CURSORS && !self.cursors.contains_key(name) {
                self.crowded = true;
                continue;
            }
            keep(self.cursors.entry(name.clone()).or_default(), Arc::clone(masks));
        }
    }

    /// Whether all that was prepared went upstream under these masks, and names mean what they meant.
    pub(super) fn prepared(&self, masks: &Arc<Masks>, meant: Meant) -> bool {
        self.prepared.iter().all(|(given, then)| given == masks && *then == meant)
    }

    /// Whether a cursor was declared, and each time under these masks.
    pub(super) fn declared(&self, name: &str, masks: &Arc<Masks>) -> bool {
        let known = self.cursors.get(name).filter(|_| !self.crowded);
        known.is_some_and(|given| given.iter().all(|given| given == masks))
    }

    /// A statement that gives names goes upstream, and they will answer this.
    pub(super) fn leads<'a>(&mut self, later: impl Iterator<Item = &'a Later>) {
        for Later { by, name, rows } in later {
            let kept = self.answers.values().flatten().chain(rows).map(Rows::columns);
            let full = self.answers.len() >= CURSORS || kept.fold(0, usize::saturating_add) > COLUMNS;
            match self.answers.entry((*by, name.clone())) {
                Entry::Occupied(mut known) => {
                    if known.get() != rows {
                        known.insert(None);
                    }
                }
                Entry::Vacant(_) if full => {}
                Entry::Vacant(new) => _ = new.insert(rows.clone()),
            }
        }
    }

    /// What a name answers, where that is one thing.
    pub(super) fn answers(&self, by: By, name: &str) -> Option<Rows> {
        self.answers.get(&(by, Box::from(name))).cloned().flatten()
    }

    /// The same where the text gives names of its own, too: one that the session had before may be either.
    pub(super) fn answers_with(&self, own: &[Later], by: By, name: &str) -> Option<Rows> {
        let mut own = own.iter().filter(|later| later.by == by && *later.name == *name);
        match (own.next(), own.next()) {
            (None, _) => self.answers(by, name),
            (Some(later), None) => {
                let before = self.answers.get(&(by, Box::from(name)));
                later.rows.clone().filter(|_| before.is_none_or(|before| *before == later.rows))
            }
            (Some(_), Some(_)) => None,
        }
    }

    /// What the server has answered of them.
    pub(super) fn carried(&self) -> Option<&Carried> {
        self.carried.as_deref()
    }

    fn carries(&mut self, running: &Running) {
        if self.carried.is_some() || gives_names(&running.facts) {
            self.carried.get_or_insert_default().ran(running);
        }
    }

    /// A statement failed, and what ran in it may have done more before.
    pub(super) fn failed(&mut self, running: &Running) {
        self.carries(running);
    }

    /// No transaction is open any more.
    pub(super) fn transaction_ended(&mut self) {
        self.carried.iter_mut().for_each(|carried| carried.transaction_ended());
    }

    /// A statement ran to its end. Whatever follows a CLOSE, DEALLOCATE or DISCARD has waited for that, so that nothing has
    /// given the name anew.
    pub(super) fn ran(&mut self, running: &Running) {
        self.carries(running);
        let alone = running.facts.statements.len() == 1 && running.sqlstate.is_none();
        match (running.tag.as_deref(), &running.facts.aftermath.closes) {
            (Some("CLOSE CURSOR"), Some(name)) if alone => {
                self.cursors.remove(name);
                self.answers.remove(&(By::Fetch, Box::from(name.as_str())));
            }
            (Some("CLOSE CURSOR ALL" | "DISCARD ALL"), _) if alone => {
                self.cursors.clear();
                self.answers.retain(|(by, _), _| *by != By::Fetch);
                self.crowded = false;
            }
            _ => {}
        }
        if alone && matches!(running.tag.as_deref(), Some("DEALLOCATE ALL" | "DISCARD ALL")) {
            self.prepared.clear();
            self.answers.retain(|(by, _), _| *by != By::Execute);
        }
        if let (true, Some("DEALLOCATE"), Some(name)) =
            (alone, running.tag.as_deref(), &running.facts.aftermath.deallocates)
        {
            self.answers.remove(&(By::Execute, Box::from(name.as_str())));
        }
    }
}

/// By what a statement is run that has the rows of another.
pub(super) fn by(statement: &StatementFacts) -> Option<By> {
    match statement.command.as_str() {
        "FETCH" => Some(By::Fetch),
        "EXECUTE" => Some(By::Execute),
        _ => None,
    }
}

/// What each statement of a text runs that has the rows of another.
pub(super) fn runs_by_name(text: &str, facts: &Facts) -> Vec<Option<(By, String)>> {
    let tops = facts.statements.iter().filter(|statement| !statement.nested);
    let by = tops.map(by);
    if facts.answers.is_empty() {
        let cursor = || facts.cursors.first().filter(|_| facts.cursors.len() == 1).cloned();
        let prepared = || tokens(text).filter(|tokens| tokens.is_word(0, "execute"))?.name(1).map(str::to_owned);
        let named = |by| (by, if by == By::Fetch { cursor() } else { prepared() });
        return by.map(|by| by.map(named).and_then(|(by, name)| Some((by, name?)))).collect();
    }
    let named = |(by, answer): (Option<By>, &Answer)| match by? {
        By::Fetch => Some((By::Fetch, answer.fetches.clone()?)),
        By::Execute => Some((By::Execute, answer.executes.clone()?)),
    };
    by.zip(&facts.answers).map(named).collect()
}

/// Of two that differ, one is not what holds now.
fn keep<T: PartialEq>(all: &mut Vec<T>, given: T) {
    if all.len() < 2 && !all.contains(&given) {
        all.push(given);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::Inner;

    const NOW: Meant = (Some(1), 1);

    fn masks(column: &str) -> Arc<Masks> {
        let text = format!("{{\"public.t\": {{\"{column}\": {{\"null\": {{}}}}}}}}");
        Arc::new(serde_json::from_str(&text).unwrap())
    }

    fn declares(name: &str) -> Aftermath {
        let inner = Inner(Arc::new(crate::input::stub::facts()));
        Aftermath { declares: vec![(name.to_owned(), inner)], ..Aftermath::default() }
    }

    #[test]
    fn each_cursor_has_the_masks_that_it_was_declared_under() {
        let (mut given, one, other) = (Given::default(), masks("a"), masks("b"));
        given.add(&declares("c"), &one, NOW);
        given.add(&declares("d"), &other, NOW);
        assert!(given.declared("c", &one) && given.declared("d", &other));
        assert!(!given.declared("c", &other) && !given.declared("d", &one) && !given.declared("e", &one));
        assert!(given.prepared(&one, NOW) && given.prepared(&other, NOW), "nothing was prepared");
        given.add(&declares("c"), &other, NOW);
        assert!(!given.declared("c", &one) && !given.declared("c", &other), "it may be either");
    }

    #[test]
    fn what_was_prepared_is_run_only_while_its_names_mean_what_they_meant() {
        let (mut given, one) = (Given::default(), masks("a"));
        let inner = Inner(Arc::new(crate::input::stub::facts()));
        let prepares = Aftermath { prepares: vec![("p".to_owned(), inner)], ..Aftermath::default() };
        given.add(&prepares, &one, NOW);
        assert!(given.prepared(&one, NOW) && !given.prepared(&masks("b"), NOW));
        assert!(!given.prepared(&one, (Some(2), 1)) && !given.prepared(&one, (Some(1), 2)));
        given.add(&prepares, &one, (Some(2), 1));
        assert!(!given.prepared(&one, NOW) && !given.prepared(&one, (Some(2), 1)), "it may be either");
    }

    #[test]
    fn a_name_answers_what_it_was_given_for_if_that_is_one_thing() {
        let mut given = Given::default();
        let later = |by, name: &str, rows| Later { by, name: name.into(), rows };
        let rows = Some(Rows::default());
        given.leads([later(By::Fetch, "c", rows.clone()), later(By::Execute, "p", rows.clone())].iter());
        given.leads([later(By::Fetch, "c", rows.clone())].iter());
        assert_eq!((given.answers(By::Fetch, "c"), given.answers(By::Execute, "p")), (rows.clone(), rows.clone()));
        assert_eq!((given.answers(By::Execute, "c"), given.answers(By::Fetch, "d")), (None, None));
        given.leads([later(By::Fetch, "c", None)].iter());
        given.leads([later(By::Fetch, "c", rows.clone())].iter());
        assert_eq!(given.answers(By::Fetch, "c"), None, "it may be either");
        let many: Vec<Later> = (0..CURSORS).map(|at| later(By::Fetch, &format!("c{at}"), rows.clone())).collect();
        given.leads(many.iter());
        assert_eq!((given.answers.len(), given.answers(By::Fetch, &format!("c{}", CURSORS - 1))), (CURSORS, None));
    }

    #[test]
    fn cursors_that_are_not_told_apart_are_not_read() {
        let (mut given, one) = (Given::default(), masks("a"));
        for number in 0..=CURSORS {
            given.add(&declares(&format!("c{number}")), &one, NOW);
        }
        assert!(!given.declared("c0", &one) && !given.declared(&format!("c{CURSORS}"), &one));
    }
}
