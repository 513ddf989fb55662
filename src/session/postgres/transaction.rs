//! What a transaction has done so far, for the question whether it may commit.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::{Done, Touched, Transaction};
use crate::parse::{Effect, Facts, StatementFacts};
use crate::wire::postgres::TransactionStatus;

/// What a ReadyForQuery says of one.
pub(super) fn told(status: TransactionStatus) -> Transaction {
    match status {
        TransactionStatus::Idle => Transaction::Idle,
        TransactionStatus::Transaction => Transaction::Open,
        TransactionStatus::Failed => Transaction::Failed,
    }
}

/// One transaction, explicit or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Deeds {
    statements: u64,
    relations: BTreeMap<String, Touched>,
    /// Something touched nobody knows what.
    blind: bool,
    rows: u64,
    /// Rows were written that nobody counted.
    uncounted: bool,
    effects: BTreeSet<Effect>,
    /// Whether it was begun explicitly, as far as commands have completed since the last ReadyForQuery.
    begun: Option<bool>,
}

/// When a statement commits what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commits {
    /// Nothing.
    Nothing,
    /// The transaction that is open, and it does nothing else.
    Open,
    /// What it does itself, and what was open, perhaps.
    Itself,
    /// What another session has prepared.
    Prepared,
}

/// Relations of one transaction that are told apart.
const MANY: usize = 1_000;

impl Deeds {
    /// A statement is about to be sent.
    pub(super) fn sends(&mut self, facts: &Facts) {
        self.statements = self.statements.saturating_add(1);
        self.effects.extend(facts.effects.iter().copied());
        self.blind |= facts.unparsed.is_some() || facts.unknown.contains("sql.relations");
        self.uncounted |= writes_uncounted(facts);
        for relation in &facts.relations {
            if self.relations.len() >= MANY {
                self.blind = true;
                break;
            }
            let touched = self.relations.entry(relation.id.clone()).or_insert_with(|| Touched {
                id: relation.id.clone(),
                schema: relation.schema.clone(),
                name: relation.name.clone(),
                access: relation.access.clone(),
            });
            touched.access.extend(relation.access.iter().copied());
        }
    }

    /// A command of a statement completed, with this tag.
    pub(super) fn completes(&mut self, facts: &Facts, tag: &str) {
        match tag {
            "BEGIN" | "START TRANSACTION" => self.begun = Some(true),
            // That of ROLLBACK TO is the same: then more is asked than need be.
            "COMMIT" | "ROLLBACK" | "PREPARE TRANSACTION" => self.begun = Some(false),
            _ => {}
        }
        let mut words = tag.split(' ');
        let rows = match words.next() {
            Some("INSERT" | "UPDATE" | "DELETE" | "MERGE") => words.next_back().and_then(|count| count.parse().ok()),
            Some("COPY") if facts.effects.contains(&Effect::CopyIn) => {
                self.uncounted |= facts.effects.contains(&Effect::CopyOut);
                words.next_back().and_then(|count| count.parse().ok())
            }
            // With others in the same text, what comes behind it is not done with it.
            Some("COMMIT") if tops(facts).count() == 1 => {
                *self = Self { begun: self.begun, ..Self::default() };
                Some(0)
            }
            _ => Some(0),
        };
        match rows {
            Some(rows) => self.rows = self.rows.saturating_add(rows),
            None => self.uncounted = true,
        }
    }

    /// Not all rows of a statement were fetched: what it writes is written, and no tag has counted it.
    pub(super) fn suspends(&mut self, facts: &Facts) {
        self.uncounted |= facts.effects.contains(&Effect::Write);
    }

    /// ReadyForQuery: nothing is open any more, or it is known that something is.
    pub(super) fn ready(&mut self, idle: bool) {
        self.begun = None;
        if idle {
            *self = Self::default();
        }
    }

    /// What policy is told of it, and of a statement that was not sent yet and commits with it.
    pub(super) fn done(&self, next: Option<&Facts>) -> Done {
        let mut all = self.clone();
        if let Some(facts) = next {
            all.sends(facts);
            all.uncounted |= facts.effects.iter().any(|effect| matches!(effect, Effect::Write | Effect::CopyIn));
        }
        Done {
            statements: all.statements,
            relations: (!all.blind).then(|| all.relations.into_values().collect()),
            rows_written: (!all.uncounted).then_some(all.rows),
            effects: all.effects,
        }
    }

    /// What a statement commits. `open`: the last ReadyForQuery was of an open transaction.
    pub(super) fn committed_by(&self, facts: &Facts, open: bool) -> Commits {
        let open = self.begun.unwrap_or(open);
        let commands: Vec<_> = tops(facts).map(|statement| statement.command.as_str()).collect();
        // EXECUTE of what was prepared with a message may end a transaction, too.
        if facts.statements.iter().any(|statement| statement.nested && ENDS.contains(&statement.command.as_str())) {
            return Commits::Itself;
        }
        match commands.as_slice() {
            ["COMMIT" | "PREPARE TRANSACTION"] if open || self.statements > 0 => Commits::Open,
            ["COMMIT" | "PREPARE TRANSACTION"] => Commits::Nothing,
            ["COMMIT PREPARED"] => Commits::Prepared,
            [] if facts.empty => Commits::Nothing,
            [] => Commits::Itself,
            _ if facts.unparsed.is_some() => Commits::Itself,
            [first, ..] => {
                let ends = commands.len() > 1 && commands.iter().any(|command| ENDS.contains(command));
                let begins = matches!(*first, "BEGIN" | "START TRANSACTION");
                let harmless = |effect: &Effect| {
                    use Effect::{CopyOut, Read, Session, Settings, Transaction};
                    matches!(effect, Read | CopyOut | Session | Settings | Transaction)
                };
                let nothing = open || begins || facts.effects.iter().all(harmless);
                if nothing && !ends { Commits::Nothing } else { Commits::Itself }
            }
        }
    }
}

/// Commands that end a transaction.
const ENDS: [&str; 4] = ["COMMIT", "ROLLBACK", "PREPARE TRANSACTION", "COMMIT PREPARED"];

fn tops(facts: &Facts) -> impl Iterator<Item = &StatementFacts> {
    facts.statements.iter().filter(|statement| !statement.nested)
}

/// Whether a statement may write rows that its tag does not count: inside another one, by code, or all at once.
fn writes_uncounted(facts: &Facts) -> bool {
    let hidden =
        |effect: &Effect| matches!(effect, Effect::Procedure | Effect::Unknown | Effect::File | Effect::Program);
    let uncounted = |statement: &StatementFacts| {
        let command = statement.command.as_str();
        (statement.nested && statement.effects.contains(&Effect::Write))
            || command.starts_with("TRUNCATE")
            || matches!(
                command,
                "CREATE TABLE AS" | "SELECT INTO" | "REFRESH MATERIALIZED VIEW" | "CREATE MATERIALIZED VIEW"
            )
    };
    let large_objects = facts.effects.contains(&Effect::Write)
        && facts.functions.iter().any(|call| call.builtin && call.name.starts_with("lo"));
    facts.unparsed.is_some()
        || facts.effects.iter().any(hidden)
        || facts.statements.iter().any(uncounted)
        || large_objects
}

#[cfg(test)]
mod tests;
