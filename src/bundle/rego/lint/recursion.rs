//! Rules and functions that use themselves: OPA refuses them, the engine overflows its stack.

use std::collections::{BTreeMap, BTreeSet};

use super::Problems;
use crate::bundle::rego::ast::Module;
use crate::bundle::rego::error::Problem;
use crate::bundle::rego::names::{Names, Path};
use crate::bundle::rego::reads::{Uses, uses};

pub(super) fn check(modules: &[Module], names: &Names<'_>, problems: &mut Problems) {
    let uses = uses(modules, names);
    for circle in circles(&uses) {
        let Some(first) = circle.first() else { continue };
        let Some((module, rule)) = names.rules.get(*first).and_then(|rules| rules.first()) else { continue };
        let through = circle.iter().map(|path| path.join(".")).collect::<Vec<_>>().join(", ");
        problems.add(module, rule.at, Problem::Recursion { through });
    }
}

/// Groups of rules that use each other or themselves.
fn circles(uses: &BTreeMap<Path, Uses>) -> Vec<Vec<&Path>> {
    let mut found = Vec::new();
    let mut state: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut low: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut open: Vec<&Path> = Vec::new();
    let mut closed: BTreeSet<&Path> = BTreeSet::new();
    // Tarjan's algorithm with the stack on the heap: bundles are made by the adversary, too.
    for start in uses.keys() {
        if state.contains_key(start) {
            continue;
        }
        let mut work = vec![enter(start, uses, &mut state, &mut low, &mut open)];
        while let Some((path, next)) = work.last_mut() {
            let path = *path;
            if let Some(used) = next.pop() {
                if !state.contains_key(used) {
                    work.push(enter(used, uses, &mut state, &mut low, &mut open));
                } else if !closed.contains(used) {
                    lower(&mut low, path, state.get(used).copied());
                }
                continue;
            }
            work.pop();
            let mine = low.get(path).copied();
            if let Some((parent, _)) = work.last() {
                lower(&mut low, parent, mine);
            }
            if mine == state.get(path).copied() {
                let begin = open.iter().rposition(|other| *other == path).unwrap_or(open.len());
                let mut group = open.split_off(begin);
                closed.extend(group.iter().copied());
                let itself = uses.get(path).is_some_and(|uses| uses.rules.contains(path));
                if group.len() > 1 || itself {
                    group.sort();
                    found.push(group);
                }
            }
        }
    }
    found
}

fn enter<'a>(
    path: &'a Path,
    uses: &'a BTreeMap<Path, Uses>,
    state: &mut BTreeMap<&'a Path, usize>,
    low: &mut BTreeMap<&'a Path, usize>,
    open: &mut Vec<&'a Path>,
) -> (&'a Path, Vec<&'a Path>) {
    let index = state.len();
    state.insert(path, index);
    low.insert(path, index);
    open.push(path);
    let next = uses.get(path).map(|uses| uses.rules.iter().collect()).unwrap_or_default();
    (path, next)
}

fn lower<'a>(low: &mut BTreeMap<&'a Path, usize>, path: &'a Path, to: Option<usize>) {
    if let (Some(low), Some(to)) = (low.get_mut(path), to) {
        *low = (*low).min(to);
    }
}
