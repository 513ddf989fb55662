//! A text without its plain data: what every statement of one form has in common, byte for byte.

use super::lexer::{Class, Lexeme};
use super::reading::Encoding;

/// A text in which plain constants are marked and everything else, layout and comments too, is as it was.
/// Only what every reader cuts alike is plain: digits, and `'…'` without quotes or backslashes in it.
#[derive(Debug)]
pub(super) struct Skeleton<'t> {
    /// The text with marks.
    pub form: String,
    /// What the marks stand for, in order, and which token each was.
    pub data: Vec<(usize, &'t str)>,
}

/// The lexer lets control characters pass in strings alone, so that no other part of a text has one of its own.
const WHOLE: char = '\u{1}';
const DECIMAL: char = '\u{2}';
const TEXT: char = '\u{3}';

impl<'t> Skeleton<'t> {
    /// Takes the data out of a text. `None` where what stays has control characters, which marks are.
    pub(super) fn of(text: &'t str, lexemes: &[Lexeme], encoding: Encoding) -> Option<Self> {
        let mut form = String::with_capacity(text.len());
        let mut data = Vec::new();
        let mut copied = 0_usize;
        for (index, lexeme) in lexemes.iter().enumerate() {
            if let Some(mark) = mark(lexeme.class, lexeme.of(text), encoding) {
                form.push_str(text.get(copied..lexeme.start).unwrap_or_default());
                form.push(mark);
                data.push((index, lexeme.of(text)));
                copied = lexeme.end;
            } else if matches!(lexeme.class, Class::Text | Class::Escaped | Class::Dollar)
                && lexeme.of(text).contains([WHOLE, DECIMAL, TEXT])
            {
                return None;
            }
        }
        form.push_str(text.get(copied..).unwrap_or_default());
        Some(Self { form, data })
    }
}

fn mark(class: Class, source: &str, encoding: Encoding) -> Option<char> {
    match class {
        Class::Number if source.bytes().all(|byte| byte.is_ascii_digit()) => Some(WHOLE),
        Class::Number if source.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => Some(DECIMAL),
        Class::Text if is_plain(source, encoding) => Some(TEXT),
        Class::Number
        | Class::Text
        | Class::Word
        | Class::Quoted
        | Class::UnicodeText
        | Class::UnicodeQuoted
        | Class::Escaped
        | Class::National
        | Class::Bits
        | Class::Hex
        | Class::Dollar
        | Class::Parameter
        | Class::Operator
        | Class::Punctuation => None,
    }
}

/// Whether a pattern of LIKE fits every text.
pub(super) fn is_any(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'%')
}

fn is_plain(source: &str, encoding: Encoding) -> bool {
    let body = source.as_bytes().get(1..source.len().saturating_sub(1)).unwrap_or_default();
    // In other encodings what is not ASCII may hide a quote.
    let safe = encoding == Encoding::Safe;
    // `LIKE '%'` says more than other patterns do.
    !std::str::from_utf8(body).is_ok_and(is_any)
        && body.iter().all(|byte| !matches!(byte, b'\'' | b'\\') && (safe || byte.is_ascii()))
}
