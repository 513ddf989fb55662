//! Names, each held once.

use std::collections::HashMap;

/// A name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol(u32);

/// Names by symbol, and symbols by name.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    text: Box<str>,
    /// Where each name ends in `text`.
    ends: Box<[u32]>,
    /// Symbols in the order of their names.
    sorted: Box<[Symbol]>,
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
        let mut sorted: Vec<(Box<str>, Symbol)> = known.into_iter().collect();
        sorted.sort_unstable();
        let sorted = sorted.into_iter().map(|(_, symbol)| symbol).collect();
        Symbols { text: text.into_boxed_str(), ends: ends.into_boxed_slice(), sorted }
    }
}

impl Symbols {
    /// The symbol of a name that is held.
    pub(super) fn find(&self, name: &str) -> Option<Symbol> {
        let at = self.sorted.binary_search_by(|symbol| self.text(*symbol).cmp(name)).ok()?;
        self.sorted.get(at).copied()
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
        let list = self.ends.len().saturating_add(self.sorted.len()).saturating_mul(4);
        self.text.len().saturating_add(list)
    }
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
}
