//! Bundles as they stand now, once: for commands that end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use super::error::BundleError;
use super::files;
use super::gate::{self, Answer, Ask, Bundle, Checked};
use super::policy::{Entrypoint, Policy};
use super::status::{Problem, Report};
use super::store::Settings;

/// Reads and checks all bundles, without serving them: what `check` asks.
///
/// # Errors
/// Every problem that was found.
pub fn inspect(settings: &Settings) -> Result<Report, Vec<Problem>> {
    let checked = check(settings)?;
    Ok(Report {
        packages: packages(&checked.entrypoint),
        revisions: checked.revisions.into_iter().collect(),
        tests: checked.tests,
    })
}

/// Reads, checks and compiles all bundles: a policy of generation 1 that nothing replaces.
///
/// # Errors
/// Every problem that was found.
pub fn load(settings: &Settings) -> Result<Arc<Policy>, Vec<Problem>> {
    let checked = check(settings)?;
    thread::scope(|scope| {
        let compiler = thread::Builder::new()
            .stack_size(gate::STACK)
            .spawn_scoped(scope, || Policy::compile(checked, settings, 1))
            .map_err(|cause| BundleError::Thread { cause })?;
        compiler.join().unwrap_or_else(|_| Err(BundleError::Compile { cause: "the engine panicked".to_owned() }))
    })
    .map(Arc::new)
    .map_err(of_no_bundle)
}

fn check(settings: &Settings) -> Result<Checked, Vec<Problem>> {
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
    match gate::ask(&settings.program, settings.limits, &question).map_err(of_no_bundle)? {
        Answer::Accepted(checked) => Ok(checked),
        Answer::Refused(problems) => Err(problems),
    }
}

fn of_no_bundle(error: BundleError) -> Vec<Problem> {
    vec![Problem { bundle: String::new(), text: error.to_string() }]
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
