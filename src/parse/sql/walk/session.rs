//! Statements that name or run other statements: EXPLAIN, PREPARE, EXECUTE, cursors.

use std::sync::Arc;

use sqlparser::ast::{CloseCursor, Declare, DeclareType, Ident, Statement, UtilityOption};

use super::columns::Place;
use super::facts::Walker;
use super::query::Role;
use super::{Unread, Walk, absent, names};
use crate::parse::facts::{Effect, Facts, Inner, Use};

impl Walker<'_> {
    /// EXPLAIN: planning may run immutable functions, and ANALYZE runs it all, so its effects are
    /// those of what it explains.
    pub(super) fn explain(&mut self, statement: &Statement) -> Walk {
        let Statement::Explain {
            describe_alias: _,
            analyze: _,
            verbose: _,
            query_plan,
            estimate,
            statement,
            format: _,
            options,
        } = statement
        else {
            return Ok(());
        };
        absent(!query_plan && !estimate, "EXPLAIN of that kind")?;
        self.keep_all();
        for UtilityOption { name: _, arg } in options.iter().flatten() {
            if let Some(arg) = arg {
                self.option(arg)?;
            }
        }
        self.effect(Effect::Read);
        self.statement(statement, true)
    }

    /// PREPARE: what it names is judged now, and known again when EXECUTE names it.
    pub(super) fn prepare(&mut self, name: &Ident, statement: &Statement) -> Walk {
        self.effect(Effect::Session);
        let facts = self.inside(|walker| walker.standing(statement, true, true))?;
        let facts = Arc::new(facts);
        self.absorb(&facts);
        self.aftermath.prepares.push((names::name(name)?, Inner(facts)));
        Ok(())
    }

    pub(super) fn declare(&mut self, declares: &[Declare]) -> Walk {
        let [declare] = declares else {
            return Err(Unread::new("DECLARE of several"));
        };
        let Declare {
            names: cursors,
            data_type,
            assignment,
            declare_type,
            binary: _,
            sensitive: _,
            scroll: _,
            hold,
            for_query,
        } = declare;
        absent(data_type.is_none() && assignment.is_none(), "DECLARE of a variable")?;
        absent(*declare_type == Some(DeclareType::Cursor), "DECLARE of anything but a cursor")?;
        let ([cursor], Some(query)) = (cursors.as_slice(), for_query) else {
            return Err(Unread::new("DECLARE without a query"));
        };
        self.effect(Effect::Read);
        let facts = self.inside(|walker| {
            walker.enter("SELECT", true)?;
            walker.result = Some(walker.query(query, Role::STATEMENT)?);
            walker.leave();
            Ok(())
        })?;
        let facts = Arc::new(facts);
        self.absorb(&facts);
        self.aftermath.declares.push((names::name(cursor)?, Inner(facts)));
        self.aftermath.holds |= *hold == Some(true);
        Ok(())
    }

    pub(super) fn execute(&mut self, statement: &Statement) -> Walk {
        let Statement::Execute { name, parameters, has_parentheses: _, immediate, into, using, output, default } =
            statement
        else {
            return Ok(());
        };
        let plain = !immediate && into.is_empty() && using.is_empty() && !output && !default;
        absent(plain, "EXECUTE with what PostgreSQL does not have")?;
        let parts = names::parts(name.as_ref().ok_or_else(|| Unread::new("EXECUTE without a name"))?)?;
        let [name] = parts.as_slice() else {
            return Err(Unread::new("EXECUTE of a qualified name"));
        };
        let lookup = self.context.prepared;
        let mine = known(&self.aftermath.prepares, name);
        let candidates = candidates(mine, lookup(name))
            .ok_or_else(|| Unread(format!("the prepared statement `{name}` is not known, so what it would do")))?;
        candidates.iter().for_each(|facts| self.runs_elsewhere(facts));
        self.answer.executes = Some(name.clone());
        if self.has_lost_names() || !self.earlier.is_empty() {
            // The server plans it anew, with what its names mean by then.
            self.not_known("sql.relations");
            self.not_known("sql.functions");
        }
        self.expressions(parameters, Place::of(Use::Output))
    }

    /// FETCH reads what the cursor reads.
    pub(super) fn fetch(&mut self, name: &Ident) -> Walk {
        let name = names::name(name)?;
        let lookup = self.context.cursors;
        let mine = known(&self.aftermath.declares, &name);
        let candidates = candidates(mine, lookup(&name))
            .ok_or_else(|| Unread(format!("the cursor `{name}` is not known, so what it reads")))?;
        self.effect(Effect::Read);
        candidates.iter().for_each(|facts| self.runs_elsewhere(facts));
        self.answer.fetches = Some(name.clone());
        self.cursors.insert(name);
        Ok(())
    }

    pub(super) fn close(&mut self, cursor: &CloseCursor) -> Walk {
        if let CloseCursor::Specific { name } = cursor {
            self.aftermath.closes = Some(names::name(name)?);
        }
        self.effect(Effect::Session);
        self.aftermath.forgets = true;
        Ok(())
    }

    /// Walks a statement on its own, with what is visible here.
    fn inside(&mut self, walk: impl FnOnce(&mut Walker<'_>) -> Walk) -> Walk<Facts> {
        let mut walker = Walker::new(self.context);
        walker.nested_in(self);
        (walker.earlier, walker.undone) = (self.earlier.clone(), self.undone);
        walk(&mut walker)?;
        let walked = walker.finish();
        self.keep_also(&walked.kept);
        self.references.extend(walked.references);
        Ok(walked.facts)
    }

    /// What a name stands for that another text gave.
    fn runs_elsewhere(&mut self, facts: &Facts) {
        self.touch_elsewhere(facts);
        self.absorb(facts);
    }
}

fn known(list: &[(String, Inner)], name: &str) -> Vec<Arc<Facts>> {
    list.iter().filter(|(known, _)| known == name).map(|(_, inner)| Arc::clone(&inner.0)).collect()
}

/// Everything that a name may stand for: what this text prepared and what the session knows.
fn candidates(mine: Vec<Arc<Facts>>, session: Option<Vec<Arc<Facts>>>) -> Option<Vec<Arc<Facts>>> {
    let all: Vec<Arc<Facts>> = mine.into_iter().chain(session.into_iter().flatten()).collect();
    (!all.is_empty()).then_some(all)
}
