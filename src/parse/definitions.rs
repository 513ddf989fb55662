//! What definitions leave uncertain until the catalog is read again: the names that they gave, took or moved.

use std::collections::BTreeSet;

/// More names than this, and every one may mean something else.
const MANY: usize = 256;

/// Names that may mean something else than the catalog says, by themselves: a definition is told by the last part of
/// a name, whatever schema it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Definitions {
    relations: BTreeSet<String>,
    functions: BTreeSet<String>,
    every_relation: bool,
    every_function: bool,
}

impl Definitions {
    /// Of whatever cannot be told.
    pub fn everything() -> Self {
        Self { every_relation: true, every_function: true, ..Self::default() }
    }

    /// Of functions alone, whichever.
    pub fn every_function() -> Self {
        Self { every_function: true, ..Self::default() }
    }

    /// Of relations with these names.
    pub fn relations(names: impl IntoIterator<Item = String>) -> Self {
        Self { relations: names.into_iter().collect(), ..Self::default() }
    }

    /// Of functions with these names.
    pub fn functions(names: impl IntoIterator<Item = String>) -> Self {
        Self { functions: names.into_iter().collect(), ..Self::default() }
    }

    /// Whether every name means what the catalog says.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds others.
    pub fn extend(&mut self, other: &Self) {
        self.every_relation |= other.every_relation;
        self.every_function |= other.every_function;
        self.relations.extend(other.relations.iter().cloned());
        self.functions.extend(other.functions.iter().cloned());
        if self.every_relation || self.relations.len() > MANY {
            self.every_relation = true;
            self.relations.clear();
        }
        if self.every_function || self.functions.len() > MANY {
            self.every_function = true;
            self.functions.clear();
        }
    }

    /// Names of relations, where not every one is meant.
    pub fn relation_names(&self) -> impl Iterator<Item = &str> {
        self.relations.iter().map(String::as_str)
    }

    /// Whether a relation's name may mean something else.
    pub fn touch_relation(&self, name: &str) -> bool {
        self.every_relation || self.relations.contains(name)
    }

    /// Whether a function's name may.
    pub fn touch_function(&self, name: &str) -> bool {
        self.every_function || self.functions.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_names_are_all_names() {
        let mut defined = Definitions::default();
        assert!(defined.is_empty() && !defined.touch_relation("a"));
        defined.extend(&Definitions::relations(["a".to_owned()]));
        defined.extend(&Definitions::functions(["f".to_owned()]));
        assert!(defined.touch_relation("a") && !defined.touch_relation("f") && defined.touch_function("f"));
        defined.extend(&Definitions::relations((0..MANY).map(|number| number.to_string())));
        assert!(defined.touch_relation("b") && !defined.touch_function("b"));
        assert_eq!(defined.relation_names().count(), 0);
        defined.extend(&Definitions::everything());
        assert!(defined.touch_function("b"));
    }
}
