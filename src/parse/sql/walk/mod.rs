//! Placeholder of the walk over syntax trees.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast::Statement;
use sqlparser::tokenizer::Location;

use super::reading::Names;
use crate::parse::facts::{
    Aftermath, ColumnFacts, Effect, Facts, FunctionFacts, RelationFacts, SettingFacts, StatementFacts, Unparsed,
};

pub(super) struct Context<'a> {
    pub names: &'a Names,
    pub prepared: &'a dyn Fn(&str) -> Option<Vec<Arc<Facts>>>,
    pub cursors: &'a dyn Fn(&str) -> Option<Vec<Arc<Facts>>>,
}

#[derive(Default)]
pub(super) struct Walked {
    pub effects: BTreeSet<Effect>,
    pub statements: Vec<StatementFacts>,
    pub relations: Vec<RelationFacts>,
    pub columns: Vec<ColumnFacts>,
    pub functions: Vec<FunctionFacts>,
    pub settings: Vec<SettingFacts>,
    pub unknown: BTreeSet<&'static str>,
    pub aftermath: Aftermath,
    pub sensitive: bool,
    pub kept: Kept,
}

pub(super) enum Kept {
    All,
    At(Vec<Location>),
}

pub(super) fn walk(_statements: &[Statement], _context: &Context<'_>) -> Result<Walked, Unparsed> {
    Ok(Walked::default())
}

impl Default for Kept {
    fn default() -> Self {
        Self::At(Vec::new())
    }
}
