//! Names and constants as PostgreSQL reads them, whatever `standard_conforming_strings` is.

use std::fmt::Write as _;

/// `'…'`, or `E'…'` where there is a backslash or what no plain text may have; `None` for what PostgreSQL cannot
/// hold.
pub(super) fn text(value: &str) -> Option<String> {
    if value.contains('\0') {
        return None;
    }
    let plain = |c: char| c != '\\' && !c.is_control();
    if value.chars().all(plain) {
        return Some(format!("'{}'", value.replace('\'', "''")));
    }
    let mut quoted = String::from("E'");
    for character in value.chars() {
        match character {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            other if other.is_control() => {
                // Written to a string, which does not fail.
                _ = write!(quoted, "\\u{:04x}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    Some(quoted)
}

/// `"…"`.
pub(in crate::enforce::mask) fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_end_nothing() {
        assert_eq!(text("it's").as_deref(), Some("'it''s'"));
        assert_eq!(text("a\\'b\n").as_deref(), Some("E'a\\\\''b\\u000a'"));
        assert_eq!(text("ä*"), Some("'ä*'".to_owned()));
        assert_eq!(text("a\0b"), None);
        assert_eq!(name("a\"b"), "\"a\"\"b\"");
    }
}
