//! Which packages and rules an engine holds, and what its rules name.

use std::collections::BTreeMap;

use regorus::Engine;
use serde_json::{Map, Value};

/// One module.
#[derive(Debug)]
pub(super) struct Outline {
    /// As it is called in the bundle.
    pub(super) file: String,
    /// Package path without `data`.
    pub(super) package: Vec<String>,
    /// Every rule by the first name of its head, in order, each once.
    pub(super) rules: Vec<String>,
    /// What each rule names, as far as the name is constant: `["data", "a", "b"]`, or a name that stands alone.
    pub(super) named: BTreeMap<String, Vec<Vec<String>>>,
    /// What each import's name stands for.
    pub(super) imports: BTreeMap<String, Vec<String>>,
}

impl Outline {
    /// What the engine is asked for a rule of this module.
    pub(super) fn path_of(&self, rule: &str) -> String {
        let mut path = String::from("data");
        for part in &self.package {
            let plain = !part.is_empty()
                && !part.starts_with(|first: char| first.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if plain {
                path.push('.');
                path.push_str(part);
            } else {
                path.push_str(&format!("[{}]", Value::from(part.as_str())));
            }
        }
        format!("{path}.{rule}")
    }
}

/// Outlines every module.
///
/// # Errors
/// The engine's words, when it cannot tell.
pub(super) fn outline(engine: &Engine) -> Result<Vec<Outline>, String> {
    let packages = engine.get_policy_package_components().map_err(|error| error.to_string())?;
    let text = engine.get_ast_as_json().map_err(|error| error.to_string())?;
    let trees: Vec<Value> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let sources = engine.get_policies().map_err(|error| error.to_string())?;
    let outlines = packages.into_iter().zip(&trees).zip(&sources).map(|((package, tree), source)| {
        let mut outline = Outline {
            file: package.source_file,
            package: package.components,
            rules: Vec::new(),
            named: BTreeMap::new(),
            imports: imports(tree, source.get_contents()),
        };
        for spec in list(tree, "/ast/rules") {
            let Some(rule) = head(spec).and_then(first_name) else { continue };
            names(spec, outline.named.entry(rule.clone()).or_default());
            if !outline.rules.contains(&rule) {
                outline.rules.push(rule);
            }
        }
        outline
    });
    Ok(outlines.collect())
}

fn list<'a>(tree: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    tree.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn head(spec: &Value) -> Option<&Value> {
    let head = spec.pointer("/Spec/head").and_then(Value::as_object).and_then(|head| head.values().next());
    head.or_else(|| spec.get("Default"))?.get("refr")
}

/// `deny` of `deny`, `deny.x` and `deny[x]`.
fn first_name(refr: &Value) -> Option<String> {
    let mut path = Vec::new();
    constant(refr, &mut path);
    path.into_iter().next()
}

/// An alias is told by its place in the source alone.
fn imports(tree: &Value, source: &str) -> BTreeMap<String, Vec<String>> {
    let mut imports = BTreeMap::new();
    for import in list(tree, "/ast/imports") {
        let mut path = Vec::new();
        if let Some(refr) = import.get("refr") {
            constant(refr, &mut path);
        }
        let place = |key: &str| usize::try_from(import.get("as")?.get(key)?.as_u64()?).ok();
        let alias = place("start").zip(place("end")).and_then(|(start, end)| source.get(start..end));
        if let Some(name) = alias.map(str::to_owned).or_else(|| path.last().cloned()) {
            imports.insert(name, path);
        }
    }
    imports
}

/// Collects every name in a tree, the longest constant part of each reference.
fn names(tree: &Value, into: &mut Vec<Vec<String>>) {
    match tree {
        Value::Object(map) if reference(map).is_some() => {
            let mut path = Vec::new();
            constant(tree, &mut path);
            into.push(path);
            inner_names(map, into);
        }
        Value::Object(map) => map.values().for_each(|value| names(value, into)),
        Value::Array(items) => items.iter().for_each(|value| names(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names in a reference's brackets, and in what it starts from when that is not a name.
fn inner_names(map: &Map<String, Value>, into: &mut Vec<Vec<String>>) {
    let Some((kind, expr)) = reference(map) else { return };
    if kind == "RefBrack"
        && let Some(index) = expr.get("index")
    {
        names(index, into);
    }
    match expr.get("refr").and_then(Value::as_object) {
        Some(inner) if reference(inner).is_some() => inner_names(inner, into),
        Some(inner) => inner.values().for_each(|value| names(value, into)),
        None => {}
    }
}

fn reference(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (kind, expr) = map.iter().next()?;
    matches!(kind.as_str(), "Var" | "RefDot" | "RefBrack").then_some((kind.as_str(), expr))
}

/// Appends the constant beginning of a reference; `false` where it ends early.
fn constant(refr: &Value, path: &mut Vec<String>) -> bool {
    let Some((kind, expr)) = refr.as_object().and_then(reference) else { return false };
    let step = match kind {
        "Var" => expr.get("value"),
        "RefDot" => expr.pointer("/field/1"),
        _ => expr.pointer("/index/String/value").or_else(|| expr.pointer("/index/RawString/value")),
    };
    if kind != "Var" && !expr.get("refr").is_some_and(|inner| constant(inner, path)) {
        return false;
    }
    let Some(step) = step.and_then(Value::as_str) else { return false };
    path.push(step.to_owned());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline_of(source: &str) -> Outline {
        let mut engine = Engine::new();
        engine.add_policy("a.rego".to_owned(), source.to_owned()).unwrap();
        outline(&engine).unwrap().remove(0)
    }

    #[test]
    fn packages_and_first_names_are_found() {
        let outline = outline_of(
            "package a[\"b.c\"]\ndefault allow := false\ndeny contains \"x\" if input.x\n\
             test_q if true\nm[k] := 1 if some k in input.x\nf(x) := x\nq.r.s := 2\n",
        );
        assert_eq!(outline.package, ["a", "b.c"]);
        assert_eq!(outline.rules, ["allow", "deny", "test_q", "m", "f", "q"]);
        assert_eq!(outline.path_of("test_q"), "data.a[\"b.c\"].test_q");
    }

    #[test]
    fn constant_parts_of_references_and_what_is_in_their_brackets_are_found() {
        let outline = outline_of(
            "package a\nimport data.x.y as z\nimport data.lib\n\
             deny contains \"x\" if data.p[\"q\"][other].r\nelse_ := z.f(lib.v) if not b.c[d]\n",
        );
        let found = |rule: &str, path: &[&str]| outline.named[rule].iter().any(|name| name == path);
        assert!(found("deny", &["data", "p", "q"]) && found("deny", &["other"]));
        assert!(!found("deny", &["data"]) && !found("deny", &["data", "p"]));
        assert!(found("else_", &["z", "f"]) && found("else_", &["lib", "v"]));
        assert!(found("else_", &["b", "c"]) && found("else_", &["d"]));
        assert_eq!(outline.imports["z"], ["data", "x", "y"]);
        assert_eq!(outline.imports["lib"], ["data", "lib"]);
    }
}
