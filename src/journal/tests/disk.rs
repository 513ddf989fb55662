use std::io::Read as _;
use std::process::{Command, Stdio};

use super::crash::{DIRECTORY, Said, spawn};
use super::*;
use crate::model::{Fault as _, FaultKind};

/// Runs the child with faults injected into its system calls; gives what it said.
fn with_fault(directory: &Path, fault: &str) -> Said {
    let syscall = fault.split(':').next().unwrap();
    let (trace, inject) = (format!("trace={syscall}"), format!("inject={fault}"));
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let mut child = spawn(directory, 12, &strace);
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success(), "{fault}: {output}");
    let mut said = Said::default();
    output.lines().for_each(|line| said.line(line));
    said
}

#[tokio::test]
async fn no_fault_at_any_system_call_loses_an_acknowledged_record() {
    let faults = ["fdatasync:error=EIO", "fsync:error=EIO", "rename:error=EIO", "fallocate:error=ENOSPC"];
    let writes = ["pwrite64:error=EIO", "pwrite64:error=ENOSPC", "pwrite64:error=EINTR"];
    let mut refused = 0;
    for fault in faults.into_iter().chain(writes) {
        for when in [1, 2, 3, 5, 8] {
            let directory = tempfile::tempdir().unwrap();
            let fault = format!("{fault}:when={when}");
            let said = with_fault(directory.path(), &fault);
            drop(Journal::start(directory.path(), settings()).unwrap_or_else(|error| panic!("{fault}: {error}")));
            said.check(directory.path(), &fault);
            refused += said.refused.len();
        }
    }
    assert!(refused > 20, "the faults did not reach the journal: {refused}");
}

#[tokio::test]
async fn one_failed_sync_refuses_what_waited_for_it_leaves_a_gap_and_work_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let said = with_fault(directory.path(), "fdatasync:error=EIO:when=4");
    assert!(said.refused.iter().any(|text| text.contains("cannot sync")), "{:?}", said.refused);
    assert!(said.ended && !said.closed.is_empty(), "{}", said.closed.len());
    let gap = gaps(directory.path()).remove(0);
    assert_eq!(gap.reason, "disk_error");
    assert!(gap.to.unwrap() >= gap.from, "{gap:?}");
    drop(start(directory.path()));
    said.check(directory.path(), "one failed sync");
}

#[tokio::test]
async fn a_disk_that_never_syncs_takes_no_new_work_of_either_class() {
    let directory = tempfile::tempdir().unwrap();
    let said = with_fault(directory.path(), "fdatasync:error=EIO:when=3+");
    // Between the last sync that worked and the first that did not, a few may have begun.
    assert!(said.closed.len() < 20, "{}", said.closed.len());
    assert!(!said.refused.is_empty(), "{:?}", said.refused);
    drop(start(directory.path()));
    said.check(directory.path(), "no sync");
}

#[test]
fn a_full_disk_refuses_new_work_finishes_what_is_open_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    // A small disk that only the child sees.
    let script = "mount -t tmpfs -o size=512k,mode=700 tmpfs \"$1\" && shift && exec \"$@\"";
    let child = Command::new("unshare")
        .args(["-Urm", "sh", "-c", script, "sh"])
        .args([directory.path(), &own])
        .args(["journal::tests::disk::full_disk_child", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("finished on a small disk"), "{out}\n{err}");
}

/// Not a test: what runs on the small disk.
#[tokio::test]
#[ignore = "the child of another test"]
async fn full_disk_child() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let journal = start(&directory.join("journal"));
    let mut open = Vec::new();
    for number in 0..20 {
        let class = if number % 2 == 0 { AuditClass::Strict } else { AuditClass::Async };
        open.push(journal.open(intent(class, &format!("held {number}"))).await.unwrap());
    }
    let mut filler = std::fs::File::create(directory.join("filler")).unwrap();
    while filler.write(&[1; 4096]).is_ok() {}

    let mut taken = 0;
    let error = loop {
        match journal.open(intent(AuditClass::Async, &format!("late {taken}"))).await {
            Ok(entry) => open.push(entry),
            Err(error) => break error,
        }
        taken += 1;
        assert!(taken < 10_000);
    };
    // The spare segment may be on its way when the room ends; then the disk has said nothing yet.
    let error = if matches!(error, JournalError::Stalled { .. }) { journal.check().unwrap_err() } else { error };
    assert_eq!(error.kind(), FaultKind::JournalFull, "{error}");
    assert_eq!(error.public(), "the audit journal has no space left");
    let held = open.len();
    for entry in open {
        entry.close(forwarded(1)).await.unwrap();
    }

    drop(filler);
    std::fs::remove_file(directory.join("filler")).unwrap();
    let again = async {
        loop {
            match journal.open(intent(AuditClass::Strict, "again")).await {
                Ok(entry) => return entry,
                Err(error) => assert_eq!(error.kind(), FaultKind::JournalFull, "{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let entry = tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
    entry.close(forwarded(1)).await.unwrap();
    journal.shutdown().await.unwrap();
    let found = outcomes(&directory.join("journal"));
    assert_eq!(found.iter().filter(|(_, outcome)| outcome == "forwarded").count(), held + 1);
    assert_eq!(found.len(), held + 1);
    println!("finished on a small disk");
}
