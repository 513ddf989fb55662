//! The released binary needs nothing of the system it runs on. `make test` builds it and names it in SIDEGATE_BINARY.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CONFIG: &str = "\
bundles: {main: {resource: file:///policy}}
plugins:
  sidegate:
    listeners:
      - name: db
        protocol: postgres
        address: 127.0.0.1:6432
        identify: [{anonymous: {}}]
        upstream: {address: 127.0.0.1:5432, credential: {user: app}}
";
const MANIFEST: &str = r#"{"revision": "r1", "roots": ["policies/p"]}"#;
const POLICY: &str = "package policies.p\n\nallow contains \"reads\" if input.sql.effects == [\"read\"]\n";

fn binary() -> PathBuf {
    let path = std::env::var_os("SIDEGATE_BINARY").expect("SIDEGATE_BINARY names no binary: run this by `make test`");
    PathBuf::from(path)
}

/// A directory that holds the binary, a configuration and a policy, and nothing of the system.
fn empty_root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::copy(binary(), root.path().join("sidegate")).unwrap();
    fs::write(root.path().join("sidegate.yaml"), CONFIG).unwrap();
    fs::create_dir(root.path().join("policy")).unwrap();
    fs::write(root.path().join("policy/.manifest"), MANIFEST).unwrap();
    fs::write(root.path().join("policy/p.rego"), POLICY).unwrap();
    root
}

/// Runs the binary with that directory as its whole file system.
fn within(root: &Path, arguments: &[&str]) -> Output {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("chroot")
    } else {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "chroot"]);
        command
    };
    command.arg(root).arg("/sidegate").args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
#[ignore = "needs the released binary: run by `make test`"]
fn the_binary_is_linked_to_nothing() {
    let output = Command::new("ldd").arg(binary()).output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("statically linked") || said.contains("not a dynamic executable"), "{said}");
}

#[test]
#[ignore = "needs the released binary: run by `make test`"]
fn it_runs_where_there_is_nothing_else() {
    let root = empty_root();
    let version = within(root.path(), &["--version"]);
    assert_eq!(text(&version.stdout), format!("sidegate {}\n", env!("CARGO_PKG_VERSION")), "{version:?}");
    let check = within(root.path(), &["check", "-c", "/sidegate.yaml"]);
    assert!(check.status.success(), "{check:?}");
}
