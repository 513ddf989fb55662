use super::super::lexer::lex;
use super::*;

fn check(text: &str) -> Result<(), BudgetError> {
    tokens(text, &lex(text).unwrap(), 20_000)
}

fn complex(what: &'static str, limit: usize) -> Result<(), BudgetError> {
    Err(BudgetError::Complex { what, limit })
}

#[test]
fn each_budget_holds_at_its_limit_and_not_beyond() {
    type Text = fn(usize) -> String;
    let cases: [(&str, Text, usize); 11] = [
        ("joins", |n| format!("select 1 from t{}", " join t on true".repeat(n)), 64),
        ("set operations", |n| format!("select 1{}", " union select 1".repeat(n)), 64),
        ("operators", |n| format!("select 1{}", "+1".repeat(n)), 5_000),
        ("operators", |n| format!("select 1{}", " or a".repeat(n)), 5_000),
        ("operators", |n| format!("select 1{}", "::int".repeat(n)), 5_000),
        ("levels of nesting", |n| format!("select {}1{}", "(".repeat(n), "+1)".repeat(n)), 40),
        ("levels of nesting", |n| format!("select {}1{}", "case when true then ".repeat(n), " end".repeat(n)), 40),
        ("subscripts in a row", |n| format!("select a{}", "[1]".repeat(n)), 16),
        ("operators in a row", |n| format!("select {}1", "not ".repeat(n)), 16),
        ("operators in a row", |n| format!("select {}1", "- ".repeat(n)), 16),
        ("field selections in a row", |n| format!("select (a){}", ".a".repeat(n)), 16),
    ];
    for (what, text, limit) in cases {
        assert_eq!(check(&text(limit)), Ok(()), "{what}");
        assert_eq!(check(&text(limit + 1)), complex(what, limit), "{what}");
    }
}

#[test]
fn many_names_in_a_list_are_not_many_selections() {
    assert_eq!(check(&format!("select {}", vec!["\"t\".\"c\""; 1_000].join(", "))), Ok(()));
    assert_eq!(check(&format!("select array[{}]", vec!["a[1]"; 100].join(", "))), Ok(()));
}

#[test]
fn sixty_thousand_semicolons_are_too_many_tokens() {
    assert_eq!(check(&";".repeat(60_000)), Err(BudgetError::Tokens { tokens: 60_000, limit: 20_000 }));
}

#[test]
fn two_megabytes_are_too_many_bytes() {
    assert_eq!(bytes(&[b' '; 65_537], 65_536), Err(BudgetError::Bytes { bytes: 65_537, limit: 65_536 }));
    assert_eq!(bytes(&[b' '; 65_536], 65_536), Ok(()));
}
