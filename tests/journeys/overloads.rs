//! Functions that bear the names of PostgreSQL's own: those that the server calls are refused under masks, and those that
//! it cannot mean are not. The server itself says which it calls.

use crate::harness::raw::{Raw, query};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, said};

/// Masks that hold for whatever is asked.
const POLICY: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n\
    mask contains {\"column\": \"public.notes.hidden\", \"with\": {\"replace\": {\"value\": \"*-*\"}}} if true\n\
    mask contains {\"column\": \"public.notes.covered\", \"with\": {\"replace\": {\"value\": \"*-*\"}}} if true\n";

const NOTES: &str = "
    create extension citext;
    create domain plain as text; create domain loose as citext; create domain brief as varchar(9);
    create type mood as enum ('sad', 'glad'); create type pair as (a text, b text);
    create table notes (id int, body text, short varchar(40), fixed char(8), called name, tag citext, dom plain, free loose,
      cut brief, hidden plain, covered varchar(20), amount numeric, big bigint, part real, flag bool, at timestamptz,
      list text[], mood mood, span int4range, two pair);
    insert into notes values (1, 'a-b-c', 'a-b', 'a-b', 'a-b', 'A-b', 'a-b', 'A-b', 'a-b', 's-s', 's-s', 1.5, 2, 2.5, true,
      '2020-01-01', '{a,b}', 'sad', '[1,2)', '(a,b)');
    create view seen as select id, body, short, tag, dom, upper(body) as made from notes;
    create table notes_more () inherits (notes);
";

/// What an attacker makes: each shows what is masked as soon as it is called.
const TRAPS: &str = "
    create function lower(varchar) returns text language sql volatile as 'select email from customers limit 1';
    create function upper(name) returns text language sql volatile as 'select email from customers limit 1';
    create function initcap(anyelement) returns text language sql volatile as 'select email from customers limit 1';
    create function length(text, int default 1) returns int language sql volatile as 'select 1';
    create function length(plain) returns int language sql volatile as 'select 1';
    create function btrim(brief) returns text language sql volatile as 'select email from customers limit 1';
    create function repeat(variadic text[]) returns text language sql volatile as 'select email from customers limit 1';
    create function left(text, bigint) returns text language sql volatile as 'select email from customers limit 1';
    create function right(anycompatible, anycompatible) returns text language sql volatile as 'select email from customers limit 1';
    create function reverse(bpchar) returns text language sql volatile as 'select email from customers limit 1';
    create function abs(mood) returns int language sql volatile as 'select 1';
    create function round(double precision, int) returns numeric language sql volatile as 'select 1.0';
    create function ascii(pair) returns int language sql volatile as 'select 1';
    create function chr(bigint) returns text language sql volatile as 'select email from customers limit 1';
    create function md5(text[]) returns text language sql volatile as 'select email from customers limit 1';
    create function spies(text) returns boolean language sql volatile as 'select true';
    create domain ltrim as text check (spies(value));
    create type worn as (a text);
    create function wear(varchar) returns worn language sql volatile as 'select row($1)::worn';
    create cast (varchar as worn) with function wear(varchar) as implicit;
    create function replace(worn, text, text) returns text language sql volatile as 'select email from customers limit 1';
    create function gather(text, text) returns text language sql volatile as 'select email from customers limit 1';
    create function tell(text, float8) returns text language sql volatile as 'select $1';
    create aggregate percentile_disc(float8 order by text) (sfunc = gather, stype = text, finalfunc = tell);
    create function sign(worn) returns text language sql volatile as 'select email from customers limit 1';
";

/// Says which functions and domains of somebody's the server calls by an expression.
const ORACLE: &str = "
    create function picked(call text, source text) returns text language plpgsql as $$
    declare found text; begin
      execute 'create view probe as select ' || call || ' as x from ' || source;
      select coalesce(string_agg(p.oid::regprocedure::text, ' '), '') || coalesce(string_agg(t.typname, ' '), '') into found
        from pg_depend d join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
        left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid and t.typname = 'ltrim'
        where r.ev_class = 'probe'::regclass;
      execute 'drop view probe';
      return found;
    exception when others then return 'error';
    end $$";

fn start(server: &'static Postgres, traps: &str) -> Sidegate {
    let sidegate = Setup::policy(POLICY).server(server).start();
    server.sql(&sidegate.database, NOTES);
    server.sql(&sidegate.database, traps);
    server.sql(&sidegate.database, ORACLE);
    sidegate
}

#[test]
fn with_citext_its_namesakes_of_functions_do_not_count_for_other_types() {
    let (sidegate, server) = (start(postgres(), ""), postgres());
    for sql in [
        "select replace(body, 'a', 'b') from notes",
        "select replace(n.short, '-', n.body), replace(fixed, 'a', 'b'), replace(dom, 'a', 'b') from notes n",
        "select strpos(body, 'b'), strpos(short, body), split_part(body, '-', 2), translate(cut, 'ab', 'ba') from notes",
        "select regexp_replace(body, '-.', 'x'), regexp_replace(short, '-', '+', 'g') from notes",
        "select regexp_matches(body, 'a(.)', 'g'), regexp_match(body, 'b') from notes",
        "select regexp_split_to_array(body, '-'), regexp_split_to_table(body, '-', 'i') from notes",
        "select x from notes n, regexp_split_to_table(n.body, '-') x",
        "select x.* from notes n, regexp_matches(n.body, '-') x where id = 1",
        "select replace(replace(upper(body), 'A', 'b'), 'b', 'c') from notes where strpos(lower(short), 'b') > 0",
        "select replace(x.b, 'a', 'b') from (select body as b from notes) x",
        "with w as (select short from notes) select replace(w.short, 'a', 'b') from w",
        "select replace(s.body, 'a', 'b'), replace(s.short, 'a', 'b') from seen s order by replace(s.dom, 'a', 'b')",
        "select replace(amount::text, '.', ','), replace(cast(id as varchar), '1', '2') from notes_more",
        "update notes set body = replace(body, '-', '+') where id = 1 returning replace(body, '+', '-')",
    ] {
        let passed = said(&sidegate.psql(&["-qAtc", sql]));
        assert_eq!(passed.trim(), server.sql(&sidegate.database, sql).trim(), "{sql}");
    }
    let masked =
        said(&sidegate.psql(&["-Atc", "select replace(hidden, '-', '+'), replace(covered, '-', '') from notes"]));
    assert_eq!(masked.trim(), "*+*|**");
    for sql in [
        "select replace(tag, 'a', 'b') from notes",
        "select replace(free, 'a', 'b') from notes",
        "select replace('a', tag, 'b') from notes",
        "select replace(body::citext, 'a', 'b') from notes",
        "select replace(x.t, 'a', 'b') from (select tag as t from notes) x",
        "select replace(x.t, 'a', 'b') from (select tag as t from notes union select body from notes) x",
        "select public.replace(body, 'a', 'b') from notes",
    ] {
        let refused = said(&sidegate.psql(&["-Atc", sql]));
        assert!(refused.contains("may read columns that are masked"), "{sql}: {refused}");
    }
}

/// Arguments of every kind, each with what it is selected from.
const VALUES: &[(&str, &str)] = &[
    ("body", "notes"),
    ("short", "notes"),
    ("fixed", "notes"),
    ("called", "notes"),
    ("tag", "notes"),
    ("dom", "notes"),
    ("free", "notes"),
    ("cut", "notes"),
    ("n.hidden", "notes n"),
    ("n.covered", "notes n"),
    ("amount", "notes"),
    ("id", "notes"),
    ("big", "notes"),
    ("part", "notes"),
    ("flag", "notes"),
    ("at", "notes"),
    ("list", "notes"),
    ("mood", "notes"),
    ("span", "notes"),
    ("two", "notes"),
    ("notes", "notes"),
    ("'a'", "notes"),
    ("null", "notes"),
    ("1", "notes"),
    ("1.5", "notes"),
    ("-1", "notes"),
    ("true", "notes"),
    ("body::varchar", "notes"),
    ("short::text", "notes"),
    ("'a'::name", "notes"),
    ("'a'::char(3)", "notes"),
    ("body::plain", "notes"),
    ("id::bigint", "notes"),
    ("id::float8", "notes"),
    ("x.short", "(select short from notes) x"),
    ("x.b", "(select short as b, body as c from notes) x"),
    ("x.b", "(select short as b from notes union all select body from notes) x"),
    ("x.b", "(select body as b from notes union all select short from notes) x"),
    ("x.b", "(select short as b from notes union all select null) x"),
    ("x.b", "(select coalesce(short, 'a') as b from notes) x"),
    ("x.b", "(values ('a'::varchar)) x(b)"),
    ("short", "notes join (select body::varchar as short from notes) y using (short)"),
    ("short", "(select tag as short from notes) y join notes using (short)"),
    ("y.short", "notes natural join (select body as short from notes) y"),
    ("made", "seen"),
    ("s.short", "seen s"),
    ("a", "seen as s(b, a)"),
    ("m.short", "notes_more m"),
    ("x", "unnest(array['a'::varchar]) x"),
    ("x", "generate_series(1, 2) x"),
    ("x", "notes, regexp_split_to_table(short, '-') x"),
    ("lower(body)", "notes"),
    ("ltrim(body)", "notes"),
    ("repeat(body, 2)", "notes"),
    ("substr(short, 1)", "notes"),
    ("to_char(at, 'YYYY')", "notes"),
    ("concat(short)", "notes"),
    ("quote_ident(short)", "notes"),
    ("max(short)", "notes"),
    ("max(n.id)", "notes n"),
    ("short || 'x'", "notes"),
    ("case when flag then short end", "notes"),
    ("(select short from notes limit 1)", "notes"),
];

/// Calls of namesakes, with `?` for an argument.
const CALLS: &[&str] = &[
    "lower(?)",
    "upper(?)",
    "initcap(?)",
    "length(?)",
    "length(?, 1)",
    "btrim(?)",
    "btrim(?, 'a')",
    "ltrim(?)",
    "ltrim(?, 'a')",
    "repeat(?, 2)",
    "repeat(?, ?)",
    "left(?, 1)",
    "left(?, 10000000000)",
    "left(?, id)",
    "right(?, 1)",
    "right(?, ?)",
    "reverse(?)",
    "abs(?)",
    "round(?, 1)",
    "round(?)",
    "ascii(?)",
    "chr(?)",
    "md5(?)",
    "sign(?)",
    "replace(?, 'a', 'b')",
    "replace('a', ?, 'b')",
    "replace(?, ?, ?)",
    "replace(lower(?), 'a', 'b')",
    "length(repeat(?, 2))",
    "translate(?, 'a', 'b')",
    "strpos(?, 'a')",
    "split_part(?, 'a', 1)",
    "percentile_disc(0.5) within group (order by ?)",
];

fn asked(server: &'static Postgres) {
    let sidegate = start(server, TRAPS);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let calls = CALLS.iter().flat_map(|call| VALUES.iter().map(|(value, source)| (call.replace('?', value), *source)));
    let quoted = |text: &str| text.replace('\'', "''");
    let rows: Vec<String> =
        calls.clone().map(|(call, source)| format!("('{}', '{}')", quoted(&call), quoted(source))).collect();
    let told = server
        .sql(&sidegate.database, &format!("select '=' || picked(c, s) from (values {}) v(c, s)", rows.join(", ")));
    let told: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix('=')).collect();
    assert_eq!(told.len(), rows.len());
    let (mut passed, mut called, mut wrong, mut kept) = (0, 0, Vec::new(), Vec::new());
    for ((call, source), picked) in calls.zip(told) {
        let refused = client.ask(&query(&format!("select {call} from {source}"))).contains("E:42501");
        match picked {
            "error" => {}
            "" if refused => kept.push(format!("{call} from {source}")),
            "" => passed += 1,
            _ if refused => called += 1,
            _ => wrong.push(format!("{call} from {source}: {picked}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // How many there are depends on the traps above: an implicit cast of varchar alone keeps a function that it leads to.
    assert!(
        passed > 300 && called > 300,
        "{passed} pass, {called} are called, these do not pass:\n{}",
        kept.join("\n")
    );
}

#[test]
fn whatever_postgresql_15_calls_of_somebodys_is_refused() {
    asked(postgres());
}

#[test]
fn whatever_postgresql_18_calls_of_somebodys_is_refused() {
    asked(postgres18());
}

#[test]
fn what_a_session_makes_to_be_meant_counts_at_once() {
    let sidegate = Setup::policy(POLICY).free_settings().start();
    let server = postgres();
    server.sql(&sidegate.database, NOTES);
    server.sql(
        &sidegate.database,
        "create type worn as (a text); create table papers (body varchar); create table leaves () inherits (papers);
         insert into leaves values ('a-b');
         create function wear(varchar) returns worn language sql as 'select row($1)::worn';
         create function replace(worn, text, text) returns text language sql volatile as 'select ''caught''';
         create function initcap(text) returns text language sql volatile as 'select ''caught'''",
    );
    let replaces = "select replace(body, 'a', 'b') from leaves";
    let casts = "create cast (varchar as worn) with function wear(varchar) as implicit";
    let types = "alter table papers alter body type worn using row(body)::worn";
    let lower = "create function lower(varchar) returns text language sql volatile as 'select ''caught'''";
    let first = "set search_path = public, pg_catalog";
    for (makes, calls) in [
        (casts, replaces),
        (types, replaces),
        (lower, "select lower(body) from leaves"),
        (first, "select initcap(body) from leaves"),
        ("create domain btrim as text", "select btrim(body) from leaves"),
    ] {
        let before = said(&sidegate.psql(&["-qAtc", calls]));
        assert!(!before.contains("ERROR"), "{calls}: {before}");
        let ways: [&[&str]; 3] = [
            &["-c", "begin", "-c", makes, "-c", calls],
            &["-c", &format!("begin; {makes}; {calls}; rollback")],
            &["-c", &format!("begin; {makes}"), "-c", calls],
        ];
        for way in ways {
            let text = said(&sidegate.psql(&[&["-qAt"], way].concat()));
            assert!(text.contains("ERROR") && !text.contains("caught"), "{makes}: {text}");
        }
        // What was prepared before is read again.
        let prepared = said(&sidegate.psql(&[
            "-qAt",
            "-c",
            &format!("prepare p as {calls}"),
            "-c",
            "execute p",
            "-c",
            "begin",
            "-c",
            makes,
            "-c",
            "execute p",
        ]));
        assert!(prepared.contains("ERROR") && !prepared.contains("caught"), "{makes}: {prepared}");
        let after = said(&sidegate.psql(&["-qAtc", calls]));
        assert_eq!(after, before, "it was taken back");
    }
    for (makes, calls) in [(casts, replaces), (lower, "select replace(lower(body), 'a', 'b') from leaves")] {
        let text = said(&sidegate.psql(&["-qAt", "-c", makes, "-c", calls]));
        assert!(text.contains("ERROR") && !text.contains("caught"), "{makes}: {text}");
    }
}

/// What brings in a check of somebody's that no call names: ranges over a domain, what makes them, aggregates that take one
/// or begin with one; and columns that are not what the catalog says of them.
const CHECKED: &str = "
    create function spies(text) returns boolean language sql volatile as 'select true';
    create domain spy as text check (spies(value)); create domain count as int check (spies(value::text));
    create type ltrim as range (subtype = spy, multirange_type_name = btrim);
    create type rtrim as range (subtype = count, multirange_type_name = rtrims);
    create aggregate string_agg(varchar, spy) (sfunc = replace, stype = text);
    create aggregate upper(int) (sfunc = trim_array, stype = spy[], initcond = '{x}');
    create type spied as (md5 citext);
    create table spied_on (md5 citext, two spied, a spy, list spy[], span ltrim, short varchar);
    insert into spied_on values ('a', row('a'), 'a', '{a}', '[a,b]', 'a');
    create function lower(varchar) returns text language sql volatile as 'select email from customers limit 1';
";

#[test]
fn what_is_checked_by_somebodys_code_counts_where_a_call_may_bring_it_in() {
    let (sidegate, server) = (start(postgres(), CHECKED), postgres());
    for sql in [
        "select ltrim('[a,b]')",
        "select btrim('{[a,b]}')",
        "select rtrim(1, 2)",
        "select string_agg(short, 'x') from spied_on",
        "select upper(1)",
        "select replace(md5(s), 'a', 'b') from spied_on s",
        "select replace(md5(two), 'a', 'b') from spied_on",
        "select span = '[x,y]' from spied_on",
        "alter table notes_more alter body type varchar, add check (lower(body) <> '')",
    ] {
        let refused = said(&sidegate.psql(&["-Atc", sql]));
        assert!(refused.contains("may read columns that are masked"), "{sql}: {refused}");
    }
    for sql in [
        "select ltrim(body), array_agg(body) over () from notes",
        "select a, short from spied_on where a = 'a'",
        "select replace(md5(body), 'a', 'b'), upper(body) from notes",
    ] {
        let passed = said(&sidegate.psql(&["-qAtc", sql]));
        assert_eq!(passed.trim(), server.sql(&sidegate.database, sql).trim(), "{sql}");
    }
}
