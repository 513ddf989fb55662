//! Takes the text of policy files, gives rules that the engine answers as OPA does (rewritten
//! where it would not) with what each of them reads; refuses what would still differ.

mod ast;
#[cfg(test)]
mod conformance;
mod error;
mod extend;
#[cfg(test)]
mod hostile;
mod lint;
mod names;
#[cfg(test)]
mod oracle;
mod parse;
mod print;
mod reads;
mod rewrite;
mod scan;
mod scope;
mod walk;

pub(super) use ast::Module;
pub(super) use extend::{EXTENSIONS, extend};
pub(super) use lint::{entry_rules, lint};
pub(super) use parse::length_limits;
pub(super) use reads::reads;
pub(super) use rewrite::rewrite;
pub(super) use scan::scan;
