//! `sidegate check`: the configuration and what it names, every problem.

use serde_json::json;

use super::args::{CheckArguments, Format};
use super::furnish;
use super::output::{self, Exit};
use crate::bundle;
use crate::config::{Config, Problem, Warning};

/// Checks and prints; problems are the answer, so they go to stdout.
pub(super) fn check(arguments: &CheckArguments) -> Exit {
    let path = &arguments.config.config_file;
    if let Err(error) = std::fs::File::open(path) {
        return output::fail(&format!("{}: cannot be read: {error}", path.display()));
    }
    let env = |name: &str| std::env::var(name).ok();
    let (problems, warnings) = match Config::load(path, &arguments.config.set, &arguments.config.set_file, &env) {
        Ok((config, warnings)) => (bundles(&config), warnings),
        Err(error) => (error.problems, Vec::new()),
    };
    let printed = output::say(&report(arguments.format, &problems, &warnings));
    if problems.is_empty() || printed != Exit::Ok { printed } else { Exit::No }
}

/// What keeps the configured bundles from serving.
fn bundles(config: &Config) -> Vec<Problem> {
    let key = |name: &str| if name.is_empty() { "bundles".to_owned() } else { format!("bundles.{name}") };
    match bundle::inspect(&furnish::bundles(config)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|problem| Problem { at: String::new(), key: key(&problem.bundle), text: problem.text })
            .collect(),
    }
}

fn report(format: Format, problems: &[Problem], warnings: &[Warning]) -> String {
    match format {
        Format::Json => {
            let problems: Vec<_> =
                problems.iter().map(|one| json!({"at": one.at, "key": one.key, "text": one.text})).collect();
            let warnings: Vec<_> =
                warnings.iter().map(|one| json!({"at": one.at, "key": one.key, "text": one.text})).collect();
            json!({"ok": problems.is_empty(), "problems": problems, "warnings": warnings}).to_string()
        }
        Format::Text => {
            let mut lines: Vec<String> = warnings.iter().map(|warning| format!("warning: {warning}")).collect();
            lines.extend(problems.iter().map(Problem::to_string));
            if problems.is_empty() {
                lines.push("ok".to_owned());
            }
            lines.join("\n")
        }
    }
}
