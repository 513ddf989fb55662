use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::super::record::Kind;
use super::super::{recovery, segment};
use super::*;

/// Where the child of a test works, and how many entries it writes.
pub(super) const DIRECTORY: &str = "SIDEGATE_TEST_JOURNAL";
pub(super) const ENTRIES: &str = "SIDEGATE_TEST_ENTRIES";

/// Memory, where there is some: these tests start a journal thousands of times.
fn fast_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A journal of `entries` closed entries and one open one; gives its only segment, where each record ends and what it is.
async fn small_journal(directory: &Path, entries: u64) -> (PathBuf, Vec<(usize, Kind)>) {
    let journal = start(directory);
    for number in 0..entries {
        let entry = journal.open(intent(AuditClass::Strict, &format!("select {number}"))).await.unwrap();
        entry.close(forwarded(1)).await.unwrap();
    }
    let open = journal.open(intent(AuditClass::Strict, "open")).await.unwrap();
    let (_, path) = segment::list(directory).unwrap().remove(0);
    let bytes = std::fs::read(&path).unwrap();
    let mut records = segment::Records::new(&bytes, 0);
    let mut ends = Vec::new();
    while let Some(record) = records.next() {
        ends.push((records.offset(), record.kind));
    }
    // What a crash leaves: the entry is not closed, and the space behind it is still allocated.
    let copy = std::fs::read(&path).unwrap();
    drop(open);
    drop(journal);
    std::fs::write(&path, copy).unwrap();
    (path, ends)
}

/// Records of a kind that end there or before.
fn count(ends: &[(usize, Kind)], kind: Kind, at: usize) -> usize {
    ends.iter().filter(|(end, of)| *end <= at && *of == kind).count()
}

fn end_of(ends: &[(usize, Kind)]) -> usize {
    ends.last().unwrap().0
}

fn reopen(directory: &Path) -> Result<(), JournalError> {
    let settings = settings();
    let fixed = super::super::appender::Fixed {
        sync: settings.sync,
        segment: settings.segment,
        patience: settings.patience,
        labels: Arc::new(settings.labels),
        boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned(),
        started: std::time::Instant::now(),
        metrics: settings.metrics,
    };
    recovery::recover(directory, &fixed).map(|_| ())
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_opens_with_every_record_before_the_cut() {
    let directory = fast_directory();
    let (path, ends) = small_journal(directory.path(), 3).await;
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(count(&ends, Kind::Text, usize::MAX), 1, "two entries have something in common");
    for cut in 0..=end_of(&ends) {
        for zeroed in [false, true] {
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(if zeroed { whole.len() } else { cut }, 0);
            std::fs::write(&path, &bytes).unwrap();
            reopen(directory.path()).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            let found = outcomes(directory.path());
            assert_eq!(found.len(), count(&ends, Kind::Intent, cut), "cut at {cut}");
            for (number, (text, outcome)) in found.iter().enumerate() {
                let closed = number < count(&ends, Kind::Outcome, cut);
                assert_eq!(outcome, if closed { "forwarded" } else { "unknown" }, "cut at {cut}: {text}");
            }
            assert_eq!(gaps(directory.path()), [], "cut at {cut}");
            for (_, other) in segment::list(directory.path()).unwrap() {
                std::fs::remove_file(other).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_loses_no_acknowledged_record_in_silence() {
    let directory = fast_directory();
    let (path, ends) = small_journal(directory.path(), 3).await;
    let whole = std::fs::read(&path).unwrap();
    let (last_starts, last) = (ends[ends.len() - 2].0, ends.len() as u64 - 1);
    for at in (0..end_of(&ends)).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        reopen(directory.path()).unwrap_or_else(|error| panic!("bit of byte {at}: {error}"));
        let hit = ends.iter().filter(|(end, _)| *end <= at).count();
        let named = gaps(directory.path()).iter().any(|gap| gap.from == hit as u64 && gap.to == Some(last));
        // The last record damaged looks like one that was never finished.
        assert_eq!(named, at < last_starts, "bit of byte {at}");
        assert!(outcomes(directory.path()).len() >= count(&ends, Kind::Intent, at), "bit of byte {at}");
        reopen(directory.path()).unwrap_or_else(|error| panic!("bit of byte {at}, again: {error}"));
        for (_, other) in segment::list(directory.path()).unwrap() {
            std::fs::remove_file(other).unwrap();
        }
    }
}

async fn three_segments(directory: &Path) -> Vec<PathBuf> {
    let journal = start(directory);
    while segment::list(directory).unwrap().len() < 3 {
        let entry = journal.open(intent(AuditClass::Strict, "select 1")).await.unwrap();
        entry.close(forwarded(1)).await.unwrap();
    }
    journal.shutdown().await.unwrap();
    segment::list(directory).unwrap().into_iter().map(|(_, path)| path).collect()
}

#[tokio::test]
async fn a_damaged_sealed_segment_refuses_the_start_and_names_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let segments = three_segments(directory.path()).await;
    let file = std::fs::OpenOptions::new().write(true).open(&segments[0]).unwrap();
    file.write_all_at(b"?", 30_000).unwrap();
    let error = Journal::start(directory.path(), settings()).unwrap_err();
    let JournalError::Damaged { path, offset, .. } = &error else { panic!("{error}") };
    assert_eq!(path, &segments[0]);
    assert!((28_000..=30_000).contains(offset), "{error}");
}

#[tokio::test]
async fn a_missing_segment_refuses_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let segments = three_segments(directory.path()).await;
    std::fs::remove_file(&segments[1]).unwrap();
    let error = Journal::start(directory.path(), settings()).unwrap_err();
    assert!(error.to_string().contains("are missing"), "{error}");
}

#[tokio::test]
async fn what_a_stopped_machine_may_have_lost_is_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let (path, ends) = small_journal(directory.path(), 1).await;
    let mut bytes = std::fs::read(&path).unwrap();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let mut genesis = segment::Records::new(&bytes, 0).next().unwrap().payload.to_vec();
    let place = genesis.windows(36).position(|window| window == boot.trim().as_bytes()).unwrap();
    genesis[place] = b'_';
    let genesis: payload::Genesis = payload::parse(&genesis).unwrap();
    bytes[..ends[0].0].copy_from_slice(genesis.draft().unwrap().seal(0, 1, 1));
    std::fs::write(&path, &bytes).unwrap();
    drop(start(directory.path()));
    assert_eq!(gaps(directory.path()), [Gap { from: 4, to: None, reason: "machine_stopped".to_owned() }]);
}

#[tokio::test]
async fn what_a_crash_left_open_is_told_on_the_console_too() {
    let directory = tempfile::tempdir().unwrap();
    small_journal(directory.path(), 1).await;
    let paper = Paper::default();
    let journal = Journal::start_with(directory.path(), settings(), paper.console()).unwrap();
    journal.shutdown().await.unwrap();
    let lines = paper.lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(r#""outcome":"unknown","reason":"crash""#), "{}", lines[0]);
}

/// Not a test: the process that other tests kill. Says what was acknowledged, after it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of other tests"]
async fn child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let entries: u64 = std::env::var(ENTRIES).unwrap().parse().unwrap();
    let journal = match Journal::start(directory.as_ref(), JournalSettings { segment: 16 << 10, ..settings() }) {
        Ok(journal) => journal,
        Err(error) => return println!("\nrefused {error}"),
    };
    let tasks = (0..4).map(|task| {
        let journal = journal.clone();
        tokio::spawn(async move {
            for number in 0..entries {
                let class = if (number + task) % 2 == 0 { AuditClass::Strict } else { AuditClass::Async };
                let text = format!("{}-{task}-{number}", std::process::id());
                let worked = if number % 3 == 0 {
                    work(&journal, intent(class, &text), &text).await
                } else {
                    work_with_others(&journal, intent(class, &text), &text).await
                };
                if let Err(error) = worked {
                    println!("\nrefused {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    println!("\nshutdown {:?}", journal.shutdown().await);
}

async fn work(journal: &Journal, intent: Intent, text: &str) -> Result<(), JournalError> {
    let entry = journal.open(intent).await?;
    println!("\nopened {text}");
    entry.close(forwarded(1)).await?;
    println!("\nclosed {text}");
    Ok(())
}

/// The same, each record in one write with those of others.
async fn work_with_others(journal: &Journal, intent: Intent, text: &str) -> Result<(), JournalError> {
    let entry = journal.enqueue(intent).await?;
    tokio::task::yield_now().await;
    journal.commit(entry.mark())?;
    println!("\nopened {text}");
    let mark = entry.settle(forwarded(1)).await?;
    tokio::task::yield_now().await;
    journal.commit(mark)?;
    println!("\nclosed {text}");
    Ok(())
}

/// Starts `child`, under `wrapper` if there is one.
pub(super) fn spawn(directory: &Path, entries: u64, wrapper: &[&str]) -> Child {
    let own = std::env::current_exe().unwrap();
    let mut arguments: Vec<&str> = wrapper.to_vec();
    arguments.extend([own.to_str().unwrap(), "journal::tests::crash::child"]);
    arguments.extend(["--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    Command::new(arguments[0])
        .args(&arguments[1..])
        .env(DIRECTORY, directory)
        .env(ENTRIES, entries.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the child said was acknowledged.
#[derive(Default)]
pub(super) struct Said {
    pub(super) opened: HashSet<String>,
    pub(super) closed: HashSet<String>,
    pub(super) refused: Vec<String>,
    pub(super) ended: bool,
}

impl Said {
    pub(super) fn line(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("opened", text)) => drop(self.opened.insert(text.to_owned())),
            Some(("closed", text)) => drop(self.closed.insert(text.to_owned())),
            Some(("refused", text)) => self.refused.push(text.to_owned()),
            Some(("shutdown", _)) => self.ended = true,
            _ => {}
        }
    }

    /// Nothing acknowledged is missing.
    pub(super) fn check(&self, directory: &Path, context: &str) {
        let found = outcomes(directory);
        let texts: HashSet<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        let forwarded: HashSet<&str> =
            found.iter().filter(|(_, outcome)| outcome == "forwarded").map(|(text, _)| text.as_str()).collect();
        assert_eq!(found.len(), texts.len(), "{context}: an event twice");
        for text in &self.opened {
            assert!(texts.contains(text.as_str()), "{context}: the intent of {text} is lost");
        }
        for text in &self.closed {
            assert!(forwarded.contains(text.as_str()), "{context}: the outcome of {text} is lost");
        }
    }
}

#[tokio::test]
async fn fifty_kills_lose_no_acknowledged_record() {
    let directory = tempfile::tempdir().unwrap();
    let mut said = Said::default();
    for kill in 0..50_usize {
        let mut child = spawn(directory.path(), u64::MAX, &[]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Any number that differs from kill to kill: the moment is chosen by what was done, not by a clock.
        for line in lines.by_ref().take(5 + kill * 37 % 211) {
            said.line(&line.unwrap());
        }
        child.kill().unwrap();
        for line in lines {
            said.line(&line.unwrap());
        }
        child.wait().unwrap();
        assert_eq!(said.refused, [""; 0]);
    }
    assert!(said.closed.len() > 500, "{}", said.closed.len());
    drop(start(directory.path()));
    said.check(directory.path(), "fifty kills");
    assert_eq!(gaps(directory.path()), []);
}

#[tokio::test]
async fn a_record_of_a_newer_program_is_never_cut() {
    let directory = tempfile::tempdir().unwrap();
    let (path, ends) = small_journal(directory.path(), 1).await;
    let mut bytes = std::fs::read(&path).unwrap();
    let start_of_last = ends[ends.len() - 2].0;
    let end = end_of(&ends);
    bytes[start_of_last + 9] = 99;
    let crc =
        crc32c::crc32c_append(crc32c::crc32c(&bytes[start_of_last..start_of_last + 4]), &bytes[start_of_last + 8..end]);
    bytes[start_of_last + 4..start_of_last + 8].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let error = Journal::start(directory.path(), settings()).unwrap_err();
    assert!(error.to_string().contains("does not know"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    // Who reads it is told, once, and of however few lines.
    for lines in [None, Some(0), Some(5)] {
        let options = TailOptions { lines, follow: false };
        let told = tail(directory.path(), options).unwrap().map(Result::unwrap);
        let foreign: Vec<_> = told.filter(|item| matches!(item, TailItem::Foreign { .. })).collect();
        let [TailItem::Foreign { path: told, offset }] = foreign.as_slice() else { panic!("{lines:?}: {foreign:?}") };
        assert_eq!((told, *offset), (&path, start_of_last as u64));
    }
}
