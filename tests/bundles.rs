//! Bundles through the real program: hostile ones are refused by a process that may die, and what served
//! before goes on serving.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sidegate::bundle::{BundleStatus, Settings, Store, inspect, load};
use sidegate::config::{BundleLocation, BundleSource};
use tempfile::TempDir;

const GOOD: &str = "package policies.shop\n\nallow contains \"reads\" if input.sql.effects == [\"read\"]\n";

#[test]
fn a_good_bundle_is_reported() {
    let tests = "package policies.shop_test\n\ntest_one if true\n";
    let directory = bundle(&[("shop.rego", GOOD), ("shop_test.rego", tests), (".manifest", r#"{"revision":"r41"}"#)]);
    let report = inspect(&settings(vec![source("main", directory.path())])).unwrap();
    assert_eq!(report.revisions, [("main".to_owned(), "r41".to_owned())]);
    assert_eq!(report.packages, ["policies.shop"]);
    assert_eq!(report.tests, 1);
    let policy = load(&settings(vec![source("main", directory.path())])).unwrap();
    assert_eq!((policy.generation(), policy.revisions()["main"].as_str()), (1, "r41"));
    assert!(policy.reads_any(&["sql", "effects"]) && policy.reads_any(&["sql"]));
    assert!(!policy.reads_any(&["sql", "text"]) && !policy.reads_any(&["caller"]));
}

#[test]
fn a_function_that_calls_itself_is_refused() {
    let text = refusal(&[("a.rego", "package policies.a\n\nf(x) := f(x)\n\ndeny contains \"no\" if f(input.stage)\n")]);
    assert!(text.contains("main/a.rego:3:1: rules that use themselves"), "{text}");
}

#[test]
fn twenty_nested_brackets_are_refused() {
    let source = format!("package policies.a\n\nx := {}1{}\n", "[".repeat(20), "]".repeat(20));
    let text = refusal(&[("a.rego", &source)]);
    assert!(text.contains("nested") || text.contains("longer than") || text.contains("signal"), "{text}");
}

#[test]
fn a_chain_of_five_thousand_rules_is_refused() {
    let mut source = String::from("package policies.a\n\nr0 := 1\n");
    for index in 1..=5_000 {
        source.push_str(&format!("r{index} := r{}\n", index - 1));
    }
    source.push_str("deny contains \"no\" if r5000 == 1\n");
    let text = refusal(&[("a.rego", &source)]);
    assert!(text.contains("chain"), "{text}");
}

#[test]
fn a_value_that_fills_the_memory_is_refused() {
    let mut source = String::from("package policies.a\n\nr0 := [1, 2]\n");
    for index in 1..=40 {
        source.push_str(&format!("r{index} := array.concat(r{0}, r{0})\n", index - 1));
    }
    source.push_str("deny contains \"no\" if count(r40) == 1\n");
    let text = refusal(&[("a.rego", &source)]);
    assert!(text.contains("signal") || text.contains("longer than"), "{text}");
}

#[test]
fn a_program_that_is_no_gate_refuses_everything() {
    let directory = bundle(&[("shop.rego", GOOD)]);
    for (program, said) in
        [("/bin/true", "cannot be read"), ("/bin/false", "exit code 1"), ("/nowhere", "cannot be used")]
    {
        let mut settings = settings(vec![source("main", directory.path())]);
        settings.program = program.into();
        let problems = inspect(&settings).unwrap_err();
        assert!(problems[0].text.contains(said), "{program}: {}", problems[0]);
    }
}

#[test]
fn a_gate_that_does_not_answer_is_ended() {
    let directory = bundle(&[("shop.rego", GOOD)]);
    let script = directory.path().join("gate");
    fs::write(&script, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut settings = settings(vec![source("main", directory.path())]);
    settings.program = script;
    settings.limits.wall = Duration::from_millis(200);
    let start = Instant::now();
    let problems = inspect(&settings).unwrap_err();
    assert!(problems[0].text.contains("took longer than"), "{}", problems[0]);
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn nothing_serves_until_every_bundle_was_activated() {
    let one = bundle(&[(".manifest", r#"{"roots":["policies"]}"#), ("shop.rego", GOOD)]);
    let other = bundle(&[]);
    let missing = other.path().join("later");
    let store = Store::start(settings(vec![source("one", one.path()), source("other", &missing)])).unwrap();
    until("one is active, the other refused", || {
        let status = store.status();
        status[0].active_revision.is_some() && status[1].error.is_some()
    });
    assert!(store.snapshot().is_none());
    fs::create_dir(&missing).unwrap();
    replace(&missing.join(".manifest"), r#"{"roots":["other"],"revision":"o1"}"#);
    until("both serve", || store.snapshot().is_some_and(|policy| policy.revisions()["other"] == "o1"));
    until("no error is left", || store.status().iter().all(|status| status.error.is_none()));
}

#[test]
fn bundles_that_need_each_other_are_taken_together() {
    let one = bundle(&[
        (".manifest", r#"{"roots":["policies"]}"#),
        ("p.rego", "package policies.p\n\nimport data.lib\n\ndeny contains \"no\" if lib.closed(input.stage)\n"),
    ]);
    let other =
        bundle(&[(".manifest", r#"{"roots":["lib"]}"#), ("l.rego", "package lib\n\nclosed(x) if x == \"request\"\n")]);
    let store = Store::start(settings(vec![source("one", one.path()), source("other", other.path())])).unwrap();
    until("both serve", || store.snapshot().is_some());
    assert_eq!(store.snapshot().unwrap().revisions().len(), 2);
}

#[test]
fn a_refused_change_leaves_the_previous_policy_serving() {
    let directory = bundle(&[("shop.rego", GOOD), (".manifest", r#"{"revision":"r1"}"#)]);
    let store = Store::start(settings(vec![source("main", directory.path())])).unwrap();
    until("it serves", || store.snapshot().is_some());
    let first = store.snapshot().unwrap();
    assert!(first.reads_any(&["sql", "effects"]));
    let hostile = "package policies.shop\n\nf(x) := f(x)\n\ndeny contains \"no\" if f(input.stage)\n";
    replace(&directory.path().join("shop.rego"), hostile);
    until("it is refused", || status(&store).error.is_some());
    assert!(Arc::ptr_eq(&store.snapshot().unwrap(), &first));
    assert_eq!(status(&store).active_revision.as_deref(), Some("r1"));
    assert_eq!((status(&store).activations, status(&store).refusals), (1, 1));
    replace(&directory.path().join("shop.rego"), GOOD);
    until("the error is gone", || status(&store).error.is_none());
    assert!(Arc::ptr_eq(&store.snapshot().unwrap(), &first));
}

#[test]
fn a_bundle_that_disappears_leaves_the_policy_serving() {
    let directory = bundle(&[("p/shop.rego", GOOD)]);
    let path = directory.path().join("p");
    let store = Store::start(settings(vec![source("main", &path)])).unwrap();
    until("it serves", || store.snapshot().is_some());
    fs::remove_dir_all(&path).unwrap();
    until("its absence is told", || status(&store).error.is_some_and(|error| error.contains("cannot read")));
    assert!(store.snapshot().is_some());
}

#[test]
fn a_check_that_failed_is_tried_again() {
    let directory = bundle(&[("shop.rego", GOOD)]);
    let tools = bundle(&[]);
    let (script, ready) = (tools.path().join("gate"), tools.path().join("ready"));
    let real = env!("CARGO_BIN_EXE_sidegate");
    fs::write(&script, format!("#!/bin/sh\n[ -e '{}' ] && exec '{real}' \"$@\"\nexit 1\n", ready.display())).unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut settings = settings(vec![source("main", directory.path())]);
    settings.program = script;
    settings.retry = Duration::from_millis(50);
    let store = Store::start(settings).unwrap();
    until("it failed twice", || status(&store).refusals >= 2);
    fs::write(&ready, "").unwrap();
    until("it serves", || store.snapshot().is_some());
    until("no error is left", || status(&store).error.is_none());
}

#[test]
fn an_archive_built_by_opa_serves_and_is_replaced() {
    let directory = bundle(&[
        ("policies/shop.rego", GOOD),
        ("limits/data.json", r#"{"rows": 10}"#),
        (".manifest", r#"{"revision":"r1","roots":["policies","limits"]}"#),
    ]);
    let built = bundle(&[]);
    let archive = built.path().join("bundle.tar.gz");
    let build = |revision: &str| {
        let new = built.path().join("new.tar.gz");
        let opa = std::process::Command::new("opa")
            .args(["build", "--revision", revision, "--output"])
            .arg(&new)
            .arg("--bundle")
            .arg(directory.path())
            .output()
            .unwrap();
        assert!(opa.status.success(), "{}", String::from_utf8_lossy(&opa.stderr));
        fs::rename(&new, &archive).unwrap();
    };
    build("r2");
    let location = BundleLocation::Tarball(archive.clone());
    let store = Store::start(settings(vec![BundleSource { name: "main".to_owned(), location }])).unwrap();
    until("it serves", || store.snapshot().is_some_and(|policy| policy.revisions()["main"] == "r2"));
    let whole = fs::read(&archive).unwrap();
    fs::write(&archive, &whole[..whole.len() / 2]).unwrap();
    until("a cut archive is refused", || status(&store).error.is_some_and(|error| error.contains("not a whole")));
    assert_eq!(store.snapshot().unwrap().revisions()["main"], "r2");
    build("r3");
    until("the next serves", || store.snapshot().is_some_and(|policy| policy.revisions()["main"] == "r3"));
}

#[test]
fn a_swap_wakes_subscribers_and_grows_the_generation() {
    let directory = bundle(&[("shop.rego", GOOD)]);
    let store = Store::start(settings(vec![source("main", directory.path())])).unwrap();
    let changes = store.subscribe();
    until("the first", || *changes.borrow() == 1);
    replace(&directory.path().join("shop.rego"), &GOOD.replace("reads", "may read"));
    until("the second", || *changes.borrow() == 2);
    assert_eq!(store.snapshot().unwrap().generation(), 2);
}

#[test]
fn a_file_replaced_a_thousand_times_serves_only_whole_versions() {
    let directory = bundle(&[]);
    let path = directory.path().join("shop.rego");
    let (head, tail) = version(0);
    replace(&path, &format!("{head}{tail}"));
    let settings = settings(vec![source("main", directory.path())]);
    let interval = settings.interval;
    let store = Store::start(settings).unwrap();
    let ended = AtomicBool::new(false);
    let (allowed, served) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut served = BTreeSet::new();
            loop {
                // Looked at before: the last version may serve only now.
                let last = ended.load(Ordering::Acquire);
                served.extend(store.snapshot().map(|policy| policy.revisions()["main"].clone()));
                if last {
                    return served;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let allowed = rewrite_a_thousand_times(&path, &store, interval);
        ended.store(true, Ordering::Release);
        (allowed, watcher.join().unwrap())
    });
    assert!(served.len() >= 10, "{served:?}");
    assert!(served.is_subset(&allowed), "{served:?}");
}

/// Writes version after version, whole or in two steps, and rests at every hundredth until it serves.
fn rewrite_a_thousand_times(path: &Path, store: &Store, interval: Duration) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for number in 0..1_000 {
        let (head, tail) = version(number);
        let whole = format!("{head}{tail}");
        allowed.insert(revision(&whole));
        if number % 3 == 0 {
            replace(path, &whole);
        } else {
            let start = Instant::now();
            let mut file = fs::File::create(path).unwrap();
            file.write_all(head.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(2));
            file.write_all(tail.as_bytes()).unwrap();
            // The rule cannot know of a half that stood still for as long as it waits.
            if start.elapsed() >= interval {
                allowed.extend([revision(&head), revision("")]);
            }
        }
        if number % 100 == 99 {
            until("the version at rest serves", || {
                store.snapshot().is_some_and(|policy| policy.revisions()["main"] == revision(&whole))
            });
        }
    }
    allowed
}

/// The first half is good Rego by itself, and lacks the denial.
fn version(number: usize) -> (String, String) {
    let tail = "\ndeny contains \"writes\" if \"write\" in input.sql.effects\n";
    (format!("{GOOD}# version {number:04}\n"), tail.to_owned())
}

/// The revision that a bundle of one file without a manifest gets.
fn revision(text: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in ["shop.rego", text] {
        hasher.update(&u64::try_from(part.len()).unwrap().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(12).collect()
}

fn source(name: &str, directory: &Path) -> BundleSource {
    BundleSource { name: name.to_owned(), location: BundleLocation::Directory(directory.to_owned()) }
}

fn settings(sources: Vec<BundleSource>) -> Settings {
    let mut settings = Settings::new(sources, "sidegate/decision".to_owned(), Duration::from_millis(50));
    settings.program = env!("CARGO_BIN_EXE_sidegate").into();
    settings.interval = Duration::from_millis(50);
    settings
}

fn bundle(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// Replaces a file in one step.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, path).unwrap();
}

fn refusal(files: &[(&str, &str)]) -> String {
    let directory = bundle(files);
    let problems = inspect(&settings(vec![source("main", directory.path())])).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn status(store: &Store) -> BundleStatus {
    store.status().remove(0)
}
