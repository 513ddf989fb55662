//! What one level of a query sees.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::columns::{Column, Match, Reference};
use super::outputs::{Output, Outputs};

/// Columns that rows in storage have, beside their own.
pub(super) const SYSTEM_COLUMNS: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// A relation whose columns the catalog knows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its id.
    pub id: Rc<str>,
    /// Its columns, under the names that its alias gives them.
    pub outputs: Outputs,
    /// Whether its rows have system columns.
    pub stored: bool,
}

/// What an alias in FROM stands for.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A relation, by id, whose columns nobody knows; `renamed` when it has a list of column aliases.
    Relation { id: Rc<str>, renamed: bool },
    /// A relation that the catalog knows.
    Table(Rc<Table>),
    /// A sub-select, CTE or join.
    Known(Rc<Outputs>),
    /// The result of a function of these.
    Computed(Rc<BTreeSet<Column>>),
}

/// One item of FROM.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The alias, or the relation's name.
    pub alias: Option<String>,
    /// The relation's schema where it has no alias.
    pub schema: Option<String>,
    pub shape: Shape,
    /// Only seen with its alias in front: `excluded`, and what USING or NATURAL has joined.
    pub hidden: bool,
}

/// What one level of a query sees.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub sources: Vec<Source>,
    /// Output names that ORDER BY may mean.
    pub outputs: Option<Rc<Outputs>>,
}

/// What a bare name turned out to be at one level.
pub(super) enum Found {
    Is(Reference),
    /// It is these, or another level has it.
    Elsewhere(Option<BTreeSet<Column>>),
    /// The only relation there is may have it.
    Open(Reference),
    NotCertain,
}

impl Scope {
    pub(super) fn find(&self, parts: &[String]) -> Option<&Source> {
        self.sources.iter().find(|source| match parts {
            [alias] => source.alias.as_ref() == Some(alias),
            [schema, name] => source.schema.as_ref() == Some(schema) && source.alias.as_ref() == Some(name),
            _ => false,
        })
    }

    /// What is seen without a name in front.
    pub(super) fn visible(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| !source.hidden)
    }

    pub(super) fn bare(&self, name: &str, outermost: bool) -> Found {
        let mut is: Option<Reference> = None;
        let mut perhaps: Option<BTreeSet<Column>> = None;
        let mut open = Vec::new();
        for source in self.visible() {
            match source.shape.find(name) {
                // PostgreSQL refuses what is ambiguous.
                Match::Is(reference) => {
                    is = Some(match is.take() {
                        Some(known) => known.among(reference.bases),
                        None => reference,
                    });
                }
                Match::Perhaps(bases) => perhaps.get_or_insert_default().extend(bases),
                Match::Open => open.push(&source.shape),
                Match::No => {}
            }
        }
        match (is, open.as_slice(), perhaps) {
            (Some(reference), _, _) => Found::Is(reference),
            (None, [], perhaps) => Found::Elsewhere(perhaps),
            (None, [only], None) if outermost => Found::Open(only.lookup(name)),
            (None, [..], _) => Found::NotCertain,
        }
    }
}

impl Shape {
    /// What `alias.name` means.
    pub(super) fn find(&self, name: &str) -> Match {
        match self {
            Self::Relation { .. } => Match::Open,
            Self::Table(table) => match table.outputs.find(name) {
                Match::No if table.stored && SYSTEM_COLUMNS.contains(&name) => {
                    Match::Is(Reference::one(Rc::clone(&table.id), name))
                }
                found @ (Match::Is(_) | Match::Perhaps(_) | Match::Open | Match::No) => found,
            },
            Self::Known(outputs) => outputs.find(name),
            Self::Computed(bases) => Match::Perhaps(bases.as_ref().clone()),
        }
    }

    /// What `alias.name` depends on.
    pub(super) fn lookup(&self, name: &str) -> Reference {
        match self {
            Self::Relation { id, renamed } => Reference::one(Rc::clone(id), if *renamed { "*" } else { name }),
            Self::Table(table) => match self.find(name) {
                Match::Is(reference) => reference,
                // The server refuses it, or the relation has got it meanwhile.
                Match::Perhaps(_) | Match::Open | Match::No => Reference::one(Rc::clone(&table.id), name),
            },
            Self::Known(outputs) => outputs.lookup(name),
            Self::Computed(bases) => Reference::made(bases.as_ref().clone()),
        }
    }

    /// The same under the names of a list of column aliases.
    pub(super) fn renamed(self, aliases: &[String]) -> Self {
        match self {
            shape if aliases.is_empty() => shape,
            Self::Relation { id, renamed: _ } => Self::Relation { id, renamed: true },
            Self::Table(table) => {
                let Table { id, outputs, stored } = table.as_ref();
                Self::Table(Rc::new(Table { id: Rc::clone(id), outputs: outputs.renamed(aliases), stored: *stored }))
            }
            Self::Known(outputs) => Self::Known(Rc::new(outputs.renamed(aliases))),
            Self::Computed(bases) => Self::Computed(bases),
        }
    }

    /// Its columns, where all of them are known.
    pub(super) fn listed(&self) -> Option<&Outputs> {
        match self {
            Self::Table(table) => Some(&table.outputs),
            Self::Known(outputs) => Some(outputs.as_ref()).filter(|outputs| outputs.is_listed()),
            Self::Relation { .. } | Self::Computed(_) => None,
        }
    }

    /// The relation that it is.
    pub(super) fn relation(&self) -> Option<&Rc<str>> {
        match self {
            Self::Relation { id, .. } => Some(id),
            Self::Table(table) => Some(&table.id),
            Self::Known(_) | Self::Computed(_) => None,
        }
    }
}

impl Outputs {
    pub(super) fn extend(&mut self, shape: &Shape) {
        match shape {
            Shape::Relation { id, renamed } => {
                self.stars.insert(Rc::clone(id));
                self.loose |= *renamed;
            }
            Shape::Table(table) => self.append(&table.outputs),
            Shape::Known(outputs) => self.append(outputs),
            Shape::Computed(bases) => {
                self.columns.push(Output { bases: Rc::clone(bases), ..Output::made() });
                self.loose = true;
            }
        }
    }
}
