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
    for text in ["select a =@ b", "select 1..5", "select '{' ? 'a' ?& b ?-|| c", "select `a`"] {
        assert!(matches!(statements(text), Err(GuardError::Disagreement { at: _ })), "{text}");
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
    fn agreement_never_panics(text in "(select|end|case|[a-c]|'|\"|\\$|--|/\\*|\\*/|&>|[<>=|;. \n-]){0,24}") {
        if let Ok(lexemes) = lex(&text) {
            let _ = agree(&text, &lexemes);
        }
    }
}
