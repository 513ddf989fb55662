//! Policies straight from source, for the tests of later rooms: no gate, no rewrites, and read
//! paths as the test states them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{EntryRule, EntrySet};
use super::policy::{Entrypoint, Policy, Question, RuleQuestion};
use super::reads::Reads;

/// One set of one package, with what it reads (dotted paths below `input`, `""` for all of it).
pub(crate) struct StubRule<'a> {
    pub(crate) package: &'a str,
    pub(crate) set: EntrySet,
    pub(crate) reads: &'a [&'a str],
    pub(crate) deterministic: bool,
}

impl Policy {
    /// The combined packages.
    pub(crate) fn stub(modules: &[&str], rules: &[StubRule<'_>], generation: u64) -> Arc<Self> {
        let questions = rules.iter().map(|rule| Question {
            rule: EntryRule {
                package: rule.package.to_owned(),
                set: rule.set,
                path: format!("data.{}.{}", rule.package, rule.set.name()),
            },
            reads: reads(rule.reads, rule.deterministic),
        });
        Self::build(modules, Entrypoint::Packages(questions.collect()), "sidegate/decision", generation)
    }

    /// One rule as the decision, such as `envoy/authz/allow`.
    pub(crate) fn stub_rule(modules: &[&str], decision: &str, read: &[&str], generation: u64) -> Arc<Self> {
        let path = format!("data.{}", decision.replace('/', "."));
        let entrypoint = Entrypoint::Rule(RuleQuestion { path, reads: reads(read, true) });
        Self::build(modules, entrypoint, decision, generation)
    }

    fn build(modules: &[&str], entrypoint: Entrypoint, decision: &str, generation: u64) -> Arc<Self> {
        let mut engine = regorus::Engine::new();
        for (number, module) in modules.iter().enumerate() {
            engine.add_policy(format!("{number}.rego"), (*module).to_owned()).unwrap();
        }
        Arc::new(Self {
            engine,
            entrypoint,
            decision: decision.into(),
            revisions: Arc::new(BTreeMap::from([("main".to_owned(), "r1".to_owned())])),
            generation,
            activated_at: jiff::Timestamp::UNIX_EPOCH,
            reads_values: std::sync::OnceLock::new(),
            reads_estimate: std::sync::OnceLock::new(),
            names_estimate: false,
        })
    }
}

fn reads(paths: &[&str], deterministic: bool) -> Reads {
    let steps = |path: &&str| path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
    Reads::new(paths.iter().map(steps).collect(), deterministic)
}
