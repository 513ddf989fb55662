//! What the names in a set of modules mean: rules, packages, imports, built-ins.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regorus::unstable::BUILTINS;

use super::ast::{Expr, HeadKind, Kind, Module, Rule, Step};

/// A path from `data` on.
pub(super) type Path = Vec<String>;

/// All rules of a bundle by their static paths.
pub(super) struct Names<'a> {
    /// A rule's path ends where its name stops being static: `data.p.masks` for `masks[k]`.
    pub(super) rules: BTreeMap<Path, Vec<(&'a Module, &'a Rule)>>,
}

/// What a reference leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `input` and the static steps after it.
    Input(Path),
    /// `data` and the static steps after it.
    Data(Path),
    /// A local variable, a literal, a call's result.
    Local,
}

impl<'a> Names<'a> {
    pub(super) fn new(modules: &'a [Module]) -> Self {
        let mut rules: BTreeMap<Path, Vec<(&Module, &Rule)>> = BTreeMap::new();
        for module in modules {
            for rule in &module.rules {
                let mut path = module.path();
                path.extend(rule.name().0);
                rules.entry(path).or_default().push((module, rule));
            }
        }
        Self { rules }
    }

    /// Every rule that evaluating `path` may evaluate: at it, above it, below it.
    pub(super) fn touched(&self, path: &[String]) -> impl Iterator<Item = &Path> {
        let above =
            (1..path.len()).filter_map(|length| self.rules.get_key_value(path.get(..length)?).map(|(path, _)| path));
        let below = self.rules.range(path.to_vec()..).map(|(path, _)| path).take_while(|rule| rule.starts_with(path));
        above.chain(below).collect::<Vec<_>>().into_iter()
    }

    /// Whether the rules at this path are a function's.
    pub(super) fn is_function(&self, path: &[String]) -> bool {
        self.rules.get(path).is_some_and(|rules| {
            rules.iter().any(|(_, rule)| match &rule.head.kind {
                HeadKind::Function { .. } | HeadKind::Default { args: Some(_), .. } => true,
                HeadKind::Default { args: None, .. } | HeadKind::Value(_) | HeadKind::Member(_) => false,
            })
        })
    }
}

/// The names that mean something throughout one file.
pub(super) struct FileNames {
    imports: HashMap<String, Path>,
    package: Path,
    rules: BTreeSet<String>,
}

impl FileNames {
    /// `names` adds the rules that other files declare in the same package.
    pub(super) fn new(module: &Module, names: &Names<'_>) -> Self {
        let package = module.path();
        let imports = module.imports.iter().filter_map(|import| Some((import.name()?.to_owned(), import.path.clone())));
        let rules = names
            .rules
            .range(package.clone()..)
            .take_while(|(path, _)| path.starts_with(&package))
            .filter_map(|(path, _)| path.get(package.len()).cloned());
        Self { imports: imports.collect(), rules: rules.collect(), package }
    }

    /// Where a name that is no local variable leads.
    fn resolve(&self, name: &str) -> Target {
        match name {
            "input" => return Target::Input(Vec::new()),
            "data" => return Target::Data(vec!["data".to_owned()]),
            _ => {}
        }
        if self.rules.contains(name) {
            let mut path = self.package.clone();
            path.push(name.to_owned());
            return Target::Data(path);
        }
        match self.imports.get(name) {
            Some(path) => match path.split_first() {
                Some((root, rest)) if root == "input" => Target::Input(rest.to_vec()),
                Some(_) | None => Target::Data(path.clone()),
            },
            None => Target::Local,
        }
    }

    /// Where a variable or reference leads, as far as its steps are static; the flag says
    /// whether they all are. The caller knows that its first name is no local variable.
    pub(super) fn target(&self, expr: &Expr) -> (Target, bool) {
        let (base, steps): (&Expr, &[Step]) =
            if let Kind::Ref { base, steps } = &expr.kind { (base, steps) } else { (expr, &[]) };
        let Some(name) = base.as_var() else {
            return (Target::Local, false);
        };
        let (mut target, mut whole) = (self.resolve(name), true);
        for step in steps {
            let name = match step {
                Step::Field(name) | Step::Index(Expr { kind: Kind::Text(name), .. }) => name,
                Step::Index(_) => {
                    whole = false;
                    break;
                }
            };
            match &mut target {
                Target::Input(path) | Target::Data(path) => path.push(name.clone()),
                Target::Local => break,
            }
        }
        (target, whole)
    }

    /// What a call calls: a function's path from `data` on, or a built-in's dotted name.
    pub(super) fn callee(&self, name: &Expr) -> Callee {
        match self.target(name) {
            (Target::Data(path), true) => Callee::Rule(path),
            _ => Callee::Builtin(super::ast::static_path(name).0.join(".")),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    Rule(Path),
    Builtin(String),
}

/// How many arguments the engine's built-in takes; `None` when it has none of this name.
pub(super) fn builtin_arity(name: &str) -> Option<u8> {
    match name {
        "print" => Some(u8::MAX),
        _ => BUILTINS.get(name).map(|(_, arity)| *arity),
    }
}
