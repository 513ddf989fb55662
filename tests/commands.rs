//! What the program says and how it ends, driven from outside.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const CONFIG: &str = "\
bundles: {main: {resource: file:///does/not/exist}}
services: {control: {url: https://policy.example.com}}
plugins:
  sidegate:
    drain: 1s
    listeners:
      - name: db
        protocol: postgres
        address: 127.0.0.1:0
        identify: [{anonymous: {}}]
        upstream: {address: 127.0.0.1:5432, credential: {user: app}}
";

fn sidegate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    sidegate(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn config(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn a_wrong_command_line_is_one_line_and_exit_2() {
    for arguments in [&[][..], &["bogus"], &["run"], &["check", "-c"], &["run", "-c", "x", "--log-level", "loud"]] {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(said.starts_with("sidegate: ") && said.contains("see sidegate --help"), "{said}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for flag in ["--help", "--version"] {
        let output = output(&[flag]);
        assert!(output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty(), "{flag}");
    }
}

#[test]
fn check_says_every_problem_and_exits_with_1() {
    let (_directory, path) = config(&CONFIG.replace("drain: 1s", "drian: 1s").replace("port", "prt"));
    let output = output(&["check", "-c", &path, "--set", "plugins.sidegate.deadline=soon"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains(&format!("{path}:5: plugins.sidegate.drian: unknown key, did you mean `drain`?")), "{said}");
    assert!(said.contains("--set: plugins.sidegate.deadline: must be a duration"), "{said}");
}

#[test]
fn check_in_json_is_one_document() {
    let (_directory, path) = config(&CONFIG.replace("drain: 1s", "drian: 1s"));
    let output = output(&["check", "-c", &path, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["problems"][0]["key"], "plugins.sidegate.drian");
}

#[test]
fn a_configuration_that_cannot_be_read_or_run_is_exit_2() {
    let (_directory, path) = config("plugins: {sidegate: {listeners: 5}}");
    for arguments in
        [["check", "-c", "/does/not/exist.yaml"], ["run", "-c", "/does/not/exist.yaml"], ["run", "-c", &path]]
    {
        let output = output(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
}

/// Starts the sidecar and reads its log up to the line that says it started.
fn started(path: &str, state: &str) -> (Child, String, impl BufRead + use<>) {
    let state = format!("plugins.sidegate.state_directory={state}");
    let mut command = sidegate(&["run", "-c", path, "--addr", "127.0.0.1:0", "--set", &state]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("\"message\":\"started\"") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended: {said}");
    }
    (child, said, stderr)
}

#[test]
fn a_signal_ends_the_sidecar_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let (directory, path) = config(CONFIG);
        let (mut child, said, _stderr) = started(&path, directory.path().join("state").to_str().unwrap());
        assert!(said.contains("services: accepted, but this version does nothing with it"), "{said}");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal:?}");
    }
}
