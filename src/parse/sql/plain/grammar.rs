//! Takes a statement's tokens from the front, one piece of grammar at a time.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::parse::sql::spelling::is_word;

/// Types of bounds.
const BOUND_TYPES: &[&str] =
    &["bigint", "date", "int", "integer", "numeric", "smallint", "text", "timestamp", "timestamptz", "uuid"];

/// What is left of a statement. A piece that does not fit takes nothing.
pub(super) struct Grammar<'t> {
    rest: &'t [TokenWithSpan],
}

impl<'t> Grammar<'t> {
    pub(super) fn new(tokens: &'t [TokenWithSpan]) -> Self {
        Self { rest: tokens }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn peek(&self) -> Option<&'t Token> {
        self.rest.first().map(|token| &token.token)
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// All of these words.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let fits = words.len() <= self.rest.len()
            && words.iter().zip(self.rest).all(|(word, token)| is_word(Some(&token.token), word));
        if fits {
            self.skip(words.len());
        }
        fits
    }

    /// One of these words.
    pub(super) fn any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.words(&[word]))
    }

    /// A word, whatever it is.
    pub(super) fn any_word(&mut self) -> bool {
        let fits = matches!(self.peek(), Some(Token::Word(_)));
        if fits {
            self.skip(1);
        }
        fits
    }

    /// A mark.
    fn mark(&mut self, mark: &Token) -> bool {
        let fits = self.peek() == Some(mark);
        if fits {
            self.skip(1);
        }
        fits
    }

    fn ident(&mut self) -> Option<Ident> {
        let first = self.rest.first()?;
        let Token::Word(word) = &first.token else { return None };
        let ident = word.clone().into_ident(first.span);
        self.skip(1);
        Some(ident)
    }

    /// A name, qualified or not. Whether it may be one, whoever resolves it says.
    pub(super) fn name(&mut self) -> Option<ObjectName> {
        let mut idents = vec![self.ident()?];
        while self.mark(&Token::Period) {
            idents.push(self.ident()?);
        }
        Some(ObjectName::from(idents))
    }

    /// Names with commas between them.
    pub(super) fn names(&mut self) -> Option<Vec<ObjectName>> {
        let mut names = vec![self.name()?];
        while self.mark(&Token::Comma) {
            names.push(self.name()?);
        }
        Some(names)
    }

    /// A name that nothing follows.
    pub(super) fn only_name(&mut self) -> Option<Ident> {
        if self.rest.len() == 1 { self.ident() } else { None }
    }

    /// Columns in parentheses; none where nothing opens.
    pub(super) fn columns(&mut self) -> Option<Vec<Ident>> {
        let mut columns = Vec::new();
        if !self.mark(&Token::LParen) {
            return Some(columns);
        }
        loop {
            columns.push(self.ident()?);
            if !self.comma() {
                return self.mark(&Token::RParen).then_some(columns);
            }
        }
    }

    /// What stands in parentheses there, whatever it is.
    pub(super) fn bracketed(&mut self) -> Option<&'t [TokenWithSpan]> {
        self.opens().then_some(())?;
        let mut depth = 0_usize;
        for (at, TokenWithSpan { token, .. }) in self.rest.iter().enumerate() {
            if *token == Token::LParen {
                depth = depth.saturating_add(1);
            } else if *token == Token::RParen {
                depth = depth.checked_sub(1)?;
            }
            if depth == 0 {
                let inside = self.rest.get(1..at).filter(|inside| !inside.is_empty());
                self.skip(at.saturating_add(1));
                return inside;
            }
        }
        None
    }

    /// All there is.
    pub(super) fn rest(&mut self) -> Option<&'t [TokenWithSpan]> {
        let rest = std::mem::take(&mut self.rest);
        Some(rest).filter(|rest| !rest.is_empty())
    }

    /// Roles: CURRENT_USER and the like among them.
    pub(super) fn roles(&mut self) -> Option<()> {
        self.names().map(drop)
    }

    /// A whole number with or without a sign.
    pub(super) fn integer(&mut self) -> bool {
        let signed = matches!(self.peek(), Some(Token::Minus | Token::Plus));
        let number = self.rest.get(usize::from(signed)).map(|token| &token.token);
        let fits =
            matches!(number, Some(Token::Number(digits, false)) if digits.bytes().all(|byte| byte.is_ascii_digit()));
        if fits {
            self.skip(usize::from(signed).saturating_add(1));
        }
        fits
    }

    /// A string.
    pub(super) fn text(&mut self) -> bool {
        let fits = matches!(
            self.peek(),
            Some(Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_))
        );
        if fits {
            self.skip(1);
        }
        fits
    }

    /// A comma.
    pub(super) fn comma(&mut self) -> bool {
        self.mark(&Token::Comma)
    }

    /// Whether a parenthesis opens here.
    pub(super) fn opens(&self) -> bool {
        self.peek() == Some(&Token::LParen)
    }

    /// The value of a setting: words and constants with commas between them.
    pub(super) fn setting(&mut self) -> Option<()> {
        loop {
            (self.any_word() || self.text() || self.number()).then_some(())?;
            if !self.comma() {
                return Some(());
            }
        }
    }

    /// `SET name = value`, `RESET name` and the like: whether they stand there; `None` where they do not fit.
    pub(super) fn sets(&mut self) -> Option<bool> {
        if self.any(&["reset"]) {
            return self.name().map(|_| true);
        }
        if !self.any(&["set"]) {
            return Some(false);
        }
        let is_zone = self.words(&["time", "zone"]);
        if !is_zone {
            self.name()?;
            if self.words(&["from", "current"]) {
                return Some(true);
            }
            (self.any(&["to"]) || self.mark(&Token::Eq)).then_some(())?;
        }
        self.setting().map(|()| true)
    }

    /// Columns of a foreign table: names, types, options, and whether they may be NULL.
    pub(super) fn fields(&mut self) -> Option<()> {
        self.mark(&Token::LParen).then_some(())?;
        if self.mark(&Token::RParen) {
            return Some(());
        }
        loop {
            self.field()?;
            if !self.comma() {
                return self.mark(&Token::RParen).then_some(());
            }
        }
    }

    /// One of them.
    pub(super) fn field(&mut self) -> Option<()> {
        self.ident()?;
        self.data_type()?;
        loop {
            if self.any(&["options"]) {
                self.opens().then_some(())?;
                self.options()?;
            } else if self.any(&["collate"]) {
                self.name()?;
            } else if !(self.words(&["not", "null"]) || self.any(&["null"])) {
                return Some(());
            }
        }
    }

    /// Names in parentheses.
    pub(super) fn listed(&mut self) -> Option<Vec<ObjectName>> {
        self.mark(&Token::LParen).then_some(())?;
        let names = self.names()?;
        self.mark(&Token::RParen).then_some(names)
    }

    /// What a routine takes, in parentheses: names, types and constants. `false` where there are none.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a token that is not listed refuses")]
    pub(super) fn signature(&mut self) -> bool {
        let mut depth = 0_usize;
        for (at, token) in self.rest.iter().enumerate() {
            match &token.token {
                Token::LParen => depth = depth.saturating_add(1),
                Token::RParen => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.skip(at.saturating_add(1));
                        return true;
                    }
                }
                Token::Word(_)
                | Token::Comma
                | Token::Period
                | Token::Eq
                | Token::Mul
                | Token::LBracket
                | Token::RBracket
                | Token::Number(_, false)
                | Token::SingleQuotedString(_)
                    if depth > 0 => {}
                _ => return false,
            }
        }
        false
    }

    /// A type, with its modifiers.
    pub(super) fn data_type(&mut self) -> Option<()> {
        self.name()?;
        while self.any(&["precision", "varying", "with", "without", "time", "zone"]) {}
        self.options()?;
        while self.mark(&Token::LBracket) {
            let _ = self.integer();
            self.mark(&Token::RBracket).then_some(())?;
        }
        if self.any(&["collate"]) {
            self.name()?;
        }
        Some(())
    }

    /// Names with values, with or without a sign between them.
    pub(super) fn settings(&mut self) {
        while self.any_word() || self.number() || self.text() || self.mark(&Token::Eq) {}
    }

    fn number(&mut self) -> bool {
        let fits = matches!(self.peek(), Some(Token::Number(_, false)));
        if fits {
            self.skip(1);
        }
        fits || self.integer()
    }

    /// Options in parentheses, or none: words, constants, and nothing that computes.
    pub(super) fn options(&mut self) -> Option<()> {
        if !self.mark(&Token::LParen) {
            return Some(());
        }
        while !self.mark(&Token::RParen) {
            let piece = self.any_word()
                || self.number()
                || self.text()
                || [Token::Comma, Token::Eq, Token::Period].iter().any(|mark| self.mark(mark));
            piece.then_some(())?;
        }
        Some(())
    }

    /// The bounds of a partition, of constants alone.
    pub(super) fn bounds(&mut self) -> bool {
        if !self.words(&["for", "values"]) {
            return false;
        }
        if self.any(&["in", "with"]) {
            return self.constants();
        }
        self.any(&["from"]) && self.constants() && self.any(&["to"]) && self.constants()
    }

    /// Constants in parentheses, and the words that stand among them in bounds.
    fn constants(&mut self) -> bool {
        if !self.mark(&Token::LParen) {
            return false;
        }
        while !self.mark(&Token::RParen) {
            let piece = self.number()
                || self.text() && self.typed()
                || self.mark(&Token::Comma)
                || self.any(&["null", "true", "false", "minvalue", "maxvalue", "modulus", "remainder"]);
            if !piece {
                return false;
            }
        }
        true
    }

    /// The type that a text is said to be of, if any is: one whose reading is the server's own.
    fn typed(&mut self) -> bool {
        !self.mark(&Token::DoubleColon) || self.any(BOUND_TYPES)
    }

    /// All there is of words, dots and commas.
    pub(super) fn words_and_commas(&mut self) {
        while self.any_word() || self.mark(&Token::Comma) || self.mark(&Token::Period) {}
    }
}
