//! Whatever the server answers to the question what it expects of a statement is read, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

use sidegate::forward::Told;

fuzz_target!(|rows: &[u8]| {
    if let Told::Expects { cost, .. } = Told::read(rows, None) {
        assert!(cost.is_finite() && cost >= 0.0);
    }
});
