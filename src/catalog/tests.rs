use proptest::prelude::*;

use super::*;

/// A database's description of itself as text; `~` is NULL.
#[derive(Clone)]
struct Told(Vec<(Table, Vec<Vec<Option<String>>>)>);

impl Told {
    /// Schemas `shop` and `public` in front of PostgreSQL's own, with a view on a view, a rule and a few functions.
    fn shop() -> Self {
        Self(vec![
            (Table::Server, rows(&["150018 shop app 10 f UTF8"])),
            (Table::Namespaces, rows(&["11 pg_catalog t f", "2200 public t t", "50 shop t f", "51 vault f f"])),
            (
                Table::Relations,
                rows(&[
                    "100 2200 orders r 10 101 f f f f",
                    "110 2200 customers p 10 111 t t f t",
                    "120 50 orders v 10 121 f f f f",
                    "130 2200 wide v 10 131 f f f f",
                    "140 2200 log r 10 141 f f f f",
                    "150 51 orders r 10 151 f f f f",
                    "160 11 pg_class r 10 161 f f f f",
                    "170 2200 part r 10 171 f f t f",
                ]),
            ),
            (
                Table::Columns,
                rows(&[
                    "100 2 total 1700 655366 0 f f f ~ ~",
                    "100 1 id 23 -1 0 t f t ~ d",
                    "110 1 id 23 -1 0 t f f ~ ~",
                    "110 2 ssn 25 -1 100 f f f ~ ~",
                    "110 4 email 25 -1 100 f f t s ~",
                    "120 1 id 23 -1 0 f f f ~ ~",
                    "130 1 mail 25 -1 100 f f f ~ ~",
                ]),
            ),
            (Table::Inheritance, rows(&["110 170"])),
            (
                Table::Rules,
                rows(&[
                    "900 120 _RETURN 1 t O f t tree",
                    "901 130 _RETURN 1 t O f t tree",
                    "902 140 copy 3 f O f t tree",
                    "903 140 off 2 f D f t tree",
                ]),
            ),
            (
                Table::RuleRelations,
                rows(&["900 100 0", "900 100 1", "901 120 0", "901 110 0", "901 110 4", "902 150 0", "903 160 0"]),
            ),
            (Table::RuleFunctions, rows(&["901 500", "902 501"])),
            (Table::Generated, rows(&["110 4 2"])),
            (Table::Attached, rows(&["170 t 1 501", "110 p 23 502", "100 d 5 0", "110 i 5 503"])),
            (Table::PolicyRelations, rows(&["110 16 100", "110 2 7"])),
            (Table::ForeignKeys, rows(&["950 100 110 c n 1 1", "951 110 140 n a 1 1"])),
            (Table::EventTriggers, rows(&["501 [\"DROP\"]", "502 ~"])),
            (Table::DomainFunctions, rows(&["700 501"])),
            (
                Table::Functions,
                rows(&[
                    "500 11 lower f 25 0 0 25 i f f f t internal ~",
                    "501 2200 leak f 23,25,25 1 0 25 v t f t f sql [\"search_path=vault\"]",
                    "502 2200 lower f 25 0 0 25 s f f f f sql ~",
                    "503 2200 many f 25,1009 0 25 25 s f f f f sql ~",
                    "504 51 lower f 25 0 0 25 s f f f f sql ~",
                ]),
            ),
            (Table::Aggregates, rows(&["500 501", "500 999"])),
            (Table::Operators, rows(&["600 11 = 23 23 16 500", "601 2200 = 25 25 16 501"])),
            (Table::Casts, rows(&["23 25 0 a i", "25 700 501 i f"])),
            (
                Table::Types,
                rows(&[
                    "23 11 int4 b N f 0 0 1007 0 -1 f 0 0",
                    "25 11 text b S t 0 0 1009 0 -1 f 100 0",
                    "1009 11 _text b A f 0 25 0 0 -1 f 100 0",
                    "101 2200 orders c C f 100 0 0 0 -1 f 0 0",
                    "700 2200 mail d S f 0 0 0 25 -1 t 100 0",
                    "701 11 int4range r R f 0 0 0 0 -1 f 0 23",
                ]),
            ),
            (Table::DomainConstraints, rows(&["700 CHECK(true)"])),
            (Table::Collations, rows(&["100 11 default t"])),
            (Table::Extensions, rows(&["800 plpgsql 1.0"])),
            (Table::Definitions, rows(&["900 tree SELECT", "902 tree ~"])),
        ])
    }

    fn build(&self) -> Result<Snapshot, CatalogError> {
        let mut builder = Builder::default();
        for (table, rows) in &self.0 {
            for row in rows {
                let values: Vec<Option<&[u8]>> = row.iter().map(|value| value.as_ref().map(String::as_bytes)).collect();
                builder.row(*table, &values)?;
            }
        }
        builder.finish()
    }

    fn rows(&mut self, table: Table) -> &mut Vec<Vec<Option<String>>> {
        &mut self.0.iter_mut().find(|(of, _)| *of == table).unwrap().1
    }

    fn add(&mut self, table: Table, row: &str) -> String {
        self.rows(table).extend(rows(&[row]));
        self.build().unwrap_err().to_string()
    }
}

fn rows(texts: &[&str]) -> Vec<Vec<Option<String>>> {
    let value = |text: &str| match text {
        "~" => None,
        text => Some(text.replace(',', " ")),
    };
    let row = |text: &&str| {
        let mut row: Vec<_> = text.split(' ').map(value).collect();
        // "char" columns hold a zero byte, which is written as nothing; they are never NULL.
        if row.len() == Table::Columns.columns().len() && row[9..].iter().any(Option::is_none) {
            row[9..].iter_mut().for_each(|letter| _ = letter.get_or_insert_default());
        }
        row
    };
    texts.iter().map(row).collect()
}

fn names<'a>(reach: &Reach<'a>) -> Vec<String> {
    let shown = |reached: &Reached<'_>| {
        let columns = reached
            .columns
            .as_ref()
            .map_or("*".to_owned(), |columns| columns.iter().copied().collect::<Vec<_>>().join(","));
        let written = if reached.written { "!" } else { "" };
        format!("{}.{}{written}({columns})", reached.relation.schema(), reached.relation.name())
    };
    reach.relations.values().map(shown).collect()
}

#[test]
fn a_generated_column_is_made_of_others() {
    let shop = Told::shop().build().unwrap();
    let bases = |relation: &str, column: &str| {
        let column = shop.relation_in("public", relation).and_then(|relation| relation.column(column)).unwrap();
        column.bases().map(|base| base.name().to_owned()).collect::<Vec<_>>().join(",")
    };
    assert_eq!((bases("customers", "email").as_str(), bases("customers", "ssn").as_str()), ("ssn", ""));
    let mut told = Told::shop();
    told.rows(Table::Generated).extend(rows(&["110 4 0"]));
    let shop = told.build().unwrap();
    let email = shop.relation_in("public", "customers").and_then(|relation| relation.column("email")).unwrap();
    assert_eq!(email.bases().count(), 3, "the one that was told, and every other");
    assert!(told.add(Table::Generated, "999 1 1").contains("999"));
}

#[test]
fn what_runs_where_a_relation_is_used_depends_on_what_is_done() {
    let shop = Told::shop().build().unwrap();
    let runs = |name: &str, events| {
        let relation = shop.relation_in("public", name).unwrap();
        let found = shop.runs_at(relation, events);
        let shown: Vec<String> =
            found.iter().map(|(occasion, function)| format!("{occasion:?}:{}", function.unwrap_or(0))).collect();
        shown.join(" ")
    };
    assert_eq!(runs("customers", Events::READ), "RowSecurity:502", "what a partition has is not asked");
    assert_eq!(runs("customers", Events::INSERT), "Trigger:501 RowSecurity:502 Index:503");
    assert_eq!(runs("customers", Events::DELETE), "RowSecurity:502");
    assert_eq!(runs("customers", Events::UPDATE), "Trigger:501 RowSecurity:502 Index:503", "rows move");
    assert_eq!(runs("part", Events::UPDATE), "");
    assert_eq!((runs("orders", Events::UPDATE).as_str(), runs("orders", Events::READ).as_str()), ("Default:0", ""));
    let mail = || std::iter::once(shop.data_type(700).unwrap());
    assert_eq!(shop.checked_by(mail()), [501].into());
    assert_eq!(shop.cast_by(mail()).iter().flatten().map(Function::oid).collect::<Vec<_>>(), [501]);
}

#[test]
fn a_name_means_what_the_path_shows_first() {
    let shop = Told::shop().build().unwrap();
    let found = |path: &[&str], name: &str| shop.relation(path, name).map(|relation| relation.oid());
    assert_eq!(found(&["public"], "orders"), Some(100));
    assert_eq!(found(&["shop", "public"], "orders"), Some(120));
    assert_eq!(found(&["shop", "public"], "customers"), Some(110));
    assert_eq!(found(&["public"], "pg_class"), Some(160), "PostgreSQL's own comes first");
    assert_eq!(found(&["vault", "public"], "orders"), Some(100), "a schema without USAGE is passed over");
    assert_eq!(found(&["nosuch"], "orders"), None);
    assert_eq!(found(&["public"], "nosuch"), None);
    assert_eq!(found(&["public"], "Orders"), None);
    assert_eq!(shop.relation_in("vault", "orders").map(|relation| relation.oid()), Some(150));
    assert_eq!(shop.creation_schema(&["vault", "shop", "public"]), Some(("shop", false)));
    assert_eq!(shop.creation_schema(&["pg_catalog", "pg_temp"]), None);
}

#[test]
fn a_relation_tells_what_the_catalog_told() {
    let shop = Told::shop().build().unwrap();
    let orders = shop.by_oid(100).unwrap();
    assert_eq!((orders.schema(), orders.name(), orders.kind()), ("public", "orders", RelationKind::Table));
    let columns: Vec<_> = orders.columns().map(|c| (c.number(), c.name(), c.data_type(), c.is_not_null())).collect();
    assert_eq!(columns, [(1, "id", (23, -1), true), (2, "total", (1700, 655_366), false)]);
    assert!(orders.column("id").is_some_and(|column| column.has_default()));
    assert!(orders.column("ctid").is_none());
    let customers = shop.by_oid(110).unwrap();
    assert_eq!((customers.kind(), customers.row_security()), (RelationKind::Partitioned, (true, true)));
    assert!(customers.has_triggers() && !orders.has_triggers());
    assert!(customers.column("email").is_some_and(|column| column.is_generated() && column.collation() == 100));
    let children: Vec<_> = customers.children().map(|child| (child.name(), child.is_partition())).collect();
    assert_eq!(children, [("part", true)]);
    let view = shop.by_oid(120).unwrap();
    assert_eq!(view.rules().map(|rule| rule.definition()).collect::<Vec<_>>(), [Some("SELECT")]);
    assert_eq!(shop.data_type(101).and_then(|row| row.relation()).map(|relation| relation.oid()), Some(100));
}

#[test]
fn behind_a_view_are_the_columns_that_it_and_what_it_shows_use() {
    let shop = Told::shop().build().unwrap();
    let wide = shop.behind_read(shop.by_oid(130).unwrap());
    assert_eq!(names(&wide), ["public.orders(id)", "public.customers(email)", "shop.orders(*)"]);
    assert_eq!(wide.functions.keys().copied().collect::<Vec<_>>(), [500]);
    assert!(!wide.open);
    assert_eq!(names(&shop.behind_write(shop.by_oid(120).unwrap())), ["public.orders!(id)"]);
    assert!(names(&shop.behind_read(shop.by_oid(100).unwrap())).is_empty());
}

#[test]
fn a_whole_row_in_a_view_is_every_column() {
    let mut told = Told::shop();
    told.rows(Table::Rules)[0][6] = Some("t".to_owned());
    let shop = told.build().unwrap();
    assert_eq!(names(&shop.behind_read(shop.by_oid(120).unwrap())), ["public.orders(*)"]);
}

#[test]
fn behind_a_change_is_what_rules_that_act_may_change() {
    let shop = Told::shop().build().unwrap();
    let log = shop.by_oid(140).unwrap();
    assert!(names(&shop.behind_read(log)).is_empty());
    let behind = shop.behind_write(log);
    assert_eq!(names(&behind), ["vault.orders!(*)"]);
    assert_eq!(behind.functions.keys().copied().collect::<Vec<_>>(), [501]);
}

#[test]
fn candidates_of_a_call_are_those_that_take_so_many_arguments() {
    let shop = Told::shop().build().unwrap();
    let found = |path: &[&str], name: &str, count: usize| {
        shop.functions(path, name, count).map(|function| function.oid()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["public"], "lower", 1), [500, 502]);
    assert_eq!(found(&["vault"], "lower", 1), [500], "a schema without USAGE is passed over");
    assert_eq!(found(&["public"], "lower", 2), [0_u32; 0]);
    assert_eq!(found(&["public"], "leak", 2), [501]);
    assert_eq!(found(&["public"], "leak", 1), [0_u32; 0]);
    for count in 2..5 {
        assert_eq!(found(&["public"], "many", count), [503]);
    }
    assert_eq!(found(&["public"], "many", 1), [0_u32; 0]);
    let leak = shop.function(501).unwrap();
    assert_eq!(leak.configuration().collect::<Vec<_>>(), ["search_path=vault"]);
    assert_eq!(
        (leak.arguments(), leak.volatility(), leak.is_security_definer()),
        (&[23, 25, 25][..], FunctionVolatility::Volatile, true)
    );
}

#[test]
fn operators_casts_and_types_are_found() {
    let shop = Told::shop().build().unwrap();
    let equal: Vec<_> =
        shop.operators(&["public"], "=").map(|op| (op.schema(), op.function().unwrap().name())).collect();
    assert_eq!(equal, [("pg_catalog", "lower"), ("public", "leak")]);
    assert_eq!(shop.operators(&["public"], "===").count(), 0);
    assert_eq!(
        shop.cast(23, 25).map(|(context, method, _)| (context, method)),
        Some((CastContext::Assignment, CastMethod::Text))
    );
    assert!(shop.cast(25, 23).is_none());
    let mail = shop.type_named(&["public"], "mail").unwrap();
    assert_eq!((mail.kind(), mail.is_not_null()), (TypeKind::Domain, true));
    assert_eq!(mail.base().map(|(base, _)| base.name()), Some("text"));
    assert_eq!(mail.constraints().collect::<Vec<_>>(), ["CHECK(true)"]);
    assert_eq!(shop.data_type(1009).and_then(|array| array.element()).map(|of| of.name()), Some("text"));
    assert_eq!(shop.data_type(701).and_then(|range| range.subtype()).map(|of| of.name()), Some("int4"));
    assert_eq!(shop.collation(100), Some(("pg_catalog", "default", true)));
    assert_eq!(shop.extensions().collect::<Vec<_>>(), [("plpgsql", "1.0")]);
}

#[test]
fn a_snapshot_is_newer_than_those_before() {
    let (first, second) = (Told::shop().build().unwrap(), Told::shop().build().unwrap());
    assert!(first.version() < second.version() && first != second);
}

#[test]
fn a_catalog_that_lies_is_told_where() {
    let says = |table: Table, row: &str| Told::shop().add(table, row);
    let cases = [
        (Table::Relations, "100 2200 again r 10 0 f f f f", "relations describe `100` twice"),
        (
            Table::Relations,
            "199 2200 orders r 10 0 f f f f",
            "relations give `100` and `199` the same name in one schema",
        ),
        (Table::Relations, "199 7 orders r 10 0 f f f f", "relations name `7`, which schemas do not describe"),
        (Table::Relations, "0 2200 a r 10 0 f f f f", "row 9 of relations: `oid` is 0"),
        (Table::Relations, "-1 2200 a r 10 0 f f f f", "row 9 of relations: `oid` is not an OID"),
        (Table::Relations, "99 2200  r 10 0 f f f f", "row 9 of relations: `relname` is empty"),
        (Table::Relations, "99 2200 ~ r 10 0 f f f f", "row 9 of relations: `relname` is NULL"),
        (
            Table::Relations,
            "99 2200 a x 10 0 f f f f",
            "row 9 of relations: `relkind` is not a letter that has a meaning there",
        ),
        (Table::Relations, "99 2200 a r 10 0 yes f f f", "row 9 of relations: `relrowsecurity` is neither `t` nor `f`"),
        (Table::Relations, "99 2200 a r", "row 9 of relations has 4 values, not 10"),
        (Table::Columns, "100 1601 a 23 -1 0 f f f  ", "row 8 of columns: `attnum` is not the number of a column"),
        (Table::Columns, "100 0 a 23 -1 0 f f f  ", "row 8 of columns: `attnum` is not the number of a column"),
        (Table::Columns, "100 1 a 23 -1 0 f f f  ", "columns describe `100` twice"),
        (Table::Columns, "100 3 id 23 -1 0 f f f  ", "columns describe `100` twice"),
        (Table::Columns, "7 1 id 23 -1 0 f f f  ", "columns name `7`, which relations do not describe"),
        (Table::Inheritance, "100 7", "inheritance name `7`, which relations do not describe"),
        (Table::ForeignKeys, "952 7 100 a a 1 1", "foreign keys name `7`, which relations do not describe"),
        (Table::ForeignKeys, "952 100 7 a a 1 1", "foreign keys name `7`, which relations do not describe"),
        (
            Table::ForeignKeys,
            "952 100 100 a x 1 1",
            "row 3 of foreign keys: `confupdtype` is not a letter that has a meaning there",
        ),
        (Table::PolicyRelations, "7 1 100", "relations of row security name `7`, which relations do not describe"),
        (Table::EventTriggers, "501 {}", "row 3 of event triggers: `evttags` is not a list of texts"),
        (Table::Rules, "904 7 a 1 t O f t tree", "rules name `7`, which relations do not describe"),
        (Table::Rules, "900 100 a 1 t O f t tree", "rules describe `900` twice"),
        (Table::RuleRelations, "7 100 0", "relations of rules name `7`, which rules do not describe"),
        (
            Table::Functions,
            "505 11 a f 25,x 0 0 25 i f f f t sql ~",
            "row 6 of functions: `proargtypes` is not a list of OIDs",
        ),
        (
            Table::Functions,
            "505 11 a f 25 0 0 25 i f f f t sql {}",
            "row 6 of functions: `proconfig` is not a list of texts",
        ),
        (Table::Server, "150018 shop app 10 f UTF8", "the server's own data must have one row, and have 2"),
    ];
    for (table, row, wanted) in cases {
        assert_eq!(says(table, row), wanted, "{row}");
    }
    let mut told = Told::shop();
    told.rows(Table::Server).clear();
    assert_eq!(told.build().unwrap_err().to_string(), "the server's own data must have one row, and have 0");
}

#[test]
fn a_name_that_is_not_utf8_or_endless_is_refused() {
    let mut builder = Builder::default();
    let told = |name: &[u8], builder: &mut Builder| {
        let row = [Some(&b"1"[..]), Some(name), Some(b"t"), Some(b"t")];
        builder.row(Table::Namespaces, &row).unwrap_err().to_string()
    };
    assert_eq!(told(b"\xff", &mut builder), "row 1 of schemas: `nspname` is not UTF-8");
    assert_eq!(told(&[b'a'; 1025], &mut builder), "row 2 of schemas: `nspname` is longer than a name can be");
}

#[test]
fn what_goes_in_circles_ends() {
    let mut told = Told::shop();
    told.rows(Table::RuleRelations).extend(rows(&["900 130 0", "901 130 0", "900 7777 0", "901 120 9"]));
    told.rows(Table::RuleFunctions).extend(rows(&["900 7777"]));
    told.rows(Table::Inheritance).extend(rows(&["170 110", "110 110"]));
    let shop = told.build().unwrap();
    let behind = shop.behind_read(shop.by_oid(130).unwrap());
    assert!(behind.open, "an OID that leads nowhere is not passed over");
    assert!(behind.relations.contains_key(&130) && behind.relations.contains_key(&100));
    assert_eq!(shop.by_oid(110).unwrap().children().count(), 2);
}

#[test]
fn ten_thousand_relations_take_less_than_fifty_megabytes() {
    let mut builder = Builder::default();
    for (table, rows) in Told::shop().0 {
        if matches!(table, Table::Server | Table::Namespaces) {
            for row in rows {
                let values: Vec<_> = row.iter().map(|value| value.as_ref().map(String::as_bytes)).collect();
                builder.row(table, &values).unwrap();
            }
        }
    }
    let mut add = |table: Table, row: String| {
        for row in rows(&[row.as_str()]) {
            let values: Vec<_> = row.iter().map(|value| value.as_ref().map(String::as_bytes)).collect();
            builder.row(table, &values).unwrap();
        }
    };
    for relation in 20_000..30_000 {
        add(Table::Relations, format!("{relation} 2200 a_relation_with_a_long_name_{relation} r 10 0 f f f f"));
        for kind in ["", "_"] {
            let oid = relation + if kind.is_empty() { 20_000 } else { 40_000 };
            add(Table::Types, format!("{oid} 2200 {kind}a_relation_{relation} c C f {relation} 0 0 0 -1 f 0 0"));
        }
        add(Table::Generated, format!("{relation} 2 1"));
        add(Table::Attached, format!("{relation} t 7 100000"));
        for number in 1..=12 {
            // Every second name is its own.
            let name = if number % 2 == 0 { relation } else { 0 };
            add(Table::Columns, format!("{relation} {number} a_column_{number}_{name} 25 -1 100 f f f  "));
        }
    }
    for function in 100_000..105_000 {
        add(Table::Functions, format!("{function} 2200 function_{function} f 25,25,25 0 0 25 s f f f f sql ~"));
    }
    let snapshot = builder.finish().unwrap();
    assert_eq!(snapshot.relation_count(), 10_000);
    assert!(snapshot.bytes() > 5 << 20, "{} bytes is less than the names alone", snapshot.bytes());
    assert!(snapshot.bytes() < 50 << 20, "{} bytes", snapshot.bytes());
    let last = snapshot.relation(&["public"], "a_relation_with_a_long_name_29999").unwrap();
    assert_eq!(last.columns().count(), 12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever a server says: an error, or a snapshot in which every question ends.
    #[test]
    fn no_description_takes_the_process_with_it(
        changes in prop::collection::vec((0_usize..19, 0_usize..8, 0_usize..15, "[0-9a-z~\"\\[\\] -]{0,6}"), 0..6),
        doubled in prop::collection::vec((0_usize..19, 0_usize..8), 0..4),
        dropped in prop::collection::vec((0_usize..19, 0_usize..8), 0..4),
    ) {
        let mut told = Told::shop();
        for (table, row) in doubled {
            let rows = &mut told.0[table].1;
            if let Some(row) = rows.get(row).cloned() {
                rows.push(row);
            }
        }
        for (table, row) in dropped {
            let rows = &mut told.0[table].1;
            if row < rows.len() {
                rows.remove(row);
            }
        }
        for (table, row, column, value) in changes {
            if let Some(place) = told.0[table].1.get_mut(row).and_then(|row| row.get_mut(column)) {
                *place = (value != "~").then_some(value);
            }
        }
        if let Ok(snapshot) = told.build() {
            for relation in snapshot.relations() {
                let reads = snapshot.behind_read(relation);
                let writes = snapshot.behind_write(relation);
                prop_assert!(reads.relations.len() <= writes.relations.len() || writes.open);
                prop_assert_eq!(snapshot.relation_in(relation.schema(), relation.name()).map(|r| r.oid()), Some(relation.oid()));
                let columns = relation.columns().map(|column| column.number()).collect::<Vec<_>>();
                prop_assert!(columns.is_sorted());
            }
        }
    }
}

#[test]
fn a_family_is_known_from_both_ends() {
    let mut told = Told::shop();
    told.rows(Table::Relations).extend(rows(&["180 2200 sub r 10 181 f f t f", "190 2200 other r 10 191 f f t f"]));
    told.rows(Table::Inheritance).extend(rows(&["170 180", "110 190", "180 110"]));
    let shop = told.build().unwrap();
    let of = |name: &str| shop.relation_in("public", name).unwrap();
    assert!(of("part").parents().map(|one| one.name()).eq(["customers"]));
    assert!(of("part").children().map(|one| one.name()).eq(["sub"]));
    let family: Vec<_> = of("part").family().into_values().map(|one| one.name()).collect();
    assert_eq!(family, ["customers", "part", "sub"], "brothers are none, and a circle ends");
    assert!(of("orders").family().into_keys().eq([100]));
    assert!(
        of("orders")
            .columns()
            .map(|one| (one.number(), one.name(), one.is_identity()))
            .eq([(1, "id", true), (2, "total", false)])
    );
}

#[test]
fn a_rule_that_is_too_long_leads_nowhere_that_is_known() {
    let mut told = Told::shop();
    let long = rows(&["901 130 _RETURN 1 t O t f tree"]).remove(0);
    *told.rows(Table::Rules).get_mut(1).unwrap() = long;
    let shop = told.build().unwrap();
    assert!(shop.behind_read(shop.relation_in("public", "wide").unwrap()).open);
    assert!(!shop.behind_read(shop.relation_in("shop", "orders").unwrap()).open);
}
