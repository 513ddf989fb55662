use super::*;
use crate::catalog::{Builder, Snapshot, Table};
use crate::parse::sql::reading::{Known, Trust};

/// Tables that share names of columns, a view, types, operators and functions of somebody's.
/// `equals` is the name of an operator that compares a text with a number.
fn shop(equals: &str) -> Arc<Snapshot> {
    let operator = format!("600 2200 {equals} 25 23 16 501");
    let told: [(Table, &[&str]); 11] = [
        (Table::Server, &["150018 shop app 10 f UTF8"]),
        (Table::Namespaces, &["11 pg_catalog t f", "2200 public t t"]),
        (
            Table::Relations,
            &[
                "100 2200 customers r 10 101 f f f f",
                "110 2200 orders r 10 111 f f f f",
                "120 2200 mails v 10 121 f f f f",
                "130 2200 address c 10 131 f f f f",
                "140 2200 odd c 10 141 f f f f",
            ],
        ),
        (
            Table::Columns,
            &[
                "100 1 id 23 -1 0 t f f  ",
                "100 2 email 25 -1 0 f f f  ",
                "100 4 ssn 25 -1 0 f f f  ",
                "100 5 home 131 -1 0 f f f  ",
                "110 1 id 23 -1 0 t f f  ",
                "110 2 customer 23 -1 0 f f f  ",
                "110 3 total 23 -1 0 f f f  ",
                "120 1 email 25 -1 0 f f f  ",
                "130 1 city 25 -1 0 f f f  ",
                "140 1 part 702 -1 0 f f f  ",
            ],
        ),
        (Table::Rules, &["900 120 _RETURN 1 t O f t tree"]),
        (Table::RuleRelations, &["900 100 0", "900 100 2"]),
        (
            Table::Functions,
            &[
                "500 2200 leak f 101 0 0 25 v f f f f sql ~",
                "501 2200 same f 25,25 0 0 16 i f f f f sql ~",
                "502 11 now f  0 0 1184 s f f f f internal ~",
                "503 2200 steady f 23 0 0 23 i f f f f sql ~",
                "504 2200 near f 25,25 0 0 16 i f f f f c ~",
                "505 11 lower f 25 0 0 25 i f f f f internal ~",
            ],
        ),
        (Table::Operators, &[&operator, "601 2200 %> 25 25 16 501", "602 2200 % 25 25 16 504"]),
        (Table::Casts, &["23 701 503 e f"]),
        (
            Table::Types,
            &[
                "23 11 int4 b N f 0 0 0 0 -1 f 0 0",
                "25 11 text b S t 0 0 0 0 -1 f 100 0",
                "101 2200 customers c C f 100 0 0 0 -1 f 0 0",
                "102 2200 _customers b A f 0 101 0 0 -1 f 0 0",
                "131 2200 address c C f 130 0 0 0 -1 f 0 0",
                "121 2200 mails c C f 120 0 0 0 -1 f 0 0",
                "141 2200 odd c C f 140 0 0 0 -1 f 0 0",
                "700 2200 mail d S f 0 0 0 25 -1 f 100 0",
                "701 2200 mood e E f 0 0 0 0 -1 f 0 0",
                "702 2200 checked d S f 0 0 0 25 -1 f 100 0",
                "703 2200 buyer d C f 0 0 0 101 -1 f 0 0",
            ],
        ),
        (Table::DomainConstraints, &["700 CHECK((VALUE~~'%@%'::text))", "702 CHECK(public.same(VALUE,'x'))"]),
    ];
    let mut builder = Builder::default();
    for (table, rows) in told {
        for row in rows {
            // A comma stands for the space in a list.
            let values: Vec<Option<String>> =
                row.split(' ').map(|value| (value != "~").then(|| value.replace(',', " "))).collect();
            let values: Vec<_> = values.iter().map(|value| value.as_ref().map(String::as_bytes)).collect();
            builder.row(table, &values).unwrap();
        }
    }
    Arc::new(builder.finish().unwrap())
}

fn bound(sql: &str) -> Facts {
    bound_by(sql, "<->")
}

fn bound_by(sql: &str, equals: &str) -> Facts {
    let path: Arc<[Arc<str>]> = [Arc::from("public")].into();
    let schema = path.first().cloned();
    let names = Names::Known(Known {
        path,
        schema,
        snapshot: shop(equals),
        trust: Trust::Recent,
        functions: Trust::Recent,
        searched: true,
        temporary: Arc::default(),
        defined: Arc::default(),
    });
    try_walk_with(sql, &names, &|_| None).unwrap_or_else(|reason| panic!("{sql}: {reason}")).facts
}

/// `customers.email:output orders.id:join,output`; `?` where it is not certain whose it is.
fn columns(facts: &Facts) -> String {
    let shown = facts.columns.iter().map(|column| {
        let relation = column.relation.as_deref().map_or("?", |id| id.strip_prefix("public.").unwrap_or(id));
        let uses: Vec<String> = column.uses.iter().map(|u| serde_json::to_value(u).unwrap().to_string()).collect();
        format!("{relation}.{}:{}", column.name, uses.join(",").replace('"', ""))
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_name_is_the_column_that_postgresql_finds() {
    for (sql, wanted) in [
        ("select total, email from customers, orders", "customers.email:output orders.total:output"),
        ("select 1 from customers where exists (select ssn from orders)", "customers.ssn:predicate"),
        ("select 1 from customers where exists (select id from orders)", "orders.id:predicate"),
        ("select * from orders", "orders.customer:output orders.id:output orders.total:output"),
        (
            "select o.* from customers c, orders o where email = ''",
            "customers.email:predicate orders.customer:output orders.id:output orders.total:output",
        ),
        ("select e from customers c(i, e) where i = 1", "customers.email:output customers.id:predicate"),
        ("select total from customers join orders using (id)", "customers.id:join orders.id:join orders.total:output"),
        ("select 1 from customers natural join orders", "customers.id:join orders.id:join"),
        ("select ctid from customers", "customers.ctid:output"),
        ("select s.ssn from customers c, lateral (select ssn) s order by 1", "customers.ssn:output,order"),
        ("with q(a, b) as (select id, ssn from customers) select b from q", "customers.id:output customers.ssn:output"),
        ("select (c).ssn from customers c", "customers.ssn:output,whole_row"),
        (
            "select id from customers except select id from orders",
            "customers.id:output,predicate orders.id:output,predicate",
        ),
        ("select id from customers union select id from orders", "customers.id:output orders.id:output"),
        ("select array(select email from customers)", "customers.email:output,argument"),
        ("select (c).home.city from customers c", "customers.home:output,argument,whole_row"),
        ("select id as email from customers order by email", "customers.id:output,order"),
        ("select id as email from customers group by email, id", "customers.email:group customers.id:output,group"),
        ("select nosuch from customers", "?.nosuch:output"),
        (
            "select lower(c::text) from (select id, email from customers) c",
            "customers.email:output,argument customers.id:output,argument",
        ),
        (
            "select 1 from orders group by grouping sets (rollup (id), cube (total))",
            "orders.id:group orders.total:group",
        ),
        ("insert into orders values (1, 2)", "orders.customer:assignment orders.id:assignment"),
        ("select 1 from customers c join orders o on c.id = customer", "customers.id:join orders.customer:join"),
        // ON sees its own join, and nothing before it.
        ("select 1 from customers, orders o join orders p on o.total = email", "orders.total:join ?.email:join"),
        ("copy orders to stdout", "orders.customer:output orders.id:output orders.total:output"),
    ] {
        let mut wanted: Vec<&str> = wanted.split(' ').collect();
        wanted.sort_unstable_by_key(|shown| (!shown.starts_with('?'), *shown));
        let facts = bound(sql);
        assert_eq!(columns(&facts), wanted.join(" "), "{sql}");
        assert_eq!(facts.outdated, columns(&facts).contains('?'), "{sql}");
    }
}

#[test]
fn a_whole_row_is_all_of_its_columns() {
    let facts = bound("select o from orders o");
    for name in ["id", "customer", "total"] {
        assert_eq!(column(&facts, Some("public.orders"), name), [Use::Output, Use::WholeRow].into(), "{name}");
    }
    assert_eq!(facts.relations[0].columns.len(), 3);
}

#[test]
fn a_view_has_its_own_columns_and_says_what_it_shows() {
    let facts = bound("select * from mails");
    assert_eq!(column(&facts, Some("public.mails"), "email"), [Use::Output].into());
    assert!(column(&facts, Some("public.customers"), "email").contains(&Use::Predicate));
    // Of the table's own column nothing is made here: what becomes of it in the view is the view's affair.
    assert!(facts.only_passed("public.customers", "email") && facts.only_passed("public.mails", "email"));
}

#[test]
fn a_field_of_what_is_no_such_column_is_a_call() {
    for (sql, wanted) in [
        ("select (home).city from customers", "read"),
        ("select (c.home).city from customers c", "read"),
        ("select (home).leak from customers", "procedure read"),
        ("select (c).leak from customers c", "procedure read"),
        ("select s.leak from (select * from customers) s", "procedure read"),
        ("select (home).same from customers", "read"),
        ("select (email).lower from customers", "procedure read"),
        ("select (coalesce(c, c)).leak from customers c", "procedure read"),
    ] {
        assert_eq!(effects(&bound(sql)), wanted, "{sql}");
    }
}

#[test]
fn operators_casts_and_functions_of_somebodys_count() {
    for (sql, wanted) in [
        ("select 1 from orders where id + 1 > 2", "read"),
        ("select 1 from customers where email = 1", "procedure read"),
        ("select 1 from customers join orders using (id)", "procedure read"),
        ("select 1 from customers where email in ('a')", "procedure read"),
        ("select email % 'x' from customers", "read"),
        ("select email operator(public.%>) 'x' from customers", "procedure read"),
        ("select email operator(pg_catalog.=) 'x' from customers", "read"),
        ("select 'a@b'::mail", "read"),
        ("select 'a@b'::public.mail", "read"),
        ("select 'x'::checked", "procedure read"),
        ("select 'sad'::mood", "read"),
        ("select 'sad'::mood[]", "read"),
        ("select id::mood from customers", "procedure read"),
        ("select '(a)'::address", "read"),
        ("select '(a)'::odd", "procedure read"),
        ("select 'x'::nosuch", "procedure read"),
        ("select steady(1)", "procedure read"),
        ("select lower('x')", "read"),
    ] {
        assert_eq!(effects(&bound_by(sql, "=")), wanted, "{sql}");
    }
    let steady = bound("select steady(id), public.steady(1) from orders");
    let told: Vec<_> = steady.functions.iter().map(|f| (f.id.as_str(), f.volatility)).collect();
    assert_eq!(told, [("public.steady", Some(Volatility::Immutable))]);
    assert_eq!(bound("select 'x' operator(public.%>) 'y'").functions[0].id, "public.same");
    assert_eq!(bound("select nosuch(1)").functions[0].id, "?.nosuch");
}

#[test]
fn what_a_union_of_all_rows_shows_as_it_is_is_only_shown() {
    let shown = |sql: &str| bound(sql).only_shown("public.customers", "email");
    for sql in [
        "select email from customers",
        "select email from customers union all select email from customers",
        "select id, email from customers union all select total, null from orders",
        "select id, 'x' from orders union all (select id, email from customers union all values (1, 'y'))",
        "select id, email, (select count(*) from orders o where o.customer = c.id) from customers c",
        "select u.email from (select email, id from customers union all select 'x', 1) u where u.id = 1",
        "with u as (select email from customers union all select email from customers) select u.email from u, orders",
    ] {
        assert!(shown(sql), "{sql}");
    }
    for sql in [
        "select email from customers union select email from customers",
        "select id from customers union select id from customers union all select email from customers \
         except select ssn from customers",
        "select email from customers union all select lower(ssn) from customers",
        "select email from customers union all select email || 'x' from customers",
        "select email from customers union all select email from customers order by email",
        "select email from customers union all select email from customers where email > 'x'",
        "(select email from customers order by email limit 1) union all select 'x'",
        "select u.email from (select email from customers union all select email from customers) u where u.email = 'x'",
        "select u.email || '' from (select email from customers union all select 'x') u",
        "select u.email::text from (select email from customers union all select 'x') u",
        "select u.email, u.email > 'x' from (select email from customers union all select 'x') u",
        "select max(u.email) from (select email from customers union all select email from customers) u",
        "select distinct u.* from (select email from customers union all select email from customers) u",
        "with recursive q as (select email from customers union all select email from q) select email from q",
        "select id, (select email from customers where id = 1) from customers",
        "select v from customers, lateral (values (email)) x(v)",
        "select c from customers c union all select c from customers c",
    ] {
        assert!(!shown(sql), "{sql}");
    }
}

#[test]
fn only_what_nothing_is_made_of_is_only_passed() {
    let passed = |sql: &str| bound(sql).only_passed("public.customers", "email");
    for sql in [
        "select email from customers",
        "copy (select email from customers) to stdout",
        "select * from customers where id = 1",
        "select e from (select email as e, id from customers) s where id = 1 order by id",
        "with q as (select email from customers) select q.email from q, orders",
        "select c.email from customers c left join orders o on o.customer = c.id",
        "select (c).email from customers c",
        "update customers set id = 2 where id = 1 returning email",
        "delete from customers returning *",
        "select id from (select id, email from customers) s",
        "copy (select email from customers) to stdout",
    ] {
        assert!(passed(sql), "{sql}");
    }
    for sql in [
        "select email from customers where email = 'x'",
        "select email from customers order by email",
        "select email from customers order by 1",
        "select distinct email from customers",
        "select email, lower(email) from customers",
        "select email || '' from customers",
        "select email::text from customers",
        "select (select email from customers limit 1)",
        "select 1 from customers where exists (select email from customers)",
        "select email from customers union select email from customers",
        "select email from customers except select email from customers",
        // Of these the server does not say where they come from.
        "select email from customers union all select email from customers",
        "select v from customers, lateral (values (email)) x(v)",
        "select email from customers union all select ssn from customers",
        "select c, email from customers c",
        "select count(email) from customers",
        "select email into copied from customers",
        "create table copied as select email from customers",
        "insert into orders select 1, 2 from (select email from customers) s returning id",
        "insert into customers (ssn) select email from customers returning id",
        "update customers set ssn = email returning id",
        "update customers set email = 'x' returning email",
        "explain select email from customers",
        "select email from customers; select 1",
        "with recursive q as (select email from customers union all select email from q) select email from q",
        "select email, leak(c) from customers c",
        "select email, nosuch from customers",
        "select id from customers",
    ] {
        assert!(!passed(sql), "{sql}");
    }
}

#[test]
fn a_result_says_what_it_is_made_of() {
    let sql = "select email as e, id + 1, s.total from customers, (select total from orders) s";
    let outputs = bound(sql).outputs.unwrap();
    let shown: Vec<_> = outputs
        .iter()
        .map(|output| {
            let columns: Vec<_> = output.columns.iter().map(|base| base.column.as_str()).collect();
            (output.name.as_deref(), columns.join(","), output.bare)
        })
        .collect();
    let wanted = [
        (Some("e"), "email".to_owned(), true),
        (Some("?column?"), "id".to_owned(), false),
        (Some("total"), "total".to_owned(), true),
    ];
    assert_eq!(shown, wanted);
    assert_eq!(bound("select * from nosuch").outputs, None);
}

#[test]
fn a_recursive_step_that_moves_columns_mixes_them() {
    let sql = "with recursive q(a, b, c) as (select id::text, email, ssn from customers \
               union all select b, c, a from q) select lower(a) from q";
    let facts = bound(sql);
    for name in ["id", "email", "ssn"] {
        assert!(column(&facts, Some("public.customers"), name).contains(&Use::Argument), "{name}");
    }
}

#[test]
fn after_a_definition_in_the_same_text_columns_are_not_known() {
    let facts = bound("alter table customers rename ssn to note; select note from customers");
    assert_eq!(column(&facts, Some("public.customers"), "note"), [Use::Output].into());
    assert!(facts.unknown.contains("sql.relations"), "what was renamed may be another relation by now");
}

#[test]
fn columns_that_double_are_refused_where_postgresql_refuses_them() {
    let mut sql = "with q0 as (select * from customers)".to_owned();
    for at in 1..12 {
        sql.push_str(&format!(", q{at} as (select * from q{0} a, q{0} b)", at - 1));
    }
    let path: Arc<[Arc<str>]> = [Arc::from("public")].into();
    let schema = path.first().cloned();
    let names = Names::Known(Known {
        path,
        schema,
        snapshot: shop("<->"),
        trust: Trust::Recent,
        functions: Trust::Recent,
        searched: true,
        temporary: Arc::default(),
        defined: Arc::default(),
    });
    let refused = try_walk_with(&format!("{sql} select 1"), &names, &|_| None).unwrap_err();
    assert!(refused.contains("1,664"), "{refused}");
}

#[test]
fn a_row_type_is_its_relation_by_name() {
    for (sql, wanted) in [
        ("select null::customers", &["public.customers"][..]),
        ("select cast(null as public.customers)", &["public.customers"]),
        ("select '{}'::customers[]", &["public.customers"]),
        ("select '{}'::_customers", &["public.customers"]),
        ("select null::buyer", &["public.customers"]),
        ("select null::mails", &["public.mails"]),
        ("select * from json_populate_record(null::customers, '{}') x", &["public.customers"]),
        ("select * from json_to_recordset('[]') as x(a customers)", &["public.customers"]),
        ("select null::address, null::mail, null::mood, null::text", &[]),
    ] {
        let facts = bound(sql);
        assert_eq!(ids(&facts), wanted, "{sql}");
        assert!(facts.relations.iter().all(|relation| relation.access == [Access::Reference].into()), "{sql}");
        assert!(facts.references.is_empty(), "{sql}: no row of it is read");
    }
}
