//! Tokens with a beginning and an end of their own: strings, quoted names, numbers.

use super::super::joined;
use super::{Class, LexError, Lexeme, Lexer, find, is_tag_byte, is_word_byte};

impl Lexer<'_> {
    /// Reads a string; `opening` is the length of its prefix and first quote.
    pub(super) fn string(&mut self, class: Class, opening: usize) -> Result<(), LexError> {
        let at = self.at;
        let last = self.tokens.last().copied();
        if let Some(last) = last.filter(|last| class == Class::Text && last.is_quoted_text()) {
            return self.continued(last);
        }
        let body = self.text_body(class, opening)?;
        is_body(class, body).map_err(|wrong| wrong(at))?;
        self.push(at, class);
        Ok(())
    }

    /// The server joins two strings when a line ends in between, and nothing stands there but layout and comments that
    /// end with their line.
    fn continued(&mut self, last: Lexeme) -> Result<(), LexError> {
        let at = self.at;
        let between = self.bytes.get(last.end..at).unwrap_or_default();
        let joins = matches!(last.class, Class::Text | Class::Escaped | Class::Bits | Class::Hex);
        if !joins || !joined::ends_line(between) {
            return Err(LexError::Continued { at });
        }
        let body = self.text_body(last.class, 1)?;
        is_body(last.class, body).map_err(|wrong| wrong(at))?;
        self.tokens.pop();
        self.push(last.start, last.class);
        Ok(())
    }

    /// Reads to the quote that closes, and gives what is before it.
    fn text_body(&mut self, class: Class, opening: usize) -> Result<&[u8], LexError> {
        let at = self.at;
        self.advance(opening);
        loop {
            self.run(|byte| !matches!(byte, b'\'' | b'\\'));
            match self.peek(0) {
                _ if self.at >= self.bytes.len() => return Err(LexError::OpenString { at }),
                b'\\' if class == Class::Escaped => self.advance(2),
                b'\'' if self.peek(1) == b'\'' => self.advance(2),
                b'\'' => break,
                _ => self.advance(1),
            }
        }
        let end = self.at;
        self.advance(1);
        Ok(self.bytes.get(at.saturating_add(opening)..end).unwrap_or_default())
    }

    /// A U& constant or name may be followed by UESCAPE and then is by a character; they are one token.
    pub(super) fn escape_is_chosen(&mut self, goes_on: bool) -> Result<(), LexError> {
        let Some((last, before)) = self.tokens.split_last() else { return Ok(()) };
        let is_uescape = |token: &Lexeme| {
            let word = self.bytes.get(token.range()).unwrap_or_default();
            token.class == Class::Word && word.eq_ignore_ascii_case(b"uescape")
        };
        let escapes = |token: Option<&Lexeme>| {
            token.copied().filter(|token| matches!(token.class, Class::UnicodeText | Class::UnicodeQuoted))
        };
        if is_uescape(last) {
            return match escapes(before.last()) {
                Some(escaped) if !goes_on => Err(LexError::Unicode { at: escaped.start }),
                Some(_) | None => Ok(()),
            };
        }
        let Some((uescape, before)) = before.split_last() else { return Ok(()) };
        let Some(escaped) = escapes(before.last()).filter(|_| is_uescape(uescape)) else { return Ok(()) };
        let character = self.bytes.get(last.range()).unwrap_or_default();
        // A backslash is the one that escapes without being named, and is read in two ways.
        let may = match character {
            [b'\'', character, b'\''] => joined::may_escape(*character) && *character != b'\\',
            _ => false,
        };
        if last.class != Class::Text || !may {
            return Err(LexError::Unicode { at: escaped.start });
        }
        let whole = Lexeme { end: last.end, ..escaped };
        self.tokens.truncate(self.tokens.len().saturating_sub(3));
        self.tokens.push(whole);
        Ok(())
    }

    pub(super) fn quoted_name(&mut self, class: Class, opening: usize) -> Result<(), LexError> {
        let at = self.at;
        self.advance(opening);
        loop {
            self.run(|byte| byte != b'"');
            match self.peek(0) {
                _ if self.at >= self.bytes.len() => return Err(LexError::OpenName { at }),
                b'"' if self.peek(1) == b'"' => self.advance(2),
                b'"' => break,
                _ => self.advance(1),
            }
        }
        self.advance(1);
        if self.at.saturating_sub(at) == opening.saturating_add(1) {
            return Err(LexError::EmptyName { at });
        }
        self.push(at, class);
        Ok(())
    }

    pub(super) fn dollar(&mut self) -> Result<(), LexError> {
        let at = self.at;
        if self.peek(1).is_ascii_digit() {
            self.advance(1);
            while self.peek(0).is_ascii_digit() {
                self.advance(1);
            }
            if is_word_byte(self.peek(0)) {
                return Err(LexError::ParameterJunk { at });
            }
            self.push(at, Class::Parameter);
            return Ok(());
        }
        let mut length = 1;
        while is_tag_byte(self.peek(length)) {
            length = length.saturating_add(1);
        }
        if self.peek(length) != b'$' {
            return Err(LexError::Character { at });
        }
        let length = length.saturating_add(1);
        let delimiter = self.bytes.get(at..at.saturating_add(length)).unwrap_or_default();
        self.advance(length);
        let body = self.bytes.get(self.at..).unwrap_or_default();
        match find(body, delimiter) {
            Some(end) => self.advance(end.saturating_add(length)),
            None => return Err(LexError::OpenString { at }),
        }
        self.push(at, Class::Dollar);
        Ok(())
    }

    /// Digits of a kind, with an underscore between two of them.
    fn digits(&mut self, is_digit: impl Fn(u8) -> bool) {
        let mut before = false;
        loop {
            before = match self.peek(0) {
                digit if is_digit(digit) => true,
                b'_' if before && is_digit(self.peek(1)) => false,
                _ => return,
            };
            self.advance(1);
        }
    }

    pub(super) fn number(&mut self) -> Result<(), LexError> {
        let at = self.at;
        let is_decimal = |byte: u8| byte.is_ascii_digit();
        match (self.peek(0), self.peek(1)) {
            (b'0', b'x' | b'X') => self.whole(|byte| byte.is_ascii_hexdigit()),
            (b'0', b'o' | b'O') => self.whole(|byte| matches!(byte, b'0'..=b'7')),
            (b'0', b'b' | b'B') => self.whole(|byte| matches!(byte, b'0' | b'1')),
            _ => {
                self.digits(is_decimal);
                // `1..5` is an integer and two points.
                if self.peek(0) == b'.' && self.peek(1) != b'.' {
                    self.advance(1);
                    self.digits(is_decimal);
                }
                if matches!(self.peek(0), b'e' | b'E') {
                    let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
                    if self.peek(sign.saturating_add(1)).is_ascii_digit() {
                        self.advance(sign.saturating_add(1));
                        self.digits(is_decimal);
                    }
                }
            }
        }
        if is_word_byte(self.peek(0)) {
            return Err(LexError::NumberJunk { at });
        }
        self.push(at, Class::Number);
        Ok(())
    }

    /// A whole number to another base: at its prefix, which may have an underscore behind it.
    fn whole(&mut self, is_digit: impl Fn(u8) -> bool) {
        let underscore = usize::from(self.peek(2) == b'_');
        if is_digit(self.peek(underscore.saturating_add(2))) {
            self.advance(underscore.saturating_add(2));
            self.digits(is_digit);
        } else {
            // What follows is glued to a zero.
            self.advance(1);
        }
    }
}

/// Whether a bit string has what its kind has.
fn is_body(class: Class, body: &[u8]) -> Result<(), fn(usize) -> LexError> {
    if class == Class::Hex && !body.iter().all(u8::is_ascii_hexdigit) {
        return Err(|at| LexError::Hex { at });
    }
    if class == Class::Bits && !body.iter().all(|byte| matches!(byte, b'0' | b'1')) {
        return Err(|at| LexError::Bits { at });
    }
    Ok(())
}
