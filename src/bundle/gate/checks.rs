//! Everything that is asked of bundles before they may serve. Runs in the checking process.

use std::collections::BTreeMap;
use std::time::Duration;

use regorus::{Engine, Value};
use serde_json::value::to_raw_value;

use super::chain;
use super::message::{Ask, Bundle, Checked};
use super::outline::{Outline, outline};
use crate::bundle::contents::{self, Contents};
use crate::bundle::engine::{self, one_line};
use crate::bundle::entry::EntrySet;
use crate::bundle::files::TextFile;
use crate::bundle::policy::{Entrypoint, Question, RuleQuestion};
use crate::bundle::reads::Reads;
use crate::bundle::status::Problem;
use crate::bundle::{library, rego};

/// The decision path that stands for the packages under `policies`.
pub(in crate::bundle) const PACKAGES: &str = "sidegate/decision";

/// Checks bundles together.
///
/// # Errors
/// Every problem of the first kind of check that finds any.
pub(super) fn examine(ask: Ask) -> Result<Checked, Vec<Problem>> {
    let mut bundles = take_apart(ask.bundles)?;
    nothing(root_problems(&bundles))?;
    let mut data = serde_json::Value::Object(serde_json::Map::new());
    for (name, contents) in &mut bundles {
        contents::merge(&mut data, std::mem::take(&mut contents.data))
            .map_err(|path| vec![problem(name, format!("data.{path} is in another bundle, too: keep one"))])?;
    }
    let read = read_modules(&bundles)?;
    let modules: Vec<TextFile> = read.iter().map(|module| module.serving.clone()).collect();
    let parsed: Vec<rego::Module> = read.into_iter().map(|module| module.parsed).collect();
    let ours = |text: String| vec![locate(&bundles, text)];
    let text = to_raw_value(&data).map_err(|error| ours(error.to_string()))?;
    let mut engine = engine::load(modules.clone(), text.get()).map_err(ours)?;
    let outlines = outline(&engine).map_err(ours)?;
    let mut problems = package_problems(&bundles, &outlines);
    if let Err(errors) = rego::lint(&parsed, &data, &rego::EXTENSIONS) {
        problems.extend(errors.into_iter().map(|error| locate(&bundles, error.to_string())));
    }
    problems.extend(chain::check(&outlines).err().map(|text| locate(&bundles, text)));
    // Only what passed so far is analysed: the analysis follows rules and functions without a limit of its own.
    nothing(problems)?;
    drop(data);
    engine::warm_up(&mut engine, SAMPLE_LIMIT).map_err(ours)?;
    let entrypoint = entrypoint(&ask.decision, &parsed, &mut engine).map_err(ours)?;
    let tests = run_tests(&engine, &outlines, &bundles)?;
    nothing(ask_samples(&engine, &entrypoint, &bundles))?;
    let revisions = bundles.into_iter().map(|(name, contents)| (name, contents.revision)).collect();
    Ok(Checked { modules, data: text, entrypoint, revisions, tests })
}

type Bundles = BTreeMap<String, Contents>;

struct ReadModule {
    serving: TextFile,
    parsed: rego::Module,
}

impl ReadModule {
    fn shipped(self) -> Self {
        Self { parsed: self.parsed.shipped(), ..self }
    }
}

fn take_apart(bundles: Vec<Bundle>) -> Result<Bundles, Vec<Problem>> {
    let mut taken = Bundles::new();
    let mut problems = Vec::new();
    for bundle in bundles {
        match contents::take_apart(bundle.files) {
            Ok(contents) => {
                taken.insert(bundle.name, contents);
            }
            Err(texts) => problems.extend(texts.into_iter().map(|text| problem(&bundle.name, text))),
        }
    }
    nothing(problems).map(|()| taken)
}

/// OPA's texts, which operators know.
fn root_problems(bundles: &Bundles) -> Vec<Problem> {
    let all: Vec<_> =
        bundles.iter().flat_map(|(name, contents)| contents.roots.iter().map(move |r| (name, r))).collect();
    let mut problems = Vec::new();
    for (index, (name, root)) in all.iter().enumerate() {
        for (other, other_root) in all.iter().skip(index.saturating_add(1)) {
            if name != other && contents::roots_overlap(root, other_root) {
                let (root, other_root) = (root.join("/"), other_root.join("/"));
                problems.push(problem(
                    "",
                    format!(
                        "detected overlapping roots in manifests for these bundles: [{name}, {other}] \
                     ('{root}' overlaps '{other_root}'): give each bundle its own roots in .manifest"
                    ),
                ));
            }
        }
    }
    problems
}

fn read_modules(bundles: &Bundles) -> Result<Vec<ReadModule>, Vec<Problem>> {
    let shipped = library::MODULES.iter().map(|(path, text)| ("", (*path).to_owned(), *text));
    let authored = bundles.iter().flat_map(|(name, contents)| {
        contents
            .modules
            .iter()
            // A bundle may carry the library for the sake of `opa`, but only as it is.
            .filter(|file| !library::MODULES.iter().any(|(_, text)| *text == file.text))
            .map(move |file| (name.as_str(), format!("{name}/{}", file.path), file.text.as_str()))
    });
    let mut read = Vec::new();
    let mut problems = Vec::new();
    for (bundle, path, text) in shipped.chain(authored) {
        match read_module(&path, text) {
            Ok(module) if bundle.is_empty() => read.push(module.shipped()),
            Ok(module) => read.push(module),
            Err(error) => problems.push(problem(bundle, error)),
        }
    }
    nothing(problems).map(|()| read)
}

fn read_module(path: &str, text: &str) -> Result<ReadModule, String> {
    rego::scan(path, text).map_err(|error| error.to_string())?;
    let rewritten = rego::rewrite(path, text).map_err(|error| error.to_string())?;
    Ok(ReadModule { serving: TextFile { path: path.to_owned(), text: rewritten.text }, parsed: rewritten.module })
}

fn package_problems(bundles: &Bundles, outlines: &[Outline]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for module in outlines {
        let Some((name, contents)) = owner(bundles, &module.file) else { continue };
        let package = module.package.join(".");
        if module.package.iter().any(|part| part.ends_with("_test")) {
            // Packages of tests are not asked; a denial in one would be lost without a word.
            let lost = module.rules.iter().filter(|rule| EntrySet::named(rule).is_some());
            problems.extend(lost.filter(|_| module.package.first().is_some_and(|first| first == "policies")).map(
                |rule| {
                    let text = format!(
                        "{}: `{rule}` in package `{package}` would never be asked, since the package's name ends \
                         in `_test`: rename the package or the rule",
                        module.file
                    );
                    problem(name, text)
                },
            ));
        }
        if !contents::owns(&contents.roots, &module.package) {
            let text = format!(
                "{}: package `{package}` is outside the manifest's roots: move it, or add a root to .manifest",
                module.file
            );
            problems.push(problem(name, text));
        }
    }
    problems
}

fn entrypoint(decision: &str, modules: &[rego::Module], engine: &mut Engine) -> Result<Entrypoint, String> {
    let mut reads = rego::reads(modules);
    // A rule whose reads are not known may read anything, and is never answered from memory.
    let mut reads_of = |path: &str| reads.remove(path).unwrap_or_else(|| Reads::new(vec![Vec::new()], false));
    if decision == PACKAGES {
        let rules = rego::entry_rules(modules).into_iter();
        return Ok(Entrypoint::Packages(rules.map(|rule| Question { reads: reads_of(&rule.path), rule }).collect()));
    }
    let path = format!("data.{}", decision.replace('/', "."));
    match engine.eval_rule(path.clone()) {
        Err(error) if error.to_string().contains("not a valid rule path") => Err(format!(
            "plugins.sidegate.decision is `{decision}`, and no bundle has a rule of that name: \
             add the rule, or set it to `{PACKAGES}`"
        )),
        // A rule that fails on an empty input is still a rule.
        Ok(_) | Err(_) => Ok(Entrypoint::Rule(RuleQuestion { reads: reads_of(&path), path })),
    }
}

/// Runs every `test_…` rule, as `opa test` does.
fn run_tests(engine: &Engine, outlines: &[Outline], bundles: &Bundles) -> Result<usize, Vec<Problem>> {
    let mut passed: usize = 0;
    let mut problems = Vec::new();
    for module in outlines {
        for rule in module.rules.iter().filter(|rule| rule.starts_with("test_")) {
            let path = module.path_of(rule);
            let failure = match engine.clone().eval_rule(path.clone()) {
                Ok(value) if value == Value::from(true) => {
                    passed = passed.saturating_add(1);
                    continue;
                }
                Ok(Value::Undefined) => "it is undefined".to_owned(),
                Ok(value) => format!("its value is `{value}`"),
                Err(error) => one_line(&error.to_string()),
            };
            problems.push(locate(bundles, format!("{}: the test `{path}` fails: {failure}", module.file)));
        }
    }
    nothing(problems).map(|()| passed)
}

/// Asks every rule about made-up inputs: what takes too long or kills the process does it here.
fn ask_samples(engine: &Engine, entrypoint: &Entrypoint, bundles: &Bundles) -> Vec<Problem> {
    let paths: Vec<&str> = match entrypoint {
        Entrypoint::Packages(questions) => questions.iter().map(|question| question.rule.path.as_str()).collect(),
        Entrypoint::Rule(question) => vec![&question.path],
    };
    let mut problems = Vec::new();
    for sample in SAMPLES {
        let Ok(input) = Value::from_json_str(sample) else { continue };
        for path in &paths {
            let mut engine = engine.clone();
            engine.set_input(input.clone());
            // Other failures may be this input's fault, and deny when they happen.
            if let Err(error) = engine.eval_rule((*path).to_owned())
                && error.downcast_ref::<regorus::LimitError>().is_some()
            {
                let text = format!("`{path}` takes longer than {SAMPLE_LIMIT:?} on an ordinary input: make it simpler");
                problems.push(locate(bundles, text));
            }
        }
    }
    problems
}

/// The bundle that a module's name begins with; `None` for the library.
fn owner<'a>(bundles: &'a Bundles, file: &str) -> Option<(&'a str, &'a Contents)> {
    let is_ours = |name: &str| file.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    bundles.iter().filter(|(name, _)| is_ours(name)).max_by_key(|(name, _)| name.len()).map(|(n, c)| (n.as_str(), c))
}

fn locate(bundles: &Bundles, text: String) -> Problem {
    let name = owner(bundles, &text).map(|(name, _)| name.to_owned()).unwrap_or_default();
    Problem { bundle: name, text }
}

fn problem(bundle: &str, text: String) -> Problem {
    Problem { bundle: bundle.to_owned(), text }
}

fn nothing(problems: Vec<Problem>) -> Result<(), Vec<Problem>> {
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// One evaluation of one rule, in a process that may be slow to get its turn.
const SAMPLE_LIMIT: Duration = Duration::from_secs(1);
const SAMPLES: [&str; 3] = ["{}", include_str!("samples/request.json"), include_str!("samples/session.json")];

#[cfg(test)]
mod tests;
