use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::*;

fn plain(sql: &str) -> Option<Plain> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap();
    let tokens: Vec<_> = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    read(&tokens)
}

#[test]
fn a_cursor_is_found_in_every_spelling_of_fetch_and_move() {
    for (sql, cursor) in [
        ("fetch c", "c"),
        ("fetch from c", "c"),
        ("fetch in \"C d\"", "\"C d\""),
        ("fetch 5 c", "c"),
        ("fetch -1 from c", "c"),
        ("fetch all in c", "c"),
        ("fetch forward c", "c"),
        ("fetch forward all from c", "c"),
        ("fetch backward 3 in c", "c"),
        ("move absolute -2 c", "c"),
        ("MOVE RELATIVE +2 FROM c", "c"),
        ("move last in c", "c"),
        // Without a cursor behind it, each of these is one's name.
        ("fetch next", "next"),
        ("fetch forward", "forward"),
        ("fetch absolute", "absolute"),
        ("fetch next next", "next"),
        ("fetch prior from prior", "prior"),
    ] {
        let found = plain(sql).and_then(|plain| plain.cursor).map(|cursor| cursor.to_string());
        assert_eq!(found.as_deref(), Some(cursor), "{sql}");
    }
}

#[test]
fn relations_that_change_are_named() {
    for (sql, command, changes) in [
        ("set constraints all deferred", "SET CONSTRAINTS", ""),
        ("set constraints a, s.b immediate", "SET CONSTRAINTS", ""),
        ("refresh materialized view concurrently s.v with no data", "REFRESH MATERIALIZED VIEW", "s.v"),
        ("reindex (verbose, tablespace t) table concurrently t", "REINDEX", "t"),
        ("reindex index i", "REINDEX", ""),
        ("cluster verbose t using i", "CLUSTER", "t"),
        ("comment on column s.t.c is E'it\\'s'", "COMMENT", "s.t"),
        ("comment on constraint c on t is null", "COMMENT", "t"),
        ("comment on constraint c on domain d is 'x'", "COMMENT", ""),
        ("comment on materialized view v is $$x$$", "COMMENT", "v"),
        ("comment on type t is 'x'", "COMMENT", ""),
        ("drop index concurrently if exists i, j cascade", "DROP INDEX", ""),
        ("drop foreign table f, g", "DROP FOREIGN TABLE", "f g"),
        ("drop rule if exists r on t restrict", "DROP RULE", "t"),
        (
            "alter table if exists only t attach partition p for values from (1, minvalue, 'a'::date) to (-2, 'x', 'b')",
            "ALTER TABLE",
            "t p",
        ),
        ("alter table t attach partition p default", "ALTER TABLE", "t p"),
        ("alter table t detach partition p concurrently", "ALTER TABLE", "t p"),
        ("alter table t no inherit p", "ALTER TABLE", "t p"),
        ("alter table t alter column c set statistics -1", "ALTER TABLE", "t"),
        ("alter table t set schema s", "ALTER TABLE", "t"),
        ("alter index i alter column 1 set statistics 10", "ALTER INDEX", "i"),
        ("alter index i set (fillfactor = 70, toast.x = 'y')", "ALTER INDEX", "i"),
        ("alter sequence s as bigint increment by -1 no cycle restart with 5", "ALTER SEQUENCE", "s"),
        ("alter sequence s owned by x.t.c", "ALTER SEQUENCE", "s x.t"),
        ("alter sequence s owned by none", "ALTER SEQUENCE", "s"),
        ("alter materialized view v set schema s", "ALTER MATERIALIZED VIEW", "v"),
        ("alter extension x update to '1.1'", "ALTER EXTENSION", ""),
        ("create sequence if not exists s.q increment 1 start 5 minvalue -1 owned by t.c", "CREATE SEQUENCE", "s.q t"),
        ("create statistics if not exists x (ndistinct, mcv) on a, b from s.t", "CREATE STATISTICS", "s.t"),
        ("create publication p for table only t (a, b), s.u with (publish = 'insert')", "CREATE PUBLICATION", "t s.u"),
        ("alter publication p drop table t, u", "ALTER PUBLICATION", "t u"),
        ("alter publication p set (publish = 'x')", "ALTER PUBLICATION", ""),
        ("create or replace rule r as on delete to s.t do nothing", "CREATE RULE", "s.t"),
        (
            "create event trigger e on sql_drop when tag in ('DROP TABLE') execute procedure f()",
            "CREATE EVENT TRIGGER",
            "",
        ),
        (
            "create aggregate a (int, variadic text[]) (sfunc = f, stype = int[], initcond = '{}')",
            "CREATE AGGREGATE",
            "",
        ),
        (
            "create or replace procedure s.p(inout a int default 1) language plpgsql as $$begin end$$",
            "CREATE PROCEDURE",
            "",
        ),
        ("drop aggregate if exists a (int), b (*) restrict", "DROP AGGREGATE", ""),
        ("comment on function f(int, text) is 'x'", "COMMENT", ""),
        ("alter view if exists v rename column a to b", "ALTER VIEW", "v"),
        ("alter view v alter a drop default", "ALTER VIEW", "v"),
        ("alter materialized view v set (fillfactor = 70)", "ALTER MATERIALIZED VIEW", "v"),
        ("grant a, b to c with admin option granted by current_user", "GRANT ROLE", ""),
        ("grant a to b with inherit true, set false", "GRANT ROLE", ""),
        ("grant all privileges on foreign data wrapper w to public with grant option", "GRANT", ""),
        ("revoke admin option for a from b cascade", "REVOKE ROLE", ""),
        ("revoke usage on language l from r restrict", "REVOKE", ""),
        ("create user u with login connection limit 5 valid until 'infinity' in role a, b", "CREATE ROLE", ""),
        ("commit prepared 'x'", "COMMIT PREPARED", ""),
        ("vacuum (full, parallel 2) a, s.b (c)", "VACUUM", "a s.b"),
        ("alter table t alter a restart with 5, alter b set generated by default set start with 1", "ALTER TABLE", "t"),
        ("alter table t alter constraint c not enforced, inherit p", "ALTER TABLE", "t p"),
        ("alter table t alter a drop identity if exists, set without cluster", "ALTER TABLE", "t"),
        ("alter index if exists i rename to j", "ALTER INDEX", "i"),
        (
            "alter table s.t alter a add generated by default as identity (sequence name s.q start with 1 no minvalue)",
            "ALTER TABLE",
            "s.t",
        ),
        ("create unlogged sequence q", "CREATE SEQUENCE", "q"),
        ("grant execute on all routines in schema a, b to r", "GRANT", ""),
        ("alter trigger g on s.t no depends on extension x", "ALTER TRIGGER", "s.t"),
        ("alter sequence s set unlogged", "ALTER SEQUENCE", "s"),
        ("comment on cast (a as b) is 'x'", "COMMENT", ""),
        ("security label for p on column t.a is null", "SECURITY LABEL", "t"),
        ("create foreign table if not exists t partition of p default server s", "CREATE FOREIGN TABLE", "t p"),
        (
            "alter text search configuration c alter mapping for a, b replace d with e",
            "ALTER TEXT SEARCH CONFIGURATION",
            "",
        ),
        ("alter database d reset all", "ALTER DATABASE", ""),
        ("alter user u in database d set search_path to a, b", "ALTER ROLE", ""),
        ("grant execute on routine f(int), g to r", "GRANT", ""),
        ("grant set on parameter a.b to r", "GRANT", ""),
        ("create procedure p() language sql security definer set a.b = 'x' as 'y'", "CREATE PROCEDURE", ""),
    ] {
        let plain = plain(sql).unwrap_or_else(|| panic!("{sql}"));
        let found: Vec<_> = plain.changes.iter().map(ToString::to_string).collect();
        assert_eq!((plain.command.as_str(), found.join(" ").as_str()), (command, changes), "{sql}");
    }
}

#[test]
fn what_changes_relations_that_it_does_not_name_says_so() {
    for (sql, wide) in [
        ("create publication p for all tables", true),
        ("create publication p for tables in schema s", true),
        ("create publication p for table t", false),
        ("alter domain d set not null", true),
        ("alter domain d rename to e", false),
        ("alter type t drop attribute if exists a cascade", true),
        ("alter type t alter attribute a set data type timestamp with time zone", true),
        ("drop aggregate a (int) cascade", true),
        ("drop cast (a as b)", false),
        ("analyze", true),
        ("vacuum full", true),
        ("analyze a, b", false),
        ("alter domain d add constraint c check (value > 0) not valid", true),
        ("alter table all in tablespace a owned by r set tablespace b", true),
        ("create foreign table t (a int not null options (a 'b')) server s", true),
        ("import foreign schema a limit to (b, c) from server d into e", true),
        ("create subscription s connection 'x' publication p, q with (enabled = false)", true),
        ("create rule r as on insert to t do instead delete from u", true),
        ("create rule r as on insert to t where f(a) do nothing", true),
        ("alter extension x drop function f(int)", true),
    ] {
        assert_eq!(plain(sql).map(|plain| plain.wide), Some(wide), "{sql}");
    }
}

#[test]
fn what_computes_or_goes_on_is_left_to_the_other_reader() {
    for sql in [
        "fetch 1 from c; delete from t",
        "fetch (select 1) from c",
        "fetch 1.5 from c",
        "fetch from s.c",
        "move 1 2 c",
        "fetch $1 c",
        "set constraints all deferred; drop table t",
        "set constraints to x",
        "refresh materialized view v as select 1",
        "reindex (verbose (select 1)) table t",
        "comment on table t is 'a' || 'b'",
        "comment on table t is (select 1)",
        "comment on column c is 'x'",
        "alter table t attach partition p for values in (f())",
        "alter table t attach partition p for values in ((select 1))",
        "alter table t attach partition p for values in ('x'::mine)",
        "alter table t attach partition p for values in ('x'::\"date\")",
        "alter table t attach partition p for values in ('x'::public.date)",
        "alter table t attach partition p for values in ('x'::regclass)",
        "alter table t attach partition p for values in ('x'::date + f())",
        "alter table t attach partition p for values from (now) to (1)",
        "alter table t add check (f(a))",
        "alter table t set schema s, owner to r",
        "alter sequence s restart with f()",
        "alter default privileges grant execute on functions to \"r\" with (x)",
        "drop table t",
        "do $$begin end$$",
        "grant select on t to r",
        "grant select (a) on t to r",
        "grant a to b; drop table t",
        "revoke a, b",
        "create user u password 'x'",
        "create group g encrypted password 'x'",
        "create procedure p() begin atomic delete from t; end",
        "create procedure p() return f()",
        "create temp sequence s",
        "create sequence s start f()",
        "create aggregate a (int) (sfunc = (select 1) || 2)",
        "alter view v as select 1",
        "comment on function f() is 'a' || 'b'",
        "prepare transaction $1",
        "checkpoint; drop table t",
        "analyze a, (select 1)",
        "analyze f(a) b",
        "vacuum a,",
        "alter domain d add check (a) , drop not null",
        "alter database d set x = (select 1)",
        "alter system set x = f()",
        "alter table t alter a set (n_distinct = f())",
        "alter table t alter constraint c",
        "alter trigger g on t rename to h, i",
        "create foreign table t (a int default f()) server s",
        "create foreign table t (a int check (f(a))) server s",
        "create publication p for table t where a > 1",
        "create rule r as on insert to t do instead",
        "create subscription s connection 'x' || f() publication p",
        "drop database d with (force), e",
        "security label on table t is f()",
    ] {
        assert_eq!(plain(sql), None, "{sql}");
    }
}
