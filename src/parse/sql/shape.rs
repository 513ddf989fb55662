//! A statement's shape: its text with constants lifted out as parameters, so that statements which
//! differ only in data are one. A constant that a fact is computed from stays: same shape, same facts.
//! The walk says which ones it consulted; what is known from the tokens alone to matter (limits,
//! positions, typed constants, names given as text, settings) stays whatever it says. TRUE, FALSE
//! and NULL are keywords and stay, too.

use super::builtins::{self, Family};
use super::joined;
use super::lexer::{self, Class, Kind, Lexeme};
use super::literal;
use crate::parse::facts::{Facts, Literal};

/// The shape and what was lifted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    /// One line without comments; lifted constants are `$n`, counting on after the client's own.
    pub normalized: String,
    /// Which tokens were lifted, in order.
    pub lifted: Vec<usize>,
}

/// Which constants are lifted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lift<'a> {
    /// All: nobody computes a fact from this text, or nobody may see its constants.
    All,
    /// None.
    Nothing,
    /// Those that no fact comes from. The first bytes of those that were consulted, sorted.
    Data {
        /// First bytes, in ascending order.
        consulted: &'a [usize],
    },
}

/// Lifts constants out of a text.
pub(super) fn shape(text: &str, lexemes: &[Lexeme], lift: Lift<'_>) -> Shape {
    let kept = match lift {
        Lift::All => Vec::new(),
        Lift::Nothing => vec![true; lexemes.len()],
        Lift::Data { consulted } => keep(text, lexemes, consulted),
    };
    let mut normalized = String::with_capacity(text.len());
    let mut all = Vec::new();
    let mut number = highest_parameter(text, lexemes);
    let mut end = 0_usize;
    let mut after_lifted = false;
    for (index, lexeme) in lexemes.iter().enumerate() {
        let stays = kept.get(index).copied().unwrap_or(false);
        let lifted = !stays && lexeme.is_literal() && literal::value(text, *lexeme).is_some();
        // A quote ends a word where `$` would go on with it.
        let glues = |part: &str| {
            part.bytes().next_back().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte))
        };
        let would_merge = (lifted || after_lifted) && glues(&normalized) && lexeme.class != Class::Punctuation;
        if !normalized.is_empty() && (lexeme.start > end || would_merge && lexeme.class != Class::Operator) {
            normalized.push(' ');
        }
        end = lexeme.end;
        after_lifted = lifted;
        if lifted {
            number = number.saturating_add(1);
            normalized.push('$');
            normalized.push_str(&number.to_string());
            all.push(index);
        } else if matches!(lift, Lift::All) && lexeme.is_literal() {
            // A constant without a value of its own (see `literal`) must not show either.
            normalized.push('?');
        } else {
            normalized.push_str(&joined::without_layout(text, *lexeme));
        }
    }
    Shape { normalized, lifted: all }
}

/// The literals of a text that were lifted out of it, or out of one of its shape.
pub fn literals(text: &str, facts: &Facts) -> Vec<Literal> {
    if facts.lifted.is_empty() {
        return Vec::new();
    }
    // What cannot be cut has nothing that was lifted.
    let lexemes = lexer::lex(text).unwrap_or_default();
    let lifted = facts.lifted.iter().filter_map(|index| lexemes.get(*index));
    lifted.filter_map(|lexeme| literal::literal(text, *lexeme)).collect()
}

/// The highest `$n`; more than PostgreSQL can bind is `u32::MAX`.
pub(super) fn highest_parameter(text: &str, lexemes: &[Lexeme]) -> u32 {
    lexemes
        .iter()
        .filter(|lexeme| lexeme.class == Class::Parameter)
        .map(|lexeme| lexeme.of(text).get(1..).and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX))
        .max()
        .unwrap_or(0)
}

/// For each token whether it stays although it is a constant.
fn keep(text: &str, lexemes: &[Lexeme], consulted: &[usize]) -> Vec<bool> {
    let strings_stay = names_by_text(text, lexemes);
    let mut place = Place::default();
    let mut before: Option<&Lexeme> = None;
    let mut kept = Vec::with_capacity(lexemes.len());
    for (index, lexeme) in lexemes.iter().enumerate() {
        place.enter(text, lexeme, before);
        kept.push(
            lexeme.is_literal()
                && (!place.is_data(lexeme.class)
                    || strings_stay && lexeme.class != Class::Number
                    || is_typed(text, *lexeme, before)
                    || lexeme.class == Class::Number && is_modifier(text, lexemes, index)
                    || is_compared_with_constant(text, lexemes, index)
                    || consulted.binary_search(&lexeme.start).is_ok()),
        );
        before = Some(lexeme);
    }
    kept
}

/// Where in a statement a token stands, as far as that decides whether constants are data there.
#[derive(Default)]
struct Place {
    /// The statement is one whose constants are data, and its verb was seen.
    data: Option<bool>,
    verb: bool,
    depth: usize,
    /// The depth of the LIMIT, ORDER BY… that the token is in.
    counting: Option<usize>,
}

impl Place {
    fn enter(&mut self, text: &str, lexeme: &Lexeme, before: Option<&Lexeme>) {
        let selected = before.is_some_and(|mark| mark.is_mark(text, "."));
        match (lexeme.class, lexeme.of(text)) {
            (Class::Punctuation, ";") => *self = Self::default(),
            (Class::Punctuation, "(" | "[") => self.depth = self.depth.saturating_add(1),
            (Class::Punctuation, ")" | "]") => {
                self.depth = self.depth.saturating_sub(1);
                if self.counting.is_some_and(|depth| self.depth < depth) {
                    self.counting = None;
                }
            }
            (Class::Word, word) if !selected => self.word(&word.to_ascii_lowercase()),
            _ => {}
        }
    }

    fn word(&mut self, word: &str) {
        let data = *self.data.get_or_insert_with(|| LIFTED_STATEMENTS.contains(&word));
        self.verb |= data && VERBS.contains(&word);
        if COUNTING.contains(&word) {
            self.counting = Some(self.depth);
        } else if self.counting == Some(self.depth) && ENDS_COUNTING.contains(&word) {
            self.counting = None;
        }
    }

    fn is_data(&self, class: Class) -> bool {
        self.verb && !(class == Class::Number && self.counting.is_some())
    }
}

/// Whether the statement has functions or types to which a text may be a name: then all texts stay.
fn names_by_text(text: &str, lexemes: &[Lexeme]) -> bool {
    lexemes.iter().any(|lexeme| {
        let name = match lexeme.kind() {
            Kind::Word => lexeme.of(text).to_ascii_lowercase(),
            Kind::Quoted => literal::value(text, *lexeme).map(std::borrow::Cow::into_owned).unwrap_or_default(),
            Kind::Constant | Kind::Parameter | Kind::Operator | Kind::Punctuation => return false,
        };
        REG_TYPES.contains(&name.as_str())
            || builtins::lookup(&name).is_some_and(|builtin| {
                builtin.names_relation
                    || match builtin.family {
                        Family::Plain | Family::HarmlessVolatile | Family::Session | Family::Notify => false,
                        Family::RegArgument
                        | Family::Procedure
                        | Family::Write
                        | Family::File
                        | Family::SetConfig
                        | Family::CurrentSetting => true,
                    }
            })
    })
}

/// Whether a text follows what may be its type's name, as in `DATE '…'` or `INTERVAL '…'`.
fn is_typed(text: &str, lexeme: Lexeme, before: Option<&Lexeme>) -> bool {
    let Some(before) = before else { return false };
    match before.kind() {
        Kind::Quoted => lexeme.class != Class::Number,
        Kind::Word => {
            let word = before.of(text).to_ascii_lowercase();
            lexeme.class != Class::Number && !BEFORE_A_VALUE.contains(&word.as_str())
        }
        // `float(8) '1'`, `numeric(3,2) '1'`.
        Kind::Punctuation => before.is_mark(text, ")") && lexeme.class != Class::Number,
        Kind::Constant | Kind::Parameter | Kind::Operator => false,
    }
}

/// Whether a number belongs to a type, as in `::numeric(10, 2)` or `CAST(a AS bit varying(3))`, or to
/// what is written like one: it is syntax.
fn is_modifier(text: &str, lexemes: &[Lexeme], index: usize) -> bool {
    let mut before = lexemes
        .iter()
        .take(index)
        .rev()
        .take(LONGEST_TYPE)
        .skip_while(|token| token.class == Class::Number || token.is_mark(text, ","));
    let opens = before.next().is_some_and(|token| token.is_mark(text, "(") || token.is_mark(text, "["));
    let cast = before.find(|token| !matches!(token.kind(), Kind::Word | Kind::Quoted) || token.is_word(text, "as"));
    opens && cast.is_some_and(|token| token.is_mark(text, "::") || token.is_word(text, "as"))
}

/// Whether it is one side of a comparison of two constants, as in `1 = 1`.
fn is_compared_with_constant(text: &str, lexemes: &[Lexeme], index: usize) -> bool {
    let at = |index: Option<usize>| index.and_then(|index| lexemes.get(index));
    let compares = |operator: Option<&Lexeme>, other: Option<&Lexeme>| {
        operator.is_some_and(|token| token.class == Class::Operator && COMPARISONS.contains(&token.of(text)))
            && other.is_some_and(|token| token.is_literal() || matches!(token.of(text), "-" | "+"))
    };
    compares(at(index.checked_sub(1)), at(index.checked_sub(2)))
        || compares(at(index.checked_add(1)), at(index.checked_add(2)))
}

/// Tokens from a cast to its last modifier: `::pg_catalog.numeric(10, 2`.
const LONGEST_TYPE: usize = 8;

/// Statements whose constants are data, from their verb on.
const LIFTED_STATEMENTS: &[&str] = &[
    "call", "comment", "declare", "delete", "execute", "explain", "insert", "merge", "notify", "prepare", "select",
    "table", "update", "values", "with",
];

const VERBS: &[&str] = &[
    "call", "comment", "delete", "execute", "insert", "merge", "notify", "select", "table", "update", "values", "with",
];

const COUNTING: &[&str] = &["by", "fetch", "limit", "offset"];

const ENDS_COUNTING: &[&str] = &[
    "except",
    "for",
    "from",
    "having",
    "intersect",
    "range",
    "returning",
    "rows",
    "select",
    "union",
    "where",
    "window",
];

const COMPARISONS: &[&str] = &["<", "<=", "<>", "!=", "=", ">", ">="];

const REG_TYPES: &[&str] = &[
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

/// Keywords that a value may follow and that are no type.
const BEFORE_A_VALUE: &[&str] = &[
    "all",
    "and",
    "as",
    "asymmetric",
    "between",
    "both",
    "by",
    "case",
    "distinct",
    "else",
    "escape",
    "exists",
    "for",
    "from",
    "having",
    "ilike",
    "in",
    "is",
    "leading",
    "like",
    "not",
    "on",
    "or",
    "returning",
    "select",
    "similar",
    "symmetric",
    "then",
    "to",
    "trailing",
    "using",
    "values",
    "when",
    "where",
    "zone",
];

#[cfg(test)]
mod tests;
