use super::*;
use crate::catalog::{Builder, Table};

/// Tables of which each has the columns `a` and `b`, the first partitioned into the second, and keys between them.
fn with(version: &str, tables: usize, keys: &[String]) -> Snapshot {
    let mut builder = Builder::default();
    let mut row = |table, row: &str| {
        let values: Vec<_> = row.split(' ').map(|value| Some(value.as_bytes())).collect();
        builder.row(table, &values).unwrap();
    };
    row(Table::Server, &format!("{version} shop app 10 f UTF8"));
    row(Table::Namespaces, "2200 public t t");
    for number in 0..tables {
        let (oid, kind) = (100 + number, if number == 0 { 'p' } else { 'r' });
        let part = if number == 1 { 't' } else { 'f' };
        row(Table::Relations, &format!("{oid} 2200 t{number} {kind} 10 0 f f {part} f"));
        row(Table::Columns, &format!("{oid} 1 a 23 -1 0 f f f  "));
        row(Table::Columns, &format!("{oid} 2 b 23 -1 0 f f f  "));
    }
    row(Table::Inheritance, "100 101");
    keys.iter().for_each(|key| row(Table::ForeignKeys, key));
    builder.finish().unwrap()
}

fn reached(snapshot: &Snapshot, name: &str, events: Events, columns: Option<&[&'static str]>) -> Vec<String> {
    let columns = columns.map(|columns| columns.iter().copied().collect());
    let cascade = snapshot.cascades(snapshot.relation_in("public", name).unwrap(), events, columns);
    assert!(!cascade.open);
    let shown = |one: &Cascaded<'_>| {
        let done = [(Events::DELETE, "-"), (Events::UPDATE, "!"), (Events::TRUNCATE, "0")];
        let done: String = done.iter().filter(|(event, _)| one.events.has(*event)).map(|(_, mark)| *mark).collect();
        format!("{}{done}{}", one.relation.name(), one.columns.iter().copied().collect::<Vec<_>>().join(","))
    };
    cascade.relations.values().map(shown).collect()
}

#[test]
fn what_refers_to_what_goes_or_changes_does_as_well() {
    let keys = ["1 102 103 c c 1 2", "2 103 104 n n 2 1", "3 104 105 a r 1 1", "4 104 105 d a 2 2"].map(str::to_owned);
    let shop = with("150018", 6, &keys);
    let of = |events, columns: Option<&[&'static str]>| reached(&shop, "t2", events, columns);
    assert_eq!(of(Events::DELETE, None), ["t3-", "t4!a"]);
    assert_eq!(of(Events::UPDATE, Some(&["a"])), ["t3!b", "t4!a"], "what changes in turn has columns, too");
    assert!(of(Events::UPDATE, Some(&["b"])).is_empty() && of(Events::INSERT, None).is_empty());
    assert_eq!(of(Events::TRUNCATE, None), ["t30", "t40", "t50"], "whatever the key does else");
    assert_eq!(reached(&shop, "t4", Events::DELETE, None), ["t5!b"]);
    assert!(reached(&shop, "t5", Events::DELETE, None).is_empty());
}

#[test]
fn partitions_are_told_with_their_table() {
    let keys = ["1 102 100 c c 1 1", "2 102 101 c c 1 1", "3 101 103 c a 1 1", "4 100 103 c a 1 1"].map(str::to_owned);
    let shop = with("150018", 4, &keys);
    assert_eq!(reached(&shop, "t2", Events::DELETE, None), ["t0-", "t3-"]);
    assert_eq!(reached(&shop, "t1", Events::DELETE, None), ["t3-"]);
    assert!(reached(&shop, "t0", Events::UPDATE, Some(&["b"])).is_empty());
    let old = with("140010", 4, &keys);
    assert_eq!(reached(&old, "t0", Events::UPDATE, Some(&["b"])), ["t3-"], "a row that moves goes and comes there");
}

#[test]
fn what_goes_in_circles_ends_and_what_goes_too_far_is_open() {
    let circle = ["1 102 103 c c 1 1", "2 103 102 c c 1 1", "3 102 102 n a 1 2"].map(str::to_owned);
    assert_eq!(reached(&with("150018", 4, &circle), "t2", Events::DELETE, None), ["t2-!b", "t3-"]);
    let tables = FAR + 8;
    let chain: Vec<String> = (2..tables - 1).map(|at| format!("{at} {} {} c a 1 1", 100 + at, 101 + at)).collect();
    let far = with("150018", tables, &chain);
    assert!(far.cascades(far.relation_in("public", "t2").unwrap(), Events::DELETE, None).open);
    assert!(!far.cascades(far.relation_in("public", "t9").unwrap(), Events::UPDATE, None).open);
}
