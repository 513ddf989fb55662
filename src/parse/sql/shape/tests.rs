use super::super::lexer::lex;
use super::*;
use proptest::prelude::*;

fn data(text: &str) -> Shape {
    shape(text, &lex(text).unwrap(), Lift::Data { consulted: &[] })
}

#[test]
fn constants_of_queries_are_lifted_and_layout_is_folded() {
    let cases = [
        ("select  a\n/* x */ from t -- y\nwhere b = 'it''s' and c>5", "select a from t where b = $1 and c>$2"),
        ("select * from t where a = $2 and b = 'x'", "select * from t where a = $2 and b = $3"),
        ("insert into t values (1, 'a'), (-2, E'b')", "insert into t values ($1, $2), (-$3, $4)"),
        ("update t set a = 1.5 where b in ('x','y')", "update t set a = $1 where b in ($2,$3)"),
        ("explain (costs 0) select 'x'", "explain (costs 0) select $1"),
        ("select'a'as b", "select $1 as b"),
        ("notify c, 'secret'", "notify c, $1"),
        ("select 1; delete from t where id = 7", "select $1; delete from t where id = $2"),
    ];
    for (text, normalized) in cases {
        assert_eq!(data(text).normalized, normalized);
    }
}

#[test]
fn constants_that_a_fact_comes_from_stay() {
    for text in [
        "select a from t limit 5 offset 10",
        "select a from t limit (5)",
        "select a from t fetch first 5 rows only",
        "select a from t group by 1 order by 2 desc, 3",
        "select a from t where 1 = 1",
        "select a from t where 'a'='a'",
        "select 'orders'::regclass",
        "select cast('orders' as pg_catalog.\"regclass\")",
        "select nextval('s'), set_config('role', 'x', false), current_setting('a.b')",
        "select query_to_xml('select 1', true, true, '')",
        "select pg_table_size('orders')",
        "select date '2024-01-01', interval '1 day', public.email 'x', float(8) '1'",
        "set search_path to 'x', 'y'",
        "set statement_timeout = 0",
        "copy t to '/tmp/x' with (format 'csv')",
        "copy (select 'a') to '/tmp/x'",
        "alter role r set work_mem = 5",
    ] {
        let shape = data(text);
        let lexemes = lex(text).unwrap();
        let numbers = shape.lifted.iter().all(|index| lexemes[*index].class == Class::Number);
        assert!(shape.normalized.contains('\'') || numbers);
        assert!(!shape.normalized.contains("$1") || text.contains("float"), "{text}: {}", shape.normalized);
    }
    assert_eq!(data("select a from t order by 1 limit 3 for update").lifted, Vec::<usize>::new());
    assert_eq!(data("select (select a from t order by 2), 7").lifted, [11]);
}

#[test]
fn what_the_walk_consulted_stays() {
    let text = "select f('a', 'b')";
    let shape = shape(text, &lex(text).unwrap(), Lift::Data { consulted: &[9] });
    assert_eq!(shape.normalized, "select f('a', $1)");
}

#[test]
fn lifting_all_leaves_no_constant_in_the_text() {
    let text = "alter role r password 'hunter2' valid until E'\\xe9' connection limit 5";
    let shape = shape(text, &lex(text).unwrap(), Lift::All);
    assert_eq!(shape.normalized, "alter role r password $1 valid until ? connection limit $2");
}

proptest! {
    #[test]
    fn a_shape_is_cut_like_its_text(text in "(select|from|limit|order by|[a-c]|'a'|5|\\$1|[=,;().]|--x\n|/\\*y\\*/| ){0,24}") {
        if let Ok(lexemes) = lex(&text) {
            let shape = data(&text);
            let again = lex(&shape.normalized).unwrap();
            prop_assert_eq!(again.len(), lexemes.len());
            let kept = lexemes.iter().filter(|lexeme| lexeme.is_literal()).count() - shape.lifted.len();
            prop_assert_eq!(again.iter().filter(|lexeme| lexeme.is_literal()).count(), kept);
        }
    }

    #[test]
    fn statements_that_differ_in_data_have_one_shape(a in "[^\\x00-\\x1f\\x7f]{0,12}", b in 0..i64::MAX) {
        let text = format!("select * from t where a = '{}' and b < {b}", a.replace('\'', "''"));
        prop_assert_eq!(data(&text).normalized, "select * from t where a = $1 and b < $2");
    }
}
