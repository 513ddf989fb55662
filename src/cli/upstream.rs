//! `sidegate check --upstream`: what the role that each listener logs in as may do beyond what statements need.

use serde_json::{Value, json};

use crate::catalog::Power;
use crate::config::{Config, Problem};
use crate::forward::Connector;

/// One role in one database.
pub(super) struct Surveyed {
    listener: String,
    database: String,
    role: String,
    powers: Vec<Power>,
}

/// Logs in for each listener and each database and asks. What cannot be asked is a problem.
pub(super) fn survey(config: &Config, databases: &[String], file: &str) -> (Vec<Surveyed>, Vec<Problem>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let text = format!("cannot ask anybody: {error}");
            return (
                Vec::new(),
                vec![Problem { at: file.to_owned(), key: "plugins.sidegate.listeners".to_owned(), text }],
            );
        }
    };
    let (mut surveyed, mut problems) = (Vec::new(), Vec::new());
    for (index, listener) in config.sidegate.listeners.iter().enumerate() {
        let connector = Connector::new(listener.upstream.clone());
        for database in databases {
            let mut problem = |text: String| {
                let key = format!("plugins.sidegate.listeners[{index}].upstream");
                problems.push(Problem { at: file.to_owned(), key, text });
            };
            match runtime.block_on(connector.survey(database)) {
                Ok(snapshot) => match snapshot.powers() {
                    Some(powers) => surveyed.push(Surveyed {
                        listener: listener.name.to_string(),
                        database: database.clone(),
                        role: snapshot.server().user.to_string(),
                        powers: powers.to_vec(),
                    }),
                    None => problem(format!("`{database}` does not tell what the role may do: its own log says why")),
                },
                Err(error) => problem(error.to_string()),
            }
        }
    }
    (surveyed, problems)
}

/// Whether somebody may do too much.
pub(super) fn is_too_much(surveyed: &[Surveyed]) -> bool {
    surveyed.iter().any(|one| !one.powers.is_empty())
}

/// For programs.
pub(super) fn in_json(surveyed: &[Surveyed]) -> Value {
    let power = |one: &Power| json!({"what": one.what, "object": one.object, "remedy": one.remedy});
    let roles = surveyed.iter().map(|one| {
        let powers: Vec<_> = one.powers.iter().map(power).collect();
        json!({"listener": one.listener, "database": one.database, "role": one.role, "powers": powers})
    });
    roles.collect()
}

/// For people: a heading for each role, and under it what it may do, with the statement that takes it away.
pub(super) fn in_words(surveyed: &[Surveyed]) -> Vec<String> {
    let mut lines = Vec::new();
    for Surveyed { listener, database, role, powers } in surveyed {
        let count = powers.len();
        lines.push(format!("{listener}: role {role} in {database} has {count} powers that statements do not need"));
        for power in powers {
            lines.push(format!("  {}: {}", power.what, power.object));
            lines.push(format!("    {};", power.remedy));
        }
    }
    // The server named these: a name must not write lines of its own.
    lines.into_iter().map(|line| line.replace(char::is_control, " ")).collect()
}
