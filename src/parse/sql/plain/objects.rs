//! Definitions that name objects and types, and compute nothing.

use super::grammar::Grammar;
use super::{Plain, Read, SEQUENCE, renamed};
use crate::parse::facts::Effect;

/// By what they begin with.
pub(super) const STATEMENTS: &[(&[&str], Read)] = &[
    (&["create", "database"], create_database),
    (&["create", "sequence"], create_sequence),
    (&["create", "statistics"], create_statistics),
    (&["create", "publication"], create_publication),
    (&["create", "event", "trigger"], create_event_trigger),
    (&["create", "aggregate"], create_aggregate),
    (&["create", "or", "replace", "aggregate"], create_aggregate),
    (&["create", "procedure"], create_procedure),
    (&["create", "or", "replace", "procedure"], create_procedure),
    (&["create", "rule"], create_rule),
    (&["create", "or", "replace", "rule"], create_rule),
    (&["create", "cast"], create_cast),
    (&["drop", "aggregate"], |grammar| drop_routines(grammar, "AGGREGATE")),
    (&["drop", "routine"], |grammar| drop_routines(grammar, "ROUTINE")),
    (&["drop", "cast"], drop_cast),
    (&["comment", "on", "aggregate"], comment),
    (&["comment", "on", "function"], comment),
    (&["comment", "on", "procedure"], comment),
    (&["comment", "on", "routine"], comment),
    (&["alter", "domain"], alter_domain),
    (&["alter", "type"], alter_type),
    (&["alter", "view"], |grammar| alter_view(grammar, "ALTER VIEW")),
    (&["alter", "materialized", "view"], |grammar| alter_view(grammar, "ALTER MATERIALIZED VIEW")),
    (&["alter", "publication"], alter_publication),
    (&["alter", "event", "trigger"], alter_event_trigger),
    (&["alter", "procedure"], |grammar| alter_routine(grammar, "ALTER PROCEDURE")),
    (&["alter", "routine"], |grammar| alter_routine(grammar, "ALTER ROUTINE")),
    (&["alter", "aggregate"], |grammar| alter_routine(grammar, "ALTER AGGREGATE")),
    (&["checkpoint"], |_| Some(Plain::ddl("CHECKPOINT"))),
];

fn create_database(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    grammar.settings();
    Some(Plain::ddl("CREATE DATABASE"))
}

/// One that is not temporary.
fn create_sequence(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "not", "exists"]);
    let sequence = grammar.name()?;
    let plain = Plain::ddl("CREATE SEQUENCE").changing([sequence]);
    while !grammar.is_at_end() {
        if grammar.words(&["owned", "by"]) {
            let mut column = grammar.name()?;
            column.0.pop();
            // NONE has nothing before it.
            return Some(plain.changing((!column.0.is_empty()).then_some(column)));
        }
        let option = grammar.any(&["as"]) && grammar.name().is_some() || grammar.any(SEQUENCE) || grammar.integer();
        option.then_some(())?;
    }
    Some(plain)
}

fn create_statistics(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "not", "exists"]);
    grammar.name()?;
    grammar.options()?;
    grammar.any(&["on"]).then_some(())?;
    grammar.names()?;
    grammar.any(&["from"]).then_some(())?;
    let table = grammar.name()?;
    Some(Plain::ddl("CREATE STATISTICS").changing([table]))
}

fn create_publication(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("CREATE PUBLICATION");
    let plain = if grammar.words(&["for", "all", "tables"]) {
        plain.wide(true)
    } else if grammar.any(&["for"]) {
        published(grammar, plain)?
    } else {
        plain
    };
    if grammar.any(&["with"]) {
        grammar.options()?;
    }
    Some(plain)
}

fn alter_publication(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER PUBLICATION");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    let set = grammar.any(&["set"]);
    (set || grammar.any(&["add", "drop"])).then_some(())?;
    if set && grammar.opens() {
        grammar.options()?;
        return Some(plain);
    }
    published(grammar, plain)
}

/// Tables, each with its columns or not, and schemas. A condition is an expression.
fn published(grammar: &mut Grammar<'_>, mut plain: Plain) -> Option<Plain> {
    let mut tables = false;
    loop {
        if grammar.words(&["tables", "in", "schema"]) {
            tables = false;
            plain.wide = true;
        } else if grammar.any(&["table"]) {
            tables = true;
            grammar.any(&["only"]);
        }
        let name = grammar.name()?;
        if tables {
            plain = plain.changing([name]);
            grammar.options()?;
        }
        if !grammar.comma() {
            return Some(plain);
        }
    }
}

/// What it calls runs when something else happens.
fn create_event_trigger(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    grammar.any(&["on"]).then_some(())?;
    grammar.name()?;
    if grammar.any(&["when"]) {
        loop {
            grammar.name()?;
            grammar.any(&["in"]).then_some(())?;
            grammar.options()?;
            if !grammar.any(&["and"]) {
                break;
            }
        }
    }
    grammar.any(&["execute"]).then_some(())?;
    grammar.any(&["function", "procedure"]).then_some(())?;
    grammar.name()?;
    grammar.signature().then(|| Plain::ddl("CREATE EVENT TRIGGER"))
}

fn alter_event_trigger(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER EVENT TRIGGER");
    if grammar.any(&["disable"]) {
        return Some(plain);
    }
    if grammar.any(&["enable"]) {
        grammar.any(&["replica", "always"]);
        return Some(plain);
    }
    renamed(grammar, plain)
}

fn create_aggregate(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let arguments = grammar.signature();
    // The old spelling has its arguments among the options.
    let _ = grammar.signature();
    arguments.then(|| Plain::ddl("CREATE AGGREGATE"))
}

/// Its body runs when it is called, and its defaults do.
fn create_procedure(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    grammar.signature().then_some(())?;
    while !grammar.is_at_end() {
        if grammar.any(&["as"]) {
            grammar.text().then_some(())?;
            if grammar.comma() {
                grammar.text().then_some(())?;
            }
        } else if grammar.any(&["language"]) {
            (grammar.text() || grammar.any_word()).then_some(())?;
        } else {
            (grammar.words(&["security", "invoker"]) || grammar.words(&["security", "definer"])).then_some(())?;
        }
    }
    Some(Plain::ddl("CREATE PROCEDURE"))
}

/// One that does nothing. The commands of others are statements.
fn create_rule(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    grammar.words(&["as", "on"]).then_some(())?;
    grammar.any(&["select", "insert", "update", "delete"]).then_some(())?;
    grammar.any(&["to"]).then_some(())?;
    let table = grammar.name()?;
    grammar.any(&["do"]).then_some(())?;
    grammar.any(&["also", "instead"]);
    grammar.any(&["nothing"]).then(|| Plain::ddl("CREATE RULE").changing([table]))
}

fn create_cast(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.signature().then_some(())?;
    if grammar.words(&["with", "function"]) {
        grammar.name()?;
        grammar.signature();
    } else {
        (grammar.words(&["without", "function"]) || grammar.words(&["with", "inout"])).then_some(())?;
    }
    let _ = grammar.words(&["as", "assignment"]) || grammar.words(&["as", "implicit"]);
    Some(Plain::ddl("CREATE CAST"))
}

/// With CASCADE whatever uses them goes, too.
fn drop_routines(grammar: &mut Grammar<'_>, kind: &str) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    loop {
        grammar.name()?;
        grammar.signature();
        if !grammar.comma() {
            break;
        }
    }
    let cascade = grammar.any(&["cascade"]);
    let _ = cascade || grammar.any(&["restrict"]);
    Some(Plain::ddl(format!("DROP {kind}")).wide(cascade))
}

fn drop_cast(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    grammar.signature().then_some(())?;
    let cascade = grammar.any(&["cascade"]);
    let _ = cascade || grammar.any(&["restrict"]);
    Some(Plain::ddl("DROP CAST").wide(cascade))
}

fn comment(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    grammar.signature();
    grammar.any(&["is"]).then_some(())?;
    (grammar.any(&["null"]) || grammar.text()).then(|| Plain::ddl("COMMENT"))
}

/// What has columns of that type changes with it, or is looked through.
fn alter_domain(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER DOMAIN");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.words(&["rename", "constraint"]) {
        grammar.name()?;
        grammar.any(&["to"]).then_some(())?;
        grammar.name()?;
        return Some(plain);
    }
    if grammar.words(&["drop", "constraint"]) {
        grammar.words(&["if", "exists"]);
        grammar.name()?;
        grammar.any(&["cascade", "restrict"]);
    } else if grammar.words(&["validate", "constraint"]) {
        grammar.name()?;
    } else {
        let changes = [["drop", "not", "null"].as_slice(), &["set", "not", "null"], &["drop", "default"]];
        changes.iter().any(|words| grammar.words(words)).then_some(())?;
    }
    Some(plain.wide(true))
}

/// The attributes of a composite type: what has columns of it changes, too.
fn alter_type(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER TYPE");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.words(&["rename", "attribute"]) {
        grammar.name()?;
        grammar.any(&["to"]).then_some(())?;
        grammar.name()?;
    } else if grammar.words(&["drop", "attribute"]) {
        grammar.words(&["if", "exists"]);
        grammar.name()?;
    } else {
        let added = grammar.words(&["add", "attribute"]);
        (added || grammar.words(&["alter", "attribute"])).then_some(())?;
        grammar.name()?;
        if !added {
            grammar.words(&["set", "data"]);
            grammar.any(&["type"]).then_some(())?;
        }
        grammar.data_type()?;
    }
    grammar.any(&["cascade", "restrict"]);
    Some(plain.wide(true))
}

fn alter_view(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    let view = grammar.name()?;
    let plain = Plain::ddl(command).changing([view]).telling();
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.any(&["rename"]) {
        grammar.any(&["column"]);
        grammar.name()?;
        grammar.any(&["to"]).then_some(())?;
        grammar.name()?;
    } else if grammar.any(&["alter"]) {
        grammar.any(&["column"]);
        grammar.name()?;
        grammar.words(&["drop", "default"]).then_some(())?;
    } else if grammar.words(&["set", "tablespace"]) || grammar.words(&["cluster", "on"]) {
        grammar.name()?;
    } else {
        (grammar.any(&["set", "reset"]) && grammar.opens()).then_some(())?;
        grammar.options()?;
    }
    Some(plain)
}

fn alter_routine(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    grammar.name()?;
    grammar.signature();
    renamed(grammar, Plain::ddl(command))
}

/// Two-phase commands end a transaction that another session may have begun.
pub(super) fn two_phase(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    grammar.text().then(|| Plain::new(command, [Effect::Procedure, Effect::Transaction]))
}
