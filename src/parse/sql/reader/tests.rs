use std::io::Read as _;

use crate::parse::facts::{Effect, UnparsedKind};

use super::super::lexer::{Class, lex};
use super::super::reading::{Encoding, Names, Quoting};
use super::*;

fn reader() -> Reader {
    Reader::new(1, 1 << 20, Stack::Ordinary).unwrap()
}

fn nothing() -> &'static Remembered {
    static NOTHING: std::sync::LazyLock<Remembered> = std::sync::LazyLock::new(Remembered::new);
    &NOTHING
}

fn reading() -> Reading<'static> {
    Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: "public".into() },
        read_only: true,
        limits: ReadingLimits::default(),
        prepared: nothing(),
        cursors: nothing(),
    }
}

fn refusal(facts: &Facts) -> Option<UnparsedKind> {
    facts.unparsed.as_ref().map(|unparsed| unparsed.kind)
}

#[tokio::test]
async fn a_text_that_comes_again_is_not_read_again() {
    let reader = reader();
    let first = reader.statement("select 1", &reading()).await;
    assert!(Arc::ptr_eq(&first, &reader.statement("select 1", &reading()).await));
    let other = Reading { names: Names::Uncertain, ..reading() };
    assert!(!Arc::ptr_eq(&first, &reader.statement("select 1", &other).await));
}

#[tokio::test]
async fn a_form_that_comes_again_with_other_data_is_not_read_again() {
    let reader = reader();
    let first = reader.statement("select a from t where id = 1 and b = 'x' -- y", &reading()).await;
    for text in [
        "select a from t where id = 22222222222222222222 and b = '' -- y",
        "select a from t where id = 0 and b = 'Grüße; drop table t -- /*' -- y",
    ] {
        let again = reader.statement(text, &reading()).await;
        assert!(Arc::ptr_eq(&first, &again), "{text}");
        assert_eq!(crate::parse::literals(text, &again).len(), 2);
    }
    for text in [
        "select a from t where id = 1 and b = 'x' -- z",
        "select a from t where id = 1.5 and b = 'x' -- y",
        "select a from t where id = 1 and b = 'it''s' -- y",
        "select a from t where id = 1 and b = 'a\\' -- y",
        "select a from t where id = 'x' and b = 'x' -- y",
        "select a from t where id = 1 and b = E'x' -- y",
    ] {
        assert!(!Arc::ptr_eq(&first, &reader.statement(text, &reading()).await), "{text}");
    }
}

#[tokio::test]
async fn data_that_facts_come_from_is_never_taken_for_other_data() {
    let reader = reader();
    let relation = |facts: &Facts| facts.relations.first().map(|relation| relation.id.clone());
    let text = |name: &str, id: u32| format!("select '{name}'::regclass from (select {id}) s");
    // More of them than are remembered of one form.
    for name in (0..40).map(|n| format!("t{n}")).chain(["orders".to_owned(), "t0".to_owned()]) {
        let first = reader.statement(&text(&name, 1), &reading()).await;
        assert_eq!(relation(&first), Some(format!("public.{name}")));
        assert!(Arc::ptr_eq(&first, &reader.statement(&text(&name, 2), &reading()).await));
    }
    for (sql, limit) in [("select a from t limit 5", 5), ("select a from t limit 500000", 500_000)] {
        let facts = reader.statement(sql, &reading()).await;
        assert_eq!(facts.statements.first().map(|statement| statement.limit), Some(limit));
    }
    for (sql, tautology) in [
        ("delete from t where 1 = 2", false),
        ("delete from t where 2 = 2", true),
        ("delete from t where a like 'x'", false),
        ("delete from t where a like '%'", true),
        ("delete from t where a like 'y'", false),
        ("delete from t where a like '%%'", true),
        ("delete from t where '1' = 2", false),
        ("delete from t where '1' = 1", true),
        ("delete from t where (1, 2) = (1, 3)", false),
        ("delete from t where (1, 2) = (1, 2)", true),
        ("delete from t where coalesce(null, 'f')::bool", false),
        ("delete from t where coalesce(null, 't')::bool", true),
    ] {
        let facts = reader.statement(sql, &reading()).await;
        assert_eq!(facts.statements.first().map(|statement| statement.tautology), Some(tautology), "{sql}");
    }
    for (sql, effect) in [
        ("select set_config('timezone', 'x', false)", Effect::Session),
        ("select set_config('role', 'x', false)", Effect::Settings),
        ("set statement_timeout = 5000", Effect::Session),
        ("set statement_timeout = 0", Effect::Settings),
    ] {
        assert!(reader.statement(sql, &reading()).await.effects.contains(&effect), "{sql}");
    }
}

#[tokio::test]
async fn a_form_says_nothing_about_a_text_that_is_over_a_limit_or_hides_its_quotes() {
    let reader = reader();
    let select = |data: &str| format!("select a from t where b = '{data}'");
    assert_eq!(reader.statement(&select("x"), &reading()).await.unparsed, None);
    let short = Reading { limits: ReadingLimits { statement: 100, ..ReadingLimits::default() }, ..reading() };
    assert_eq!(reader.statement(&select("x"), &short).await.unparsed, None);
    let long = reader.statement(&select(&"x".repeat(100)), &short).await;
    assert_eq!(refusal(&long), Some(UnparsedKind::TooLarge));
    for encoding in [Encoding::Unknown, Encoding::AsciiTrailBytes] {
        let hiding = Reading { encoding, ..reading() };
        assert_eq!(reader.statement(&select("x"), &hiding).await.unparsed, None);
        assert!(reader.statement(&select("é"), &hiding).await.unparsed.is_some());
    }
    let escaping = Reading { quoting: Quoting::Backslash, ..reading() };
    assert_eq!(reader.statement(&select("x"), &escaping).await.unparsed, None);
    assert!(reader.statement(&select("\\"), &escaping).await.unparsed.is_some());
}

#[tokio::test]
async fn a_full_memory_forgets_the_old_and_keeps_the_used() {
    let reader = Reader::new(1, 64 * 1024, Stack::Ordinary).unwrap();
    let used = reader.statement("select 0", &reading()).await;
    let old = reader.statement("select 'old'", &reading()).await;
    for number in 1..100 {
        reader.statement(&format!("select {number} as c{number}"), &reading()).await;
        assert!(Arc::ptr_eq(&used, &reader.statement("select 0", &reading()).await));
    }
    assert!(!Arc::ptr_eq(&old, &reader.statement("select 'old'", &reading()).await));
}

#[tokio::test]
async fn a_memory_holds_no_more_of_long_data_than_it_was_given() {
    let long = "x".repeat(15_000);
    let variants: [&dyn Fn(usize) -> String; 3] = [
        &|number| format!("set application_name = '{long}{number}'"),
        &|number| format!("set application_name = '{long}' -- {number}"),
        &|number| format!("select '{long}'::regclass as c{number}"),
    ];
    for variant in variants {
        let reader = Reader::new(1, 256 * 1024, Stack::Ordinary).unwrap();
        let mut read = Vec::new();
        for number in 0..40 {
            let facts = reader.statement(&variant(number), &reading()).await;
            assert!(Arc::ptr_eq(&facts, &reader.statement(&variant(number), &reading()).await));
            read.push(Arc::downgrade(&facts));
        }
        let held: usize = read.iter().filter_map(std::sync::Weak::upgrade).map(|facts| facts.weight()).sum();
        // What is known of a form that was just used may be there beside the two generations.
        assert!((1..=320 * 1024).contains(&held), "{held} bytes of {}", variant(0).len());
    }
}

#[tokio::test]
async fn nothing_is_lifted_out_of_what_is_too_large() {
    let limits = ReadingLimits { statement: 1 << 20, ..ReadingLimits::default() };
    let text = format!("select 1{}", "+1".repeat(500_000));
    let facts = reader().statement(&text, &Reading { limits, ..reading() }).await;
    assert_eq!(refusal(&facts), Some(UnparsedKind::TooLarge));
    assert!(facts.lifted.is_empty() && facts.normalized == "SELECT", "{}", facts.normalized.len());
}

#[tokio::test]
async fn what_is_too_much_is_refused_cleanly() {
    let big = Reading { limits: ReadingLimits { statement: 4 << 20, tokens: 2_000_000 }, ..reading() };
    let joins = format!("select 1 from t{}{}", " join t".repeat(5_000), " on true".repeat(5_000));
    let cases = [
        (format!("select 1 where true{}", " or a=1".repeat(250_000)), UnparsedKind::TooComplex),
        (joins, UnparsedKind::TooComplex),
        (format!("select a{}", "[1]".repeat(50_000)), UnparsedKind::TooComplex),
        (format!("select null::int{}", "[]".repeat(50_000)), UnparsedKind::TooComplex),
        (format!("select {}1{}", "(".repeat(50_000), "+1)".repeat(50_000)), UnparsedKind::TooComplex),
        (format!("select {}1", "not ".repeat(5_000)), UnparsedKind::TooComplex),
    ];
    let reader = reader();
    for (text, kind) in cases {
        assert_eq!(refusal(&*reader.statement(&text, &big).await), Some(kind), "{:.40}", text);
        let default = reader.statement(&text, &reading()).await;
        assert!(refusal(&default).is_some(), "the default limits refuse it too: {text:.40}");
    }
    for text in [";".repeat(60_000), " ".repeat(70_000)] {
        assert_eq!(refusal(&*reader.statement(&text, &reading()).await), Some(UnparsedKind::TooLarge));
    }
}

#[tokio::test]
async fn what_is_just_within_the_budgets_is_read() {
    let mut deep = "select 1".to_owned();
    for _ in 0..20 {
        deep = format!("select ({deep})");
    }
    let cases = [
        deep,
        format!("select {}1{}", "(".repeat(40), ")".repeat(40)),
        format!("select {}1{}", "case when true then ".repeat(40), " end".repeat(40)),
        format!("select 1 where true{}", " or a = 1".repeat(2_500)),
        format!("select 1 from t{}{}", " join t".repeat(64), " on true".repeat(64)),
        format!("select 1{}", " union all select 1".repeat(64)),
        format!("select 1{}", "::int".repeat(5_000)),
    ];
    let reader = reader();
    for text in cases {
        let facts = reader.statement(&text, &reading()).await;
        assert_eq!(facts.unparsed, None, "{text:.60}");
    }
}

#[tokio::test]
async fn an_unread_statement_may_do_anything() {
    let facts = reader().statement("do $$begin delete from t; end$$", &reading()).await;
    assert_eq!(facts.effects, [Effect::Unknown].into());
    assert_eq!(facts.unparsed.as_ref().map(|unparsed| unparsed.keyword.as_str()), Some("DO"));
    assert_eq!(facts.unknown, ["sql.relations", "sql.columns", "sql.functions"].into());
    assert!(facts.aftermath.waits && facts.aftermath.names && facts.aftermath.transaction && facts.aftermath.forgets);
    assert_eq!(facts.normalized, "do $1");
}

#[tokio::test]
async fn no_secret_is_left_in_what_is_shown() {
    let reader = reader();
    for text in [
        "alter role r password 'hunter2'",
        "create user u with encrypted password 'hunter2'",
        "create subscription s connection 'password=hunter2' publication p",
        "create user mapping for u server s options (user 'u', password 'hunter2')",
        "alter role r password 'hunter2",
        "alter role r password $x$hunter2$x$ in role",
        "do 'alter role r password ''hunter2'''",
    ] {
        let facts = reader.statement(text, &reading()).await;
        assert!(facts.sensitive, "{text}");
        assert!(facts.lifted.is_empty(), "{text}");
        assert!(!format!("{facts:?}").contains("hunter2"), "{text}: {}", facts.normalized);
    }
}

#[tokio::test]
async fn what_a_comment_says_hides_nothing() {
    let reader = reader();
    for text in [
        "create table t (a text default 'x') /* password */",
        "alter table t set (fillfactor = 70) -- secret",
        "create policy p on t using (a = 'x') /* user mapping */",
        "do /* secret */ 'begin end'",
        "create nonsense 'x' /* dblink */",
    ] {
        let facts = reader.statement(text, &reading()).await;
        assert!(!facts.sensitive, "{text}");
    }
    for text in [
        "create /* */ user -- x\n mapping for u server s options (user 'u')",
        "create  server s foreign data wrapper w options (a 'hunter2')",
        "do $$alter role r pass$$, E'pass\\x77ord hunter2'",
        "create table t (\"password\" text default 'hunter2')",
    ] {
        let facts = reader.statement(text, &reading()).await;
        assert!(facts.sensitive && facts.lifted.is_empty(), "{text}");
        assert!(!format!("{facts:?}").contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn quoting_and_encoding_matter_only_where_they_can_hide_something() {
    let reader = reader();
    let backslash = Reading { quoting: Quoting::Backslash, ..reading() };
    let trailing = Reading { encoding: Encoding::AsciiTrailBytes, ..reading() };
    let unknown = Reading { encoding: Encoding::Unknown, ..reading() };
    for (text, how, read) in [
        ("select 'a\\' from t --'", &reading(), true),
        ("select 'a\\' from t --'", &backslash, false),
        ("select E'a\\' from t --'", &backslash, true),
        ("select 'a' from t", &backslash, true),
        ("select 'ü' from t", &reading(), true),
        ("select 'ü' from t", &trailing, false),
        ("select 'ü' from t", &unknown, false),
        ("select 'u' from t", &trailing, true),
    ] {
        assert_eq!(reader.statement(text, how).await.unparsed.is_none(), read, "{text} {how:?}");
    }
    assert!(reader.bytes(b"select '\xff'", &reading()).await.unparsed.is_some());
    assert!(reader.bytes(b"select 1", &reading()).await.unparsed.is_none());
}

#[tokio::test]
async fn nothing_is_hidden_behind_the_end_of_a_statement() {
    let reader = reader();
    for text in ["select 1 end; delete from t", "select 1 end", "copy t from stdin; delete from t where"] {
        assert!(reader.statement(text, &reading()).await.unparsed.is_some(), "{text}");
    }
    for text in ["", " ; -- nothing", "select 1;;select 2;"] {
        assert!(reader.statement(text, &reading()).await.unparsed.is_none(), "{text}");
    }
    assert!(reader.statement(" ;; /* */", &reading()).await.empty);
}

/// The text with every lifted constant replaced, found by laying its shape over it.
fn with_other_data(text: &str, normalized: &str, number: &str, quoted: &str) -> String {
    let (before, after) = (lex(text).unwrap(), lex(normalized).unwrap());
    assert_eq!(before.len(), after.len(), "{text}\n{normalized}");
    let mut changed = String::new();
    let mut end = 0;
    for (lexeme, shaped) in before.iter().zip(&after) {
        changed.push_str(text.get(end..lexeme.start).unwrap());
        let lifted = lexeme.is_literal() && shaped.class == Class::Parameter;
        let replacement = if !lifted || matches!(lexeme.class, Class::Bits | Class::Hex) {
            lexeme.of(text)
        } else if lexeme.class == Class::Number {
            number
        } else {
            quoted
        };
        changed.push_str(replacement);
        end = lexeme.end;
    }
    changed.push_str(text.get(end..).unwrap());
    changed
}

#[test]
fn statements_of_the_same_shape_have_the_same_facts() {
    let mut lines = String::new();
    let corpus = include_bytes!("../../../../tests/data/sql/corpus.jsonl.gz").as_slice();
    flate2::read::GzDecoder::new(corpus).read_to_string(&mut lines).unwrap();
    // One that remembers nothing, and one that knows each statement by others of its form.
    let (reader, knowing) = (Reader::new(1, 0, Stack::Ordinary).unwrap(), reader());
    let facts = |text: &str| reader.statement_blocking(text, &reading());
    let mut compared = 0;
    for line in lines.lines().step_by(7) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = line["sql"].as_str().unwrap();
        let original = facts(text);
        if original.unparsed.is_some() || original.sensitive {
            continue;
        }
        knowing.statement_blocking(text, &reading());
        for (number, quoted) in [("0", "''"), ("77", "'orders'"), ("123456789012345678901", "$q$true$q$")] {
            let changed = with_other_data(text, &original.normalized, number, quoted);
            let other = facts(&changed);
            // A number that is syntax may be one that no parser takes.
            if other.unparsed.is_some() {
                assert_ne!(other.fingerprint, original.fingerprint, "{text}");
            } else {
                compared += 1;
                assert_eq!(format!("{other:?}"), format!("{original:?}"), "{text}");
                let known = knowing.statement_blocking(&changed, &reading());
                assert_eq!(format!("{known:?}"), format!("{original:?}"), "{text}");
            }
        }
    }
    assert!(compared > 3_000, "only {compared} pairs");
}

#[test]
fn a_spelling_that_sqlparser_does_not_know_has_the_facts_of_the_one_it_does() {
    let reader = reader();
    for (sql, plain) in [
        ("select * from only t", "select * from t"),
        ("table t", "select * from t"),
        ("delete from t where current of c", "delete from t where null"),
        ("select a from t for no key update", "select a from t for update"),
        ("select make_interval(days := 3)", "select make_interval(days => 3)"),
        ("select format('%s', variadic array[a]) from t", "select format('%s', array[a]) from t"),
        ("select inet '::1' from t", "select '::1'::inet from t"),
        ("select a isnull from t", "select a is null from t"),
        ("update t set a[1] = b", "update t set a = b"),
        ("select a from (t join u using (b)) as j", "select j.a from (select * from t join u using (b)) as j"),
        ("select a between symmetric 2 and 1 from t", "select a between 2 and 1 from t"),
        ("select xmlelement(name a, xmlattributes(b as c)) from t", "select coalesce(b) from t"),
        ("select xmlserialize(content a as text) from t", "select a::text from t"),
        ("select xmlserialize(content a as mine) from t", "select a::mine from t"),
        ("select xmlparse(document a) from t", "select a from t"),
        ("select collation for (a) from t", "select pg_catalog.pg_collation_for(a) from t"),
        ("select substring(a similar b escape c) from t", "select substring(a, b, c) from t"),
        ("select a from t where a is document", "select a from t where a is json"),
        ("select * from rows from (f(1), unnest($1)) x", "select * from (select f(1), unnest($1)) x"),
        ("insert into t (a) values (1) on conflict (a) where b > 0 do nothing", "insert into t (a) values (1)"),
        ("create view v as table only t with check option", "create view v as select * from t"),
        ("create table t (a) tablespace s as select 1 with no data", "create table t as select 1"),
        ("select a from s.t * where b > 0", "select a from s.t where b > 0"),
        ("select a at local from t", "select a at time zone 'x' from t"),
        ("select a is distinct from b * c from t", "select not a = b * c from t"),
        (
            "merge into t using a join b on a.c = b.d on t.e = a.f when matched then delete",
            "merge into t using (a join b on a.c = b.d) on t.e = a.f when matched then delete",
        ),
        (
            "select a from t group by grouping sets (grouping sets ((a), (b)), cube (c))",
            "select a from t group by grouping sets ((a), (b), cube (c))",
        ),
        ("select sum(a) over w from t window w as (order by b)", "select sum(a) over (order by b) from t"),
    ] {
        let (spelled, known) =
            (reader.statement_blocking(sql, &reading()), reader.statement_blocking(plain, &reading()));
        assert_eq!(spelled.unparsed, None, "{sql}");
        assert_eq!(spelled.statements, known.statements, "{sql}");
        assert_eq!(spelled.functions, known.functions, "{sql}");
        let ids = |facts: &Facts| facts.relations.iter().map(|r| (r.id.clone(), r.access.clone())).collect::<Vec<_>>();
        assert_eq!(ids(&spelled), ids(&known), "{sql}");
    }
}

#[test]
fn what_a_spelling_hides_from_sqlparser_is_in_the_facts() {
    let reader = reader();
    let facts = |sql: &str| reader.statement_blocking(sql, &reading());
    let procedure = |sql: &str| facts(sql).effects.contains(&Effect::Procedure);
    // Only a variadic function is called so, and PostgreSQL's `lower` is none.
    assert!(procedure("select lower(variadic array['a'])"));
    assert!(!procedure("select concat(variadic array['a'])"));
    assert!(procedure("select f(a := 1)"));
    assert!(procedure("select set_config(setting_name := 'role') from f()"));
    assert!(procedure("select * from f(1) as (a int)"));
    for sql in ["select mine 'x'", "update t set a[(select 1 from s)] = 2", "select a[1] \"\" from t"] {
        assert!(facts(sql).unparsed.is_some(), "{sql}");
    }
    let columns = |sql: &str| {
        facts(sql).columns.iter().map(|c| (c.relation.clone(), c.name.clone(), c.uses.clone())).collect::<Vec<_>>()
    };
    // An index is inferred from its target's columns.
    let inferred =
        columns("insert into t as x (a) values (1) on conflict (lower(b), (c)) where d > 0 and x.e do nothing");
    for name in ["b", "c", "d", "e"] {
        let uses = inferred.iter().find(|(id, column, _)| id.as_deref() == Some("public.t") && column == name);
        assert!(uses.is_some_and(|(_, _, uses)| uses.contains(&crate::parse::Use::Predicate)), "{name}: {inferred:?}");
    }
    assert!(procedure("insert into t values (1) on conflict (f(a)) do nothing"));
    assert!(procedure("insert into t (a) select 1 from s on conflict ((a::mine)) do update set a = 2"));
    let ids = |sql: &str| facts(sql).relations.iter().map(|relation| relation.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids("insert into t (a) values (1) on conflict (a) where (select true from s) do nothing").len(), 2);
    assert_eq!(ids("select xmlforest((select a from s) as b)"), ["public.s"]);
    assert_eq!(
        ids("select * from t, rows from (unnest(array(select a from s)) , unnest(t.a)) with ordinality"),
        ["public.s", "public.t"]
    );
    // A column of that name is none of ROWS FROM.
    assert_eq!(ids("select a, rows from (select * from s) x"), ["public.s"]);
    assert!(procedure("select * from rows from (f(1) as (a int, b mine), lower('x')) y"));
    for sql in ["insert into t partition (\"\", a) values (1)", "insert into t (a) partition (b) values (1)"] {
        assert!(facts(sql).unparsed.is_some(), "{sql}");
    }
    // All fields of a whole row are the row.
    let row = columns("select (c).* from customers c");
    assert!(row.iter().any(|(id, name, uses)| {
        id.as_deref() == Some("public.customers") && name == "*" && uses.contains(&crate::parse::Use::WholeRow)
    }));
    // What comes out of it is not known by name.
    let inner = facts("select s.email from (select (c).* from customers c) s");
    assert!(inner.unknown.contains("sql.columns"), "{inner:?}");
    // Before PostgreSQL 16 it is a column.
    let user = facts("select system_user from t");
    assert!(user.functions.iter().any(|function| function.id == "pg_catalog.system_user"));
    assert!(user.columns.iter().any(|column| column.name == "system_user"));
    // A condition of COPY is read, its options are not needed.
    assert!(procedure("copy t from stdin with (freeze on) where f(a)"));
    assert_eq!(facts("copy t from stdin with (freeze on)").unparsed, None);
}
