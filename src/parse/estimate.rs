//! What the server expects of a statement, and whether it can be asked.

use super::facts::{Effect, Facts, StatementFacts};

/// What the server expects of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Estimate {
    /// There is nothing to expect, or no rule wants to know.
    #[default]
    Nothing,
    /// Nobody knows.
    Unknown,
    /// This.
    Of {
        /// Rows that it returns or changes.
        rows: u64,
        /// What it costs, in the planner's units.
        cost: f64,
    },
}

/// Whether the server can say what it expects of a statement before that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planning {
    /// Nothing of it is planned.
    Nothing,
    /// It is one statement, and planning it runs nothing that is not PostgreSQL's own and harmless.
    Harmless,
    /// It is one statement that may be read by the server, but not planned: something in it is not known or not harmless.
    Doubtful,
    /// It is planned in a way that nobody can be asked about: several statements, code, or what cannot be read.
    Hidden,
}

/// Statements that have a plan of their own.
const PLANNED: [&str; 6] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "DECLARE CURSOR"];

/// Statements without a plan whose effects are those of others that have one. What a cursor gives was judged when it
/// was declared.
const UNPLANNED: [&str; 3] = ["FETCH", "MOVE", "LOCK TABLE"];

/// Definitions that run a query.
const QUERIES: [&str; 4] =
    ["CREATE TABLE AS", "SELECT INTO", "CREATE MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW"];

impl Facts {
    /// Whether the server can be asked what it expects of the statement.
    pub fn planning(&self) -> Planning {
        if self.unparsed.is_some() {
            return Planning::Hidden;
        }
        if self.statements.iter().all(is_unplanned) {
            return if self.empty || !self.statements.is_empty() { Planning::Nothing } else { Planning::Hidden };
        }
        let mut tops = self.statements.iter().filter(|statement| !statement.nested);
        match (tops.next(), tops.next()) {
            (Some(only), None) if PLANNED.contains(&only.command.as_str()) => {}
            (_, _) => return Planning::Hidden,
        }
        let harmless = |effect: &Effect| matches!(effect, Effect::Read | Effect::Write | Effect::Session);
        let known = !self.outdated && !self.unknown.contains("sql.relations") && !self.unknown.contains("sql.functions");
        if known && self.effects.iter().all(harmless) { Planning::Harmless } else { Planning::Doubtful }
    }
}

fn is_unplanned(statement: &StatementFacts) -> bool {
    let command = statement.command.as_str();
    let plain = |effect: &Effect| {
        use Effect::{Dcl, Ddl, Notify, Session, Settings, Transaction};
        matches!(effect, Session | Settings | Transaction | Notify | Dcl | Ddl)
    };
    let loads = |effect: &Effect| matches!(effect, Effect::CopyIn | Effect::Write);
    let loaded = command == "COPY" && statement.effects.contains(&Effect::CopyIn) && statement.effects.iter().all(loads);
    let defines = !QUERIES.contains(&command) && statement.effects.iter().all(plain);
    !statement.nested && (defines || loaded || UNPLANNED.contains(&command))
}
