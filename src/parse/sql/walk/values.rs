//! Literals: which kinds PostgreSQL has, and which parameters there are.

use sqlparser::ast::{Value, ValueWithSpan};

use super::facts::Walker;
use super::{Unread, Walk};

impl Walker<'_> {
    pub(super) fn value(&mut self, value: &ValueWithSpan) -> Walk {
        self.quotes |= !matches!(value.value, Value::Number(..) | Value::Boolean(_) | Value::Null);
        match &value.value {
            Value::Placeholder(name) => {
                let number = name.strip_prefix('$').and_then(|digits| digits.parse::<u16>().ok());
                let number = number.ok_or_else(|| Unread::new("a parameter that is not `$1` to `$65535`"))?;
                self.placeholders = self.placeholders.max(number);
                Ok(())
            }
            Value::Number(_, long) => absent_suffix(*long),
            Value::SingleQuotedString(_)
            | Value::DollarQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::HexStringLiteral(_)
            | Value::SingleQuotedByteStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null => Ok(()),
            Value::UnicodeStringLiteral(_)
            | Value::TripleSingleQuotedString(_)
            | Value::TripleDoubleQuotedString(_)
            | Value::DoubleQuotedByteStringLiteral(_)
            | Value::TripleSingleQuotedByteStringLiteral(_)
            | Value::TripleDoubleQuotedByteStringLiteral(_)
            | Value::SingleQuotedRawStringLiteral(_)
            | Value::DoubleQuotedRawStringLiteral(_)
            | Value::TripleSingleQuotedRawStringLiteral(_)
            | Value::TripleDoubleQuotedRawStringLiteral(_)
            | Value::QuoteDelimitedStringLiteral(_)
            | Value::NationalQuoteDelimitedStringLiteral(_)
            | Value::DoubleQuotedString(_) => Err(Unread::new("a literal of that kind")),
        }
    }
}

fn absent_suffix(long: bool) -> Walk {
    super::absent(!long, "a number with a letter at its end")
}
