//! Names, each held once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol(u32);

/// Names by symbol, and symbols by name.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    text: Box<str>,
    /// Where each name ends in `text`.
    ends: Box<[u32]>,
    /// Symbols at places that their names' hashes give, each plus one; 0 where none is. At least half are free.
    places: Box<[u32]>,
    keys: RandomState,
}

/// Collects names.
#[derive(Debug, Default)]
pub(super) struct Interner {
    text: String,
    ends: Vec<u32>,
    known: HashMap<Box<str>, Symbol>,
}

impl Interner {
    /// The name's symbol; `None` when there are more names than can be told apart.
    pub(super) fn intern(&mut self, name: &str) -> Option<Symbol> {
        if let Some(known) = self.known.get(name) {
            return Some(*known);
        }
        let symbol = Symbol(u32::try_from(self.ends.len()).ok()?);
        let end = u32::try_from(self.text.len().checked_add(name.len())?).ok()?;
        self.text.push_str(name);
        self.ends.push(end);
        self.known.insert(Box::from(name), symbol);
        Some(symbol)
    }

    /// No more names come.
    pub(super) fn finish(self) -> Symbols {
        let Self { text, ends, known } = self;
        let (keys, mut places) = (RandomState::new(), vec![0_u32; known.len().saturating_mul(2).next_power_of_two()]);
        for (name, Symbol(number)) in &known {
            let free = probe(&keys, name, places.len()).find(|at| places.get(*at) == Some(&0));
            if let Some(place) = free.and_then(|at| places.get_mut(at)) {
                *place = number.saturating_add(1);
            }
        }
        let (text, ends) = (text.into_boxed_str(), ends.into_boxed_slice());
        Symbols { text, ends, places: places.into_boxed_slice(), keys }
    }
}

impl Symbols {
    /// The symbol of a name that is held.
    pub(super) fn find(&self, name: &str) -> Option<Symbol> {
        let found = probe(&self.keys, name, self.places.len()).map_while(|at| self.places.get(at)?.checked_sub(1));
        found.map(Symbol).find(|symbol| self.text(*symbol) == name)
    }

    /// The name itself.
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        let at = usize::try_from(symbol.0).unwrap_or(usize::MAX);
        let end = |at: usize| self.ends.get(at).and_then(|end| usize::try_from(*end).ok());
        let start = at.checked_sub(1).map_or(Some(0), end);
        start.zip(end(at)).and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let list = self.ends.len().saturating_add(self.places.len()).saturating_mul(4);
        self.text.len().saturating_add(list)
    }
}

/// The places where a name may be, of so many: a power of two.
fn probe(keys: &RandomState, name: &str, places: usize) -> impl Iterator<Item = usize> + use<> {
    let mask = places.saturating_sub(1);
    // Of the hash, any bits are as good as others.
    let first = usize::try_from(keys.hash_one(name) & u64::from(u32::MAX)).unwrap_or_default();
    (0..places).map(move |step| first.wrapping_add(step) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_symbol_and_is_found_by_it() {
        let mut interner = Interner::default();
        let names = ["orders", "", "Ä", "id", "orders", "a b"];
        let symbols: Vec<Symbol> = names.iter().map(|name| interner.intern(name).unwrap()).collect();
        assert_eq!(symbols[0], symbols[4]);
        let held = interner.finish();
        for (name, symbol) in names.iter().zip(&symbols) {
            assert_eq!(held.text(*symbol), *name);
            assert_eq!(held.find(name), Some(*symbol));
        }
        assert_eq!(held.find("nosuch"), None);
        assert_eq!(held.text(Symbol(77)), "");
    }

    proptest::proptest! {
        #[test]
        fn whatever_names_there_are_each_is_found_and_no_other(
            names in proptest::collection::btree_set("[a-c]{0,6}", 0..200),
            others in proptest::collection::vec("[a-d]{0,6}", 20),
        ) {
            let mut interner = Interner::default();
            let symbols: Vec<Symbol> = names.iter().map(|name| interner.intern(name).unwrap()).collect();
            let held = interner.finish();
            for (name, symbol) in names.iter().zip(&symbols) {
                proptest::prop_assert_eq!((held.find(name), held.text(*symbol)), (Some(*symbol), name.as_str()));
            }
            for other in others.iter().filter(|other| !names.contains(*other)) {
                proptest::prop_assert_eq!(held.find(other), None);
            }
        }
    }
}
