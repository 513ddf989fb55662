//! The tree of one statement, from its tokens: sqlparser's, one of our own, or both.

use sqlparser::ast::{Expr, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Word};

use super::spelling::is_word;
use super::walk::Tree;
use super::{brackets, guard, plain, spelling};
use crate::parse::facts::{Unparsed, UnparsedKind};

/// Levels of recursion that sqlparser may use: forty of nesting take up to three each, and the stack
/// under it has room for more.
const RECURSION: usize = 160;

/// Reads one statement.
pub(super) fn read(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Tree, Unparsed> {
    let mut tokens = brackets::folded(tokens);
    if let Some(plain) = plain::read(&tokens) {
        let asks = plain.asks.iter().map(|asked| expression(text, asked.clone())).collect::<Result<_, _>>()?;
        return Ok(Tree::Plain(Box::new(plain), asks));
    }
    tokens = plain::without_silent(tokens);
    let condition = condition_of_copy(&tokens).map(|at| tokens.split_off(at));
    let statement = Box::new(statement(text, spelling::respell(tokens))?);
    match condition {
        None => Ok(Tree::Parsed(statement)),
        Some(mut condition) => {
            // Without WHERE.
            let condition = condition.split_off(condition.len().min(1));
            Ok(Tree::Filtered(statement, Box::new(expression(text, condition)?)))
        }
    }
}

/// Where the WHERE of a COPY FROM stands. That of a COPY of a query stands in parentheses.
fn condition_of_copy(tokens: &[TokenWithSpan]) -> Option<usize> {
    let word = |at: usize, wanted: &str| is_word(tokens.get(at).map(|token| &token.token), wanted);
    if !word(0, "copy") {
        return None;
    }
    let (mut depth, mut from) = (0_usize, false);
    for (at, token) in tokens.iter().enumerate() {
        // Behind a dot any word is a name.
        let begins = at.checked_sub(1).and_then(|at| tokens.get(at)).is_none_or(|dot| dot.token != Token::Period);
        if token.token == Token::LParen {
            depth = depth.saturating_add(1);
        } else if token.token == Token::RParen {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && begins {
            if from && word(at, "where") {
                return Some(at);
            }
            from |= word(at, "from");
        }
    }
    None
}

/// Parses an expression to its very end, as it would stand behind SELECT.
fn expression(text: &str, mut tokens: Vec<TokenWithSpan>) -> Result<Expr, Unparsed> {
    let Some(span) = tokens.first().map(|token| token.span) else {
        return Err(refuse("an expression is missing".to_owned(), UnparsedKind::Unreadable));
    };
    let select = Word { value: "SELECT".to_owned(), quote_style: None, keyword: Keyword::SELECT };
    tokens.insert(0, TokenWithSpan::new(Token::Word(select), span));
    let mut tokens = spelling::respell(tokens);
    let mut parser = parser(tokens.split_off(tokens.len().min(1)));
    let outcome = parser.parse_expr();
    ended(text, &parser, outcome)
}

/// Parses one statement to its very end.
fn statement(text: &str, tokens: Vec<TokenWithSpan>) -> Result<Statement, Unparsed> {
    let mut parser = parser(tokens);
    let outcome = parser.parse_statements();
    let statements = ended(text, &parser, outcome)?;
    match <[Statement; 1]>::try_from(statements) {
        Ok([statement]) => Ok(statement),
        Err(_) => Err(refuse("two statements that are not told apart".to_owned(), UnparsedKind::Unreadable)),
    }
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    const DIALECT: PostgreSqlDialect = PostgreSqlDialect {};
    Parser::new(&DIALECT).with_recursion_limit(RECURSION).with_tokens_with_locations(tokens)
}

fn refuse(reason: String, kind: UnparsedKind) -> Unparsed {
    Unparsed { keyword: String::new(), reason, kind }
}

/// What was parsed, if nothing is left. The parser's own message is not passed on: it quotes the text.
fn ended<T>(text: &str, parser: &Parser<'_>, outcome: Result<T, ParserError>) -> Result<T, Unparsed> {
    let rest = parser.peek_token();
    let byte = |place: Location| guard::Places::new(text).byte(place);
    match outcome {
        Err(ParserError::RecursionLimitExceeded) => {
            Err(refuse("more nesting than can be followed".to_owned(), UnparsedKind::TooComplex))
        }
        Err(ParserError::ParserError(_) | ParserError::TokenizerError(_)) => {
            let place = if rest.token == Token::EOF {
                "at its end".to_owned()
            } else {
                format!("near byte {}", byte(rest.span.start))
            };
            Err(refuse(format!("a statement that is not understood {place}"), UnparsedKind::Unreadable))
        }
        Ok(_) if rest.token != Token::EOF => {
            let reason = format!("a statement that goes on at byte {} after its end", byte(rest.span.start));
            Err(refuse(reason, UnparsedKind::Unreadable))
        }
        Ok(parsed) => Ok(parsed),
    }
}

#[cfg(test)]
mod tests;
