//! What the program says and how it ends, driven from outside.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
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
    for (arguments, missing) in [
        (&["run"][..], "not provided: --config-file <PATH>;"),
        (&["explain", "-c", "x"], "not provided: --as <SUBJECT>, <SQL>;"),
        (&["explain", "-c", "x", "--as", "alice"], "not provided: <SQL>;"),
        (&["audit", "tail"], "not provided: --config-file <PATH>;"),
    ] {
        let said = text(&output(arguments).stderr);
        assert!(said.contains(missing), "{arguments:?}: {said}");
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

    // Those of bundles, too, where the file itself is wrong elsewhere.
    let (_directory, path) = config(&CONFIG.replace("drain: 1s", "drian: 1s"));
    let said = text(&self::output(&["check", "-c", &path]).stdout);
    assert!(said.contains(&format!("{path}:5: plugins.sidegate.drian: unknown key")), "{said}");
    assert!(said.contains(&format!("{path}:1: bundles.main: cannot read `/does/not/exist/`")), "{said}");
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
    for arguments in [
        ["check", "-c", "/does/not/exist.yaml"],
        ["check", "-c", "/"],
        ["run", "-c", "/does/not/exist.yaml"],
        ["run", "-c", &path],
    ] {
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

/// The first line of an answer to a GET.
fn status(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn diagnostics_answer_on_an_address_of_their_own() {
    let (directory, path) = config(CONFIG);
    let state = format!("plugins.sidegate.state_directory={}", directory.path().join("state").display());
    let run = ["run", "-c", &path, "--addr", "localhost:0", "--set", &state];
    let mut command = sidegate(&[&run[..], &["--diagnostic-addr", "localhost:0"]].concat());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.contains("\"message\":\"diagnostics\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap();
    for path in ["/health", "/metrics"] {
        assert!(status(address, path).starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(status(address, "/v1/data").starts_with("HTTP/1.1 404"));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let odd = output(&[&run[..], &["--diagnostic-addr", "here"]].concat());
    assert_eq!(odd.status.code(), Some(2));
    assert!(text(&odd.stderr).contains("--diagnostic-addr: must be an IP address and a port"), "{odd:?}");
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

#[test]
fn a_sidecar_that_cannot_know_whom_to_trust_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, "no certificate").unwrap();
    for (path, problem) in
        [(ca.as_path(), "has no certificate in PEM"), (std::path::Path::new("/nowhere/ca"), "/nowhere/ca")]
    {
        let tls = format!("tls: {{mode: verify-full, ca: {}}}, credential", path.display());
        let (_directory, path) = config(&CONFIG.replace("credential", &tls));
        let state = format!("plugins.sidegate.state_directory={}", directory.path().join("state").display());
        let ended = output(&["run", "-c", &path, "--addr", "127.0.0.1:0", "--set", &state]);
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains("upstream.tls.ca") && said.contains(problem), "{said}");
        let checked = output(&["check", "-c", &path]);
        let said = text(&checked.stdout);
        assert_eq!(checked.status.code(), Some(1), "{said}");
        assert!(said.contains("plugins.sidegate.listeners[0].upstream.tls: ") && said.contains(problem), "{said}");
    }
}

#[test]
fn files_that_callers_are_recognised_by_are_checked_and_pipes_are_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name).display().to_string();
    assert!(Command::new("mkfifo").arg(place("pipe")).status().unwrap().success());
    std::fs::write(place("big"), "x".repeat(17 << 20)).unwrap();
    std::fs::write(place("empty"), "{\"keys\": []}").unwrap();
    std::fs::write(place("users"), "alice:md5abc\n").unwrap();
    let issuer = |more: &str| {
        format!(
            "{{jwt: {{issuer: corp}}}}]\n        #issuers: {{name: corp, issuer: \"https://idp.example.com\", audience: a, {more}}}"
        )
    };
    let jwks = |name: &str| issuer(&format!("jwks: {{file: {}}}", place(name)));
    let ca = |name: &str| issuer(&format!("ca: {}", place(name)));
    let users = |name: &str| format!("{{scram: {{users: {}}}}}]", place(name));
    for (row, key, problem) in [
        (users("pipe"), "listeners[0].identify[0].scram.users", "it is not a regular file"),
        (users("none"), "listeners[0].identify[0].scram.users", "No such file"),
        (users("big"), "listeners[0].identify[0].scram.users", "it is larger than 16777216 bytes"),
        (users("users"), "listeners[0].identify[0].scram.users", "users:1: this is no verifier"),
        (jwks("pipe"), "issuers[0].jwks.file", "it is not a regular file"),
        (jwks("none"), "issuers[0].jwks.file", "No such file"),
        (jwks("big"), "issuers[0].jwks.file", "it is larger than 1048576 bytes"),
        (jwks("empty"), "issuers[0].jwks.file", "no key that could verify a token"),
        (ca("pipe"), "issuers[0].ca", "it is not a regular file"),
        (ca("big"), "issuers[0].ca", "it is larger than 1048576 bytes"),
        (ca("empty"), "issuers[0].ca", "it has no certificate"),
    ] {
        let (identify, issuers) = row.split_once("\n        #issuers: ").unwrap_or((&row, ""));
        let mut yaml = CONFIG.replace("[{anonymous: {}}]", &format!("[{identify}"));
        if !issuers.is_empty() {
            yaml = yaml.replace("    listeners:", &format!("    issuers: [{issuers}]\n    listeners:"));
        }
        let (_directory, path) = config(&yaml);
        let checked = output(&["check", "-c", &path]);
        let said = text(&checked.stdout);
        assert_eq!(checked.status.code(), Some(1), "{key}: {said}");
        let line = said.lines().find(|line| line.contains(key)).unwrap_or_default();
        assert!(line.contains(problem), "{key}: {said}");
        let state = format!("plugins.sidegate.state_directory={}", place("state"));
        let ended = output(&["run", "-c", &path, "--addr", "127.0.0.1:0", "--set", &state]);
        assert_eq!(ended.status.code(), Some(2), "{key}: {}", text(&ended.stderr));
        assert!(text(&ended.stderr).contains(problem), "{key}: {}", text(&ended.stderr));
    }
}

#[test]
fn a_system_that_trusts_nobody_needs_a_ca() {
    let (_directory, path) = with_policy("package policies.shop\n");
    let text_of = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text_of.replace("127.0.0.1:5432", "db.example.com:5432")).unwrap();
    let mut command = sidegate(&["check", "-c", &path]);
    command.env("SSL_CERT_FILE", "/nowhere/certificates").env("SSL_CERT_DIR", "/nowhere");
    let checked = command.output().unwrap();
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("this system has no trusted certificates: name some as upstream.tls.ca"), "{said}");
}

const POLICY: &str = "package policies.shop\n\nimport data.sidegate.sql\n\n\
    allow contains \"reads\" if sql.reads_only\n\n\
    deny contains \"payroll is nobody's business\" if sql.touches({\"public.payroll\"})\n";

/// A configuration with a policy, and its directory.
fn with_policy(rego: &str) -> (tempfile::TempDir, String) {
    let (directory, path) = config("");
    let bundle = directory.path().join("policy");
    std::fs::create_dir(&bundle).unwrap();
    std::fs::write(bundle.join("shop.rego"), rego).unwrap();
    let state = format!("    state_directory: {}\n", directory.path().join("state").display());
    let text = CONFIG.replace("/does/not/exist", bundle.to_str().unwrap());
    std::fs::write(&path, text.replace("    drain: 1s\n", &format!("    drain: 1s\n{state}"))).unwrap();
    (directory, path)
}

fn explain(path: &str, more: &[&str], statement: &str) -> Output {
    output(&[&["explain", "-c", path, "--as", "alice"], more, &[statement]].concat())
}

#[test]
fn explain_shows_the_facts_the_decision_and_every_rule() {
    let (_directory, path) = with_policy(POLICY);
    let allowed = explain(&path, &[], "select total from orders where id = 7");
    assert_eq!(allowed.status.code(), Some(0), "{allowed:?}");
    let said = text(&allowed.stdout);
    for part in
        ["effects: [\"read\"]", "\"id\":\"public.orders\"", "decision: allowed", "policies.shop allow: \"reads\""]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let denied = explain(&path, &[], "select * from payroll");
    assert_eq!(denied.status.code(), Some(1));
    assert!(text(&denied.stdout).contains("denied (`policy`): payroll is nobody's business"), "{denied:?}");
    let nothing = explain(&path, &[], "delete from orders");
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stdout).contains("denied (`policy`): no rule allows it"), "{nothing:?}");
    let unread = explain(&path, &[], "not really sql");
    assert_eq!(unread.status.code(), Some(1));
    assert!(text(&unread.stdout).contains("denied (`unparsed`)"), "{unread:?}");
}

#[test]
fn explain_in_json_is_one_document_with_the_input_that_policy_saw() {
    let (_directory, path) = with_policy(POLICY);
    let output = explain(&path, &["-f", "json", "--listener", "db"], "select * from payroll");
    assert_eq!(output.status.code(), Some(1));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["input"]["caller"]["subject"], "alice");
    assert_eq!(said["input"]["sql"]["relations"][0]["id"], "public.payroll");
    assert_eq!((&said["result"]["allow"], &said["cause"]), (&false.into(), &"policy".into()));
    assert_eq!(said["rules"][1]["package"], "policies.shop");
    assert_eq!(said["rules"][1]["members"][0], "payroll is nobody's business");
}

#[test]
fn explain_without_a_listener_or_a_policy_to_ask_is_exit_2() {
    let (_directory, path) = with_policy(POLICY);
    let output = explain(&path, &["--listener", "nope"], "select 1");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no listener is called `nope`; there are: db"), "{output:?}");
    let (_directory, path) = with_policy("package policies.shop\n\ndeny := true\n");
    let output = explain(&path, &[], "select 1");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no bundle serves: ") && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn check_names_what_would_serve_and_what_keeps_a_bundle_from_it() {
    let (_directory, path) = with_policy(POLICY);
    let good = output(&["check", "-c", &path]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    assert!(text(&good.stdout).ends_with("package policies.shop\ntests passed: 0\nok\n"), "{good:?}");
    let report: serde_json::Value =
        serde_json::from_slice(&output(&["check", "-c", &path, "-f", "json"]).stdout).unwrap();
    assert_eq!((&report["ok"], &report["packages"][0]), (&true.into(), &"policies.shop".into()));

    let (_directory, path) = with_policy("package policies.shop\n\ndeny := true\n\nallow contains 1 if nosuch(1)\n");
    let bad = output(&["check", "-c", &path]);
    assert_eq!(bad.status.code(), Some(1));
    let said = text(&bad.stdout);
    assert!(said.contains(&format!("{path}:1: bundles.main: main/shop.rego:3:1: `deny` must be a set")), "{said}");
    assert!(said.contains("shop.rego:5:21: no rule or built-in function is called `nosuch`"), "{said}");

    let (directory, path) = with_policy(POLICY);
    std::fs::write(directory.path().join("policy/data.json"), "{\"policies\": {\"shop\": {\"x\": 1}}}").unwrap();
    let said = text(&output(&["check", "-c", &path]).stdout);
    assert!(said.contains(&format!("{path}:1: bundles: data: base data under `policies` would speak")), "{said}");
}

#[test]
fn check_says_on_which_line_what_it_looked_at_is_named() {
    let (directory, path) = with_policy(POLICY);
    let none = directory.path().join("none").display().to_string();
    let yaml = std::fs::read_to_string(&path).unwrap();
    let lines = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let output = output(&["check", "-c", &path]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        text_of(&output)
    };
    let keys = yaml.replace("    listeners:", &format!("    keys:\n      masks: {{file: {none}}}\n    listeners:"));
    let said = lines(&keys);
    assert!(said.contains(&format!("{path}:8: plugins.sidegate.keys.masks: ")), "{said}");
    let said = lines(&yaml.replace("[{anonymous: {}}]", &format!("\n          - scram: {{users: {none}}}")));
    assert!(said.contains(&format!("{path}:12: plugins.sidegate.listeners[0].identify[0].scram.users: ")), "{said}");
    let tls = format!("tls:\n          {{certificate: {none}, key: {none}}}\n        upstream:");
    let said = lines(&yaml.replace("upstream:", &tls));
    assert!(said.contains(&format!("{path}:12: plugins.sidegate.listeners[0].tls: ")), "{said}");

    let password = format!("credential: {{user: app, password: {{file: {none}}}}}");
    std::fs::write(&path, yaml.replace("credential: {user: app}", &password)).unwrap();
    let output = output(&["check", "-c", &path]);
    let said = text_of(&output);
    let warning =
        format!("warning: {path}:12: plugins.sidegate.listeners[0].upstream.credential.password: cannot read `{none}`");
    assert!(output.status.success() && said.contains(&warning), "{said}");
}

fn text_of(output: &Output) -> String {
    text(&output.stdout)
}

/// A client that asks for a session and reads what it is told. There is no database, so that its session fails.
fn knock(said: &str) -> Vec<u8> {
    let line = said.lines().find(|line| line.contains("\"message\":\"listening\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let mut client = TcpStream::connect(line["address"].as_str().unwrap()).unwrap();
    let body = b"\0\x03\0\0user\0alice\0database\0sh\x1b[31mop\0\0";
    client.write_all(&u32::try_from(body.len() + 4).unwrap().to_be_bytes()).unwrap();
    client.write_all(body).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn audit_tail_prints_what_the_journal_holds_also_while_it_is_written() {
    let (directory, path) = with_policy(POLICY);
    let nothing = output(&["audit", "tail", "-c", &path]);
    assert_eq!(nothing.status.code(), Some(2), "there is no journal yet");
    let (mut child, said, _stderr) = started(&path, directory.path().join("state").to_str().unwrap());
    // Denied while no policy serves, failed afterwards: an event in either case.
    for _ in 0..2 {
        assert_eq!(knock(&said).first(), Some(&b'E'));
    }
    let mut follow = sidegate(&["audit", "tail", "-c", &path, "--follow", "-n", "1", "-f", "json"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    knock(&said);
    let second: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_ne!(first["decision_id"], second["decision_id"]);
    assert_eq!(second["custom"]["sidegate"]["stage"], "session");
    follow.kill().unwrap();
    follow.wait().unwrap();

    let tail = output(&["audit", "tail", "-c", &path, "-n", "2"]);
    assert_eq!(tail.status.code(), Some(0), "{tail:?}");
    let printed = text(&tail.stdout);
    assert_eq!(printed.lines().count(), 2, "{printed}");
    assert!(printed.lines().all(|line| line.contains(" db session anonymous")), "{printed}");
    assert!(!printed.contains('\x1b'));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let after = output(&["audit", "tail", "-c", &path]);
    assert_eq!(text(&after.stdout).lines().count(), 3, "{after:?}");
}

#[test]
fn a_log_that_nobody_reads_stops_no_session() {
    let (directory, path) = with_policy(POLICY);
    let (mut child, said, stderr) = started(&path, directory.path().join("state").to_str().unwrap());
    while text(&knock(&said)).contains("57P03") {}
    // More lines than the pipe takes, none of them read: each says that there is no database.
    for _ in 0..600 {
        assert_eq!(knock(&said).first(), Some(&b'E'));
    }
    drop(stderr);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}
