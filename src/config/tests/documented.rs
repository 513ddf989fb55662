//! The schema and the documentation know the keys that the program knows, and no others.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::keys::{self, Section};

const SCHEMA: &str = include_str!("../../../docs/configuration.schema.json");
const DOCUMENTATION: &str = include_str!("../../../docs/configuration.md");

/// The schema of a section, by its dotted key.
fn section<'a>(schema: &'a Value, section: &Section) -> &'a Value {
    section.path.split('.').filter(|part| !part.is_empty()).fold(schema, |schema, part| match part {
        "*" => &schema["additionalProperties"],
        part => match part.strip_suffix("[]") {
            Some(list) => &schema["properties"][list]["items"],
            None => &schema["properties"][part],
        },
    })
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for known in keys::ALL {
        let properties = section(&schema, known)["properties"].as_object();
        let properties = properties.unwrap_or_else(|| panic!("`{}` is not in the schema", known.path));
        let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        let read: BTreeSet<&str> = known.keys.iter().copied().collect();
        assert_eq!(described, read, "{}", known.path);
    }
}

#[test]
fn a_section_that_refuses_unknown_keys_says_so_in_the_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for known in keys::ALL.iter().filter(|known| known.path.starts_with("plugins.sidegate")) {
        assert_eq!(section(&schema, known)["additionalProperties"], false, "{}", known.path);
    }
}

#[test]
fn every_key_is_documented() {
    for known in keys::ALL {
        for key in known.keys {
            assert!(
                DOCUMENTATION.contains(&format!("`{key}`")),
                "`{}` `{key}` is not in the documentation",
                known.path
            );
        }
    }
}

#[test]
fn the_documented_example_is_a_configuration() {
    let example = DOCUMENTATION.split("```yaml check\n").nth(1).unwrap().split("```").next().unwrap();
    let (_, warnings) = super::Config::parse("example", example, &[], &[], &|_| None).unwrap();
    assert_eq!(warnings, []);
}
