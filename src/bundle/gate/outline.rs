//! Which packages and rules an engine holds.

use regorus::Engine;
use serde_json::Value;

/// One module's package and the names of its rules.
#[derive(Debug)]
pub(super) struct Outline {
    /// As it is called in the bundle.
    pub(super) file: String,
    /// Package path without `data`.
    pub(super) package: Vec<String>,
    /// The first name of every rule's head, in order, each once.
    pub(super) rules: Vec<String>,
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
    let outlines = packages.into_iter().zip(&trees).map(|(package, tree)| Outline {
        file: package.source_file,
        package: package.components,
        rules: rules(tree),
    });
    Ok(outlines.collect())
}

fn rules(tree: &Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let specs = tree.pointer("/ast/rules").and_then(Value::as_array).into_iter().flatten();
    for spec in specs {
        let head = spec.pointer("/Spec/head").and_then(Value::as_object).and_then(|head| head.values().next());
        let refr = head.or_else(|| spec.get("Default")).and_then(|holder| holder.get("refr"));
        if let Some(name) = refr.and_then(first_name)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// `deny` of `deny`, `deny.x` and `deny[x]`.
fn first_name(refr: &Value) -> Option<String> {
    let mut inner = refr.as_object()?;
    loop {
        let (kind, expr) = inner.iter().next()?;
        if kind == "Var" {
            return expr.get("value")?.as_str().map(str::to_owned);
        }
        inner = expr.get("refr")?.as_object()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_first_names_are_found() {
        let mut engine = Engine::new();
        let source = "package a[\"b.c\"]\ndefault allow := false\ndeny contains \"x\" if input.x\n\
                      test_q if true\nm[k] := 1 if some k in input.x\nf(x) := x\nq.r.s := 2\n";
        engine.add_policy("a.rego".to_owned(), source.to_owned()).unwrap();
        let outlines = outline(&engine).unwrap();
        assert_eq!(outlines[0].package, ["a", "b.c"]);
        assert_eq!(outlines[0].rules, ["allow", "deny", "test_q", "m", "f", "q"]);
        assert_eq!(outlines[0].path_of("test_q"), "data.a[\"b.c\"].test_q");
        assert_eq!(engine.eval_rule(outlines[0].path_of("test_q")).unwrap(), regorus::Value::from(true));
    }
}
