//! The shipped library's own tests, in the engine that serves it.

use crate::bundle::Policy;

const LIBRARY: &str = include_str!("../../../rego/sidegate/sql.rego");
const TESTS: &str = include_str!("../../../rego/sidegate/sql_test.rego");

#[test]
fn the_library_passes_its_tests_in_this_engine() {
    let mut engine = Policy::stub(&[LIBRARY, TESTS], &[], 1).engine();
    let names: Vec<_> = TESTS.lines().filter_map(|line| line.split(' ').next()?.strip_prefix("test_")).collect();
    assert!(names.len() >= 14);
    for name in names {
        let value = engine.eval_rule(format!("data.sidegate.sql_test.test_{name}"));
        assert_eq!(value.map_err(|error| error.to_string()), Ok(regorus::Value::from(true)), "{name}");
    }
}
