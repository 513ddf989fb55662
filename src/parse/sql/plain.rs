//! Statements without an expression in them that sqlparser does not have in its tree, or not whole: cursors
//! that move, deferred constraints, maintenance, names and owners of objects. Each is read to its last
//! token, by a grammar that is PostgreSQL's or narrower; what does not fit is left for sqlparser to judge.

mod actions;
mod elsewhere;
mod grammar;
mod maintenance;
mod objects;
mod rights;
mod server;

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::TokenWithSpan;

pub(super) use self::actions::without_silent;
use self::grammar::Grammar;
use crate::parse::facts::Effect;

/// What such a statement does.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plain {
    /// PostgreSQL's command tag.
    pub command: String,
    /// Its effects, but for what a cursor's query does.
    pub effects: Vec<Effect>,
    /// Relations whose rows or definition change.
    pub changes: Vec<ObjectName>,
    /// Names that relations get by it, where these and `changes` are all that mean something else afterwards; of ALTER
    /// SCHEMA the schema's names.
    pub gives: Option<Vec<ObjectName>>,
    /// Relations that it does not name change as well.
    pub wide: bool,
    /// The cursor that it reads from.
    pub cursor: Option<Ident>,
    /// Relations whose rows it looks at, and at which columns of them if it says so.
    pub looks: Vec<(ObjectName, Vec<Ident>)>,
    /// Expressions over what changes, each as its tokens.
    pub asks: Vec<Vec<TokenWithSpan>>,
    /// It leaves code behind that is not read, and that runs when something else happens.
    pub code: bool,
}

/// Reads one statement's tokens.
pub(super) fn read(tokens: &[TokenWithSpan]) -> Option<Plain> {
    [objects::STATEMENTS, server::STATEMENTS, elsewhere::STATEMENTS, maintenance::STATEMENTS, STATEMENTS]
        .into_iter()
        .find_map(|statements| of(statements, tokens))
}

/// One of these statements.
fn of(statements: &[(&[&str], Read)], tokens: &[TokenWithSpan]) -> Option<Plain> {
    let mut grammar = Grammar::new(tokens);
    let command = statements.iter().find(|(words, _)| grammar.words(words)).map(|(_, read)| read)?;
    let plain = command(&mut grammar)?;
    grammar.is_at_end().then_some(plain)
}

type Read = fn(&mut Grammar<'_>) -> Option<Plain>;

/// By what they begin with.
const STATEMENTS: &[(&[&str], Read)] = &[
    (&["fetch"], |grammar| cursor(grammar, "FETCH")),
    (&["move"], |grammar| cursor(grammar, "MOVE")),
    (&["set", "constraints"], set_constraints),
    (&["refresh", "materialized", "view"], refresh),
    (&["comment", "on"], comment),
    (&["drop", "index", "concurrently"], |grammar| drop_objects(grammar, "INDEX", false)),
    (&["drop", "owned", "by"], drop_owned),
    (&["reassign", "owned", "by"], reassign_owned),
    (&["drop", "rule"], drop_rule),
    (&["drop", "group"], rights::drop_group),
    (&["drop"], drop_other),
    (&["alter", "default", "privileges"], default_privileges),
    (&["alter", "extension"], alter_extension),
    (&["alter", "table"], actions::alter_table),
    (&["alter", "index"], alter_index),
    (&["alter", "sequence"], alter_sequence),
    (&["alter", "group"], rights::alter_group),
    (&["alter", "role"], rights::alter_role),
    (&["alter", "user"], rights::alter_role),
    (&["alter", "large", "object"], alter_large_object),
    (&["alter", "materialized", "view"], actions::alter_materialized_view),
    (&["alter"], alter_other),
    (&["grant"], rights::grant),
    (&["revoke"], rights::revoke),
    (&["create", "user"], rights::create),
    (&["create", "group"], rights::create),
    (&["prepare", "transaction"], |grammar| objects::two_phase(grammar, "PREPARE TRANSACTION")),
    (&["commit", "prepared"], |grammar| objects::two_phase(grammar, "COMMIT PREPARED")),
    (&["rollback", "prepared"], |grammar| objects::two_phase(grammar, "ROLLBACK PREPARED")),
];

impl Plain {
    fn new(command: impl Into<String>, effects: impl Into<Vec<Effect>>) -> Self {
        Self {
            command: command.into(),
            effects: effects.into(),
            changes: Vec::new(),
            gives: None,
            wide: false,
            cursor: None,
            looks: Vec::new(),
            asks: Vec::new(),
            code: false,
        }
    }

    fn ddl(command: impl Into<String>) -> Self {
        Self::new(command, [Effect::Ddl])
    }

    fn wide(mut self, wide: bool) -> Self {
        self.wide = wide;
        self
    }

    /// Nothing else means something else afterwards.
    fn telling(self) -> Self {
        Self { gives: Some(Vec::new()), ..self }
    }

    /// It lets something happen that nobody has read.
    fn coding(mut self) -> Self {
        self.effects.push(Effect::Procedure);
        Self { wide: true, code: true, ..self }
    }

    fn asking(mut self, expression: Option<&[TokenWithSpan]>) -> Self {
        self.asks.extend(expression.map(<[TokenWithSpan]>::to_vec));
        self
    }

    fn changing(mut self, names: impl IntoIterator<Item = ObjectName>) -> Self {
        self.changes.extend(names);
        self
    }
}

/// FETCH and MOVE run the cursor's query alike.
fn cursor(grammar: &mut Grammar<'_>, command: &str) -> Option<Plain> {
    let read = |cursor| Plain { cursor: Some(cursor), ..Plain::new(command, [Effect::Read]) };
    // A direction's word alone is a cursor's name.
    if let Some(name) = grammar.only_name() {
        return Some(read(name));
    }
    if grammar.any(&["absolute", "relative"]) {
        grammar.integer().then_some(())?;
    } else if grammar.any(&["forward", "backward"]) {
        let _ = grammar.any(&["all"]) || grammar.integer();
    } else {
        let _ = grammar.any(&["next", "prior", "first", "last", "all"]) || grammar.integer();
    }
    let _ = grammar.any(&["from", "in"]);
    grammar.only_name().map(read)
}

/// What it lets run at once would run at COMMIT.
fn set_constraints(grammar: &mut Grammar<'_>) -> Option<Plain> {
    if !grammar.any(&["all"]) {
        grammar.names()?;
    }
    grammar.any(&["deferred", "immediate"]).then(|| Plain::new("SET CONSTRAINTS", [Effect::Transaction]))
}

fn refresh(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.any(&["concurrently"]);
    let view = grammar.name()?;
    let _ = grammar.words(&["with", "data"]) || grammar.words(&["with", "no", "data"]);
    Some(Plain::new("REFRESH MATERIALIZED VIEW", [Effect::Ddl, Effect::Write]).changing([view]))
}

fn comment(grammar: &mut Grammar<'_>) -> Option<Plain> {
    commented(grammar).map(|changed| Plain::ddl("COMMENT").changing(changed))
}

/// An object, IS and a text; the relation if it is one or is part of one.
fn commented(grammar: &mut Grammar<'_>) -> Option<Option<ObjectName>> {
    let on_table = grammar.any(&["constraint", "trigger", "rule", "policy"]);
    let changed = if on_table {
        grammar.name()?;
        grammar.any(&["on"]).then_some(())?;
        let domain = grammar.any(&["domain"]);
        let name = grammar.name()?;
        (!domain).then_some(name)
    } else if grammar.any(&["column"]) {
        let mut name = grammar.name()?;
        name.0.pop();
        (!name.0.is_empty()).then_some(())?;
        Some(name)
    } else if grammar.any(&["aggregate", "function", "procedure", "routine"]) {
        grammar.name()?;
        grammar.signature();
        None
    } else if grammar.any(&["cast"]) {
        grammar.signature().then_some(None)?
    } else if grammar.words(&["large", "object"]) {
        grammar.integer().then_some(None)?
    } else if grammar.any(&["role"]) {
        grammar.name().map(|_| None)?
    } else {
        let kind = kind(grammar)?;
        let name = grammar.name()?;
        kind.relation.then_some(name)
    };
    grammar.any(&["is"]).then_some(())?;
    (grammar.any(&["null"]) || grammar.text()).then_some(changed)
}

/// Names behind DROP and how.
fn drop_objects(grammar: &mut Grammar<'_>, kind: &str, relation: bool) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    let names = grammar.names()?;
    let cascade = grammar.any(&["cascade"]);
    let _ = cascade || grammar.any(&["restrict"]);
    Some(Plain::ddl(format!("DROP {kind}")).wide(cascade && !relation).changing(names.into_iter().filter(|_| relation)))
}

fn drop_other(grammar: &mut Grammar<'_>) -> Option<Plain> {
    let kind = kind(grammar)?;
    // The others sqlparser reads.
    DROPPED.contains(&kind.tag).then_some(())?;
    drop_objects(grammar, kind.tag, kind.relation)
}

fn drop_rule(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    grammar.name()?;
    grammar.any(&["on"]).then_some(())?;
    let table = grammar.name()?;
    grammar.any(&["cascade", "restrict"]);
    Some(Plain::ddl("DROP RULE").changing([table]))
}

fn drop_owned(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.roles()?;
    grammar.any(&["cascade", "restrict"]);
    Some(Plain::new("DROP OWNED", [Effect::Dcl, Effect::Ddl]).wide(true))
}

fn reassign_owned(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.roles()?;
    grammar.any(&["to"]).then_some(())?;
    grammar.roles()?;
    Some(Plain::new("REASSIGN OWNED", [Effect::Dcl, Effect::Ddl]).wide(true))
}

fn default_privileges(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words_and_commas();
    Some(Plain::new("ALTER DEFAULT PRIVILEGES", [Effect::Dcl]))
}

fn alter_extension(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    if grammar.words(&["set", "schema"]) {
        grammar.name()?;
    } else if grammar.any(&["add", "drop"]) {
        // What belongs to it goes when it goes.
        if grammar.any(&["aggregate", "function", "procedure", "routine"]) {
            grammar.name()?;
            grammar.signature();
        } else {
            kind(grammar)?;
            grammar.name()?;
        }
        return Some(Plain::ddl("ALTER EXTENSION").wide(true));
    } else {
        grammar.any(&["update"]).then_some(())?;
        if grammar.any(&["to"]) {
            (grammar.text() || grammar.name().is_some()).then_some(())?;
        }
    }
    // An extension's script runs, whatever is in it.
    Some(Plain::new("ALTER EXTENSION", [Effect::Ddl, Effect::Procedure]).wide(true))
}

fn alter_index(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    let index = grammar.name()?;
    let plain = Plain::ddl("ALTER INDEX").changing([index]).telling();
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.words(&["set", "tablespace"]) || grammar.words(&["attach", "partition"]) {
        grammar.name()?;
    } else if grammar.any(&["set", "reset"]) {
        grammar.options()?;
    } else if grammar.any(&["no", "depends"]) {
        depends_on_extension(grammar)?;
    } else {
        grammar.any(&["alter"]).then_some(())?;
        grammar.any(&["column"]);
        (grammar.integer() && grammar.words(&["set", "statistics"]) && grammar.integer()).then_some(())?;
    }
    Some(plain)
}

/// With which extension it goes. The first word was taken.
fn depends_on_extension(grammar: &mut Grammar<'_>) -> Option<()> {
    grammar.any(&["depends"]);
    grammar.words(&["on", "extension"]).then_some(())?;
    grammar.name().map(drop)
}

fn alter_sequence(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    let sequence = grammar.name()?;
    let plain = Plain::ddl("ALTER SEQUENCE").changing([sequence]).telling();
    if let Some(plain) = renamed(grammar, plain.clone()) {
        return Some(plain);
    }
    if grammar.words(&["set", "logged"]) || grammar.words(&["set", "unlogged"]) {
        return Some(plain);
    }
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

fn alter_large_object(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.integer().then_some(())?;
    grammar.words(&["owner", "to"]).then_some(())?;
    grammar.name()?;
    Some(Plain::new("ALTER LARGE OBJECT", [Effect::Dcl, Effect::Ddl]))
}

fn alter_other(grammar: &mut Grammar<'_>) -> Option<Plain> {
    let kind = kind(grammar)?;
    grammar.words(&["if", "exists"]);
    let name = grammar.name()?;
    if kind.tag == "SCHEMA" {
        let plain = Plain { gives: Some(vec![name]), ..Plain::ddl("ALTER SCHEMA").wide(true) };
        return renamed(grammar, plain);
    }
    let relation = kind.relation || kind.tag == "INDEX";
    let plain = Plain::ddl(format!("ALTER {}", kind.tag)).changing(relation.then_some(name));
    renamed(grammar, if relation { plain.telling() } else { plain })
}

/// RENAME TO, OWNER TO, SET SCHEMA.
fn renamed(grammar: &mut Grammar<'_>, mut plain: Plain) -> Option<Plain> {
    if grammar.words(&["owner", "to"]) {
        plain.effects.push(Effect::Dcl);
    } else if grammar.words(&["set", "schema"]) {
        let schema = grammar.name()?;
        return Some(moved(plain, &schema));
    } else {
        grammar.words(&["rename", "to"]).then_some(())?;
        let mut name = grammar.name()?;
        if let (Some(gives), []) = (&mut plain.gives, plain.changes.as_slice()) {
            gives.push(name);
        } else if let (Some(gives), [one]) = (&mut plain.gives, plain.changes.as_slice()) {
            // It stays in its schema.
            name.0.splice(0..0, one.0.iter().rev().skip(1).rev().cloned());
            gives.push(name);
        }
        return Some(plain);
    }
    grammar.name().map(|_| plain)
}

/// Its relation is in that schema afterwards.
fn moved(mut plain: Plain, schema: &ObjectName) -> Plain {
    if let (Some(gives), [one]) = (&mut plain.gives, plain.changes.as_slice()) {
        let name = one.0.last().into_iter();
        gives.push(ObjectName(schema.0.iter().chain(name).cloned().collect()));
    }
    plain
}

/// A kind of object that has a plain name.
#[derive(Clone, Copy)]
struct Kind {
    words: &'static [&'static str],
    tag: &'static str,
    relation: bool,
}

fn kind(grammar: &mut Grammar<'_>) -> Option<Kind> {
    KINDS.iter().find(|kind| grammar.words(kind.words)).copied()
}

const fn object(words: &'static [&'static str], tag: &'static str) -> Kind {
    Kind { words, tag, relation: false }
}

const fn relation(words: &'static [&'static str], tag: &'static str) -> Kind {
    Kind { words, tag, relation: true }
}

const KINDS: &[Kind] = &[
    relation(&["foreign", "table"], "FOREIGN TABLE"),
    relation(&["materialized", "view"], "MATERIALIZED VIEW"),
    relation(&["sequence"], "SEQUENCE"),
    relation(&["table"], "TABLE"),
    relation(&["view"], "VIEW"),
    object(&["access", "method"], "ACCESS METHOD"),
    object(&["collation"], "COLLATION"),
    object(&["conversion"], "CONVERSION"),
    object(&["database"], "DATABASE"),
    object(&["domain"], "DOMAIN"),
    object(&["event", "trigger"], "EVENT TRIGGER"),
    object(&["extension"], "EXTENSION"),
    object(&["foreign", "data", "wrapper"], "FOREIGN DATA WRAPPER"),
    object(&["index"], "INDEX"),
    object(&["language"], "LANGUAGE"),
    object(&["procedural", "language"], "LANGUAGE"),
    object(&["publication"], "PUBLICATION"),
    object(&["schema"], "SCHEMA"),
    object(&["server"], "SERVER"),
    object(&["statistics"], "STATISTICS"),
    object(&["subscription"], "SUBSCRIPTION"),
    object(&["tablespace"], "TABLESPACE"),
    object(&["text", "search", "configuration"], "TEXT SEARCH CONFIGURATION"),
    object(&["text", "search", "dictionary"], "TEXT SEARCH DICTIONARY"),
    object(&["text", "search", "parser"], "TEXT SEARCH PARSER"),
    object(&["text", "search", "template"], "TEXT SEARCH TEMPLATE"),
    object(&["type"], "TYPE"),
];

/// Kinds that sqlparser has no DROP for.
const DROPPED: &[&str] = &[
    "ACCESS METHOD",
    "CONVERSION",
    "DOMAIN",
    "EVENT TRIGGER",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "LANGUAGE",
    "PUBLICATION",
    "SERVER",
    "STATISTICS",
    "SUBSCRIPTION",
    "TABLESPACE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
];

/// What options of a sequence are made of, beside numbers.
const SEQUENCE: &[&str] =
    &["by", "cache", "cycle", "increment", "maxvalue", "minvalue", "no", "restart", "start", "with"];

#[cfg(test)]
mod tests;
