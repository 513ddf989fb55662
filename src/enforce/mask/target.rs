//! Statements that change rows of a masked relation see these as they are. They pass where they use no masked column:
//! not by name, not as a whole row, not as a star. This is decided on tokens, whatever they mean, so that nothing is
//! missed.

use std::collections::BTreeSet;
use std::ops::Range;

use super::bound::{Columns, label};
use crate::catalog::Relation;
use crate::parse::{Place, Reference, Tokens};

/// What the row of a target is called in RETURNING, before and after (PostgreSQL 18).
const ROW_NAMES: [&str; 2] = ["new", "old"];

/// Where assignments end.
const ENDS_SET: [&str; 3] = ["from", "returning", "where"];

/// A masked relation that a statement changes.
pub(super) struct Target<'a, 'm> {
    pub(super) tokens: &'a Tokens<'a>,
    pub(super) relation: Relation<'a>,
    pub(super) masked: &'a Columns<'m>,
    pub(super) reference: &'a Reference,
    pub(super) place: &'a Place,
    /// Every reference of the text.
    pub(super) references: &'a [Reference],
}

impl Target<'_, '_> {
    /// Whether the statement uses nothing that is masked.
    pub(super) fn check(&self) -> Result<(), String> {
        let statement = self.statement();
        let has = |word: &str| statement.clone().any(|at| self.tokens.is_word(at, word));
        match self.reference.command.as_str() {
            // Rows come in, and nothing of what is there is seen.
            "COPY" => return Ok(()),
            "INSERT" if !has("returning") && !has("conflict") => return Ok(()),
            _ => {}
        }
        // Other names for the row before and after.
        if statement
            .clone()
            .any(|at| self.tokens.is_word(at, "returning") && self.tokens.is_word(at.saturating_add(1), "with"))
        {
            return Err(self.refusal("RETURNING WITH"));
        }
        let alias = self.alias();
        let free = self.free(&statement);
        let returns = has("returning");
        for at in statement {
            if self.is_star(at, alias, returns) {
                return Err(self.refusal("`*`"));
            }
            let Some(name) = self.tokens.name(at).filter(|_| !free.contains(&at)) else { continue };
            let qualified = at.checked_sub(1).is_some_and(|dot| self.tokens.is_mark(dot, "."));
            if self.masked.contains_key(name) && !self.is_of_another(at, qualified, alias) {
                return Err(self.refusal(&format!("`{name}`")));
            }
            if (name == alias || returns && ROW_NAMES.contains(&name)) && !qualified && !self.is_followed_by_column(at)
            {
                return Err(self.refusal("a whole row"));
            }
        }
        Ok(())
    }

    fn refusal(&self, what: &str) -> String {
        let (command, relation) = (&self.reference.command, label(self.relation));
        format!("`{relation}` has masked columns, and {what} in this {command} would use them as they are")
    }

    /// The tokens between semicolons.
    fn statement(&self) -> Range<usize> {
        let is_end = |at: &usize| self.tokens.is_mark(*at, ";");
        let start = (0..self.place.name.start).rev().find(is_end).map_or(0, |at| at.saturating_add(1));
        let end = (self.place.name.start..self.tokens.count()).find(is_end).unwrap_or(self.tokens.count());
        start..end
    }

    /// What the statement calls the relation.
    fn alias(&self) -> &str {
        let alias = self.place.alias.and_then(|at| self.tokens.name(at));
        alias.unwrap_or(&self.reference.name)
    }

    /// Names that use no value: those of relations, and of columns that get one.
    fn free(&self, statement: &Range<usize>) -> BTreeSet<usize> {
        let mut free = BTreeSet::new();
        for place in self.references.iter().filter_map(|reference| reference.place.as_ref()) {
            free.extend(place.whole.clone());
            free.extend(place.alias);
        }
        let behind = self.place.alias.map_or(self.place.whole.end, |alias| alias.saturating_add(1));
        if self.reference.command == "INSERT" {
            free.extend(self.list(behind));
        }
        let mut assigns = None;
        let mut depth = 0_usize;
        for at in statement.clone() {
            if self.tokens.is_mark(at, "(") || self.tokens.is_mark(at, "[") {
                depth = depth.saturating_add(1);
            } else if self.tokens.is_mark(at, ")") || self.tokens.is_mark(at, "]") {
                depth = depth.saturating_sub(1);
                assigns = assigns.filter(|set| *set <= depth);
            }
            let is = |word: &str| self.tokens.is_word(at, word);
            let merges = self.reference.command == "MERGE";
            if is("insert") && merges {
                free.extend(self.list(at.saturating_add(1)));
            }
            let sets = is("set") && (at == behind || self.is_update_behind(at));
            if sets {
                assigns = Some(depth);
            } else if assigns == Some(depth) && (ENDS_SET.iter().any(|word| is(word)) || merges && is("when")) {
                assigns = None;
            }
            let begins = sets || self.tokens.is_mark(at, ",");
            if begins && assigns == Some(depth) {
                free.extend(self.assigned(at.saturating_add(1)));
            }
        }
        free
    }

    /// Whether `DO UPDATE` or `THEN UPDATE` stands right before: elsewhere the word may be anybody's name.
    fn is_update_behind(&self, at: usize) -> bool {
        let (update, before) = (at.checked_sub(1), at.checked_sub(2));
        let begins = |before: usize| ["do", "then"].iter().any(|word| self.tokens.is_word(before, word));
        update.is_some_and(|at| self.tokens.is_word(at, "update")) && before.is_some_and(begins)
    }

    /// The names in parentheses there.
    fn list(&self, open: usize) -> Range<usize> {
        if !self.tokens.is_mark(open, "(") {
            return open..open;
        }
        let start = open.saturating_add(1);
        let is_list = |at: &usize| self.tokens.name(*at).is_some() || self.tokens.is_mark(*at, ",");
        let end = (start..self.tokens.count()).find(|at| !is_list(at)).unwrap_or(start);
        if self.tokens.is_mark(end, ")") { start..end } else { open..open }
    }

    /// The columns that `name =` or `(name, …) =` gives values to.
    fn assigned(&self, at: usize) -> Range<usize> {
        let next = at.saturating_add(1);
        if self.tokens.name(at).is_some() && self.tokens.is_mark(next, "=") {
            return at..next;
        }
        let list = self.list(at);
        let close = list.end;
        let is_assigned = !list.is_empty() && self.tokens.is_mark(close.saturating_add(1), "=");
        if is_assigned { list } else { at..at }
    }

    /// Whether a name is qualified with something else's alias.
    fn is_of_another(&self, at: usize, qualified: bool, alias: &str) -> bool {
        let qualifier = at.checked_sub(2).filter(|_| qualified);
        let is_first = |at: usize| at.checked_sub(1).is_none_or(|dot| !self.tokens.is_mark(dot, "."));
        let name = qualifier.filter(|at| is_first(*at)).and_then(|at| self.tokens.name(at));
        let own = |name: &str| name == alias || name == self.reference.name || ROW_NAMES.contains(&name);
        name.is_some_and(|name| !own(name))
    }

    /// Whether the relation's alias there stands before one of its own columns.
    fn is_followed_by_column(&self, at: usize) -> bool {
        const SYSTEM: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];
        let column = at.checked_add(2).filter(|_| self.tokens.is_mark(at.saturating_add(1), "."));
        let name = column.and_then(|at| self.tokens.name(at));
        name.is_some_and(|name| SYSTEM.contains(&name) || self.relation.column(name).is_some())
    }

    /// Whether a star stands for the relation's columns.
    fn is_star(&self, at: usize, alias: &str, returns: bool) -> bool {
        if !self.tokens.is_mark(at, "*") {
            return false;
        }
        let Some(before) = at.checked_sub(1) else { return false };
        if self.tokens.is_mark(before, ".") {
            return !self.is_of_another(at, true, alias);
        }
        returns && (self.tokens.is_word(before, "returning") || self.tokens.is_mark(before, ","))
    }
}
