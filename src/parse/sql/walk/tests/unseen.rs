use super::*;
use crate::catalog::{Builder, Table};
use crate::parse::facts::CalledBy;
use crate::parse::sql::reading::{Known, Trust};

/// A table with a generated column, one with a trigger, one with row security, one with a default, and a type with a
/// cast of somebody's.
fn names() -> Names {
    let told: [(Table, &[&str]); 10] = [
        (Table::Server, &["150018 shop app 10 f UTF8"]),
        (Table::Namespaces, &["11 pg_catalog t f", "2200 public t t"]),
        (
            Table::Relations,
            &[
                "100 2200 people r 10 0 f f f f",
                "101 2200 noted r 10 0 f f f t",
                "102 2200 hidden r 10 0 t f f f",
                "103 2200 drawn r 10 0 f f f f",
                "104 2200 tagged r 10 0 f f f f",
            ],
        ),
        (
            Table::Columns,
            &[
                "100 1 ssn 25 -1 0 f f f  ",
                "100 2 copy 25 -1 0 f f t s ",
                "101 1 id 23 -1 0 f f f  ",
                "102 1 id 23 -1 0 f f f  ",
                "103 1 id 23 -1 0 f f t  ",
                "104 1 id 23 -1 0 f f f  ",
                "104 2 tag 700 -1 0 f f f  ",
            ],
        ),
        (Table::Generated, &["100 2 1"]),
        (Table::Attached, &["101 t 1 500", "102 p 23 501", "103 d 5 502", "103 d 5 503", "101 c 5 0"]),
        (
            Table::Functions,
            &[
                "500 2200 note f  0 0 2279 v t f f f plpgsql ~",
                "501 2200 sees f 23 0 0 16 s f f f f sql ~",
                "502 2200 draws f  0 0 23 v f f f f sql ~",
                "503 11 nextval f 2205 0 0 20 v f f f f internal ~",
                "504 2200 says f 700 0 0 25 i f f f f sql ~",
            ],
        ),
        (
            Table::Types,
            &[
                "23 11 int4 b N f 0 0 0 0 -1 f 0 0",
                "25 11 text b S t 0 0 0 0 -1 f 0 0",
                "700 2200 tag e E f 0 0 0 0 -1 f 0 0",
            ],
        ),
        (Table::Casts, &["700 25 504 i f"]),
        (Table::Extensions, &[]),
    ];
    let mut builder = Builder::default();
    for (table, rows) in told {
        for row in rows {
            let values: Vec<_> = row.split(' ').map(|value| (value != "~").then_some(value.as_bytes())).collect();
            builder.row(table, &values).unwrap();
        }
    }
    Names::Known(Known {
        path: Arc::from([Arc::from("public")]),
        schema: Some(Arc::from("public")),
        snapshot: Arc::new(builder.finish().unwrap()),
        trust: Trust::Recent,
        functions: Trust::Recent,
        searched: true,
        temporary: Arc::default(),
        defined: Arc::default(),
    })
}

fn read_here(sql: &str) -> Facts {
    try_walk_with(sql, &names(), &|_| None).unwrap_or_else(|reason| panic!("{sql}: {reason}")).facts
}

#[test]
fn a_generated_column_uses_what_it_is_made_of() {
    for (sql, wanted) in [
        ("select copy from people", Some(vec![Use::Output])),
        ("select 1 from people where copy = 'x'", Some(vec![Use::Predicate])),
        ("select 1 from people", None),
        ("insert into people (copy) values (default)", None),
    ] {
        let facts = read_here(sql);
        let ssn = facts.columns.iter().find(|column| column.name == "ssn");
        assert_eq!(ssn.map(|ssn| ssn.uses.iter().copied().collect::<Vec<_>>()), wanted, "{sql}");
    }
    assert!(read_here("select copy from people").only_passed("public.people", "copy"));
}

#[test]
fn what_runs_unasked_is_listed_with_its_reason() {
    let trigger = Some(("public.note", CalledBy::Trigger));
    let policy = Some(("public.sees", CalledBy::RowSecurity));
    let default = Some(("public.draws", CalledBy::Default));
    for (sql, function, effects) in [
        ("insert into noted values (1)", trigger, "write"),
        ("copy noted from stdin", trigger, "copy_in write"),
        ("update noted set id = 2", None, "write"),
        ("select id from noted", None, "read"),
        ("select id from hidden", policy, "read"),
        ("copy hidden to stdout", policy, "copy_out read"),
        ("insert into drawn default values", default, "procedure write"),
        ("delete from drawn", None, "write"),
    ] {
        let facts = read_here(sql);
        let found: Vec<_> =
            facts.functions.iter().flat_map(|one| one.called_by.iter().map(|by| (one.id.as_str(), *by))).collect();
        assert_eq!((found, super::effects(&facts).as_str()), (function.into_iter().collect(), effects), "{sql}");
    }
    let unread = |sql: &str| read_here(sql).unknown.contains("sql.functions");
    assert!(unread("insert into noted values (1)") && !unread("delete from noted"), "a check is too long to be read");
    let noted = read_here("insert into noted values (1)");
    assert_eq!(noted.functions.first().and_then(|note| note.security_definer), Some(true));
}

#[test]
fn a_column_of_a_type_with_a_cast_of_somebodys_runs_it() {
    for sql in [
        "select tag::text from tagged",
        "select upper(tag) from tagged",
        "with q as (select tag from tagged) select tag || 'x' from q",
    ] {
        let facts = read_here(sql);
        assert!(facts.effects.contains(&Effect::Procedure) && !facts.describes, "{sql}");
        assert!(facts.functions.iter().any(|function| function.id == "public.says"), "{sql}");
    }
    assert!(!read_here("select id::text from tagged").effects.contains(&Effect::Procedure));
}

#[test]
fn what_is_made_where_no_schema_is_may_be_temporary() {
    let Names::Known(known) = names() else { panic!("it is known") };
    let nowhere =
        Names::Known(Known { path: Arc::from([Arc::from("nowhere")]), schema: Some(Arc::from("nowhere")), ..known });
    let facts = try_walk_with("create view v as select 1 as a", &nowhere, &|_| None).unwrap().facts;
    assert!(facts.aftermath.names && facts.relations.iter().all(|relation| relation.schema.is_none()));
    assert!(!read_here("create view v as select 1 as a").aftermath.names);
    assert!(read_here("truncate noted cascade").unknown.contains("sql.relations"));
}
