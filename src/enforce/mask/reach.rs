//! What a statement may read that no mask reaches: functions that run what nobody has read, and catalogs that hold values.

use std::collections::BTreeMap;

use super::weave::is_own;
use crate::catalog::{Function, FunctionVolatility, Snapshot};
use crate::decide::{Masks, relation_name};
use crate::parse::{Access, CalledBy, Facts, FunctionFacts, RelationFacts};

/// The catalog by which masks are bound, where all that this takes is known; `None` where none can bind.
pub(super) fn bindable<'a>(
    facts: &Facts,
    masks: &Masks,
    catalog: Option<&'a Snapshot>,
) -> Result<Option<&'a Snapshot>, String> {
    if masks.values().all(BTreeMap::is_empty) {
        return Ok(None);
    }
    if facts.unparsed.is_some() {
        return Err("masks cannot be put into a statement that could not be read".to_owned());
    }
    calls(facts, catalog)?;
    makes_code_run(facts, catalog)?;
    if only_drops(facts) {
        return Ok(None);
    }
    if facts.unknown.contains("sql.relations") {
        return Err("it is not known which relations this statement touches, and some have masked columns".to_owned());
    }
    if facts
        .relations
        .iter()
        .all(|relation| relation.schema.as_deref().is_some_and(is_own) && !is_named(masks, relation))
    {
        return statistics(facts).map(|()| None);
    }
    let Some(catalog) = catalog.filter(|_| !facts.outdated) else {
        return Err("the database's catalog is not known just now, and masks need it".to_owned());
    };
    statistics(facts).map(|()| Some(catalog))
}

/// Whether policy masks the relation by its own name.
fn is_named(masks: &Masks, relation: &RelationFacts) -> bool {
    masks.keys().any(|table| {
        // What cannot be read may be it.
        relation_name(table).map_or(true, |named| {
            Some(named.schema.as_str()) == relation.schema.as_deref() && named.name == relation.name
        })
    })
}

/// What goes with these by CASCADE nobody has said, and it shows nothing as it goes.
const DROPS: [&str; 4] = ["DROP DOMAIN", "DROP EXTENSION", "DROP SCHEMA", "DROP TYPE"];

/// Whether it is alone, and one of those.
fn only_drops(facts: &Facts) -> bool {
    matches!(facts.statements.as_slice(), [only] if DROPS.contains(&only.command.as_str()))
}

/// Functions that read what no mask reaches.
///
/// # Errors
/// One sentence for the client: which of them the statement calls.
pub fn calls(facts: &Facts, catalog: Option<&Snapshot>) -> Result<(), String> {
    let shows = |name: &str| {
        name.contains("_to_xml")
            || name.starts_with("pg_read_")
            || name.starts_with("pg_logical_")
            || ["lo_import", "ts_rewrite", "ts_stat"].contains(&name)
    };
    // Compiled, so that a superuser brought it, and nothing but a value comes of it.
    let computes = |function: &Function<'_>| {
        let value = function.volatility() != FunctionVolatility::Volatile || function.makes_values();
        let compiled = matches!(function.language(), "c" | "internal");
        compiled && value && !function.returns().1 && !function.is_security_definer() && !function.is_checked()
    };
    // Anybody makes an aggregate of functions that are there, PostgreSQL's own among them.
    let part = |part: &Function<'_>| if part.is_own() { !shows(part.name()) } else { computes(part) };
    let parts = |function: &Function<'_>| function.parts().all(|one| one.as_ref().is_some_and(part));
    let harmless = |function: &FunctionFacts| {
        let found = catalog.zip(function.schema.as_deref());
        found.is_some_and(|(catalog, schema)| {
            let mut overloads = catalog.functions_in(schema, &function.name).peekable();
            overloads.peek().is_some() && overloads.all(|function| computes(&function) && parts(&function))
        })
    };
    let blind = |function: &&FunctionFacts| {
        // What runs unasked shows its table's owner's values, as the table does.
        if !function.called_by.contains(&CalledBy::Statement) {
            return false;
        }
        if function.builtin { shows(&function.name) } else { !harmless(function) }
    };
    match facts.functions.iter().find(blind) {
        Some(function) => Err(format!("`{}` may read columns that are masked, which no mask reaches", function.id)),
        None => Ok(()),
    }
}

/// Definitions after which code runs unasked: whoever writes it may have it read what is masked.
fn makes_code_run(facts: &Facts, catalog: Option<&Snapshot>) -> Result<(), String> {
    let makes = |command: &str| facts.statements.iter().any(|statement| statement.command == command);
    if makes("CREATE TRIGGER") || makes("CREATE EVENT TRIGGER") {
        return Err("what a trigger runs may read columns that are masked, which no mask reaches".to_owned());
    }
    if !makes("CREATE FUNCTION") {
        return Ok(());
    }
    let Some(catalog) = catalog.filter(|_| !facts.outdated) else {
        return Err(
            "it is not known which functions run by themselves, and what runs may read masked columns".to_owned()
        );
    };
    let replaces =
        |function: &Function<'_>| facts.aftermath.defines.touch_function(&[function.schema()], function.name());
    match catalog.run_unasked().find(replaces) {
        Some(function) => {
            let name = format!("{}.{}", function.schema(), function.name());
            Err(format!("`{name}` runs by itself, and may be made to read columns that are masked"))
        }
        None => Ok(()),
    }
}

/// Catalogs that hold values of columns.
const STATISTICS: [&str; 5] =
    ["pg_statistic", "pg_statistic_ext_data", "pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"];

fn statistics(facts: &Facts) -> Result<(), String> {
    let held = facts.relations.iter().find(|relation| {
        relation.schema.as_deref().is_some_and(is_own)
            && STATISTICS.contains(&relation.name.as_str())
            && relation.access.contains(&Access::Read)
    });
    match held {
        Some(relation) => Err(format!("`{}` holds values of columns that are masked", relation.id)),
        None => Ok(()),
    }
}
