use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::Tokenizer;

use super::*;

fn respelled(sql: &str) -> String {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap();
    let tokens = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    respell(tokens).into_iter().map(|token| token.token.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_sqlparser_does_not_know_is_put_into_what_it_does() {
    for (sql, expected) in [
        ("select f(variadic $1)", "select f ( variadic => $1 )"),
        ("select f(a := 1)", "select f ( a => 1 )"),
        ("select (f(a)).* from t", "select ( f ( a ) ) . \"\" from t"),
        ("select inet '::1'", "select '::1' :: inet"),
        ("select a from only t", "select a from t"),
        ("delete from only (s.t)", "delete from s . t"),
        ("table only t", "SELECT * FROM t"),
        ("(table a) union all table b", "( SELECT * FROM a ) union all SELECT * FROM b"),
        ("update t set a[1] = 2, b['x'][$1:2] = 3", "update t set a = 2 , b = 3"),
        ("insert into t (a[1], b) values (1, 2)", "insert into t ( a , b ) values ( 1 , 2 )"),
        ("insert into t overriding user value values (1)", "insert into t values ( 1 )"),
        ("delete from t where current of c", "delete from t where NULL"),
        ("select 1 from t for no key update", "select 1 from t for update"),
        ("select 1 from t for key share nowait", "select 1 from t for share nowait"),
        ("select 1 for share of a, b skip locked", "select 1 for share of a FOR share OF b skip locked"),
        ("select a isnull, (b) notnull", "select a IS NULL , ( b ) IS NOT NULL"),
        ("select a::char(3) collate \"C\" from t", "select a :: char ( 3 ) from t"),
        ("select * from f(1) as (a int)", "select * from f ( 1 ) as \"f\" ( a int )"),
        (
            "select sum(a) over (rows between current row and '1 d'::interval following exclude ties)",
            "select sum ( a ) over ( rows between current row and '1 d' following )",
        ),
        ("copy t from stdin with (freeze on)", "copy t from stdin"),
        ("copy t (a) from stdin csv header force not null a", "copy t ( a ) from stdin"),
        ("copy (select 1 from t) to stdout with (header match, force_quote *)", "copy ( select 1 from t ) to stdout"),
        ("vacuum (full, parallel 2) t", "vacuum t"),
        ("vacuum full analyze t", "vacuum t"),
        ("analyze (verbose) t (a)", "analyze t ( a )"),
        (
            "begin isolation level serializable, read only, not deferrable",
            "begin isolation level serializable , read only",
        ),
        ("set transaction deferrable, read only", "set transaction read only"),
        ("fetch c", "FETCH NEXT FROM c"),
        ("fetch from c", "FETCH NEXT FROM c"),
        ("fetch backward all in \"C\"", "FETCH NEXT FROM \"C\""),
        ("fetch next next", "FETCH NEXT FROM next"),
        ("fetch 5 c into t", "fetch 5 c into t"),
        ("fetch 5 from", "FETCH NEXT FROM from"),
        ("move absolute -5 from c", "FETCH NEXT FROM c INTO \"\""),
        ("move forward 10 __portal_1__", "FETCH NEXT FROM __portal_1__ INTO \"\""),
        ("move (select 1) from c", "move ( select 1 ) from c"),
        ("set constraints all deferred", "set \"\" = 0"),
        ("set constraints \"A\".b, c immediate", "set \"\" = 0"),
        ("set constraints immediate", "set constraints immediate"),
        ("set constraints (select 1) deferred", "set constraints ( select 1 ) deferred"),
    ] {
        assert_eq!(respelled(sql), expected, "{sql}");
    }
}

#[test]
fn what_may_mean_something_else_stays() {
    for sql in [
        "select a as only , only.b",
        "select a [ 1 ] = 2",
        "update t set a [ ( select 1 from s ) ] = 2",
        "update t set a [ i ] = 2",
        "update t set a = 1 where a [ 1 ] = a",
        "select a * b from t",
        "select f ( ) . isnull , isnull ( a )",
        "select b collate \"C\" from t order by b collate \"C\"",
        "with f ( a ) as ( select 1 ) select 1",
        "with g as ( select 1 ) , f ( a ) as ( values ( 1 ) ) select 1",
        "copy t from stdin where f ( a )",
        "copy t from stdin with ( freeze ) where a",
        "vacuum a , b",
        "vacuum analyze t ( a )",
        "create function f ( variadic a int [ ] ) returns int language sql as 'select 1'",
        "select mine 'x'",
        "select current from t",
        "select a over from t",
    ] {
        assert_eq!(respelled(sql).replace(" . ", ".").replace(" ;", ""), sql.replace(" . ", "."), "{sql}");
    }
}
