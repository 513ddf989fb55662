//! What all sessions and databases of a server have in common, and how a database is set up.

use super::grammar::Grammar;
use super::{Plain, Read, renamed};
use crate::parse::facts::Effect;

/// By what they begin with.
pub(super) const STATEMENTS: &[(&[&str], Read)] = &[
    (&["alter", "database"], alter_database),
    (&["alter", "system"], alter_system),
    (&["alter", "tablespace"], alter_tablespace),
    (&["create", "tablespace"], create_tablespace),
    (&["drop", "database"], drop_database),
    (&["security", "label"], security_label),
];

fn drop_database(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    grammar.name()?;
    grammar.any(&["with"]);
    grammar.options()?;
    Some(Plain::ddl("DROP DATABASE"))
}

fn alter_database(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER DATABASE");
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.words(&["refresh", "collation", "version"]) {
        return Some(plain);
    }
    if grammar.words(&["set", "tablespace"]) {
        grammar.name()?;
        return Some(plain);
    }
    if grammar.sets()? {
        return Some(Plain::new("ALTER DATABASE", [Effect::Ddl, Effect::Settings]));
    }
    grammar.any(&["with"]);
    (!grammar.is_at_end()).then_some(())?;
    grammar.settings();
    Some(plain)
}

/// What the server does from then on, whichever setting it is: some of them name files and programs.
fn alter_system(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.sets()?.then(|| Plain::new("ALTER SYSTEM", [Effect::File, Effect::Program, Effect::Settings]))
}

fn create_tablespace(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    if grammar.any(&["owner"]) {
        grammar.name()?;
    }
    (grammar.any(&["location"]) && grammar.text()).then_some(())?;
    if grammar.any(&["with"]) {
        grammar.options()?;
    }
    Some(Plain::new("CREATE TABLESPACE", [Effect::Ddl, Effect::File]))
}

fn alter_tablespace(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    let plain = Plain::ddl("ALTER TABLESPACE");
    if grammar.any(&["set", "reset"]) {
        grammar.options()?;
        return Some(plain);
    }
    renamed(grammar, plain)
}

fn security_label(grammar: &mut Grammar<'_>) -> Option<Plain> {
    if grammar.any(&["for"]) {
        (grammar.text() || grammar.name().is_some()).then_some(())?;
    }
    grammar.any(&["on"]).then_some(())?;
    let labelled = super::commented(grammar)?;
    Some(Plain::new("SECURITY LABEL", [Effect::Dcl]).changing(labelled))
}
