//! Spellings of PostgreSQL that sqlparser does not know, put into ones that it does. Each is replaced
//! only where PostgreSQL's grammar leaves it no other meaning, and by what has the same facts, or more:
//! what is left out here is keywords and constants, never an expression, a relation or a function.

#![expect(clippy::wildcard_enum_match_arm, reason = "a token that no rule names stays, for sqlparser to judge")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::walk::{is_base_type, is_reserved};

mod conflict;
mod constraints;
mod constructors;
mod definitions;
mod grouping;
mod operators;
mod phrases;
mod queries;
mod tables;
mod utility;

/// Stands for the `*` of `(expression).*`: no name of PostgreSQL is empty.
pub(super) const EVERY_FIELD: &str = "";

/// Marks the argument of `VARIADIC expression`: the word is reserved, so no argument is named so.
pub(super) const VARIADIC: &str = "variadic";

/// Puts one statement's tokens into words that sqlparser knows.
pub(super) fn respell(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut tokens = utility::respell(name_global(tokens));
    let first = tokens.iter().find(|token| token.token != Token::LParen);
    if first.is_some_and(|token| is_word(Some(&token.token), "create")) {
        return definitions::respell(tokens);
    }
    if [(0, "alter"), (1, "table")].iter().all(|(at, word)| is_word(tokens.get(*at).map(|one| &one.token), word)) {
        return constraints::respell(tokens, constraints::Within::Alter);
    }
    if !first.is_some_and(|token| STATEMENTS.iter().any(|word| is_word(Some(&token.token), word))) {
        return tokens;
    }
    grouping::respell(&mut tokens);
    spell(tokens)
}

/// The words of queries and expressions.
fn spell(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut speller = Speller {
        tokens: &tokens,
        at: 0,
        spelled: Cow::Borrowed(&[]),
        place: Place::Other,
        changed: BTreeMap::new(),
        targets: 0,
        brackets: 0,
    };
    while speller.at < tokens.len() {
        speller.step();
    }
    let kept = match speller.spelled {
        Cow::Owned(spelled) => return spelled,
        Cow::Borrowed(spelled) => spelled.len(),
    };
    tokens.truncate(kept);
    tokens
}

/// GLOBAL is a name everywhere but before TEMPORARY. sqlparser takes it for the beginning of a join, and forgets it where
/// none follows: an alias would be gone.
fn name_global(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    for at in 0..tokens.len() {
        let next = at.checked_add(1).and_then(|next| tokens.get(next)).map(|token| &token.token);
        let is_keyword = is_word(next, "temp") || is_word(next, "temporary");
        if let Some(token) = tokens.get_mut(at).filter(|token| !is_keyword && is_word(Some(&token.token), "global")) {
            token.token = name("global");
        }
    }
    tokens
}

/// Statements with queries in them.
const STATEMENTS: &[&str] = &[
    "call", "copy", "declare", "delete", "execute", "explain", "insert", "merge", "prepare", "select", "table",
    "update", "values", "with",
];

struct Speller<'t> {
    tokens: &'t [TokenWithSpan],
    at: usize,
    /// As long as nothing was changed, the tokens up to there themselves.
    spelled: Cow<'t, [TokenWithSpan]>,
    place: Place,
    /// What is to be put in the place of tokens further on.
    changed: BTreeMap<usize, Vec<Token>>,
    /// How many targets of ON CONFLICT were looked at.
    targets: usize,
    /// How many brackets with queries in them were looked at.
    brackets: usize,
}

/// Where assignments have their targets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the SET list of an UPDATE.
    Set,
    /// In the list of columns of an INSERT.
    Columns,
    Other,
}

impl Speller<'_> {
    fn step(&mut self) {
        if let Some(tokens) = self.changed.remove(&self.at) {
            return self.put(tokens);
        }
        let Some(token) = self.peek(0) else { return };
        let done = match token {
            // Behind a dot no word begins a grammar of its own.
            Token::Word(word) if word.quote_style.is_none() && self.before(1) == Some(&Token::Period) => {
                let own = SPECIAL.iter().any(|special| word.value.eq_ignore_ascii_case(special));
                let function = word.value.to_ascii_lowercase();
                own && self.peek(1) == Some(&Token::LParen) && self.replace(1, [name(&function)])
            }
            Token::Word(word) if word.quote_style.is_none() && !self.is_selected() => {
                let word = word.value.to_ascii_lowercase();
                self.follow(&word);
                self.word(&word)
            }
            Token::Assignment => self.replace(1, [Token::RArrow]),
            // `(row).*`
            Token::Mul if self.before(1) == Some(&Token::Period) && self.before(2).is_some_and(closes) => {
                self.replace(1, [name(EVERY_FIELD)])
            }
            // `t *` in FROM
            Token::Mul if self.is_inherited() => self.replace(1, []),
            Token::LBracket => self.subscripts(),
            Token::LParen => self.query_of_queries() || self.list_of_queries(),
            // `t.*::text`
            Token::Mul if self.peek(1) == Some(&Token::DoubleColon) => self.whole_row(),
            Token::RParen if self.place == Place::Columns => {
                self.place = Place::Other;
                false
            }
            Token::SingleQuotedString(_) => self.interval_bound(),
            _ => false,
        };
        if !done {
            self.keep(1);
        }
    }

    /// The token that many places on.
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.at.checked_add(ahead).and_then(|at| self.tokens.get(at)).map(|token| &token.token)
    }

    /// The token that many places back.
    fn before(&self, back: usize) -> Option<&Token> {
        self.at.checked_sub(back).and_then(|at| self.tokens.get(at)).map(|token| &token.token)
    }

    fn words(&self, ahead: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(place, word)| is_word(self.peek(ahead.saturating_add(place)), word))
    }

    /// After a dot or AS any word is a name.
    fn is_selected(&self) -> bool {
        self.before(1) == Some(&Token::Period) || is_word(self.before(1), "as")
    }

    fn keep(&mut self, count: usize) {
        let end = self.at.saturating_add(count);
        match &mut self.spelled {
            Cow::Borrowed(spelled) => *spelled = self.tokens.get(..end).unwrap_or(spelled),
            Cow::Owned(spelled) => {
                spelled.extend(self.tokens.get(self.at..end).unwrap_or_default().iter().cloned());
            }
        }
        self.at = end;
    }

    /// Puts other tokens into the place of the next ones; with a count of 0, before them.
    fn replace<const N: usize>(&mut self, count: usize, tokens: [Token; N]) -> bool {
        if let Some(span) = self.tokens.get(self.at).map(|token| token.span) {
            self.spelled.to_mut().extend(tokens.into_iter().map(|token| TokenWithSpan::new(token, span)));
        }
        self.at = self.at.saturating_add(count);
        true
    }

    /// Puts any other tokens into the place of the next one.
    fn put(&mut self, tokens: Vec<Token>) {
        if let Some(span) = self.tokens.get(self.at).map(|token| token.span) {
            self.spelled.to_mut().extend(tokens.into_iter().map(|token| TokenWithSpan::new(token, span)));
        }
        self.at = self.at.saturating_add(1);
    }

    /// Notes where assignments have their targets.
    fn follow(&mut self, word: &str) {
        match word {
            "set" => self.place = Place::Set,
            "where" | "from" | "returning" | "when" | "select" | "values" => self.place = Place::Other,
            "into" => {
                let mut ahead = 1_usize;
                while matches!(self.peek(ahead), Some(Token::Word(_) | Token::Period)) {
                    ahead = ahead.saturating_add(1);
                }
                if self.peek(ahead) == Some(&Token::LParen) {
                    self.place = Place::Columns;
                }
            }
            _ => {}
        }
    }

    fn word(&mut self, word: &str) -> bool {
        match word {
            "variadic" if matches!(self.before(1), Some(Token::LParen | Token::Comma)) => {
                self.keep(1);
                self.replace(0, [Token::RArrow])
            }
            "only" => self.only(),
            "table" => self.table(),
            "exclude" => self.exclude(),
            "of" if is_word(self.before(1), "update") || is_word(self.before(1), "share") => self.locked(),
            "isnull" => self.null_test([keyword("IS", Keyword::IS), keyword("NULL", Keyword::NULL)]),
            "notnull" => self.null_test([
                keyword("IS", Keyword::IS),
                keyword("NOT", Keyword::NOT),
                keyword("NULL", Keyword::NULL),
            ]),
            "collate" => self.collate_after_cast(),
            "operator" => self.compared_with_each(),
            "all" | "any" | "some" if self.asked_of_each() => true,
            "as" => self.column_definitions(),
            "conflict" => self.conflict(),
            "rows" => self.rows_from(),
            "search" | "cycle" => self.recursion(),
            "values" => self.values(),
            "explain" => self.explained(),
            "for" => {
                self.locks_nothing();
                self.phrase(word)
            }
            "using" => self.joined_as(),
            "returning" => self.named_rows(),
            "array" => self.array_type(),
            "on" if self.words(1, &["conflict"]) => self.ends_select(),
            "json_table" | "xmltable" => self.table_function(word),
            word => self.phrase(word) || self.constructed(word),
        }
    }

    fn constructed(&mut self, word: &str) -> bool {
        (CONSTRUCTORS.contains(&word) && self.constructor(word)) || self.typed_constant(word)
    }

    /// `IS NOT` stands before.
    fn is_negated(&self) -> bool {
        is_word(self.before(1), "not") && is_word(self.before(2), "is")
    }

    /// `ONLY t`, `ONLY (t)`: rows of `t`, and of nothing below it.
    fn only(&mut self) -> bool {
        let follows = ["from", "into", "join", "table", "update", "using"];
        let may = follows.iter().any(|word| is_word(self.before(1), word))
            || matches!(self.before(1), Some(Token::Comma | Token::LParen));
        match self.peek(1) {
            Some(Token::Word(_)) if may => self.replace(1, []),
            Some(Token::LParen) if may => {
                let length = self.name(2);
                if length == 0 || self.peek(length.saturating_add(2)) != Some(&Token::RParen) {
                    return false;
                }
                self.replace(2, []);
                self.keep(length);
                self.replace(1, [])
            }
            _ => false,
        }
    }

    /// How many tokens of a name, qualified or not, stand there.
    fn name(&self, ahead: usize) -> usize {
        let mut length = 0_usize;
        while matches!(self.peek(ahead.saturating_add(length)), Some(Token::Word(_))) {
            length = length.saturating_add(1);
            if self.peek(ahead.saturating_add(length)) != Some(&Token::Period) {
                return length;
            }
            length = length.saturating_add(1);
        }
        0
    }

    /// `TABLE t` is `SELECT * FROM t`.
    fn table(&mut self) -> bool {
        let begins = match self.before(1) {
            None | Some(Token::LParen | Token::RParen) => true,
            Some(before) => {
                let follows =
                    ["all", "analyze", "distinct", "except", "explain", "for", "intersect", "union", "verbose"];
                follows.iter().any(|word| is_word(Some(before), word))
            }
        };
        if !begins || !matches!(self.peek(1), Some(Token::Word(_))) {
            return false;
        }
        self.replace(1, [keyword("SELECT", Keyword::SELECT), Token::Mul, keyword("FROM", Keyword::FROM)])
    }

    /// What a window frame leaves out.
    fn exclude(&mut self) -> bool {
        let bound = ["following", "preceding", "row"].iter().any(|word| is_word(self.before(1), word));
        let length = [["current", "row"].as_slice(), &["no", "others"], &["group"], &["ties"]]
            .into_iter()
            .find(|words| self.words(1, words))
            .map_or(0, |words| words.len().saturating_add(1));
        if !bound || length == 0 || self.peek(length) != Some(&Token::RParen) {
            return false;
        }
        self.replace(length, [])
    }

    /// `'1 day'::interval PRECEDING`.
    fn interval_bound(&mut self) -> bool {
        let cast = self.peek(1) == Some(&Token::DoubleColon) && self.words(2, &["interval"]);
        if !cast || !(self.words(3, &["preceding"]) || self.words(3, &["following"])) {
            return false;
        }
        self.keep(1);
        self.replace(2, [])
    }

    /// `FOR UPDATE OF a, b` locks for each.
    fn locked(&mut self) -> bool {
        let Some(strength) = self.before(1).cloned() else { return false };
        self.keep(1);
        self.keep(self.name(0));
        while self.peek(0) == Some(&Token::Comma) && self.name(1) > 0 {
            self.replace(1, [keyword("FOR", Keyword::FOR), strength.clone(), keyword("OF", Keyword::OF)]);
            self.keep(self.name(0));
        }
        true
    }

    /// Whether an operand of an expression ends before.
    fn is_behind_operand(&self) -> bool {
        match self.before(1) {
            Some(Token::Word(word)) => word.quote_style.is_some() || !is_reserved(&word.value.to_ascii_lowercase()),
            Some(token) => closes(token) || is_constant(token),
            None => false,
        }
    }

    fn null_test<const N: usize>(&mut self, tokens: [Token; N]) -> bool {
        if !self.is_behind_operand() || matches!(self.peek(1), Some(Token::LParen | Token::Period)) {
            return false;
        }
        self.replace(1, tokens)
    }

    /// `SET a[1] = …` changes a part of `a`. Only constants are left out.
    fn subscripts(&mut self) -> bool {
        let target = match (self.place, self.spelled.as_ref()) {
            (Place::Set, [.., before, last]) => {
                matches!(before.token, Token::Comma | Token::LParen) && is_name(&last.token)
                    || is_word(Some(&before.token), "set") && is_name(&last.token)
            }
            (Place::Columns, [.., last]) => is_name(&last.token),
            (Place::Set | Place::Columns | Place::Other, _) => false,
        };
        let mut length = 1_usize;
        while self.peek(length).is_some_and(|token| is_constant(token) || matches!(token, Token::Colon | Token::Minus))
        {
            length = length.saturating_add(1);
        }
        if !target || self.peek(length) != Some(&Token::RBracket) {
            return false;
        }
        let length = length.saturating_add(1);
        match self.peek(length) {
            Some(Token::Eq | Token::LBracket | Token::Comma | Token::RParen) => self.replace(length, []),
            _ => false,
        }
    }

    /// `inet '10.0.0.1'` is `'10.0.0.1'::inet`.
    fn typed_constant(&mut self, word: &str) -> bool {
        let constant = matches!(
            self.peek(1),
            Some(Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_))
        );
        let own = is_base_type(word) && !["interval", "time", "timestamp"].contains(&word);
        if !constant || !own || self.before(1) == Some(&Token::DoubleColon) {
            return false;
        }
        let end = self.at.saturating_add(2);
        if let Some([kind, constant]) = self.tokens.get(self.at..end) {
            let spelled = self.spelled.to_mut();
            spelled.push(constant.clone());
            spelled.push(TokenWithSpan::new(Token::DoubleColon, kind.span));
            spelled.push(kind.clone());
        }
        self.at = end;
        true
    }
}

/// Functions that have a grammar of their own, unless their schema is named.
const SPECIAL: &[&str] = &["overlay", "position", "substring", "trim"];

/// Calls with words between their arguments.
const CONSTRUCTORS: &[&str] = &[
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_value",
    "substring",
    "trim",
    "xmlattributes",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
];

/// Whether it is that word, unquoted.
pub(super) fn is_word(token: Option<&Token>, wanted: &str) -> bool {
    matches!(token, Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

fn is_name(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.quote_style.is_some() || !is_reserved(&word.value.to_ascii_lowercase()),
        _ => false,
    }
}

fn closes(token: &Token) -> bool {
    matches!(token, Token::RParen | Token::RBracket)
}

fn is_constant(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::Placeholder(_)
    )
}

fn keyword(word: &str, keyword: Keyword) -> Token {
    Token::Word(Word { value: word.to_owned(), quote_style: None, keyword })
}

fn name(name: &str) -> Token {
    Token::Word(Word { value: name.to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword })
}

#[cfg(test)]
mod tests;
