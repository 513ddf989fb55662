use proptest::prelude::*;
use serde_json::json;

use super::super::lexer::lex;
use super::*;

fn one(text: &str) -> Option<Literal> {
    let tokens = lex(text).unwrap();
    assert_eq!(tokens.len(), 1);
    literal(text, tokens[0])
}

#[test]
fn constants_have_the_types_that_postgresql_gives_them() {
    let cases = [
        ("7", "int4", json!(7)),
        ("2147483648", "int8", json!(2_147_483_648_i64)),
        ("9223372036854775808", "numeric", json!("9223372036854775808")),
        ("1.50", "numeric", json!(1.5)),
        ("1e400", "numeric", json!("1e400")),
        ("0.12345678901234567890", "numeric", json!("0.12345678901234567890")),
        ("'it''s'", "text", json!("it's")),
        ("E'a\\n\\x41\\101\\u00e9\\''", "text", json!("a\nAAé'")),
        ("$q$x'$q$", "text", json!("x'")),
        ("$$$$", "text", json!("")),
        ("B'101'", "bit", json!("101")),
        ("X'1f'", "bit", json!("00011111")),
    ];
    for (text, type_name, value) in cases {
        assert_eq!(one(text), Some(Literal { type_name, value }), "{text}");
    }
}

#[test]
fn escapes_whose_meaning_depends_on_the_encoding_have_no_value() {
    for text in ["E'\\xe9'", "E'\\351'", "E'\\000'", "E'\\u12'", "E'\\ud800'"] {
        assert_eq!(one(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_quoted_text_comes_back(value in "[^\\x00-\\x1f\\x7f]{0,20}") {
        let quoted = format!("'{}'", value.replace('\'', "''"));
        prop_assert_eq!(one(&quoted).unwrap().value, json!(value));
        let escaped = format!("E'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
        prop_assert_eq!(one(&escaped).unwrap().value, json!(value));
    }
}
