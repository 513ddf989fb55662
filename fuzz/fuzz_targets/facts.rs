//! Any bytes are read or refused, never a panic; a shape that is read again is its own shape.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sidegate::parse::{Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};

static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(1, 0, Stack::Ordinary).unwrap());

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let nothing = Remembered::new();
    for quoting in [Quoting::Standard, Quoting::Backslash] {
        let reading = Reading {
            quoting,
            encoding: Encoding::Safe,
            names: Names::Certain { schema: "public".into() },
            read_only: true,
            limits: ReadingLimits::default(),
            prepared: &nothing,
            cursors: &nothing,
        };
        let facts = READER.statement_blocking(text, &reading);
        if let Some(unparsed) = &facts.unparsed {
            assert!(!unparsed.reason.contains("defect"));
            continue;
        }
        let again = READER.statement_blocking(&facts.normalized, &reading);
        assert!(again.unparsed.is_some() || again.normalized == facts.normalized);
    }
});
