use proptest::prelude::*;

use super::super::lexer::lex;
use super::*;

fn statements(text: &str) -> Result<usize, GuardError> {
    agree(text, &lex(text).unwrap()).map(|statements| statements.len())
}

#[test]
fn both_readers_agree_on_ordinary_statements() {
    for text in [
        "select a, \"B\".c from \"B\" where x <> 'it''s' and y = E'\\n' and z @> '{}'::jsonb -- done",
        "select d->>'k', a&&b, '[1,2]'::int4range &> '[3,4]' from t where é is null".replace('é', "e").as_str(),
        "select 'Grüße', \"Straße\" /* naïve */ from t",
        "select case when a then 1 else 2 end, t.end, t.case from t",
        "select $$a$$, $q$b'$q$, X'1f', B'01', N'n', 1.5e3, .5, $1",
        "end",
        "select 1; end;",
        "select größe, 名前 from straße as ø where москва = 1",
        "select U&'d\\0061t' , u&\"\\0065mail\", U&\"!0065mail\" uescape '!' from U&\"t\"",
        "select 'a' -- it's\n  'b', E'\\n'\n'b', X'1f'\n'00' from t",
        "select 1_000, 0x1F, 0o17, 0b_1, 1_0.5e1_0 from t",
    ] {
        assert!(statements(text).is_ok(), "{text}: {:?}", statements(text));
    }
}

#[test]
fn a_message_is_parted_into_its_statements() {
    assert_eq!(statements(""), Ok(0));
    assert_eq!(statements(";;select 1;; select ';';"), Ok(2));
}

#[test]
fn an_end_that_closes_no_case_is_refused() {
    assert_eq!(statements("select 1 end; delete from t"), Err(GuardError::StrayEnd { at: 9 }));
    assert_eq!(statements("select x.case, 1 end"), Err(GuardError::StrayEnd { at: 17 }));
}

#[test]
fn a_keyword_that_would_swallow_from_is_refused() {
    assert_eq!(statements("select val like from secrets"), Err(GuardError::BareKeyword { at: 11 }));
    assert_eq!(statements("select a is distinct from b from t"), Ok(1));
}

#[test]
fn what_the_readers_cut_differently_is_refused() {
    for text in ["select 1..5", "select `a`"] {
        assert!(matches!(statements(text), Err(GuardError::Disagreement { at: _ })), "{text}");
    }
}

#[test]
fn a_letter_outside_ascii_makes_no_keyword() {
    for text in
        ["ſelect 1", "select 1 lımıt 1", "select 1 claß", "select a ﬁrst", "select 1 union ſelect 2", "select oﬀset"]
    {
        let agreed = agree(text, &lex(text).unwrap());
        let strange = |word: &Word| !word.value.is_ascii();
        let keyword = agreed.iter().flatten().flatten().find_map(|token| {
            if let Token::Word(word) = &token.token { strange(word).then_some(word.keyword) } else { None }
        });
        assert!(agreed.is_err() || keyword == Some(Keyword::NoKeyword), "{text}");
    }
}

#[test]
fn what_is_one_token_to_the_server_is_one_here() {
    let email = Word { value: "email".to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword };
    for (text, expected) in [
        ("U&\"!0065mail\" uescape '!'", Token::Word(email)),
        ("U&'\\0065mail'", Token::SingleQuotedString("email".to_owned())),
        ("'a' -- '\n'b'", Token::SingleQuotedString("ab".to_owned())),
        ("E'a\\n'\n'b'", Token::EscapedStringLiteral("a\nb".to_owned())),
        ("0x1F", Token::Number("31".to_owned(), false)),
    ] {
        let statements = agree(text, &lex(text).unwrap()).unwrap();
        assert_eq!(statements[0].len(), 1, "{text}");
        assert_eq!(statements[0][0].token, expected, "{text}");
    }
    // A backslash that sqlparser reads otherwise, and what has no value.
    for text in ["E'a'\n'\\''", "U&'\\00' uescape '!'", "U&'a!' uescape '!'", "U&\"\\0000\""] {
        assert!(agree(text, &lex(text).unwrap()).is_err(), "{text}");
    }
}

#[test]
fn an_operator_that_sqlparser_does_not_know_is_one_all_the_same() {
    for (text, operator) in
        [("a =@ b", "=@"), ("a <+> b", "<+>"), ("a ?-||b", "?-||"), ("a *<> b", "*<>"), ("a === 1", "===")]
    {
        let statements = agree(text, &lex(text).unwrap()).unwrap();
        assert_eq!(statements[0].len(), 3, "{text}");
        assert_eq!(statements[0][1].token, Token::CustomBinaryOperator(operator.to_owned()), "{text}");
    }
}

#[test]
fn a_sign_after_an_operator_is_a_sign() {
    for text in ["select a>-1", "select a>=-1, b<>-1, d<=+1, e *-1"] {
        let statements = agree(text, &lex(text).unwrap()).unwrap();
        assert!(statements[0].iter().all(|token| !matches!(token.token, Token::CustomBinaryOperator(_))), "{text}");
    }
}

#[test]
fn a_place_is_the_byte_of_its_line_and_column() {
    let text = "aé\r\nb\n\nü";
    let mut places = Places::new(text);
    let bytes: Vec<usize> =
        [(1, 1), (1, 2), (2, 1), (4, 1), (9, 9)].map(|(line, column)| places.byte(Location { line, column })).into();
    assert_eq!(bytes, [0, 1, 5, 8, 10]);
}

proptest! {
    #[test]
    fn agreement_never_panics(text in "(select|end|case|U&|uescape|0x|_|ß|[a-c]|'|\"|\\$|--|/\\*|\\*/|&>|[<>=|;. \n-]){0,24}") {
        if let Ok(lexemes) = lex(&text) {
            let _ = agree(&text, &lexemes);
        }
    }
}
