use super::ast::Module;
use super::error::RegoError;
use crate::bundle::entry::{EntryRule, EntrySet};

/// Reports every problem of all modules together with their base data.
///
/// `extensions` are the functions added to the engine: name and number of arguments.
pub(in crate::bundle) fn lint(
    _modules: &[Module],
    _data: &serde_json::Value,
    _extensions: &[(&str, u8)],
) -> Result<(), Vec<RegoError>> {
    Ok(())
}

/// The sets of every package under `policies`, packages of tests left out.
pub(in crate::bundle) fn entry_rules(modules: &[Module]) -> Vec<EntryRule> {
    let mut rules = std::collections::BTreeSet::new();
    for module in modules.iter().filter(|module| !module.is_test()) {
        if module.package.first().is_some_and(|first| first == "policies") {
            for set in module.rules.iter().filter_map(|rule| EntrySet::named(rule.name().0.first()?)) {
                let package = module.package_name();
                rules.insert(EntryRule { path: format!("data.{package}.{}", set.name()), package, set });
            }
        }
    }
    rules.into_iter().collect()
}
