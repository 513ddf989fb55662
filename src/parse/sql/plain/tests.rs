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
            "alter table if exists only t attach partition p for values from (1, minvalue) to (-2, 'x')",
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
    ] {
        let plain = plain(sql).unwrap_or_else(|| panic!("{sql}"));
        let found: Vec<_> = plain.changes.iter().map(ToString::to_string).collect();
        assert_eq!((plain.command.as_str(), found.join(" ").as_str()), (command, changes), "{sql}");
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
        "alter table t attach partition p for values from (now) to (1)",
        "alter table t add check (f(a))",
        "alter table t set schema s, owner to r",
        "alter sequence s restart with f()",
        "alter default privileges grant execute on functions to \"r\" with (x)",
        "drop table t",
        "drop user mapping for u server s",
        "alter system set x = 1",
        "alter user mapping for u server s options (set password 'x')",
        "alter database d set search_path = x",
        "do $$begin end$$",
    ] {
        assert_eq!(plain(sql), None, "{sql}");
    }
}
