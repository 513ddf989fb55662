//! What `check` asks: may the bundles serve as they stand now?

use std::collections::BTreeSet;

use super::files;
use super::gate::{self, Answer, Ask, Bundle};
use super::policy::Entrypoint;
use super::status::{Problem, Report};
use super::store::Settings;

/// Reads and checks all bundles once, without serving them.
///
/// # Errors
/// Every problem that was found.
pub fn inspect(settings: &Settings) -> Result<Report, Vec<Problem>> {
    let mut bundles = Vec::new();
    let mut problems = Vec::new();
    for source in &settings.sources {
        let read = files::list(&source.location).and_then(|listing| files::read(&source.location, &listing));
        match read {
            Ok(files) => bundles.push(Bundle { name: source.name.clone(), files }),
            Err(error) => problems.push(Problem { bundle: source.name.clone(), text: error.to_string() }),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let question = Ask { decision: settings.decision.clone(), bundles };
    match gate::ask(&settings.program, settings.limits, &question) {
        Ok(Answer::Accepted(checked)) => Ok(Report {
            revisions: checked.revisions.into_iter().collect(),
            packages: packages(&checked.entrypoint),
            tests: checked.tests,
        }),
        Ok(Answer::Refused(problems)) => Err(problems),
        Err(error) => Err(vec![Problem { bundle: String::new(), text: error.to_string() }]),
    }
}

fn packages(entrypoint: &Entrypoint) -> Vec<String> {
    match entrypoint {
        Entrypoint::Packages(questions) => {
            let names: BTreeSet<_> = questions.iter().map(|question| question.rule.package.clone()).collect();
            names.into_iter().collect()
        }
        Entrypoint::Rule(_) => Vec::new(),
    }
}
