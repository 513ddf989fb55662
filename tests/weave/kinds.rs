use std::collections::BTreeSet;

use crate::shop::{Shop, masks};

/// What a masker makes of a column's first value; nothing where it is refused.
const EXPECTED: &[(&str, &str, Option<&str>)] = &[
    ("t", r#"{"redact": {}}"#, Some("********")),
    ("t", r#"{"null": {}}"#, Some("")),
    ("t", r#"{"replace": {"value": "it's \\ \n **"}}"#, Some("it's \\ \n **")),
    ("t", r#"{"replace": {"value": 7}}"#, Some("7")),
    ("t", r#"{"replace": {"value": null}}"#, Some("")),
    ("t", r#"{"replace": {"value": [7]}}"#, None),
    ("t", r#"{"partial": {"keep_first": 1, "keep_last": 2}}"#, Some("c*****-ö")),
    ("t", r#"{"partial": {"keep_last": 2, "with": "--"}}"#, Some("-------------ö")),
    ("t", r#"{"partial": {"keep_first": 4, "keep_last": 4}}"#, Some("********")),
    ("t", r#"{"partial": {"keep_first": 4000000000, "keep_last": 3}}"#, Some("********")),
    ("t", r#"{"partial": {}}"#, Some("********")),
    ("t", r#"{"email": {}}"#, Some("********")),
    ("v", r#"{"replace": {"value": "a text that is too long"}}"#, Some("a text that ")),
    ("v", r#"{"partial": {"keep_first": 1, "with": "abcd"}}"#, Some("cabcdabcdabc")),
    ("c", r#"{"redact": {}}"#, Some("******  ")),
    ("c", r#"{"partial": {"keep_last": 1}}"#, Some("*****y  ")),
    ("n", r#"{"redact": {}}"#, Some("******")),
    ("coll", r#"{"redact": {}}"#, Some("******")),
    ("s", r#"{"redact": {}}"#, Some("0")),
    ("s", r#"{"replace": {"value": 40000}}"#, None),
    ("s", r#"{"replace": {"value": -4}}"#, Some("-4")),
    ("s", r#"{"partial": {"keep_last": 1}}"#, None),
    ("i", r#"{"replace": {"value": "12"}}"#, Some("12")),
    ("i", r#"{"replace": {"value": "twelve"}}"#, None),
    ("i", r#"{"replace": {"value": 1.5}}"#, None),
    ("i", r#"{"email": {}}"#, None),
    ("l", r#"{"replace": {"value": 9000000000}}"#, Some("9000000000")),
    ("d", r#"{"redact": {}}"#, Some("0.00")),
    ("d", r#"{"replace": {"value": 12345}}"#, None),
    ("d", r#"{"replace": {"value": 9999.999}}"#, Some("9999.99")),
    ("d", r#"{"replace": {"value": "-.5"}}"#, None),
    ("f", r#"{"replace": {"value": 1e300}}"#, None),
    ("f", r#"{"replace": {"value": 1e-300}}"#, None),
    ("f", r#"{"replace": {"value": 0.5}}"#, Some("0.5")),
    ("g", r#"{"replace": {"value": 1e300}}"#, Some("1e+300")),
    ("b", r#"{"redact": {}}"#, Some("f")),
    ("b", r#"{"replace": {"value": false}}"#, Some("f")),
    ("b", r#"{"replace": {"value": "maybe"}}"#, None),
    ("dt", r#"{"redact": {}}"#, Some("1970-01-01")),
    ("dt", r#"{"replace": {"value": "2000-02-30"}}"#, None),
    ("dt", r#"{"replace": {"value": "2000-02-29"}}"#, Some("2000-02-29")),
    ("ts", r#"{"redact": {}}"#, Some("1970-01-01 00:00:00")),
    ("ts", r#"{"replace": {"value": "2001-02-03T04:05:06.7"}}"#, Some("2001-02-03 04:05:06.7")),
    ("ts", r#"{"replace": {"value": "yesterday"}}"#, None),
    ("tz", r#"{"redact": {}}"#, Some("1970-01-01 00:00:00+00")),
    ("tz", r#"{"replace": {"value": "2001-02-03T04:05:06+01:00"}}"#, Some("2001-02-03 03:05:06+00")),
    ("u", r#"{"redact": {}}"#, Some("00000000-0000-0000-0000-000000000000")),
    ("u", r#"{"replace": {"value": "nobody"}}"#, None),
    ("j", r#"{"redact": {}}"#, Some("\"***\"")),
    ("j", r#"{"replace": {"value": {"a": "\\ ' \u0000"}}}"#, Some("{\"a\":\"\\\\ ' \\u0000\"}")),
    ("jb", r#"{"replace": {"value": {"a": "\u0000"}}}"#, None),
    ("jb", r#"{"replace": {"value": {"a": [1, null]}}}"#, Some("{\"a\": [1, null]}")),
    ("ba", r#"{"redact": {}}"#, Some("\\x00000000")),
    ("ba", r#"{"replace": {"value": "\\x0aff"}}"#, Some("\\x0aff")),
    ("ba", r#"{"replace": {"value": "\\x0af"}}"#, None),
    ("ip", r#"{"redact": {}}"#, Some("0.0.0.0")),
    ("ip", r#"{"replace": {"value": "::1/64"}}"#, Some("::1/64")),
    ("ci", r#"{"redact": {}}"#, Some("0.0.0.0/32")),
    ("ci", r#"{"replace": {"value": "10.1.2.3/8"}}"#, Some("10.0.0.0/8")),
    ("m", r#"{"null": {}}"#, Some("")),
    ("m", r#"{"replace": {"value": "ok"}}"#, Some("ok")),
    ("m", r#"{"redact": {}}"#, None),
    ("co", r#"{"redact": {}}"#, Some("***")),
    ("co", r#"{"replace": {"value": "too long"}}"#, Some("too l")),
    ("sc", r#"{"null": {}}"#, Some("")),
    ("sc", r#"{"partial": {"keep_first": 1}}"#, Some("c*****")),
    ("ta", r#"{"null": {}}"#, Some("")),
    ("ta", r#"{"replace": {"value": ["a", null, "b,\"\\"]}}"#, Some("{a,NULL,\"b,\\\"\\\\\"}")),
    ("ta", r#"{"replace": {"value": []}}"#, Some("{}")),
    ("ta", r#"{"redact": {}}"#, Some("{******,*}")),
    ("ta", r#"{"partial": {"keep_last": 1}}"#, Some("{*****y,*}")),
    ("ia", r#"{"redact": {}}"#, Some("{0,0}")),
    ("ia", r#"{"email": {}}"#, None),
    ("va", r#"{"redact": {}}"#, Some("{***}")),
    ("ia", r#"{"replace": {"value": [1, "x"]}}"#, None),
    ("va", r#"{"replace": {"value": ["abcdef"]}}"#, Some("{abc}")),
    ("iv", r#"{"null": {}}"#, Some("")),
    ("iv", r#"{"redact": {}}"#, None),
    ("Odd \"name", r#"{"null": {}}"#, Some("")),
    ("x", r#"{"null": {}}"#, Some("")),
    ("x", r#"{"replace": {"value": "<a/>"}}"#, None),
    ("nobody", r#"{"null": {}}"#, None),
];

#[test]
fn every_masker_gives_a_value_of_the_columns_own_type() {
    let shop = Shop::new("weave_kinds");
    shop.last("set timezone = 'UTC'; select 1");
    for (column, masker, expected) in EXPECTED {
        let quoted = column.replace('"', "\"\"");
        let policy = masks(&format!(r#"{{"public.kinds": {{{}: {masker}}}}}"#, serde_json::to_string(column).unwrap()));
        let text = format!("select \"{quoted}\" as value from kinds");
        let woven = match (shop.weave(&text, &policy), expected) {
            (Err(why), None) => {
                assert!(why.contains("kinds"), "{column} {masker}: {why}");
                continue;
            }
            (woven, _) => woven.unwrap_or_else(|why| panic!("{column} {masker}: {why}")).unwrap(),
        };
        let Some(expected) = expected else { panic!("{column} {masker}: {}", woven.text()) };
        for quoting in ["on", "off"] {
            let setting = format!("set standard_conforming_strings = {quoting}; set escape_string_warning = off");
            let value = shop.last(&format!("{setting}; select value from ({}) w limit 1", woven.text()));
            assert_eq!(
                value.unwrap_or_default().trim_end(),
                expected.trim_end(),
                "{column} {masker} {quoting}: {}",
                woven.text()
            );
        }
        // NULL stays NULL, but where it is replaced.
        let null = shop.last(&format!("select value is null from ({}) w offset 1", woven.text()));
        let is_replaced =
            masker.contains("replace") && !masker.contains(": null}") || column == &"sc" && !masker.contains("null");
        assert_eq!(null.as_deref(), Some(if is_replaced { "f" } else { "t" }), "{column} {masker}");
        let made = shop.last(&format!(
            "drop table if exists made; create table made as {}; select format_type(atttypid, atttypmod) || attcollation \
             from pg_attribute where attrelid = 'made'::regclass and attnum = 1",
            woven.text()
        ));
        let own = shop.last(&format!(
            "select case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) else \
             format_type(atttypid, atttypmod) end || attcollation from pg_attribute a join pg_type t on t.oid = atttypid \
             where attrelid = 'kinds'::regclass and attname = '{column}'"
        ));
        assert_eq!(made, own, "{column} {masker}");
    }
}

#[test]
fn addresses_are_shortened_as_the_documentation_says() {
    let shop = Shop::new("weave_addresses");
    let policy = masks(r#"{"public.customers": {"email": {"email": {}}}}"#);
    let woven = shop.weave("select email from customers order by id", &policy).unwrap().unwrap();
    let addresses = [
        ("alice@example.com", "a***@e***.com"),
        ("x@localhost", "x***@l***"),
        ("@example.com", "************"),
        ("alice@", "******"),
        ("alice", "*****"),
        ("", ""),
        ("a@b@c.info", "a***@c***.info"),
        ("ä@ö.org", "ä***@ö***.org"),
        ("a@b.c1", "a***@b***"),
        ("a\n@b\n.de", "a***@b***.de"),
    ];
    let rows: Vec<_> =
        addresses.iter().enumerate().map(|(at, (from, _))| format!("({at}, 'x', '{from}', 's')")).collect();
    let said = shop.run(&format!(
        "begin; delete from customers; insert into customers values {}; {}; rollback",
        rows.join(", "),
        woven.text()
    ));
    let lines: Vec<_> = said.lines().skip(3).take(addresses.len()).collect();
    assert_eq!(lines, addresses.map(|(_, to)| to), "{said}");
}

#[test]
fn a_masked_query_is_planned_like_the_plain_one() {
    let shop = Shop::new("weave_plans");
    let policy = masks(r#"{"public.customers": {"email": {"email": {}}, "ssn": {"partial": {"keep_last": 2}}}}"#);
    for text in [
        "select name, email, ssn from customers where id = 5",
        "select c.email from orders o join customers c on c.id = o.customer_id where o.id = 7",
        "select o.id, c.ssn from orders o left join customers c on c.id = o.customer_id where o.id = 7",
        "select (select ssn from only customers c where c.id = o.customer_id) from orders o",
        "select email from customers where id in (1, 2, 3) order by id limit 2",
        "select id, email from only customers where id = 5 for update",
    ] {
        let woven = shop.weave(text, &policy).unwrap().unwrap();
        let plan = |text: &str| {
            let said = shop.run(&format!("explain (costs off) {text}"));
            said.replace("c.id", "customers.id")
                .replace(" c_1", " customers_1")
                .replace(" c_2", " customers_2")
                .replace(" c\n", "\n")
        };
        let (plain, masked) = (plan(text), plan(woven.text()));
        assert!(plain.contains("customers_pkey"), "{plain}");
        // Which join is taken is for the planner: a mask's width is not a column's.
        let scans = |plan: &str| -> BTreeSet<String> {
            let lines = plan.lines().filter(|line| line.contains("Index"));
            lines.map(|line| line.trim().trim_start_matches("->  ").split(" on ").next().unwrap().to_owned()).collect()
        };
        let indexes = |plan: &str| scans(plan).into_iter().filter(|line| line.contains("using")).collect::<Vec<_>>();
        assert_eq!(indexes(&plain), indexes(&masked), "{text}\n{plain}\n{masked}");
    }
}
