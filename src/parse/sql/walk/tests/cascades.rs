use super::*;
use crate::catalog::{Builder, Snapshot, Table};
use crate::parse::facts::CalledBy;
use crate::parse::sql::reading::{Known, Trust};

/// Customers have orders, which have items; notes refer to customers and refuse; people refer to each other in turn;
/// orders of a year are a partition; what refers to `ruled` has a rule.
fn shop() -> Arc<Snapshot> {
    let told: [(Table, &[&str]); 9] = [
        (Table::Server, &["150018 shop app 10 f UTF8"]),
        (Table::Namespaces, &["11 pg_catalog t f", "2200 public t t"]),
        (
            Table::Relations,
            &[
                "100 2200 customers r 10 0 f f f f",
                "101 2200 orders p 10 0 t f f f",
                "102 2200 items r 10 0 f f f t",
                "103 2200 notes r 10 0 f f f f",
                "104 2200 people r 10 0 f f f f",
                "105 2200 orders1 r 10 0 f f t f",
                "106 2200 ruled r 10 0 f f f f",
                "107 2200 odd r 10 0 f f f f",
                "108 2200 seen v 10 0 f f f f",
            ],
        ),
        (
            Table::Columns,
            &[
                "100 1 id 23 -1 0 f f f  ",
                "100 2 name 23 -1 0 f f f  ",
                "101 1 id 23 -1 0 f f f  ",
                "101 2 customer 23 -1 0 f f f  ",
                "102 1 id 23 -1 0 f f f  ",
                "102 2 order 23 -1 0 f f f  ",
                "103 1 customer 23 -1 0 f f f  ",
                "104 1 id 23 -1 0 f f f  ",
                "104 2 parent 23 -1 0 f f f  ",
                "105 1 id 23 -1 0 f f f  ",
                "105 2 customer 23 -1 0 f f f  ",
                "106 1 id 23 -1 0 f f f  ",
                "107 1 ruled 23 -1 0 f f f  ",
                "108 1 id 23 -1 0 f f f  ",
            ],
        ),
        (Table::Inheritance, &["101 105"]),
        (Table::Rules, &["900 107 gone 4 f O f t tree", "901 108 _RETURN 1 t O f t tree"]),
        (Table::RuleRelations, &["901 100 0", "901 100 1"]),
        (
            Table::ForeignKeys,
            &[
                "800 100 101 c c 1 2",
                "801 100 105 c c 1 2",
                "802 101 102 n a 1 2",
                "803 105 102 n a 1 2",
                "804 100 103 a r 1 1",
                "805 104 104 d c 1 2",
                "806 106 107 c a 1 1",
            ],
        ),
        (Table::Attached, &["102 t 4 500", "105 t 2 501", "101 p 23 502", "102 c 5 503", "103 t 8 500"]),
    ];
    let functions = [
        "500 2200 note f  0 0 2279 v t f f f plpgsql ~",
        "501 2200 gone f  0 0 2279 v f f f f plpgsql ~",
        "502 2200 sees f 23 0 0 16 s f f f f sql ~",
        "503 2200 small f 23 0 0 16 i f f f f sql ~",
    ];
    let mut builder = Builder::default();
    let told = told.into_iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, *row)));
    for (table, row) in told.chain(functions.map(|row| (Table::Functions, row))) {
        let values: Vec<_> = row.split(' ').map(|value| (value != "~").then_some(value.as_bytes())).collect();
        builder.row(table, &values).unwrap();
    }
    Arc::new(builder.finish().unwrap())
}

fn names() -> Names {
    Names::Known(Known {
        path: Arc::from([Arc::from("public")]),
        schema: Some(Arc::from("public")),
        snapshot: shop(),
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

fn written(facts: &Facts) -> Vec<&str> {
    let written = facts.relations.iter().filter(|one| one.access.contains(&Access::Write));
    written.map(|one| one.name.as_str()).collect()
}

fn called(facts: &Facts) -> Vec<(&str, CalledBy)> {
    facts.functions.iter().flat_map(|one| one.called_by.iter().map(|by| (one.name.as_str(), *by))).collect()
}

#[test]
fn what_keys_change_in_turn_is_written() {
    let all = &["customers", "items", "orders"][..];
    for (sql, wanted) in [
        ("delete from customers", all),
        ("delete from seen", &["customers", "items", "orders", "seen"]),
        ("with gone as (delete from customers returning id) select 1 from gone", all),
        ("merge into customers c using notes n on c.id = n.customer when matched then delete", all),
        ("update customers set id = 2", &["customers", "orders"]),
        ("update customers set (name, id) = (1, 2)", &["customers", "orders"]),
        ("insert into customers values (1) on conflict (id) do update set id = 2", &["customers", "orders"]),
        ("update customers set name = 2", &["customers"]),
        ("insert into customers (id) values (1) on conflict (id) do update set name = 2", &["customers"]),
        (
            "merge into customers c using notes n on c.id = n.customer when matched then update set name = 1",
            &["customers"],
        ),
        ("insert into customers values (1)", &["customers"]),
        ("delete from orders", &["items", "orders"]),
        ("update orders set id = 1", &["orders"]),
        ("delete from notes", &["notes"]),
        ("delete from people", &["people"]),
        ("truncate customers cascade", &["customers", "items", "notes", "orders"]),
        ("truncate customers", &["customers"]),
    ] {
        let facts = read_here(sql);
        assert_eq!(written(&facts), wanted, "{sql}");
        assert!(
            facts.unknown.iter().all(|path| *path == "sql.columns") && !facts.outdated,
            "{sql}: {:?}",
            facts.unknown
        );
    }
}

#[test]
fn what_runs_there_is_told_and_what_changes_there() {
    let facts = read_here("delete from customers");
    // The policy of `orders` is not asked: keys act as the table's owner.
    assert_eq!(called(&facts), [("gone", CalledBy::Trigger), ("note", CalledBy::Trigger), ("small", CalledBy::Check)]);
    assert_eq!(effects(&facts), "write");
    assert_eq!(column(&facts, Some("public.items"), "order"), [Use::Assignment].into());
    assert!(
        facts.columns.iter().all(|one| one.relation.as_deref() != Some("public.orders")),
        "rows that go keep theirs"
    );
    let items = facts.relations.iter().find(|one| one.name == "items").unwrap();
    assert_eq!(items.commands, ["DELETE".to_owned()].into());
    assert_eq!(
        column(&read_here("update customers set id = 2"), Some("public.orders"), "customer"),
        [Use::Assignment].into()
    );
    assert_eq!(called(&read_here("truncate customers cascade")), [("note", CalledBy::Trigger)]);
    assert!(called(&read_here("update customers set name = 2")).is_empty());
}

#[test]
fn rules_of_what_is_reached_make_it_unknown() {
    let facts = read_here("delete from ruled");
    assert!(facts.unknown.contains("sql.relations") && facts.unknown.contains("sql.functions"));
    assert!(read_here("update ruled set id = 1").unknown.is_empty());
    assert!(read_here("truncate ruled cascade").unknown.is_empty());
}

#[test]
fn a_key_that_nobody_has_looked_at_leaves_unknown_what_it_reaches() {
    for (before, behind, unknown) in [
        ("create table x (c int references notes on delete cascade)", "delete from notes", true),
        (
            "create table x (c int, foreign key (c) references notes on update set null)",
            "update notes set customer = 1",
            true,
        ),
        ("alter table people add foreign key (id) references notes on delete set default", "delete from notes", true),
        ("alter table people add column n int references notes on delete cascade", "delete from notes", true),
        ("create table x (c int references notes on delete cascade)", "select 1 from notes", false),
        ("create table x (c int references notes on delete cascade)", "insert into notes values (1)", false),
        ("create table x (c int references notes on delete restrict)", "delete from notes", false),
        ("create table x (c int references people on delete cascade)", "delete from notes", false),
        ("create table x (c int references notes)", "truncate notes cascade", true),
        ("create table x (c int references notes)", "truncate notes", false),
    ] {
        let facts = read_here(&format!("{before}; {behind}"));
        assert_eq!(facts.unknown.contains("sql.relations"), unknown, "{before}; {behind}");
        assert_eq!(facts.unknown.contains("sql.functions"), unknown, "{before}; {behind}");
    }
}

#[test]
fn without_a_catalog_nobody_knows_what_truncate_reaches() {
    let facts = read("truncate t cascade");
    assert!(facts.unknown.contains("sql.relations") && facts.unknown.contains("sql.functions"));
    assert!(read("truncate t").unknown.is_empty());
}
