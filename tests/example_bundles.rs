//! The bundles that a team would start from: real OPA and sidegate's own checks must agree that they are sound.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sidegate::bundle::{Settings, inspect, load};
use sidegate::config::{BundleLocation, BundleSource};

const BUNDLES: [(&str, &str); 2] =
    [("readonly-analytics", "policies.analytics"), ("app-guardrails", "policies.guardrails")];

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

#[test]
fn opa_checks_them_and_passes_their_tests() {
    for (name, _) in BUNDLES {
        let bundle = format!("bundles/{name}");
        for arguments in [
            ["check", "--strict", "--schema", "rego/schema/input.json", "rego/sidegate", &bundle].as_slice(),
            &["test", "rego/sidegate", &bundle],
            &["fmt", "--fail", "--list", "rego", &bundle],
        ] {
            let output = Command::new("opa").args(arguments).current_dir(root()).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn sidegate_accepts_them_and_passes_their_tests() {
    for (name, package) in BUNDLES {
        let location = BundleLocation::Directory(root().join("bundles").join(name));
        let sources = vec![BundleSource { name: "main".to_owned(), location }];
        let mut settings = Settings::new(sources, "sidegate/decision".to_owned(), Duration::from_millis(50));
        settings.program = env!("CARGO_BIN_EXE_sidegate").into();
        let report = inspect(&settings).unwrap();
        assert_eq!(report.packages, [package]);
        assert!(report.tests >= 7, "{} tests", report.tests);
        let policy = load(&settings).unwrap();
        // What would have every statement evaluated anew.
        for path in [["sql", "text"], ["time", "now"], ["session", "statements"], ["sql", "parameters"]] {
            assert!(!policy.reads_any(&path), "{name} reads {path:?}");
        }
    }
}
