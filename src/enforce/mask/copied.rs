//! COPY … TO STDOUT in the words that go upstream: the query whose rows it sends, and how it writes them. Nobody
//! describes such rows, so the server is asked about the query before, and what of the options is not read here is
//! refused where cells are masked.

use std::ops::Range;

use super::cells::CopyFormat;
use super::guard::Guard;
use crate::parse::{Tokens, tokens};

/// A COPY that sends the rows of a query, or of a relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Copied {
    query: String,
    /// Characters before it; `None` where it is not a part of the text.
    before: Option<usize>,
    guard: Guard,
    format: Result<CopyFormat, String>,
}

impl Copied {
    /// Reads a text that is one such COPY and nothing else.
    pub(super) fn of(text: &str, guard: Guard) -> Option<Self> {
        let tokens = tokens(text)?;
        if !tokens.is_word(0, "copy") {
            return None;
        }
        let (query, before, behind) = if tokens.is_mark(1, "(") {
            let close = closing(&tokens, 1)?;
            let span = tokens.span(&(2..close))?;
            let before = text.get(..span.start)?.chars().count();
            (text.get(span)?.to_owned(), Some(before), close.saturating_add(1))
        } else {
            let (query, behind) = relation(text, &tokens)?;
            (query, None, behind)
        };
        if !(tokens.is_word(behind, "to") && tokens.is_word(behind.saturating_add(1), "stdout")) {
            return None;
        }
        let mut end = tokens.count();
        while end.checked_sub(1).is_some_and(|last| tokens.is_mark(last, ";")) {
            end = end.saturating_sub(1);
        }
        let options = behind.saturating_add(2)..end;
        if options.clone().any(|at| tokens.is_mark(at, ";")) {
            return None;
        }
        Some(Self { query, before, guard, format: Options::read(text, &tokens, options).and_then(Options::format) })
    }

    /// The query whose rows it sends.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// What the rows must look like.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// How many characters stand before it; `None` where it is not a part of the text.
    pub fn before(&self) -> Option<usize> {
        self.before
    }

    /// How they are written.
    ///
    /// # Errors
    /// The options say something that cells cannot be masked in.
    pub fn format(&self) -> Result<&CopyFormat, String> {
        self.format.as_ref().map_err(|problem| format!("columns are masked on their way back, and {problem}"))
    }
}

/// The query that has the rows of the relation which a COPY names, and where what names it and its columns ends.
fn relation(text: &str, tokens: &Tokens<'_>) -> Option<(String, usize)> {
    let mut end = 2_usize;
    tokens.name(1)?;
    while tokens.is_mark(end, ".") {
        tokens.name(end.saturating_add(1))?;
        end = end.saturating_add(2);
    }
    let name = text.get(tokens.span(&(1..end))?)?;
    if !tokens.is_mark(end, "(") {
        return Some((format!("SELECT * FROM {name}"), end));
    }
    let close = closing(tokens, end)?;
    let columns = text.get(tokens.span(&(end.saturating_add(1)..close))?)?;
    Some((format!("SELECT {columns} FROM {name}"), close.saturating_add(1)))
}

/// Where the parenthesis ends that opens there.
fn closing(tokens: &Tokens<'_>, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    (open..tokens.count()).find(|at| {
        if tokens.is_mark(*at, "(") {
            depth = depth.saturating_add(1);
        } else if tokens.is_mark(*at, ")") {
            depth = depth.saturating_sub(1);
        }
        depth == 0
    })
}

/// What the text says of how rows are written.
#[derive(Debug, Default)]
struct Options {
    kind: Option<Kind>,
    delimiter: Option<u8>,
    quote: Option<u8>,
    escape: Option<u8>,
    null: Option<String>,
    header: bool,
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Csv,
    Binary,
}

/// What is left of the options.
struct Rest<'t> {
    text: &'t str,
    tokens: &'t Tokens<'t>,
    range: Range<usize>,
}

impl Options {
    fn read(text: &str, tokens: &Tokens<'_>, range: Range<usize>) -> Result<Self, String> {
        let mut rest = Rest { text, tokens, range };
        let mut options = Self::default();
        rest.takes_word("with");
        if rest.takes_mark("(") {
            loop {
                options.named(&mut rest)?;
                if rest.takes_mark(")") {
                    break;
                }
                if !rest.takes_mark(",") {
                    return Err(unread(&rest));
                }
            }
            if !rest.range.is_empty() {
                return Err(unread(&rest));
            }
        } else {
            while !rest.range.is_empty() {
                options.older(&mut rest)?;
            }
        }
        Ok(options)
    }

    /// `FORMAT csv`, `HEADER true`…
    fn named(&mut self, rest: &mut Rest<'_>) -> Result<(), String> {
        match rest.word()?.as_str() {
            "format" => {
                self.kind = Some(match rest.text_or_word()?.as_str() {
                    "text" => Kind::Text,
                    "csv" => Kind::Csv,
                    "binary" => Kind::Binary,
                    _ => return Err("its FORMAT is none of text, csv and binary".to_owned()),
                });
            }
            "header" if rest.ends_option() => self.header = true,
            "header" => {
                self.header = match rest.text_or_word()?.as_str() {
                    "true" | "on" | "1" => true,
                    "false" | "off" | "0" => false,
                    _ => return Err("its HEADER is neither true nor false".to_owned()),
                };
            }
            "delimiter" => self.delimiter = Some(rest.byte()?),
            "quote" => self.quote = Some(rest.byte()?),
            "escape" => self.escape = Some(rest.byte()?),
            "null" => self.null = Some(rest.string()?),
            "force_quote" => self.force = rest.star()?,
            "encoding" => utf8(&rest.string()?)?,
            other => return Err(format!("its option `{other}` is not one of those that rows are read with")),
        }
        Ok(())
    }

    /// The same as PostgreSQL had it before 9.0, and psql's users still write it.
    fn older(&mut self, rest: &mut Rest<'_>) -> Result<(), String> {
        match rest.word()?.as_str() {
            "binary" => self.kind = Some(Kind::Binary),
            "csv" => self.kind = Some(Kind::Csv),
            "header" => self.header = true,
            "delimiter" => self.delimiter = Some(rest.byte_as()?),
            "quote" => self.quote = Some(rest.byte_as()?),
            "escape" => self.escape = Some(rest.byte_as()?),
            "null" => {
                rest.takes_word("as");
                self.null = Some(rest.string()?);
            }
            "force" if rest.takes_word("quote") => self.force = rest.star()?,
            "encoding" => utf8(&rest.string()?)?,
            other => return Err(format!("its option `{other}` is not one of those that rows are read with")),
        }
        Ok(())
    }

    fn format(self) -> Result<CopyFormat, String> {
        let Self { kind, delimiter, quote, escape, null, header, force } = self;
        match kind.unwrap_or(Kind::Text) {
            Kind::Binary => Ok(CopyFormat::Binary),
            // Any other text may be a value, too, and nobody could tell.
            Kind::Text if null.as_deref().is_some_and(|null| null != "\\N") => {
                Err("in FORMAT text a value may look like its NULL: leave that out, or use FORMAT csv".to_owned())
            }
            Kind::Text => Ok(CopyFormat::Text { delimiter: delimiter.unwrap_or(b'\t'), header }),
            Kind::Csv => {
                let quote = quote.unwrap_or(b'"');
                Ok(CopyFormat::Csv {
                    delimiter: delimiter.unwrap_or(b','),
                    quote,
                    escape: escape.unwrap_or(quote),
                    null: null.unwrap_or_default().into_bytes(),
                    header,
                    force,
                })
            }
        }
    }
}

fn unread(rest: &Rest<'_>) -> String {
    let at = rest.tokens.range(rest.range.start).and_then(|range| rest.text.get(range));
    format!("its options cannot be read at `{}`", at.unwrap_or("the end"))
}

/// Other encodings are not told apart from what they write.
fn utf8(encoding: &str) -> Result<(), String> {
    let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    let is_utf8 = ["utf8", "unicode"].iter().any(|name| plain.eq_ignore_ascii_case(name));
    if is_utf8 { Ok(()) } else { Err("its ENCODING is not UTF8".to_owned()) }
}

impl Rest<'_> {
    fn take(&mut self) -> Option<usize> {
        self.range.next()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let takes = !self.range.is_empty() && self.tokens.is_word(self.range.start, word);
        takes && self.take().is_some()
    }

    fn takes_mark(&mut self, mark: &str) -> bool {
        let takes = !self.range.is_empty() && self.tokens.is_mark(self.range.start, mark);
        takes && self.take().is_some()
    }

    /// Whether an option without a value ends here.
    fn ends_option(&self) -> bool {
        [",", ")"].iter().any(|mark| self.tokens.is_mark(self.range.start, mark))
    }

    fn word(&mut self) -> Result<String, String> {
        let word = (!self.range.is_empty()).then(|| self.tokens.name(self.range.start)).flatten();
        let word = word.ok_or_else(|| unread(self))?.to_owned();
        self.take();
        Ok(word)
    }

    /// `'x'`, `E'x'` with no other escape than a tab's and a backslash's.
    fn string(&mut self) -> Result<String, String> {
        let token = self.tokens.range(self.range.start).filter(|_| !self.range.is_empty());
        let written = token.and_then(|token| self.text.get(token)).unwrap_or_default();
        let (escapes, quoted) = match written.strip_prefix(['E', 'e']) {
            Some(quoted) => (true, quoted),
            None => (false, written),
        };
        let inner = quoted.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\''));
        let value = match inner {
            Some("\\t") if escapes => "\t".to_owned(),
            Some("\\\\") if escapes => "\\".to_owned(),
            Some(inner) if !(escapes && inner.contains('\\')) => inner.replace("''", "'"),
            Some(_) | None => return Err(unread(self)),
        };
        self.take();
        Ok(value)
    }

    fn text_or_word(&mut self) -> Result<String, String> {
        if self.tokens.name(self.range.start).is_some() {
            return self.word();
        }
        if self.tokens.is_value(self.range.start)
            && let Some(number @ ("0" | "1")) = self.tokens.range(self.range.start).and_then(|at| self.text.get(at))
        {
            self.take();
            return Ok(number.to_owned());
        }
        self.string().map(|text| text.to_ascii_lowercase())
    }

    fn byte(&mut self) -> Result<u8, String> {
        match self.string()?.as_bytes() {
            [byte] if byte.is_ascii() => Ok(*byte),
            _ => Err("its delimiter, quote and escape must be one ASCII character each".to_owned()),
        }
    }

    fn byte_as(&mut self) -> Result<u8, String> {
        self.takes_word("as");
        self.byte()
    }

    /// `*`, the columns that stand in quotes.
    fn star(&mut self) -> Result<bool, String> {
        let takes = self.takes_mark("*");
        if takes { Ok(true) } else { Err("its FORCE_QUOTE names columns: name none, or `*`".to_owned()) }
    }
}

#[cfg(test)]
mod tests;
