//! What is said of a defect: where it is, never what it said. A message may quote a statement, or a secret.

use std::panic::{self, PanicHookInfo};

/// From now on panics are log lines.
pub fn log_panics() {
    panic::set_hook(Box::new(report));
}

fn report(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    tracing::error!(%location, thread = thread.name().unwrap_or_default(), "a defect: please report it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{LogFormat, LogLevel, init};

    const CHILD: &str = "SIDEGATE_TEST_PANIC_CHILD";

    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        if std::env::var_os(CHILD).is_some() {
            let log = init(LogFormat::Json, LogLevel::Error, None).unwrap();
            log_panics();
            let panicked = panic::catch_unwind(|| assert!(std::env::var_os(CHILD).is_none(), "a secret password"));
            assert!(panicked.is_err());
            return drop(log);
        }
        let name = "telemetry::panics::tests::a_panic_is_told_by_its_place_alone";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let output = again.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        assert!(said.contains("src/telemetry/panics.rs:") && said.contains("a defect"), "{said}");
        assert!(!said.contains("secret password"), "{said}");
    }
}
