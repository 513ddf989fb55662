//! Packages under `policies` and their sets; what lives under `data.sidegate`.

use super::Problems;
use crate::bundle::entry::{EntryRule, EntrySet};
use crate::bundle::rego::ast::{HeadKind, Kind, Module, Rule};
use crate::bundle::rego::error::Problem;

/// The sets of every package under `policies`, packages of tests left out.
pub(in crate::bundle) fn entry_rules(modules: &[Module]) -> Vec<EntryRule> {
    let mut rules: Vec<EntryRule> = modules
        .iter()
        .filter(|module| is_team(module))
        .flat_map(|module| module.rules.iter().filter_map(move |rule| Some((module, entry_set(rule)?))))
        .map(|(module, set)| EntryRule {
            package: module.package_name(),
            set,
            path: format!("data.{}.{}", module.package_name(), set.name()),
        })
        .collect();
    rules.sort();
    rules.dedup();
    rules
}

fn is_team(module: &Module) -> bool {
    module.package.first().is_some_and(|first| first == "policies") && !module.is_test()
}

fn entry_set(rule: &Rule) -> Option<EntrySet> {
    EntrySet::named(rule.name().0.first()?)
}

pub(super) fn check(modules: &[Module], problems: &mut Problems) {
    for module in modules {
        if !module.shipped && module.package.first().is_some_and(|first| first == "sidegate") {
            problems.add(module, module.at, Problem::ReservedPackage);
        }
        if !is_team(module) {
            continue;
        }
        let taken = module.package.iter().skip(1).find_map(|part| EntrySet::named(part));
        if let Some(set) = taken {
            problems.add(
                module,
                module.at,
                Problem::PackageNamedLikeSet { package: module.package_name(), set: set.name() },
            );
        }
        for rule in &module.rules {
            let Some(set) = entry_set(rule).map(EntrySet::name) else { continue };
            let plain = matches!(rule.head.name.kind, Kind::Var(_));
            if !(plain && matches!(rule.head.kind, HeadKind::Member(_))) {
                problems.add(module, rule.at, Problem::NotASet { set });
            }
            if module.package.len() == 1 {
                problems.add(module, rule.at, Problem::NoTeam { set });
            }
        }
    }
}
