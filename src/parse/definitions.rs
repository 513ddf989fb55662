//! What definitions leave uncertain until the catalog is read again: the names that they gave, took or moved.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// More names of one kind than this, and every one may mean something else. A text has no room for as many that are
/// worth telling apart.
const MANY: usize = 8192;

/// What a name takes in memory beside its bytes.
const NODE: usize = 64;

/// The schema that is searched by whatever path.
const OWN: &str = "pg_catalog";

/// A name, and the schema that it is in where the statement says it.
pub(in crate::parse) type Place = (Option<String>, String);

/// Names of one kind that may mean something else than the catalog says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Moved {
    /// With the schemas in which they do; `None` for whatever schema.
    names: BTreeMap<String, BTreeSet<Option<String>>>,
    every: bool,
}

impl Moved {
    fn of(places: impl IntoIterator<Item = Place>) -> Self {
        let mut moved = Self::default();
        for (schema, name) in places {
            moved.names.entry(name).or_default().insert(schema);
        }
        moved
    }

    fn extend(&mut self, other: &Self) {
        self.every |= other.every;
        for (name, schemas) in &other.names {
            self.names.entry(name.clone()).or_default().extend(schemas.iter().cloned());
        }
        self.every |= self.count() > MANY;
        if self.every {
            self.names.clear();
        }
    }

    /// How many names there are, each with its schema.
    fn count(&self) -> usize {
        self.names.values().map(BTreeSet::len).sum()
    }

    fn is_empty(&self) -> bool {
        !self.every && self.names.is_empty()
    }

    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        let schema = |schema: &Option<String>| schema.as_ref().map_or(0, String::len).saturating_add(NODE);
        let each = |(name, schemas): (&String, &BTreeSet<Option<String>>)| {
            schemas.iter().map(schema).fold(name.len().saturating_add(NODE), usize::saturating_add)
        };
        self.names.iter().map(each).fold(0, usize::saturating_add)
    }

    fn touches<S: AsRef<str>>(&self, schemas: &[S], name: &str) -> bool {
        let within = |schema: &str| schema == OWN || schemas.iter().any(|searched| searched.as_ref() == schema);
        let in_one = |found: &BTreeSet<Option<String>>| found.iter().any(|one| one.as_deref().is_none_or(within));
        self.every || self.names.get(name).is_some_and(in_one)
    }
}

/// Names that may mean something else than the catalog says, and whatever is in some schemas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    relations: Moved,
    functions: Moved,
    types: Moved,
    operators: Moved,
    schemas: BTreeSet<String>,
    /// Relations that keys refer to since then which do something where rows of these go or change.
    referenced: Moved,
    /// Relations of which more is computed since then where rows of theirs come or change.
    computed: Moved,
    /// Other event triggers may run since then.
    event_triggers: bool,
    /// Of the relations those, by id, that are nothing but tables just made: whoever made them knows. And whether nothing
    /// runs where rows come into them.
    tables: BTreeMap<String, bool>,
}

/// Hashed with the key of every text that is looked up: most of the time there are none, which is said in a word.
impl Hash for Definitions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { relations, functions, types, operators, schemas, referenced, computed, event_triggers, tables } =
            self;
        let none = self.is_empty();
        none.hash(state);
        if !none {
            [relations, functions, types, operators, referenced, computed].hash(state);
            schemas.hash(state);
            event_triggers.hash(state);
            tables.hash(state);
        }
    }
}

impl Definitions {
    /// More names of one kind than this are not told apart.
    pub const MANY: usize = MANY;

    /// Of whatever cannot be told.
    pub fn everything() -> Self {
        let every = || Moved { every: true, ..Moved::default() };
        Self { relations: every(), functions: every(), types: every(), operators: every(), ..Self::default() }
    }

    /// The same, and of event triggers.
    pub fn everything_and_event_triggers() -> Self {
        Self { event_triggers: true, ..Self::everything() }
    }

    /// Whether event triggers may run that the catalog does not have.
    pub fn touch_event_triggers(&self) -> bool {
        self.event_triggers
    }

    /// Of functions alone, whichever.
    pub fn every_function() -> Self {
        Self { functions: Moved { every: true, ..Moved::default() }, ..Self::default() }
    }

    /// Of relations with these names, and so of the types of their rows.
    pub fn relations(names: impl IntoIterator<Item = Place>) -> Self {
        Self { relations: Moved::of(names), ..Self::default() }
    }

    /// Of a table that is made. `quiet`: nothing runs where rows come into it.
    pub fn table(id: String, place: Place, quiet: bool) -> Self {
        Self { tables: BTreeMap::from([(id, quiet)]), ..Self::relations([place]) }
    }

    /// Of what foreign keys refer to that do more than refuse.
    pub fn referenced(names: impl IntoIterator<Item = Place>) -> Self {
        Self { referenced: Moved::of(names), ..Self::default() }
    }

    /// Of functions with these names.
    pub fn functions(names: impl IntoIterator<Item = Place>) -> Self {
        Self { functions: Moved::of(names), ..Self::default() }
    }

    /// Of types with these names. A call of a type's name is a cast to it, where no function has that name.
    pub fn types(names: impl IntoIterator<Item = Place>) -> Self {
        let types = Moved::of(names);
        Self { functions: types.clone(), types, ..Self::default() }
    }

    /// Of operators with these names.
    pub fn operators(names: impl IntoIterator<Item = Place>) -> Self {
        Self { operators: Moved::of(names), ..Self::default() }
    }

    /// Of whatever is in these schemas.
    pub fn schemas(names: impl IntoIterator<Item = String>) -> Self {
        Self { schemas: names.into_iter().collect(), ..Self::default() }
    }

    /// Of relations with indexes that compute something.
    pub fn computed(names: impl IntoIterator<Item = Place>) -> Self {
        Self { computed: Moved::of(names), ..Self::default() }
    }

    /// Whether every name means what the catalog says.
    pub fn is_empty(&self) -> bool {
        // Asked of every statement several times: nothing is built to compare it with.
        let Self { relations, functions, types, operators, schemas, referenced, computed, event_triggers, tables } =
            self;
        let moved = [relations, functions, types, operators, referenced, computed];
        moved.into_iter().all(Moved::is_empty) && schemas.is_empty() && !event_triggers && tables.is_empty()
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        let Self { relations, functions, types, operators, schemas, referenced, computed, event_triggers: _, tables } =
            self;
        let moved = [relations, functions, types, operators, referenced, computed].map(Moved::weight);
        let names = schemas.iter().chain(tables.keys()).map(|name| name.len().saturating_add(NODE));
        moved.into_iter().chain(names).fold(0, usize::saturating_add)
    }

    /// Whether it cannot be told which names it moves.
    pub fn is_everything(&self) -> bool {
        self.relations.every
    }

    /// Whether they move names that they do not give.
    pub fn reach_far(&self) -> bool {
        self.relations.every || self.functions.every || self.types.every || !self.schemas.is_empty()
    }

    /// Adds others.
    pub fn extend(&mut self, other: &Self) {
        // What is not a table just made is something else now.
        let mut names = other.relations.names.keys();
        let other_names = other.relations.count() > other.tables.len();
        let again = other_names && names.any(|name| self.relations.names.contains_key(name));
        if again || !other.schemas.is_empty() {
            self.tables.clear();
        }
        self.tables.extend(other.tables.iter().map(|(id, quiet)| (id.clone(), *quiet)));
        self.referenced.extend(&other.referenced);
        self.computed.extend(&other.computed);
        self.schemas.extend(other.schemas.iter().cloned());
        self.relations.extend(&other.relations);
        if self.relations.every {
            // Nobody could tell any more that one of their names came up again.
            self.tables.clear();
        }
        self.functions.extend(&other.functions);
        self.types.extend(&other.types);
        self.event_triggers |= other.event_triggers;
        self.operators.extend(&other.operators);
        if self.schemas.len() > MANY {
            *self = Self { event_triggers: self.event_triggers, ..Self::everything() };
        }
    }

    /// The same for those who did not make them, or cannot tell any more whether they were made.
    #[must_use]
    pub fn without_tables(mut self) -> Self {
        self.tables.clear();
        self
    }

    /// Of a relation that is nothing but a table just made: whether nothing runs, either, where rows come into it.
    pub fn new_table(&self, id: &str) -> Option<bool> {
        self.tables.get(id).copied()
    }

    /// Whether keys that were made since may do something where rows of a relation go or change.
    pub fn touch_referenced<S: AsRef<str>>(&self, schemas: &[S], name: &str) -> bool {
        self.relations.every || self.referenced.touches(schemas, name)
    }

    /// Names of relations, where not every one is meant.
    pub fn relation_names(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.relations
            .names
            .iter()
            .flat_map(|(name, schemas)| schemas.iter().map(move |schema| (schema.as_deref(), name.as_str())))
    }

    /// Whether more may be computed since where rows of a relation come or change.
    pub fn touch_computed<S: AsRef<str>>(&self, schemas: &[S], name: &str) -> bool {
        self.computed.touches(schemas, name)
    }

    /// Whether a relation's name, which is looked for in these schemas and in PostgreSQL's own, may mean something else.
    pub fn touch_relation<S: AsRef<str>>(&self, schemas: &[S], name: &str) -> bool {
        self.touch_schemas(schemas) || self.relations.touches(schemas, name)
    }

    /// Whether a function's name may.
    pub fn touch_function<S: AsRef<str>>(&self, schemas: &[S], name: &str) -> bool {
        self.touch_schemas(schemas) || self.functions.touches(schemas, name)
    }

    /// Whether a type's name may: a relation is one, too.
    pub fn touch_type<S: AsRef<str>>(&self, schemas: &[S], name: &str) -> bool {
        self.touch_relation(schemas, name) || self.types.touches(schemas, name)
    }

    /// Whether an operator may.
    pub fn touch_operator<S: AsRef<str>>(&self, schemas: &[S], name: &str) -> bool {
        self.touch_schemas(schemas) || self.operators.touches(schemas, name)
    }

    fn touch_schemas<S: AsRef<str>>(&self, schemas: &[S]) -> bool {
        !self.schemas.is_empty() && schemas.iter().any(|schema| self.schemas.contains(schema.as_ref()))
    }
}

#[cfg(test)]
mod tests;
