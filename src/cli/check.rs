//! `sidegate check`: the configuration and what it names, every problem.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::args::{CheckArguments, Format};
use super::furnish;
use super::output::{self, Exit};
use super::upstream;
use crate::accept::Certificates;
use crate::bundle::{self, Report};
use crate::config::{Config, Identify, Places, PolicySource, Problem, SecretSource, Warning, read_file};
use crate::enforce::mask::cells::{KeyError, Keyring};
use crate::forward::Connector;
use crate::identify::{check_issuer, check_users};

/// Far above any password.
const MAX_PASSWORD: usize = 64 << 10;

/// Checks and prints; problems are the answer, so they go to stdout.
pub(super) fn check(arguments: &CheckArguments) -> Exit {
    let path = &arguments.config.config_file;
    let readable = std::fs::File::open(path).and_then(|file| file.metadata());
    match readable {
        Ok(metadata) if metadata.is_dir() => return output::fail(&format!("{}: it is a directory", path.display())),
        Ok(_) => {}
        Err(error) => return output::fail(&format!("{}: cannot be read: {error}", path.display())),
    }
    let env = |name: &str| std::env::var(name).ok();
    let mut surveyed = None;
    let (checked, warnings) = match Config::load(path, &arguments.config.set, &arguments.config.set_file, &env) {
        Ok((config, mut warnings)) => {
            let mut checked = everything(&config);
            warnings.extend(passwords(&config));
            if arguments.upstream {
                let (roles, problems) = upstream::survey(&config, &arguments.database);
                surveyed = Some(roles);
                checked = and(checked, problems);
            }
            (checked, warnings)
        }
        Err(error) => {
            let policy = error.policy.as_deref().map(of_policy).unwrap_or_default();
            (Err([error.problems, policy].concat()), Vec::new())
        }
    };
    let amiss = surveyed.as_deref().is_some_and(upstream::is_amiss);
    let text = match arguments.format {
        Format::Json => {
            let mut answer = in_json(&checked, &warnings);
            if let (Some(roles), Some(answer)) = (&surveyed, answer.as_object_mut()) {
                answer.insert("upstream".to_owned(), upstream::in_json(roles));
                answer.insert("ok".to_owned(), json!(checked.is_ok() && !amiss));
            }
            answer.to_string()
        }
        Format::Text => {
            let roles = surveyed.as_deref().map(upstream::in_words).unwrap_or_default();
            let words = in_words(&checked, &warnings, amiss);
            roles.into_iter().chain([words]).collect::<Vec<_>>().join("\n")
        }
    };
    let printed = output::say(&text);
    if checked.is_ok() && !amiss || printed != Exit::Ok { printed } else { Exit::No }
}

/// The same with more problems.
fn and(checked: Result<Report, Vec<Problem>>, more: Vec<Problem>) -> Result<Report, Vec<Problem>> {
    match checked {
        Ok(report) if more.is_empty() => Ok(report),
        Ok(_) => Err(more),
        Err(problems) => Err([problems, more].concat()),
    }
}

/// What would serve, or whatever keeps it from serving.
fn everything(config: &Config) -> Result<Report, Vec<Problem>> {
    let problems = [certificates(config), identities(config), keys(config)].concat();
    match bundles(config) {
        Ok(report) if problems.is_empty() => Ok(report),
        Ok(_) => Err(problems),
        Err(more) => Err([problems, more].concat()),
    }
}

/// What keeps callers from being recognised. No provider is asked: it may be away and come back.
fn identities(config: &Config) -> Vec<Problem> {
    let problem = |key: String, text: String| Problem { at: config.places.place(&key), key, text };
    let issuers = config.sidegate.issuers.iter().enumerate().filter_map(|(index, issuer)| {
        let (key, error) = check_issuer(issuer).err()?;
        Some(problem(format!("plugins.sidegate.issuers[{index}].{key}"), error.to_string()))
    });
    let mut problems: Vec<Problem> = issuers.collect();
    for (index, listener) in config.sidegate.listeners.iter().enumerate() {
        for (row, method) in listener.identify.iter().enumerate() {
            if let Identify::Scram { users } = method
                && let Err(error) = check_users(users)
            {
                let key = format!("plugins.sidegate.listeners[{index}].identify[{row}].scram.users");
                problems.push(problem(key, error.to_string()));
            }
        }
    }
    problems
}

/// What keeps masks from having their keys.
fn keys(config: &Config) -> Vec<Problem> {
    let problem =
        |error: KeyError| Problem { at: config.places.place(&error.key()), key: error.key(), text: error.problem() };
    Keyring::load(&config.sidegate.keys).err().unwrap_or_default().into_iter().map(problem).collect()
}

/// What keeps the configured certificates from serving.
fn certificates(config: &Config) -> Vec<Problem> {
    let listeners = config.sidegate.listeners.iter().enumerate();
    listeners
        .filter_map(|(index, listener)| {
            let error = Certificates::check(listener.tls.as_ref()?).err()?;
            let key = format!("plugins.sidegate.listeners[{index}].tls");
            Some(Problem { at: config.places.place(&key), key, text: error.to_string() })
        })
        .collect()
}

/// What keeps the bundles of a configuration from serving that has other problems as well.
fn of_policy(source: &PolicySource) -> Vec<Problem> {
    let PolicySource { bundles, decision, deadline, places } = source;
    let settings = bundle::Settings::new(bundles.clone(), decision.clone(), *deadline);
    inspect(&settings, places).err().unwrap_or_default()
}

fn inspect(settings: &bundle::Settings, places: &Places) -> Result<Report, Vec<Problem>> {
    let problem = |one: bundle::Problem| {
        let key = if one.bundle.is_empty() { "bundles".to_owned() } else { format!("bundles.{}", one.bundle) };
        Problem { at: places.place(&key), key, text: one.text }
    };
    bundle::inspect(settings).map_err(|problems| problems.into_iter().map(problem).collect())
}

/// What would serve, or what keeps the configured bundles from serving.
fn bundles(config: &Config) -> Result<Report, Vec<Problem>> {
    let inspected = inspect(&furnish::bundles(config), &config.places);
    let upstreams = upstreams(config);
    match inspected {
        Ok(report) if upstreams.is_empty() => Ok(report),
        Ok(_) => Err(upstreams),
        Err(problems) => Err(upstreams.into_iter().chain(problems).collect()),
    }
}

/// What keeps sidegate from knowing whom to trust upstream.
fn upstreams(config: &Config) -> Vec<Problem> {
    let listeners = config.sidegate.listeners.iter().enumerate();
    listeners
        .filter_map(|(index, listener)| {
            let error = Connector::new(listener.upstream.clone()).check().err()?;
            let key = format!("plugins.sidegate.listeners[{index}].upstream.tls");
            Some(Problem { at: config.places.place(&key), key, text: error.to_string() })
        })
        .collect()
}

/// Passwords that nobody could log in with now. They are read at each login, and may come later.
fn passwords(config: &Config) -> Vec<Warning> {
    let listeners = config.sidegate.listeners.iter().enumerate();
    listeners
        .filter_map(|(index, listener)| {
            let why = match listener.upstream.password.as_ref()? {
                SecretSource::File(path) => format!("`{}`: {}", path.display(), read_file(path, MAX_PASSWORD).err()?),
                SecretSource::Env(name) if std::env::var_os(name).is_none() => format!("`${name}`: it is not set"),
                SecretSource::Env(_) => return None,
            };
            let key = format!("plugins.sidegate.listeners[{index}].upstream.credential.password");
            let text = format!("cannot read {why}; until it is there no session can log in");
            Some(Warning { at: config.places.place(&key), key, text })
        })
        .collect()
}

fn in_json(checked: &Result<Report, Vec<Problem>>, warnings: &[Warning]) -> Value {
    let warnings: Vec<_> = warnings.iter().map(|one| json!({"at": one.at, "key": one.key, "text": one.text})).collect();
    match checked {
        Ok(report) => {
            let bundles: BTreeMap<_, _> =
                report.revisions.iter().map(|(name, revision)| (name, json!({"revision": revision}))).collect();
            json!({"ok": true, "problems": [], "warnings": warnings, "bundles": bundles, "packages": report.packages,
                   "tests": report.tests})
        }
        Err(problems) => {
            let problems: Vec<_> =
                problems.iter().map(|one| json!({"at": one.at, "key": one.key, "text": one.text})).collect();
            json!({"ok": false, "problems": problems, "warnings": warnings})
        }
    }
}

fn in_words(checked: &Result<Report, Vec<Problem>>, warnings: &[Warning], amiss: bool) -> String {
    let mut lines: Vec<String> = warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    match checked {
        Ok(report) => {
            let bundles = report.revisions.iter().map(|(name, revision)| format!("bundle {name} at {revision}"));
            lines.extend(bundles);
            lines.extend(report.packages.iter().map(|package| format!("package {package}")));
            lines.push(format!("tests passed: {}", report.tests));
            if !amiss {
                lines.push("ok".to_owned());
            }
        }
        Err(problems) => lines.extend(problems.iter().map(Problem::to_string)),
    }
    lines.join("\n")
}
