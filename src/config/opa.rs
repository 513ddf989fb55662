//! OPA's own keys: what this version does, what it only names, and what it must not pretend to do.

use std::path::PathBuf;

use super::checked::{BundleLocation, BundleSource, Config};
use super::plugin::Plugin;
use super::problem::PolicySource;
use super::value::{Table, Value};
use super::{keys, plugin};
use crate::model::Labels;

/// Checks a whole configuration. Where it is not sound, where policy comes from may be.
pub(super) fn config(root: &Value<'_>, env: &dyn Fn(&str) -> Option<String>) -> (Option<Config>, Option<PolicySource>) {
    let Some(table) = root.open_table(&keys::ROOT) else { return (None, None) };
    nothing_but(&table, &keys::ROOT, &["labels", "bundle", "bundles", "decision_logs", "plugins"]);
    let labels = labels(&table);
    let bundles = bundles(&table);
    let console = decision_logs(&table);
    let (policy, sidegate) = plugins(&table, env).unwrap_or_default();
    let places = root.places();
    let policy = bundles.clone().zip(policy).map(|(bundles, (decision, deadline))| PolicySource {
        bundles,
        decision,
        deadline,
        places: places.clone(),
    });
    let whole = || Some(Config { labels: labels?, bundles: bundles?, console: console?, sidegate: sidegate?, places });
    (whole(), policy)
}

/// Warns that a key is set although nothing reads it yet.
fn not_yet(table: &Table<'_>, key: &str) {
    if let Some(value) = table.get(key) {
        value.warn("accepted, but this version does nothing with it");
    }
}

/// Warns of every key of a section that is set, but for those that are read here. The features of the others do not
/// exist yet and their absence weakens nothing: policy that would come through them does not come, and without policy
/// everything is refused.
fn nothing_but(table: &Table<'_>, section: &keys::Section, read: &[&str]) {
    for key in section.keys.iter().filter(|key| !read.contains(key)) {
        not_yet(table, key);
    }
}

fn labels(table: &Table<'_>) -> Option<Labels> {
    let mut labels = match table.get("labels") {
        Some(value) => value.labels()?,
        None => Labels::new(),
    };
    labels.insert("id".to_owned(), uuid::Uuid::new_v4().to_string());
    labels.insert("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    Some(labels)
}

fn bundles(table: &Table<'_>) -> Option<Vec<BundleSource>> {
    let mut sources = Vec::new();
    let mut whole = true;
    if let Some(value) = table.get("bundle") {
        let message = "OPA's deprecated single bundle is not read here: write it under `bundles`";
        value.problem(message);
    }
    if let Some(value) = table.get("bundles") {
        for (name, value) in value.entries()? {
            match bundle(name, &value) {
                Some(source) => sources.push(source),
                None => whole = false,
            }
        }
    }
    if sources.is_empty() && whole {
        table.value().warn("no bundle is configured: every statement will be refused");
    }
    whole.then_some(sources)
}

fn bundle(name: &str, value: &Value<'_>) -> Option<BundleSource> {
    let table = value.open_table(&keys::BUNDLE)?;
    if name.is_empty() || name.contains(char::is_control) {
        value.problem("a bundle needs a name of one line");
        return None;
    }
    for key in ["polling", "trigger", "persist", "size_limit_bytes"] {
        not_yet(&table, key);
    }
    if let Some(signing) = table.get("signing") {
        signing.problem("signatures are not verified in this version: leave it out, or wait for one that does");
        return None;
    }
    let service = match table.get("service") {
        Some(value) => Some(value.text()?.to_owned()),
        None => None,
    };
    let resource = match table.get("resource") {
        Some(value) => Some((value.text()?.to_owned(), value)),
        None => None,
    };
    let location = match (service, resource) {
        (None, Some((resource, value))) => local(&resource, &value)?,
        (Some(service), resource) => {
            value.warn(
                "bundles from a service are not loaded in this version: it never activates, \
                 so every statement will be refused",
            );
            let resource = resource.map_or_else(|| format!("bundles/{name}"), |(text, _)| text);
            BundleLocation::Remote { service, resource }
        }
        (None, None) => {
            value.problem("`resource` is missing: write resource: file:///path/to/directory or file:///path.tar.gz");
            return None;
        }
    };
    Some(BundleSource { name: name.to_owned(), location })
}

fn local(resource: &str, value: &Value<'_>) -> Option<BundleLocation> {
    let Some(path) = resource.strip_prefix("file://").filter(|path| !path.is_empty()) else {
        value.wrong("file://DIRECTORY or file://FILE.tar.gz where there is no `service`");
        return None;
    };
    let is_tarball = [".tar.gz", ".tgz"].iter().any(|end| path.ends_with(end));
    let path = PathBuf::from(path);
    Some(if is_tarball { BundleLocation::Tarball(path) } else { BundleLocation::Directory(path) })
}

fn decision_logs(table: &Table<'_>) -> Option<bool> {
    let Some(value) = table.get("decision_logs") else { return Some(false) };
    let logs = value.open_table(&keys::DECISION_LOGS)?;
    nothing_but(&logs, &keys::DECISION_LOGS, &["console", "mask_decision", "drop_decision"]);
    let mut whole = true;
    for key in ["mask_decision", "drop_decision"] {
        if let Some(value) = logs.get(key) {
            // Somebody relies on it to keep secrets out of the log.
            value.problem("events are not masked or dropped by policy in this version: leave it out");
            whole = false;
        }
    }
    let console = match logs.get("console") {
        Some(value) => value.bool()?,
        None => false,
    };
    whole.then_some(console)
}

fn plugins(table: &Table<'_>, env: &dyn Fn(&str) -> Option<String>) -> Option<Plugin> {
    let what = "sidegate's own part is plugins.sidegate";
    let plugins = table.need("plugins", what)?;
    let mut sidegate = None;
    for (name, value) in plugins.entries()? {
        if name == "sidegate" {
            sidegate = Some(value);
        } else {
            value.warn("accepted, but this version does nothing with it");
        }
    }
    let Some(sidegate) = sidegate else {
        plugins.problem(format!("`sidegate` is missing: {what}"));
        return None;
    };
    Some(plugin::sidegate(&sidegate, env))
}
