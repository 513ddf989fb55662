//! A text's tokens, for who changes the text between them.

use std::borrow::Cow;
use std::ops::Range;

use super::lexer::{self, Kind, Lexeme};
use super::literal;
use super::walk::folded;

/// A text and its tokens, without comments and white space.
#[derive(Clone, Debug)]
pub struct Tokens<'t> {
    text: &'t str,
    lexemes: Vec<Lexeme>,
    names: Vec<Option<Cow<'t, str>>>,
}

/// Cuts a text as facts were computed from; `None` where it cannot be cut.
pub fn tokens(text: &str) -> Option<Tokens<'_>> {
    let lexemes = lexer::lex(text).ok()?;
    let names = lexemes.iter().map(|lexeme| name(text, lexeme)).collect();
    Some(Tokens { text, lexemes, names })
}

/// The name or keyword that a token is, folded and cut.
pub(super) fn name<'t>(text: &'t str, lexeme: &Lexeme) -> Option<Cow<'t, str>> {
    let (name, quoted) = match lexeme.kind() {
        Kind::Word => (Cow::Borrowed(lexeme.of(text)), false),
        Kind::Quoted => (literal::value(text, *lexeme)?, true),
        Kind::Constant | Kind::Parameter | Kind::Operator | Kind::Punctuation => return None,
    };
    // Most are folded and short.
    let is_folded = quoted || !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if is_folded && name.len() <= SHORT { name } else { folded(&name, quoted).into() })
}

/// Bytes of a name that PostgreSQL surely does not cut.
const SHORT: usize = 60;

impl Tokens<'_> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.lexemes.len()
    }

    /// A token's bytes.
    pub fn range(&self, at: usize) -> Option<Range<usize>> {
        self.lexemes.get(at).map(Lexeme::range)
    }

    /// The bytes from the first of some tokens to the last, with what is between them.
    pub fn span(&self, tokens: &Range<usize>) -> Option<Range<usize>> {
        let last = tokens.end.checked_sub(1).filter(|last| *last >= tokens.start)?;
        Some(self.range(tokens.start)?.start..self.range(last)?.end)
    }

    /// Whether it is that keyword, unquoted, in whatever case.
    pub fn is_word(&self, at: usize, word: &str) -> bool {
        self.lexemes.get(at).is_some_and(|lexeme| lexeme.is_word(self.text, word))
    }

    /// Whether it is that punctuation or operator.
    pub fn is_mark(&self, at: usize, mark: &str) -> bool {
        self.lexemes.get(at).is_some_and(|lexeme| match lexeme.kind() {
            Kind::Punctuation | Kind::Operator => lexeme.of(self.text) == mark,
            Kind::Word | Kind::Quoted | Kind::Constant | Kind::Parameter => false,
        })
    }

    /// Whether it is a constant or a parameter.
    pub fn is_value(&self, at: usize) -> bool {
        self.lexemes.get(at).is_some_and(|lexeme| match lexeme.kind() {
            Kind::Constant | Kind::Parameter => true,
            Kind::Word | Kind::Quoted | Kind::Operator | Kind::Punctuation => false,
        })
    }

    /// The name or keyword that it is, folded and cut as PostgreSQL does; `None` for anything else.
    pub fn name(&self, at: usize) -> Option<&str> {
        self.names.get(at)?.as_deref()
    }
}
