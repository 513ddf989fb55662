use super::known::{built, names_in, read_by};
use super::*;
use crate::catalog::{Snapshot, Table};
use crate::parse::definitions::Definitions;
use crate::parse::sql::reading::{Known, Trust};

/// `notes` and what inherits from it, domains, a type `odd` of somebody's, and functions with the names of PostgreSQL's own.
fn notes() -> Arc<Snapshot> {
    let told: [(Table, &[&str]); 9] = [
        (Table::Server, &["150018 shop app 10 f UTF8"]),
        (Table::Namespaces, &["11 pg_catalog t f", "2200 public t t"]),
        (
            Table::Relations,
            &["100 2200 notes r 10 0 f f f f", "101 2200 more r 10 0 f f f f", "102 2200 spied r 10 0 f f f f"],
        ),
        (
            Table::Columns,
            &[
                "100 1 body 25 -1 0 f f f  ",
                "100 2 short 1043 -1 0 f f f  ",
                "100 3 odd 900 -1 0 f f f  ",
                "100 4 dom 901 -1 0 f f f  ",
                "100 5 list 1009 -1 0 f f f  ",
                "100 6 id 23 -1 0 f f f  ",
                "100 7 lost 999 -1 0 f f f  ",
                "101 1 body 25 -1 0 f f f  ",
                "102 1 spy 903 -1 0 f f f  ",
                "102 2 spies 904 -1 0 f f f  ",
                "102 3 body 25 -1 0 f f f  ",
            ],
        ),
        (Table::Inheritance, &["100 101"]),
        (Table::DomainFunctions, &["903 521"]),
        (
            Table::Types,
            &[
                "16 11 bool b B t 0 0 0 0 -1 f 0 0",
                "23 11 int4 b N f 0 0 0 0 -1 f 0 0",
                "25 11 text b S t 0 0 1009 0 -1 f 0 0",
                "1009 11 _text b A f 0 25 0 0 -1 f 0 0",
                "1043 11 varchar b S f 0 0 0 0 -1 f 0 0",
                "701 11 float8 b N t 0 0 0 0 -1 f 0 0",
                "2283 11 anyelement p P f 0 0 0 0 -1 f 0 0",
                "3831 11 anyrange p P f 0 0 0 0 -1 f 0 0",
                "900 2200 odd b S f 0 0 0 0 -1 f 0 0",
                "901 2200 dom d S f 0 0 0 25 -1 f 0 0",
                "902 2200 chr d S f 0 0 0 25 -1 f 0 0",
                "903 2200 spy d S f 0 0 904 25 -1 f 0 0",
                "904 2200 _spy b A f 0 903 0 0 -1 f 0 0",
            ],
        ),
        (Table::Casts, &["1043 25 0 i b", "25 1043 0 i b", "900 25 0 i b", "25 900 0 a b", "23 701 0 i f"]),
        (
            Table::Functions,
            &[
                "500 11 lower f 25 0 0 25 i f f f f internal ~",
                "501 11 lower f 3831 0 0 2283 i f f f f internal ~",
                "502 2200 lower f 900 0 0 25 v f f f f sql ~",
                "503 11 upper f 25 0 0 25 i f f f f internal ~",
                "504 2200 upper f 1043 0 0 25 v f f f f sql ~",
                "505 11 md5 f 25 0 0 25 i f f f f internal ~",
                "506 2200 md5 f 2283 0 0 25 v f f f f sql ~",
                "507 11 btrim f 25,25 0 0 25 i f f f f internal ~",
                "508 11 btrim f 25 0 0 25 i f f f f internal ~",
                "509 2200 btrim f 900,25 1 0 25 v f f f f sql ~",
                "510 11 left f 25,23 0 0 25 i f f f f internal ~",
                "511 2200 left f 900 0 900 25 v f f f f sql ~",
                "512 11 chr f 23 0 0 25 i f f f f internal ~",
                "513 11 mode a 2283 0 0 2283 i f f f f internal ~",
                "514 2200 mode a 25,25 0 0 25 i f f f f internal ~",
                "515 11 ascii f 25 0 0 23 i f f f f internal ~",
                "516 2200 ascii f 901 0 0 23 v f f f f sql ~",
                "517 2200 sought f 900 0 0 25 v f f f f sql ~",
                "518 11 sqrt f 701 0 0 701 i f f f f internal ~",
                "520 11 initcap f 25 0 0 25 i f f f f internal ~",
                "521 2200 spies f 25 0 0 16 v f f f f sql ~",
                "519 2200 sqrt f 900 0 0 701 v f f f f sql ~",
            ],
        ),
    ];
    built(&told)
}

fn recent() -> Names {
    names_in(notes(), &["public"], Trust::Recent)
}

/// Whether somebody's function counts.
fn counts(sql: &str, names: &Names) -> bool {
    read_by(sql, names).functions.iter().any(|function| !function.builtin)
}

#[test]
fn what_an_argument_of_a_certain_type_never_becomes_does_not_count() {
    for sql in [
        "select lower(body), lower(short), lower(n.dom), lower(id::text), lower(body::varchar(3)) from notes n",
        // The rest of the arguments may be anything.
        "select btrim(body), btrim(short, 'a'), btrim(body, $1) from notes",
        // What PostgreSQL's own give, whatever is behind it.
        "select lower(lower(short)), lower(btrim(short, '-')), lower(pg_catalog.lower(odd)) from notes",
        "select lower(x.b) from (select short as b from notes) x",
        "with w as (select * from notes) select lower(w.body) from w join more using (body)",
        "select n.id from notes n where exists (select from more where lower(more.body) = lower(n.short))",
        "select x from notes, lower(body) x",
        "select lower(odd::pg_catalog.text), lower($1::text), lower('a'::\"varchar\") from notes",
        "select lower(true)",
        "select lower(initcap(body)), lower(initcap('a')) from notes",
        // Exactly PostgreSQL's own: nothing else is compared with it.
        "select upper(body), md5(body), md5(lower(body)), ascii(body), sqrt(id) from notes",
        "select chr(id) from notes",
    ] {
        assert!(!counts(sql, &recent()), "{sql}");
    }
}

#[test]
fn whatever_may_be_meant_counts() {
    for sql in [
        "select lower(odd) from notes",
        "select lower('a')",
        "select lower(null)",
        "select lower($1)",
        "select lower(1)",
        "select lower(body || 'a') from notes",
        "select lower(coalesce(body, 'a')) from notes",
        "select lower(case when true then body end) from notes",
        "select lower((select body from notes))",
        "select lower(body::odd) from notes",
        "select lower(list) from notes",
        "select lower('a'::_text)",
        "select lower('a'::text[])",
        "select lower(lost) from notes",
        // Of a row it may be the column of that name.
        "select lower(initcap(notes)) from notes",
        "select lower(initcap($1))",
        // Of the type that it then has.
        "alter table notes alter body type odd, add check (lower(body) = 'a')",
        "select lower(notes) from notes",
        "select lower(x => body) from notes",
        "select lower(nowhere) from notes",
        "select lower(sought(body)) from notes",
        "select lower(public.lower(odd)) from notes",
        // More than one of them may be meant, which give different types, or one that somebody makes a type's.
        "select upper(short), md5(short), ascii(dom), ascii(short) from notes",
        "select chr('a')",
        // The last given more than once.
        "select left(body, 1) from notes",
        "select btrim('a', body) from notes",
        "select mode(body) within group (order by body) from notes",
        // A column that is made of two.
        "select lower(x.b) from (select body as b from notes union select odd from notes) x",
        "select lower(body) from notes natural join nowhere",
        "select lower(x.body) from (select body from notes natural join nowhere) x",
        "select lower(short) from notes n join (select odd as short from notes) o using (short)",
        "select lower(x) from unnest(array['a']) x",
        "select lower(x.b) from (values ('a')) x(b)",
        "alter table notes alter body type text; select lower(body) from notes",
        "alter table notes alter body type text; select lower(body) from more",
    ] {
        assert!(counts(sql, &recent()), "{sql}");
    }
}

#[test]
fn columns_that_may_have_changed_since_are_of_no_certain_type() {
    let since = |defined: Definitions| {
        let Names::Known(known) = recent() else { panic!("it is known") };
        Names::Known(Known { defined: Arc::new(defined), ..known })
    };
    let notes = since(Definitions::relations([(Some("public".to_owned()), "notes".to_owned())]));
    assert!(counts("select lower(body) from public.more", &notes), "it inherits from what changed");
    assert!(counts("select lower(body) from notes", &notes));
    let more = since(Definitions::relations([(Some("public".to_owned()), "more".to_owned())]));
    assert!(!counts("select lower(body) from notes", &more));
    assert!(counts("select lower(btrim(short)) from notes", &since(Definitions::every_function())));
    assert!(counts("select lower(body) from notes", &since(Definitions::everything())), "a cast, for one");
    assert!(counts("select lower(body) from notes", &names_in(self::notes(), &["public"], Trust::Outdated)));
}

#[test]
fn a_literal_beside_what_holds_values_of_a_checked_domain_may_run_the_check() {
    let runs = |sql: &str| read_by(sql, &recent()).effects.contains(&Effect::Procedure);
    for sql in [
        "select body from spied where spies = '{a}'",
        "select body from spied where spies = $1",
        "select coalesce(spies, '{a}') from spied",
        "select spies from spied union all select '{a}'",
        "select array[spy] = '{a}' from spied",
        "select array_agg(spy) = '{a}' from spied",
        "select array(select spy from spied) = '{a}'",
    ] {
        assert!(runs(sql), "{sql}");
    }
    for sql in [
        "select body from spied where spy = 'a'",
        "select *, array[spy] from spied where spies is not null limit 5",
        "select spy, array[body] from (select 'a' as spy, body from spied) x",
        "select array_agg(body) from spied",
    ] {
        assert!(!runs(sql), "{sql}");
    }
}
