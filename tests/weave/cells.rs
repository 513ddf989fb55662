//! Cells that are masked on their way back are values that the server itself takes, the same in every format, and the
//! same as where a mask is woven.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::BytesMut;
use sidegate::config::{MaskKey, SecretSource};
use sidegate::enforce::mask::cells::{Column, ColumnType, CopyCells, CopyField, CopyFormat, Key, Keyring, Rule};

use crate::harness::{PASSWORD, postgres};
use crate::shop::{Shop, masks};

const COLUMNS: &str = "t text, v varchar(7), c char(9), n name, s int2, i int4, l int8, d numeric(9, 2), e numeric, \
    g numeric(4, 4), f float4, o float8, b bool, a date, m timestamp, p timestamp(0), z timestamptz(3), u uuid, \
    y bytea, j json, k jsonb, q inet, w cidr, ta text[], va varchar(5)[], ia int4[], na numeric(6, 1)[], ba bytea[], \
    ka jsonb[], za timestamptz[], ua uuid[], qa inet[]";

const ROWS: &[&str] = &[
    "'alice@example.com', 'abcdefg', 'abc', 'somebody', -5, 1234567, 9223372036854775807, 1234567.89, -12.3400, 0.1234, \
     1.5, 1e300, true, '2026-11-21', '2026-11-21 22:10:11.123456', '2026-11-21 22:10:11', '2026-11-21 22:10:11.5+02', \
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\xdeadbeef00', '{\"a\": [\"x@y.zz\", 1.50]}', '{\"k\": \"4111111111111111\"}', \
     '10.1.2.3/8', '10.0.0.0/8', '{a,\"b c\",NULL,\"q\\\"\\\\\"}', '{abcde,NULL}', '{{1,2},{3,4}}', '{1.5,99999.9}', \
     '{\"\\\\x00ff\"}', '{\"{\\\"a\\\": 1}\",null}', '{2026-01-01 00:00:00+00}', \
     '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{::1,10.0.0.1}'",
    "'ü 日本 \\t', '1234567', '999-99-99', 'X1', 32767, -2147483648, -9223372036854775808, -0.05, 123456789012345678901, \
     -0.5, -0.25, -0.0, false, '0001-01-01', '9998-12-31 23:59:59', '1999-12-31 23:59:59', '2026-01-01 00:00:00-11:30', \
     '00000000-0000-0000-0000-000000000000', '', 'null', '[]', '2001:db8::1', '2001:db8::/32', '{}', '{}', '[0:1]={7,8}', \
     '{}', '{}', '{}', '{}', '{}', '{}'",
    "'', '', '', '', 0, 0, 0, 0, 0, 0, 'NaN', 'Infinity', false, 'infinity', '-infinity', 'infinity', '0044-03-15 BC', \
     'ffffffff-ffff-ffff-ffff-ffffffffffff', '\\x00', '\"\"', '0', '::', '0.0.0.0/0', '{NULL}', '{\"\"}', '{NULL}', \
     '{NaN}', '{NULL}', '{1}', '{infinity}', '{NULL}', '{NULL}'",
];

fn key() -> Arc<Key> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789abcdef0123456789abcdef").unwrap();
    let source = SecretSource::File(file.path().to_owned());
    Keyring::load(&[MaskKey { name: "k".to_owned(), source }]).unwrap().get("k").unwrap()
}

/// COPY by psql, its stream as it is.
fn copy(database: &str, sql: &str, input: Option<&[u8]>) -> Vec<u8> {
    let mut psql = Command::new("psql")
        .args(["-X", "-q", "-h", "127.0.0.1", "-U", "app", "-v", "ON_ERROR_STOP=1", "-d", database])
        .args(["-p", &postgres().port.to_string(), "-c", sql])
        .env("PGPASSWORD", PASSWORD)
        .env("PGCLIENTENCODING", "UTF8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    psql.stdin.take().unwrap().write_all(input.unwrap_or_default()).unwrap();
    let output = psql.wait_with_output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn kinds(database: &str) -> Vec<ColumnType> {
    let sql = "select atttypid || ' ' || atttypmod from pg_attribute where attrelid = 'raw'::regclass and attnum > 0 \
               order by attnum";
    let text = postgres().sql(database, sql);
    let kind = |line: &str| {
        let (oid, modifier) = line.split_once(' ').unwrap();
        ColumnType { oid: oid.parse().unwrap(), modifier: modifier.parse().unwrap() }
    };
    text.lines().map(kind).collect()
}

#[test]
fn the_server_takes_every_masked_value_and_all_formats_say_the_same() {
    let (server, database) = (postgres(), "masked_cells");
    server.sql("postgres", &format!("create database {database}"));
    server.sql(database, &format!("create table raw ({COLUMNS})"));
    for row in ROWS {
        server.sql(database, &format!("insert into raw values ({row})"));
    }
    server.sql(database, "insert into raw default values");
    let kinds = kinds(database);
    let rules = [
        Rule::redact(),
        Rule::hash(key()),
        Rule::tokenize(key()),
        Rule::detect(),
        Rule::email(),
        Rule::partial(Some(1), Some(1), Some("é*")).unwrap(),
    ];
    for (which, rule) in rules.iter().enumerate() {
        let fields: Vec<CopyField> = (0..)
            .zip(&kinds)
            .map(|(place, kind)| {
                let suits = Column::new(rule, *kind, 0, "").is_ok();
                CopyField { place, kind: *kind, rule: if suits { rule.clone() } else { Rule::null() } }
            })
            .collect();
        for (name, format) in [("text", CopyFormat::text()), ("csv", CopyFormat::csv()), ("binary", CopyFormat::Binary)]
        {
            let stream = copy(database, &format!("copy raw to stdout (format {name})"), None);
            let mut masks = CopyCells::new(format, kinds.len(), &fields).unwrap();
            let mut out = BytesMut::new();
            masks.feed(&stream, &mut out).unwrap();
            masks.finish().unwrap();
            let table = format!("masked_{which}_{name}");
            server.sql(database, &format!("create table {table} (like raw)"));
            copy(database, &format!("copy {table} from stdin (format {name})"), Some(&out));
        }
        for other in ["csv", "binary"] {
            let sql = format!(
                "select m::text from masked_{which}_text m except all select m::text from masked_{which}_{other} m"
            );
            assert_eq!(server.sql(database, &sql), "", "{rule:?} in text and {other}");
        }
        let count = server.sql(database, &format!("select count(*) from masked_{which}_text"));
        assert_eq!(count, "4");
        // What detect does not find stays.
        let same = server.sql(
            database,
            &format!("select count(*) from masked_{which}_text m join raw r on m.i = r.i and m.z = r.z"),
        );
        assert_eq!(same, if which == 3 { "3" } else { "0" }, "{rule:?}");
    }
}

#[test]
fn a_cell_is_masked_as_where_the_mask_is_woven() {
    let shop = Shop::new("cells_and_woven");
    let server = postgres();
    server.sql(&shop.database, "delete from customers");
    let values = [
        "alice@example.com",
        "x@localhost",
        "a@b@c.org",
        "@b.co",
        "a@",
        "a@b.123-45",
        "é@ü.de",
        "日本@語.jp",
        "",
        " ",
        "a",
        "ab",
        "abc",
        "abcdefghij",
        "a.b@com",
        "a@.com",
        "it''s",
        "back\\slash",
        "tab\tand more",
        "a@b.co ",
        "A@B.C@d.eF",
    ];
    for (id, value) in values.iter().enumerate() {
        server.sql(&shop.database, &format!("insert into customers values ({id}, 'n', '{value}', 's')"));
    }
    let rules = [
        (r#"{"redact": {}}"#, Rule::redact()),
        (r#"{"email": {}}"#, Rule::email()),
        (r#"{"partial": {"keep_first": 1, "keep_last": 2}}"#, Rule::partial(Some(1), Some(2), None).unwrap()),
        (r#"{"partial": {"keep_last": 4, "with": "xy"}}"#, Rule::partial(None, Some(4), Some("xy")).unwrap()),
        (r#"{"partial": {}}"#, Rule::partial(None, None, None).unwrap()),
        (r#"{"replace": {"value": "it's"}}"#, Rule::replace("it's".into())),
    ];
    for (json, rule) in rules {
        let masks = masks(&format!(r#"{{"public.customers": {{"email": {json}}}}}"#));
        let query = "select id, email from customers order by id";
        let woven = shop.weave(query, &masks).unwrap().unwrap();
        let kind = ColumnType { oid: 25, modifier: -1 };
        let field = CopyField { place: 1, kind, rule };
        let mut cells = CopyCells::new(CopyFormat::text(), 2, &[field]).unwrap();
        let mut masked = BytesMut::new();
        cells.feed(&copy(&shop.database, &format!("copy ({query}) to stdout"), None), &mut masked).unwrap();
        let woven = copy(&shop.database, &format!("copy ({}) to stdout", woven.text()), None);
        assert_eq!(String::from_utf8_lossy(&masked), String::from_utf8_lossy(&woven), "{json}");
    }
}
