//! Views over masked tables: what is only passed on is masked where the view is read, and nothing else is read.

use sidegate::decide::Masks;

use crate::shop::{Shop, masks};

const VIEWS: &str = "
    create schema other;
    create view v_renamed (number, mail) as select c.id, c.email from customers c where c.id < 100;
    create view v_nested as select mail as post, number from v_renamed where number > 1;
    create view v_both as select c.email, n.post from customers c join v_nested n on n.number = c.id;
    create view v_cte as with x as (select id, email from customers) select * from x;
    create view v_lateral as select o.id, l.email from orders o,
        lateral (select c.email from customers c where c.id = o.customer_id) l;
    create view u_scalar as select o.id, (select c.email from customers c where c.id = o.customer_id) as mail from orders o;
    create view v_outer as select o.id, c.email from orders o left join customers c on c.id = o.customer_id;
    create view v_last as select distinct on (customer_id) o.customer_id, c.email
        from orders o join customers c on c.id = o.customer_id order by customer_id, o.id;
    create view other.customers as select id, email as name, name as email from public.customers;
    create view v_barrier with (security_barrier) as select id, email, name from customers;
    create view v_invoker with (security_invoker) as select id, email, name from customers where id < 50;
    create view v_checked as select id, name, email from customers where id < 100 with check option;
    create view v_child as select id, ssn, tier from customers_vip;
    create view v_only as select id, ssn from only customers;
    create view v_part as select v from parted_1;
    create view v_parent as select id, v from parted;
    create view v_all as select id, email from customers union all select id, email from customers;
    create materialized view m_nested as select post from v_nested;
    create view v_stored as select ssn from m_customers;
    create view v_counts as select c.name, count(*) from customers c group by c.name;

    create view u_predicate as select id from customers where email like 'c%';
    create view u_join as select c.id from customers c join leads l using (email);
    create view u_order as select id, email from customers order by ssn;
    create view u_sorted as select id, email from customers order by email;
    create view u_group as select email from customers group by email;
    create view u_distinct as select distinct email from customers;
    create view u_union as select email from customers union select email from leads;
    create view u_mixed as select email from customers union all select ssn from customers;
    create view u_computed as select id, upper(email) as email from customers;
    create view u_cast as select id, email::varchar(100) as email from customers;
    create view u_aggregate as select max(email) from customers;
    create view u_window as select id, email, row_number() over (order by ssn) from customers;
    create view u_row as select id, c from customers c;
    create view u_json as select to_jsonb(c) from customers c;
    create view u_field as select (c).email from (select c from customers c) x;
    create view u_case as select id, case when ssn like '9%' then email end as email from customers;
    create view u_nested as select number from v_renamed where mail > 'c';
    create view u_exists as select id from orders o where exists (select from customers c where c.ssn = o.note);
    create view u_in as select id from orders o where note in (select email from customers);
    create view u_limit as select id from orders limit (select length(email) from customers where id = 1);
    create view v_rows as select x from customers c, lateral (values (c.ssn)) v(x);
    create view u_set as select c.id, s from customers c, regexp_split_to_table(c.ssn, '-') s;
    create view u_recursive as with recursive x(id, email) as
        (select id, email from customers where id = 1 union all select id + 1, email from x where id < 3) select * from x;
    create view u_function as select id, get_ssn(id) from orders;
    create view u_stats as select most_common_vals::text from pg_stats where tablename = 'customers';

    create view r_rules as select id, name from customers;
    create rule r as on update to r_rules do instead
        update orders set note = 'x' returning id, (select email from customers where customers.id = orders.id);
";

fn policy() -> Masks {
    masks(
        r#"{"public.customers": {"email": {"replace": {"value": "***"}}, "ssn": {"null": {}}},
            "public.parted_1": {"v": {"redact": {}}}}"#,
    )
}

fn is_raw(said: &str) -> bool {
    said.contains("canary") || said.contains("987-65-43") || said.contains("part-raw")
}

#[test]
fn what_views_only_pass_on_is_masked_where_they_are_read() {
    let shop = Shop::with("weave_views", VIEWS);
    let masked = shop.run(WOVEN_VIEWS);
    assert!(is_raw(&masked), "there is something to hide: {masked}");
    let wrong = READ.iter().filter_map(|(text, shown)| {
        let woven = match shop.weave(text, &policy()) {
            Ok(Some(woven)) => woven,
            other => return Some(format!("{text}: {other:?}")),
        };
        let said = shop.run(&format!("begin; {}; rollback", woven.text()));
        let is_right = !is_raw(&said) && !said.contains("ERROR") && said.contains(shown);
        (!is_right).then(|| format!("{text}\n{}\n{said}", woven.text()))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for text in ["select * from v_counts limit 1", "update v_names set name = 'x' where id = 1 returning *"] {
        assert_eq!(shop.weave(text, &policy()), Ok(None), "{text}: it shows nothing that is masked");
    }
    refused(&shop);
    written(&shop);
    guarded(&shop);
}

const WOVEN_VIEWS: &str = "select * from v_renamed limit 1";

/// A statement, and what is in its answer.
const READ: &[(&str, &str)] = &[
    ("select * from v_customers limit 1", "|***|"),
    ("select * from v_orders limit 1", "note"),
    ("select * from m_customers limit 1", "|"),
    ("select * from v_renamed where number = 5", "5|***"),
    ("table v_renamed", "5|***"),
    ("select v.mail, (v).mail, to_jsonb(v) from v_renamed v limit 1", "***|***|{\"mail\": \"***\""),
    ("select count(*) from v_renamed where mail = 'canary5@leak.example'", "0"),
    ("select count(*) from v_renamed v join leads l on l.email = v.mail", "0"),
    ("select count(*) from v_renamed where mail = '***'", "99"),
    ("select number from v_renamed order by mail, number limit 1", "1"),
    ("select max(mail) from v_renamed", "***"),
    ("select distinct mail from v_renamed", "***"),
    ("select post from v_nested limit 1", "***"),
    ("select * from v_both limit 1", "***|***"),
    ("select email from v_cte limit 1", "***"),
    ("select * from v_lateral limit 1", "|***"),
    ("select email from v_outer limit 1", "***"),
    ("select * from v_last limit 1", "|***"),
    ("select name from other.customers limit 1", "***"),
    ("select email from other.customers order by id limit 1", "name1"),
    ("select email from v_barrier limit 1", "***"),
    ("select email from v_invoker limit 1", "***"),
    ("select * from v_child", "5001||1"),
    ("select * from v_only limit 1", "|"),
    ("select v from v_part", "********"),
    ("select v from v_parent", "********"),
    ("select * from m_nested limit 1", "***"),
    ("select * from m_nested tablesample system (100) limit 1", "***"),
    ("select ssn from v_stored limit 1", "\n"),
    ("select email from v_all limit 1", "***"),
    ("select * from u_mixed limit 1", "\n"),
    ("copy (select mail from v_renamed limit 1) to stdout", "***"),
    ("copy v_renamed to stdout", "1\t***"),
    ("select x.mail from orders o, lateral (select mail from v_renamed where number = o.id) x limit 1", "***"),
    ("select public.v_renamed.mail from v_renamed limit 1", "***"),
    ("with v_renamed as (select * from public.v_renamed) select mail from v_renamed limit 1", "***"),
    ("create table kept as select * from v_renamed limit 1", "SELECT 1"),
    ("explain (verbose, costs off) select mail from v_renamed where mail = 'x'", "One-Time Filter: false"),
    ("prepare p as select mail from v_renamed limit 1", "PREPARE"),
    ("declare c cursor for select mail from v_renamed", "DECLARE"),
    (
        "update orders o set note = v.mail from v_renamed v where v.number = o.id; select note from orders where id = 3",
        "***",
    ),
    ("select number, mail from v_renamed where number = 1 for update", "1|***"),
    ("drop view v_only", "DROP VIEW"),
];

fn refused(shop: &Shop) {
    let mut wrong = Vec::new();
    for (text, why) in [
        (
            "select * from u_predicate",
            "`public.u_predicate` shows masked columns of `public.customers`, and masks do \
            not reach into it: it uses `public.customers.email` in a condition",
        ),
        ("select 1 from u_predicate", "in a condition"),
        ("select id from u_join", "to join"),
        ("select id from u_order", "`public.customers.ssn` to sort"),
        ("select id from u_sorted", "`public.customers.email` to sort"),
        ("select * from u_group", "to group"),
        ("select * from u_distinct", "`public.customers.email`"),
        ("select * from u_union", "`public.customers.email`"),
        ("select * from v_rows", "`public.customers.ssn`"),
        ("select email from u_computed", "to compute with"),
        ("select email from u_cast", "to compute with"),
        ("select * from u_aggregate", "to compute with"),
        ("select id from u_window", "`public.customers.ssn`"),
        ("select c from u_row", "`public.customers"),
        ("select * from u_json", "`public.customers"),
        ("select * from u_field", "`public.u_field`"),
        ("select id from u_case", "to compute with"),
        ("select * from u_nested", "`public.v_renamed.mail` in a condition"),
        ("select * from u_exists", "`public.customers.ssn` in a condition"),
        ("select mail from u_scalar", "otherwise than to show it"),
        ("select * from u_in", "`public.customers.email`"),
        ("select * from u_limit", "`public.customers.email`"),
        ("select * from u_set", "`public.customers.ssn`"),
        ("select * from u_recursive", "`public.u_recursive`"),
        ("select * from u_function", "`public.get_ssn`"),
        ("select * from u_stats", "`pg_catalog.pg_stat"),
        ("update r_rules set name = 'x' returning name", "a rule of `public.r_rules` leads to masked columns"),
        ("create view w as select mail from v_renamed", "CREATE VIEW"),
        ("create or replace view v_renamed (number, mail) as select 1, 'x'::text", "`public.v_renamed`"),
        ("select ctid from v_renamed", "`ctid`"),
    ] {
        match shop.weave(text, &policy()) {
            Err(refusal) if refusal.contains(why) && refusal.len() < 300 => {}
            other => wrong.push(format!("{text}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // What no catalog says of a view's definition, nobody reads.
    let facts = shop.facts("select mail from v_renamed");
    let why = sidegate::enforce::weave("select mail from v_renamed", &facts, &policy(), Some(&shop.catalog));
    assert!(why.unwrap_err().contains("could not be read just now"));
}

fn written(shop: &Shop) {
    for text in [
        "update v_renamed set mail = upper(mail) where number = 1",
        "update v_renamed set number = number where mail like 'c%'",
        "update v_renamed set mail = 'x' where number = 1 returning *",
        "update v_renamed set mail = 'x' where number = 1 returning mail",
        "update v_renamed v set mail = 'x' where number = 1 returning v",
        "delete from v_renamed where mail = 'x'",
        "delete from v_renamed returning mail",
        "insert into v_checked values (1, 'x', 'y') on conflict (id) do update set name = v_checked.email",
        "insert into v_checked values (1, 'x', 'y') returning email",
    ] {
        let why = shop.weave(text, &policy()).expect_err(text);
        assert!(why.contains("would use them as they are"), "{text}: {why}");
    }
    for text in [
        "update v_renamed set mail = 'x' where number = 1 returning number",
        "delete from v_barrier where id = 1 returning name",
        "insert into v_checked values (7001, 'x', 'y')",
        "insert into v_checked values (70, 'x', 'y') on conflict (id) do nothing",
    ] {
        let woven = shop.weave(text, &policy()).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(woven.map(|woven| woven.text().to_owned()).as_deref(), Some(text), "it passes, with quiet errors");
    }
}

fn guarded(shop: &Shop) {
    use sidegate::wire::postgres::{Column, RowDescription};
    let woven = shop.weave("select number from v_renamed", &policy()).unwrap().unwrap();
    let described = |relation: &str, attribute: i16| {
        let relation = shop.catalog.relation_in("public", relation).unwrap().oid();
        let column = Column { name: b"number", relation, attribute, type_oid: 25, modifier: -1, format: 0 };
        woven.guard().admits(0, &RowDescription { columns: vec![column] })
    };
    assert!(described("v_renamed", 1).is_ok() && described("orders", 1).is_err());
    for (relation, attribute) in
        [("v_renamed", 2), ("v_renamed", 0), ("v_nested", 1), ("u_sorted", 1), ("m_nested", 1), ("customers", 3)]
    {
        assert!(described(relation, attribute).is_err(), "{relation}.{attribute}");
    }
}

#[test]
fn what_no_expression_masks_passes_through_views_as_through_nothing() {
    let shop = Shop::with("weave_view_cells", VIEWS);
    let masks = masks(r#"{"public.customers": {"email": {"hash": {"key": "k"}}}}"#);
    let fields = |text: &str| -> Result<Vec<usize>, String> {
        let woven = shop.weave(text, &masks)?.unwrap_or_else(|| panic!("{text}: nothing is masked"));
        Ok(woven.guard().cells().map(|(field, _)| field).collect())
    };
    assert_eq!(fields("select number, mail from v_renamed"), Ok(vec![1]));
    assert_eq!(fields("select * from v_nested"), Ok(vec![0]));
    assert_eq!(fields("select * from v_both"), Ok(vec![0, 1]));
    assert_eq!(fields("select number from v_renamed"), Ok(vec![]));
    assert_eq!(fields("select c.email, v.mail from customers c, v_renamed v"), Ok(vec![0, 1]));
    assert_eq!(fields("select post from m_nested"), Ok(vec![0]));
    for text in [
        "select upper(mail) from v_renamed",
        "select number from v_renamed where mail = 'x'",
        "select c.id from customers c join v_renamed v on v.mail = c.email",
        "select v from v_renamed v",
        "select mail from v_renamed order by mail",
        "select mail from v_renamed union select 'x'",
        "select email from u_computed",
    ] {
        assert!(fields(text).is_err(), "{text}");
    }
}

#[test]
fn a_view_that_policy_masks_itself_is_masked_more() {
    let shop = Shop::with("weave_view_named", VIEWS);
    let masks = masks(
        r#"{"public.customers": {"email": {"partial": {"keep_first": 2}}},
            "public.v_renamed": {"mail": {"null": {}}, "number": {"replace": {"value": 7}}}}"#,
    );
    let woven = shop.weave("select mail, number from v_renamed limit 1", &masks).unwrap().unwrap();
    assert_eq!(shop.run(woven.text()).trim(), "|7");
    let why = shop.weave("select post, number from v_nested limit 1", &masks).unwrap_err();
    assert!(why.contains("it uses `public.v_renamed.number` in a condition"), "{why}");
}
