//! The actions of ALTER TABLE that have no place in sqlparser's tree.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::grammar::Grammar;
use super::{Plain, SEQUENCE, depends_on_extension, moved, renamed};

/// An ALTER TABLE without those of its actions of which there is nothing to tell but that the table is altered, where others
/// tell that as well.
pub(in crate::parse::sql) fn without_silent(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut grammar = Grammar::new(&tokens);
    let table = grammar.words(&["alter", "table"]).then(|| altered(&mut grammar)).flatten();
    let Some(plain) = table else { return tokens };
    let actions = grammar.rest().unwrap_or_default();
    let begin = tokens.len().saturating_sub(actions.len());
    let silent = |action: &[TokenWithSpan]| {
        let mut grammar = Grammar::new(action);
        one_of_many(&mut grammar, plain.clone()).as_ref() == Some(&plain) && grammar.is_at_end()
    };
    let mut depth = 0_usize;
    let actions = actions.split(|token| {
        if matches!(token.token, Token::LParen | Token::LBracket) {
            depth = depth.saturating_add(1);
        } else if matches!(token.token, Token::RParen | Token::RBracket) {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && token.token == Token::Comma
    });
    let told: Vec<&[TokenWithSpan]> = actions.filter(|action| !silent(action)).collect();
    let Some(comma) = told.first().and_then(|action| action.first()).map(|first| first.span) else { return tokens };
    let told = told.join(&TokenWithSpan::new(Token::Comma, comma));
    tokens.truncate(begin);
    tokens.extend(told);
    tokens
}

/// `ALTER TABLE` or the like of one, up to its actions.
fn altered(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.words(&["if", "exists"]);
    grammar.any(&["only"]);
    let table = grammar.name()?;
    Some(Plain::ddl("ALTER TABLE").changing([table]).telling())
}

/// It has fewer actions than a table.
pub(super) fn alter_materialized_view(grammar: &mut Grammar<'_>) -> Option<Plain> {
    let plain = Plain { command: "ALTER MATERIALIZED VIEW".to_owned(), ..altered(grammar)? };
    renamed(grammar, plain.clone()).or_else(|| all_of_many(grammar, plain))
}

pub(super) fn alter_table(grammar: &mut Grammar<'_>) -> Option<Plain> {
    if grammar.words(&["all", "in", "tablespace"]) {
        return alter_all(grammar);
    }
    let plain = altered(grammar)?;
    alone(grammar, &plain).or_else(|| all_of_many(grammar, plain))
}

fn all_of_many(grammar: &mut Grammar<'_>, mut plain: Plain) -> Option<Plain> {
    loop {
        plain = one_of_many(grammar, plain)?;
        if !grammar.comma() {
            return Some(plain);
        }
    }
}

/// Every table that is in one.
fn alter_all(grammar: &mut Grammar<'_>) -> Option<Plain> {
    grammar.name()?;
    if grammar.words(&["owned", "by"]) {
        grammar.roles()?;
    }
    grammar.words(&["set", "tablespace"]).then_some(())?;
    grammar.name()?;
    grammar.any(&["nowait"]);
    Some(Plain::ddl("ALTER TABLE").wide(true))
}

/// Actions that stand by themselves.
fn alone(grammar: &mut Grammar<'_>, plain: &Plain) -> Option<Plain> {
    if grammar.words(&["set", "schema"]) {
        let schema = grammar.name()?;
        return Some(moved(plain.clone(), &schema));
    }
    if grammar.words(&["attach", "partition"]) {
        let partition = grammar.name()?;
        (grammar.any(&["default"]) || grammar.bounds()).then_some(())?;
        return Some(plain.clone().changing([partition]));
    }
    if grammar.words(&["detach", "partition"]) {
        let partition = grammar.name()?;
        grammar.any(&["concurrently", "finalize"]);
        return Some(plain.clone().changing([partition]));
    }
    None
}

fn one_of_many(grammar: &mut Grammar<'_>, plain: Plain) -> Option<Plain> {
    if grammar.words(&["alter", "constraint"]) {
        return constraint(grammar).map(|()| plain);
    }
    if grammar.any(&["alter"]) {
        grammar.any(&["column"]);
        grammar.name()?;
        return column(grammar, plain);
    }
    if grammar.any(&["inherit"]) || grammar.words(&["no", "inherit"]) {
        return Some(plain.changing([grammar.name()?]));
    }
    let named = [["set", "tablespace"].as_slice(), &["cluster", "on"], &["set", "access", "method"], &["of"]];
    if named.iter().any(|words| grammar.words(words)) {
        grammar.name()?;
        return Some(plain);
    }
    let unnamed = [["set", "without", "cluster"].as_slice(), &["set", "without", "oids"], &["not", "of"]];
    if unnamed.iter().any(|words| grammar.words(words)) {
        return Some(plain);
    }
    if grammar.any(&["depends", "no"]) {
        depends_on_extension(grammar)?;
        return Some(plain);
    }
    (grammar.any(&["set", "reset"]) && grammar.opens()).then_some(())?;
    grammar.options()?;
    Some(plain)
}

/// When a constraint is looked at, and whether.
fn constraint(grammar: &mut Grammar<'_>) -> Option<()> {
    grammar.name()?;
    let mut changed = false;
    while !grammar.is_at_end() {
        let one = grammar.any(&["deferrable", "enforced", "inherit"])
            || grammar.words(&["not", "deferrable"])
            || grammar.words(&["not", "enforced"])
            || grammar.words(&["no", "inherit"])
            || grammar.words(&["initially", "deferred"])
            || grammar.words(&["initially", "immediate"]);
        if !one {
            break;
        }
        changed = true;
    }
    changed.then_some(())
}

/// What a column is made of and how it is kept.
fn column(grammar: &mut Grammar<'_>, plain: Plain) -> Option<Plain> {
    if grammar.words(&["set", "expression", "as"]) {
        return Some(plain.asking(Some(grammar.bracketed()?)));
    }
    if grammar.words(&["add", "generated"]) {
        (grammar.any(&["always"]) || grammar.words(&["by", "default"])).then_some(())?;
        grammar.words(&["as", "identity"]).then_some(())?;
        grammar.options()?;
        return Some(plain);
    }
    if grammar.words(&["set", "statistics"]) {
        return (grammar.integer() || grammar.any(&["default"])).then_some(plain);
    }
    if grammar.words(&["set", "storage"]) || grammar.words(&["set", "compression"]) {
        return grammar.any_word().then_some(plain);
    }
    if grammar.words(&["drop", "expression"]) || grammar.words(&["drop", "identity"]) {
        grammar.words(&["if", "exists"]);
        return Some(plain);
    }
    let mut numbered = false;
    while numbers(grammar)? {
        numbered = true;
    }
    if numbered {
        return Some(plain);
    }
    (grammar.any(&["set", "reset"]) && grammar.opens()).then_some(())?;
    grammar.options()?;
    Some(plain)
}

/// One of the things that a column of GENERATED … AS IDENTITY may be told; `None` where it is not whole.
fn numbers(grammar: &mut Grammar<'_>) -> Option<bool> {
    if grammar.words(&["set", "generated"]) {
        return (grammar.any(&["always"]) || grammar.words(&["by", "default"])).then_some(true);
    }
    let begins = grammar.any(&["restart"]) || SEQUENCE.iter().any(|word| grammar.words(&["set", word]));
    if !begins {
        return Some(false);
    }
    while grammar.any(SEQUENCE_VALUES) || grammar.integer() {}
    Some(true)
}

/// Words between an option of a sequence and its number.
const SEQUENCE_VALUES: &[&str] = &["by", "cache", "cycle", "increment", "maxvalue", "minvalue", "start", "with"];
