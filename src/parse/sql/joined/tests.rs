use proptest::prelude::*;

use super::super::lexer::lex;
use super::super::literal;

/// The value of a text's only token.
fn value(text: &str) -> Option<String> {
    let tokens = lex(text).unwrap();
    assert_eq!(tokens.len(), 1, "{text}");
    literal::value(text, tokens[0]).map(std::borrow::Cow::into_owned)
}

#[test]
fn u_and_an_ampersand_have_the_value_that_the_server_computes() {
    for (text, expected) in [
        ("U&\"\\0065mail\"", Some("email")),
        ("u&\"d\\0061t\\+000061\"", Some("data")),
        ("U&'d!0061t!+000061' UESCAPE '!'", Some("data")),
        ("U&\"!0065mail\"uescape/* x */'!'", Some("email")),
        ("U&\"\\0065mail\" -- x\n UEscape '!'", Some("\\0065mail")),
        ("U&'a\\\\b''c\"'", Some("a\\b'c\"")),
        ("U&\"a\"\"\\0022\"", Some("a\"\"")),
        ("U&'a!!b!0021' UESCAPE '!'", Some("a!b!")),
        ("U&'\\D83D\\DE00'", Some("😀")),
        ("U&'\\+01F600'", Some("😀")),
        ("U&'\\D83D'", None),
        ("U&'\\D83Dx'", None),
        ("U&'\\D83D\\0041'", None),
        ("U&'\\DE00'", None),
        ("U&'\\0000'", None),
        ("U&'\\00'", None),
        ("U&'\\+00006g'", None),
        ("U&'\\x'", None),
        ("U&'\\'", None),
    ] {
        assert_eq!(value(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn strings_go_on_where_a_line_ends_between_them() {
    for (text, expected) in [
        ("'a'\n'b'", "ab"),
        ("'a'  -- it's\n\t-- ''\r\n 'b''c'\r'd'", "ab'cd"),
        ("E'a\\''\n'\\'b\\n'", "a''b\n"),
        ("X'1f'\n'00'", "1f00"),
        ("b'0'\n'1'\n''", "01"),
        ("'a\n'\n'\nb'", "a\n\nb"),
    ] {
        assert_eq!(value(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn numbers_are_those_that_the_server_reads() {
    for (text, expected) in [
        ("1_000", "1000"),
        ("0x1F", "31"),
        ("0X_ff_FF", "65535"),
        ("0o17", "15"),
        ("0B_1_0", "2"),
        ("1_000.000_5e1_0", "1000.0005e10"),
        (".0_1", ".01"),
        ("1_0.", "10."),
        ("0x1e5", "485"),
    ] {
        assert_eq!(value(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_shape_has_them_without_comments() {
    for (text, expected) in [
        ("E'a'\n -- x\n 'b'", "E'a'\n'b'"),
        ("U&\"a\nb\"", "U&\"a\nb\""),
        ("U&\"a\" /* x */ uescape\n'!'", "U&\"a\" UESCAPE '!'"),
        ("1_0", "1_0"),
    ] {
        let tokens = lex(text).unwrap();
        assert_eq!(super::without_layout(text, tokens[0]), expected);
    }
}

proptest! {
    #[test]
    fn what_is_escaped_comes_back(name in "[^\\x00]{1,12}", every in any::<bool>(), quoted in any::<bool>()) {
        let quote = if quoted { '"' } else { '\'' };
        let mut text = format!("U&{quote}");
        for (at, character) in name.chars().enumerate() {
            if every || at % 2 == 0 || character.is_control() {
                text.push_str(&format!("\\+{:06x}", u32::from(character)));
            } else if character == quote || character == '\\' {
                text.extend([character, character]);
            } else {
                text.push(character);
            }
        }
        text.push(quote);
        prop_assert_eq!(value(&text), Some(name));
    }

    #[test]
    fn parts_of_a_string_are_one(parts in proptest::collection::vec("[a-z' \\\\]{0,4}", 1..5), layout in "[ \t]{0,2}(--[a-z' -]{0,3})?\n[ \r\n]{0,2}") {
        let text = parts.iter().map(|part| format!("'{}'", part.replace('\'', "''"))).collect::<Vec<_>>().join(&layout);
        prop_assert_eq!(value(&text), Some(parts.concat()));
    }
}
