//! What is known of another statement, counted to this one; and what was found so far as a whole.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::{Column, Used, Walker};
use crate::parse::facts::{Effect, Facts, StatementFacts};

impl Walker<'_> {
    /// Whether the innermost open entry changes what is there.
    pub(in super::super) fn alters(&self) -> bool {
        let entry = self.open.last().and_then(|at| self.entries.get(*at));
        entry.is_some_and(|entry| entry.command.starts_with("ALTER "))
    }

    /// Counts everything that is known of a statement run by name as done by the innermost entry.
    pub(in super::super) fn absorb(&mut self, facts: &Facts) {
        if let Some(entry) = self.entry() {
            entry.effects.extend(facts.effects.iter().copied());
        }
        let nested = facts.statements.iter().cloned().map(|entry| StatementFacts { nested: true, ..entry });
        self.entries.extend(nested);
        for relation in &facts.relations {
            let mine = self.relations.entry(relation.id.clone()).or_insert_with(|| relation.clone());
            mine.access.extend(relation.access.iter().copied());
            mine.commands.extend(relation.commands.iter().cloned());
            mine.columns.extend(relation.columns.iter().cloned());
        }
        for column in &facts.columns {
            let relation = column.relation.as_deref().map(Rc::from);
            let key = Column { relation, name: Rc::from(column.name.as_str()) };
            let used = self.columns.entry(key).or_insert_with(|| Used { uses: BTreeSet::new(), passed: false });
            used.uses.extend(column.uses.iter().copied());
            used.passed = false;
        }
        for function in &facts.functions {
            let mine = self.functions.entry(function.id.clone()).or_insert_with(|| function.clone());
            mine.called_by.extend(&function.called_by);
        }
        self.cursors.extend(facts.cursors.iter().cloned());
        self.settings.extend(facts.settings.iter().cloned());
        self.unknown.extend(facts.unknown.iter().copied());
        self.sensitive |= facts.sensitive;
        self.beyond |= facts.effects.contains(&Effect::Procedure) && !facts.describes;
        self.outdated |= facts.outdated;
        // EXECUTE may run what another PREPARE or DECLARE was parsed into.
        self.aftermath.prepares.extend(facts.aftermath.prepares.iter().cloned());
        self.aftermath.declares.extend(facts.aftermath.declares.iter().cloned());
        self.aftermath.holds |= facts.aftermath.holds;
        self.aftermath.forgets |= facts.aftermath.forgets;
        self.aftermath.names |= facts.aftermath.names;
        self.aftermath.defines.extend(&facts.aftermath.defines);
        self.aftermath.waits |= facts.aftermath.waits;
        self.aftermath.transaction |= facts.aftermath.transaction;
    }

    /// Whether all that was found to run so far are PostgreSQL's own, and nothing of what they do but to rows.
    pub(in super::super) fn is_quiet(&self) -> bool {
        let quiet = |effect: &Effect| matches!(effect, Effect::Read | Effect::Write | Effect::Ddl | Effect::Dcl);
        let entry = self.open.last().and_then(|at| self.entries.get(*at));
        entry.is_some_and(|entry| entry.effects.iter().all(quiet)) && self.functions.values().all(|one| one.builtin)
    }
}
