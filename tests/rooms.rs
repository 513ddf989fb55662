//! Holds the house together: rooms name only earlier rooms, and of those only what their
//! `mod.rs` exports; each engine has one door; files stay short; every room says what it takes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    clippy::unreachable,
    unreachable_pub,
    reason = "a test that meets the unexpected must fail"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ORDER: [&str; 20] = [
    "model",
    "wire",
    "telemetry",
    "config",
    "accept",
    "identify",
    "catalog",
    "parse",
    "bundle",
    "input",
    "decide",
    "journal",
    "enforce",
    "forward",
    "record",
    "session",
    "workbench",
    "mesh",
    "admin",
    "cli",
];

/// Which crates may be named only in which folders.
const DOORS: [(&str, &[&str]); 6] = [
    ("pgwire", &["src/wire/postgres"]),
    ("hyper", &["src/wire/http", "src/forward/http", "src/session/http", "src/admin"]),
    ("sqlparser", &["src/parse/sql"]),
    ("regorus", &["src/bundle", "src/decide", "src/workbench"]),
    ("rustls", &["src/accept", "src/forward"]),
    ("tokio_rustls", &["src/accept", "src/forward"]),
];

const LONGEST_FILE: usize = 500;

fn sources() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("the file is text");
                found.insert(path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside").to_owned(), text);
            }
        }
    }
    assert!(found.len() > 20, "the sources were found");
    found
}

fn room(path: &Path) -> Option<&str> {
    let mut parts = path.components().skip(1);
    let room = parts.next()?.as_os_str().to_str()?;
    parts.next()?;
    Some(room)
}

/// The code of a file without comments and string literals' worth of prose.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or(line)))
        .filter(|(_, line)| !line.trim().is_empty())
}

/// Every `crate::room::…` path in a line, as (room, next segment).
fn references(line: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        if line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let mut segments = line[at + "crate::".len()..]
            .split("::")
            .map(|segment| segment.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
        found.push((segments.next().unwrap_or_default(), segments.next().unwrap_or_default()));
    }
    found
}

#[test]
fn a_room_names_only_earlier_rooms() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(here) = room(&path) else { continue };
        let place = ORDER.iter().position(|name| *name == here);
        let Some(place) = place else {
            wrong.push(format!("{}: `{here}` is not a room of the house", path.display()));
            continue;
        };
        for (number, line) in code(&text) {
            for (named, _) in references(line) {
                let there = ORDER.iter().position(|name| *name == named);
                if there.is_none_or(|there| there > place) {
                    wrong.push(format!("{}:{number}: `{here}` names `{named}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_another_room_only_what_its_mod_exports_is_named() {
    let sources = sources();
    let exports: BTreeMap<&str, &str> = ORDER
        .iter()
        .filter_map(|name| Some((*name, sources.get(Path::new(&format!("src/{name}/mod.rs")))?.as_str())))
        .collect();
    let mut wrong = Vec::new();
    for (path, text) in &sources {
        let here = room(path).unwrap_or_default();
        for (number, line) in code(text) {
            for (named, item) in references(line) {
                if named == here || item.is_empty() {
                    continue;
                }
                let private_module = exports
                    .get(named.as_str())
                    .is_some_and(|exports| exports.lines().any(|line| line.trim() == format!("mod {item};")));
                if private_module {
                    wrong.push(format!("{}:{number}: reaches into `{named}::{item}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_engine_has_one_door() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (number, line) in code(&text) {
            for (engine, doors) in DOORS {
                let named = line.match_indices(engine).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    let after = &line[at + engine.len()..];
                    after.starts_with("::") && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                });
                if named && !doors.iter().any(|door| path.starts_with(door)) {
                    wrong.push(format!("{}:{number}: names `{engine}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn long_tests_live_in_files_of_their_own() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if let Some(at) = text.find("mod tests {") {
            let lines = text[at..].lines().count();
            if lines > 100 {
                wrong.push(format!("{}: {lines} lines of tests", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_says_what_it_takes_gives_and_refuses() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if path.file_name().is_some_and(|name| name == "mod.rs") && !text.starts_with("//!") {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "without `//!`: {wrong:?}");
}

#[test]
fn a_permit_cannot_be_forged_or_copied() {
    let text = sources().remove(Path::new("src/enforce/permit.rs")).expect("the permit is there");
    let at = text.find("pub struct Permit {").expect("the permit is a struct");
    let fields = &text[at..at + text[at..].find('}').expect("it ends")];
    assert!(!fields.contains("pub ") || fields.matches("pub ").count() == 1, "its fields are private: {fields}");
    let mut attributes = text[..at].lines().rev().take_while(|line| line.starts_with('#') || line.starts_with("///"));
    assert!(attributes.all(|line| !(line.starts_with('#') && line.contains("Clone"))), "it is not Clone");
    let elsewhere: Vec<_> = sources()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("src/enforce"))
        .filter(|(_, text)| code(text).any(|(_, line)| line.contains("Permit {")))
        .map(|(path, _)| path)
        .collect();
    assert!(elsewhere.is_empty(), "built outside `enforce`: {elsewhere:?}");
}
