//! Calls: unknown ones (the engine notices only when it gets there), wrong numbers of
//! arguments, built-ins that are refused, and arguments that the built-ins take differently.

use super::Problems;
use super::patterns;
use crate::bundle::rego::ast::{Expr, HeadKind, Kind, Module, Pos, Rule, static_path};
use crate::bundle::rego::error::Problem;
use crate::bundle::rego::names::{Callee, FileNames, Names, Path, builtin_arity};
use crate::bundle::rego::walk::{Event, walk};

pub(super) fn check(modules: &[Module], names: &Names<'_>, extensions: &[(&str, u8)], problems: &mut Problems) {
    for module in modules {
        let calls = Calls { module, file: FileNames::new(module, names), names, extensions };
        for rule in &module.rules {
            walk(rule, &mut |event| match event {
                Event::Call { call, name, args } => calls.call(call.at, name, args, problems),
                Event::With(with) => {
                    calls.replaced(&with.target, problems);
                    calls.replaced(&with.value, problems);
                }
                Event::Ref(_) => {}
            });
        }
    }
}

struct Calls<'a> {
    module: &'a Module,
    file: FileNames,
    names: &'a Names<'a>,
    extensions: &'a [(&'a str, u8)],
}

impl Calls<'_> {
    fn call(&self, at: Pos, name: &Expr, args: &[Expr], problems: &mut Problems) {
        match self.file.callee(name) {
            Callee::Rule(path) => self.function(at, &path, args.len(), problems),
            Callee::Builtin(name) => self.builtin(at, &name, args, problems),
        }
    }

    fn function(&self, at: Pos, path: &Path, given: usize, problems: &mut Problems) {
        let name = path.join(".");
        if !self.names.is_function(path) {
            return problems.add(self.module, at, Problem::UnknownFunction { name });
        }
        let rules = self.names.rules.get(path).map(Vec::as_slice).unwrap_or_default();
        if let Some(takes) = rules.iter().find_map(|(_, rule)| arity(rule)).filter(|takes| !fits(*takes, given)) {
            problems.add(self.module, at, Problem::WrongArguments { name, takes, given });
        }
    }

    fn builtin(&self, at: Pos, name: &str, args: &[Expr], problems: &mut Problems) {
        if let Some((why, instead)) = refused(name) {
            return problems.add(self.module, at, Problem::RefusedBuiltin { name: name.to_owned(), why, instead });
        }
        let known = self.extensions.iter().find(|(own, _)| *own == name).map(|(_, takes)| *takes);
        let Some(takes) = known.or_else(|| builtin_arity(name)) else {
            return problems.add(self.module, at, Problem::UnknownFunction { name: name.to_owned() });
        };
        let (takes, given) = (usize::from(takes), args.len());
        if !fits(takes, given) && name != "print" {
            return problems.add(self.module, at, Problem::WrongArguments { name: name.to_owned(), takes, given });
        }
        if name == "walk" && given == takes {
            problems.add(self.module, at, Problem::WalkAsFunction);
        }
        for (at, problem) in patterns::check(name, args) {
            problems.add(self.module, at, problem);
        }
    }

    /// A mock may neither stand for a refused built-in nor be one.
    fn replaced(&self, expr: &Expr, problems: &mut Problems) {
        if !matches!(expr.kind, Kind::Var(_) | Kind::Ref { .. }) {
            return;
        }
        let name = static_path(expr).0.join(".");
        if let Some((why, instead)) = refused(&name) {
            problems.add(self.module, expr.at, Problem::RefusedBuiltin { name, why, instead });
        }
    }
}

/// The last argument may be left out for the result: `f(x, y)` is `y = f(x)`.
fn fits(takes: usize, given: usize) -> bool {
    given == takes || given == takes.saturating_add(1)
}

fn arity(rule: &Rule) -> Option<usize> {
    match &rule.head.kind {
        HeadKind::Function { args, .. } | HeadKind::Default { args: Some(args), .. } => Some(args.len()),
        HeadKind::Default { args: None, .. } | HeadKind::Value(_) | HeadKind::Member(_) => None,
    }
}

/// Why a built-in is refused, and what to write instead.
fn refused(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "http.send" | "net.lookup_ip_addr" => {
            ("policy does not reach out over the network", "ship what it needs as data in the bundle")
        }
        "opa.runtime" => ("there is no OPA around the policy", "ship what it needs as data in the bundle"),
        "time.now_ns" => ("no answer could be kept, and tests could not set it", "read `input.time`"),
        "rand.intn" | "uuid.rfc4122" => {
            ("the same question must have the same answer", "write the rule without chance")
        }
        "net.cidr_expand" => ("it cannot be interrupted", "ask `net.cidr_contains`"),
        "numbers.range" | "numbers.range_step" => ("it cannot be interrupted", "list the numbers"),
        "bits.lsh" => ("it cannot be interrupted", "multiply"),
        "graph.reachable_paths" => ("it cannot be interrupted", "ask `graph.reachable`"),
        "regex.is_valid" => ("it knows other patterns here than in OPA", "write the pattern out"),
        "time.parse_ns" => ("it reads other texts here than in OPA", "write `time.parse_rfc3339_ns`"),
        "urlquery.decode" | "urlquery.decode_object" | "urlquery.encode" | "urlquery.encode_object" => {
            ("it reads and writes other texts here than in OPA", "compare the texts as they are")
        }
        name if name.starts_with("__builtin_sets.") => ("OPA has no such function", "write `&` and `|`"),
        _ => return None,
    })
}
