//! Any value of any type is decoded or not, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

use sidegate::parse::{
    Encoding, Facts, Names, Prepared, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack, Values, bound,
};
use sidegate::wire::postgres::Frame;

static FACTS: LazyLock<Arc<Facts>> = LazyLock::new(|| {
    let nothing = Remembered::new();
    Reader::new(1, 0, Stack::Ordinary).unwrap().statement_blocking(
        "select $1",
        &Reading {
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            names: Names::Uncertain,
            read_only: true,
            limits: ReadingLimits::default(),
            prepared: &nothing,
            cursors: &nothing,
        },
    )
});

fuzz_target!(|input: (u16, i16, Vec<u8>)| {
    let (oid, format, bytes) = input;
    let statement = Prepared { text: "select $1".into(), facts: Arc::clone(&FACTS), types: vec![u32::from(oid)] };
    let frame = Frame::build(b'B', b"").unwrap();
    let values = Values { values: &[Some(&bytes)], formats: &[format] };
    assert_eq!(bound(frame, &statement, values).parameters().len(), 1);
});
