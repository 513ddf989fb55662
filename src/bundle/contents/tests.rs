use serde_json::json;

use super::*;

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.to_owned(), text: text.to_owned() }
}

fn problems(files: Vec<TextFile>) -> String {
    take_apart(files).unwrap_err().join("; ")
}

#[test]
fn documents_are_mounted_where_their_directories_say() {
    let files =
        vec![file("data.json", r#"{"a":{"x":1}}"#), file("a/b/data.json", "[1]"), file("a/p.rego", "package a")];
    let contents = take_apart(files).unwrap();
    assert_eq!(contents.data, json!({"a": {"x": 1, "b": [1]}}));
    assert_eq!(contents.modules.len(), 1);
    assert_eq!(contents.roots, [Vec::<String>::new()]);
}

#[test]
fn two_values_in_one_place_are_refused() {
    let text = problems(vec![file("data.json", r#"{"a":{"b":1}}"#), file("a/data.json", r#"{"b":2}"#)]);
    assert!(text.contains("data.a.b stands in two files"), "{text}");
}

#[test]
fn the_manifests_revision_is_used_and_a_digest_without_one() {
    let with = take_apart(vec![file(".manifest", r#"{"revision":"r41","metadata":{"any":1}}"#)]).unwrap();
    assert_eq!(with.revision, "r41");
    let one = take_apart(vec![file("a.rego", "package a")]).unwrap().revision;
    let other = take_apart(vec![file("a.rego", "package b")]).unwrap().revision;
    assert_eq!(one.len(), 12);
    assert_ne!(one, other);
}

#[test]
fn data_outside_the_roots_is_refused() {
    let manifest = file(".manifest", r#"{"roots":["/a/b/","c"]}"#);
    assert!(take_apart(vec![manifest.clone(), file("data.json", r#"{"a":{"b":1},"c":{}}"#)]).is_ok());
    let text = problems(vec![manifest, file("data.json", r#"{"a":{"b":1,"z":1},"d":2}"#)]);
    assert!(text.contains("data.a.z is outside") && text.contains("data.d is outside"), "{text}");
}

#[test]
fn an_empty_list_of_roots_owns_nothing() {
    assert!(take_apart(vec![file(".manifest", r#"{"roots":[]}"#), file("data.json", r#"{"a":1}"#)]).is_err());
}

#[test]
fn roots_that_overlap_are_refused_by_segments() {
    let text = problems(vec![file(".manifest", r#"{"roots":["a","a/b"]}"#)]);
    assert!(text.contains("manifest has overlapped roots: 'a' and 'a/b'"), "{text}");
    assert!(take_apart(vec![file(".manifest", r#"{"roots":["a/b","a/bc"]}"#)]).is_ok());
}

#[test]
fn what_cannot_be_honoured_is_refused_with_the_way_out() {
    for (path, text, advice) in [
        ("data.yaml", "a: 1", "data.json"),
        (".signatures.json", "{}", "unsigned"),
        (".manifest.pb", "", ".manifest"),
        ("patch.json", "{}", "whole bundle"),
        (".manifest", r#"{"rego_version":0}"#, "opa fmt"),
        (".manifest", r#"{"file_rego_versions":{"/a.rego":0}}"#, "opa fmt"),
        (".manifest", r#"{"wasm":[{"entrypoint":"a"}]}"#, "remove"),
        (".manifest", r#"{"roots":"a"}"#, "not a bundle manifest"),
        ("data.json", "[]", "must be an object"),
        ("data.json", r#"{"a":1,"a":2}"#, "given twice"),
    ] {
        let said = problems(vec![file(path, text)]);
        assert!(said.contains(advice), "{path}: {said}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let found = take_apart(vec![file("data.yaml", ""), file("patch.json", ""), file(".manifest", "x")]).unwrap_err();
    assert_eq!(found.len(), 3);
}
