mod bound;
mod cascades;
mod known;
mod overloads;
mod statements;
mod unseen;

use std::collections::BTreeSet;

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use self::statements::{NO_STATEMENT, STATEMENTS, UNREAD};
use super::*;
use crate::parse::facts::{Access, Aftermath, Effect, LimitKind, Use, Volatility};
use crate::parse::sql::plain;

fn try_walk(sql: &str) -> Result<Facts, String> {
    walked(sql).map(|walked| walked.facts)
}

pub(super) fn walked(sql: &str) -> Result<Walked, String> {
    try_walk_with(sql, &Names::Certain { schema: Arc::from("public") }, &|_| None)
}

fn try_walk_with(sql: &str, names: &Names, known: Lookup<'_>) -> Result<Walked, String> {
    // As the reader does: a bare END must not hide what follows.
    let parse = || {
        let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql)?;
        let statements = parser.parse_statements()?;
        parser.expect_token(&Token::EOF).map(|_| statements)
    };
    let statements = match read_plain(sql) {
        Some(plain) => vec![Tree::Plain(Box::new(plain), Vec::new())],
        None => trees(parse().map_err(|error| error.to_string())?),
    };
    let context = Context { names, read_only: true, prepared: known, cursors: known };
    walk(&statements, &context).map_err(|unparsed| unparsed.reason)
}

fn trees(statements: Vec<Statement>) -> Vec<Tree> {
    statements.into_iter().map(Box::new).map(Tree::Parsed).collect()
}

fn read_plain(sql: &str) -> Option<Plain> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap_or_default();
    let tokens: Vec<_> = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    plain::read(&tokens)
}

pub(super) fn read(sql: &str) -> Facts {
    try_walk(sql).unwrap_or_else(|reason| panic!("{sql}: {reason}"))
}

pub(super) fn effects(walked: &Facts) -> String {
    let names = walked.effects.iter().map(|effect| serde_json::to_value(effect).unwrap());
    names.map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
}

pub(super) fn ids(walked: &Facts) -> Vec<&str> {
    walked.relations.iter().map(|relation| relation.id.as_str()).collect()
}

pub(super) fn column(walked: &Facts, relation: Option<&str>, name: &str) -> BTreeSet<Use> {
    let found = walked.columns.iter().find(|column| column.relation.as_deref() == relation && column.name == name);
    found.map(|column| column.uses.clone()).unwrap_or_else(|| panic!("no {relation:?}.{name} in {:?}", walked.columns))
}

#[test]
fn every_other_command_is_unread() {
    let read: Vec<&&str> = UNREAD.iter().filter(|sql| try_walk(sql).is_ok()).collect();
    assert!(read.is_empty(), "{read:?}");
}

#[test]
fn every_command_tag_has_a_row() {
    let read: BTreeSet<String> = STATEMENTS
        .iter()
        .filter_map(|(sql, _, _)| try_walk(sql).ok())
        .flat_map(|walked| walked.statements.into_iter().map(|entry| entry.command))
        .collect();
    // What follows a tag that others begin with, too, is not a word of it.
    let begins = |sql: &str, tag: &str| {
        let sql = sql.to_ascii_uppercase();
        sql.strip_prefix(tag).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '$']))
    };
    let unread = STATEMENTS.iter().filter(|(_, _, effects)| *effects == "unparsed").map(|(sql, _, _)| *sql);
    let unread: Vec<&str> = unread.chain(UNREAD.iter().copied()).collect();
    let tags = include_str!("tests/tags.txt").lines().filter(|line| !line.starts_with('#'));
    let missing: Vec<&str> = tags
        .filter(|tag| !read.contains(*tag) && !NO_STATEMENT.contains(tag))
        .filter(|tag| !unread.iter().any(|sql| begins(sql, tag)))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_kind_of_statement_has_its_effects() {
    for (sql, commands, expected) in STATEMENTS {
        match try_walk(sql) {
            Ok(walked) => {
                let tags: Vec<&str> = walked.statements.iter().map(|entry| entry.command.as_str()).collect();
                assert_eq!((tags.join(" ").as_str(), effects(&walked).as_str()), (*commands, *expected), "{sql}");
            }
            Err(reason) => assert_eq!(*expected, "unparsed", "{sql}: {reason}"),
        }
    }
}

#[test]
fn relations_are_found_wherever_a_query_can_stand() {
    for sql in [
        "select (select a from secrets)",
        "select 1 where exists (select 1 from secrets)",
        "select * from a, lateral (select * from secrets) s",
        "values ((select a from secrets))",
        "select 1 order by (select a from secrets)",
        "select 1 limit (select 1 from secrets)",
        "select case when true then (select a from secrets) end",
        "select lower((select a from secrets))",
        "select array(select a from secrets)",
        "select count(*) filter (where (select true from secrets))",
        "select sum(1) over (order by (select a from secrets))",
        "select 1 union all (select a from secrets)",
        "select * from generate_series(1, (select a from secrets))",
        "select 1 = any (select a from secrets)",
        "insert into t values (1) on conflict (a) do update set a = (select a from secrets)",
        "insert into t values (1) returning (select a from secrets)",
        "update t set a = (select a from secrets)",
        "update t set (a, b) = (select a, b from secrets)",
        "delete from t using secrets",
        "merge into t using secrets s on true when matched then delete",
        "copy (select * from secrets) to stdout",
        "explain select * from secrets",
        "prepare p as select * from secrets",
        "create table x as select * from secrets",
        "with x as (select * from secrets) select 1",
        "with secrets as (select 1) select * from public.secrets",
        "select (select 1 from t) from (with secrets as (select 1) select * from secrets) q, secrets",
        "with secrets as (select 1) update secrets set a = 1",
    ] {
        assert!(ids(&read(sql)).contains(&"public.secrets"), "{sql}");
    }
    assert!(ids(&read("with secrets as (select 1) select * from secrets")).is_empty());
    assert!(ids(&read("with recursive r as (select 1 as a union all select a + 1 from r) select * from r")).is_empty());
}

#[test]
fn names_are_folded_quoted_and_cut_as_postgresql_does() {
    let long = "a".repeat(70);
    for (name, id) in [
        ("Orders", "public.orders"),
        ("\"Orders\"", "public.\"Orders\""),
        ("\"select\"", "public.\"select\""),
        ("\"a\"\"b\"", "public.\"a\"\"b\""),
        ("HR.salaries", "hr.salaries"),
        ("pg_class", "pg_catalog.pg_class"),
        ("pg_new_in_19", "?.pg_new_in_19"),
        (long.as_str(), &format!("public.{}", "a".repeat(63))),
    ] {
        assert_eq!(ids(&read(&format!("select 1 from {name}"))), [id]);
    }
    let walked = try_walk_with("select lower('a') from orders", &Names::Uncertain, &|_| None).unwrap().facts;
    assert_eq!(ids(&walked), ["?.orders"]);
    assert!(walked.unknown.contains("sql.relations") && walked.effects.contains(&Effect::Procedure));
}

#[test]
fn columns_belong_to_a_relation_only_where_that_is_certain() {
    let walked = read("select email from customers where id = $1");
    assert_eq!(column(&walked, Some("public.customers"), "email"), [Use::Output].into());
    assert_eq!(column(&walked, Some("public.customers"), "id"), [Use::Predicate].into());
    assert!(walked.unknown.is_empty());
    assert_eq!(walked.placeholders, 1);

    let walked = read("select c.email, total from customers c join orders o on o.customer = c.id");
    assert_eq!(column(&walked, Some("public.customers"), "email"), [Use::Output].into());
    assert_eq!(column(&walked, Some("public.orders"), "customer"), [Use::Join].into());
    assert_eq!(column(&walked, None, "total"), [Use::Output].into());
    assert!(walked.unknown.contains("sql.columns"));

    let walked = read("select s from (select ssn as s from customers) x where s = '1' order by s");
    assert_eq!(column(&walked, Some("public.customers"), "ssn"), [Use::Output, Use::Predicate, Use::Order].into());
    assert!(walked.unknown.is_empty());

    let walked = read("select c, lower(c.ssn) from customers c");
    assert!(column(&walked, Some("public.customers"), "*").contains(&Use::WholeRow));
    assert!(column(&walked, Some("public.customers"), "ssn").contains(&Use::Argument));

    // Only the query's own ORDER BY sees output names.
    let walked = read("select id as ssn from customers order by array_agg(id order by ssn)");
    assert!(column(&walked, Some("public.customers"), "ssn").contains(&Use::Order));

    // The inner name may be a column of the outer relation.
    let walked = read("select 1 from customers where exists (select ssn from orders)");
    assert!(column(&walked, None, "ssn").contains(&Use::Predicate));
}

#[test]
fn limits_are_constant_parameters_or_expressions() {
    for (clause, kind, rows) in [
        ("", LimitKind::None, 0),
        ("limit all", LimitKind::None, 0),
        ("limit null", LimitKind::None, 0),
        ("limit 10 offset 5", LimitKind::Constant, 10),
        ("fetch first 3 rows only", LimitKind::Constant, 3),
        ("fetch first row only", LimitKind::Constant, 1),
        ("limit $1", LimitKind::Parameter, 0),
        ("limit 1 + 1", LimitKind::Expression, 0),
    ] {
        let walked = read(&format!("select * from t {clause}"));
        let entry = walked.statements.first().unwrap();
        assert_eq!((entry.limit_kind, entry.limit), (kind, rows), "{clause}");
    }
    let inner = read("select * from (select * from t limit 5) x");
    assert_eq!(inner.statements.first().unwrap().limit_kind, LimitKind::None);
}

#[test]
fn literals_that_facts_come_from_are_kept() {
    let places = |sql| match walked(sql).unwrap().kept {
        Kept::All => None,
        Kept::At(places) => Some(places.len()),
    };
    assert_eq!(places("select 'a' from t where b = 5"), Some(0));
    assert_eq!(places("select 'a' from t where 1 = 1 limit 3"), Some(3));
    assert_eq!(places("select 'orders'::regclass order by 1"), Some(2));
    assert_eq!(places("set timezone = 'utc'"), None);
}

#[test]
fn rows_that_are_locked_name_their_relation() {
    let walked = read("select * from orders o join customers c on c.id = o.customer for update of o");
    let access = |id: &str| walked.relations.iter().find(|relation| relation.id == id).unwrap().access.clone();
    assert_eq!(access("public.orders"), [Access::Read, Access::Lock].into());
    assert_eq!(access("public.customers"), [Access::Read].into());
}

#[test]
fn execute_counts_everything_the_name_may_stand_for() {
    let known = |sql: &str| Arc::new(read(sql));
    let lookup = |_: &str| Some(vec![known("select * from a"), known("delete from b")]);
    let walked = try_walk_with("execute p(1)", &Names::Certain { schema: Arc::from("public") }, &lookup).unwrap().facts;
    assert_eq!(ids(&walked), ["public.a", "public.b"]);
    assert_eq!(effects(&walked), "read write");
}

#[test]
fn execute_of_what_makes_a_temporary_table_leaves_names_uncertain() {
    let made = Arc::new(read("create temp table t as select 1"));
    let lookup = |_: &str| Some(vec![Arc::clone(&made)]);
    let names = Names::Certain { schema: Arc::from("public") };
    assert!(try_walk_with("execute p", &names, &lookup).unwrap().facts.aftermath.names);
}

#[test]
fn read_write_is_a_setting_where_a_pin_says_read_only_or_a_transaction_has_begun() {
    let effects_of = |sql: &str, read_only| {
        let statements = trees(Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap());
        let names = Names::Uncertain;
        let context = Context { names: &names, read_only, prepared: &|_| None, cursors: &|_| None };
        effects(&walk(&statements, &context).unwrap().facts)
    };
    assert_eq!(effects_of("begin read write", true), "settings transaction");
    assert_eq!(effects_of("begin read write", false), "transaction");
    let session = "set session characteristics as transaction isolation level serializable, read write";
    assert_eq!(effects_of(session, true), "session settings");
    assert_eq!(effects_of(session, false), "session");
    assert_eq!(effects_of("set transaction read write", false), "settings transaction", "it takes back how it began");
}

#[test]
fn a_password_makes_a_statement_sensitive() {
    assert!(read("alter role r with password 'x'").sensitive);
    assert!(!read("alter role r nologin").sensitive);
}

#[test]
fn a_statement_says_what_it_changes_for_the_next_one() {
    assert!(read("set search_path = x").aftermath.waits);
    assert!(read("rollback").aftermath.waits);
    for harmless in ["rollback", "rollback to s", "deallocate p", "close c"] {
        assert!(!read(harmless).aftermath.names, "{harmless}");
    }
    assert!(read("reset all").aftermath.names, "the path that was set is gone");
    assert!(read("update pg_settings set setting = 'x'").aftermath.names);
    for temporary in ["create temp table t (a int)", "create temporary view v as select 1", "create temp sequence s"] {
        assert!(read(temporary).aftermath.names, "{temporary}");
    }
    for temporary in ["create local temp table t as select 1", "select 1 as a into temp t", "create domain d as int"] {
        assert!(read(temporary).aftermath.names, "{temporary}");
    }
    for more in ["refresh materialized view v", "drop owned by r", "alter extension x update"] {
        assert!(read(more).aftermath.names, "{more}");
    }
    for runs in ["select mine()", "select query_to_xml('x', true, true, '')", "call p()"] {
        assert!(try_walk(runs).is_ok_and(|walked| walked.aftermath.names && walked.aftermath.waits), "{runs}");
    }
    for shows in [
        "select pg_get_viewdef(1), pg_get_constraintdef(oid) from pg_constraint",
        "select a::regclass, pg_table_size(a) from t",
        "select pg_sleep(1), pg_try_advisory_lock(1)",
        "select current_setting('ssl_key_file')",
    ] {
        assert_eq!(effects(&read(shows)), "procedure read", "{shows}");
        assert_eq!(read(shows).aftermath, Aftermath::default(), "{shows}");
    }
    // A new session finds these where this one does.
    let stays = ["create table t (a int)", "alter table t rename to u", "drop table t", "create index on t (a)"];
    for stays in
        stays.into_iter().chain(["comment on table t is 'x'", "alter sequence s owned by t.a", "reindex table t"])
    {
        assert!(!read(stays).aftermath.names, "{stays}");
    }
    assert!(read("begin").aftermath.transaction);
    let plain = read("select 1").aftermath;
    assert_eq!(plain, Aftermath::default());
}

#[test]
fn a_chain_of_thousands_of_operators_is_walked_without_deep_recursion() {
    let sql = format!("select 1 from t where {}", vec!["a = 1"; 4000].join(" or "));
    let walk = move || {
        let statements = trees(Parser::parse_sql(&PostgreSqlDialect {}, &sql).unwrap());
        let names = Names::Certain { schema: Arc::from("public") };
        let context = Context { names: &names, read_only: true, prepared: &|_| None, cursors: &|_| None };
        let found = walk(&statements, &context).unwrap().facts.columns.len();
        std::mem::forget(statements);
        found
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(walk).unwrap();
    assert_eq!(thread.join().unwrap(), 1);
}

proptest::proptest! {
    #[test]
    fn whatever_parses_is_walked_or_refused_and_names_what_it_reads(
        words in proptest::collection::vec(proptest::sample::select(WORDS), 1..14)
    ) {
        // Behind a dot PostgreSQL takes FROM for a column, and the relation for its alias.
        proptest::prop_assume!(words.last() != Some(&"."));
        let sql = format!("select {} from secrets", words.join(" "));
        if let Ok(walked) = try_walk(&sql) {
            proptest::prop_assert!(ids(&walked).contains(&"public.secrets"), "{}", sql);
        }
    }
}

const WORDS: &[&str] = &[
    "a",
    "b.c",
    "\"X\"",
    "1",
    "'t'",
    "$1",
    "(",
    ")",
    ",",
    "+",
    "=",
    "and",
    "or",
    "not",
    "case",
    "when",
    "then",
    "else",
    "end",
    "in",
    "exists",
    "select",
    "from",
    "where",
    "t",
    "order by",
    "limit",
    "union",
    "like",
    "is null",
    "::int",
    "::regclass",
    "lower(",
    "count(*)",
    "over (",
    "array[",
    "]",
    "as",
    "interval",
    "collate",
    "distinct",
    "*",
    ".",
];

#[test]
fn a_statement_is_read_with_the_names_that_those_before_it_in_the_text_leave() {
    for before in ["set search_path = secret, public", "create temp table t (a int)", "select mine()", "call p()"] {
        let walked = read(&format!("select * from t; {before}; select * from customers"));
        assert_eq!(ids(&walked), ["?.customers", "public.t"], "{before}");
        assert!(walked.unknown.contains("sql.relations"), "{before}");
    }
    assert_eq!(ids(&read("select 1; begin; select * from customers")), ["public.customers"]);
}

#[test]
fn a_view_of_settings_is_a_way_to_set_them() {
    for sql in [
        "create view v as select * from pg_settings",
        "create or replace view v as select name, setting from pg_catalog.pg_settings s where true",
        "create materialized view v as select (select max(setting) from pg_settings)",
    ] {
        assert!(effects(&read(sql)).contains("settings"), "{sql}");
    }
}

#[test]
fn what_a_definition_makes_run_later_is_read_now() {
    for sql in [
        "create domain d as text default query_to_xml('select 1', true, true, '')::text",
        "create domain d as text check (mine(value))",
        "create table t (a int) partition by list ((mine(a)))",
        "create trigger g before update on t for each row when (mine(1)) execute function f()",
        "alter policy p on t using (mine(a))",
        "alter policy p on t with check (mine(a))",
    ] {
        assert!(effects(&read(sql)).contains("procedure"), "{sql}");
    }
    assert_eq!(effects(&read("create table t (a int, b int) partition by range (a, (b + 1))")), "ddl");
    assert!(try_walk("create table t (a int) partition by mine(a)").is_err());
}

#[test]
fn an_index_s_name_may_be_a_table_s() {
    for sql in ["alter index payroll rename to p", "alter index payroll set (fillfactor = 10)"] {
        assert_eq!(ids(&read(sql)), ["public.payroll"], "{sql}");
    }
}

#[test]
fn what_changes_relations_that_it_does_not_name_says_so() {
    for sql in [
        "drop schema s cascade",
        "drop type t cascade",
        "drop extension e",
        "drop server s cascade",
        "drop owned by r",
        "reassign owned by r to s",
        "reindex schema s",
        "alter schema s rename to t",
        "alter extension e update",
        "cluster",
        "vacuum",
    ] {
        assert!(read(sql).unknown.contains("sql.relations"), "{sql}");
    }
    for sql in ["drop schema s", "drop table t cascade", "reindex table t", "vacuum t"] {
        assert!(!read(sql).unknown.contains("sql.relations"), "{sql}");
    }
}

#[test]
fn what_writes_out_definitions_and_does_nothing_more_describes() {
    for sql in [
        "select pg_get_viewdef(7, true), pg_get_functiondef(c.oid) from pg_class c",
        "select pg_catalog.pg_table_size(c.oid), c.oid::regclass, pg_get_indexdef(1, 0, true) from pg_class c",
        "select has_table_privilege(c.oid, 'select') from pg_class c, pg_available_extensions()",
        "prepare p as select pg_get_function_sqlbody($1)",
        "select pg_describe_object(1259, x, 0), pg_identify_object(1259, x, 0) from t",
        "select * from pg_get_object_address('table', '{secrets}', '{}')",
    ] {
        let facts = read(sql);
        assert!(facts.describes && facts.effects.contains(&Effect::Procedure), "{sql}");
    }
    for sql in [
        "select 1",
        "select pg_get_viewdef(7), get_ssn(1)",
        "select pg_get_viewdef(7), pg_stat_get_activity(1)",
        "select pg_get_viewdef(7), current_setting(x) from t",
        "select pg_get_viewdef(7)::mood",
        "select pg_get_viewdef(7) operator(public.=) 'x'",
        "select table_to_xml(c.oid::regclass, true, true, '') from pg_class c",
        "select pg_sleep(pg_table_size(c.oid)) from pg_class c",
    ] {
        assert!(!read(sql).describes, "{sql}");
    }
    for sql in
        ["select nextval(c.oid::regclass) from pg_class c", "select txid_current()", "select pg_current_xact_id()"]
    {
        assert!(read(sql).effects.contains(&Effect::Write), "{sql}");
    }
}
