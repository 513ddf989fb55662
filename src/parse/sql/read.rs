//! The way from a text to its facts, once: bytes, tokens, budgets, agreement, tree, walk, shape.

use std::borrow::Cow;
use std::cell::Cell;

use super::lexer::{self, Class, Lexeme};
use super::reading::{Encoding, Quoting, Reading};
use super::shape::{self, Lift};
use super::unread::{self, Understood};
use super::walk::{self, Context, Kept, Walked};
use super::{budget, guard, places, tree};
use crate::parse::facts::{Facts, Unparsed, UnparsedKind};

/// A text that was read.
pub(super) struct Read {
    /// What it would do.
    pub facts: Facts,
    /// Whether the session was asked what a name stands for: then the facts are good for it alone.
    pub asked_session: bool,
}

/// Reads a text, whose lexemes may be known already. Needs a big stack.
pub(super) fn read(text: &str, lexemes: Option<&[Lexeme]>, reading: &Reading<'_>) -> Read {
    let asked = Cell::new(false);
    let facts = facts(text, lexemes, reading, &asked);
    Read { facts, asked_session: asked.get() }
}

/// Facts of what is not even text.
pub(super) fn not_utf8(bytes: &[u8], reading: &Reading<'_>) -> Facts {
    let nothing = Understood::Nothing("");
    match budget::bytes(bytes, reading.limits.statement) {
        Err(error) => unread::facts(&nothing, error.to_string(), error.kind()),
        Ok(()) => unreadable(&nothing, "the text is not UTF-8".to_owned()),
    }
}

/// Facts of a text whose reading went wrong in sidegate itself.
pub(super) fn failed(text: &str) -> Facts {
    unreadable(&Understood::Nothing(text), "reading it failed: this is a defect of sidegate's own".to_owned())
}

fn unreadable(understood: &Understood<'_>, reason: String) -> Facts {
    unread::facts(understood, reason, UnparsedKind::Unreadable)
}

fn facts(text: &str, known: Option<&[Lexeme]>, reading: &Reading<'_>, asked: &Cell<bool>) -> Facts {
    let nothing = Understood::Nothing(text);
    if let Err(error) = budget::bytes(text.as_bytes(), reading.limits.statement) {
        return unread::facts(&nothing, error.to_string(), error.kind());
    }
    if reading.encoding != Encoding::Safe && !text.is_ascii() {
        return unreadable(&nothing, "characters outside ASCII in an encoding that may hide quotes".to_owned());
    }
    match known.map_or_else(|| lexer::lex(text).map(Cow::Owned), |known| Ok(Cow::Borrowed(known))) {
        Ok(lexemes) => cut(text, &lexemes, reading, asked),
        Err(error) => unreadable(&nothing, error.to_string()),
    }
}

/// The facts of a text that was cut.
fn cut(text: &str, lexemes: &[Lexeme], reading: &Reading<'_>, asked: &Cell<bool>) -> Facts {
    let (nothing, tokens) = (Understood::Nothing(text), Understood::Tokens(text, lexemes));
    if let Some(at) = ambiguous_backslash(text, lexemes, reading.quoting) {
        // What follows may be cut otherwise, so the tokens are not to be trusted either.
        return unreadable(
            &nothing,
            format!("a backslash in '…' at byte {at} while standard_conforming_strings is off: write E'…'"),
        );
    }
    if let Err(error) = budget::tokens(text, lexemes, reading.limits.tokens) {
        let understood = match error.kind() {
            // Half a million constants, each a parameter and a part of the event, would cost far more than their text.
            UnparsedKind::TooLarge => &nothing,
            UnparsedKind::TooComplex | UnparsedKind::Unreadable => &tokens,
        };
        return unread::facts(understood, error.to_string(), error.kind());
    }
    let Ok(placeholders) = u16::try_from(shape::highest_parameter(text, lexemes)) else {
        return unreadable(&tokens, "a parameter beyond $65535".to_owned());
    };
    match understand(text, lexemes, reading, asked) {
        Ok((walked, empty)) => assemble(text, lexemes, walked, placeholders, empty),
        Err(unparsed) => unread::facts(&tokens, unparsed.reason, unparsed.kind),
    }
}

/// With `standard_conforming_strings` off, a backslash in `'…'` may escape the quote after it.
fn ambiguous_backslash(text: &str, lexemes: &[Lexeme], quoting: Quoting) -> Option<usize> {
    match quoting {
        Quoting::Standard => None,
        Quoting::Backslash => lexemes
            .iter()
            .find(|lexeme| {
                matches!(lexeme.class, Class::Text | Class::National | Class::UnicodeText)
                    && lexeme.of(text).contains('\\')
            })
            .map(|lexeme| lexeme.start),
    }
}

fn understand(
    text: &str,
    lexemes: &[Lexeme],
    reading: &Reading<'_>,
    asked: &Cell<bool>,
) -> Result<(Walked, bool), Unparsed> {
    let refuse = |reason: String| Unparsed { keyword: String::new(), reason, kind: UnparsedKind::Unreadable };
    let parts = guard::agree(text, lexemes).map_err(|error| refuse(error.to_string()))?;
    let statements = parts.into_iter().map(|part| tree::read(text, part)).collect::<Result<Vec<_>, _>>()?;
    let prepared = |name: &str| {
        asked.set(true);
        reading.prepared.get(name).cloned()
    };
    let cursors = |name: &str| {
        asked.set(true);
        reading.cursors.get(name).cloned()
    };
    let context =
        Context { names: &reading.names, read_only: reading.read_only, prepared: &prepared, cursors: &cursors };
    let walked = walk::walk(&statements, &context)?;
    Ok((walked, statements.is_empty()))
}

fn assemble(text: &str, lexemes: &[Lexeme], walked: Walked, placeholders: u16, empty: bool) -> Facts {
    let Walked { facts, kept, references } = walked;
    let sensitive = facts.sensitive || (is_definition(text, lexemes) && unread::names_secrets(text, lexemes));
    let consulted = match kept {
        Kept::All => None,
        Kept::At(places) => Some(guard::bytes(text, places)),
    };
    let lift = match &consulted {
        _ if sensitive => Lift::All,
        None => Lift::Nothing,
        Some(consulted) => Lift::Data { consulted },
    };
    let mut shape = shape::shape(text, lexemes, lift);
    if sensitive {
        shape.lifted.clear();
    }
    Facts {
        fingerprint: unread::fingerprint(&shape.normalized),
        normalized: shape.normalized,
        lifted: shape.lifted,
        sensitive,
        references: places::placed(text, lexemes, references),
        placeholders,
        empty,
        ..facts
    }
}

/// Whether one of the statements defines something, and so may define a way to log in.
fn is_definition(text: &str, lexemes: &[Lexeme]) -> bool {
    let mut first = true;
    lexemes.iter().any(|lexeme| {
        let begins = std::mem::replace(&mut first, lexeme.is_mark(text, ";"));
        begins && ["alter", "create", "security", "set"].iter().any(|word| lexeme.is_word(text, word))
    })
}

#[cfg(test)]
mod tests;
