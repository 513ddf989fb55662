//! What the server expects of a client's statement: asked on the client's own connection, between two of its
//! statements, before the statement is judged.
//!
//! The client's text goes as a Parse message of its own under a name that nobody else knows, and never as a part of
//! another text. What is run is only ever `EXPLAIN (FORMAT JSON) EXECUTE` of that name, which plans and does not run it:
//! under a plan that fits any values, so that none are needed. Time-outs bound it on the server. In an open transaction all of
//! it stands behind a savepoint to which it is rolled back, so that neither its errors nor its locks stay.

use serde_json::Value;

use super::question::{NAME, SYNC, forget, run};
use crate::wire::postgres::{DataRow, Object, Parse, WireError};

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
const PASSING: [&str; 10] = ["08", "25", "40", "53", "54", "55", "57", "58", "XX", "42P05"];

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
    /// Reads the rows of the question's exchange as they came, and how it failed: after how many texts were read, and
    /// with which SQLSTATE.
    pub fn read(rows: &[u8], failed: Option<(usize, &str)>) -> Self {
        match failed {
            // The client's is the second. What fails later may fail only here.
            Some((1, sqlstate)) if !PASSING.iter().any(|class| sqlstate.starts_with(class)) => Self::Refuses,
            Some(_) => Self::Nothing,
            None => expected(rows).unwrap_or(Self::Nothing),
        }
    }
}

/// What the last of the rows says.
fn expected(mut rows: &[u8]) -> Option<Told> {
    let mut bodies = Vec::new();
    while let Some((header, rest)) = rows.split_at_checked(5) {
        let length: [u8; 4] = header.get(1..)?.try_into().ok()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?.checked_sub(4)?;
        let (body, rest) = rest.split_at_checked(length)?;
        if header.first() != Some(&b'D') {
            return None;
        }
        bodies.push(body);
        rows = rest;
    }
    let [_, plan] = bodies.as_slice() else { return None };
    let row = DataRow::decode(plan).ok()?;
    let [Some(plan)] = row.values.as_slice() else { return None };
    let plans: Vec<Value> = serde_json::from_slice(plan).ok()?;
    if plans.is_empty() || !rows.is_empty() {
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
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(plan: &Value) -> Vec<u8> {
        let row = |value: &[u8]| {
            let length = u32::try_from(value.len()).unwrap();
            [&b"D"[..], &(length + 10).to_be_bytes(), &[0, 1], &length.to_be_bytes(), value].concat()
        };
        [row(b"on"), row(plan.to_string().as_bytes())].concat()
    }

    fn told(plan: &Value) -> Told {
        Told::read(&rows(plan), None)
    }

    fn node(kind: &str, rows: f64, plans: Value) -> Value {
        json!({"Node Type": kind, "Plan Rows": rows, "Total Cost": 12.5, "Parent Relationship": "Outer", "Plans": plans})
    }

    #[test]
    fn rows_are_those_that_come_back_or_change_anywhere_in_the_plan() {
        let scan = || node("Seq Scan", 5000.0, json!([]));
        let expects = |rows| Told::Expects { rows, cost: 12.5 };
        assert_eq!(told(&json!([{"Plan": scan()}])), expects(5000));
        assert_eq!(told(&json!([{"Plan": node("Aggregate", 1.0, json!([scan()]))}])), expects(1));
        let delete = node("ModifyTable", 0.0, json!([scan()]));
        assert_eq!(told(&json!([{"Plan": delete}])), expects(5000));
        let mut hidden = delete.clone();
        hidden["Parent Relationship"] = "InitPlan".into();
        assert_eq!(told(&json!([{"Plan": node("Result", 1.0, json!([hidden]))}])), expects(5000));
        let two = json!([{"Plan": scan()}, {"Plan": delete}]);
        assert_eq!(told(&two), Told::Expects { rows: 10_000, cost: 25.0 });
        assert_eq!(told(&json!([{"Plan": node("Seq Scan", 1e300, json!([]))}])), expects(u64::MAX));
    }

    #[test]
    fn what_is_no_whole_plan_says_nothing() {
        let good = rows(&json!([{"Plan": node("Seq Scan", 1.0, json!([]))}]));
        for cut in 0..good.len() {
            assert_eq!(Told::read(&good[..cut], None), Told::Nothing, "{cut}");
        }
        assert_eq!(Told::read(&[good.clone(), good].concat(), None), Told::Nothing);
        let mut deep = node("Append", 1.0, json!([]));
        for _ in 0..=DEEPEST {
            deep = node("Append", 1.0, json!([deep]));
        }
        for bad in [
            json!([]),
            json!(["Utility Statement"]),
            json!({}),
            json!([{"Plan": {"Plan Rows": 1}}]),
            json!([{"Plan": deep}]),
        ] {
            assert_eq!(told(&bad), Told::Nothing, "{bad}");
        }
        for rows in [json!(-1), json!("5"), json!(null)] {
            assert_eq!(told(&json!([{"Plan": {"Plan Rows": rows, "Total Cost": 1}}])), Told::Nothing);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(start in 0_usize..400, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let mut all = rows(&json!([{"Plan": node("ModifyTable", 0.0, json!([node("Seq Scan", 2.0, json!([]))]))}]));
            let at = start.min(all.len());
            let end = at.saturating_add(bytes.len()).min(all.len());
            all.splice(at..end, bytes.iter().copied());
            if let Told::Expects { cost, .. } = Told::read(&all, None) {
                proptest::prop_assert!(cost.is_finite() && cost >= 0.0);
            }
            Told::read(&bytes, None);
        }
    }

    #[test]
    fn only_what_the_server_cannot_read_is_refused_for_certain() {
        for (failed, wanted) in [
            ((1, "42P01"), Told::Refuses),
            ((1, "22P02"), Told::Refuses),
            ((1, "57014"), Told::Nothing),
            ((1, "55P03"), Told::Nothing),
            ((1, "42P05"), Told::Nothing),
            ((0, "42501"), Told::Nothing),
            ((2, "42501"), Told::Nothing),
            ((2, "22012"), Told::Nothing),
        ] {
            assert_eq!(Told::read(&[], Some(failed)), wanted, "{failed:?}");
        }
    }

    #[test]
    fn each_exchange_ends_with_its_sync_and_the_last_leaves_no_name() {
        let spelled = |within, plans| {
            let question = WhatIf { text: "select $1", types: &[23], parameters: 1, plans, within };
            let bytes = question.exchanges().unwrap();
            let (mut tags, mut rest) = (String::new(), bytes.as_slice());
            while let [tag, a, b, c, d, ..] = rest {
                tags.push(char::from(*tag));
                rest = &rest[1 + u32::from_be_bytes([*a, *b, *c, *d]) as usize..];
            }
            tags
        };
        assert_eq!(spelled(false, true), "PBECCPPBECCSCCCS");
        assert_eq!(spelled(false, false), "PBECCPSCCCS");
        assert_eq!(spelled(true, true), "PBECCSPBECCPPBECCSCCCPBECCPBECCS");
    }
}
