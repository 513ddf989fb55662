//! What a stranger sees first.

use std::process::{Command, Stdio};

use crate::harness::{binary, said};

#[test]
fn without_a_terminal_the_demo_shows_both_answers_and_ends_with_0() {
    let output = Command::new(binary()).args(["demo", "--port", "0"]).stdin(Stdio::null()).output().expect("it runs");
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in [
        "Ada Lovelace    | London",
        "\"outcome\":\"forwarded\"",
        "ERROR:  denied by policy: analytics is read-only: ask the data team for changes",
        "\"outcome\":\"denied\"",
        "PostgreSQL has its 5 customers still",
        "psql -h 127.0.0.1 -p ",
        "/bundle/policies/analytics/policy.rego",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
