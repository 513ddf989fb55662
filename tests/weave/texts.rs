use std::sync::Arc;

use proptest::prelude::*;
use sidegate::decide::Masks;
use sidegate::parse::Remembered;

use crate::shop::{Shop, masks};

fn policy() -> Masks {
    masks(
        r#"{"public.customers": {"email": {"replace": {"value": "***"}}, "ssn": {"null": {}}},
            "public.parted_1": {"v": {"redact": {}}}}"#,
    )
}

const MASKED: &str = "(SELECT \"id\", \"ssn\" FROM \"public\".\"customers\")";

/// What becomes of a text, with the sub-select shortened.
const WOVEN: &[(&str, &str)] = &[
    ("select id, ssn from customers", "select id, ssn from @ AS \"customers\""),
    ("select c.id, c.ssn from customers c", "select c.id, c.ssn from @ c"),
    ("select c.id, ssn from/**/customers/**/as\"c\"where id=1", "select c.id, ssn from/**/@/**/as\"c\"where id=1"),
    ("select from customers where id = 1 and ssn = 'x'", "select from @ AS \"customers\" where id = 1 and ssn = 'x'"),
    ("select id, ssn from public.customers;select 1", "select id, ssn from @ AS \"customers\";select 1"),
    (
        "select public.customers.id, ssn from public . customers where public.customers.id = $1",
        "select customers.id, ssn from @ AS \"customers\" where customers.id = $1",
    ),
    (
        "select d.public.customers.id, ssn from d.public.customers where d.public.customers.id = $1 and orders.id = 1",
        "select customers.id, ssn from @ AS \"customers\" where customers.id = $1 and orders.id = 1",
    ),
    ("select id, ssn from (customers cross join orders)", "select id, ssn from (@ AS \"customers\" cross join orders)"),
    (
        "select id, ssn from customers for update skip locked",
        "select id, ssn from @ AS \"customers\" for update skip locked",
    ),
    ("explain (verbose) select id, ssn from customers", "explain (verbose) select id, ssn from @ AS \"customers\""),
    ("prepare p as select id, ssn from customers", "prepare p as select id, ssn from @ AS \"customers\""),
    (
        "declare c cursor for select id, ssn from customers",
        "declare c cursor for select id, ssn from @ AS \"customers\"",
    ),
    ("create table x as select id, ssn from customers", "create table x as select id, ssn from @ AS \"customers\""),
    (
        "update orders set note = ssn from customers c where c.id = 3",
        "update orders set note = ssn from @ c where c.id = 3",
    ),
    (
        "delete from orders o using customers where o.id = ssn::int",
        "delete from orders o using @ AS \"customers\" where o.id = ssn::int",
    ),
    (
        "merge into orders o using customers c on c.id = o.id when matched then update set note = c.ssn",
        "merge into orders o using @ c on c.id = o.id when matched then update set note = c.ssn",
    ),
    (
        "insert into orders (id, note) select id, ssn from customers",
        "insert into orders (id, note) select id, ssn from @ AS \"customers\"",
    ),
    ("copy (select id, ssn from customers) to stdout", "copy (select id, ssn from @ AS \"customers\") to stdout"),
    (
        "with t as materialized (select id, ssn from customers) select id from t",
        "with t as materialized (select id, ssn from @ AS \"customers\") select id from t",
    ),
    ("select id, ssn from customers t, lateral (select t.ssn) z", "select id, ssn from @ t, lateral (select t.ssn) z"),
];

fn shortened(woven: &str) -> String {
    let ssn = "(NULL)::\"pg_catalog\".\"text\" COLLATE \"pg_catalog\".\"default\" AS \"ssn\"";
    woven.replace(ssn, "\"ssn\"").replace(MASKED, "@")
}

#[test]
fn only_what_reads_a_masked_relation_is_replaced() {
    let shop = Shop::new("weave_texts");
    for (text, expected) in WOVEN {
        let woven = shop.weave(text, &policy()).unwrap_or_else(|why| panic!("{text}: {why}")).unwrap();
        assert_eq!(shortened(woven.text()), *expected);
    }
    whole_relations(&shop);
    what_cannot_be_carried(&shop);
    what_passes(&shop);
    names_of_other_texts(&shop);
}

fn whole_relations(shop: &Shop) {
    let all = "SELECT \"id\", \"name\", ('***')::\"pg_catalog\".\"text\" COLLATE \"pg_catalog\".\"default\" AS \"email\", \
               (NULL)::\"pg_catalog\".\"text\" COLLATE \"pg_catalog\".\"default\" AS \"ssn\" FROM";
    let customers = "\"public\".\"customers\"";
    for (text, expected) in [
        ("select * from customers", format!("select * from ({all} {customers}) AS \"customers\"")),
        ("select * from only customers", format!("select * from ({all} ONLY {customers}) AS \"customers\"")),
        ("select * from only (customers) c", format!("select * from ({all} ONLY {customers}) c")),
        ("select * from customers*", format!("select * from ({all} {customers}) AS \"customers\"")),
        ("select count(*) from public.customers * x", format!("select count(*) from ({all} {customers}) x")),
        (
            "select 1 from orders o where exists (select from customers* c where c.id = o.id)",
            format!("select 1 from orders o where exists (select from ({all} {customers}) c where c.id = o.id)"),
        ),
        (
            "select * from customers tablesample bernoulli (100) repeatable (1+1)",
            format!(
                "select * from ({all} {customers} tablesample bernoulli (100) repeatable (1+1)) AS \"customers\"  "
            ),
        ),
        ("table customers", format!("SELECT * FROM ({all} {customers}) AS \"customers\"")),
        (
            "select 1 union table customers",
            format!("select 1 union SELECT * FROM ({all} {customers}) AS \"customers\""),
        ),
        ("select d from customers c(a, b, c, d)", format!("select d from ({all} {customers}) c(a, b, c, d)")),
        ("select row_to_json(c) from customers c", format!("select row_to_json(c) from ({all} {customers}) c")),
        (
            "select id from customers c natural join orders",
            format!("select id from ({all} {customers}) c natural join orders"),
        ),
        (
            "select * from customers c tablesample system (1) repeatable (2) where id=1",
            format!("select * from ({all} {customers} tablesample system (1) repeatable (2)) c   where id=1"),
        ),
        ("copy customers to stdout (format csv)", format!("copy ({all} ONLY {customers}) to stdout (format csv)")),
        ("copy public.customers(ssn,\"id\")to stdout", {
            let masked = "(NULL)::\"pg_catalog\".\"text\" COLLATE \"pg_catalog\".\"default\" AS \"ssn\"";
            format!("copy (SELECT {masked}, \"id\" FROM ONLY {customers})to stdout")
        }),
    ] {
        let woven = shop.weave(text, &policy()).unwrap_or_else(|why| panic!("{text}: {why}")).unwrap();
        assert_eq!(woven.text(), expected);
    }
    // A child's masks bind where its rows come from a parent, too, but not where it is left out.
    assert!(shop.weave("select v from parted", &policy()).unwrap().unwrap().text().contains("repeat('*'"));
    assert!(shop.weave("select v from only parted", &policy()).unwrap().is_none());
    let only = shop.weave("select ssn from customers_vip", &policy()).unwrap().unwrap();
    assert!(only.text().contains("(NULL)") && only.text().contains("\"customers_vip\""));
}

fn what_cannot_be_carried(shop: &Shop) {
    for text in [
        "select c.ctid from customers c",
        "select xmin, id from customers",
        "update v_customers set name = email",
        "insert into log_orders values (1)",
        "create view w as select id from customers",
        "create materialized view w as select id from customers",
        "alter table customers rename ssn to x",
        "create index on customers (ssn)",
        "create rule r as on insert to orders do also select * from customers",
        "copy customers (customers) to stdout",
        "copy customers (id, nobody) to stdout",
        "update customers set name = ssn",
        "update customers set name = 'x' where ssn = '1'",
        "update customers c set name = c.ssn",
        "update customers set name = public.customers.ssn",
        "update customers set name = 'x' returning *",
        "update customers set name = 'x' returning id, *",
        "update customers c set name = 'x' returning c.*",
        "update customers c set name = 'x' returning c",
        "update customers c set name = row_to_json(c)",
        "update customers c set name = c.to_jsonb",
        "update customers set (name, email) = (select name, email from orders)",
        "delete from customers where (customers).ssn = '1'",
        "delete from customers returning ssn",
        "delete from customers returning \"ssn\"",
        "insert into customers (id, ssn) values (1, '2') returning ssn",
        "insert into customers (id, ssn) values (1, '2') on conflict (id) do update set name = customers.ssn",
        "insert into customers as excluded values (1) on conflict (id) do update set name = excluded.ssn",
        "with d as (delete from customers returning *) select * from d",
        "merge into customers c using orders o on o.note = c.ssn when matched then delete",
        "merge into customers c using orders o on o.id = c.id when matched and c.ssn = 'x' then delete",
        "update customers set name = 'x' returning old.ssn",
        "update customers set name = 'x' returning new",
        "update customers set name = array[1, ssn = 'x']",
        "update customers set name = f(1, ssn = 'x')",
        "update customers set id = 1, name = (select 1 from orders where ssn = 'x')",
        "select get_ssn(1)",
        "select run_sql('select 1')",
        "select query_to_xml('select 1', true, true, '')",
        "select most_common_vals from pg_stats",
        "execute nobody",
        "do $$begin end$$",
        "drop schema nobody cascade; select 1 from orders",
        "prepare p as select 1; drop extension nothing cascade",
        "drop owned by nobody cascade",
        "select * from nowhere.customers, unknown_function('x')",
    ] {
        let why = shop.weave(text, &policy()).expect_err(text);
        assert!(!why.contains("canary") && why.len() < 200, "{text}: {why}");
    }
    let facts = shop.facts("select 1 from customers");
    assert!(sidegate::enforce::weave("select 1 from customers", &facts, &policy(), None).is_err());
}

fn what_passes(shop: &Shop) {
    for text in [
        "select 1",
        "begin",
        "select * from orders",
        "select * from v_names",
        "select relname from pg_class",
        "select pg_table_size('customers')",
        "select * from nowhere",
        "grant select (id, ssn) on customers to public",
        "grant all (id, ssn) on customers to public",
        "drop schema nobody cascade",
        "drop type if exists nothing, public.other cascade",
        "with customers as (select 1 as ssn) select ssn from customers",
        "",
    ] {
        assert_eq!(shop.weave(text, &policy()), Ok(None), "{text}");
    }
    for text in [
        "create table x (like customers)",
        "drop view v_customers",
        "refresh materialized view m_customers",
        "refresh materialized view nobody_knows",
        "update customers set name = 'x' where id = 1 returning id, name",
        "update customers set email = 'x', ssn = $1 where id = 1",
        "update customers set (name, email) = ('a', 'b')",
        "update customers set name = case when id = 1 then 'a' end, email = 'x'",
        "update customers c set name = o.email from leads o where c.id = o.id and c.ctid = '(0,1)'",
        "delete from customers where id = 1",
        "insert into customers (id, email, ssn) values (1, 'a', 'b') returning id",
        "insert into customers (id, email) values (1, 'a') on conflict (id) do update set email = excluded.email",
        "insert into customers select * from orders",
        "merge into customers c using orders o on o.id = c.id when not matched then insert (id, ssn) values (o.id, o.note)",
        "copy customers from stdin",
        "copy customers (id, ssn) from stdin",
        "truncate customers",
        "lock table customers",
        "analyze customers",
        "delete from customers c using orders where orders.id = c.id; select 1",
    ] {
        let woven = shop.weave(text, &policy()).unwrap_or_else(|why| panic!("{text}: {why}")).unwrap();
        assert_eq!(woven.text(), text);
        assert_ne!(woven.guard(), &sidegate::enforce::Guard::default());
    }
}

fn names_of_other_texts(shop: &Shop) {
    let known = Remembered::from([("c".to_owned(), vec![shop.facts("select id from customers")])]);
    for text in ["execute c", "fetch all c", "select id from customers; fetch c"] {
        let facts = shop.facts_after(text, &known);
        assert!(facts.unparsed.is_none(), "{text}");
        assert!(sidegate::enforce::weave(text, &facts, &policy(), Some(&shop.catalog)).is_err(), "{text}");
    }
}

fn statement() -> impl Strategy<Value = String> {
    let relation = prop::sample::select(vec![
        "customers",
        "public.customers",
        "only customers",
        "\"customers\"",
        "customers_vip",
        "orders",
        "parted",
        "v_names",
    ]);
    let alias = prop::sample::select(vec!["", " c", " as c", " as \"Ä c\"", " c(a, b)", "/* x */", " --\n"]);
    let output = prop::sample::select(vec![
        "*",
        "id",
        "count(*)",
        "'ü '''",
        "$1",
        "1, ssn",
        "public.customers.id",
        "d.public.customers.ssn",
    ]);
    let rest = prop::sample::select(vec![
        "",
        " where id = 1",
        " order by 1",
        ";",
        " limit 3 -- ö",
        " for share",
        " union select * from customers",
        " where exists (select from customers where ssn = $2)",
    ]);
    let item = (relation, alias).prop_map(|(relation, alias)| format!("{relation}{alias}"));
    let items = prop::collection::vec(item, 1..4).prop_map(|items| items.join(", "));
    (output, items, rest).prop_map(|(output, items, rest)| format!("select {output} from {items}{rest}"))
}

#[test]
fn a_woven_text_reads_like_the_plain_one_and_knows_where_each_character_was() {
    let shop = Arc::new(Shop::new("weave_property"));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&statement(), |text| {
            let facts = shop.facts(&text);
            let Ok(Some(woven)) = shop.weave(&text, &policy()) else { return Ok(()) };
            let again = shop.facts(woven.text());
            prop_assert!(again.unparsed.is_none(), "{}", woven.text());
            prop_assert_eq!(&again.statements, &facts.statements);
            prop_assert_eq!(again.placeholders, facts.placeholders);
            prop_assert_eq!(&again.effects, &facts.effects);
            let original: Vec<char> = text.chars().collect();
            let mut kept = 0;
            for (at, character) in woven.text().chars().enumerate() {
                if let Some(place) = woven.original_position(at + 1) {
                    prop_assert_eq!(original[place - 1], character);
                    kept += 1;
                }
            }
            prop_assert!(kept > 0);
            // A mask on a mask shows no more.
            if let Ok(Some(twice)) = shop.weave(woven.text(), &policy()) {
                prop_assert!(shop.facts(twice.text()).unparsed.is_none());
            }
            Ok(())
        })
        .unwrap();
}
