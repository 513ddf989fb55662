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

/// Statements without a plan whose effects are those of others that have one.
const UNPLANNED: [&str; 2] = ["SHOW", "LOCK TABLE"];

/// Statements that go on with a query that was judged when its cursor was declared.
const CURSORS: [&str; 2] = ["FETCH", "MOVE"];

/// Definitions that run a query.
const QUERIES: [&str; 4] = ["CREATE TABLE AS", "SELECT INTO", "CREATE MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW"];

impl Facts {
    /// Whether the server can be asked what it expects of the statement.
    pub fn planning(&self) -> Planning {
        if self.unparsed.is_some() {
            return Planning::Hidden;
        }
        let mut tops = self.statements.iter().filter(|statement| !statement.nested);
        if self.statements.iter().all(is_unplanned) {
            return if self.empty || !self.statements.is_empty() { Planning::Nothing } else { Planning::Hidden };
        }
        match (tops.next(), tops.next()) {
            (Some(only), None) if CURSORS.contains(&only.command.as_str()) => return Planning::Nothing,
            (Some(only), None) if PLANNED.contains(&only.command.as_str()) => {}
            (_, _) => return Planning::Hidden,
        }
        let harmless = |effect: &Effect| matches!(effect, Effect::Read | Effect::Write | Effect::Session);
        let known =
            !self.outdated && !self.unknown.contains("sql.relations") && !self.unknown.contains("sql.functions");
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
    let loaded =
        command == "COPY" && statement.effects.contains(&Effect::CopyIn) && statement.effects.iter().all(loads);
    let defines = !QUERIES.contains(&command) && statement.effects.iter().all(plain);
    !statement.nested && (defines || loaded || UNPLANNED.contains(&command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};

    async fn planning(sql: &str) -> Planning {
        let reader = Reader::new(1, 0, Stack::Ordinary).unwrap();
        let nothing = Remembered::new();
        let reading = Reading {
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            names: Names::Certain { schema: "public".into() },
            read_only: false,
            limits: ReadingLimits { statement: 1 << 20, tokens: 1 << 16 },
            prepared: &nothing,
            cursors: &nothing,
        };
        reader.statement(sql, &reading).await.planning()
    }

    #[tokio::test]
    async fn only_one_statement_of_harmless_parts_is_planned_before_it_is_judged() {
        use Planning::{Doubtful, Harmless, Hidden, Nothing};
        for (sql, wanted) in [
            ("", Nothing),
            ("begin", Nothing),
            ("set local datestyle to iso; commit", Nothing),
            ("show all", Nothing),
            ("create table t (a int)", Nothing),
            ("grant select on t to u", Nothing),
            ("copy t from stdin", Nothing),
            ("select lower(a) from t", Harmless),
            ("values (1)", Harmless),
            ("with d as (delete from t returning 1) select 1", Harmless),
            ("insert into t select 1", Harmless),
            ("update t set a = 1", Harmless),
            ("merge into t using u on t.a = u.a when matched then delete", Harmless),
            ("declare c cursor for select 1", Harmless),
            ("select mine(a) from t", Doubtful),
            ("select pg_sleep(1)", Doubtful),
            ("select set_config('a.b', 'c', true)", Doubtful),
            ("select 1; select 2", Hidden),
            ("begin; select 1", Hidden),
            ("explain select 1", Hidden),
            ("explain analyze delete from t", Hidden),
            ("prepare p as select 1", Hidden),
            ("execute p", Hidden),
            ("copy t to stdout", Hidden),
            ("copy (delete from t returning 1) to stdout", Hidden),
            ("create table u as select 1", Hidden),
            ("select 1 into u", Hidden),
            ("create materialized view v as select 1", Hidden),
            ("refresh materialized view v", Hidden),
            ("truncate t", Hidden),
            ("call p()", Hidden),
            ("do $$ begin end $$", Hidden),
            ("selec 1", Hidden),
        ] {
            assert_eq!(planning(sql).await, wanted, "{sql}");
        }
    }
}
