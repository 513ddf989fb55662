//! What names mean in one database. Takes the rows of its system catalogs as one role sees them, gives a
//! [`Snapshot`] that finds relations, columns, functions and types as PostgreSQL does; refuses, with the place, a
//! database that describes itself wrongly. Plain data: nothing here asks anybody.

mod attached;
mod builder;
mod error;
mod held;
mod keys;
mod powers;
mod questions;
mod reach;
mod row;
mod rows;
mod snapshot;
mod symbols;
mod table;
#[cfg(test)]
mod tests;
mod things;

pub use attached::Events;
pub use builder::Builder;
pub use error::CatalogError;
pub use keys::{Cascade, Cascaded};
pub use powers::Power;
pub use reach::{Reach, Reached};
pub use rows::{
    CastContext, CastMethod, FunctionKind, FunctionVolatility, Occasion, RelationKind, RuleEvent, TypeKind,
};
pub use snapshot::{Before, Server, Snapshot};
pub use table::Table;
pub use things::{Column, Function, Operator, Relation, Rule, Type};
