//! Two readers must agree. sqlparser's tokens must begin, end and mean what our own lexer says, and
//! where sqlparser is known to go astray (`sql.md` §2.2) the text is refused before it gets there.

use std::borrow::Cow;
use std::ops::Range;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Word};

use super::body;
use super::joined;
use super::lexer::{Class, Lexeme};
use super::literal;

/// Why two readers do not agree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GuardError {
    #[error("END outside CASE at byte {at}")]
    StrayEnd { at: usize },
    #[error("a keyword where a name is wanted, at byte {at}: quote the name")]
    BareKeyword { at: usize },
    #[error("the text at byte {at} can be cut in two ways")]
    Disagreement { at: usize },
}

/// Cuts the text a second time and gives that cut, one list a statement, each without its `;`;
/// empty statements are left out, and so are bodies of functions, whichever way they are written: they run later.
///
/// # Errors
/// The first place where the two cuts differ.
pub(super) fn agree(text: &str, lexemes: &[Lexeme]) -> Result<Vec<Vec<TokenWithSpan>>, GuardError> {
    refuse_stray_end(text, lexemes)?;
    refuse_bare_keyword(text, lexemes)?;
    let bodies = body::bodies(text, lexemes).map_err(|at| GuardError::Disagreement { at })?;
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| GuardError::Disagreement { at: Places::new(text).byte(error.location) })?;
    let mut tokens = compare(text, lexemes, tokens)?;
    if !bodies.is_empty() {
        let mut places = Places::new(text);
        tokens.retain(|token| {
            let at = places.byte(token.span.start);
            !bodies.iter().any(|body| body.contains(&at))
        });
    }
    Ok(split(tokens))
}

/// sqlparser ends a text at a bare END.
fn refuse_stray_end(text: &str, lexemes: &[Lexeme]) -> Result<(), GuardError> {
    let mut cases = 0_usize;
    let mut before: Option<&Lexeme> = None;
    for lexeme in lexemes {
        let selected = before.is_some_and(|mark| mark.is_mark(text, "."));
        let first = before.is_none_or(|mark| mark.is_mark(text, ";"));
        if lexeme.is_word(text, "case") && !selected {
            cases = cases.saturating_add(1);
        }
        if lexeme.is_word(text, "end") && !selected && !first {
            cases = cases.checked_sub(1).ok_or(GuardError::StrayEnd { at: lexeme.start })?;
        }
        before = Some(lexeme);
    }
    Ok(())
}

/// Since PostgreSQL 14 these may be column labels without AS; sqlparser then takes FROM for an operand,
/// and what follows for its label.
fn refuse_bare_keyword(text: &str, lexemes: &[Lexeme]) -> Result<(), GuardError> {
    const LABELS: &[&str] = &[
        "and", "collate", "ilike", "in", "interval", "is", "like", "not", "or", "overlaps", "regexp", "rlike",
        "similar", "xor",
    ];
    let (mut last_but_one, mut last): (Option<&Lexeme>, Option<&Lexeme>) = (None, None);
    for lexeme in lexemes {
        if let (Some(label), true) = (last, lexeme.is_word(text, "from")) {
            // `x::interval FROM` names a type.
            let is_type = last_but_one.is_some_and(|mark| mark.is_mark(text, "::") || mark.is_mark(text, "."));
            if !is_type && LABELS.iter().any(|word| label.is_word(text, word)) {
                return Err(GuardError::BareKeyword { at: label.start });
            }
        }
        (last_but_one, last) = (last, Some(lexeme));
    }
    Ok(())
}

/// Gives sqlparser's tokens, without layout, if each is one of ours.
fn compare(text: &str, lexemes: &[Lexeme], tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>, GuardError> {
    let mut places = Places::new(text);
    let mut ours = lexemes;
    let mut agreed = Vec::with_capacity(lexemes.len());
    let mut theirs = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    while let Some(token) = theirs.next() {
        let start = places.byte(token.span.start);
        let mut end = places.byte(token.span.end);
        // sqlparser's `&>` takes the next character too; the lexer made sure that it is a space.
        if token.token == Token::AmpersandRightAngleBracket {
            end = end.saturating_sub(1);
        }
        let differs = GuardError::Disagreement { at: start };
        let Some((lexeme, rest)) = ours.split_first() else { return Err(differs) };
        if !joined::is_plain(text, *lexeme) {
            let joined = join(text, *lexeme, (start..end, token), &mut theirs, &mut places).ok_or(differs)?;
            agreed.push(joined);
            ours = rest;
        } else if lexeme.class == Class::Operator && start == lexeme.start && end < lexeme.end {
            // sqlparser knows no such operator.
            agreed.push(join(text, *lexeme, (start..end, token), &mut theirs, &mut places).ok_or(differs)?);
            ours = rest;
        } else if start == lexeme.start && end == lexeme.end && same_meaning(text, *lexeme, &token.token) {
            agreed.push(token);
            ours = rest;
        } else {
            let parts = operators_in(text, ours, start, end).ok_or(differs)?;
            ours = ours.get(parts.len()..).unwrap_or_default();
            agreed.extend(parts.into_iter().map(|part| TokenWithSpan::new(part, token.span)));
        }
    }
    match ours.first() {
        Some(missed) => Err(GuardError::Disagreement { at: missed.start }),
        None => Ok(agreed),
    }
}

/// One token made of those that sqlparser has in the place of ours: each begins and ends where we say that a piece does.
#[expect(clippy::wildcard_enum_match_arm, reason = "a token that is not listed disagrees, which refuses")]
fn join(
    text: &str,
    lexeme: Lexeme,
    first: (Range<usize>, TokenWithSpan),
    theirs: &mut impl Iterator<Item = TokenWithSpan>,
    places: &mut Places<'_>,
) -> Option<TokenWithSpan> {
    let (begins, mut ends) = (first.1.span.start, first.1.span.end);
    let mut parts = vec![first];
    while parts.last().is_some_and(|(part, _)| part.end < lexeme.end) {
        let next = theirs.next()?;
        ends = next.span.end;
        parts.push((places.byte(next.span.start)..places.byte(next.span.end), next));
    }
    let known = match lexeme.class {
        // Letters and digits, or operator characters: nothing can hide there.
        Class::Number | Class::Operator => {
            let mut at = lexeme.start;
            parts.iter().all(|(part, _)| std::mem::replace(&mut at, part.end) == part.start) && at == lexeme.end
        }
        Class::UnicodeText | Class::UnicodeQuoted => is_unicode(text, lexeme, &parts)?,
        _ => joined::pieces(text, lexeme).iter().eq(parts.iter().map(|(part, _)| part)),
    };
    let value = match lexeme.class {
        Class::Operator => Some(Cow::Borrowed(lexeme.of(text))),
        _ => literal::value(text, lexeme),
    };
    let value = value.filter(|_| known)?.into_owned();
    let token = match lexeme.class {
        Class::UnicodeQuoted => Token::Word(Word { value, quote_style: Some('"'), keyword: Keyword::NoKeyword }),
        Class::Number => Token::Number(value, false),
        Class::Operator => Token::CustomBinaryOperator(value),
        Class::Bits => Token::SingleQuotedByteStringLiteral(value),
        Class::Hex => Token::HexStringLiteral(value),
        Class::Escaped => Token::EscapedStringLiteral(value),
        Class::Text | Class::UnicodeText => Token::SingleQuotedString(value),
        _ => return None,
    };
    Some(TokenWithSpan::new(token, Span::new(begins, ends)))
}

/// Whether sqlparser has a U& constant, or `U`, `&` and a quoted name, and behind it nothing but UESCAPE and a string.
#[expect(clippy::wildcard_enum_match_arm, reason = "a token that is not listed disagrees, which refuses")]
fn is_unicode(text: &str, lexeme: Lexeme, parts: &[(Range<usize>, TokenWithSpan)]) -> Option<bool> {
    let piece = joined::pieces(text, lexeme).into_iter().next()?;
    let is_name = lexeme.class == Class::UnicodeQuoted;
    let (prefix, rest) = parts.split_at_checked(if is_name { 2 } else { 0 })?;
    let mut begins = piece.start;
    for (part, _) in prefix {
        if *part != (begins..begins.checked_add(1)?) {
            return None;
        }
        begins = part.end;
    }
    let ((body, quoted), rest) = rest.split_first()?;
    let is_quoted = match &quoted.token {
        Token::UnicodeStringLiteral(_) => !is_name,
        Token::Word(word) => is_name && word.quote_style == Some('"'),
        _ => false,
    };
    let escapes = match rest {
        [] => piece.end == lexeme.end,
        [(_, uescape), (character, escape)] => {
            matches!(&uescape.token, Token::Word(word) if word.value.eq_ignore_ascii_case("uescape"))
                && matches!(escape.token, Token::SingleQuotedString(_))
                && *character == (lexeme.end.checked_sub(3)?..lexeme.end)
        }
        _ => false,
    };
    Some(is_quoted && *body == (begins..piece.end) && escapes)
}

/// Our operators between two bytes, cut one by one: sqlparser takes `>=-` for one, where PostgreSQL
/// gives back the sign. There is nothing in it but operator characters, so nothing can hide there.
fn operators_in(text: &str, lexemes: &[Lexeme], start: usize, end: usize) -> Option<Vec<Token>> {
    let mut at = start;
    let mut parts = Vec::new();
    for lexeme in lexemes {
        if at == end {
            break;
        }
        if lexeme.class != Class::Operator || lexeme.start != at || lexeme.end > end {
            return None;
        }
        let mut part = Tokenizer::new(&PostgreSqlDialect {}, lexeme.of(text)).tokenize().ok()?.into_iter();
        match (part.next(), part.next()) {
            (Some(token), None) if same_meaning(text, *lexeme, &token) => parts.push(token),
            _ => return None,
        }
        at = lexeme.end;
    }
    (at == end).then_some(parts)
}

/// Whether both readers take the token for the same class and, where it has one, the same value.
fn same_meaning(text: &str, lexeme: Lexeme, token: &Token) -> bool {
    let value = |wanted: &str| literal::value(text, lexeme).is_some_and(|value| value == wanted);
    match (lexeme.class, token) {
        (Class::Word, Token::Word(word)) => {
            // To sqlparser `ſelect` is a keyword, and `claß` another one.
            let own = word.keyword == Keyword::NoKeyword || word.value.is_ascii();
            word.quote_style.is_none() && word.value == lexeme.of(text) && own
        }
        (Class::Quoted, Token::Word(word)) => word.quote_style == Some('"') && value(&word.value),
        (Class::Text, Token::SingleQuotedString(theirs))
        | (Class::Escaped, Token::EscapedStringLiteral(theirs))
        | (Class::National, Token::NationalStringLiteral(theirs))
        | (Class::Bits, Token::SingleQuotedByteStringLiteral(theirs))
        | (Class::Hex, Token::HexStringLiteral(theirs)) => value(theirs),
        (Class::Dollar, Token::DollarQuotedString(theirs)) => value(&theirs.value),
        (Class::Number, Token::Number(theirs, long)) => !long && theirs == lexeme.of(text),
        (Class::Parameter, Token::Placeholder(theirs)) => theirs == lexeme.of(text),
        (Class::Operator, Token::Neq) => matches!(lexeme.of(text), "<>" | "!="),
        (Class::Operator, token) => operator(token) == Some(lexeme.of(text)),
        (Class::Punctuation, token) => punctuation(token) == Some(lexeme.of(text)),
        _ => false,
    }
}

fn punctuation(token: &Token) -> Option<&'static str> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a token that is not listed disagrees, which refuses")]
    Some(match token {
        Token::LParen => "(",
        Token::RParen => ")",
        Token::LBracket => "[",
        Token::RBracket => "]",
        Token::Comma => ",",
        Token::SemiColon => ";",
        Token::Period => ".",
        Token::Colon => ":",
        Token::DoubleColon => "::",
        Token::Assignment => ":=",
        _ => return None,
    })
}

fn operator(token: &Token) -> Option<&str> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a token that is not listed disagrees, which refuses")]
    Some(match token {
        Token::Eq => "=",
        Token::Lt => "<",
        Token::Gt => ">",
        Token::LtEq => "<=",
        Token::Spaceship => "<=>",
        Token::GtEq => ">=",
        Token::Plus => "+",
        Token::Minus => "-",
        Token::Mul => "*",
        Token::Div => "/",
        Token::Mod => "%",
        Token::StringConcat => "||",
        Token::Ampersand => "&",
        Token::Pipe => "|",
        Token::Caret => "^",
        Token::RArrow => "=>",
        Token::Sharp => "#",
        Token::DoubleSharp => "##",
        Token::Tilde => "~",
        Token::TildeAsterisk => "~*",
        Token::ExclamationMarkTilde => "!~",
        Token::ExclamationMarkTildeAsterisk => "!~*",
        Token::DoubleTilde => "~~",
        Token::DoubleTildeAsterisk => "~~*",
        Token::ExclamationMarkDoubleTilde => "!~~",
        Token::ExclamationMarkDoubleTildeAsterisk => "!~~*",
        other => return long_operator(other),
    })
}

/// Those of bits, geometry, ranges, JSON and text search.
fn long_operator(token: &Token) -> Option<&str> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a token that is not listed disagrees, which refuses")]
    Some(match token {
        Token::ShiftLeft => "<<",
        Token::ShiftRight => ">>",
        Token::Overlap => "&&",
        Token::AtSign => "@",
        Token::CaretAt => "^@",
        Token::PGSquareRoot => "|/",
        Token::PGCubeRoot => "||/",
        Token::Arrow => "->",
        Token::LongArrow => "->>",
        Token::HashArrow => "#>",
        Token::AtDashAt => "@-@",
        Token::QuestionMarkDash => "?-",
        Token::AmpersandLeftAngleBracket => "&<",
        Token::AmpersandRightAngleBracket => "&>",
        Token::AmpersandLeftAngleBracketVerticalBar => "&<|",
        Token::VerticalBarAmpersandRightAngleBracket => "|&>",
        Token::TwoWayArrow => "<->",
        Token::LeftAngleBracketCaret => "<^",
        Token::RightAngleBracketCaret => ">^",
        Token::QuestionMarkSharp => "?#",
        Token::QuestionMarkDashVerticalBar => "?-|",
        Token::QuestionMarkDoubleVerticalBar => "?||",
        Token::TildeEqual => "~=",
        Token::ShiftLeftVerticalBar => "<<|",
        Token::VerticalBarShiftRight => "|>>",
        Token::HashLongArrow => "#>>",
        Token::AtArrow => "@>",
        Token::ArrowAt => "<@",
        Token::HashMinus => "#-",
        Token::AtQuestion => "@?",
        Token::AtAt => "@@",
        Token::DoubleExclamationMark => "!!",
        Token::Question => "?",
        Token::QuestionAnd => "?&",
        Token::QuestionPipe => "?|",
        Token::CustomBinaryOperator(text) => text,
        _ => return None,
    })
}

/// One list a statement: a parser that sees one statement at a time cannot swallow the next.
fn split(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut statements = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    for token in tokens {
        if token.token == Token::SemiColon {
            statements.push(std::mem::take(&mut current));
        } else if !matches!(token.token, Token::Whitespace(_)) {
            // Layout means nothing to the parser but in the data of a COPY, which is not ours to read.
            current.push(token);
        }
    }
    statements.push(current);
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// Bytes of places given as line and column, asked for in order.
#[derive(Clone)]
pub(super) struct Places<'t> {
    rest: std::str::Chars<'t>,
    length: usize,
    line: u64,
    column: u64,
}

impl<'t> Places<'t> {
    /// Begins at the start of the text.
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text.chars(), length: text.len(), line: 1, column: 1 }
    }

    /// The byte at a place that is not before the last one asked for; the text's end if it is past it.
    pub(super) fn byte(&mut self, place: Location) -> usize {
        while (self.line, self.column) < (place.line, place.column) {
            match self.rest.next() {
                Some('\n') => {
                    self.line = self.line.saturating_add(1);
                    self.column = 1;
                }
                Some(_) => self.column = self.column.saturating_add(1),
                None => break,
            }
        }
        self.length.saturating_sub(self.rest.as_str().len())
    }
}

/// The bytes of places that sqlparser gave, ascending.
pub(super) fn bytes(text: &str, mut places: Vec<Location>) -> Vec<usize> {
    places.sort_unstable_by_key(|place| (place.line, place.column));
    let mut walk = Places::new(text);
    places.into_iter().map(|place| walk.byte(place)).collect()
}

#[cfg(test)]
mod tests;
