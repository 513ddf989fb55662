//! Looks at the text alone, before any parser does.

use super::ast::Pos;
use super::error::{Problem, RegoError};

/// OPA has no such limit; the engine's is the same by default.
const MAX_BYTES: usize = 1024 * 1024;
/// The engine reads a nested literal twice at every level: each level doubles the time.
const MAX_LITERALS: usize = 8;
/// Brackets of every kind, bodies too; the engine stops at 32 expressions.
const MAX_BRACKETS: usize = 32;
/// Operators and references in one go without a bracket or a line's end; they become deep trees.
const MAX_LINE: usize = 65_536;

/// Refuses text that is too large, or nested so deeply that parsing it would take too long.
/// Brackets are not matched here: the parser does that.
pub(in crate::bundle) fn scan(file: &str, source: &str) -> Result<(), RegoError> {
    if source.len() > MAX_BYTES {
        return Err(RegoError::at(file, Pos::default(), Problem::TooLong { bytes: source.len(), limit: MAX_BYTES }));
    }
    let mut scanner = Scanner { open: Vec::new(), literals: 0, before: Before::Operator };
    let mut at = Pos { line: 1, column: 1 };
    let mut rest = source;
    while let Some(length) = scanner.token(rest).map_err(|problem| RegoError::at(file, at, problem))? {
        let Some((token, after)) = rest.split_at_checked(length) else { break };
        for c in token.chars() {
            if c == '\n' {
                at = Pos { line: at.line.saturating_add(1), column: 1 };
            } else {
                at.column = at.column.saturating_add(1);
            }
        }
        if usize::try_from(at.column).is_ok_and(|column| column > MAX_LINE) {
            return Err(RegoError::at(file, at, Problem::LongLine { limit: MAX_LINE }));
        }
        rest = after;
    }
    Ok(())
}

/// What stands before a bracket, which says what the bracket is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The end of a value: `[` indexes, `{` begins a body.
    Value,
    /// The end of a value and blanks: `{` still begins a body, `[` a statement of its own.
    ValueAndBlank,
    /// `if`, `else`: `{` begins a body.
    Condition,
    /// Anything after which a value begins.
    Operator,
}

struct Scanner {
    /// Of every open bracket, whether it is a literal.
    open: Vec<bool>,
    literals: usize,
    before: Before,
}

impl Scanner {
    /// The length of the next token or run of blanks; `None` at the end.
    fn token(&mut self, rest: &str) -> Result<Option<usize>, Problem> {
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                self.before = Before::Value;
                quoted(rest)
            }
            '`' => {
                self.before = Before::Value;
                rest.get(1..).and_then(|text| text.find('`')).map_or(rest.len(), |end| end.saturating_add(2))
            }
            c if c.is_whitespace() => {
                self.before = match self.before {
                    Before::Value | Before::ValueAndBlank if c == '\n' => Before::Operator,
                    Before::Value | Before::ValueAndBlank => Before::ValueAndBlank,
                    before @ (Before::Condition | Before::Operator) => before,
                };
                c.len_utf8()
            }
            c if is_word(c) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                self.before = after_word(rest.get(..length).unwrap_or_default());
                length
            }
            '[' | '{' | '(' => {
                self.opened(first)?;
                1
            }
            ']' | '}' | ')' => {
                if self.open.pop() == Some(true) {
                    self.literals = self.literals.saturating_sub(1);
                }
                self.before = Before::Value;
                1
            }
            other => {
                self.before = Before::Operator;
                other.len_utf8()
            }
        };
        Ok(Some(length))
    }

    fn opened(&mut self, bracket: char) -> Result<(), Problem> {
        let literal = match (bracket, self.before) {
            ('[', Before::Value) | ('{', Before::Value | Before::ValueAndBlank | Before::Condition) | ('(', _) => false,
            (_, Before::Value | Before::ValueAndBlank | Before::Condition | Before::Operator) => true,
        };
        self.open.push(literal);
        self.literals = self.literals.saturating_add(usize::from(literal));
        self.before = Before::Operator;
        if self.literals > MAX_LITERALS {
            return Err(Problem::NestedLiterals { limit: MAX_LITERALS });
        }
        if self.open.len() > MAX_BRACKETS {
            return Err(Problem::NestedBrackets { limit: MAX_BRACKETS });
        }
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A value may begin right after these words; every other word is a name and ends one.
fn after_word(word: &str) -> Before {
    match word {
        "if" | "else" => Before::Condition,
        "in" | "not" | "contains" | "as" | "with" | "some" | "every" | "default" => Before::Operator,
        _ => Before::Value,
    }
}

/// The length of a string with its quotes. Rego's strings end with their line.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return index,
            '"' if !escaped => return index.saturating_add(1),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        scan("p.rego", text).expect_err("it is too much").to_string()
    }

    fn nested(open: &str, depth: usize, close: &str) -> String {
        format!("package p\nx := {}1{}\n", open.repeat(depth), close.repeat(depth))
    }

    #[test]
    fn nine_nested_literals_are_refused_and_eight_are_not() {
        for (open, close) in [("[", "]"), ("{", "}"), ("{\"a\": ", "}"), ("[(", ")]"), ("count([", "])"), ("[a\n", "]")]
        {
            assert!(scan("p.rego", &nested(open, 8, close)).is_ok(), "{open}");
            assert!(refused(&nested(open, 9, close)).contains("deeper than 8"), "{open}");
        }
    }

    #[test]
    fn parentheses_and_bodies_have_a_limit_of_their_own() {
        assert!(scan("p.rego", &nested("(", 30, ")")).is_ok());
        assert!(refused(&nested("(", 33, ")")).contains("32"));
        let bodies = format!("package p\nx if {}true{}\n", "{ every y in z ".repeat(30), "}".repeat(30));
        assert!(scan("p.rego", &bodies).is_ok());
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let many = "[".repeat(40);
        let text =
            format!("package p # {many}\nx := \"\\\"{many}\"\ny := `\n{many}`\nz := a[1][2][3][4][5][6][7][8][9]\n");
        assert!(scan("p.rego", &text).is_ok());
    }

    #[test]
    fn an_unclosed_string_does_not_hide_the_lines_after_it() {
        assert!(refused(&format!("package p\nx := \"\ny := {}", "[".repeat(9))).starts_with("p.rego:3:"));
    }

    #[test]
    fn a_file_over_a_mebibyte_is_refused() {
        assert!(refused(&"#".repeat(MAX_BYTES + 1)).contains("1048577"));
    }
}
