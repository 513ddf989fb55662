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
        ("select global.a from t global", "select \"global\" . a from t \"global\""),
        ("create global temp table t (a int)", "create global temp table t ( a int )"),
        ("select f(variadic $1)", "select f ( variadic => $1 )"),
        ("select f(a := 1)", "select f ( a => 1 )"),
        ("select (f(a)).* from t", "select ( f ( a ) ) . \"\" from t"),
        (
            "select 1 where a.b operator(pg_catalog.=) any (array['r']) and c operator(pg_catalog.<>) all (d)",
            "select 1 where a . b = any ( array [ 'r' ] ) and c <> all ( d )",
        ),
        ("select 1 = a operator(pg_catalog.=) any (b)", "select 1 = a operator ( pg_catalog . = ) any ( b )"),
        ("select a operator(s.=) any (b)", "select a operator ( s . = ) any ( b )"),
        ("select inet '::1'", "select '::1' :: inet"),
        ("select a from only t", "select a from t"),
        (
            "select top from t union select distinct top::int from u",
            "select \"top\" from t union select distinct \"top\" :: int from u",
        ),
        ("select a from (only t cross join only (u))", "select a from ( t cross join u )"),
        ("delete from only (s.t)", "delete from s . t"),
        ("table only t", "SELECT * FROM t"),
        ("(table a) union all table b", "( SELECT * FROM a ) union all SELECT * FROM b"),
        ("update t set a[1] = 2, b['x'][$1:2] = 3", "update t set a = 2 , b = 3"),
        ("insert into t (a[1], b) values (1, 2)", "insert into t ( a , b ) values ( 1 , 2 )"),
        ("insert into t overriding user value values (1)", "insert into t values ( 1 )"),
        ("delete from t where current of c", "delete from t where NULL"),
        ("select 1 from t for no key update", "select 1 from t for update"),
        ("select 1 from t for key share nowait", "select 1 from t for share nowait"),
        (
            "select 1 from a, b for share of a, b skip locked",
            "select 1 from a , b for share of a FOR share OF b skip locked",
        ),
        ("select a isnull, (b) notnull", "select a IS NULL , ( b ) IS NOT NULL"),
        ("select a::char(3) collate \"C\" from t", "select a :: char ( 3 ) from t"),
        ("select * from f(1) as (a int)", "select * from f ( 1 ) as \"f\" ( a int )"),
        (
            "select sum(a) over (rows between current row and '1 d'::interval following exclude ties)",
            "select sum ( a ) over ( rows between current row and '1 d' following )",
        ),
        (
            "insert into t (a) values (1) on conflict (lower(a) collate \"C\" ops, b) where a > 0 do nothing",
            "insert into t ( a ) PARTITION ( \"\" , lower ( a ) , b , a > 0 ) values ( 1 ) on conflict do nothing",
        ),
        (
            "insert into t values (1) on conflict (a collate \"C\" ops, b) do nothing",
            "insert into t values ( 1 ) on conflict ( a , b ) do nothing",
        ),
        (
            "insert into s.t select 1 on conflict ((a || b)) do nothing",
            "insert into s . t AS t PARTITION ( \"\" , ( a || b ) ) select 1 LIMIT ALL on conflict do nothing",
        ),
        (
            "insert into t as x (select 1) on conflict (f(a)) do nothing",
            "insert into t as x PARTITION ( \"\" , f ( a ) ) ( select 1 ) on conflict do nothing",
        ),
        (
            "select * from rows from (f(1), s.g(2) as (a int)) with ordinality as x",
            "select * from LATERAL ( SELECT f ( 1 ) AS \"\" , s . g ( 2 ) AS \"\" ) as x",
        ),
        (
            "select * from t, rows from (S.F(1)) where true",
            "select * from t , LATERAL ( SELECT S . F ( 1 ) AS \"\" ) AS \"f\" where true",
        ),
        ("select xmlelement(name a, xmlattributes(b as c, d), e)", "select xmlelement ( xmlattributes ( b , d ) , e )"),
        ("select xmlelement(name a), xmlpi(name b, c)", "select xmlelement ( ) , xmlpi ( c )"),
        ("select xmlserialize(content a as text no indent)", "select CAST ( a as text )"),
        ("select xmlparse(document a strip whitespace)", "select xmlparse ( document a )"),
        ("select xmlroot(a, version '1', standalone no value)", "select xmlroot ( a , '1' )"),
        ("select xmlroot(a, version no value, standalone yes)", "select xmlroot ( a )"),
        ("select xmlexists('x' passing by ref a by value)", "select xmlexists ( 'x' , a )"),
        ("select a is not document", "select a is not JSON"),
        ("select json_object('a': b format json with unique keys)", "select json_object ( 'a' : b )"),
        ("select substring(a similar b escape c)", "select substring ( a , b , c )"),
        ("select pg_catalog.substring(a, 1)", "select pg_catalog . \"substring\" ( a , 1 )"),
        ("select collation for (a)", "select \"pg_catalog\" . \"pg_collation_for\" ( a )"),
        ("select a between symmetric 2 and 1", "select a between 2 and 1"),
        ("select a like all (b)", "select a like ANY ( b )"),
        ("select 1 from t group by distinct rollup (a)", "select 1 from t group by rollup ( a )"),
        (
            "with recursive r as (select 1) search depth first by a, b set c select 1 from r",
            "with recursive r as ( select 1 ) , \"\" AS ( SELECT NULL ) select 1 from r",
        ),
        (
            "with recursive r as (select 1) search breadth first by a set c cycle a set b using d select 1 from r",
            "with recursive r as ( select 1 ) , \"\" AS ( SELECT NULL ) select 1 from r",
        ),
        ("select trim(leading from a), trim(from b)", "select trim ( leading ' ' FROM a ) , trim ( b )"),
        (
            "select * from json_table(a, '$[*]' passing 1 as x columns (n for ordinality, b text path '$.b')) as t",
            "select * from \"pg_catalog\" . \"json_table\" ( a , '$[*]' , 1 ) AS t ( n INT , b text )",
        ),
        (
            "with recursive r as (select 1) cycle a set b to 'Y' default 'N' using c select 1 from r",
            "with recursive r as ( select 1 ) , \"\" AS ( SELECT NULL ) select 1 from r",
        ),
    ] {
        assert_eq!(respelled(sql), expected, "{sql}");
    }
}

#[test]
fn values_that_give_rows_and_values_of_enums_are_put_so() {
    for (sql, expected) in [
        ("select * from current_schema", "select * from \"pg_catalog\" . \"current_schema\" ( )"),
        ("select * from current_schema()", "select * from \"current_schema\" ( )"),
        ("select * from session_user as x", "select * from \"pg_catalog\" . \"session_user\" ( ) as x"),
        (
            "select * from t join current_user on true",
            "select * from t join \"pg_catalog\" . \"current_user\" ( ) on true",
        ),
        ("create type m as enum ($a$b$a$, e'c', 'd')", "create type m as enum ( '' , '' , 'd' )"),
        ("alter type m add value $$b$$ after 'a'", "alter type m add value '' after 'a'"),
    ] {
        assert_eq!(respelled(sql), expected, "{sql}");
    }
}

#[test]
fn stars_seeds_and_all_rights_of_columns_are_put_so_only_where_they_are_meant() {
    for (sql, expected) in [
        (
            "select 1 from t* x, (with q as (select 2) select 3 from s.t * as y) z join u * v on a * b > 1",
            "select 1 from t x , ( with q as ( select 2 ) select 3 from s . t as y ) z join u v on a * b > 1",
        ),
        ("delete from t* x where a is not distinct from b * c", "delete from t x where a is not distinct from b * c"),
        ("update t* x set a = b * c", "update t x set a = b * c"),
        ("update s.t * as x set a = 1", "update s . t as x set a = 1"),
        ("select a is distinct from b * c from t", "select a is distinct from b * c from t"),
        ("select (a is distinct from b * c) from t* x", "select ( a is distinct from b * c ) from t x"),
        (
            "select extract(day from a * b), substring(a from b * c for 2), (select trim(both from a * b collate c) from t* x)",
            "select extract ( day from a * b ) , substring ( a from b * c for 2 ) , ( select trim ( both ' ' FROM a * b collate c ) from t x )",
        ),
        (
            "select 1 from t tablesample system (1) repeatable (1+ -2*3)",
            "select 1 from t tablesample system ( 1 ) repeatable ( +-* )",
        ),
        (
            "select 1 from t tablesample system (1) repeatable (1+f(2)), repeatable(1+1) where repeatable (1+1)",
            "select 1 from t tablesample system ( 1 ) repeatable ( 1 + f ( 2 ) ) , repeatable ( 1 + 1 ) where repeatable ( 1 + 1 )",
        ),
        (
            "grant all privileges (a, \"B\") on t to r",
            "grant SELECT ( a , \"B\" ) , INSERT ( a , \"B\" ) , UPDATE ( a , \"B\" ) , REFERENCES ( a , \"B\" ) on t to r",
        ),
        (
            "revoke grant option for all (a) on t from r",
            "revoke grant option for SELECT ( a ) , INSERT ( a ) , UPDATE ( a ) , REFERENCES ( a ) on t from r",
        ),
        ("grant all on function f(a) to r", "grant all on function f ( a ) to r"),
    ] {
        assert_eq!(respelled(sql), expected, "{sql}");
    }
}

#[test]
fn commands_that_sqlparser_does_not_know_are_put_into_those_it_does() {
    for (sql, expected) in [
        ("explain analyse select 1", "explain ANALYZE select 1"),
        ("create view v as table only t with local check option", "create view v as SELECT * FROM t"),
        ("create materialized view v tablespace s as select 1 with no data", "create materialized view v as select 1"),
        ("create table t (a, b) using heap as (select 1, 2) with data", "create table t as ( select 1 , 2 )"),
        (
            "create table t (a text compression lz4 not null, like u including all excluding storage) tablespace s",
            "create table t ( a text not null , FOREIGN KEY ( \"\" ) REFERENCES u )",
        ),
        ("create unique index on only t (a) tablespace s where b", "create unique index on t ( a ) where b"),
        (
            "create trigger g before insert on t for each row execute function f('a', b, 1)",
            "create trigger g before insert on t for each row execute function f ( )",
        ),
        ("create domain s.d int not null check (value > 0)", "create domain s . d AS int check ( value > 0 )"),
        (
            "create function f() returns int cost 5 not leakproof language sql as 'x'",
            "create function f ( ) returns int language sql as 'x'",
        ),
        ("copy t from stdin with (freeze on)", "copy t from stdin"),
        ("copy t (a) from stdin csv header force not null a", "copy t ( a ) from stdin"),
        ("copy (select 1 from t) to stdout with (header match, force_quote *)", "copy ( select 1 from t ) to stdout"),
        (
            "begin isolation level serializable, read only, not deferrable",
            "begin isolation level serializable , read only",
        ),
        ("set transaction deferrable, read only", "set transaction read only"),
        (
            "create table t (a int generated always as (b * (c)) virtual, d int generated always as (a), e int)",
            "create table t ( a int generated always as ( b * ( c ) ) STORED , d int generated always as ( a ) STORED , e int )",
        ),
        (
            "create table t (like u including all) with (fillfactor = 70, toast.autovacuum_enabled = false)",
            "create table t ( like u )",
        ),
        (
            "create table t partition of s.u for values with (modulus 4, remainder 0) with (fillfactor = 70)",
            "create table t partition of s . u for values with ( modulus 4 , remainder 0 )",
        ),
        (
            "create table t (a int generated always as identity (start with -5 increment by 2 cycle) primary key)",
            "create table t ( a int generated always as identity primary key )",
        ),
        ("create view v with (security_invoker) as select 1", "create view v as select 1"),
        (
            "create domain d as text collate pg_catalog.\"C\" check (value collate \"C\" > 'a')",
            "create domain d as text check ( value collate \"C\" > 'a' )",
        ),
        (
            "alter table t alter a type text collate s.c using b collate \"C\", alter d type int",
            "alter table t alter a type text using b collate \"C\" , alter d type int",
        ),
        ("alter user u with encrypted password 'x'", "alter user u with password 'x'"),
        (
            "create table t (a int, period tsrange, foreign key (a, period b) references s.u (c, period d))",
            "create table t ( a int , period tsrange , foreign key ( a , b ) references s . u ( c , d ) )",
        ),
        (
            "create table t (a int, constraint c not null a no inherit, b int constraint d not null, not null b)",
            "create table t ( a int , constraint c CHECK ( a IS NOT NULL ) no inherit , b int constraint d not null , \
             CHECK ( b IS NOT NULL ) )",
        ),
        (
            "alter table t add constraint c not null a not valid, add not null b",
            "alter table t add constraint c CHECK ( a IS NOT NULL ) not valid , add CHECK ( b IS NOT NULL )",
        ),
        (
            "alter table t add foreign key (a) references u on delete set null (a) not valid not enforced",
            "alter table t add foreign key ( a ) references u on delete set null not enforced",
        ),
        (
            "alter table t add primary key (a, b without overlaps) with (fillfactor = 70) using index tablespace s",
            "alter table t add primary key ( a , b )",
        ),
    ] {
        assert_eq!(respelled(sql), expected, "{sql}");
    }
}

#[test]
fn queries_and_values_are_put_where_sqlparser_looks_for_them() {
    for (sql, expected) in [
        ("select a % any (b), c operator(s.%) all (d)", "select a % ( b ) , c operator ( s . % ) ( d )"),
        ("select a::text[] collate \"C\", b::s.t[3][] collate x.y", "select a :: text [ ] , b :: s . t [ 3 ] [ ]"),
        ("select a.*::text, count(s.t.*::text)", "select ( a . * ) :: text , count ( ( s . t . * ) :: text )"),
        ("declare c cursor for select 1 for no key update", "declare c cursor for select 1 LIMIT ALL for update"),
        ("explain (select 1) union select 2", "explain ( COSTS TRUE ) ( select 1 ) union select 2"),
        ("explain (costs off) (select 1)", "explain ( costs off ) ( select 1 )"),
        ("select 1 limit 2 for share", "select 1 limit 2 for share"),
        (
            "select ((select 1) union select 2)",
            "select ( SELECT * FROM ( ( select 1 ) union select 2 ) AS \"values\" )",
        ),
        (
            "select 1 = any ((table a) limit 1)",
            "select 1 = any ( SELECT * FROM ( ( SELECT * FROM a ) limit 1 ) AS \"values\" )",
        ),
        (
            "select (((select 1)) except select 2), 3",
            "select ( SELECT * FROM ( ( ( select 1 ) ) except select 2 ) AS \"values\" ) , 3",
        ),
        (
            "select (values (1)), b <> all (values (2), (3))",
            "select ( SELECT * FROM ( values ( 1 ) ) AS \"values\" ) , b <> all ( SELECT * FROM ( values ( 2 ) , ( 3 ) ) AS \"values\" )",
        ),
        ("select a in ((select 1), (select 2))", "select a in ( NULL , ( select 1 ) , ( select 2 ) )"),
        // sqlparser sees these.
        ("select * from ((select 1) union select 2) x", "select * from ( ( select 1 ) union select 2 ) x"),
        ("select a in ((select 1) union select 2)", "select a in ( ( select 1 ) union select 2 )"),
        ("select a in ((select 1)), ((b))", "select a in ( ( select 1 ) ) , ( ( b ) )"),
        ("select 1 union all (values (2))", "select 1 union all ( values ( 2 ) )"),
        ("insert into t (a) (values (1))", "insert into t ( a ) ( values ( 1 ) )"),
        ("with w as (values (1)) select 1", "with w as ( values ( 1 ) ) select 1"),
        ("copy ((select 1) union select 2) to stdout", "copy ( ( select 1 ) union select 2 ) to stdout"),
        ("select (a) union select 2, ((select 3))", "select ( a ) union select 2 , ( ( select 3 ) )"),
    ] {
        assert_eq!(respelled(sql), expected, "{sql}");
    }
}

#[test]
fn names_and_clauses_that_sqlparser_has_no_place_for_get_one() {
    for (sql, expected) in [
        ("select 1 from a join b using (c, d) as j", "select 1 from a join b using ( c , d , \"\" . j )"),
        ("select 1 from a join b using (c) as j (d)", "select 1 from a join b using ( c ) as j ( d )"),
        (
            "update t set a = 1 returning with (old as o, new as n) o.a",
            "update t set a = 1 returning \"\" . \"old\" AS o , \"\" . \"new\" AS n , o . a",
        ),
        ("delete from t returning with (row as o) o.a", "delete from t returning with ( row as o ) o . a"),
        (
            "insert into t select 1, 2 on conflict do nothing",
            "insert into t select 1 , 2 LIMIT ALL on conflict do nothing",
        ),
        (
            "insert into t select (select 1 from u) on conflict (a) do nothing",
            "insert into t select ( select 1 from u ) LIMIT ALL on conflict ( a ) do nothing",
        ),
        (
            "insert into t select a from u on conflict do nothing",
            "insert into t select a from u on conflict do nothing",
        ),
        ("select 1 from t join u on conflict.a = 1", "select 1 from t join u on conflict . a = 1"),
        ("select a::int4 array, b::numeric(3, 2) array[4]", "select a :: int4 [ ] , b :: numeric ( 3 , 2 ) [ ]"),
        ("select cast(a as pg_catalog.int4 array)", "select cast ( a as pg_catalog . int4 [ ] )"),
        (
            "select a::int between array[1] and b order by array[a], b as array",
            "select a :: int between array [ 1 ] and b order by array [ a ] , b as array",
        ),
        (
            "select * from xmltable(xmlnamespaces('u' as n, default 'v'), '/a' passing d columns b int) x",
            "select * from \"pg_catalog\" . \"xmltable\" ( '/a' , d ) AS x ( b int )",
        ),
        ("set local schema 's'", "set local \"search_path\" TO 's'"),
        ("set role to a", "set \"role\" to a"),
        ("set role a", "set role a"),
        ("set local session authorization a", "set local \"session_authorization\" TO a"),
        ("set session authorization a", "set session authorization a"),
        ("set xml option document", "set \"xmloption\" TO document"),
        ("reset time zone", "reset \"timezone\""),
        ("grant select, maintain on maintain to maintain", "grant select , TRIGGER on maintain to maintain"),
        (
            "create function f(a in int, in out text, b out s.t)",
            "create function f ( in a int , in out text , out b s . t )",
        ),
        (
            "create table p partition of s.q (a default 1, b with options not null no inherit, primary key (a)) default",
            "create table p partition of s . q ( a INT default 1 , b INT not null , primary key ( a ) ) default",
        ),
        (
            "create table t (a int unique nulls not distinct) partition by list (lower(a) collate \"C\" s.ops, b ops)",
            "create table t ( a int unique ) partition by list ( lower ( a ) , b )",
        ),
        (
            "create or replace recursive view v (a) as select 1 union select a from v",
            "create or replace view v ( a ) as WITH RECURSIVE v ( a ) AS ( select 1 union select a from v ) SELECT a FROM v",
        ),
        ("create index on t ((a::text collate \"C\") s.ops)", "create index on t ( ( a :: text ) s . ops )"),
        ("set schema = 's'", "set schema = 's'"),
        ("create extension if not exists e schema s cascade", "create extension if not exists e WITH schema s cascade"),
        ("create extension e", "create extension e"),
        ("create user u with encrypted password 'x'", "create ROLE u with password 'x'"),
        ("create user mapping for u server s", "create user mapping for u server s"),
    ] {
        assert_eq!(respelled(sql), expected, "{sql}");
    }
}

#[test]
fn what_may_mean_something_else_stays() {
    for sql in [
        "select a as only , only.b",
        "insert into t ( a ) values ( 1 ) on conflict ( a , b ) do nothing",
        "with w as ( insert into t ( a ) select 1 ) select on conflict ( f ( a ) ) do nothing",
        "create table t ( compression text , storage int , including int )",
        "create trigger g after insert on t execute function f ( ( select 1 ) )",
        "create domain d as int default null",
        "select search . depth , rows from t",
        "select format json , xmlforest ( a )",
        "select a , rows from ( select 1 ) x",
        "select a , rows from ( f ( 1 ) cross join t ) x",
        "select a , rows from ( f ( 1 ) y ) x",
        "select a from ( select 1 ) cycle , t set",
        "select 1 from json_table ( a , '$' columns ( b int default c on empty ) ) t",
        "select 1 from json_table ( a , '$' columns ( b int path f ( c ) ) ) t",
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
