//! Definitions that name objects and types, and compute nothing.

use super::grammar::Grammar;
use super::{Plain, Read, SEQUENCE, depends_on_extension, renamed};
use crate::parse::facts::Effect;

/// By what they begin with.
pub(super) const STATEMENTS: &[(&[&str], Read)] = &[
    (&["create", "database"], create_database),
    (&["create", "sequence"], create_sequence),
    (&["create", "unlogged", "sequence"], create_sequence),
    (&["create", "language"], create_language),
    (&["create", "or", "replace", "language"], create_language),
    (&["create", "procedural", "language"], create_language),
    (&["create", "trusted", "language"], create_language),
    (&["create", "trusted", "procedural", "language"], create_language),
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
    (&["alter", "domain"], alter_domain),
    (&["alter", "rule"], |grammar| alter_attached(grammar, "ALTER RULE")),
    (&["alter", "statistics"], alter_statistics),
    (&["alter", "trigger"], |grammar| alter_attached(grammar, "ALTER TRIGGER")),
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

/// Functions that run code of its own.
fn create_language(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    while grammar.any(&["handler", "inline", "validator"]) {
        grammar.name()?;
    }
    Some(Plain::ddl("CREATE LANGUAGE"))
}

fn create_statistics(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "not", "exists"]);
    grammar.name()?;
    grammar.options()?;
    grammar.any(&["on"]).then_some(())?;
    let mut plain = Plain::ddl("CREATE STATISTICS");
    loop {
        if grammar.opens() {
            plain = plain.asking(Some(grammar.bracketed()?));
        } else {
            grammar.name()?;
        }
        if !grammar.comma() {
            break;
        }
    }
    grammar.any(&["from"]).then_some(())?;
    Some(plain.changing([grammar.name()?]))
}

fn alter_statistics(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    grammar.name()?;
    let plain = Plain::ddl("ALTER STATISTICS");
    if grammar.words(&["set", "statistics"]) {
        return (grammar.integer() || grammar.any(&["default"])).then_some(plain);
    }
    renamed(grammar, plain)
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

/// Tables, each with its columns or not and with a condition or not, and schemas.
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
            grammar.columns()?;
            if grammar.any(&["where"]) {
                plain = plain.asking(Some(grammar.bracketed()?));
            }
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
        } else if grammar.any(&["cost"]) {
            grammar.integer().then_some(())?;
        } else if !(security(grammar) || grammar.any(&["volatile", "stable", "immutable"])) {
            grammar.sets()?.then_some(())?;
        }
    }
    Some(Plain::ddl("CREATE PROCEDURE"))
}

/// As whom it runs.
fn security(grammar: &mut Grammar<'_>) -> bool {
    grammar.any(&["external"]);
    grammar.words(&["security", "invoker"]) || grammar.words(&["security", "definer"])
}

/// What others do to the table does this as well, or instead. It is read where it does nothing.
fn create_rule(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    grammar.words(&["as", "on"]).then_some(())?;
    grammar.any(&["select", "insert", "update", "delete"]).then_some(())?;
    grammar.any(&["to"]).then_some(())?;
    let plain = Plain::ddl("CREATE RULE").changing([grammar.name()?]);
    if grammar.any(&["where"]) {
        grammar.rest()?;
        return Some(plain.coding());
    }
    grammar.any(&["do"]).then_some(())?;
    grammar.any(&["also", "instead"]);
    if grammar.any(&["nothing"]) {
        return Some(plain);
    }
    grammar.rest()?;
    Some(plain.coding())
}

/// Another name for what a table has.
fn alter_attached(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    grammar.name()?;
    grammar.any(&["on"]).then_some(())?;
    let plain = Plain::ddl(command).changing([grammar.name()?]).telling();
    if grammar.words(&["rename", "to"]) {
        grammar.name()?;
    } else {
        grammar.any(&["depends", "no"]).then_some(())?;
        depends_on_extension(grammar)?;
    }
    Some(plain)
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
    if grammar.any(&["add"]) {
        return checked(grammar, plain);
    }
    if grammar.words(&["set", "default"]) {
        return Some(plain.wide(true).asking(Some(grammar.rest()?)));
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

/// A condition on a domain's values, those that there are as well.
fn checked(grammar: &mut Grammar<'_>, plain: Plain) -> Option<Plain> {
    if grammar.any(&["constraint"]) {
        grammar.name()?;
    }
    if grammar.words(&["not", "null"]) {
        return Some(plain.wide(true));
    }
    grammar.any(&["check"]).then_some(())?;
    let plain = plain.wide(true).asking(Some(grammar.bracketed()?));
    grammar.words(&["not", "valid"]);
    Some(plain)
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
        grammar.any(&["cascade", "restrict"]);
        return Some(plain.wide(true));
    }
    loop {
        attribute(grammar)?;
        grammar.any(&["cascade", "restrict"]);
        if !grammar.comma() {
            return Some(plain.wide(true));
        }
    }
}

fn attribute(grammar: &mut Grammar<'_>) -> Option<()> {
    if grammar.words(&["drop", "attribute"]) {
        grammar.words(&["if", "exists"]);
        return grammar.name().map(drop);
    }
    let added = grammar.words(&["add", "attribute"]);
    (added || grammar.words(&["alter", "attribute"])).then_some(())?;
    grammar.name()?;
    if !added {
        grammar.words(&["set", "data"]);
        grammar.any(&["type"]).then_some(())?;
    }
    grammar.data_type()
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
        if grammar.words(&["set", "default"]) {
            return Some(plain.asking(Some(grammar.rest()?)));
        }
        grammar.words(&["drop", "default"]).then_some(())?;
    } else if grammar.words(&["set", "tablespace"])
        || grammar.words(&["set", "access", "method"])
        || grammar.words(&["cluster", "on"])
    {
        grammar.name()?;
    } else if grammar.any(&["depends", "no"]) {
        depends_on_extension(grammar)?;
    } else {
        (grammar.any(&["set", "reset"]) && grammar.opens()).then_some(())?;
        grammar.options()?;
    }
    Some(plain)
}

fn alter_routine(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    grammar.name()?;
    grammar.signature();
    let plain = Plain::ddl(command);
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.any(&["depends", "no"]) {
        return depends_on_extension(grammar).map(|()| plain);
    }
    (!grammar.is_at_end()).then_some(())?;
    while !grammar.is_at_end() {
        (security(grammar) || grammar.sets()?).then_some(())?;
    }
    Some(plain)
}

/// Two-phase commands end a transaction that another session may have begun.
pub(super) fn two_phase(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    grammar.text().then(|| Plain::new(command, [Effect::Procedure, Effect::Transaction]))
}
