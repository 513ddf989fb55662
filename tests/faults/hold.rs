//! What must hold whatever goes wrong: the process lives, others are served as before, what was taken is
//! given back, nothing runs without an INTENT, and nothing is acknowledged without an OUTCOME.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::raw::{Raw, query};
use crate::harness::{Setup, Sidegate, binary, postgres, said, until};

/// A machine that also builds and tests other things makes anybody wait so long now and then.
const USUAL_MEDIAN: Duration = Duration::from_millis(50);
const USUAL_P99: Duration = Duration::from_millis(400);
/// Statements that a neighbour asks before the fault, and at least during it.
const SAMPLE: usize = 200;
/// Between two of them.
const PACE: Duration = Duration::from_millis(3);
/// What caches, pools and the allocator may keep.
const KEPT_FILES: usize = 6;
const KEPT_KIB: u64 = 32 << 10;

/// Faults that need the machine for themselves wait for those that do not, and the other way round.
static MACHINE: RwLock<()> = RwLock::new(());

/// Beside other faults.
pub fn together() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// With nothing else going on.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// A sidegate that allows whatever can be read, and has the time for it: a machine that does other things as well may
/// take longer over a question than the usual deadline.
pub fn open() -> Setup {
    Setup::open().sidegate("deadline: 5s")
}

/// A sidegate before, during and after a fault.
pub struct Hold<'a> {
    sidegate: &'a Sidegate,
    name: String,
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<String>>,
    files: usize,
    resident: u64,
    calm: Vec<Duration>,
}

impl<'a> Hold<'a> {
    /// Looks at how things are while all is well.
    pub fn on(sidegate: &'a Sidegate) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("fault {}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut hold = Self {
            sidegate,
            name,
            next: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            files: 0,
            resident: 0,
            calm: Vec::new(),
        };
        let mut neighbour = Raw::open(sidegate.port, &sidegate.database);
        hold.calm = hold.ask_again_and_again(&mut neighbour, || false);
        drop(neighbour);
        until("the neighbour's end", || (sidegate.metric("sidegate_sessions_open") == 0.0).then_some(()));
        hold.files = files(sidegate);
        hold.resident = sidegate.resident();
        hold
    }

    /// So much memory counts as it was before.
    pub fn may_keep(&mut self, kib: u64) {
        self.resident = self.resident.max(kib);
    }

    /// A statement that can be told apart in the server's log and in the journal.
    pub fn marked(&self, sql: &str) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("/* {} {number} */ {sql}", self.name)
    }

    /// A statement with [`Hold::marked`] was answered whole.
    pub fn acknowledged(&self, sql: &str) {
        self.acknowledged.lock().expect("nobody panics here").extend(marks(sql, &self.name));
    }

    /// Asks, and notes that it was answered.
    pub fn ask(&self, client: &mut Raw, sql: &str) -> String {
        let sql = self.marked(sql);
        let answer = client.ask(&query(&sql));
        if !answer.contains("E:") {
            self.acknowledged(&sql);
        }
        answer
    }

    /// Times statements until it is over, and at least a whole sample of them.
    fn ask_again_and_again(&self, neighbour: &mut Raw, goes_on: impl Fn() -> bool) -> Vec<Duration> {
        let mut times = Vec::new();
        while times.len() < SAMPLE || goes_on() {
            let began = Instant::now();
            let answer = self.ask(neighbour, "select total from orders where id = 1");
            assert_eq!(answer, "T D C:SELECT 1 Z:I", "a neighbour was refused");
            times.push(began.elapsed());
            // Each is a text of its own, which caches keep: a quick machine must not fill them.
            thread::sleep(PACE);
        }
        times
    }

    /// Lets the fault happen, beside a neighbour that must not notice.
    pub fn during<T>(&self, fault: impl FnOnce() -> T) -> T {
        let over = AtomicBool::new(false);
        let mut neighbour = Raw::open(self.sidegate.port, &self.sidegate.database);
        thread::scope(|scope| {
            let times = scope.spawn(|| self.ask_again_and_again(&mut neighbour, || !over.load(Ordering::Relaxed)));
            let over = EndsWithValue(&over);
            let given = fault();
            drop(over);
            let times = times.join().expect("the neighbour is served");
            for (what, part, usual) in [("median", 50, USUAL_MEDIAN), ("p99", 99, USUAL_P99)] {
                let (calm, now) = (quantile(&self.calm, part), quantile(&times, part));
                let most = (calm * 2).max(usual);
                assert!(now < most, "{what} of a neighbour: {now:?}, undisturbed {calm:?}, of {}", times.len());
            }
            given
        })
    }

    /// Looks at how things are when it is over and everybody has left.
    pub fn ends(self) {
        let Self { sidegate, name, acknowledged, files: before, resident, .. } = self;
        assert!(sidegate.get("/health").is_some_and(|(status, _)| status == 200), "the process lives");
        let most = (before + before / 20).max(before + KEPT_FILES);
        settles("files", || files(sidegate), |now| *now <= most);
        let most = (resident + resident / 20).max(resident + KEPT_KIB);
        settles("KiB", || sidegate.resident(), |now| *now <= most);
        until("the last session's end", || (sidegate.metric("sidegate_sessions_open") == 0.0).then_some(()));
        let acknowledged = acknowledged.into_inner().expect("nobody panics here");
        assert_written_down(sidegate, &name, &acknowledged);
    }
}

/// Whoever works beside a fault stops however it ends.
pub struct EndsWithValue<'a>(pub &'a AtomicBool);

impl Drop for EndsWithValue<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn quantile(times: &[Duration], part: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * part / 100).min(sorted.len() - 1)]
}

fn settles<T: std::fmt::Debug>(what: &str, now: impl Fn() -> T, fine: impl Fn(&T) -> bool) {
    let began = Instant::now();
    loop {
        let value = now();
        if fine(&value) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "not given back after 30 s: {value:?} {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Files that it holds open.
pub fn files(sidegate: &Sidegate) -> usize {
    fs::read_dir(format!("/proc/{}/fd", sidegate.pid())).expect("it runs").count()
}

/// Every line of the journal, read back by the command that people use.
pub fn journal(sidegate: &Sidegate) -> Vec<Value> {
    let state = sidegate.path("state").display().to_string();
    let mut tail = Command::new(binary());
    // On a disk of its own only the process itself sees it; from here it is found under its root.
    let seen = format!("/proc/{}/root{state}", sidegate.pid());
    let seen = if fs::metadata(&seen).is_ok() { seen } else { state };
    tail.args(["audit", "tail", "-n", "10000000", "--format", "json", "-c"]).arg(sidegate.path("sidegate.yaml"));
    tail.args(["--set", &format!("plugins.sidegate.state_directory={seen}")]);
    let output = tail.output().expect("it runs");
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).expect("one event a line")).collect()
}

/// The marks of one name in a text.
pub fn marks(text: &str, name: &str) -> BTreeSet<String> {
    text.match_indices(&format!("/* {name} "))
        .filter_map(|(at, _)| Some(text[at..].split_once("*/")?.0.to_owned()))
        .collect()
}

/// Whatever the server ran has its INTENT, and whatever a client was told has its OUTCOME.
pub fn assert_written_down(sidegate: &Sidegate, name: &str, acknowledged: &BTreeSet<String>) {
    let events = journal(sidegate);
    let of = |wanted: &dyn Fn(&Value) -> bool| -> BTreeSet<String> {
        let texts =
            events.iter().filter(|event| wanted(event)).filter_map(|event| event["input"]["sql"]["text"].as_str());
        texts.flat_map(|text| marks(text, name)).collect()
    };
    let ran = marks(&postgres().log(), name);
    assert!(!ran.is_empty(), "the witness saw something");
    let intents = of(&|_| true);
    let unwritten: Vec<_> = ran.difference(&intents).collect();
    assert!(unwritten.is_empty(), "ran without an INTENT: {unwritten:?}");
    let ended = of(&|event| event["custom"]["sidegate"]["outcome"] == "forwarded");
    let unended: Vec<_> = acknowledged.difference(&ended).collect();
    assert!(unended.is_empty(), "acknowledged without an OUTCOME: {unended:?}");
    let mut seen = BTreeSet::new();
    let mut sequences = events.iter().filter_map(|event| event["custom"]["sidegate"]["journal"]["sequence"].as_u64());
    assert!(sequences.all(|sequence| seen.insert(sequence)), "no sequence number twice");
}
