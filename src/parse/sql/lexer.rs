//! PostgreSQL's lexical rules, over text that is valid UTF-8. What it cannot cut as the server
//! would, or what a second reader is known to cut otherwise, is an error and never a guess.

mod quoted;

use std::ops::Range;

/// One token, without comments and white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lexeme {
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What it is.
    pub class: Class,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// A keyword or an unquoted name.
    Word,
    /// `"…"`.
    Quoted,
    /// `'…'`, without escapes.
    Text,
    /// `E'…'`.
    Escaped,
    /// `U&'…'`, with its UESCAPE.
    UnicodeText,
    /// `U&"…"`, with its UESCAPE.
    UnicodeQuoted,
    /// `N'…'`.
    National,
    /// `B'…'`, zeros and ones.
    Bits,
    /// `X'…'`, hexadecimal digits.
    Hex,
    /// `$tag$…$tag$`.
    Dollar,
    /// An unsigned number.
    Number,
    /// `$1`.
    Parameter,
    /// Made of PostgreSQL's operator characters, `=>` among them.
    Operator,
    /// `( ) [ ] , ; . : :: :=`.
    Punctuation,
}

/// What a token is, where one constant is like another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// [`Class::Word`].
    Word,
    /// [`Class::Quoted`].
    Quoted,
    /// A string or a number.
    Constant,
    /// [`Class::Parameter`].
    Parameter,
    /// [`Class::Operator`].
    Operator,
    /// [`Class::Punctuation`].
    Punctuation,
}

impl Lexeme {
    /// Its bytes' place in the text.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Its text.
    pub(super) fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.range()).unwrap_or_default()
    }

    /// Whether it is that keyword, unquoted, in whatever case.
    pub(super) fn is_word(&self, text: &str, word: &str) -> bool {
        self.class == Class::Word && self.of(text).eq_ignore_ascii_case(word)
    }

    /// Whether it is that punctuation.
    pub(super) fn is_mark(&self, text: &str, mark: &str) -> bool {
        self.class == Class::Punctuation && self.of(text) == mark
    }

    /// What it is, where one constant is like another.
    pub(super) fn kind(&self) -> Kind {
        match self.class {
            Class::Word => Kind::Word,
            Class::Quoted | Class::UnicodeQuoted => Kind::Quoted,
            Class::Text
            | Class::Escaped
            | Class::UnicodeText
            | Class::National
            | Class::Bits
            | Class::Hex
            | Class::Dollar
            | Class::Number => Kind::Constant,
            Class::Parameter => Kind::Parameter,
            Class::Operator => Kind::Operator,
            Class::Punctuation => Kind::Punctuation,
        }
    }

    /// Whether it is a constant in single quotes.
    fn is_quoted_text(&self) -> bool {
        match self.class {
            Class::Text | Class::Escaped | Class::UnicodeText | Class::National | Class::Bits | Class::Hex => true,
            Class::Word
            | Class::Quoted
            | Class::UnicodeQuoted
            | Class::Dollar
            | Class::Number
            | Class::Parameter
            | Class::Operator
            | Class::Punctuation => false,
        }
    }

    /// Whether it is a constant.
    pub(super) fn is_literal(&self) -> bool {
        self.kind() == Kind::Constant
    }
}

/// Why a text cannot be cut, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LexError {
    #[error("a control character at byte {at}: send it as a parameter or escaped in E'…'")]
    Control { at: usize },
    #[error("a character outside ASCII that is no small letter at byte {at}: quote the name")]
    NotAscii { at: usize },
    #[error("a character that PostgreSQL does not know at byte {at}")]
    Character { at: usize },
    #[error("a string that does not end, begun at byte {at}")]
    OpenString { at: usize },
    #[error("a quoted name that does not end, begun at byte {at}")]
    OpenName { at: usize },
    #[error("a comment that does not end, begun at byte {at}")]
    OpenComment { at: usize },
    #[error("an empty quoted name at byte {at}")]
    EmptyName { at: usize },
    #[error("an operator that touches a comment at byte {at}: put a space between them")]
    GluedComment { at: usize },
    #[error("the operator `&>` without a space after it at byte {at}")]
    GluedOperator { at: usize },
    #[error("UESCAPE without a character in '…' that may escape, for what begins at byte {at}")]
    Unicode { at: usize },
    #[error("a hexadecimal constant with other characters at byte {at}")]
    Hex { at: usize },
    #[error("a bit string with other characters at byte {at}")]
    Bits { at: usize },
    #[error("a parameter with something glued to it at byte {at}")]
    ParameterJunk { at: usize },
    #[error("a number with something glued to it at byte {at}")]
    NumberJunk { at: usize },
    #[error("two string constants in a row at byte {at}: end the line between them, or join them with ||")]
    Continued { at: usize },
}

/// Cuts a text into tokens.
///
/// # Errors
/// The first thing that cannot be cut.
pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, LexError> {
    match text.bytes().position(is_forbidden_control) {
        None => cut(text),
        Some(at) => {
            cut(text).ok().filter(|tokens| has_controls_in_strings_alone(text, tokens)).ok_or(LexError::Control { at })
        }
    }
}

/// PostgreSQL's versions and other readers differ in which control characters are layout. In a string they are data, but for
/// NUL, which ends a text.
fn has_controls_in_strings_alone(text: &str, tokens: &[Lexeme]) -> bool {
    let mut strings = tokens.iter().filter(|token| matches!(token.class, Class::Text | Class::Escaped | Class::Dollar));
    let mut string = strings.next();
    text.bytes().enumerate().filter(|(_, byte)| is_forbidden_control(*byte)).all(|(at, byte)| {
        while string.is_some_and(|token| token.end <= at) {
            string = strings.next();
        }
        byte != 0 && string.is_some_and(|token| token.start < at)
    })
}

fn cut(text: &str) -> Result<Vec<Lexeme>, LexError> {
    let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, tokens: Vec::with_capacity(text.len() / 4), escapes: false };
    loop {
        let goes_on = lexer.step()?;
        if lexer.escapes {
            lexer.escape_is_chosen(goes_on)?;
        }
        if !goes_on {
            return Ok(lexer.tokens);
        }
    }
}

/// The first word of a text that may not be a statement at all, upper-case.
pub(super) fn first_word(text: &str) -> String {
    let mut rest = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '(' || c == ';');
    while let Some(comment) = rest.strip_prefix("--") {
        rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    let word = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    word.chars().take(LONGEST_WORD).collect::<String>().to_ascii_uppercase()
}

struct Lexer<'t> {
    bytes: &'t [u8],
    at: usize,
    tokens: Vec<Lexeme>,
    /// There is a U& constant or name, and UESCAPE may follow.
    escapes: bool,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.at.checked_add(ahead).and_then(|at| self.bytes.get(at)).copied().unwrap_or(0)
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    /// Goes on while bytes are of a kind.
    fn run(&mut self, is_kind: impl Fn(u8) -> bool) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.advance(rest.iter().position(|byte| !is_kind(*byte)).unwrap_or(rest.len()));
    }

    fn push(&mut self, start: usize, class: Class) {
        self.tokens.push(Lexeme { start, end: self.at, class });
    }

    /// Reads one token, comment or run of white space; `false` at the end.
    fn step(&mut self) -> Result<bool, LexError> {
        let at = self.at;
        let Some(&byte) = self.bytes.get(at) else { return Ok(false) };
        match byte {
            _ if is_space(byte) => self.run(is_space),
            b'-' if self.peek(1) == b'-' => self.line_comment()?,
            b'/' if self.peek(1) == b'*' => self.block_comment()?,
            b'\'' => self.string(Class::Text, 1)?,
            b'"' => self.quoted_name(Class::Quoted, 1)?,
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number()?,
            b'.' if self.peek(1).is_ascii_digit() => self.number()?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word()?,
            b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' => {
                self.advance(1);
                self.push(at, Class::Punctuation);
            }
            b':' => {
                self.advance(if matches!(self.peek(1), b':' | b'=') { 2 } else { 1 });
                self.push(at, Class::Punctuation);
            }
            _ if is_operator_byte(byte) => self.operator()?,
            _ => return Err(LexError::Character { at }),
        }
        Ok(true)
    }

    /// A comment that begins where an operator ends is cut differently by other readers.
    fn refuse_glued(&self) -> Result<(), LexError> {
        match self.tokens.last() {
            Some(last) if last.class == Class::Operator && last.end == self.at => {
                Err(LexError::GluedComment { at: self.at })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn line_comment(&mut self) -> Result<(), LexError> {
        self.refuse_glued()?;
        self.run(|byte| !matches!(byte, b'\n' | b'\r'));
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), LexError> {
        self.refuse_glued()?;
        let at = self.at;
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth = depth.saturating_add(1);
                    self.advance(2);
                }
                (b'*', b'/') => {
                    depth = depth.saturating_sub(1);
                    self.advance(2);
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ if self.at >= self.bytes.len() => return Err(LexError::OpenComment { at }),
                _ => self.advance(1),
            }
        }
    }

    fn word(&mut self) -> Result<(), LexError> {
        let at = self.at;
        match (self.peek(0).to_ascii_lowercase(), self.peek(1), self.peek(2)) {
            (b'u', b'&', b'\'') => {
                self.escapes = true;
                return self.string(Class::UnicodeText, 3);
            }
            (b'u', b'&', b'"') => {
                self.escapes = true;
                return self.quoted_name(Class::UnicodeQuoted, 3);
            }
            (b'e', b'\'', _) => return self.string(Class::Escaped, 2),
            (b'n', b'\'', _) => return self.string(Class::National, 2),
            (b'b', b'\'', _) => return self.string(Class::Bits, 2),
            (b'x', b'\'', _) => return self.string(Class::Hex, 2),
            _ => {}
        }
        self.run(|byte| is_one_of(byte, ALPHANUMERIC | UNDERSCORE | DOLLAR));
        if self.peek(0) >= 0x80 {
            self.run(is_word_byte);
            let word = self.bytes.get(at..self.at).unwrap_or_default();
            if let Some(letter) = strange_letter(word) {
                return Err(LexError::NotAscii { at: at.saturating_add(letter) });
            }
        }
        self.push(at, Class::Word);
        Ok(())
    }

    fn operator(&mut self) -> Result<(), LexError> {
        let at = self.at;
        let mut length = 0_usize;
        while is_operator_byte(self.peek(length)) && !(length > 0 && self.comment_at(length)) {
            length = length.saturating_add(1);
        }
        let run = self.bytes.get(at..at.saturating_add(length)).unwrap_or_default();
        let length = operator_length(run);
        self.advance(length);
        self.push(at, Class::Operator);
        let operator = run.get(..length).unwrap_or_default();
        if operator.ends_with(b"&>") && !is_space(self.peek(0)) {
            return Err(LexError::GluedOperator { at });
        }
        Ok(())
    }

    fn comment_at(&self, ahead: usize) -> bool {
        matches!((self.peek(ahead), self.peek(ahead.saturating_add(1))), (b'-', b'-') | (b'/', b'*'))
    }
}

/// PostgreSQL gives back a `+` or `-` at the end of a longer operator, unless that has one of the
/// characters that no operator of the SQL standard has.
fn operator_length(run: &[u8]) -> usize {
    let free = |bytes: &[u8]| bytes.iter().any(|byte| b"~!@#^&|`?%".contains(byte));
    let mut length = run.len();
    while length > 1 {
        let part = run.get(..length).unwrap_or_default();
        if free(part) || !matches!(part.last(), Some(b'+' | b'-')) {
            break;
        }
        length = length.saturating_sub(1);
    }
    length
}

/// Where an unquoted name has what is no small letter outside ASCII: a server with another encoding may fold capital
/// ones, and no word has others.
fn strange_letter(word: &[u8]) -> Option<usize> {
    let is_fine = |letter: char| {
        letter.is_ascii() || letter.is_alphanumeric() && letter.to_lowercase().eq(std::iter::once(letter))
    };
    match std::str::from_utf8(word) {
        Ok(word) => word.char_indices().find(|(_, letter)| !is_fine(*letter)).map(|(at, _)| at),
        Err(error) => Some(error.valid_up_to()),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len().max(1)).position(|window| window == needle)
}

/// What bytes may be, looked up and not compared: every text is cut before anything else is done with it.
const KINDS: [u8; 256] = kinds();
const CONTROL: u8 = 1;
const SPACE: u8 = 2;
const ALPHANUMERIC: u8 = 4;
const UNDERSCORE: u8 = 8;
const DOLLAR: u8 = 16;
const HIGH: u8 = 32;
const OPERATOR: u8 = 64;

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut rest: &mut [u8] = &mut kinds;
    let mut byte = 0_u8;
    while let Some((kind, more)) = rest.split_first_mut() {
        *kind = match byte {
            b'\t' | b'\n' | b'\r' | 0x0c | b' ' => SPACE,
            ..0x20 | 0x7f => CONTROL,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => ALPHANUMERIC,
            b'_' => UNDERSCORE,
            b'$' => DOLLAR,
            0x80.. => HIGH,
            b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' => OPERATOR,
            b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'|' | b'`' | b'?' => OPERATOR,
            _ => 0,
        };
        rest = more;
        byte = byte.wrapping_add(1);
    }
    kinds
}

fn is_one_of(byte: u8, kinds: u8) -> bool {
    KINDS.get(usize::from(byte)).is_some_and(|kind| kind & kinds != 0)
}

fn is_forbidden_control(byte: u8) -> bool {
    is_one_of(byte, CONTROL)
}

fn is_space(byte: u8) -> bool {
    is_one_of(byte, SPACE)
}

fn is_word_byte(byte: u8) -> bool {
    is_one_of(byte, ALPHANUMERIC | UNDERSCORE | DOLLAR | HIGH)
}

fn is_tag_byte(byte: u8) -> bool {
    is_one_of(byte, ALPHANUMERIC | UNDERSCORE | HIGH)
}

fn is_operator_byte(byte: u8) -> bool {
    is_one_of(byte, OPERATOR)
}

/// No keyword of PostgreSQL is longer.
const LONGEST_WORD: usize = 32;

#[cfg(test)]
mod tests;
