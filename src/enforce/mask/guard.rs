//! The second line behind weaving: what the server says of an answer's columns must not lead to a masked one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::foresee::Rows;
use crate::decide::Masker;
use crate::wire::postgres::{Column, RowDescription};

/// The columns of each of several answers, in order; `None` where they are not certain.
pub(super) type Answers = Arc<[Option<Arc<[Foreseen]>>]>;

/// What an answer must look like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guard {
    /// Columns that it may not have, by OID.
    masked: Arc<[(u32, Masked)]>,
    /// The columns that it has; `None` where they are not certain.
    foreseen: Option<Arc<[Foreseen]>>,
    /// The same of each of several statements, in order; `None` where there is one.
    each: Option<Answers>,
    /// Fields that are masked on their way back, and how many there are.
    cells: Option<Arc<Cells>>,
}

/// A column as the server will describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Foreseen {
    /// `None` where it is not certain.
    pub(super) name: Option<Box<str>>,
    pub(super) origin: Origin,
}

/// Where a column comes from: OIDs of relations, and attribute numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The catalog does not tell.
    Unknown,
    /// From the one that is here.
    Is(Box<[(u32, i16)]>),
    /// From one of these, or from an expression.
    Among(Box<[(u32, i16)]>),
}

/// What is masked in the rows of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cells {
    /// Fields of a row.
    pub(super) count: usize,
    /// By field, from 0.
    pub(super) maskers: BTreeMap<usize, Masker>,
}

/// Columns of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Masked {
    /// All of them.
    All,
    /// These attribute numbers, in order.
    Some(Box<[i16]>),
}

impl Cells {
    /// The same for later; `None` where there is nothing to mask.
    pub(super) fn kept(self) -> Option<Arc<Self>> {
        (!self.maskers.is_empty()).then(|| Arc::new(self))
    }
}

impl Guard {
    pub(super) fn new(mut masked: Vec<(u32, Masked)>) -> Self {
        masked.sort_unstable_by_key(|(oid, _)| *oid);
        Self { masked: masked.into(), ..Self::default() }
    }

    /// The same where some fields are masked on their way back.
    pub(super) fn but(self, cells: Cells) -> Self {
        Self { cells: cells.kept(), ..self }
    }

    /// The same where so much is masked on its way back of what is run by name.
    pub(super) fn but_of(self, rows: &Rows) -> Self {
        Self { cells: rows.cells.clone(), ..self }
    }

    /// The same where the answer's columns are foreseen.
    pub(super) fn foreseeing(self, columns: Option<Box<[Foreseen]>>) -> Self {
        Self { foreseen: columns.map(Arc::from), ..self }
    }

    /// The same where the columns are foreseen of each of several answers.
    pub(super) fn foreseeing_each(self, each: Option<Answers>) -> Self {
        Self { each, ..self }
    }

    /// The same where nothing else is foreseen, and the columns of the answers are these, in order.
    pub(super) fn expecting(self, rows: &[Option<Rows>]) -> Self {
        let rows = |at: usize| rows.get(at)?.as_ref().map(|rows| Arc::clone(&rows.columns));
        let known = |(at, foreseen): (usize, &Option<_>)| foreseen.clone().or_else(|| rows(at));
        match &self.each {
            Some(each) => Self { each: Some(each.iter().enumerate().map(known).collect()), ..self },
            None => Self { foreseen: self.foreseen.clone().or_else(|| rows(0)), ..self },
        }
    }

    /// What is foreseen of an answer, counted from 0.
    fn foreseen(&self, at: usize) -> Result<Option<&[Foreseen]>, String> {
        match &self.each {
            None => Ok(self.foreseen.as_deref()),
            Some(each) => match each.get(at) {
                Some(foreseen) => Ok(foreseen.as_deref()),
                None => Err(format!("there are more answers than the {} statements that were read", each.len())),
            },
        }
    }

    /// Fields that are to be masked on their way back, and with what.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &Masker)> {
        let maskers = self.cells.iter().flat_map(|cells| cells.maskers.iter());
        maskers.map(|(field, masker)| (*field, masker))
    }

    /// Whether the columns of an answer that is alone are foreseen.
    pub fn foresees(&self) -> bool {
        self.foreseen.is_some()
    }

    /// Whether an answer without rows is one that was foreseen.
    ///
    /// # Errors
    /// Columns were foreseen.
    pub fn admits_nothing(&self) -> Result<(), String> {
        match self.foreseen.as_deref() {
            None | Some([]) => Ok(()),
            Some(foreseen) => Err(counted(0, foreseen.len())),
        }
    }

    /// Whether an answer with these columns may reach the client. `at`: which one of a text's, counted from 0.
    ///
    /// # Errors
    /// One of them is taken from a masked column as it is, or is a whole row that has one; or the columns are not those
    /// that were foreseen, or that are masked on their way back.
    pub fn admits(&self, at: usize, description: &RowDescription<'_>) -> Result<(), String> {
        let described = description.columns.len();
        if let Some(cells) = self.cells.as_ref().filter(|cells| cells.count != described) {
            return Err(counted(described, cells.count));
        }
        let passing = |field: &usize| self.cells.as_ref().is_some_and(|cells| cells.maskers.contains_key(field));
        for (field, column) in description.columns.iter().enumerate() {
            let is_masked = self.is_masked(column);
            let name = || String::from_utf8_lossy(column.name);
            if is_masked && (!passing(&field) || column.attribute == 0) {
                return Err(format!("the answer's column `{}` is taken from a masked one as it is", name()));
            }
            if passing(&field) && !is_masked {
                return Err(format!("the answer's column `{}` is not the masked one that was foreseen there", name()));
            }
        }
        let Some(foreseen) = self.foreseen(at)? else { return Ok(()) };
        if foreseen.len() != described {
            return Err(counted(described, foreseen.len()));
        }
        foreseen.iter().zip(&description.columns).try_for_each(|(foreseen, column)| foreseen.admits(column))
    }

    fn is_masked(&self, column: &Column<'_>) -> bool {
        let found = self.masked.binary_search_by_key(&column.relation, |(oid, _)| *oid).ok();
        match found.filter(|_| column.relation != 0).and_then(|at| self.masked.get(at)) {
            None => false,
            Some((_, Masked::All)) => true,
            Some((_, Masked::Some(numbers))) => {
                column.attribute == 0 || numbers.binary_search(&column.attribute).is_ok()
            }
        }
    }
}

impl Foreseen {
    fn admits(&self, column: &Column<'_>) -> Result<(), String> {
        let name = String::from_utf8_lossy(column.name);
        if let Some(foreseen) = self.name.as_deref().filter(|foreseen| **foreseen != *name) {
            return Err(format!("the answer has a column `{name}` where `{foreseen}` was foreseen"));
        }
        let is = |places: &[(u32, i16)]| places.contains(&(column.relation, column.attribute));
        // A whole row has no number.
        let row = |places: &[(u32, i16)]| {
            column.attribute == 0 && places.iter().any(|(relation, _)| *relation == column.relation)
        };
        let comes = match &self.origin {
            Origin::Unknown => true,
            Origin::Is(places) => is(places),
            Origin::Among(places) => column.relation == 0 || is(places) || row(places),
        };
        if comes { Ok(()) } else { Err(format!("the answer's column `{name}` does not come from where was foreseen")) }
    }
}

fn counted(described: usize, foreseen: usize) -> String {
    format!("the answer has {described} columns, where {foreseen} were foreseen")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describes(relation: u32, attribute: i16) -> RowDescription<'static> {
        let column =
            |relation, attribute| Column { name: b"x", relation, attribute, type_oid: 25, modifier: -1, format: 0 };
        RowDescription { columns: vec![column(0, 0), column(relation, attribute)] }
    }

    #[test]
    fn masked_columns_and_whole_rows_of_masked_relations_do_not_pass() {
        let guard = Guard::new(vec![(9, Masked::All), (7, Masked::Some([2, 4].into()))]);
        for (relation, attribute, passes) in
            [(7, 1, true), (7, 2, false), (7, 3, true), (7, 4, false), (7, 0, false), (7, -1, true), (8, 2, true)]
        {
            assert_eq!(guard.admits(0, &describes(relation, attribute)).is_ok(), passes, "{relation}.{attribute}");
        }
        assert!(guard.admits(0, &describes(9, 1)).is_err() && guard.admits(0, &describes(9, 0)).is_err());
        assert!(guard.clone() == guard && guard.admits(0, &describes(0, 0)).is_ok());
    }

    #[test]
    fn an_answer_has_the_columns_that_were_foreseen() {
        let column =
            |name, relation, attribute| Column { name, relation, attribute, type_oid: 25, modifier: -1, format: 0 };
        let named = |name: &str, origin| Foreseen { name: Some(name.into()), origin };
        let foreseen = [
            named("a", Origin::Is([(7, 1)].into())),
            named("b", Origin::Among([(7, 2), (8, 1)].into())),
            Foreseen { name: None, origin: Origin::Unknown },
            named("d", Origin::Among([].into())),
        ];
        let guard = Guard::default().foreseeing(Some(foreseen.into()));
        let right = [column(b"a", 7, 1), column(b"b", 0, 0), column(b"x", 9, 9), column(b"d", 0, 0)];
        let admits = |columns: &[Column<'static>]| guard.admits(0, &RowDescription { columns: columns.to_vec() });
        assert_eq!(admits(&right), Ok(()));
        assert!(admits(&right[..3]).is_err() && guard.admits_nothing().is_err());
        for (field, other) in [
            (0, column(b"a", 0, 0)),
            (0, column(b"a", 7, 2)),
            (0, column(b"b", 7, 1)),
            (1, column(b"b", 7, 1)),
            (1, column(b"b", 9, 0)),
            (3, column(b"d", 7, 1)),
            (3, column(b"e", 0, 0)),
        ] {
            let mut wrong = right.clone();
            wrong[field] = other;
            assert!(admits(&wrong).is_err(), "{field}: {wrong:?}");
        }
        for (field, other) in [(1, column(b"b", 7, 2)), (1, column(b"b", 8, 0)), (2, column(b"", 0, 0))] {
            let mut fine = right.clone();
            fine[field] = other;
            assert_eq!(admits(&fine), Ok(()), "{field}");
        }
        let rows = Rows { columns: [named("d", Origin::Among([].into()))].into(), cells: None };
        let expecting = Guard::default().expecting(&[Some(rows.clone())]);
        assert!(expecting.admits(0, &RowDescription { columns: vec![column(b"d", 0, 0)] }).is_ok());
        assert!(expecting.admits(0, &RowDescription { columns: vec![column(b"e", 0, 0)] }).is_err());
        assert_eq!(guard.clone().expecting(&[Some(rows.clone())]), guard, "what a statement says of itself counts");
        assert!(Guard::default().admits_nothing().is_ok() && Guard::default().admits(0, &describes(9, 1)).is_ok());
    }
}
