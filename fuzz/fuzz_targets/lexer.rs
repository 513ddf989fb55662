//! Our cut against sqlparser's: whatever stands inside quotes or a comment is data for both, so it adds
//! no relation, no function and no statement, and comes out as it went in.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sidegate::parse::{Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};

static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(1, 0, Stack::Ordinary).unwrap());

/// The text as a constant, name or comment, and the value that it must then have.
fn quoted(kind: u8, text: &str) -> (String, Option<String>) {
    let value = Some(text.to_owned());
    match kind % 9 {
        0 => (format!("'{}'", text.replace('\'', "''")), value),
        1 => (format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")), value),
        2 if !text.contains("$q$") && !text.ends_with("$q") => (format!("$q${text}$q$"), value),
        3 => (format!("0 as \"n{}\"", text.replace('"', "\"\"")), None),
        6 => (format!("U&'{}'", text.replace('\\', "\\\\").replace('\'', "''")), value),
        7 => (format!("U&'{}' uescape '!'", text.replace('!', "!!").replace('\'', "''")), value),
        8 => (format!("'' -- '\n'{}'", text.replace('\'', "''")), value),
        4 => (format!("0 -- {}\n", text.replace(['\n', '\r'], " ")), None),
        _ => (format!("0 /* {} */", text.replace("*/", "").replace("/*", "").replace(['/', '*'], "")), None),
    }
}

fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    let (inside, value) = quoted(kind, text);
    let nothing = Remembered::new();
    let reading = Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: "public".into() },
        read_only: true,
        limits: ReadingLimits::default(),
        prepared: &nothing,
        cursors: &nothing,
    };
    let text = format!("select {inside} , a from orders where a = 'end'");
    let facts = READER.statement_blocking(&text, &reading);
    if facts.unparsed.is_some() {
        return;
    }
    let relations: Vec<&str> = facts.relations.iter().map(|relation| relation.id.as_str()).collect();
    assert_eq!(relations, ["public.orders"]);
    assert_eq!((facts.statements.len(), facts.functions.len(), facts.effects.len()), (1, 0, 1));
    let literals = sidegate::parse::literals(&text, &facts);
    let values: Vec<_> = literals.iter().filter_map(|literal| literal.value.as_str()).collect();
    assert_eq!(values.last(), Some(&"end"));
    if let Some(value) = value {
        assert_eq!(values, [value.as_str(), "end"]);
    }
});
