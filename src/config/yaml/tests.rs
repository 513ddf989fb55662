use proptest::prelude::*;

use super::super::node::{At, Kind, Plain};
use super::*;

fn parse(text: &str) -> Result<Node, Vec<Unreadable>> {
    read(&Source::substitute(text, &|_| None))
}

fn entry<'a>(node: &'a Node, key: &str) -> &'a Entry {
    match &node.kind {
        Kind::Map(entries) => entries.iter().find(|entry| entry.key == key).unwrap(),
        Kind::List(_) | Kind::Scalar(_) => panic!("no mapping"),
    }
}

#[test]
fn every_value_knows_its_line() {
    let node = parse("a: 1\nb:\n  c: [x, y]\n  d: {e: f}\n").unwrap();
    assert_eq!(entry(&node, "a").value.at, At::Line(1));
    assert_eq!(entry(&entry(&node, "b").value, "c").at, At::Line(3));
    assert_eq!(entry(&entry(&entry(&node, "b").value, "d").value, "e").at, At::Line(4));
}

#[test]
fn json_with_tabs_is_read_too() {
    let node = parse("{\n\t\"labels\": {\n\t\t\"app\": \"x\"\n\t},\n\t\"n\": 5\n}\n").unwrap();
    assert_eq!(entry(&entry(&node, "labels").value, "app").at, At::Line(3));
}

#[test]
fn every_duplicate_key_is_named() {
    let problems = parse("a: 1\na: 2\nb: {c: 1, c: 2}\n").unwrap_err();
    let texts: Vec<_> = problems.iter().map(|problem| (problem.line, problem.text.as_str())).collect();
    assert_eq!(texts, [(2, "`a` is there twice: keep one"), (3, "`c` is there twice: keep one")]);
}

#[test]
fn a_merge_key_fills_in_what_is_missing() {
    let node = parse("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n").unwrap();
    let Kind::Scalar(y) = &entry(&entry(&node, "use").value, "y").value.kind else { panic!("no scalar") };
    assert_eq!(y.text, "3");
    assert_eq!(entry(&entry(&node, "use").value, "x").at, At::Line(1));
}

#[test]
fn a_bomb_of_anchors_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 10].join(", ")));
    }
    assert!(parse(&text).unwrap_err()[0].text.starts_with("more than 50000 values"));
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn an_alias_of_itself_a_tag_and_a_second_document_are_refused() {
    for (text, want) in [
        ("a: &a [*a]\n", "an alias inside the value it names"),
        ("a: !thing x\n", "YAML tags are not used here: leave it out"),
        ("a: 1\n---\nb: 2\n", "a second document: one file holds one configuration"),
        ("[a]: 1\n", "a key must be text"),
    ] {
        assert_eq!(parse(text).unwrap_err()[0].text, want, "{text}");
    }
}

#[test]
fn plain_values_are_typed_as_opa_types_them() {
    for (text, want) in [
        ("yes", Plain::Bool(true)),
        ("off", Plain::Bool(false)),
        ("~", Plain::Null),
        ("-1.5e3", Plain::Number),
        ("1.2.3", Plain::Text),
        ("nan", Plain::Text),
        ("50ms", Plain::Text),
    ] {
        let scalar = Scalar { text: text.to_owned(), quoted: false, hidden: false };
        assert_eq!(scalar.plain(), want, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a-c:{}\\[\\],&*!|>'\"\\- \n\t#~]{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn json_is_read_as_it_was_written(keys in proptest::collection::btree_map("[a-z]{1,6}", "[ -~]{0,12}", 0..6)) {
        let node = parse(&serde_json::to_string_pretty(&keys).unwrap()).unwrap();
        for (key, value) in &keys {
            let Kind::Scalar(scalar) = &entry(&node, key).value.kind else { panic!("no scalar") };
            prop_assert_eq!(&scalar.text, value);
        }
    }
}
