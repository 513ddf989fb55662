//! Maintenance of relations, several at a time.

use sqlparser::ast::{Ident, ObjectName};

use super::grammar::Grammar;
use super::{Plain, Read};

/// By what they begin with.
pub(super) const STATEMENTS: &[(&[&str], Read)] = &[
    (&["analyze"], analyze),
    (&["analyse"], analyze),
    (&["vacuum"], vacuum),
    (&["reindex"], reindex),
    (&["cluster"], cluster),
];

fn analyze(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.any(&["verbose"]);
    grammar.options()?;
    if grammar.is_at_end() {
        return Some(Plain::ddl("ANALYZE").wide(true));
    }
    Some(Plain { looks: looked_at(grammar)?, ..Plain::ddl("ANALYZE") })
}

/// Columns are those that it looks at for statistics.
fn vacuum(grammar: &mut Grammar<'_>) -> Option<Plain> {
    if grammar.opens() {
        grammar.options()?;
    } else {
        while grammar.any(&["full", "freeze", "verbose", "analyze", "analyse"]) {}
    }
    if grammar.is_at_end() {
        return Some(Plain::ddl("VACUUM").wide(true));
    }
    let relations = looked_at(grammar)?;
    let changes: Vec<ObjectName> = relations.iter().map(|(name, _)| name.clone()).collect();
    let looks = relations.into_iter().filter(|(_, columns)| !columns.is_empty()).collect();
    Some(Plain { looks, ..Plain::ddl("VACUUM").changing(changes) })
}

/// Relations, each with some of its columns or with all.
fn looked_at(grammar: &mut Grammar<'_>) -> Option<Vec<(ObjectName, Vec<Ident>)>> {
    let mut relations = Vec::new();
    loop {
        grammar.any(&["only"]);
        let name = grammar.name()?;
        relations.push((name, grammar.columns()?));
        if !grammar.comma() {
            return Some(relations);
        }
    }
}

fn reindex(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.options()?;
    let table = grammar.any(&["table"]);
    let whole = !table && grammar.any(&["database", "system"]);
    (table || whole || grammar.any(&["index", "schema"])).then_some(())?;
    grammar.any(&["concurrently"]);
    if whole && grammar.is_at_end() {
        return Some(Plain::ddl("REINDEX").wide(true));
    }
    let name = grammar.name()?;
    Some(Plain::ddl("REINDEX").wide(!table).changing(table.then_some(name)))
}

fn cluster(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.any(&["verbose"]);
    grammar.options()?;
    if grammar.is_at_end() {
        return Some(Plain::ddl("CLUSTER").wide(true));
    }
    let table = grammar.name()?;
    if grammar.any(&["using"]) {
        grammar.name()?;
    }
    Some(Plain::ddl("CLUSTER").changing([table]))
}
