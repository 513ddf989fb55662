use proptest::prelude::*;

use super::*;

fn classes(text: &str) -> Vec<(Class, &str)> {
    lex(text).unwrap().into_iter().map(|token| (token.class, token.of(text))).collect()
}

#[test]
fn a_statement_is_cut_into_words_marks_and_constants() {
    use Class::*;
    assert_eq!(
        classes("select a.\"B\", E'\\'' /* x /* y */ */ from t -- end\nwhere id>=$1::int4 and v = $q$it's$q$;"),
        [
            (Word, "select"),
            (Word, "a"),
            (Punctuation, "."),
            (Quoted, "\"B\""),
            (Punctuation, ","),
            (Escaped, "E'\\''"),
            (Word, "from"),
            (Word, "t"),
            (Word, "where"),
            (Word, "id"),
            (Operator, ">="),
            (Parameter, "$1"),
            (Punctuation, "::"),
            (Word, "int4"),
            (Word, "and"),
            (Word, "v"),
            (Operator, "="),
            (Dollar, "$q$it's$q$"),
            (Punctuation, ";"),
        ]
    );
}

#[test]
fn a_trailing_sign_is_given_back_unless_the_operator_is_not_of_the_standard() {
    assert_eq!(classes("a=-1").len(), 4);
    assert_eq!(classes("a*-+1").len(), 5);
    assert_eq!(classes("a @-1").len(), 3);
    assert_eq!(classes("a->>-1").len(), 4);
}

#[test]
fn numbers_are_cut_as_the_server_cuts_them() {
    for text in ["1", "1.", ".5", "1.5e10", "1e-3", "1.e5", "0x1F", "1_000", "0b_1", "1_0.0_1e1_0"] {
        assert_eq!(classes(text), [(Class::Number, text)]);
    }
    assert_eq!(classes("1..5").len(), 3);
    for text in [
        "1a", "0x", "0x1G", "0b2", "0o8", "1_", "1__0", "1._5", "1_a", "0x_", "1e", "1.5e+", "1e_5", "0x1é", "$1a",
        "$1$", "$1_0",
    ] {
        assert!(lex(text).is_err(), "{text}");
    }
}

#[test]
fn what_other_readers_cut_otherwise_is_an_error_at_its_byte() {
    let cases = [
        ("a >--'\n0", LexError::GluedComment { at: 3 }),
        ("a -/*x*/ 1", LexError::GluedComment { at: 3 }),
        ("a &>'b'", LexError::GluedOperator { at: 2 }),
        ("U&\"a\" uescape", LexError::Unicode { at: 0 }),
        ("U&\"a\" uescape from", LexError::Unicode { at: 0 }),
        ("U&'a' uescape E'!'", LexError::Unicode { at: 0 }),
        ("U&'a' uescape 'ab'", LexError::Unicode { at: 0 }),
        ("U&'a' uescape '\\'", LexError::Unicode { at: 0 }),
        ("U&'a' uescape 'f'", LexError::Unicode { at: 0 }),
        ("U&'a' uescape '+'", LexError::Unicode { at: 0 }),
        ("U&'a' uescape ''''", LexError::Unicode { at: 0 }),
        ("U&\"\"", LexError::EmptyName { at: 0 }),
        ("U&\"a", LexError::OpenName { at: 0 }),
        ("U&'a", LexError::OpenString { at: 0 }),
        ("x'1g'", LexError::Hex { at: 0 }),
        ("B'12'", LexError::Bits { at: 0 }),
        ("'a' 'b'", LexError::Continued { at: 4 }),
        ("'a'/**/\n'b'", LexError::Continued { at: 8 }),
        ("'a'\n/**/'b'", LexError::Continued { at: 8 }),
        ("N'a'\n'b'", LexError::Continued { at: 5 }),
        ("U&'a'\n'b'", LexError::Continued { at: 6 }),
        ("'a'\n'b", LexError::OpenString { at: 4 }),
        ("X'1'\n'g'", LexError::Hex { at: 5 }),
        ("'a", LexError::OpenString { at: 0 }),
        ("E'a\\'", LexError::OpenString { at: 0 }),
        ("$a$b", LexError::OpenString { at: 0 }),
        ("\"a", LexError::OpenName { at: 0 }),
        ("\"\"", LexError::EmptyName { at: 0 }),
        ("/* /* */", LexError::OpenComment { at: 0 }),
        ("É", LexError::NotAscii { at: 0 }),
        ("aÉ", LexError::NotAscii { at: 1 }),
        ("a\u{a0}b", LexError::NotAscii { at: 1 }),
        ("\u{2028}", LexError::NotAscii { at: 0 }),
        ("a\u{200b}", LexError::NotAscii { at: 1 }),
        ("a\u{b}b", LexError::Control { at: 1 }),
        ("'\0'", LexError::Control { at: 1 }),
        ("'\u{1}' \u{b}", LexError::Control { at: 1 }),
        ("\u{b}'\u{1}'", LexError::Control { at: 0 }),
        ("\"\u{b}\"", LexError::Control { at: 1 }),
        ("N'\u{b}'", LexError::Control { at: 2 }),
        ("U&'\u{b}'", LexError::Control { at: 3 }),
        ("'a' -- \u{7f}", LexError::Control { at: 7 }),
        ("/*\u{b}*/ 'a'", LexError::Control { at: 2 }),
        ("'a'\u{b}'b'", LexError::Control { at: 3 }),
        ("'a\u{b}", LexError::Control { at: 2 }),
        ("{", LexError::Character { at: 0 }),
        ("$1$x$1$", LexError::ParameterJunk { at: 0 }),
    ];
    for (text, error) in cases {
        assert_eq!(lex(text), Err(error), "{text}");
    }
}

#[test]
fn in_strings_control_characters_are_data() {
    for text in ["'\u{b}'", "'a\u{1}' , '\u{7f}b'", "E'\\'\u{1b}'", "$a$\u{3}$a$", "select 'a\u{b}'\n'\u{8}'"] {
        assert!(lex(text).is_ok(), "{text:?}");
    }
}

#[test]
fn the_first_word_is_found_behind_comments_and_brackets() {
    assert_eq!(first_word("  -- hi\n do $$x$$"), "DO");
    assert_eq!(first_word("((select 1"), "SELECT");
    assert_eq!(first_word("'"), "");
}

proptest! {
    #[test]
    fn tokens_are_in_order_and_only_layout_is_between_them(text in "[a-c1.$'\"/*<>&|; \n\\\\-]{0,40}") {
        if let Ok(tokens) = lex(&text) {
            let mut end = 0;
            for token in tokens {
                prop_assert!(token.start >= end && token.end > token.start && token.end <= text.len());
                let between = text.get(end..token.start).unwrap();
                prop_assert!(between.trim().is_empty() || between.contains("--") || between.contains("/*"));
                end = token.end;
            }
        }
    }

    #[test]
    fn any_text_is_cut_or_refused(text in ".{0,60}") {
        let _ = lex(&text);
    }
}
