//! A disk, or a system, that stops giving: work is refused, nothing runs unrecorded, and it goes on by itself.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::raw::{Raw, query, spell, startup};
use crate::harness::{Sidegate, postgres, until};
use crate::hold::{self, Hold, assert_written_down, files, together};

/// System calls of a running sidegate fail while this lives.
struct Failing(Child);

impl Failing {
    fn new(sidegate: &Sidegate, calls: &str, fault: &str) -> Self {
        let child = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:{fault}"), "-p", &sidegate.pid().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("strace runs");
        let failing = Self(child);
        until("every thread to be watched", || watched(sidegate).into_iter().all(|tracer| tracer != "0").then_some(()));
        failing
    }
}

/// Who watches its threads.
fn watched(sidegate: &Sidegate) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", sidegate.pid())).expect("it runs");
    let status = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
    let tracer = |text: String| text.lines().find_map(|line| Some(line.strip_prefix("TracerPid:")?.trim().to_owned()));
    status.filter_map(tracer).collect()
}

impl Drop for Failing {
    fn drop(&mut self) {
        // Asked to end it lets go first; killed it might leave threads stopped.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn a_disk_that_syncs_no_more_takes_no_work_and_is_taken_back_when_it_does() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let failing = Failing::new(&sidegate, "fdatasync,fsync", "error=EIO");
    let write = hold.marked("insert into orders values (9101, 1, 1)");
    client.send(&query(&write));
    let refused = client.until_ready();
    assert_eq!(spell(&refused), "E:58030 Z:I");
    assert_eq!(client.ask(&query(&write)), "E:58030 Z:I", "it stays refused");
    assert_eq!(postgres().log().matches(&write).count(), 0, "nothing ran unrecorded");
    until("readiness to show it", || sidegate.get("/health?plugins").filter(|(status, _)| *status == 500));
    drop(failing);
    until("work to be taken again", || (hold.ask(&mut client, "select 1") == "T D C:SELECT 1 Z:I").then_some(()));
    assert_eq!(hold.ask(&mut client, "insert into orders values (9102, 1, 1)"), "C:INSERT 0 1 Z:I");
    // What came again and again before it failed can be read in the journal that goes on behind it.
    for _ in 0..3 {
        assert_eq!(hold.ask(&mut client, "select total from orders where id = 1"), "T D C:SELECT 1 Z:I");
    }
    drop(client);
    hold.ends();
}

#[test]
fn one_sync_that_fails_costs_what_waited_for_it_and_no_more() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let failing = Failing::new(&sidegate, "fdatasync", "error=EIO:when=1");
    let write = hold.marked("insert into orders values (9201, 1, 1)");
    client.send(&query(&write));
    let answer = spell(&client.until_ready());
    // Each thread counts for itself, and a sync of its own may have come first.
    assert!(["E:58030 Z:I", "C:INSERT 0 1 Z:I"].contains(&answer.as_str()), "{answer}");
    let ran = postgres().log().matches(&write).count();
    assert_eq!(ran, usize::from(answer.starts_with('C')), "what was refused did not run");
    let next = "insert into orders values (9202, 1, 1)";
    until("work to be taken again", || (hold.ask(&mut client, next) == "C:INSERT 0 1 Z:I").then_some(()));
    drop((client, failing));
    hold.ends();
}

/// What the system says of a disk that was remounted for reading alone while files on it are written to.
const READ_ONLY: (&str, &str) = ("pwrite64,fallocate,ftruncate,fdatasync,fsync,rename,unlink", "error=EROFS");

#[test]
fn a_disk_that_turns_read_only_takes_no_new_work_until_it_is_writable_again() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut runs = Raw::open(sidegate.port, &sidegate.database);
    let long = hold.marked(SLEEPS);
    runs.send(&query(&long));
    until("the statement", || (running() == "1").then_some(()));
    let failing = Failing::new(&sidegate, READ_ONLY.0, READ_ONLY.1);
    for sql in ["insert into orders values (9301, 1, 1)", "select 'read-only'"] {
        let sql = hold.marked(sql);
        assert_eq!(client.ask(&query(&sql)), "E:58030 Z:I");
        assert_eq!(postgres().log().matches(&sql).count(), 0, "nothing runs unrecorded");
    }
    assert_eq!(running(), "1", "what was written down goes on");
    drop(failing);
    until("work to be taken again", || (hold.ask(&mut client, "select 1") == "T D C:SELECT 1 Z:I").then_some(()));
    stop_what_runs();
    assert_eq!(spell(&runs.until_ready()), "E:57014 Z:I");
    assert_eq!(sidegate.event_of(&long)["custom"]["sidegate"]["outcome"], "failed");
    drop((client, runs));
    hold.ends();
}

/// It is on the disk before it runs, and runs until it is stopped.
const SLEEPS: &str = "delete from orders where pg_sleep(600)::text = 'read-only'";

fn running() -> String {
    let running = "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep%read-only%' \
        and pid <> pg_backend_pid()";
    postgres().sql("postgres", running)
}

fn stop_what_runs() {
    let stop = "select pg_cancel_backend(pid) from pg_stat_activity where query like '%pg_sleep%read-only%' \
        and pid <> pg_backend_pid()";
    postgres().sql("postgres", stop);
}

/// A real one. Only an error of the disk itself remounts it while files on it are open for writing: whoever asks for
/// it by `mount` is told that it is busy.
#[test]
fn a_real_disk_that_the_system_turns_read_only_takes_no_new_work_and_loses_nothing() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!(
            "NOT RUN: root alone may mount a disk image; the test beside it has the system say so instead"
        );
    }
    let _turn = together();
    let mut sidegate = hold::open().image().start();
    let name = format!("read-only disk {}", std::process::id());
    let marked = |number: u32, sql: &str| format!("/* {name} {number} */ {sql}");
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut runs = Raw::open(sidegate.port, &sidegate.database);
    let (written, long) = (marked(1, "insert into orders values (9401, 1, 1)"), marked(2, SLEEPS));
    assert_eq!(client.ask(&query(&written)), "C:INSERT 0 1 Z:I");
    runs.send(&query(&long));
    until("the statement", || (running() == "1").then_some(()));
    remount_read_only(&sidegate);
    for (number, sql) in [(3, "insert into orders values (9402, 1, 1)"), (4, "select 'read-only'")] {
        let sql = marked(number, sql);
        assert_eq!(client.ask(&query(&sql)), "E:58030 Z:I");
        assert_eq!(postgres().log().matches(&sql).count(), 0, "nothing runs unrecorded");
    }
    until("readiness to show it", || sidegate.get("/health?plugins").filter(|(status, _)| *status == 500));
    assert_eq!(running(), "1", "what was written down goes on");
    stop_what_runs();
    // How it ended cannot be written down, so that the answer has no end.
    assert_eq!(spell(&runs.until_end()), "E:57014 E:58030");
    assert!(sidegate.is_alive());
    sidegate.kill_and_restart();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(client.ask(&query(&marked(5, "select 1"))), "T D C:SELECT 1 Z:I");
    assert_eq!(sidegate.event_of(&long)["custom"]["sidegate"]["outcome"], "unknown");
    let acknowledged = [written, marked(5, "")].iter().flat_map(|sql| hold::marks(sql, &name)).collect();
    assert_written_down(&sidegate, &name, &acknowledged);
}

/// Has the system find an error on its disk, as a bad sector would.
fn remount_read_only(sidegate: &Sidegate) {
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", sidegate.pid())).expect("it runs");
    let state = sidegate.path("state").display().to_string();
    let mount = mounts.lines().find(|line| line.contains(&state)).expect("its disk");
    let device = mount.split(' ').find_map(|word| word.strip_prefix("/dev/")).expect("a device");
    fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1").expect("an error");
    let probe = fs::write(self::state(sidegate).join("probe"), "").expect_err("nobody writes there");
    assert_eq!(probe.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
}

/// The folder that only sidegate sees.
fn state(sidegate: &Sidegate) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", sidegate.pid(), sidegate.path("state").display()))
}

#[test]
fn a_disk_without_room_for_another_file_refuses_new_work_and_finishes_what_runs() {
    let _turn = together();
    let sidegate = hold::open().disk("160m,nr_inodes=200").start();
    let hold = Hold::on(&sidegate);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut runs = Raw::open(sidegate.port, &sidegate.database);
    let long = hold.marked("select 'runs' from pg_sleep(600)");
    runs.send(&query(&long));
    let running = "select count(*) from pg_stat_activity where state = 'active' and query like '%''runs''%pg_sleep%' \
        and pid <> pg_backend_pid()";
    until("the statement", || (postgres().sql("postgres", running) == "1").then_some(()));
    let fillers: Vec<_> = (0..)
        .map(|n| state(&sidegate).join(format!("filler{n}")))
        .take_while(|path| fs::write(path, "").is_ok())
        .collect();
    assert!(!fillers.is_empty(), "there was room");
    let mut fill = |length: usize| {
        (0..4_000).find_map(|n| {
            client.send(&query(&format!("select '{}', {n}", "x".repeat(length))));
            Some(spell(&client.until_ready())).filter(|answer| answer.starts_with('E'))
        })
    };
    fill(60_000).expect("no segment follows the last one");
    fill(6_000);
    assert_eq!(fill(0).expect("nor for what is short"), "E:53100 Z:I");
    // What ran before still gets its end into the journal, and its client the answer.
    let stop = "select pg_terminate_backend(pid) from pg_stat_activity where query like '%''runs''%pg_sleep%' \
        and pid <> pg_backend_pid()";
    postgres().sql("postgres", stop);
    assert!(spell(&runs.until_end()).contains("E:57P01"));
    for filler in fillers {
        fs::remove_file(filler).expect("it is removed");
    }
    until("work to be taken again", || (hold.ask(&mut client, "select 1") == "T D C:SELECT 1 Z:I").then_some(()));
    let event = sidegate.event_of(&long);
    assert_eq!(event["custom"]["sidegate"]["outcome"], "unknown", "{event}");
    drop((client, runs));
    hold.ends();
}

/// Seconds of processor time that it used so far.
fn used(sidegate: &Sidegate) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", sidegate.pid())).expect("it runs");
    let fields: Vec<_> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    // User and system time, in hundredths on every Linux that tests run on.
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

fn limit_files(sidegate: &Sidegate, most: &str) {
    let limit = format!("--nofile={most}");
    let status =
        Command::new("prlimit").args(["--pid", &sidegate.pid().to_string(), &limit]).status().expect("prlimit runs");
    assert!(status.success());
}

#[test]
fn without_a_descriptor_left_nobody_new_gets_in_and_nothing_spins() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        let usual = fs::read_to_string(format!("/proc/{}/limits", sidegate.pid())).expect("it runs");
        let usual = usual.lines().find(|line| line.starts_with("Max open files")).expect("a limit").to_owned();
        let usual = usual.split_whitespace().nth(3).expect("the soft one").to_owned();
        // The soft limit alone, and one more than is open: a client gets in, its way to the server does not.
        limit_files(&sidegate, &format!("{}:", files(&sidegate) + 1));
        let (began, before) = (Instant::now(), used(&sidegate));
        let mut late: Vec<_> = (0..20).map(|_| Raw::silent(sidegate.port)).collect();
        for client in &mut late {
            client.send(b"\0\0\0\x08\x04\xd2\x16\x2f");
        }
        assert!(!late[19].answers_within(Duration::from_secs(3)), "nobody new gets in");
        let share = (used(&sidegate) - before) / began.elapsed().as_secs_f64();
        assert!(share < 1.0, "it spins: {share} of a processor");
        drop(late);
        limit_files(&sidegate, &format!("{usual}:"));
        until("somebody new", || Raw::try_open(sidegate.port, &sidegate.database));
    });
    hold.ends();
}

fn threads(sidegate: &Sidegate) -> usize {
    fs::read_dir(format!("/proc/{}/task", sidegate.pid())).expect("it runs").count()
}

/// Waits until the threads that wait for files and logins have ended, each ten seconds after its last work.
fn wait_for_idle_threads(sidegate: &Sidegate) {
    let (mut fewest, mut since) = (threads(sidegate), Instant::now());
    until("idle threads to end", || {
        let now = threads(sidegate);
        if now != fewest {
            (fewest, since) = (now, Instant::now());
        }
        (since.elapsed() > Duration::from_secs(11)).then_some(())
    });
}

#[test]
fn without_a_thread_left_a_login_fails_in_a_sentence_and_nobody_else_notices() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    hold.during(|| {
        wait_for_idle_threads(&sidegate);
        // Only a password's file that has changed is read, and on a thread of its own.
        sidegate.rewrite_password();
        let failing = Failing::new(&sidegate, "clone,clone3", "error=EAGAIN");
        let mut client = Raw::silent(sidegate.port);
        client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
        assert_eq!(spell(&client.until_end()), "E:XX000");
        drop(failing);
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        assert_eq!(hold.ask(&mut client, "select 1"), "T D C:SELECT 1 Z:I");
    });
    let told = |line: &String| line.contains("a defect: please report it") && line.contains("location");
    assert!(sidegate.stderr().iter().any(told), "the log says where");
    let unknown = |event: &serde_json::Value| event["custom"]["sidegate"]["outcome"] == "unknown";
    assert_eq!(sidegate.event("its outcome", unknown)["input"]["stage"], "session");
    hold.ends();
}
