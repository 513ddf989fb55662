//! What a bundle's files say: its manifest, its data, its modules. Runs in the checking process.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::files::TextFile;
use super::json;

/// One bundle, taken apart.
#[derive(Debug)]
pub(super) struct Contents {
    /// From the manifest, or a digest of the files.
    pub(super) revision: String,
    /// What the bundle owns below `data`, as paths; an empty path owns everything.
    pub(super) roots: Vec<Vec<String>>,
    /// Its documents, merged.
    pub(super) data: Value,
    /// Its modules, as their authors wrote them.
    pub(super) modules: Vec<TextFile>,
}

/// Takes a bundle apart.
///
/// # Errors
/// Everything that is wrong with its manifest and its documents, at once.
pub(super) fn take_apart(files: Vec<TextFile>) -> Result<Contents, Vec<String>> {
    let digest = digest(&files);
    let mut problems = Vec::new();
    let mut manifest = Manifest::default();
    let mut data = Value::Object(Map::new());
    let mut modules = Vec::new();
    for file in files {
        let (directory, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let checked = match name {
            ".manifest" => read_manifest(&file).map(|read| manifest = read),
            "data.json" => json::parse(&file.text)
                .map_err(|error| error.to_string())
                .and_then(|value| mount(&mut data, directory, value)),
            "data.yaml" | "data.yml" => Err("data in YAML is not read yet: write it as data.json".to_owned()),
            ".manifest.pb" => Err("a manifest in protobuf is not read: write it as .manifest, in JSON".to_owned()),
            ".signatures.json" => {
                Err("signatures cannot be verified yet, so a signed bundle is refused: serve it unsigned".to_owned())
            }
            "patch.json" => Err("delta bundles are not read from files: serve the whole bundle".to_owned()),
            _ => {
                modules.push(file);
                continue;
            }
        };
        if let Err(problem) = checked {
            problems.push(format!("{}: {problem}", file.path));
        }
    }
    let roots = manifest.roots();
    problems.extend(overlaps(&roots));
    problems.extend(
        outside(&data, &roots)
            .into_iter()
            .map(|path| format!("data.{path} is outside the manifest's roots: move it, or add a root to .manifest")),
    );
    if !problems.is_empty() {
        return Err(problems);
    }
    let revision = manifest.revision.filter(|revision| !revision.is_empty()).unwrap_or(digest);
    Ok(Contents { revision, roots, data, modules })
}

/// Whether a path lies under one of the roots.
pub(super) fn owns<S: AsRef<str>>(roots: &[Vec<String>], path: &[S]) -> bool {
    roots.iter().any(|root| root.len() <= path.len() && is_prefix(root, path))
}

/// Whether two roots name places of which one lies in the other.
pub(super) fn roots_overlap(one: &[String], other: &[String]) -> bool {
    is_prefix(one, other)
}

/// Merges `from` into `into`.
///
/// # Errors
/// The dotted path at which both have a value that is not an object, or of which only one is.
pub(super) fn merge(into: &mut Value, from: Value) -> Result<(), String> {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    None => {
                        into.insert(key, value);
                    }
                    Some(present) => merge(present, value)
                        .map_err(|path| if path.is_empty() { key.clone() } else { format!("{key}.{path}") })?,
                }
            }
            Ok(())
        }
        _ => Err(String::new()),
    }
}

#[derive(Debug, Default, Deserialize)]
struct Manifest {
    revision: Option<String>,
    roots: Option<Vec<String>>,
    rego_version: Option<u64>,
    #[serde(default)]
    file_rego_versions: std::collections::BTreeMap<String, u64>,
    #[serde(default)]
    wasm: Vec<Value>,
}

impl Manifest {
    fn roots(&self) -> Vec<Vec<String>> {
        let Some(roots) = &self.roots else { return vec![Vec::new()] };
        let path = |root: &String| {
            root.trim_matches('/').split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        roots.iter().map(path).collect()
    }
}

fn read_manifest(file: &TextFile) -> Result<Manifest, String> {
    let manifest: Manifest = json::parse(&file.text)
        .and_then(serde_json::from_value)
        .map_err(|error| format!("not a bundle manifest: {error}"))?;
    let versions = manifest.rego_version.iter().chain(manifest.file_rego_versions.values());
    if let Some(version) = versions.into_iter().find(|version| **version != 1) {
        return Err(format!("rego_version `{version}` is not read: convert the policies with `opa fmt --rego-v1`"));
    }
    if !manifest.wasm.is_empty() {
        return Err("`wasm` modules do not run here: remove them and ship the Rego".to_owned());
    }
    Ok(manifest)
}

fn mount(data: &mut Value, directory: &str, value: Value) -> Result<(), String> {
    if !value.is_object() && directory.is_empty() {
        return Err("the document at the root must be an object".to_owned());
    }
    let mounted = directory
        .split('/')
        .filter(|part| !part.is_empty())
        .rev()
        .fold(value, |inner, part| Value::Object(Map::from_iter([(part.to_owned(), inner)])));
    merge(data, mounted).map_err(|path| format!("data.{path} stands in two files with different values: keep one"))
}

/// Paths of data that no root owns.
fn outside(data: &Value, roots: &[Vec<String>]) -> Vec<String> {
    let mut found = Vec::new();
    find_outside(data, roots, &mut Vec::new(), &mut found);
    found
}

fn find_outside(data: &Value, roots: &[Vec<String>], path: &mut Vec<String>, found: &mut Vec<String>) {
    if owns(roots, path) {
        return;
    }
    let leads_to_a_root = roots.iter().any(|root| is_prefix(root, path));
    match data {
        Value::Object(map) if leads_to_a_root || path.is_empty() => {
            for (key, value) in map {
                path.push(key.clone());
                find_outside(value, roots, path, found);
                path.pop();
            }
        }
        Value::Object(_) | Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            found.push(path.join("."));
        }
    }
}

fn overlaps(roots: &[Vec<String>]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, one) in roots.iter().enumerate() {
        for other in roots.iter().skip(index.saturating_add(1)) {
            if roots_overlap(one, other) {
                let (one, other) = (one.join("/"), other.join("/"));
                problems.push(format!(".manifest: manifest has overlapped roots: '{one}' and '{other}'"));
            }
        }
    }
    problems
}

/// Whether the two agree as far as the shorter one goes.
fn is_prefix<S: AsRef<str>>(one: &[String], other: &[S]) -> bool {
    one.iter().zip(other).all(|(a, b)| a == b.as_ref())
}

/// Twelve hexadecimal digits that change with any file.
fn digest(files: &[TextFile]) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        for part in [&file.path, &file.text] {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex().chars().take(12).collect()
}

#[cfg(test)]
mod tests;
