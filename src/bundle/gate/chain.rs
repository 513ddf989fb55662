//! How many rules stand on one another. An evaluation descends from each to the next on the stack, and how
//! far depends on the input: what ordinary inputs do not reach, a caller's may.

use std::collections::BTreeMap;

use super::outline::Outline;

/// Refuses rules of which more than [`LIMIT`] stand on one another.
///
/// # Errors
/// One problem, beginning with the file.
pub(super) fn check(modules: &[Outline]) -> Result<(), String> {
    let graph = Graph::new(modules);
    let (rule, length) = graph.longest();
    if length <= LIMIT {
        return Ok(());
    }
    let file = modules.iter().find(|module| is_prefix(&module.package, rule)).map_or("", |module| module.file.as_str());
    Err(format!(
        "{file}: `data.{}` stands on a chain of {length} rules, and {LIMIT} is the most: join some of them",
        rule.join(".")
    ))
}

struct Graph {
    rules: Vec<Vec<String>>,
    /// Which rules each rule names.
    uses: Vec<Vec<usize>>,
}

impl Graph {
    fn new(modules: &[Outline]) -> Self {
        let mut indexes = BTreeMap::new();
        for module in modules {
            for rule in &module.rules {
                let next = indexes.len();
                indexes.entry(path(module, rule)).or_insert(next);
            }
        }
        let mut uses = vec![Vec::new(); indexes.len()];
        for module in modules {
            for (rule, named) in &module.named {
                let Some(from) = indexes.get(&path(module, rule)) else { continue };
                let Some(uses) = uses.get_mut(*from) else { continue };
                for name in named {
                    uses.extend(targets(module, name, &indexes).filter(|to| to != from));
                }
            }
        }
        for used in &mut uses {
            used.sort_unstable();
            used.dedup();
        }
        let mut rules = vec![Vec::new(); indexes.len()];
        for (path, index) in indexes {
            if let Some(rule) = rules.get_mut(index) {
                *rule = path;
            }
        }
        Self { rules, uses }
    }

    /// The rule on top of the longest chain and the chain's length. Rules that seem to stand on themselves (a
    /// local variable may have a rule's name) count as one chain.
    fn longest(&self) -> (&[String], usize) {
        let mut waiting: Vec<usize> = self.uses.iter().map(Vec::len).collect();
        let mut used_by = vec![Vec::new(); self.rules.len()];
        for (from, uses) in self.uses.iter().enumerate() {
            for to in uses {
                if let Some(users) = used_by.get_mut(*to) {
                    users.push(from);
                }
            }
        }
        let mut lengths = vec![1_usize; self.rules.len()];
        let mut ready: Vec<usize> = (0..self.rules.len()).filter(|rule| waiting.get(*rule) == Some(&0)).collect();
        let mut done: usize = 0;
        while let Some(rule) = ready.pop() {
            done = done.saturating_add(1);
            let below = lengths.get(rule).copied().unwrap_or(1);
            for user in used_by.get(rule).into_iter().flatten() {
                if let Some(length) = lengths.get_mut(*user) {
                    *length = (*length).max(below.saturating_add(1));
                }
                if let Some(left) = waiting.get_mut(*user) {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        ready.push(*user);
                    }
                }
            }
        }
        let circling = self.rules.len().saturating_sub(done);
        let top = lengths.iter().enumerate().max_by_key(|(_, length)| **length);
        let (index, length) = top.map_or((0, 0), |(index, length)| (index, *length));
        (self.rules.get(index).map_or(&[], Vec::as_slice), length.saturating_add(circling))
    }
}

fn path(module: &Outline, rule: &str) -> Vec<String> {
    module.package.iter().cloned().chain([rule.to_owned()]).collect()
}

/// The rules that a name in a module may mean: the one it lies in, or all that lie below it.
fn targets<'a>(
    module: &Outline,
    name: &[String],
    indexes: &'a BTreeMap<Vec<String>, usize>,
) -> impl Iterator<Item = usize> + use<'a> {
    let full: Option<Vec<String>> = match name.split_first() {
        None => None,
        Some((first, rest)) => match (first.as_str(), module.imports.get(first)) {
            ("data", _) => Some(rest.to_vec()),
            (_, Some(import)) if import.first().is_some_and(|root| root == "data") => {
                Some(import.iter().skip(1).chain(rest).cloned().collect())
            }
            ("input", _) | (_, Some(_)) => None,
            (_, None) => Some(path(module, first)),
        },
    };
    let above = full
        .iter()
        .flat_map(|full| (1..full.len()).filter_map(|end| full.get(..end)))
        .filter_map(|part| indexes.get(part).copied());
    let above: Vec<usize> = above.collect();
    let below = full.into_iter().flat_map(move |full| {
        let start = full.clone();
        indexes.range(start..).take_while(move |(path, _)| is_prefix(&full, path)).map(|(_, index)| *index)
    });
    above.into_iter().chain(below)
}

fn is_prefix(one: &[String], other: &[String]) -> bool {
    other.starts_with(one)
}

const LIMIT: usize = 128;

#[cfg(test)]
mod tests {
    use super::super::outline::outline;
    use super::*;

    fn check_all(sources: &[String]) -> Result<(), String> {
        let mut engine = regorus::Engine::new();
        for (index, source) in sources.iter().enumerate() {
            engine.add_policy(format!("{index}.rego"), source.clone()).unwrap();
        }
        check(&outline(&engine).unwrap())
    }

    fn chain(length: usize, name: impl Fn(usize) -> String) -> String {
        (1..length).map(|index| format!("r{index} := 1 if {}\n", name(index - 1))).collect()
    }

    #[test]
    fn a_chain_may_be_as_long_as_the_limit() {
        let source = |length| vec![format!("package a\nr0 := 1\n{}", chain(length, |rule| format!("r{rule}")))];
        assert_eq!(check_all(&source(LIMIT)), Ok(()));
        let problem = check_all(&source(LIMIT + 1)).unwrap_err();
        assert!(problem.starts_with("0.rego: `data.a.r128` stands on a chain of 129 rules"), "{problem}");
    }

    #[test]
    fn a_chain_is_followed_through_imports_data_and_brackets() {
        for (import, name) in [("import data.b", "b"), ("import data.b as c", "c"), ("", "data.b"), ("", "data[\"b\"]")]
        {
            let a =
                format!("package a\n{import}\ntop := 1 if {name}.r99\n{}", chain(99, |rule| format!("x.y[r{rule}]")));
            let b = format!("package b\nr0 := data.a.r98\n{}", chain(100, |rule| format!("r{rule}.x")));
            assert!(check_all(&[a, b]).is_err(), "{name}");
        }
    }

    #[test]
    fn many_rules_side_by_side_are_no_chain() {
        let rules: String = (0..2_000).map(|index| format!("r{index} := 1 if data.b.x\n")).collect();
        assert_eq!(
            check_all(&[format!("package a\n{rules}top := count(data.a)\n"), "package b\nx := 1\n".to_owned()]),
            Ok(())
        );
    }

    #[test]
    fn rules_in_a_circle_count_as_a_chain() {
        let circle: String = (0..200).map(|index| format!("r{index} := 1 if r{}\n", (index + 1) % 200)).collect();
        assert!(check_all(&[format!("package a\n{circle}")]).is_err());
    }
}
