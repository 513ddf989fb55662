//! Tokens that other readers cut in pieces: `'a'` and `'b'` on the next line, `U&"…" UESCAPE '!'`, `1_000`.

use std::borrow::Cow;
use std::ops::Range;

use super::lexer::{Class, Lexeme};

/// Whether a line ends in what stands between two strings, and nothing else is there but comments that end with theirs.
pub(super) fn ends_line(between: &[u8]) -> bool {
    let mut ends = false;
    let mut comment = false;
    let mut rest = between.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\n' | b'\r' => (ends, comment) = (true, false),
            _ if comment => {}
            b' ' | b'\t' | 0x0c => {}
            b'-' if rest.peek() == Some(&b'-') => comment = true,
            _ => return false,
        }
    }
    ends && !comment
}

/// Whether UESCAPE may name it.
pub(super) fn may_escape(character: u8) -> bool {
    character.is_ascii_graphic() && !character.is_ascii_hexdigit() && !matches!(character, b'+' | b'\'' | b'"')
}

/// The bytes of each string in quotes of a token, quotes and prefix and all. One, but of what is continued.
pub(super) fn pieces(text: &str, lexeme: Lexeme) -> Vec<Range<usize>> {
    let source = lexeme.of(text).as_bytes();
    let (quote, prefix) = match lexeme.class {
        Class::Text => (b'\'', 0_usize),
        Class::Escaped | Class::Bits | Class::Hex | Class::National => (b'\'', 1),
        Class::UnicodeText => (b'\'', 2),
        Class::Quoted => (b'"', 0),
        Class::UnicodeQuoted => (b'"', 2),
        Class::Word | Class::Dollar | Class::Number | Class::Parameter | Class::Operator | Class::Punctuation => {
            return std::iter::once(lexeme.range()).collect();
        }
    };
    let byte = |at: usize| source.get(at).copied();
    let mut found = Vec::new();
    let (mut start, mut at) = (0_usize, prefix.saturating_add(1));
    while let Some(here) = byte(at) {
        let next = at.saturating_add(1);
        let doubled = byte(next) == Some(quote);
        match here {
            b'\\' if lexeme.class == Class::Escaped => at = next.saturating_add(1),
            _ if here == quote && doubled => at = next.saturating_add(1),
            _ if here == quote => {
                found.push(lexeme.start.saturating_add(start)..lexeme.start.saturating_add(next));
                if matches!(lexeme.class, Class::UnicodeText | Class::UnicodeQuoted) {
                    break;
                }
                start = following(source, next);
                at = start.saturating_add(1);
            }
            _ => at = next,
        }
    }
    found
}

/// Where behind layout and comments of a line the next string begins.
fn following(source: &[u8], from: usize) -> usize {
    let mut at = from;
    let mut comment = false;
    while let Some(byte) = source.get(at) {
        match byte {
            b'\n' | b'\r' => comment = false,
            b'-' => comment = true,
            b'\'' if !comment => break,
            _ => {}
        }
        at = at.saturating_add(1);
    }
    at
}

/// Whether sqlparser takes it for one token, and for the same.
pub(super) fn is_plain(text: &str, lexeme: Lexeme) -> bool {
    match lexeme.class {
        Class::UnicodeText | Class::UnicodeQuoted => false,
        Class::Number => {
            let source = lexeme.of(text);
            // Of letters a decimal number has the exponent's.
            source.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        }
        Class::Text | Class::Escaped | Class::Bits | Class::Hex => {
            // All that was continued has a line's end in it, and most texts have none.
            !lexeme.of(text).contains(['\n', '\r']) || pieces(text, lexeme).len() == 1
        }
        Class::Word
        | Class::Quoted
        | Class::National
        | Class::Dollar
        | Class::Parameter
        | Class::Operator
        | Class::Punctuation => true,
    }
}

/// The value of a U& constant or name: of its body, what the other readers of quotes left of it.
pub(super) fn unicode(text: &str, lexeme: Lexeme) -> Option<Cow<'static, str>> {
    let is_name = lexeme.class == Class::UnicodeQuoted;
    let (quote, doubled) = if is_name { ("\"", "\"\"") } else { ("'", "''") };
    let piece = pieces(text, lexeme).into_iter().next()?;
    let body = text.get(piece.start.checked_add(3)?..piece.end.checked_sub(1)?)?.replace(doubled, quote);
    // `UESCAPE '!'` ends with the character and a quote.
    let escape =
        if piece.end == lexeme.end { '\\' } else { char::from(*text.as_bytes().get(lexeme.end.checked_sub(2)?)?) };
    unescape(&body, escape).map(Cow::Owned)
}

fn unescape(body: &str, escape: char) -> Option<String> {
    let mut value = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find(escape) {
        value.push_str(rest.get(..at)?);
        rest = rest.get(at.checked_add(1)?..)?;
        if let Some(after) = rest.strip_prefix(escape) {
            value.push(escape);
            rest = after;
            continue;
        }
        let (first, after) = code(rest)?;
        rest = after;
        value.push(match char::from_u32(first) {
            Some('\0') => return None,
            Some(character) => character,
            // The first half of a pair: the second one follows.
            None => {
                let (second, after) = code(rest.strip_prefix(escape)?)?;
                rest = after;
                let halves = [u16::try_from(first).ok()?, u16::try_from(second).ok()?];
                char::decode_utf16(halves).next()?.ok()?
            }
        });
    }
    value.push_str(rest);
    Some(value)
}

/// Four digits, or six behind a plus.
fn code(text: &str) -> Option<(u32, &str)> {
    let (digits, length) = match text.strip_prefix('+') {
        Some(digits) => (digits, 6),
        None => (text, 4),
    };
    let number = digits.get(..length).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(number, 16).ok()?, digits.get(length..)?))
}

/// A number without underscores, and to the base of ten.
pub(super) fn number(source: &str) -> Option<Cow<'_, str>> {
    let plain = || source.replace('_', "");
    let radix = match source.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ if source.contains('_') => return Some(Cow::Owned(plain())),
        _ => return Some(Cow::Borrowed(source)),
    };
    u128::from_str_radix(plain().get(2..)?, radix).ok().map(|number| Cow::Owned(number.to_string()))
}

/// The token as it goes into a shape: without comments, and cut as before.
pub(super) fn without_layout(text: &str, lexeme: Lexeme) -> Cow<'_, str> {
    if is_plain(text, lexeme) || lexeme.class == Class::Number {
        return Cow::Borrowed(lexeme.of(text));
    }
    let pieces = pieces(text, lexeme);
    let lines: Vec<&str> = pieces.iter().filter_map(|piece| text.get(piece.clone())).collect();
    let mut whole = lines.join("\n");
    if pieces.last().is_some_and(|last| last.end < lexeme.end) {
        whole.push_str(" UESCAPE ");
        whole.push_str(lexeme.end.checked_sub(3).and_then(|at| text.get(at..lexeme.end)).unwrap_or_default());
    }
    Cow::Owned(whole)
}

/// What stands between the quotes of each piece.
pub(super) fn bodies(text: &str, lexeme: Lexeme) -> impl Iterator<Item = Option<&str>> {
    // What continues has no prefix of its own.
    let prefix = usize::from(lexeme.class != Class::Text);
    pieces(text, lexeme).into_iter().enumerate().map(move |(at, piece)| {
        let opening = if at == 0 { prefix.checked_add(1)? } else { 1 };
        text.get(piece.start.checked_add(opening)?..piece.end.checked_sub(1)?)
    })
}

#[cfg(test)]
mod tests;
