//! The table of rows in `main.rs` says what is true.

use std::fs;
use std::path::Path;

#[test]
fn each_row_has_its_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let table = fs::read_to_string(tests.join("faults/main.rs")).expect("the table");
    let rows: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("//! | ")).skip(1).collect();
    assert!(rows.len() > 25, "{} rows", rows.len());
    for row in rows {
        let number = row.split(' ').next().expect("a number");
        assert!(number.parse::<u32>().is_ok(), "`{number}` is no row");
        let named: Vec<_> = row.split('`').filter_map(|name| name.split_once(": ")).collect();
        assert!(!named.is_empty(), "row {number} has no test");
        for (file, name) in named {
            let text = fs::read_to_string(tests.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(&format!("#[test]\nfn {name}()")), "row {number}: {file} has no `{name}`");
        }
    }
}
