//! Rows that are elsewhere: foreign servers and what stands for their tables, subscriptions; and words of text search.
//! What comes from there nobody has read, and it may be this database again, by another name.

use super::grammar::Grammar;
use super::{Plain, Read, renamed};
use crate::parse::facts::Effect;

/// By what they begin with.
pub(super) const STATEMENTS: &[(&[&str], Read)] = &[
    (&["create", "foreign", "data", "wrapper"], create_wrapper),
    (&["alter", "foreign", "data", "wrapper"], alter_wrapper),
    (&["alter", "server"], alter_server),
    (&["create", "user", "mapping"], |grammar| user_mapping(grammar, "CREATE USER MAPPING")),
    (&["alter", "user", "mapping"], |grammar| user_mapping(grammar, "ALTER USER MAPPING")),
    (&["drop", "user", "mapping"], |grammar| user_mapping(grammar, "DROP USER MAPPING")),
    (&["create", "foreign", "table"], create_table),
    (&["alter", "foreign", "table"], alter_table),
    (&["import", "foreign", "schema"], import_schema),
    (&["create", "subscription"], create_subscription),
    (&["alter", "subscription"], alter_subscription),
    (&["alter", "text", "search", "configuration"], alter_configuration),
];

fn create_wrapper(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    functions(grammar)?;
    options(grammar)?;
    Some(Plain::ddl("CREATE FOREIGN DATA WRAPPER"))
}

fn alter_wrapper(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER FOREIGN DATA WRAPPER");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    functions(grammar)?;
    options(grammar)?;
    Some(plain.coding())
}

/// What answers for a wrapper.
fn functions(grammar: &mut Grammar<'_>) -> Option<()> {
    loop {
        if grammar.any(&["handler", "validator"]) {
            grammar.name()?;
        } else if !(grammar.words(&["no", "handler"]) || grammar.words(&["no", "validator"])) {
            return Some(());
        }
    }
}

/// `OPTIONS (…)`, or none.
fn options(grammar: &mut Grammar<'_>) -> Option<()> {
    if grammar.any(&["options"]) && grammar.opens() { grammar.options() } else { Some(()) }
}

/// Tables of a server are others' when it is another server.
fn alter_server(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER SERVER");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.any(&["version"]) {
        (grammar.text() || grammar.any(&["null"])).then_some(())?;
    }
    options(grammar)?;
    Some(plain.coding())
}

/// As whom somebody is there.
fn user_mapping(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    let _ = grammar.words(&["if", "not", "exists"]) || grammar.words(&["if", "exists"]);
    grammar.any(&["for"]).then_some(())?;
    grammar.name()?;
    grammar.any(&["server"]).then_some(())?;
    grammar.name()?;
    options(grammar)?;
    let plain = Plain::new(command, [Effect::Dcl, Effect::Ddl]);
    Some(if command.starts_with("DROP") { plain } else { plain.coding() })
}

/// A table of names, types and options alone: what computes is left out here, and refused.
fn create_table(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "not", "exists"]);
    let table = grammar.name()?;
    let mut plain = Plain::ddl("CREATE FOREIGN TABLE").changing([table]);
    if grammar.words(&["partition", "of"]) {
        plain = plain.changing([grammar.name()?]);
        (grammar.any(&["default"]) || grammar.bounds()).then_some(())?;
    } else {
        grammar.fields()?;
        if grammar.any(&["inherits"]) {
            plain = plain.changing(grammar.listed()?);
        }
    }
    grammar.any(&["server"]).then_some(())?;
    grammar.name()?;
    options(grammar)?;
    Some(plain.coding())
}

fn alter_table(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    let table = grammar.name()?;
    let plain = Plain::ddl("ALTER FOREIGN TABLE").changing([table]);
    if let Some(plain) = renamed(grammar, plain.clone().telling()) {
        return Some(plain);
    }
    if grammar.words(&["drop", "column"]) {
        grammar.words(&["if", "exists"]);
        grammar.name()?;
        grammar.any(&["cascade", "restrict"]);
        return Some(plain.telling());
    }
    if grammar.words(&["add", "column"]) {
        grammar.words(&["if", "not", "exists"]);
        grammar.field()?;
        return Some(plain.coding());
    }
    if grammar.any(&["alter"]) {
        grammar.any(&["column"]);
        grammar.name()?;
    }
    (grammar.any(&["options"]) && grammar.opens()).then_some(())?;
    grammar.options()?;
    Some(plain.coding())
}

fn import_schema(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    if grammar.words(&["limit", "to"]) || grammar.any(&["except"]) {
        grammar.opens().then_some(())?;
        grammar.options()?;
    }
    grammar.words(&["from", "server"]).then_some(())?;
    grammar.name()?;
    grammar.any(&["into"]).then_some(())?;
    grammar.name()?;
    options(grammar)?;
    Some(Plain::ddl("IMPORT FOREIGN SCHEMA").coding())
}

/// Rows of another server come into tables that it does not name.
fn subscription() -> Plain {
    Plain::new("SUBSCRIPTION", [Effect::Ddl, Effect::Write]).coding()
}

fn create_subscription(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    (grammar.any(&["connection"]) && grammar.text() && grammar.any(&["publication"])).then_some(())?;
    grammar.names()?;
    if grammar.any(&["with"]) {
        grammar.options()?;
    }
    Some(Plain { command: "CREATE SUBSCRIPTION".to_owned(), ..subscription() })
}

fn alter_subscription(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER SUBSCRIPTION");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.any(&["disable"]) {
        return Some(plain);
    }
    let opens = if grammar.any(&["connection"]) {
        grammar.text().then_some(false)?
    } else if grammar.words(&["refresh", "publication"]) || grammar.words(&["refresh", "sequences"]) {
        grammar.any(&["with"])
    } else if grammar.any(&["skip"]) {
        true
    } else if grammar.any(&["enable"]) {
        false
    } else {
        let set = grammar.any(&["set"]);
        (set || grammar.any(&["add", "drop"])).then_some(())?;
        if grammar.any(&["publication"]) {
            grammar.names()?;
            grammar.any(&["with"])
        } else {
            set.then_some(true)?
        }
    };
    if opens {
        grammar.opens().then_some(())?;
        grammar.options()?;
    }
    Some(Plain { command: "ALTER SUBSCRIPTION".to_owned(), ..subscription() })
}

/// Which dictionaries a configuration asks for which words.
fn alter_configuration(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER TEXT SEARCH CONFIGURATION");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    let drops = grammar.words(&["drop", "mapping"]);
    if drops {
        grammar.words(&["if", "exists"]);
    } else {
        (grammar.words(&["add", "mapping"]) || grammar.words(&["alter", "mapping"])).then_some(())?;
    }
    if grammar.any(&["for"]) {
        grammar.names()?;
    }
    if grammar.any(&["replace"]) {
        grammar.name()?;
    }
    if !drops {
        grammar.any(&["with"]).then_some(())?;
        grammar.names()?;
    }
    Some(plain)
}
