//! Roles and rights that sqlparser does not read.

use super::Plain;
use super::grammar::Grammar;
use crate::parse::facts::Effect;

/// Membership in a role, or rights on what is no relation.
pub(super) fn grant(grammar: &mut Grammar<'_>) -> Option<Plain> {
    let command = names_and_object(grammar, "GRANT")?;
    grammar.any(&["to"]).then_some(())?;
    grammar.roles()?;
    if grammar.any(&["with"]) {
        loop {
            grammar.any(&["admin", "grant", "inherit", "set"]).then_some(())?;
            grammar.any(&["option", "true", "false"]).then_some(())?;
            if !grammar.comma() {
                break;
            }
        }
    }
    granted_by(grammar)?;
    Some(Plain::new(command, [Effect::Dcl]))
}

pub(super) fn revoke(grammar: &mut Grammar<'_>) -> Option<Plain> {
    if grammar.any(&["admin", "inherit", "set"]) {
        grammar.words(&["option", "for"]).then_some(())?;
    } else {
        grammar.words(&["grant", "option", "for"]);
    }
    let command = names_and_object(grammar, "REVOKE")?;
    grammar.any(&["from"]).then_some(())?;
    grammar.roles()?;
    granted_by(grammar)?;
    grammar.any(&["cascade", "restrict"]);
    Some(Plain::new(command, [Effect::Dcl]))
}

/// Roles alone; or rights, ON and one of these.
fn names_and_object(grammar: &mut Grammar<'_>, command: &str) -> Option<String> {
    grammar.names()?;
    grammar.any(&["privileges"]);
    if !grammar.any(&["on"]) {
        return Some(format!("{command} ROLE"));
    }
    if ["functions", "procedures", "routines"].iter().any(|all| grammar.words(&["all", all, "in", "schema"])) {
        grammar.names()?;
        return Some(command.to_owned());
    }
    if grammar.any(&["function", "procedure", "routine"]) {
        loop {
            grammar.name()?;
            grammar.signature();
            if !grammar.comma() {
                return Some(command.to_owned());
            }
        }
    }
    if grammar.words(&["large", "object"]) {
        while grammar.integer() && grammar.comma() {}
        return Some(command.to_owned());
    }
    let kinds = [
        ["type"].as_slice(),
        &["domain"],
        &["language"],
        &["tablespace"],
        &["foreign", "data", "wrapper"],
        &["foreign", "server"],
        &["database"],
        &["parameter"],
    ];
    kinds.iter().any(|words| grammar.words(words)).then_some(())?;
    grammar.names()?;
    Some(command.to_owned())
}

fn granted_by(grammar: &mut Grammar<'_>) -> Option<()> {
    if grammar.words(&["granted", "by"]) { grammar.name().map(drop) } else { Some(()) }
}

/// A user or group without a password, which would have to be hidden.
pub(super) fn create(grammar: &mut Grammar<'_>) -> Option<Plain> {
    // USER MAPPING FOR
    if grammar.words(&["mapping", "for"]) {
        return None;
    }
    grammar.name()?;
    grammar.any(&["with"]);
    while !grammar.is_at_end() {
        if grammar.words(&["valid", "until"]) {
            grammar.text().then_some(())?;
        } else if grammar.words(&["connection", "limit"]) || grammar.any(&["sysid"]) {
            grammar.integer().then_some(())?;
        } else if grammar.words(&["in", "role"]) || grammar.words(&["in", "group"]) || grammar.any(MEMBERS) {
            grammar.roles()?;
        } else {
            grammar.any(OPTIONS).then_some(())?;
        }
    }
    Some(Plain::new("CREATE ROLE", [Effect::Dcl]))
}

pub(super) fn drop_group(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    grammar.roles()?;
    Some(Plain::new("DROP ROLE", [Effect::Dcl]))
}

/// Who is in a group.
pub(super) fn alter_group(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    if grammar.words(&["rename", "to"]) {
        grammar.name()?;
    } else {
        grammar.any(&["add", "drop"]).then_some(())?;
        grammar.any(&["user"]).then_some(())?;
        grammar.roles()?;
    }
    Some(Plain::new("ALTER ROLE", [Effect::Dcl]))
}

/// What a role's sessions begin with.
pub(super) fn alter_role(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    if grammar.words(&["in", "database"]) {
        grammar.name()?;
    }
    grammar.sets()?.then(|| Plain::new("ALTER ROLE", [Effect::Dcl, Effect::Settings]))
}

const MEMBERS: &[&str] = &["admin", "role", "user"];

const OPTIONS: &[&str] = &[
    "bypassrls",
    "createdb",
    "createrole",
    "inherit",
    "login",
    "nobypassrls",
    "nocreatedb",
    "nocreaterole",
    "noinherit",
    "nologin",
    "noreplication",
    "nosuperuser",
    "replication",
    "superuser",
];
