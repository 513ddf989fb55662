//! Takes all modules of a bundle with their base data, gives every reason not to serve them:
//! what the engine would answer differently from OPA, what has no bound on its cost, and what
//! would be silently ignored or obeyed under `policies`.

mod calls;
mod entries;
mod imports;
mod overlap;
mod patterns;
mod recursion;
mod safety;
#[cfg(test)]
mod tests;

pub(in crate::bundle) use entries::entry_rules;

use super::ast::{Module, Pos};
use super::error::{Problem, RegoError};
use super::names::Names;

/// Reports every problem of all modules together with their base data, the shipped library's
/// modules (`Module::shipped`) among them.
///
/// `extensions` are the functions added to the engine: name and number of arguments.
///
/// # Errors
/// All problems, by file and line.
pub(in crate::bundle) fn lint(
    modules: &[Module],
    data: &serde_json::Value,
    extensions: &[(&str, u8)],
) -> Result<(), Vec<RegoError>> {
    let names = Names::new(modules);
    let mut problems = Problems(Vec::new());
    entries::check(modules, &mut problems);
    imports::check(modules, &mut problems);
    overlap::check(modules, &names, data, &mut problems);
    calls::check(modules, &names, extensions, &mut problems);
    recursion::check(modules, &names, &mut problems);
    safety::check(modules, &names, &mut problems);
    let Problems(mut problems) = problems;
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    Err(problems)
}

struct Problems(Vec<RegoError>);

impl Problems {
    fn add(&mut self, module: &Module, at: Pos, problem: Problem) {
        self.0.push(RegoError::at(&module.file, at, problem));
    }

    /// About base data, which has no line.
    fn add_data(&mut self, problem: Problem) {
        self.0.push(RegoError::at("data", Pos::default(), problem));
    }
}
