//! What README and docs show is what the program takes: fenced blocks marked `check` are run.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where the shown configurations find their policy.
const SHOWN_POLICY: &str = "file:///etc/sidegate/policy";

struct Block {
    /// File and line, for a failure.
    at: String,
    language: String,
    text: String,
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    pages.push(root().join("README.md"));
    pages.sort();
    pages
}

/// Every block whose fence says `check` behind the language.
fn blocks(language: &str) -> Vec<Block> {
    let mut found = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let mut open: Option<Block> = None;
        for (number, line) in text.lines().enumerate() {
            match (line.strip_prefix("```"), open.as_mut()) {
                (Some(_), Some(_)) => found.extend(open.take()),
                (Some(fence), None) => {
                    let at = format!("{}:{}", page.display(), number + 1);
                    open = Some(Block { at, language: fence.to_owned(), text: String::new() });
                }
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", page.display());
    }
    found.retain(|block| block.language == format!("{language} check"));
    assert!(!found.is_empty(), "no block of {language} is marked");
    found
}

/// A directory with a policy file, and a configuration that names it.
fn laid_out(config: &str, rego: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy");
    fs::create_dir(&policy).unwrap();
    fs::write(policy.join("policy.rego"), rego).unwrap();
    let users = directory.path().join("users");
    fs::write(&users, "# nobody yet\n").unwrap();
    let password = directory.path().join("password");
    fs::write(&password, "correct horse").unwrap();
    let path = directory.path().join("sidegate.yaml");
    let here = format!("file://{}", policy.display());
    fs::write(
        &path,
        config
            .replace(SHOWN_POLICY, &here)
            .replace("/var/lib/sidegate", directory.path().to_str().unwrap())
            .replace("/etc/sidegate/users", users.to_str().unwrap())
            .replace("/run/secrets/db-password", password.to_str().unwrap()),
    )
    .unwrap();
    (directory, path)
}

fn sidegate(arguments: &[&str], within: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
    command.args(arguments).current_dir(within).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_configurations_are_taken_without_a_warning() {
    for block in blocks("yaml") {
        assert!(block.text.contains(SHOWN_POLICY), "{}: it names no policy", block.at);
        let (directory, path) = laid_out(&block.text, "package policies.p\n\nallow contains \"all\" if true\n");
        let output = sidegate(&["check", "-c", path.to_str().unwrap()], directory.path());
        let said = said(&output);
        assert!(output.status.success() && !said.contains("warning"), "{}: {said}", block.at);
    }
}

#[test]
fn the_policies_are_taken_by_sidegate_and_by_opa() {
    let config = &blocks("yaml").remove(0).text;
    for block in blocks("rego") {
        let (directory, path) = laid_out(config, &block.text);
        let output = sidegate(&["check", "-c", path.to_str().unwrap()], directory.path());
        assert!(output.status.success(), "{}: {}", block.at, said(&output));
        let file = directory.path().join("policy/policy.rego");
        let mut opa = Command::new("opa");
        opa.args(["check", "--strict", "--schema", "rego/schema/input.json", "rego/sidegate"]).arg(&file);
        let output = opa.current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}: {}", block.at, said(&output));
    }
}

#[test]
fn the_commands_are_understood() {
    let (config, rego) = (blocks("yaml").remove(0).text, blocks("rego").remove(0).text);
    let (directory, _) = laid_out(&config, &rego);
    let mut run = 0;
    for block in blocks("sh") {
        for line in block.text.lines().filter_map(|line| line.strip_prefix("sidegate ")) {
            let line = line.split(" #").next().unwrap().trim();
            // One word may be in quotes.
            let mut parts = line.splitn(3, '\'');
            let mut words: Vec<&str> = parts.next().unwrap().split_whitespace().collect();
            words.extend(parts.next());
            if words.first() == Some(&"run") {
                words = vec!["run", "--help"];
            }
            let output = sidegate(&words, directory.path());
            let said = said(&output);
            assert!(!said.contains("see sidegate --help"), "{}: {line}: {said}", block.at);
            run += 1;
        }
    }
    assert!(run >= 3, "{run} commands are shown");
}

/// Files below a folder, with their text.
fn texts(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn every_attack_that_is_said_to_be_tried_has_its_test() {
    let mut files = Vec::new();
    texts(&root().join("tests"), &mut files);
    let cases = fs::read_to_string(root().join("tests/data/sql/adversarial.jsonl")).unwrap();
    let page = fs::read_to_string(root().join("docs/masked-statements.md")).unwrap();
    let table = page.split_once("| promise | attack that was tried | test |").unwrap().1;
    let mut lines = 0;
    for line in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let tests = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {line}");
        for test in named {
            let is_there = match test.split_once("::") {
                None => cases.contains(&format!("\"id\": \"{test}\"")) || cases.contains(&format!("\"id\":\"{test}\"")),
                Some((file, "")) => files.iter().any(|(name, _)| name == file),
                Some((file, test)) => {
                    let test = format!("fn {test}(");
                    files.iter().any(|(name, text)| name == file && text.contains(&test))
                }
            };
            assert!(is_there, "{test}: {line}");
        }
        lines += 1;
    }
    assert!(lines > 10, "the table is there");
}
