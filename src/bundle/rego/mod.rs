//! Rego placeholder: replaced by branch b1.

use crate::bundle::{EntryRule, EntrySet, Reads};

#[derive(Debug, thiserror::Error)]
#[error("{file}: {text}")]
pub(super) struct RegoError {
    pub(super) file: String,
    pub(super) text: String,
}

pub(super) struct Rewritten {
    pub(super) text: String,
    pub(super) module: Module,
}

pub(super) struct Module {
    pub(super) source: String,
}

pub(super) fn scan(_file: &str, _source: &str) -> Result<(), RegoError> {
    Ok(())
}

pub(super) fn rewrite(file: &str, source: &str) -> Result<Rewritten, RegoError> {
    let mut engine = regorus::Engine::new();
    engine
        .add_policy(file.to_owned(), source.to_owned())
        .map_err(|error| RegoError { file: file.to_owned(), text: error.to_string() })?;
    let module = Module { source: source.to_owned() };
    Ok(Rewritten { text: source.to_owned(), module })
}

pub(super) fn lint(
    _modules: &[Module],
    _data: &serde_json::Value,
    _extensions: &[(&str, u8)],
) -> Result<(), Vec<RegoError>> {
    Ok(())
}

pub(super) fn entry_rules(modules: &[Module]) -> Vec<EntryRule> {
    let mut rules = Vec::new();
    for module in modules {
        let Some(package) = module.source.lines().find_map(|line| line.strip_prefix("package ")) else { continue };
        if package.starts_with("policies.") && !package.ends_with("_test") {
            for (set, name) in [(EntrySet::Allow, "allow"), (EntrySet::Deny, "deny")] {
                let path = format!("data.{package}.{name}");
                let known = rules.iter().any(|rule: &EntryRule| rule.path == path);
                if !known && module.source.contains(&format!("\n{name} contains")) {
                    rules.push(EntryRule { package: package.to_owned(), set, path });
                }
            }
        }
    }
    rules
}

pub(super) fn reads(_modules: &[Module]) -> std::collections::BTreeMap<String, Reads> {
    std::collections::BTreeMap::new()
}

pub(super) fn length_limits() -> regorus::PolicyLengthConfig {
    regorus::PolicyLengthConfig::default()
}

pub(super) const EXTENSIONS: &[(&str, u8)] = &[];

pub(super) fn extend(_engine: &mut regorus::Engine) -> Result<(), String> {
    Ok(())
}
