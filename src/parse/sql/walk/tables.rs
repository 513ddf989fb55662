//! Relations with the columns that a catalog knows of, each made once in a thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::columns::Reference;
use super::outputs::{Output, Outputs};
use super::scope::Table;
use crate::catalog::{Relation, RelationKind};

/// Columns that a thread keeps; past it all are forgotten.
const REMEMBERED: usize = 1024;

/// Tables by the catalog's version, which no other catalog has, and by their OID.
#[derive(Default)]
struct Made {
    tables: HashMap<(u64, u32), Rc<Table>>,
    columns: usize,
}

thread_local! {
    static MADE: RefCell<Made> = RefCell::default();
}

/// The relation of that id.
pub(super) fn of(id: &str, relation: Relation<'_>) -> Rc<Table> {
    let key = (relation.version(), relation.oid());
    MADE.with_borrow_mut(|made| match made.tables.get(&key) {
        Some(table) if *table.id == *id => Rc::clone(table),
        Some(_) | None => {
            let table = Rc::new(make(id, relation));
            let columns = table.outputs.columns.len().saturating_add(1);
            if made.columns.saturating_add(columns) > REMEMBERED {
                *made = Made::default();
            }
            if columns <= REMEMBERED {
                made.columns = made.columns.saturating_add(columns);
                made.tables.insert(key, Rc::clone(&table));
            }
            table
        }
    })
}

fn make(id: &str, relation: Relation<'_>) -> Table {
    let id: Rc<str> = Rc::from(id);
    let column = |name: &str| Output::named(name, Reference::one(Rc::clone(&id), name));
    let columns = relation.columns().map(|one| column(one.name())).collect();
    let stored = !matches!(relation.kind(), RelationKind::View | RelationKind::Composite);
    Table { outputs: Outputs { columns, ..Outputs::default() }, stored, id }
}
