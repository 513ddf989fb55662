use std::fmt;

/// The most that is written down of what somebody says who has proved nothing.
const BRIEF: usize = 128;

/// The beginning of such a text: whoever may fill the log and the journal may do so for nothing.
pub fn brief(text: &str) -> &str {
    text.get(..text.floor_char_boundary(BRIEF)).unwrap_or_default()
}

/// Whether a terminal obeys the character or a reader does not see it: control characters (C1 too), line separators,
/// bidirectional marks, and what Unicode says is to be ignored where it cannot be shown.
pub fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A character of a name that its reader does not see: two names that look alike must be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden(char);

impl Hidden {
    /// The first of a name: one that acts, a space at its beginning or end, or anywhere a space that is not the usual.
    pub fn of(name: &str) -> Option<Self> {
        let edges = [name.chars().next(), name.chars().next_back()];
        let hides = |c: char| acts(c) || c == '\u{2800}' || (c.is_whitespace() && c != ' ');
        let edge = edges.into_iter().flatten().find(|c| *c == ' ');
        name.chars().find(|c| hides(*c)).or(edge).map(Self)
    }
}

/// The code point, never the name: whoever reads it should see something.
impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_in_a_name_is_found_and_shown_as_its_code_point() {
        for (name, found) in [
            ("ali\u{ad}ce", "U+00AD"),
            ("alice\u{200b}", "U+200B"),
            ("\u{202e}ecila", "U+202E"),
            ("alice\u{e0041}", "U+E0041"),
            ("ali\u{34f}ce", "U+034F"),
            ("alice\u{fe0f}", "U+FE0F"),
            ("alice ", "U+0020"),
            (" alice", "U+0020"),
            (" ", "U+0020"),
            ("a\u{a0}b", "U+00A0"),
            ("a\u{3000}b", "U+3000"),
            ("\u{2800}", "U+2800"),
            ("a\u{2028}b", "U+2028"),
            ("a\0b", "U+0000"),
            ("a\tb", "U+0009"),
            ("a\u{9b}b", "U+009B"),
            ("a\u{feff}b ", "U+FEFF"),
        ] {
            assert_eq!(Hidden::of(name).map(|hidden| hidden.to_string()).as_deref(), Some(found), "{name:?}");
        }
        for name in ["", "alice", "Alice Smith", "alice@example.com", "Zoë", "李雷", "أليس", "CN=a\\ b,O=c", "a_b-c.d"]
        {
            assert_eq!(Hidden::of(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters_and_a_short_one_is_whole() {
        assert_eq!(brief("alice"), "alice");
        assert_eq!(brief(&"x".repeat(10_000)), "x".repeat(128));
        assert_eq!(brief(&format!("x{}", "ä".repeat(100))), format!("x{}", "ä".repeat(63)));
    }
}
