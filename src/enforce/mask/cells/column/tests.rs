use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::enforce::mask::cells::key::Key;

const VARCHAR_5: ColumnType = ColumnType { oid: 1043, modifier: 9 };
const CHAR_12: ColumnType = ColumnType { oid: 1042, modifier: 16 };

fn key() -> Arc<Key> {
    Arc::new(Key::new(b"a key for tests, of 32 bytes or more"))
}

fn of(oid: u32) -> ColumnType {
    ColumnType { oid, modifier: -1 }
}

fn cell(rule: &Rule, kind: ColumnType, format: i16, value: &[u8]) -> (Masked, Vec<u8>) {
    let mut out = BytesMut::new();
    let masked = Column::new(rule, kind, format, "c").unwrap().mask(Some(value), &mut out);
    (masked, out.to_vec())
}

fn shown(rule: &Rule, kind: ColumnType, value: &str) -> String {
    let (masked, out) = cell(rule, kind, 0, value.as_bytes());
    assert_ne!(masked, Masked::Null);
    String::from_utf8(out).unwrap()
}

/// All types, with values in text.
const VALUES: &[(u32, i32, &[&str])] = &[
    (16, -1, &["t", "f"]),
    (17, -1, &["\\x", "\\x00ff10", "\\x000102030405060708090a0b0c0d0e0f1011"]),
    (20, -1, &["0", "-1", "42", "1234567", "9223372036854775807", "-9223372036854775808"]),
    (21, -1, &["0", "-32768", "32767"]),
    (23, -1, &["7", "-7", "2147483647", "-2147483648", "1000000"]),
    (700, -1, &["1.5", "-0"]),
    (701, -1, &["0.1", "1e300", "-3"]),
    (1700, -1, &["0", "12.30", "-99999999.99", "0.0001", "123456789012345678901234"]),
    (1700, ((10 << 16) | 2) + 4, &["12345678.90", "-0.05", "0.00", "7.10", "-7.00"]),
    (1700, ((3 << 16) | 3) + 4, &["0.123", "-0.100"]),
    (1082, -1, &["2026-11-21", "0001-01-01", "9999-12-31"]),
    (1114, -1, &["2026-11-21 21:52:00", "2026-11-21 21:52:00.123456"]),
    (1114, 0, &["2026-11-21 21:52:00"]),
    (1184, -1, &["2026-11-21 21:52:00+00", "2026-11-21 21:52:00.5-03:30"]),
    (2950, -1, &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    (869, -1, &["10.1.2.3", "10.1.2.3/8", "2001:db8::1", "::1/64"]),
    (650, -1, &["10.0.0.0/8", "192.168.100.0/24", "2001:db8::/32"]),
];

fn rules() -> Vec<Rule> {
    vec![Rule::redact(), Rule::hash(key()), Rule::tokenize(key())]
}

#[test]
fn text_and_binary_come_to_the_same() {
    for (oid, modifier, values) in VALUES {
        let kind = ColumnType { oid: *oid, modifier: *modifier };
        let Some(Kind::Scalar(scalar)) = Kind::of(kind) else { panic!("{oid}") };
        for rule in rules() {
            let Ok(text) = Column::new(&rule, kind, 0, "c") else { continue };
            let binary = Column::new(&rule, kind, 1, "c").unwrap();
            for value in *values {
                let mut sent = BytesMut::new();
                let plain = plain::read(scalar, false, value.as_bytes()).unwrap_or_else(|| panic!("{oid} {value}"));
                assert!(plain::write(scalar, true, &plain, &mut sent));
                let (mut one, mut other) = (BytesMut::new(), BytesMut::new());
                let outcome = text.mask(Some(value.as_bytes()), &mut one);
                assert_eq!(outcome, binary.mask(Some(&sent), &mut other), "{oid} {value} {rule:?}");
                let one = plain::read(scalar, false, &one).unwrap_or_else(|| panic!("{oid} {value} {rule:?} {one:?}"));
                assert_eq!(Some(one), plain::read(scalar, true, &other), "{oid} {value} {rule:?}");
            }
        }
    }
}

#[test]
fn equal_values_stay_equal_and_others_differ() {
    for (oid, modifier, values) in VALUES.iter().filter(|(oid, ..)| *oid != 16 && *oid != 21) {
        let kind = ColumnType { oid: *oid, modifier: *modifier };
        for rule in [Rule::hash(key()), Rule::tokenize(key())] {
            if Column::new(&rule, kind, 0, "c").is_err() {
                continue;
            }
            let masked: Vec<String> = values.iter().map(|value| shown(&rule, kind, value)).collect();
            for (value, masked) in values.iter().zip(&masked) {
                assert_eq!(masked, &shown(&rule, kind, value));
                assert!(value == &"\\x" || masked != value, "{oid} {value} stayed itself");
            }
            let different: std::collections::BTreeSet<&String> = masked.iter().collect();
            // Three digits have few possibilities; an address keeps its own apart from its network.
            let few = *modifier == ((3 << 16) | 3) + 4 || matches!(oid, 869 | 650);
            assert!(few || different.len() == values.len(), "{oid} {masked:?}");
        }
    }
}

#[test]
fn a_hash_is_the_keyed_blake3_of_the_text_under_the_derived_key() {
    // { printf alice@example.com; printf '\200'; head -c 46 /dev/zero; } > block
    // printf 'a key for tests, of 32 bytes or more' | b3sum --raw --derive-key "$CONTEXT" | b3sum --keyed --no-names block
    let hash = shown(&Rule::hash(key()), of(25), "alice@example.com");
    let expected = "77dd0c5417b9821090fa1bf16cea80864b58fc43667555830cd5a549fada4da1";
    assert_eq!(hash, expected);
    assert_eq!(shown(&Rule::hash(key()), VARCHAR_5, "alice@example.com"), expected.get(..5).unwrap());
    assert_eq!(shown(&Rule::hash(key()), CHAR_12, "alice@example.com   "), expected.get(..12).unwrap());
    // Numbers of one value are one value, however they are written.
    for (one, other) in [("1.0", "1"), ("0.00", "0"), ("-2.50", "-2.5")] {
        assert_eq!(shown(&Rule::hash(key()), of(1700), one), shown(&Rule::hash(key()), of(1700), other));
    }
    let (utc, west) = ("2026-11-21 21:00:00+00", "2026-11-21 17:30:00-03:30");
    assert_eq!(shown(&Rule::hash(key()), of(1184), utc), shown(&Rule::hash(key()), of(1184), west));
}

#[test]
fn tokens_keep_classes_separators_and_length() {
    let rule = Rule::tokenize(key());
    let class = |text: &str| -> String {
        let class = |c: char| match c {
            '0'..='9' => '9',
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            c => c,
        };
        text.chars().map(class).collect()
    };
    let long = "Somebody with a rather long name, of 3 parts, and more than 24 letters".repeat(3);
    for value in ["123-45-6789", "4111 1111 1111 1111", "alice@example.com", "AB12cd", "x", "", "--", &long] {
        let token = shown(&rule, of(25), value);
        assert_eq!(class(&token), class(value));
        assert!(token != value || !value.contains(char::is_alphanumeric), "{value}");
        assert_eq!(token, shown(&rule, VARCHAR_5, value).clone() + token.get(5..).unwrap_or_default());
    }
    // What parts the digits does not matter.
    let digits = |text: String| text.replace(['-', ' '], "");
    assert_eq!(digits(shown(&rule, of(25), "123-45-6789")), shown(&rule, of(25), "123456789"));
    // Other letters become ASCII ones, as many.
    let token = shown(&rule, of(25), "Müller 日本");
    assert_eq!((class(&token).as_str(), token.len()), ("Aaaaaa aa", 9));
    let whole = shown(&rule, of(1700), "1234567.00");
    assert_eq!(whole, format!("{}.00", shown(&rule, of(20), "1234567")), "a join of numeric and bigint");
    assert_eq!(shown(&rule, of(23), "1234567"), shown(&rule, of(20), "1234567"));
    assert_eq!(shown(&rule, of(1700), "12.50"), format!("{}0", shown(&rule, of(1700), "12.5")));
}

/// What stands in other systems already must go on standing for the same. Another program's FF1, with numbers of any size,
/// came to these.
#[test]
fn tokens_stay_what_they_are() {
    let rule = Rule::tokenize(Arc::new(Key::new(b"0123456789abcdef0123456789abcdef")));
    for (value, token) in [
        ("41111111-0000-1234", "08277157-3179-1750"),
        ("cccccccccccccccc12345", "avrosijnfdczpqru82624"),
        ("customer12345@example.com", "vfzmdsbr67591@tvnqpms.ulz"),
        ("ABCdef012345678", "NSBdda140540767"),
        (
            "a long text of 60 characters, which is enciphered in parts!",
            "z noax wctl oh 11 phqhoiprbd, cjaau lk gyeijfwptx sd cwwnf!",
        ),
        ("12", "81"),
        ("Zoë", "Jvm"),
    ] {
        assert_eq!(shown(&rule, of(25), value), token);
    }
    for (value, token) in [
        ("0", "519230"),
        ("999999", "777323"),
        ("12345678", "11787591"),
        ("-5", "-214614"),
        ("9223372036854775807", "5870117166374684856"),
        ("-9223372036854775808", "-5870117166374684857"),
    ] {
        assert_eq!(shown(&rule, of(20), value), token);
    }
}

#[test]
fn partial_counts_characters_and_shows_no_short_value() {
    let partial = |first, last, with| Rule::partial(first, last, with).unwrap();
    let text = |rule: &Rule, value| shown(rule, of(25), value);
    assert_eq!(text(&partial(None, Some(4), None), "4111111111111111"), "************1111");
    assert_eq!(text(&partial(Some(2), Some(1), Some("#")), "äöüß日本"), "äö###本");
    assert_eq!(text(&partial(Some(2), Some(2), None), "abcd"), "****");
    assert_eq!(text(&partial(Some(2), Some(2), None), "abcde"), "ab*de");
    assert_eq!(text(&partial(None, None, Some("")), "abc"), "");
    assert_eq!(text(&partial(Some(u32::MAX), Some(u32::MAX), Some("xy")), "ab"), "xyxy");
    assert_eq!(shown(&partial(Some(1), Some(1), Some("**")), VARCHAR_5, "abcde"), "a****");
    assert_eq!(shown(&partial(None, Some(2), None), CHAR_12, "abcd        "), "**cd        ");
    assert!(Rule::partial(None, None, Some("12345678901234567")).is_err());
    assert!(Rule::partial(None, None, Some("\0")).is_err());
}

#[test]
fn an_address_keeps_three_things() {
    let email = |value| shown(&Rule::email(), of(25), value);
    for (value, masked) in [
        ("alice@example.com", "a***@e***.com"),
        ("x@localhost", "x***@l***"),
        ("a@b@c.org", "a***@c***.org"),
        ("a@b.123-45-6789", "a***@b***"),
        ("é@ü.de", "é***@ü***.de"),
        ("nobody", "******"),
        ("@example.com", "************"),
        ("alice@", "******"),
        ("", ""),
    ] {
        assert_eq!(email(value), masked);
    }
    assert_eq!(shown(&Rule::email(), VARCHAR_5, "a@b.c"), "a***@");
}

#[test]
fn replacements_are_values_of_the_type_or_refused() {
    let replaced = |kind, value| {
        let mut out = BytesMut::new();
        let column = Column::new(&Rule::replace(value), kind, 0, "c").map_err(|error| error.to_string())?;
        assert_eq!(column.mask(None, &mut out), Masked::Value);
        Ok::<_, String>(String::from_utf8(out.to_vec()).unwrap())
    };
    let numeric = ColumnType { oid: 1700, modifier: ((5 << 16) | 2) + 4 };
    for (kind, value, text) in [
        (of(25), json!("***"), "***"),
        (VARCHAR_5, json!("too long"), "too l"),
        (CHAR_12, json!("a"), "a           "),
        (of(23), json!(5), "5"),
        (of(16), json!(true), "t"),
        (numeric, json!("1.239"), "1.23"),
        (numeric, json!(7), "7.00"),
        (of(1082), json!("2000-02-29"), "2000-02-29"),
        (of(1184), json!("2000-01-01T00:00:00Z"), "2000-01-01 00:00:00+00"),
        (of(650), json!("10.1.2.3/8"), "10.0.0.0/8"),
        (of(3802), json!({"a": [1, "b"]}), r#"{"a":[1,"b"]}"#),
        (of(1007), json!([1, null, 3]), "{1,NULL,3}"),
        (of(1009), json!(["a\"b", "null"]), r#"{"a\"b","null"}"#),
    ] {
        assert_eq!(replaced(kind, value), Ok(text.to_owned()));
    }
    for (kind, value) in [
        (of(23), json!("x")),
        (of(21), json!(40_000)),
        (numeric, json!(1234)),
        (of(1082), json!("2000-02-30")),
        (of(16), json!("yes")),
        (of(25), json!("a\u{0}")),
        (of(25), json!(["a"])),
        (of(3802), json!("\u{0}")),
        (of(600), json!("(1,2)")),
    ] {
        assert!(replaced(kind, value.clone()).is_err(), "{kind:?} {value}");
    }
    assert_eq!(
        cell(&Rule::replace(json!([1])), of(1007), 1, b"").1,
        b"\0\0\0\x01\0\0\0\0\0\0\0\x17\0\0\0\x01\0\0\0\x01\0\0\0\x04\0\0\0\x01"
    );
}

#[test]
fn json_is_masked_by_path_or_whole_and_the_rest_stays_to_the_byte() {
    let value = r#"{ "name": "Ann", "mails": [{"to": "a@b.co", "n": 1.50}, {"to": null}], "n": 12345678901234567890, "ok": true }"#;
    let within = |rule: Rule, paths: &[&str]| shown(&rule.within(paths).unwrap(), of(114), value);
    assert_eq!(within(Rule::email(), &["/mails/*/to"]), value.replace("a@b.co", "a***@b***.co"));
    assert_eq!(
        within(Rule::redact(), &["/mails", "/n"]),
        value.replace("a@b.co", "******").replace("1.50", "0").replace("12345678901234567890", "0")
    );
    assert_eq!(
        within(Rule::null(), &["/mails"]),
        value.replace(r#"[{"to": "a@b.co", "n": 1.50}, {"to": null}]"#, "null")
    );
    assert_eq!(within(Rule::replace(json!({"a": 1})), &["/mails/1"]), value.replace(r#"{"to": null}"#, r#"{"a":1}"#));
    assert_eq!(within(Rule::redact(), &["/gone", "/name/x"]), value);
    assert_eq!(shown(&Rule::detect(), of(114), value), value.replace("a@b.co", "******"));
    assert_eq!(shown(&Rule::redact(), of(3802), value), "\"***\"");
    assert_eq!(shown(&Rule::hash(key()), of(3802), "{}").len(), 66);
    let token = shown(&Rule::tokenize(key()), of(3802), r#"{"a": "123-45-6789", "b": [1234567, true, null, 1.5]}"#);
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    assert_eq!(token["b"][0].to_string(), shown(&Rule::tokenize(key()), of(20), "1234567"));
    assert_eq!(token["b"].as_array().unwrap()[1..], [json!(false), json!(null), json!(0)]);
    let (_, binary) = cell(&Rule::detect(), of(3802), 1, b"\x01\"a@b.co\"");
    assert_eq!(binary, b"\x01\"******\"");
    for wrong in ["", "{", "[1,]", "[1 2]", "{\"a\" 1}", "nul", "\"a", "{} {}", "x", "{1:2}", "\"\\u12\""] {
        let (masked, out) = cell(&Rule::detect(), of(114), 0, wrong.as_bytes());
        assert_eq!((masked, out.as_slice()), (Masked::Blank, &b"\"***\""[..]), "{wrong}");
    }
    assert_eq!(cell(&Rule::detect(), of(3802), 1, b"\x02{}").0, Masked::Blank);
    let deep = "[".repeat(1_000_000);
    assert_eq!(cell(&Rule::detect(), of(114), 0, deep.as_bytes()).0, Masked::Blank);
    assert!(Column::new(&Rule::email(), of(3802), 0, "c").is_err());
    assert!(Column::new(&Rule::email().within(&["/a"]).unwrap(), of(25), 0, "c").is_err());
    assert!(Rule::email().within(&["a"]).is_err());
}

#[test]
fn a_number_that_looks_like_a_card_is_found_in_every_type_and_any_spelling() {
    let detect = Rule::detect();
    for (oid, card, zero) in [
        (20, "4111111111111111", "0"),
        (20, "-5555555555554444", "0"),
        (1700, "4111111111111111", "0"),
        (1700, "4111111111111111.000", "0"),
        (1700, "-4111111111111111", "0"),
        (701, "4.111111111111111e+15", "0"),
        (701, "4111111111111111", "0"),
        (1016, "{1,4111111111111111,NULL}", "{1,0,NULL}"),
        (3802, r#"{"card": 4111111111111111, "n": 7}"#, r#"{"card": 0, "n": 7}"#),
        (114, r#"[4111111111111111.0, 4.111111111111111e15, -4111111111111111, 41111e2]"#, "[0, 0, 0, 41111e2]"),
    ] {
        assert_eq!(shown(&detect, of(oid), card), zero, "{oid}");
    }
    let money = ColumnType { oid: 1700, modifier: ((20 << 16) | 2) + 4 };
    assert_eq!(shown(&detect, money, "4111111111111111.00"), "0.00");
    for (oid, value) in
        [(20, "4111111111111112"), (21, "17"), (23, "2147483647"), (1700, "0.10"), (701, "1e+300"), (700, "-0")]
    {
        assert_eq!(shown(&detect, of(oid), value), value, "{oid}: to the byte");
    }
    let (_, out) = cell(&detect, of(20), 1, &4_111_111_111_111_111_i64.to_be_bytes());
    assert_eq!(out, [0; 8]);
    let (_, out) = cell(&detect, of(20), 1, &7_i64.to_be_bytes());
    assert_eq!(out, 7_i64.to_be_bytes());
    let (masked, out) = cell(&detect, of(1700), 0, b"NaN");
    assert_eq!((masked, out.as_slice()), (Masked::Blank, &b"0"[..]), "what cannot be read says nothing");
}

proptest! {
    #[test]
    fn nothing_below_a_path_comes_back(
        which in 0..7_usize, before in "[a-z]{0,3}", inside in "[A-Z]{9,12}", names in proptest::collection::vec("[a-c]{1,2}", 1..4),
        array: bool, escape: bool, versioned: bool,
    ) {
        // A canary at the end of a path, beside others and below arrays, under a name that may be written otherwise.
        let canary = format!("CANARY{inside}@example.com");
        let name = |name: &str| if escape { name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect() } else { name.to_owned() };
        let mut document = json!(canary).to_string();
        for step in names.iter().rev() {
            let inner = if array { format!("[0, {document}]") } else { document };
            document = format!("{{\"{before}0\": 1.50, \"{}\" : {inner}, \"z\": \"kept\"}}", name(step));
        }
        let steps: Vec<&str> = names.iter().flat_map(|name| [name.as_str(), "*"].into_iter().take(if array { 2 } else { 1 })).collect();
        let path = format!("/{}", steps.join("/"));
        let rule = match which {
            0 => Rule::null(),
            1 => Rule::replace(json!("***")),
            2 => Rule::redact(),
            3 => Rule::hash(key()),
            4 => Rule::tokenize(key()),
            5 => Rule::partial(Some(0), Some(0), None).unwrap(),
            _ => Rule::detect(),
        };
        let rule = rule.within(&["/nowhere", &path]).unwrap();
        let bytes = if versioned { [&[1], document.as_bytes()].concat() } else { document.clone().into_bytes() };
        let (masked, out) = cell(&rule, of(if versioned { 3802 } else { 114 }), i16::from(versioned), &bytes);
        let out = String::from_utf8(out[usize::from(versioned)..].to_vec()).unwrap();
        prop_assert_eq!(masked, Masked::Value);
        prop_assert!(!out.contains(&canary) && !out.contains(&inside), "{}", out);
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(&read["z"], "kept");
        prop_assert!(out.contains("1.50"), "what is beside it stays as it was written");
    }
}

#[test]
fn arrays_are_masked_by_element() {
    let email = Rule::email();
    assert_eq!(
        shown(&email, of(1009), r#"{a@b.co,"c d@e.org",NULL,"NULL",{x}}"#),
        "{a***@b***.co,c***@e***.org,NULL,****,{*}}"
    );
    assert_eq!(shown(&Rule::redact(), of(1007), "[0:1]={1,2}"), "[0:1]={0,0}");
    assert_eq!(shown(&email, of(1009), "{}"), "{}");
    assert_eq!(shown(&Rule::redact(), of(1001), r#"{"\\xff00"}"#), r#"{"\\x0000"}"#);
    let array = b"\0\0\0\x01\0\0\0\x01\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x02ab\xff\xff\xff\xff";
    assert_eq!(
        cell(&Rule::redact(), of(1009), 1, array).1,
        array.to_vec().iter().map(|b| if matches!(b, b'a' | b'b') { b'*' } else { *b }).collect::<Vec<_>>()
    );
    for wrong in ["", "{", "{a", "{a}}", "{\"a}", "x{}", "{a}b", "{{{{{{{a}}}}}}}"] {
        assert_eq!(cell(&email, of(1009), 0, wrong.as_bytes()), (Masked::Blank, b"{}".to_vec()), "{wrong}");
    }
    assert_eq!(cell(&email, of(1009), 1, &array[..20]).0, Masked::Blank);
    let other = b"\0\0\0\0\0\0\0\0\0\0\0\x17";
    assert_eq!(cell(&email, of(1009), 1, other), (Masked::Blank, b"\0\0\0\0\0\0\0\0\0\0\0\x19".to_vec()));
}

#[test]
fn what_does_not_go_together_is_refused() {
    let refusal = |rule: &Rule, oid| Column::new(rule, of(oid), 0, "ssn").unwrap_err().to_string();
    assert_eq!(
        refusal(&Rule::email(), 23),
        "`email` has no meaning for the type of column `ssn` (number 23): use `redact` or `null`"
    );
    assert_eq!(
        refusal(&Rule::redact(), 600),
        "column `ssn` has a type that cannot be masked with `redact` (number 600): use `null`"
    );
    assert!(Column::new(&Rule::hash(key()), of(16), 0, "b").is_err());
    assert!(Column::new(&Rule::tokenize(key()), of(701), 0, "b").is_err());
    assert!(Column::new(&Rule::detect(), of(25), 2, "b").is_err());
    let null = Column::new(&Rule::null(), of(600), 1, "point").unwrap();
    assert_eq!(null.mask(Some(b"12345678"), &mut BytesMut::new()), Masked::Null);
    assert_eq!(shown(&Rule::redact().reading_as(25), of(99_999), "happy"), "*****");
}

#[test]
fn what_is_no_value_of_its_type_says_nothing() {
    for (oid, value, blank) in [
        (23, &b"x"[..], &b"0"[..]),
        (21, b"99999", b"0"),
        (1700, b"NaN", b"0"),
        (1082, b"infinity", b"1970-01-01"),
        (1082, b"21/11/2026", b"1970-01-01"),
        (1184, b"2026-11-21 21:00:00", b"1970-01-01 00:00:00+00"),
        (2950, b"\xff", b"00000000-0000-0000-0000-000000000000"),
        (869, b"10.0.0.1/33", b"0.0.0.0"),
        (650, b"", b"0.0.0.0/32"),
        (25, b"\xffabc", b"****"),
    ] {
        assert_eq!(cell(&Rule::tokenize(key()), of(oid), 0, value), (Masked::Blank, blank.to_vec()), "{oid}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_become_a_cell_that_is_read_again(place in 0..VALUES.len(), bytes: Vec<u8>, binary: bool, which in 0..3_usize) {
        let (oid, modifier, _) = VALUES[place];
        let kind = ColumnType { oid, modifier };
        let format = i16::from(binary);
        let rule = &rules()[which];
        if let (Ok(column), Some(Kind::Scalar(scalar))) = (Column::new(rule, kind, format, "c"), Kind::of(kind)) {
            let mut out = BytesMut::new();
            prop_assert_ne!(column.mask(Some(&bytes), &mut out), Masked::Null);
            prop_assert!(plain::read(scalar, binary, &out).is_some(), "{:?}", out);
        }
    }

    #[test]
    fn any_integer_is_a_token_of_its_type_and_sign(value: i64, other: i64, narrow: i32) {
        let rule = Rule::tokenize(key());
        let token = |value: i64| shown(&rule, of(20), &value.to_string()).parse::<i64>().unwrap();
        prop_assert_eq!(token(value) < 0, value < 0);
        prop_assert_eq!(token(value) == token(other), value == other);
        let narrow_token = shown(&rule, of(23), &narrow.to_string());
        prop_assert_eq!(i64::from(narrow_token.parse::<i32>().unwrap()), token(narrow.into()));
    }

    #[test]
    fn masked_text_fits_its_column(value in "\\PC{0,20}", most in 1..12_i32, padded: bool) {
        let kind = ColumnType { oid: if padded { 1042 } else { 1043 }, modifier: most + 4 };
        for rule in [Rule::redact(), Rule::hash(key()), Rule::tokenize(key()), Rule::email(), Rule::partial(Some(1), None, Some("ab")).unwrap()] {
            let count = shown(&rule, kind, &value).chars().count();
            let most = usize::try_from(most).unwrap();
            prop_assert!(count <= most && (count == most || !padded), "{}", count);
        }
    }
}
