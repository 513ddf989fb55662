/// The most that is written down of what somebody says who has proved nothing.
const BRIEF: usize = 128;

/// The beginning of such a text: whoever may fill the log and the journal may do so for nothing.
pub fn brief(text: &str) -> &str {
    text.get(..text.floor_char_boundary(BRIEF)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_a_short_one_is_whole() {
        assert_eq!(brief("alice"), "alice");
        assert_eq!(brief(&"x".repeat(10_000)), "x".repeat(128));
        assert_eq!(brief(&format!("x{}", "ä".repeat(100))), format!("x{}", "ä".repeat(63)));
    }
}
