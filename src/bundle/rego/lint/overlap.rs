//! Base data may not stand where a rule or a package does: the engine lets data win over rules.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Problems;
use crate::bundle::rego::ast::Module;
use crate::bundle::rego::error::Problem;
use crate::bundle::rego::names::{Names, Path};

pub(super) fn check(modules: &[Module], names: &Names<'_>, data: &Value, problems: &mut Problems) {
    for root in ["sidegate", "policies"] {
        if data.get(root).is_some() {
            problems.add_data(Problem::ReservedData { root });
        }
    }
    let mut seen = BTreeSet::new();
    for module in modules {
        let package = module.path();
        if let Some(path) = scalar_on(data, &package) {
            problems.add(module, module.at, Problem::DataOverRule { path });
        }
        // OPA: a rule and a package (or another rule below it) cannot share a path.
        let above = (2..=package.len()).filter_map(|length| package.get(..length));
        for path in above {
            if let Some((other, rule)) = names.rules.get(path).and_then(|rules| rules.first())
                && seen.insert(path.to_vec())
            {
                problems.add(other, rule.at, Problem::RuleOverPackage { path: path.join(".") });
            }
        }
    }
    for (path, rules) in &names.rules {
        let Some((module, rule)) = rules.first() else { continue };
        if module.package.first().is_some_and(|first| first == "policies") && data.get("policies").is_some() {
            continue;
        }
        if let Some(path) = scalar_on(data, path).or_else(|| at(data, path).map(|_| path.join("."))) {
            problems.add(module, rule.at, Problem::DataOverRule { path });
        }
    }
}

fn at<'v>(data: &'v Value, path: &Path) -> Option<&'v Value> {
    path.iter().skip(1).try_fold(data, |value, key| value.get(key))
}

/// The part of `path` at which base data has something that is no object.
fn scalar_on(data: &Value, path: &Path) -> Option<String> {
    let mut value = data;
    for (index, key) in path.iter().enumerate().skip(1) {
        value = value.get(key)?;
        if !value.is_object() {
            return Some(path.get(..=index)?.join("."));
        }
    }
    None
}
