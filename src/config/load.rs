//! File, arguments and environment to a checked [`Config`].

use std::path::Path;

use super::checked::Config;
use super::problem::{Problem, Problems, Warning};
use super::substitute::Source;
use super::value::{Context, Value};
use super::{node, opa, overrides, yaml};

/// Bytes of a configuration file.
const MAX_FILE: u64 = 1 << 20;

impl Config {
    /// Reads a configuration file (YAML or JSON), substitutes `${VAR}`, lays `--set` and then `--set-file`
    /// arguments over it, and checks it whole. `env` looks a variable up.
    ///
    /// # Errors
    /// Every problem at once; nothing is half taken.
    pub fn load(
        path: &Path,
        sets: &[String],
        set_files: &[String],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<Warning>), Problems> {
        let file = path.display().to_string();
        let raw = overrides::read_text(path, MAX_FILE).map_err(|why| {
            let problem = Problem { at: file.clone(), key: String::new(), text: format!("cannot be read: {why}") };
            Problems { problems: vec![problem], policy: None }
        })?;
        Self::parse(&file, &raw, sets, set_files, env)
    }

    /// The same from a text; `file` is what problems call it.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(
        file: &str,
        raw: &str,
        sets: &[String],
        set_files: &[String],
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<Warning>), Problems> {
        let source = Source::substitute(raw, env);
        let mut root = yaml::read(&source).map_err(|found| {
            let problem = |one: yaml::Unreadable| Problem {
                at: node::At::Line(one.line).label(file),
                key: String::new(),
                text: one.text,
            };
            Problems { problems: found.into_iter().map(problem).collect(), policy: None }
        })?;
        let context = Context::new(file);
        for argument in sets {
            if let Err(error) = overrides::set(&mut root, argument) {
                context.problem(node::At::Set, "", error);
            }
        }
        for argument in set_files {
            if let Err(error) = overrides::set_file(&mut root, argument) {
                context.problem(node::At::SetFile, "", error);
            }
        }
        let (config, policy) = opa::config(&Value::root(&root, &context), env);
        let (problems, warnings) = context.finish();
        match config {
            Some(config) if problems.is_empty() => Ok((config, warnings)),
            _ => Err(Problems { problems, policy: policy.map(Box::new) }),
        }
    }
}
