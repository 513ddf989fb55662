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
    /// Of the relations those, by id, that are nothing but tables just made: whoever made them knows.
    tables: BTreeSet<String>,
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

    /// Of a table that is made.
    pub fn table(id: String, name: String) -> Self {
        Self { tables: BTreeSet::from([id]), ..Self::relations([name]) }
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
        // What is not a table just made is something else now.
        let other_names = other.relations.len() > other.tables.len();
        if other.every_relation || (other_names && self.relations.iter().any(|name| other.relations.contains(name))) {
            self.tables.clear();
        }
        self.tables.extend(other.tables.iter().cloned());
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

    /// The same for those who did not make them, or cannot tell any more whether they were made.
    #[must_use]
    pub fn without_tables(mut self) -> Self {
        self.tables.clear();
        self
    }

    /// Whether a relation is nothing but a table that was just made.
    pub fn make_table(&self, id: &str) -> bool {
        self.tables.contains(id)
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

    #[test]
    fn a_table_just_made_is_one_until_something_else_is_done_to_it() {
        let table = || Definitions::table("public.t".to_owned(), "t".to_owned());
        let mut defined = table();
        defined.extend(&Definitions::table("public.u".to_owned(), "u".to_owned()));
        defined.extend(&Definitions::relations(["other".to_owned()]));
        assert!(defined.make_table("public.t") && defined.make_table("public.u") && defined.touch_relation("t"));
        for after in [Definitions::relations(["t".to_owned()]), Definitions::everything()] {
            let mut defined = table();
            defined.extend(&after);
            assert!(!defined.make_table("public.t"), "{after:?}");
        }
        assert!(!table().without_tables().make_table("public.t"));
    }
}
