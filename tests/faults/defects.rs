//! A defect in each room: the next call of one of its functions panics instead, in the real binary. A debugger stops
//! there and lets the thread go on in a function of the standard library that does nothing but panic, so that nothing
//! of this is in the program itself.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::harness::raw::{Message, Raw, query, spell, startup};
use crate::harness::{Setup, Sidegate, binary, postgres, said, until};
use crate::hold::{self, Hold, assert_written_down, together};

/// Takes nothing, gives nothing, panics.
const PANICS: &str = "alloc::raw_vec::capacity_overflow";

/// Where each function of the program is in its file.
fn functions() -> &'static HashMap<String, Vec<u64>> {
    static FUNCTIONS: OnceLock<HashMap<String, Vec<u64>>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let output = Command::new("nm").args(["-C", binary()]).output().expect("nm runs");
        assert!(output.status.success(), "{}", said(&output));
        let mut functions = HashMap::<_, Vec<_>>::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((address, name)) = line.split_once(" t ").or_else(|| line.split_once(" T ")) {
                let address = u64::from_str_radix(address, 16).expect("an address");
                functions.entry(name.to_owned()).or_default().push(address);
            }
        }
        functions
    })
}

/// A debugger that waits for a call.
struct Defect(Child);

impl Defect {
    /// The next call of this function panics, and the one after it, as often as `times` says.
    fn of(sidegate: &Sidegate, function: &str, times: usize) -> Self {
        let base = loaded_at(sidegate);
        let find = |name: &str| functions().get(name).unwrap_or_else(|| panic!("the program has no `{name}`"));
        let mut debugger = Command::new("gdb");
        debugger.args(["-q", "-nx", "-batch", "--readnever", "-ex", "set confirm off", "-ex", "set language c"]);
        debugger.args(["-ex", &format!("attach {}", sidegate.pid())]);
        for address in find(function) {
            debugger.args(["-ex", &format!("break *{:#x}", base + address)]);
        }
        debugger.args(["-ex", "echo armed\\n"]);
        for _ in 0..times {
            debugger.args(["-ex", "continue", "-ex", &format!("set $pc = {:#x}", base + find(PANICS)[0])]);
        }
        debugger.args(["-ex", "delete", "-ex", "detach"]);
        let child = debugger.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("gdb runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.starts_with("armed")), "the debugger gave up");
        // Nobody reads the rest, and nothing of it may get stuck.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }

    /// Waits until it has happened, and nobody watches any more.
    fn struck(mut self) {
        until("the defect", || self.0.try_wait().expect("it is ours").map(|status| assert!(status.success())));
    }
}

impl Drop for Defect {
    fn drop(&mut self) {
        // Asked to end it lets go first.
        let _ = Command::new("kill").arg(self.0.id().to_string()).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// Where the program is in the memory of its process.
fn loaded_at(sidegate: &Sidegate) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{}/maps", sidegate.pid())).expect("it runs");
    let first = maps.lines().find(|line| line.ends_with("/sidegate")).expect("its program");
    u64::from_str_radix(first.split('-').next().expect("an address"), 16).expect("a number")
}

/// What a client is told, up to the end of the answer or of the session; of rows only that there were some.
fn told(client: &mut Raw) -> String {
    let mut told = Vec::new();
    while let Some(message) = client.next() {
        let (tag, seen) = (message.tag, told.last().is_some_and(|last: &Message| last.tag == 'D'));
        if tag != 'D' || !seen {
            told.push(message);
        }
        if tag == 'Z' {
            break;
        }
    }
    spell(&told)
}

/// A sidegate whose answers about statements are new ones each time.
fn asking_anew() -> Sidegate {
    let policy = "package policies.open\n\nallow contains \"everything\" if input.sql.text != \"\"\n\n\
        deny contains \"no bulk\" if contains(input.sql.text, \"'bulk'\")\n";
    Setup::policy(policy).sidegate("deadline: 5s").start()
}

/// The defects one after the other, each on the way of a statement: function, statement, what the client is told, and
/// the outcome in the journal, empty where there is no INTENT.
fn on_the_way(defects: &[(&str, &str, &str, &str)]) {
    let _turn = together();
    let sidegate = asking_anew();
    let hold = Hold::on(&sidegate);
    let mut neighbour = Raw::open(sidegate.port, &sidegate.database);
    for (function, sql, expected, outcome) in defects {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        let defect = Defect::of(&sidegate, function, 1);
        let sql = hold.marked(sql);
        client.send(&query(&sql));
        assert_eq!(told(&mut client), *expected, "{function}");
        defect.struck();
        assert_eq!(hold.ask(&mut neighbour, "select 1"), "T D C:SELECT 1 Z:I", "{function}");
        if outcome.is_empty() {
            assert_eq!(postgres().log().matches(&sql).count(), 0, "{function}: it did not run");
        } else {
            assert_eq!(sidegate.event_of(&sql)["custom"]["sidegate"]["outcome"], *outcome, "{function}");
        }
    }
    assert!(sidegate.stderr().iter().any(|line| line.contains("a defect: please report it")), "somebody is told");
    drop(neighbour);
    hold.ends();
}

const READ: &str = "select total, 17 from orders";

#[test]
fn a_defect_before_a_statement_is_written_down_ends_its_session_and_it_does_not_run() {
    on_the_way(&[
        ("sidegate::wire::postgres::frontend::FrontendFramer::next_piece", READ, "E:XX000", ""),
        // What the reader cannot read is refused.
        ("sidegate::parse::sql::read::read", READ, "E:0A000 Z:I", "denied"),
        ("sidegate::input::request_document", READ, "E:XX000", ""),
        ("sidegate::decide::judge::judge", READ, "E:XX000", ""),
        // The question alone is lost, and that is a denial.
        ("sidegate::decide::evaluate::ask", READ, "E:42501 Z:I", "denied"),
        ("sidegate::enforce::refuse::Refusal::denied", "select 'bulk'", "E:XX000", ""),
        ("sidegate::journal::payload::intent", READ, "E:XX000", ""),
        ("sidegate::journal::appender::Appender::write", READ, "E:XX000", ""),
    ]);
}

#[test]
fn a_defect_after_a_statement_is_written_down_ends_its_session_and_leaves_an_outcome() {
    on_the_way(&[
        ("sidegate::parse::request::Request::into_frame", READ, "E:XX000", "unknown"),
        ("sidegate::forward::sender::Sender<W>::flush::{{closure}}", READ, "E:XX000", "unknown"),
        ("sidegate::wire::postgres::backend::BackendFramer::next_piece", READ, "E:XX000", "unknown"),
        (
            "sidegate::session::postgres::complete::<impl sidegate::session::postgres::answers::Answers<R,W>>::complete",
            READ,
            "T D E:XX000",
            "unknown",
        ),
        ("sidegate::telemetry::metrics::Tally::count", READ, "T D C:SELECT 1000 E:XX000", "unknown"),
        ("sidegate::journal::payload::OutcomePayload::draft", READ, "T D C:SELECT 1000 E:XX000", "unknown"),
    ]);
}

#[test]
fn a_defect_at_the_door_costs_one_connection() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let mut neighbour = Raw::open(sidegate.port, &sidegate.database);
    for (function, expected) in [
        // Nobody knows yet who is there, or whether there is TLS to speak through.
        ("sidegate::accept::sources::Sources::admit", ""),
        ("sidegate::session::workers::Seats::place", ""),
        ("sidegate::wire::postgres::message::startup::StartupPacket::take", ""),
        ("sidegate::identify::identifier::Evidence::of", ""),
        ("sidegate::input::session_document", "E:XX000"),
        ("sidegate::forward::login::choose", "E:XX000"),
        ("sidegate::session::postgres::state::State::new", "E:XX000"),
    ] {
        let defect = Defect::of(&sidegate, function, 1);
        let mut client = Raw::silent(sidegate.port);
        client.send(&startup(&[("user", "alice"), ("database", &sidegate.database)]));
        assert_eq!(told(&mut client), expected, "{function}");
        defect.struck();
        assert_eq!(hold.ask(&mut neighbour, "select 1"), "T D C:SELECT 1 Z:I", "{function}");
        let mut next = Raw::open(sidegate.port, &sidegate.database);
        assert_eq!(hold.ask(&mut next, "select 2"), "T D C:SELECT 1 Z:I", "{function}");
    }
    drop(neighbour);
    hold.ends();
}

#[test]
fn a_defect_of_those_who_work_for_all_stops_none_of_them() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let write = "update orders set total = total where id = 1";

    // Whoever waits for the disk is refused, and the next one is served.
    let defect = Defect::of(&sidegate, "sidegate::journal::segment::Segment::sync", 1);
    let refused = hold.marked(write);
    client.send(&query(&refused));
    assert_eq!(told(&mut client), "E:58030 Z:I");
    defect.struck();
    assert_eq!(postgres().log().matches(&refused).count(), 0);
    until("the disk", || (hold.ask(&mut client, write) == "C:UPDATE 1 Z:I").then_some(()));

    let defect = Defect::of(&sidegate, "sidegate::journal::event::Event::to_console", 1);
    hold.ask(&mut client, "select 'first'");
    defect.struck();
    assert_eq!(hold.ask(&mut client, "select 'second'"), "T D C:SELECT 1 Z:I");
    let text = |event: &Value| event["input"]["sql"]["text"].as_str().is_some_and(|text| text.ends_with("'second'"));
    sidegate.event("the next line", text);

    for function in ["sidegate::admin::routes::answer", "sidegate::telemetry::metrics::Metrics::render"] {
        let defect = Defect::of(&sidegate, function, 1);
        assert_eq!(sidegate.get("/metrics"), None, "{function}");
        defect.struck();
        assert!(sidegate.get("/metrics").is_some_and(|(status, _)| status == 200), "{function}");
    }

    let defect = Defect::of(&sidegate, "sidegate::bundle::keeper::Keeper::look", 1);
    defect.struck();
    sidegate.edit_policy("package policies.open\n\nallow contains \"everything\" if true\n\n# Another.\n");
    assert_eq!(hold.ask(&mut client, "select 3"), "T D C:SELECT 1 Z:I");
    drop(client);
    hold.ends();
}

#[test]
fn a_defect_on_the_way_of_another_ends_no_process_and_the_next_start_writes_the_outcome() {
    let _turn = together();
    let mut sidegate = asking_anew();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    let mut neighbour = Raw::open(sidegate.port, &sidegate.database);
    let sql = format!("/* twice {} */ {READ}", std::process::id());
    // The first cuts the outcome off; the second does so with the one that the first leaves behind.
    let defect = Defect::of(&sidegate, "sidegate::journal::payload::OutcomePayload::draft", 2);
    client.send(&query(&sql));
    assert_eq!(told(&mut client), "T D C:SELECT 1000 E:XX000");
    defect.struck();
    assert_eq!(neighbour.ask(&query("select 1")), "T D C:SELECT 1 Z:I");
    assert!(sidegate.is_alive());
    sidegate.kill_and_restart();
    assert_eq!(sidegate.event_of(&sql)["custom"]["sidegate"]["outcome"], "unknown");
    assert_written_down(&sidegate, &format!("twice {}", std::process::id()), &BTreeSet::new());
}
