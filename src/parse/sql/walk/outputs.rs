//! What a sub-select, CTE, join or relation gives: its columns, in order, and the base columns that each depends on.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::Walk;
use super::columns::{Column, Match, Reference};
use super::facts::Walker;
use crate::parse::facts::{BaseColumn, OutputLineage};

/// One column of a result.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// `None` where PostgreSQL's name for it is not certain.
    pub name: Option<Rc<str>>,
    /// What it depends on.
    pub bases: Rc<BTreeSet<Column>>,
    /// It is the only one of them, as it is, and the server says so.
    pub bare: bool,
    /// It is one of them, as it is, in every row.
    pub shown: bool,
}

/// What a query gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    /// Columns that are known.
    pub columns: Vec<Output>,
    /// Relations that a star stands for, whose columns are not.
    pub stars: BTreeSet<Rc<str>>,
    /// They depend on more than is known.
    pub opaque: bool,
    /// There may be more of them, or under other names.
    pub loose: bool,
}

impl Output {
    pub(super) fn named(name: &str, reference: Reference) -> Self {
        Self {
            name: Some(Rc::from(name)),
            bases: Rc::new(reference.bases),
            bare: reference.bare,
            shown: reference.shown,
        }
    }

    /// One without a name, of which nothing is certain.
    pub(super) fn made() -> Self {
        Self { name: None, bases: Rc::default(), bare: false, shown: false }
    }

    /// Whether it has no value but those of base columns, as they are, and what depends on none.
    fn shows(&self) -> bool {
        self.shown || self.bases.is_empty()
    }

    pub(super) fn reference(&self) -> Reference {
        Reference { bases: self.bases.as_ref().clone(), bare: self.bare, shown: self.shown }
    }

    fn is(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }
}

impl Outputs {
    /// Columns that nobody knows.
    pub(super) fn opaque() -> Self {
        Self { opaque: true, ..Self::default() }
    }

    /// Whether a column of that name is listed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|output| output.is(name))
    }

    /// Whether it has no more columns than are known, at their places.
    pub(super) fn is_listed(&self) -> bool {
        !self.loose && self.is_traced()
    }

    /// Whether it depends on no more than is known.
    fn is_traced(&self) -> bool {
        !self.opaque && self.stars.is_empty()
    }

    /// What a name means here.
    pub(super) fn find(&self, name: &str) -> Match {
        let mut named = self.columns.iter().filter(|output| output.is(name));
        if let Some(first) = named.next() {
            return match named.next() {
                None => Match::Is(first.reference()),
                // PostgreSQL refuses what is ambiguous.
                Some(_) => Match::Is(Reference::mixed(self.columns.iter().filter(|output| output.is(name)))),
            };
        }
        let mut nameless = self.columns.iter().filter(|output| output.name.is_none()).peekable();
        match nameless.peek() {
            _ if !self.is_traced() => Match::Open,
            None if !self.loose => Match::No,
            None | Some(_) => Match::Perhaps(Reference::mixed(nameless).bases),
        }
    }

    /// What a name depends on that something must have here.
    pub(super) fn lookup(&self, name: &str) -> Reference {
        match self.find(name) {
            Match::Is(reference) => reference,
            Match::Perhaps(bases) => Reference::made(bases),
            Match::No | Match::Open => {
                let one = match self.stars.iter().next() {
                    Some(id) if self.stars.len() == 1 && !self.opaque && !self.loose => Some(Rc::clone(id)),
                    Some(_) | None => None,
                };
                let nameless = self.columns.iter().filter(|output| output.name.is_none());
                let mut bases = Reference::mixed(nameless).bases;
                bases.insert(Column { relation: one, name: Rc::from(name) });
                Reference::made(bases)
            }
        }
    }

    /// The other names that a list of column aliases gives.
    pub(super) fn renamed(&self, aliases: &[String]) -> Self {
        if aliases.is_empty() {
            return self.clone();
        }
        if !self.is_listed() {
            return self.mixed();
        }
        let mut renamed = self.clone();
        for (output, alias) in renamed.columns.iter_mut().zip(aliases) {
            output.name = Some(Rc::from(alias.as_str()));
        }
        renamed
    }

    /// A set operation's outputs: the left names, both dependencies.
    pub(super) fn united(mut self, right: &Self) -> Self {
        if !self.is_listed() || !right.is_listed() || self.columns.len() != right.columns.len() {
            self.columns.extend(right.columns.iter().cloned());
            self.stars.extend(right.stars.iter().cloned());
            self.opaque |= right.opaque;
            return self.mixed();
        }
        for (output, more) in self.columns.iter_mut().zip(&right.columns) {
            let shows = output.shows();
            if output.bases != more.bases {
                Rc::make_mut(&mut output.bases).extend(more.bases.iter().cloned());
            }
            // The server does not say of such a column where it comes from.
            output.bare = false;
            output.shown = shows && more.shows();
        }
        self
    }

    /// The outputs of a recursive CTE, and whether its step leaves what is in one column there.
    pub(super) fn repeated(self, step: &Self) -> (Self, bool) {
        let start: Vec<Rc<BTreeSet<Column>>> = self.columns.iter().map(|output| Rc::clone(&output.bases)).collect();
        let mut united = self.united(step);
        let steady = start.iter().zip(&united.columns).all(|(before, after)| *before == after.bases);
        let all = Rc::new(Reference::mixed(united.columns.iter()).bases);
        for output in &mut united.columns {
            (output.bare, output.shown) = (false, false);
            if !steady {
                output.bases = Rc::clone(&all);
            }
        }
        (united, steady)
    }

    /// The same dependencies under names that are not known.
    pub(super) fn mixed(&self) -> Self {
        let nameless = |output: &Output| Output { bases: Rc::clone(&output.bases), ..Output::made() };
        Self {
            columns: self.columns.iter().map(nameless).collect(),
            stars: self.stars.clone(),
            opaque: self.opaque,
            loose: true,
        }
    }

    /// What a statement's result is made of; `None` where that is not certain.
    pub(super) fn lineage(&self) -> Option<Vec<OutputLineage>> {
        let base = |column: &Column| {
            let relation = column.relation.as_deref()?.to_owned();
            Some(BaseColumn { relation, column: str::to_owned(&column.name) }).filter(|base| base.column != "*")
        };
        let output = |output: &Output| {
            let columns: Vec<BaseColumn> = output.bases.iter().map(base).collect::<Option<_>>()?;
            let name = output.name.as_deref().map(str::to_owned);
            Some(OutputLineage { name, columns, bare: output.bare, shown: output.shown })
        };
        if self.is_listed() { self.columns.iter().map(output).collect() } else { None }
    }

    /// Puts another's columns behind its own.
    pub(super) fn append(&mut self, other: &Self) {
        self.columns.extend(other.columns.iter().cloned());
        self.stars.extend(other.stars.iter().cloned());
        self.opaque |= other.opaque;
        self.loose |= other.loose;
    }
}

impl Walker<'_> {
    /// Walks what makes something of what it reads, whatever stands in its result.
    pub(super) fn taking<T>(&mut self, walk: impl FnOnce(&mut Self) -> Walk<T>) -> Walk<T> {
        self.taken = self.taken.saturating_add(1);
        let walked = walk(self)?;
        self.taken = self.taken.saturating_sub(1);
        Ok(walked)
    }
}
