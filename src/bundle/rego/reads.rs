//! Which parts of the input a rule reads, through everything it uses. What cannot be known
//! exactly is taken to be more, never less.

use std::collections::{BTreeMap, BTreeSet};

use super::ast::Module;
use super::names::{Callee, FileNames, Names, Path, Target};
use super::walk::{Event, walk};
use crate::bundle::reads::Reads;

/// What every rule reads, by rule path (`data.policies.shop.deny`), and every package and object
/// of rules, by its own.
pub(in crate::bundle) fn reads(modules: &[Module]) -> BTreeMap<String, Reads> {
    let names = Names::new(modules);
    let uses = uses(modules, &names);
    let above = |path: &Path| {
        (2..=path.len()).filter_map(|length| path.get(..length).map(<[String]>::to_vec)).collect::<Vec<_>>()
    };
    let paths: BTreeSet<Path> = uses.keys().flat_map(above).collect();
    paths.iter().map(|path| (path.join("."), closure(path, &uses))).collect()
}

/// What the definitions of one rule path use themselves.
pub(super) struct Uses {
    pub(super) rules: BTreeSet<Path>,
    inputs: BTreeSet<Path>,
    deterministic: bool,
}

/// What every rule path uses.
pub(super) fn uses(modules: &[Module], names: &Names<'_>) -> BTreeMap<Path, Uses> {
    let mut all: BTreeMap<Path, Uses> = BTreeMap::new();
    for module in modules {
        let file = FileNames::new(module, names);
        for rule in &module.rules {
            let mut path = module.path();
            path.extend(rule.name().0);
            let uses = all.entry(path).or_insert_with(|| Uses {
                rules: BTreeSet::new(),
                inputs: BTreeSet::new(),
                deterministic: true,
            });
            walk(rule, &mut |event| uses.add(event, &file, names));
        }
    }
    all
}

impl Uses {
    fn add(&mut self, event: Event<'_>, file: &FileNames, names: &Names<'_>) {
        match event {
            Event::Ref(expr) => match file.target(expr).0 {
                Target::Input(path) => {
                    self.inputs.insert(path);
                }
                Target::Data(path) => self.rules.extend(names.touched(&path).cloned()),
                Target::Local => {}
            },
            Event::Call { name, .. } => match file.callee(name) {
                Callee::Rule(path) => self.rules.extend(names.touched(&path).cloned()),
                Callee::Builtin(name) => self.deterministic &= deterministic(&name),
            },
            // A function may be replaced by a built-in; a rule by one that reads something else.
            Event::With(with) => {
                let (value, _) = super::ast::static_path(&with.value);
                self.deterministic &= deterministic(&value.join("."));
                if let Target::Data(path) = file.target(&with.value).0 {
                    self.rules.extend(names.touched(&path).cloned());
                }
            }
        }
    }
}

fn deterministic(builtin: &str) -> bool {
    !matches!(
        builtin,
        "time.now_ns" | "rand.intn" | "uuid.rfc4122" | "http.send" | "opa.runtime" | "net.lookup_ip_addr"
    )
}

fn closure(start: &Path, uses: &BTreeMap<Path, Uses>) -> Reads {
    let mut seen = BTreeSet::from([start]);
    let mut waiting = vec![start];
    // Asking for a rule evaluates what lies below it, too (`deny.x` below `deny`).
    let below = uses.range(start.clone()..).map(|(path, _)| path).take_while(|path| path.starts_with(start));
    waiting.extend(below.filter(|path| seen.insert(path)));
    let (mut inputs, mut deterministic) = (Vec::new(), true);
    while let Some(path) = waiting.pop() {
        let Some(uses) = uses.get(path) else { continue };
        inputs.extend(uses.inputs.iter().cloned());
        deterministic &= uses.deterministic;
        waiting.extend(uses.rules.iter().filter(|path| seen.insert(path)));
    }
    Reads::new(inputs, deterministic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::rego::parse::parse;

    fn of(rule: &str, files: &[&str]) -> Reads {
        let modules: Vec<Module> =
            files.iter().enumerate().map(|(i, text)| parse(&format!("{i}.rego"), text).expect("it parses")).collect();
        reads(&modules).remove(rule).expect("the rule is there")
    }

    fn paths(rule: &str, files: &[&str]) -> Vec<String> {
        of(rule, files).paths().iter().map(|path| path.join(".")).collect()
    }

    #[test]
    fn a_reference_is_read_up_to_its_first_computed_step() {
        let text = "package p\nx if { input.a.b[input.k].c; input[\"d\"].e == 1; some i; input.f[i].g }";
        assert_eq!(paths("data.p.x", &[text]), ["a.b", "d.e", "f", "k"]);
    }

    #[test]
    fn a_computed_first_step_reads_everything() {
        assert!(of("data.p.x", &["package p\nx if { some i; input[i] == 1 }"]).whole());
        assert!(of("data.p.x", &["package p\nx if f(input)\nf(y) if y.z"]).whole());
        assert!(of("data.p.x", &["package p\nx := input"]).whole());
    }

    #[test]
    fn what_rules_functions_and_imports_read_counts() {
        let team = "package policies.shop\nimport data.lib.sql as s\nimport input.caller as who\n\
                    deny contains \"x\" if { s.reads_only; f(input.a) }\ndeny contains \"y\" if who.groups\n\
                    f(z) if { z == input.b; helper }\nunused if input.never";
        let lib = "package lib.sql\nreads_only if every e in input.sql.effects { e == \"read\" }";
        let same = "package policies.shop\nhelper if not input.c";
        assert_eq!(
            paths("data.policies.shop.deny", &[team, lib, same]),
            ["a", "b", "c", "caller.groups", "sql.effects"]
        );
    }

    #[test]
    fn a_computed_step_into_data_reads_what_every_rule_there_reads() {
        let lib = "package lib.a\nr := input.one";
        let other = "package lib.b.c\nr := input.two";
        assert_eq!(paths("data.p.x", &["package p\nx if { some k; data.lib[k].r }", lib, other]), ["one", "two"]);
        assert_eq!(paths("data.p.x", &["package p\nx := data.lib.a.r.deep", lib, other]), ["one"]);
    }

    #[test]
    fn a_replaced_input_still_counts_and_so_does_its_replacement() {
        let text = "package p\nx if y with input.a as input.b with input.c as {\"z\": input.d}\ny if input.a";
        assert_eq!(paths("data.p.x", &[text]), ["a", "b", "d"]);
    }

    #[test]
    fn heads_else_branches_and_comprehensions_count() {
        let text = "package p\nx[input.k] := input.v if input.c\nx[\"z\"] := 1 if { [y | y := input.d][_] == 1 }\n\
                    z := input.e if input.f else := input.g if not input.h";
        assert_eq!(paths("data.p.x", &[text]), ["c", "d", "k", "v"]);
        assert_eq!(paths("data.p.z", &[text]), ["e", "f", "g", "h"]);
    }

    #[test]
    fn a_clock_anywhere_below_makes_a_rule_uncacheable() {
        let text =
            "package p\nx if y\ny if f(1)\nf(a) if time.now_ns() > a\nz if input.a\nw if f(1) with f as time.now_ns";
        assert!(!of("data.p.x", &[text]).deterministic());
        assert!(!of("data.p.w", &[text]).deterministic());
        assert!(of("data.p.z", &[text]).deterministic());
    }

    #[test]
    fn a_change_above_or_below_a_read_path_is_covered() {
        let reads = of("data.p.x", &["package p\nx := input.a.b"]);
        assert!(reads.covers(&["a"]) && reads.covers(&["a", "b"]) && reads.covers(&["a", "b", "c"]));
        assert!(!reads.covers(&["a", "c"]) && !reads.covers(&["b"]));
    }
}
