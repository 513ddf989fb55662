//! The product of this room.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::engine;
use super::entry::{EntryRule, EntrySet};
use super::error::BundleError;
use super::gate::Checked;
use super::reads::Reads;
use super::store::Settings;

/// All bundles, checked, rewritten and compiled together. It never changes: a decision that holds one
/// uses the same rules, data and revisions to its end.
pub struct Policy {
    pub(super) engine: regorus::Engine,
    pub(super) entrypoint: Entrypoint,
    pub(super) decision: Arc<str>,
    pub(super) revisions: Arc<BTreeMap<String, String>>,
    pub(super) generation: u64,
    pub(super) activated_at: Timestamp,
    /// Found out when it is first asked.
    pub(super) reads_values: OnceLock<bool>,
    /// The same.
    pub(super) reads_estimate: OnceLock<bool>,
    /// Some module has the word, or the data.
    pub(super) names_estimate: bool,
}

/// What a decision asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entrypoint {
    /// `sidegate/decision`: every set of every package under `policies`, combined by the host.
    Packages(Vec<Question>),
    /// Any other rule, whose value is the decision.
    Rule(RuleQuestion),
}

/// One set to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The rule.
    pub rule: EntryRule,
    /// What its value depends on.
    pub reads: Reads,
}

/// The one rule to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleQuestion {
    /// Its path, such as `data.envoy.authz.allow`.
    pub path: String,
    /// What its value depends on.
    pub reads: Reads,
}

impl Policy {
    /// Compiles what the gate accepted. Wants a thread with [`super::gate::STACK`].
    ///
    /// # Errors
    /// When the engine refuses here what it accepted in the checking process.
    pub(super) fn compile(checked: Checked, settings: &Settings, generation: u64) -> Result<Self, BundleError> {
        let failed = |cause| BundleError::Compile { cause };
        let modules = checked.modules.iter().map(|module| module.text.as_str());
        let names_estimate = know_of_estimates(modules, checked.data.get());
        let mut engine = engine::load(checked.modules, checked.data.get()).map_err(failed)?;
        engine::warm_up(&mut engine, settings.deadline).map_err(failed)?;
        Ok(Self {
            engine,
            entrypoint: checked.entrypoint,
            decision: settings.decision.as_str().into(),
            revisions: Arc::new(checked.revisions),
            generation,
            activated_at: Timestamp::now(),
            reads_values: OnceLock::new(),
            reads_estimate: OnceLock::new(),
            names_estimate,
        })
    }

    /// A prepared engine of the caller's own, cheap to make: modules and data are shared. It has strict
    /// built-in errors and the question's deadline; `set_input`, then `eval_rule`.
    pub(crate) fn engine(&self) -> regorus::Engine {
        self.engine.clone()
    }

    /// What to ask.
    pub fn entrypoint(&self) -> &Entrypoint {
        &self.entrypoint
    }

    /// The configured decision path, without a leading slash.
    pub fn decision(&self) -> &Arc<str> {
        &self.decision
    }

    /// Revision of every bundle, by name.
    pub fn revisions(&self) -> &Arc<BTreeMap<String, String>> {
        &self.revisions
    }

    /// Grows by one with every swap; part of every cache key.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// When it began to serve.
    pub fn activated_at(&self) -> Timestamp {
        self.activated_at
    }

    /// Whether any rule that decisions ask reads `path` below `input`, or something above or below it.
    pub fn reads_any<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.asks(|reads| reads.covers(path))
    }

    /// Whether the reads of any rule that decisions ask are such.
    fn asks(&self, such: impl Fn(&Reads) -> bool) -> bool {
        match &self.entrypoint {
            Entrypoint::Packages(questions) => questions.iter().any(|question| such(&question.reads)),
            Entrypoint::Rule(question) => such(&question.reads),
        }
    }

    /// Whether any rule may demand masks.
    pub fn may_mask(&self) -> bool {
        match &self.entrypoint {
            Entrypoint::Packages(questions) => questions.iter().any(|question| question.rule.set == EntrySet::Mask),
            Entrypoint::Rule(_) => true,
        }
    }

    /// The same for the values of statements, which is asked for every one of them.
    pub fn reads_values(&self) -> bool {
        *self.reads_values.get_or_init(|| self.reads_any(&["sql", "parameters"]))
    }

    /// The same for what the server expects of them. Who reads all of `input` reads it only if a module has the word:
    /// nobody who does not know of it is to pay for it, or to be denied what has none.
    pub fn reads_estimate(&self) -> bool {
        const PATH: [&str; 2] = ["sql", "estimate"];
        let named = || self.asks(|reads| reads.paths().iter().any(|path| path.starts_with(&PATH.map(str::to_owned))));
        *self.reads_estimate.get_or_init(|| named() || (self.names_estimate && self.reads_any(&PATH)))
    }
}

/// Whether rules may ask for estimates by name: data may hold the paths that they look up.
fn know_of_estimates<'m>(mut modules: impl Iterator<Item = &'m str>, data: &str) -> bool {
    let has_word = |text: &str| text.contains("estimate");
    has_word(data) || modules.any(has_word)
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("decision", &self.decision)
            .field("revisions", &self.revisions)
            .field("generation", &self.generation)
            .field("activated_at", &self.activated_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_estimate_is_found_in_rules_and_in_data() {
        let rule = "deny contains \"no\" if object.get(input, data.limits.path, 0) > 10";
        assert!(!know_of_estimates([rule].into_iter(), r#"{"limits": {"path": ["sql", "text"]}}"#));
        assert!(know_of_estimates([rule].into_iter(), r#"{"limits": {"path": ["sql", "estimate", "rows"]}}"#));
        assert!(know_of_estimates([rule, "# input.sql.estimate"].into_iter(), "{}"));
    }
}
