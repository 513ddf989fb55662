use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::config::BundleLocation;

use super::*;

fn source(directory: &Path) -> Source {
    Source::new(BundleSource { name: "main".to_owned(), location: BundleLocation::Directory(directory.to_owned()) })
}

fn texts(taken: Option<Result<Vec<TextFile>, String>>) -> Vec<(String, String)> {
    taken.unwrap().unwrap().into_iter().map(|file| (file.path, file.text)).collect()
}

fn pair(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

#[test]
fn a_directory_is_taken_at_the_second_equal_look_and_once() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.rego"), "package a").unwrap();
    let mut source = source(directory.path());
    assert!(source.look().is_none());
    assert_eq!(texts(source.look()), [pair("a.rego", "package a")]);
    assert!(source.look().is_none());
    assert!(source.look().is_none());
}

#[test]
fn a_file_that_is_still_growing_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.rego");
    let mut source = source(directory.path());
    let mut text = String::from("package a\n");
    for _ in 0..20 {
        fs::write(&path, &text).unwrap();
        assert!(source.look().is_none());
        text.push_str("# more\n");
    }
    assert!(source.look().is_some());
}

#[test]
fn a_change_between_the_second_look_and_reading_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.rego");
    fs::write(&path, "package a").unwrap();
    let location = BundleLocation::Directory(directory.path().to_owned());
    let listing = files::list(&location).unwrap();
    fs::write(directory.path().join("new"), "package b").unwrap();
    fs::rename(directory.path().join("new"), &path).unwrap();
    assert!(files::read(&location, &listing).unwrap_err().to_string().contains("changed while it was read"));
}

#[test]
fn a_swap_of_kubernetes_is_seen_whole() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for version in ["one", "two"] {
        fs::create_dir(at(&format!("..{version}"))).unwrap();
        fs::write(at(&format!("..{version}/a.rego")), version).unwrap();
    }
    symlink("..one", at("..data")).unwrap();
    symlink("..data/a.rego", at("a.rego")).unwrap();
    let mut source = source(directory.path());
    assert!(source.look().is_none());
    assert_eq!(texts(source.look()), [pair("a.rego", "one")]);
    symlink("..two", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    assert!(source.look().is_none());
    assert_eq!(texts(source.look()), [pair("a.rego", "two")]);
}

#[test]
fn a_missing_directory_is_told_once_and_its_return_is_taken() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("bundle");
    let mut source = source(&directory);
    assert!(source.look().is_none());
    assert!(source.look().unwrap().unwrap_err().contains("cannot read"));
    assert!(source.look().is_none());
    fs::create_dir(&directory).unwrap();
    assert!(source.look().is_none());
    assert!(texts(source.look()).is_empty());
}

#[test]
fn links_in_circles_end() {
    let directory = tempfile::tempdir().unwrap();
    symlink(".", directory.path().join("one")).unwrap();
    symlink(".", directory.path().join("two")).unwrap();
    let error = files::list(&BundleLocation::Directory(directory.path().to_owned())).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}

#[test]
fn a_pipe_in_a_files_place_is_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.rego");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let error = files::list(&BundleLocation::Directory(directory.path().to_owned())).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn what_editors_and_tools_leave_is_not_policy() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    symlink("user@host.1", at(".#a.rego")).unwrap();
    fs::create_dir(at(".git")).unwrap();
    for name in [".a.rego.swp", "a.rego~", "notes.txt", ".git/data.json", "other.json"] {
        fs::write(at(name), "x").unwrap();
    }
    fs::write(at(".hidden.rego"), "package a").unwrap();
    let location = BundleLocation::Directory(directory.path().to_owned());
    let read = files::read(&location, &files::list(&location).unwrap()).unwrap();
    assert_eq!(read.into_iter().map(|file| file.path).collect::<Vec<_>>(), [".hidden.rego"]);
}
