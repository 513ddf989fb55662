use std::io::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::sinks::Console;
use super::*;
use crate::decide::{Decision, Verdict};
use crate::input::{Document, Part};
use crate::model::{AuditClass, Cause, Labels, ListenerName, OutcomeKind, SessionId};
use crate::telemetry::Metrics;

mod crash;
mod disk;
mod events;

fn settings() -> JournalSettings {
    JournalSettings {
        sync: Duration::from_millis(20),
        labels: Labels::from([("id".to_owned(), "i1".to_owned()), ("version".to_owned(), "0.1.0".to_owned())]),
        console: false,
        segment: 64 << 10,
        // Segments this small fill up while a busy disk syncs.
        patience: Duration::from_secs(20),
        metrics: Metrics::new(),
    }
}

fn start(directory: &Path) -> Journal {
    Journal::start(directory, settings()).unwrap()
}

/// Who says a text: a few callers have them all, whose records name what these have in common.
fn caller_of(text: &str) -> &'static Arc<Part> {
    static CALLERS: LazyLock<Vec<Arc<Part>>> = LazyLock::new(|| {
        let caller =
            |desk| json!({"subject": "alice", "claims": {"desk": format!("desk {desk} of the shop's back office")}});
        (0..4).map(|desk| Arc::new(Part::shared(caller(desk)))).collect()
    });
    let last = text.bytes().last().unwrap_or_default();
    &CALLERS[usize::from(last) % CALLERS.len()]
}

fn input(text: &str) -> Document {
    let own = |value| Arc::new(Part::new(value));
    Document::sample_of(vec![
        ("version", own(json!(1))),
        ("caller", Arc::clone(caller_of(text))),
        ("session", own(json!({"client": {"address": "127.0.0.1:50112"}}))),
        ("sql", own(json!({"text": text}))),
    ])
}

fn intent_of(kind: IntentKind, verdict: Verdict, class: AuditClass, text: &str) -> Intent {
    Intent {
        kind,
        session: SessionId::random(),
        listener: ListenerName::new("orders-db"),
        decision: Arc::new(Decision::sample(verdict, class, input(text))),
    }
}

fn intent(class: AuditClass, text: &str) -> Intent {
    intent_of(IntentKind::Statement, Verdict::Allow, class, text)
}

fn forwarded(rows: u64) -> Outcome {
    Outcome {
        kind: OutcomeKind::Forwarded,
        cause: None,
        rows,
        bytes: rows * 10,
        upstream: Duration::from_micros(900),
        masked: None,
        sqlstate: None,
        event: true,
    }
}

fn items(directory: &Path) -> Vec<TailItem> {
    tail(directory, TailOptions::default()).unwrap().map(Result::unwrap).collect()
}

fn events(directory: &Path) -> Vec<Value> {
    items(directory)
        .iter()
        .filter(|item| matches!(item, TailItem::Event(_)))
        .map(|item| serde_json::from_str(&item.to_json().unwrap()).unwrap())
        .collect()
}

fn gaps(directory: &Path) -> Vec<Gap> {
    let gap = |item| match item {
        TailItem::Gap(gap) => Some(gap),
        TailItem::Event(_) | TailItem::Foreign { .. } => None,
    };
    items(directory).into_iter().filter_map(gap).collect()
}

/// What became of each statement, by its text. Who said it is whoever did.
fn outcomes(directory: &Path) -> Vec<(String, String)> {
    let text = |event: &Value, path| event.pointer(path).and_then(Value::as_str).unwrap().to_owned();
    let told = |event: &Value| {
        let said = text(event, "/input/sql/text");
        assert_eq!(event["input"]["caller"], *caller_of(&said).value(), "{said}");
        (said, text(event, "/custom/sidegate/outcome"))
    };
    events(directory).iter().map(told).collect()
}

fn outcome(text: &str, outcome: &str) -> (String, String) {
    (text.to_owned(), outcome.to_owned())
}

/// A stderr that tests can read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn console(&self) -> Option<Console> {
        Some(Console::start(Box::new(self.clone())).unwrap())
    }

    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn what_was_written_is_read_back_in_order_over_many_segments() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let mut expected = Vec::new();
    for number in 0..400 {
        let class = if number % 20 == 0 { AuditClass::Strict } else { AuditClass::Async };
        let text = format!("select {number}");
        let entry = journal.open(intent(class, &text)).await.unwrap();
        entry.close(forwarded(number)).await.unwrap();
        expected.push(outcome(&text, "forwarded"));
    }
    assert!(segment::list(directory.path()).unwrap().len() > 3);
    assert_eq!(outcomes(directory.path()), expected);
    journal.shutdown().await.unwrap();
    drop(journal);
    drop(start(directory.path()));
    assert_eq!(outcomes(directory.path()), expected);
    assert_eq!(gaps(directory.path()), []);
}

#[tokio::test]
async fn what_is_enqueued_is_in_the_file_when_somebody_asks_for_any_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let (_, path) = segment::list(directory.path()).unwrap().remove(0);
    let in_file = || segment::Records::new(&std::fs::read(&path).unwrap(), 0).count();
    let genesis = in_file();
    let mut entries = Vec::new();
    for number in 0..3 {
        entries.push(journal.enqueue(intent(AuditClass::Async, &format!("select {number}"))).await.unwrap());
    }
    let marks: Vec<_> = entries.iter().map(Entry::mark).collect();
    let before = in_file();
    // The syncer may have been by.
    assert!(before == genesis || journal.holds(marks[0]), "{before}");
    journal.commit(marks[0]).unwrap();
    assert_eq!(in_file(), genesis + 3);
    assert!(marks.iter().all(|mark| journal.holds(*mark)));
    let mut last = None;
    for entry in entries {
        last = Some(entry.settle(forwarded(1)).await.unwrap().and(last));
    }
    journal.commit(last.unwrap()).unwrap();
    assert_eq!(in_file(), genesis + 6);
    assert_eq!(outcomes(directory.path()).len(), 3);
}

#[tokio::test]
async fn what_was_enqueued_is_on_the_disk_before_what_is_strict_behind_it() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let soon = journal.enqueue(intent(AuditClass::Async, "soon")).await.unwrap();
    let strict = journal.enqueue(intent(AuditClass::Strict, "strict")).await.unwrap();
    assert!(journal.holds(soon.mark()) && journal.holds(strict.mark()));
    drop((soon, strict));
    journal.shutdown().await.unwrap();
    assert_eq!(outcomes(directory.path()), [outcome("soon", "unknown"), outcome("strict", "unknown")]);
}

#[tokio::test]
async fn the_last_lines_are_found_although_their_intents_are_segments_away() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let early = journal.open(intent(AuditClass::Async, "early")).await.unwrap();
    for number in 0..300 {
        let entry = journal.open(intent(AuditClass::Async, &format!("select {number}"))).await.unwrap();
        entry.close(forwarded(1)).await.unwrap();
    }
    early.close(forwarded(7)).await.unwrap();
    let last = |lines| -> Vec<Value> {
        tail(directory.path(), TailOptions { lines: Some(lines), follow: false })
            .unwrap()
            .map(|item| serde_json::from_str(&item.unwrap().to_json().unwrap()).unwrap())
            .collect()
    };
    let found = last(2);
    assert_eq!(found[0]["input"]["sql"]["text"], "select 299");
    assert_eq!(found[1]["input"]["sql"]["text"], "early");
    assert_eq!(found[1]["labels"]["id"], "i1");
    assert_eq!(last(1000).len(), 301);
    assert_eq!(last(0).len(), 0);
}

#[tokio::test]
async fn a_follower_sees_what_is_written_later() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let mut follower = tail(directory.path(), TailOptions { lines: Some(0), follow: true }).unwrap();
    let reader = std::thread::spawn(move || (0..200).map(|_| follower.next().unwrap().unwrap()).count());
    for number in 0..200 {
        let entry = journal.open(intent(AuditClass::Async, &format!("select {number}"))).await.unwrap();
        entry.close(forwarded(1)).await.unwrap();
    }
    assert_eq!(reader.join().unwrap(), 200);
}

#[tokio::test]
async fn a_dropped_entry_is_closed_as_unknown_and_a_dropped_denial_as_denied() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    drop(journal.open(intent(AuditClass::Strict, "lost")).await.unwrap());
    let denied = Verdict::Deny { cause: Cause::Policy, reasons: vec!["no".to_owned()] };
    drop(journal.open(intent_of(IntentKind::Statement, denied, AuditClass::Strict, "denied")).await.unwrap());
    drop(journal.open(intent_of(IntentKind::Prepare, Verdict::Allow, AuditClass::Async, "prepared")).await.unwrap());
    assert_eq!(outcomes(directory.path()), [outcome("lost", "unknown"), outcome("denied", "denied")]);
}

#[tokio::test]
async fn an_open_that_is_given_up_is_closed_as_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    {
        let opening = journal.open(intent(AuditClass::Strict, "given up"));
        tokio::pin!(opening);
        // One poll writes the record; the disk has not answered yet, or the entry is dropped at once.
        tokio::select! { biased; _ = &mut opening => {}, () = std::future::ready(()) => {} }
    }
    let found = outcomes(directory.path());
    assert!(found == [outcome("given up", "cancelled")] || found == [outcome("given up", "unknown")], "{found:?}");
}

#[tokio::test]
async fn outcomes_without_an_event_tell_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let entry = journal.open(intent(AuditClass::Async, "bound")).await.unwrap();
    entry.close(Outcome { event: false, ..forwarded(0) }).await.unwrap();
    assert_eq!(outcomes(directory.path()), []);
}

#[tokio::test]
async fn a_second_process_cannot_have_the_same_directory() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let second = Journal::start(directory.path(), settings()).unwrap_err();
    assert_eq!(second, JournalError::Locked { directory: directory.path().to_owned() });
    drop(journal);
    drop(start(directory.path()));
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("state/journal");
    let _journal = start(&directory);
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for file in std::fs::read_dir(&directory).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_record_larger_than_a_segment_is_refused_and_the_next_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let error = journal.open(intent(AuditClass::Async, &"x".repeat(70_000))).await.unwrap_err();
    assert!(matches!(error, JournalError::TooLarge { .. }), "{error}");
    journal.open(intent(AuditClass::Async, "small")).await.unwrap().close(forwarded(1)).await.unwrap();
    assert_eq!(outcomes(directory.path()), [outcome("small", "forwarded")]);
}

#[tokio::test]
async fn after_shutdown_nothing_new_is_taken_and_what_is_open_can_be_closed() {
    let directory = tempfile::tempdir().unwrap();
    let journal = start(directory.path());
    let entry = journal.open(intent(AuditClass::Strict, "running")).await.unwrap();
    journal.shutdown().await.unwrap();
    assert_eq!(journal.open(intent(AuditClass::Async, "late")).await.unwrap_err(), JournalError::Closed);
    assert_eq!(journal.check(), Err(JournalError::Closed));
    entry.close(forwarded(1)).await.unwrap();
    drop(journal);
    assert_eq!(outcomes(directory.path()), [outcome("running", "forwarded")]);
}

/// Not a test: what an entry costs, printed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn what_an_entry_costs() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::start(directory.path(), JournalSettings::default()).unwrap();
    let runs = [
        (AuditClass::Async, 1, 20_000_u32),
        (AuditClass::Async, 64, 1000),
        (AuditClass::Strict, 1, 1000),
        (AuditClass::Strict, 64, 200),
    ];
    for (class, tasks, each) in runs {
        let begun = std::time::Instant::now();
        let work = (0..tasks).map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let shared = intent(class, &"select 1 ".repeat(10));
                for _ in 0..each {
                    let intent = Intent { decision: Arc::clone(&shared.decision), ..shared.clone() };
                    journal.open(intent).await.unwrap().close(forwarded(1)).await.unwrap();
                }
            })
        });
        for task in work.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        println!("{class:?}, {tasks} tasks: {:?} an entry", begun.elapsed() / (tasks * each));
    }
}
