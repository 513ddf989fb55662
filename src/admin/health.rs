//! OPA's health answers, with the reason that OPA leaves out.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::telemetry::{Plugin, PluginStatus};

/// Asked for each request; must not wait for anything.
pub type HealthSource = Arc<dyn Fn() -> Health + Send + Sync>;

/// How the house is at this moment.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// One for each configured bundle.
    pub bundles: Vec<BundleHealth>,
    /// One for each plugin that has a state.
    pub plugins: Vec<PluginHealth>,
}

/// How one bundle is.
#[derive(Clone, Debug)]
pub struct BundleHealth {
    /// Its key in the configuration.
    pub name: String,
    /// The revision that serves, if one does. An empty text is a revision, too.
    pub active_revision: Option<String>,
    /// Why the newest version was refused, if it was. What serves goes on serving.
    pub error: Option<String>,
}

/// How one plugin is.
#[derive(Clone, Debug)]
pub struct PluginHealth {
    /// Which.
    pub plugin: Plugin,
    /// Its state.
    pub status: PluginStatus,
    /// Why, where there is something to say.
    pub message: Option<String>,
}

/// Which conditions a request named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Question {
    bundles: bool,
    plugins: bool,
    excluded: [bool; 3],
}

impl Question {
    /// As OPA reads it: a parameter counts if it is empty or `true`; `bundle` is an older name of `bundles`.
    pub(super) fn of(query: Option<&str>) -> Self {
        let mut question = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_set = value.is_empty() || value == "true";
            match name {
                "bundle" | "bundles" => question.bundles |= is_set,
                "plugins" => question.plugins |= is_set,
                "exclude-plugin" => {
                    for (plugin, excluded) in PLUGINS.iter().zip(&mut question.excluded) {
                        *excluded |= plugin.label() == value;
                    }
                }
                _ => {}
            }
        }
        question
    }

    fn excludes(self, plugin: Plugin) -> bool {
        PLUGINS.iter().zip(self.excluded).any(|(known, excluded)| *known == plugin && excluded)
    }
}

const PLUGINS: [Plugin; 3] = [Plugin::Bundle, Plugin::DecisionLogs, Plugin::Sidegate];

const NOT_ACTIVATED: &str = "one or more bundles are not activated";

/// Status code and body.
pub(super) fn answer(health: &Health, question: Question) -> (u16, Value) {
    let mut body = Map::new();
    let mut error = None;
    if question.plugins {
        let asked = || health.plugins.iter().filter(|health| !question.excludes(health.plugin));
        if asked().any(|health| !is_up(health.status)) {
            error = Some("one or more plugins are not up".to_owned());
        }
        let troubled = asked().filter(|health| health.message.is_some() || !is_up(health.status));
        let states: Map<String, Value> = troubled.map(plugin).collect();
        if !states.is_empty() {
            body.insert("plugins".to_owned(), Value::Object(states));
        }
    }
    if question.bundles {
        let inactive = health.bundles.iter().filter(|bundle| bundle.active_revision.is_none());
        let names: Vec<_> = inactive.map(|bundle| bundle.name.as_str()).collect();
        // No bundle at all is not readiness either: nothing would be allowed.
        if health.bundles.is_empty() {
            error = Some(NOT_ACTIVATED.to_owned());
        } else if !names.is_empty() {
            error = Some(format!("{NOT_ACTIVATED}: {}", names.join(", ")));
        }
        let troubled = health.bundles.iter().filter(|one| one.error.is_some() || one.active_revision.is_none());
        let states: Map<String, Value> = troubled.map(bundle).collect();
        if !states.is_empty() {
            body.insert("bundles".to_owned(), Value::Object(states));
        }
    }
    match error {
        Some(error) => {
            body.insert("error".to_owned(), json!(error));
            (500, Value::Object(body))
        }
        None => (200, Value::Object(body)),
    }
}

/// OPA counts a plugin that warns as up.
fn is_up(status: PluginStatus) -> bool {
    match status {
        PluginStatus::Ok | PluginStatus::Warn => true,
        PluginStatus::NotReady | PluginStatus::Error => false,
    }
}

fn bundle(health: &BundleHealth) -> (String, Value) {
    (health.name.clone(), json!({"active_revision": health.active_revision, "error": health.error}))
}

fn plugin(health: &PluginHealth) -> (String, Value) {
    let state = json!({"state": health.status.label(), "message": health.message});
    (health.plugin.label().to_owned(), state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle_health(name: &str, active: Option<&str>, error: Option<&str>) -> BundleHealth {
        BundleHealth {
            name: name.to_owned(),
            active_revision: active.map(str::to_owned),
            error: error.map(str::to_owned),
        }
    }

    fn bundles(bundles: Vec<BundleHealth>) -> (u16, Value) {
        answer(&Health { bundles, plugins: Vec::new() }, Question::of(Some("bundles")))
    }

    #[test]
    fn opas_parameters_are_read_as_opa_reads_them() {
        for (query, is_set) in [
            ("bundles", true),
            ("bundle=true", true),
            ("bundles=", true),
            ("bundles=false", false),
            ("x&bundles", true),
            ("bundlesx", false),
        ] {
            assert_eq!(Question::of(Some(query)).bundles, is_set, "{query}");
        }
        assert_eq!(Question::of(None), Question::default());
    }

    #[test]
    fn the_plain_question_is_answered_whatever_the_bundles_are() {
        let health = Health { bundles: vec![bundle_health("a", None, None)], plugins: Vec::new() };
        assert_eq!(answer(&health, Question::of(None)), (200, json!({})));
    }

    #[test]
    fn bundles_are_ready_when_each_was_activated_once() {
        assert_eq!(bundles(vec![bundle_health("a", Some(""), None)]), (200, json!({})));
        let (code, body) = bundles(vec![bundle_health("a", Some("r1"), None), bundle_health("b", None, Some("bad"))]);
        assert_eq!(code, 500);
        assert_eq!(body["error"], "one or more bundles are not activated: b");
        assert_eq!(body["bundles"], json!({"b": {"active_revision": null, "error": "bad"}}));
        assert_eq!(bundles(Vec::new()).0, 500);
    }

    #[test]
    fn a_refused_newer_bundle_leaves_readiness_and_is_named() {
        let (code, body) = bundles(vec![bundle_health("a", Some("r1"), Some("`x` is recursive"))]);
        assert_eq!(code, 200);
        assert_eq!(body, json!({"bundles": {"a": {"active_revision": "r1", "error": "`x` is recursive"}}}));
    }

    #[test]
    fn plugins_are_up_unless_one_that_is_asked_for_is_not() {
        let state = |plugin, status| PluginHealth { plugin, status, message: None };
        let health = Health {
            bundles: Vec::new(),
            plugins: vec![state(Plugin::Bundle, PluginStatus::NotReady), state(Plugin::Sidegate, PluginStatus::Warn)],
        };
        let (code, body) = answer(&health, Question::of(Some("plugins")));
        assert_eq!((code, &body["error"]), (500, &json!("one or more plugins are not up")));
        assert_eq!(answer(&health, Question::of(Some("plugins&exclude-plugin=bundle"))).0, 200);
    }
}
