//! Where a statement names relations.

use std::ops::Range;

/// A place where a statement names a relation whose rows or definition it touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its `id`, as in [`RelationFacts`](super::RelationFacts).
    pub relation: String,
    /// Its schema; `None` when the name could not be resolved.
    pub schema: Option<String>,
    /// Its name, folded and cut as PostgreSQL does.
    pub name: String,
    /// What it is there for.
    pub role: Role,
    /// Command tag of the innermost statement that it stands in.
    pub command: String,
    /// Its tokens; `None` where they cannot be told exactly.
    pub place: Option<Place>,
}

/// What a relation is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its rows are read: an item of FROM or what stands for one.
    Read,
    /// INSERT, UPDATE, DELETE, MERGE or COPY … FROM changes its rows.
    Target,
    /// COPY writes its rows out.
    CopyOut,
    /// Its definition changes, or it is emptied, locked, measured….
    Named,
    /// A foreign key changes its rows in turn.
    Reached,
    /// It is not named in this text, but in one that this one runs by name (EXECUTE, FETCH).
    Elsewhere,
}

/// Tokens of a reference, counted from 0 as [`tokens`](super::tokens) cuts the text. They are the same in all texts
/// that share facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name with its schema, and ONLY with its parentheses.
    pub whole: Range<usize>,
    /// The name with its schema.
    pub name: Range<usize>,
    /// Whether it is named without what inherits from it.
    pub only: bool,
    /// `TABLE` right in front of it stands for a whole query.
    pub is_query: bool,
    /// Its alias.
    pub alias: Option<usize>,
    /// `TABLESAMPLE …`.
    pub sample: Option<Range<usize>>,
}
