//! Masks woven into statements. Takes a statement's text, what it does, the masks of its decision and the catalog,
//! gives the text in which every masked relation is read through a sub-select that has masked values only, so that
//! results, predicates, ordering, joins, whole rows and errors see nothing else; refuses, with one sentence for the
//! client, what cannot be carried so. With it goes what the server will say of the answer's columns, for every statement
//! under masks: what it does say is held against that.

mod bound;
pub mod cells;
mod copied;
mod edits;
mod foresee;
mod guard;
mod masker;
mod passing;
mod reach;
mod target;
mod views;
mod weave;

pub use copied::Copied;
pub use edits::Woven;
pub use foresee::{By, Later, Rows};
pub use guard::Guard;
pub use reach::calls;
pub use views::{Views, views_of};
pub use weave::{Earlier, guard, guarded, weave, weave_with};
