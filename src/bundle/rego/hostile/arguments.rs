//! The worst arguments that we know of.

use std::collections::BTreeSet;

use regorus::Value;
use serde_json::{Value as Json, json};

fn deep(levels: usize) -> Json {
    (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
}

/// Texts that mean something to some function, or are none that it expects.
const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "aaaaaaaa",
    "\u{0}",
    "a\u{0}b",
    "é",
    "\u{202e}",
    "\u{fffd}",
    "\u{10ffff}",
    "e\u{301}",
    "İ",
    "ß",
    "0",
    "-1",
    "1e400",
    "1e40000",
    "1e2147483648",
    "1e999999999",
    "-1e308",
    "9223372036854775808",
    "0x10",
    "1_000",
    ".5",
    "5.",
    "+5",
    " 5 ",
    "NaN",
    "10e10000000Ei",
    "5Mi",
    "5E",
    "1000h",
    "9223372036854775807ns",
    "1h1m1s",
    "-9999999999h",
    "2006-01-02",
    "2021-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "-0001-01-01T00:00:00Z",
    "UTC",
    "Europe/Berlin",
    "1.2.3",
    "1.2.3-a.b+c",
    "99999999999999999999.0.0",
    "10.0.0.0/0",
    "::/0",
    "0.0.0.0/0",
    "10.1.2.3",
    "10.1.2.3/33",
    "::ffff:10.0.0.1",
    "/a/0/b",
    "a/b",
    "~1",
    "a%00b",
    "%zz",
    "a=b&a=c&=",
    "+",
    "YQ==",
    "YQ",
    "====",
    "00ff",
    "0g",
    "{\"a\":[1,{}]}",
    "[[[[[[1]]]]]]",
    "[1e400]",
    "{\"a\":1,\"a\":2}",
    "\"\\ud800\"",
    "(",
    "[",
    "**",
    "{a,b}*",
    "[!a]?",
    "\\",
];

/// Arguments as documents may hold them, short ones first.
pub(super) fn small() -> Vec<Json> {
    let mut values: Vec<Json> = TEXTS.iter().map(|text| json!(text)).collect();
    values.extend([
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(2),
        json!(10),
        json!(64),
        json!(-0.0),
        json!(0.5),
        json!(-1.5),
        json!(1.0),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(9_223_372_036_854_775_808_u64),
        json!(1e308),
        json!(-1e308),
        json!(5e-324),
        json!(1e19),
        json!(9_007_199_254_740_993_i64),
        json!(2_147_483_648_i64),
        json!(-2_147_483_649_i64),
        json!(100_000_000),
        json!([]),
        json!({}),
        json!([[]]),
        json!([1, 2, 3]),
        json!(["a", "b"]),
        json!([1, "a", null, [], {}]),
        json!([i64::MIN, u64::MAX, 1e308]),
        json!([1e308, 1e308]),
        json!({"a": "b"}),
        json!({"": ""}),
        json!({"a": ["b"], "b": ["a", "c"], "c": []}),
        json!({"a": {"b": {"c": 1}}}),
        json!([{"op": "add", "path": "/a", "value": 1}]),
        json!([{"op": "copy", "from": "", "path": "/a"}]),
        json!([{"op": "remove", "path": ""}]),
        json!([{"op": "move", "from": "/a", "path": "/a/b"}]),
        json!([{"op": "add", "path": "/9223372036854775807", "value": 1}]),
        json!([{"op": "add", "path": "/-", "value": 1}]),
        json!([{}]),
        json!([0, "UTC"]),
        json!([i64::MAX, "Asia/Tokyo"]),
        json!([0, "Nowhere"]),
        json!([i64::MIN, "UTC", "2006-01-02"]),
        json!([0, "UTC", "%Y %z \u{0}"]),
        json!({"prefix": "p", "indent": "  ", "pretty": true}),
        json!(["a/b", "/a", ""]),
        deep(20),
    ]);
    values
}

/// What takes room, as much as a document could hold and worse; two of these are also tried at once.
pub(super) fn paired() -> Vec<Value> {
    let complete: serde_json::Map<String, Json> =
        (0..14).map(|from| (from.to_string(), (0..14).map(|to| json!(to.to_string())).collect())).collect();
    let numbered: serde_json::Map<String, Json> = (0..20_000).map(|n| (n.to_string(), json!(n))).collect();
    let digits: serde_json::Map<String, Json> =
        (0..=9).map(|n| (n.to_string(), json!("0123456789".repeat(20)))).collect();
    [
        json!("a".repeat(1 << 20)),
        // The worst to look for in the one above.
        json!(format!("{}b", "a".repeat(1 << 19))),
        json!("é\u{0}".repeat(1 << 18)),
        json!(["*a".repeat(500), "{a,{b,{c,d}}}".repeat(50)].concat()),
        json!(vec!["a".repeat(1 << 10); 1 << 10]),
        json!(vec![""; 100_000]),
        json!(vec![json!({"op": "copy", "from": "", "path": "/a"}); 40]),
        json!((0..14).map(|n| n.to_string()).collect::<Vec<_>>()),
        json!(numbered),
        json!(digits),
        json!(complete),
    ]
    .map(Value::from)
    .into()
}

/// More that takes room.
pub(super) fn large() -> Vec<Value> {
    let chain: serde_json::Map<String, Json> =
        (0..20_000).map(|from| (from.to_string(), json!([(from + 1).to_string()]))).collect();
    [
        json!("9".repeat(200_000)),
        json!(format!("1{}", "0".repeat(200_000))),
        json!("[".repeat(100_000)),
        json!(format!("{}{}", "[".repeat(120), "]".repeat(120))),
        json!(vec![i64::MAX; 100_000]),
        json!((0..12).map(|_| json!({"op": "copy", "from": "", "path": "/a"})).collect::<Vec<_>>()),
        json!(chain),
        deep(100),
    ]
    .map(Value::from)
    .into()
}

/// What no document holds, and a policy may make.
pub(super) fn sets() -> Vec<Value> {
    let set = |items: Json| {
        let items = Value::from(items);
        Value::from(items.as_array().expect("an array").iter().cloned().collect::<BTreeSet<_>>())
    };
    let nested = Value::from(BTreeSet::from([set(json!([1])), set(json!(["a"]))]));
    vec![set(json!([])), set(json!([1, 2])), set(json!(["a", ""])), set(json!([u64::MAX, i64::MIN, 1e308])), nested]
}
