//! What the server expects of a client's statement: asked on the client's own connection, between two of its
//! statements, before the statement is judged.
//!
//! The client's text goes as a Parse message of its own under a name that nobody else knows, and never as a part of
//! another text. What is run is only ever `EXPLAIN (FORMAT JSON) EXECUTE` of that name, which plans and does not run it:
//! under a plan that fits any values, so that none are needed. Time-outs bound it on the server. In an open transaction all of
//! it stands behind a savepoint to which it is rolled back, so that neither its errors nor its locks stay.

use serde_json::Value;

use super::question::{NAME, SYNC, each_row, forget, run};
use crate::wire::postgres::{Object, Parse, WireError};

/// The question about one statement.
#[derive(Clone, Copy, Debug)]
pub struct WhatIf<'a> {
    /// Its text.
    pub text: &'a str,
    /// The types of its parameters, as the client declares them.
    pub types: &'a [u32],
    /// How many parameters it has.
    pub parameters: u16,
    /// Whether it is planned; if not, it is only read.
    pub plans: bool,
    /// Whether a transaction is open.
    pub within: bool,
}

/// What the server says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    /// It cannot read the statement, and would refuse it.
    Refuses,
    /// Nothing certain.
    Nothing,
    /// Rows that it returns or changes, and what it costs.
    Expects {
        /// Rows.
        rows: u64,
        /// In the planner's units.
        cost: f64,
    },
}

/// In milliseconds: longer than this nobody waits for an answer, nor for a lock that it takes.
const LONGEST: u32 = 2_000;

/// Levels of a plan that are looked at.
const DEEPEST: usize = 100;

/// Errors that say nothing about the statement: of resources, locks, time, transactions and the server itself, and that
/// somebody has the name already.
const PASSING: [&str; 11] = ["08", "25", "40", "53", "54", "55", "57", "58", "XX", "42P03", "42P05"];

impl WhatIf<'_> {
    /// The exchange that asks, in an open transaction one before it that sets a savepoint, and one behind it that leaves
    /// nothing, whatever has failed.
    pub(super) fn exchanges(&self) -> Result<Vec<u8>, WireError> {
        let (own, name) = (NAME.as_str(), format!("{} text", NAME.as_str()));
        let mut out = Vec::new();
        if self.within {
            run(&mut out, &format!("SAVEPOINT \"{own}\""))?;
            out.extend_from_slice(SYNC);
        }
        run(&mut out, &settings())?;
        let parse = Parse { name: name.as_bytes(), sql: self.text.as_bytes(), types: self.types.to_vec() };
        out.extend_from_slice(parse.encode()?.bytes());
        if self.plans {
            let values = vec!["NULL"; usize::from(self.parameters)].join(", ");
            let values = if values.is_empty() { values } else { format!("({values})") };
            run(&mut out, &format!("EXPLAIN (FORMAT JSON) EXECUTE \"{name}\"{values}"))?;
        }
        out.extend_from_slice(SYNC);
        forget(&mut out, Object::Portal, own.as_bytes())?;
        forget(&mut out, Object::Statement, own.as_bytes())?;
        forget(&mut out, Object::Statement, name.as_bytes())?;
        if self.within {
            run(&mut out, &format!("ROLLBACK TO SAVEPOINT \"{own}\""))?;
            run(&mut out, &format!("RELEASE SAVEPOINT \"{own}\""))?;
        }
        out.extend_from_slice(SYNC);
        Ok(out)
    }
}

/// For this one transaction, or up to the savepoint.
fn settings() -> String {
    let local = |name: &str, value: &str| format!("pg_catalog.set_config('{name}', '{value}', true)");
    let longest = LONGEST.to_string();
    let all = [
        // Code of somebody's that is computed while it is planned must not change anything.
        local("transaction_read_only", "on"),
        local("plan_cache_mode", "force_generic_plan"),
        local("statement_timeout", &longest),
        local("lock_timeout", &longest),
    ];
    format!("SELECT {}", all.join(", "))
}

impl Told {
    /// Reads the rows of the question's exchange as they came, and how it failed: after how many texts were read and how
    /// many run, and with which SQLSTATE.
    pub fn read(rows: &[u8], failed: Option<((usize, usize), &str)>) -> Self {
        match failed {
            // The client's is read when the first was run. What fails before or later may fail only here.
            Some(((1, 1), sqlstate)) if !PASSING.iter().any(|class| sqlstate.starts_with(class)) => Self::Refuses,
            Some(_) => Self::Nothing,
            None => expected(rows).unwrap_or(Self::Nothing),
        }
    }
}

/// What the last of the rows says.
fn expected(rows: &[u8]) -> Option<Told> {
    let mut plans = Vec::new();
    each_row(rows, |row| {
        plans.push(row.first().copied().flatten().filter(|_| row.len() == 1).map(<[u8]>::to_vec));
        Some(())
    })?;
    let [_, Some(plan)] = plans.as_slice() else { return None };
    let plans: Vec<Value> = serde_json::from_slice(plan).ok()?;
    if plans.is_empty() {
        return None;
    }
    let (mut rows, mut cost) = (0_f64, 0_f64);
    for plan in &plans {
        let plan = plan.get("Plan")?;
        rows += number(plan, "Plan Rows")?.max(changed(plan, 0)?);
        cost += number(plan, "Total Cost")?;
    }
    Some(Told::Expects { rows: whole(rows), cost })
}

/// Rows that a plan changes, wherever in it.
fn changed(node: &Value, level: usize) -> Option<f64> {
    if level > DEEPEST {
        return None;
    }
    let changes = node.get("Node Type").and_then(Value::as_str) == Some("ModifyTable");
    let mut all = 0_f64;
    for inner in node.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        let feeds = |relation: &str| matches!(relation, "Outer" | "Member");
        if changes && inner.get("Parent Relationship").and_then(Value::as_str).is_some_and(feeds) {
            all += number(inner, "Plan Rows")?;
        }
        all += changed(inner, level.saturating_add(1))?;
    }
    Some(all)
}

fn number(node: &Value, name: &str) -> Option<f64> {
    node.get(name)?.as_f64().filter(|number| number.is_finite() && *number >= 0.0)
}

/// A number of rows is whole, and the planner's largest is as good as any other that is too large.
fn whole(rows: f64) -> u64 {
    format!("{rows:.0}").parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
