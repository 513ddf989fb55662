//! `sidegate check --upstream`: what the role that each listener logs in as may do beyond what statements need, and which
//! columns that bundles name do not exist there.

use serde_json::{Value, json};

use super::furnish;
use crate::bundle::{self, Literal, Written};
use crate::catalog::{Power, Snapshot};
use crate::config::{Config, Problem};
use crate::decide;
use crate::forward::Connector;

/// One role in one database.
pub(super) struct Surveyed {
    listener: String,
    database: String,
    role: String,
    powers: Vec<Power>,
    /// How many columns that bundles name were looked up: those whose table exists.
    looked_up: usize,
    missing: Vec<Missing>,
}

/// A column that a bundle names and its table does not have.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    /// Where it is named.
    at: String,
    /// Its name in full.
    column: String,
}

/// Logs in for each listener and each database and asks. What cannot be asked is a problem.
pub(super) fn survey(config: &Config, databases: &[String]) -> (Vec<Surveyed>, Vec<Problem>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let text = format!("cannot ask anybody: {error}");
            let key = "plugins.sidegate.listeners".to_owned();
            return (Vec::new(), vec![Problem { at: config.places.place(&key), key, text }]);
        }
    };
    let (mut surveyed, mut problems) = (Vec::new(), Vec::new());
    let named = bundle::literals(&furnish::bundles(config));
    for (index, listener) in config.sidegate.listeners.iter().enumerate() {
        let connector = Connector::new(listener.upstream.clone());
        for database in databases {
            let mut problem = |text: String| {
                let key = format!("plugins.sidegate.listeners[{index}].upstream");
                problems.push(Problem { at: config.places.place(&key), key, text });
            };
            match runtime.block_on(connector.survey(database)) {
                Ok(snapshot) => match snapshot.powers() {
                    Some(powers) => {
                        let (looked_up, missing) = look_up(&named, &snapshot);
                        surveyed.push(Surveyed {
                            listener: listener.name.to_string(),
                            database: database.clone(),
                            role: snapshot.server().user.to_string(),
                            powers: powers.to_vec(),
                            looked_up,
                            missing,
                        });
                    }
                    None => problem(format!("`{database}` does not tell what the role may do: its own log says why")),
                },
                Err(error) => problem(error.to_string()),
            }
        }
    }
    (surveyed, problems)
}

/// How many of the columns are of tables that exist, and which of those do not.
fn look_up(named: &[Literal], snapshot: &Snapshot) -> (usize, Vec<Missing>) {
    let (mut looked_up, mut missing) = (0_usize, Vec::new());
    for Literal { bundle, file, line, written } in named {
        let name = match written {
            Written::Whole(text) => decide::column_name(text),
            Written::Nested { relation, column } => {
                decide::relation_name(relation).map(|relation| (relation, column.clone()))
            }
        };
        let Ok((relation, column)) = name else { continue };
        let Some(found) = snapshot.relation_in(&relation.schema, &relation.name) else { continue };
        looked_up = looked_up.saturating_add(1);
        if found.column(&column).is_none() {
            missing.push(Missing { at: format!("{bundle}/{file}:{line}"), column: format!("{relation}.{column}") });
        }
    }
    (looked_up, missing)
}

/// Whether somebody may do too much, or something is named that does not exist.
pub(super) fn is_amiss(surveyed: &[Surveyed]) -> bool {
    surveyed.iter().any(|one| !(one.powers.is_empty() && one.missing.is_empty()))
}

/// For programs.
pub(super) fn in_json(surveyed: &[Surveyed]) -> Value {
    let power = |one: &Power| json!({"what": one.what, "object": one.object, "remedy": one.remedy});
    let roles = surveyed.iter().map(|one| {
        let powers: Vec<_> = one.powers.iter().map(power).collect();
        let missing = |one: &Missing| json!({"at": one.at, "column": one.column});
        let missing: Vec<_> = one.missing.iter().map(missing).collect();
        json!({"listener": one.listener, "database": one.database, "role": one.role, "powers": powers,
               "columns": {"looked_up": one.looked_up, "missing": missing}})
    });
    roles.collect()
}

/// For people: a heading for each role, and under it what it may do, with the statement that takes it away; then the
/// columns that do not exist.
pub(super) fn in_words(surveyed: &[Surveyed]) -> Vec<String> {
    let mut lines = Vec::new();
    for Surveyed { listener, database, role, powers, looked_up, missing } in surveyed {
        let count = powers.len();
        lines.push(format!("{listener}: role {role} in {database} has {count} powers that statements do not need"));
        for power in powers {
            lines.push(format!("  {}: {}", power.what, power.object));
            lines.push(format!("    {};", power.remedy));
        }
        let count = missing.len();
        lines.push(format!(
            "{listener}: of {looked_up} columns that bundles name in tables of {database}, {count} do not exist there"
        ));
        lines.extend(missing.iter().map(|Missing { at, column }| format!("  {at}: {column}")));
    }
    // The server named these: a name must not write lines of its own.
    lines.into_iter().map(|line| line.replace(char::is_control, " ")).collect()
}
