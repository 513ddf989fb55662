//! The second line behind weaving: what the server says of an answer's columns must not lead to a masked one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decide::Masker;
use crate::wire::postgres::RowDescription;

/// Which columns no answer may have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guard {
    /// By OID.
    masked: Arc<[(u32, Masked)]>,
    /// Fields that are masked on their way back, and how many there are.
    cells: Option<Arc<Cells>>,
}

/// What is masked in the rows of an answer.
#[derive(Clone, Debug, PartialEq)]
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

impl Guard {
    pub(super) fn new(mut masked: Vec<(u32, Masked)>) -> Self {
        masked.sort_unstable_by_key(|(oid, _)| *oid);
        Self { masked: masked.into(), cells: None }
    }

    /// The same where some fields are masked on their way back.
    pub(super) fn but(self, cells: Cells) -> Self {
        if cells.maskers.is_empty() { self } else { Self { cells: Some(Arc::new(cells)), ..self } }
    }

    /// Fields that are to be masked on their way back, and with what.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &Masker)> {
        let maskers = self.cells.iter().flat_map(|cells| cells.maskers.iter());
        maskers.map(|(field, masker)| (*field, masker))
    }

    /// Whether an answer with these columns may reach the client.
    ///
    /// # Errors
    /// One of them is taken from a masked column as it is, or is a whole row that has one; or the columns are not those
    /// that are masked on their way back.
    pub fn admits(&self, description: &RowDescription<'_>) -> Result<(), String> {
        if let Some(cells) = self.cells.as_ref().filter(|cells| cells.count != description.columns.len()) {
            let (foreseen, described) = (cells.count, description.columns.len());
            return Err(format!("the answer has {described} columns, of which {foreseen} were foreseen"));
        }
        let passing = |field: &usize| self.cells.as_ref().is_some_and(|cells| cells.maskers.contains_key(field));
        for (field, column) in description.columns.iter().enumerate() {
            let found = self.masked.binary_search_by_key(&column.relation, |(oid, _)| *oid).ok();
            let found = found.filter(|_| column.relation != 0).and_then(|at| self.masked.get(at));
            let is_masked = match found {
                None => false,
                Some((_, Masked::All)) => true,
                Some((_, Masked::Some(numbers))) => {
                    column.attribute == 0 || numbers.binary_search(&column.attribute).is_ok()
                }
            };
            let name = || String::from_utf8_lossy(column.name);
            if is_masked && (!passing(&field) || column.attribute == 0) {
                return Err(format!("the answer's column `{}` is taken from a masked one as it is", name()));
            }
            if passing(&field) && !is_masked {
                return Err(format!("the answer's column `{}` is not the masked one that was foreseen there", name()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::postgres::Column;

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
            assert_eq!(guard.admits(&describes(relation, attribute)).is_ok(), passes, "{relation}.{attribute}");
        }
        assert!(guard.admits(&describes(9, 1)).is_err() && guard.admits(&describes(9, 0)).is_err());
        assert!(guard.clone() == guard && guard.admits(&describes(0, 0)).is_ok());
    }
}
