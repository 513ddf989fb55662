//! A session that has done much against one that has done nothing: whatever came before, a statement that comes again is
//! read, judged, masked and answered as a session would have it that begins now, beside a sidegate that recalls nothing
//! of it.

use serde_json::{Value, json};

use crate::harness::raw::{Message, Raw, bind, close, execute, parse, query, sync};
use crate::harness::{Postgres, Setup, Sidegate, postgres, postgres18, until, without_ids};

/// Runs on each server, and steps of each.
const RUNS: u64 = 2;
const STEPS: usize = 80;

/// What is masked from one edit of the policy to the next: by the server, on its way back, something else, nothing.
const MASKS: [&str; 5] = [
    "mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if asked",
    "mask contains {\"column\": \"public.customers.email\", \"with\": {\"hash\": {\"key\": \"masks\"}}} if asked",
    "mask contains {\"column\": \"public.customers.name\", \"with\": {\"replace\": {\"value\": \"???\"}}} if asked",
    "mask contains {\"column\": \"mine.customers.email\", \"with\": {\"redact\": {}}} if {\n\tasked\n\tsome r in input.sql.relations\n\tr.id == \"mine.customers\"\n}",
    "deny contains \"nobody reads orders\" if {\n\tasked\n\tsome r in input.sql.relations\n\tr.name == \"orders\"\n}",
];

/// Namesakes along the paths, and a view whose columns change places.
const OTHERS: &str = "
    create schema mine; create table mine.customers (id int, name text, email text);
    insert into mine.customers values (1, 'own name', 'own@mine');
    create view swapped as select id, name as one, email as two from public.customers;
    create table mine.orders (id int, total text); insert into mine.orders values (1, 'one');
    grant all on schema mine to public; grant all on all tables in schema mine, public to public";

/// What only the session sees. None of it reads anything that others change.
const OWN: [&str; 16] = [
    "set search_path = public, pg_temp",
    "set search_path = mine, public, pg_temp",
    "set search_path = mine, pg_temp",
    "set search_path = pg_temp",
    "set local search_path = mine, public, pg_temp",
    "reset search_path",
    "discard all",
    "discard temp",
    "deallocate all",
    "begin",
    "begin",
    "commit",
    "rollback",
    "savepoint a",
    "rollback to a",
    "select 1/0",
];

const TEMPORARY: [&str; 3] = [
    "create temp table customers as select 1 as id, 'temporary'::text as name, 'temporary@mine'::text as email",
    "create temp table orders as select 1 as id, 2 as total",
    "drop table pg_temp.customers",
];

/// What everybody sees.
const SHARED: [&str; 6] = [
    "alter table if exists mine.customers rename to others",
    "alter table if exists mine.others rename to customers",
    "create or replace view swapped as select id, email as one, name as two from public.customers",
    "create or replace view swapped as select id, name as one, email as two from public.customers",
    "alter table mine.orders add column if not exists email text default 'c1@example.com'",
    "alter table mine.orders drop column if exists email",
];

const PROBES: [&str; 9] = [
    "select email from customers where id = 1",
    "select email from customers where id = 2",
    "select * from customers where id = 1",
    "select upper(email) as email from customers where id = 1",
    "select one, two from swapped where id = 1",
    "select c.email, o.total from customers c join orders o on o.id = c.id where c.id = 1",
    "select * from orders where id = 1",
    "select name from public.customers where id = 1",
    "copy (select id, email from customers where id = 1) to stdout",
];

fn policy(masks: &str) -> String {
    format!(
        "package policies.shop\n\nallow contains \"everything\" if true\n\n\
         asked if not \"ddl\" in input.sql.effects\n\n{masks}\n"
    )
}

/// The two that are compared, and what has been done so far.
struct Run {
    old: Sidegate,
    anew: Sidegate,
    server: &'static Postgres,
    session: Raw,
    /// What the session has sent that only it sees.
    own: Vec<String>,
    /// What the last ReadyForQuery said.
    status: String,
    prepared: Vec<usize>,
    asked: usize,
    /// How often each probe was.
    sent: [usize; PROBES.len()],
    /// Statements that were refused where a new session's were not.
    refused: usize,
    /// Masks that hold now.
    masks: usize,
    _keys: tempfile::TempDir,
}

/// What a client was told, but for numbers that every session has its own of.
fn told(messages: &[Message]) -> Vec<String> {
    let shown = messages.iter().filter(|message| !matches!(message.tag, 'T' | 'N' | 'S'));
    let text = |message: &Message| match message.tag {
        'E' => format!("E{} {}", message.field('C'), without_ids(&message.field('M'))),
        tag => format!("{tag}{}", String::from_utf8_lossy(&message.body)),
    };
    shown.map(text).collect()
}

/// What policy was asked and what it said, as far as two sessions in the same state have it in common.
fn decided(event: &Value) -> Value {
    let (sql, session) = (&event["input"]["sql"], &event["input"]["session"]);
    let facts = ["effects", "relations", "columns", "functions", "settings", "unparsed"].map(|name| &sql[name]);
    json!({
        "facts": facts, "unknown": event["input"]["unknown"], "path": session["search_path"],
        "transaction": session["transaction"], "result": event["result"],
    })
}

/// The last decision about a text that was sent so often.
fn last_of(sidegate: &Sidegate, text: &str, times: usize) -> Value {
    until(text, || {
        let events = sidegate.events().into_iter().filter(|event| event["input"]["sql"]["text"] == text);
        let events: Vec<Value> = events.collect();
        (events.len() >= times).then(|| events.last().map(decided)).flatten()
    })
}

impl Run {
    fn start(server: &'static Postgres) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key");
        std::fs::write(&key, "0123456789abcdef0123456789abcdefXYZ").expect("the key is written");
        let keys = format!("keys: {{masks: {{file: {}}}}}", key.display());
        let setup = || Setup::policy(&policy(MASKS[0])).sidegate(&keys).server(server);
        let setup = || setup().listener("pins: {search_path: \"mine, public, pg_temp\"}");
        let old = setup().start();
        let anew = setup().database(&old.database).start();
        server.sql(&old.database, OTHERS);
        let session = Raw::open(old.port, &old.database);
        let run = Self {
            old,
            anew,
            server,
            session,
            own: Vec::new(),
            status: String::from("ZI"),
            prepared: Vec::new(),
            asked: 0,
            sent: [0; PROBES.len()],
            refused: 0,
            masks: 0,
            _keys: folder,
        };
        run.looks();
        run
    }

    /// Both know what everybody sees.
    fn looks(&self) {
        for sidegate in [&self.old, &self.anew] {
            let mut client = Raw::open(sidegate.port, &sidegate.database);
            // What is not known makes it look, and wait for what it sees.
            client.ask(&query("select * from nowhere"));
        }
    }

    /// The session does something that only it sees.
    fn does(&mut self, text: &str) {
        self.session.send(&query(text));
        self.has_done(text);
    }

    fn has_done(&mut self, text: &str) {
        let answer = told(&self.session.until_ready());
        self.status = answer.last().cloned().unwrap_or_default();
        if answer.iter().any(|word| word.starts_with("CDISCARD ALL")) {
            self.own.clear();
            self.prepared.clear();
        } else if answer.iter().any(|word| word.starts_with("CDEALLOCATE ALL")) {
            self.prepared.clear();
        } else {
            self.own.push(text.to_owned());
        }
    }

    /// A session that has done what this one has, and nothing else.
    fn begun(&self) -> Raw {
        let mut fresh = Raw::open(self.anew.port, &self.anew.database);
        for text in &self.own {
            fresh.ask(&query(text));
        }
        fresh
    }

    /// A statement, as the session asks it and as one would that begins now.
    fn compares(&mut self, probe: usize, context: &str) {
        self.asked += 1;
        // The session's text comes again and again; the other's is one that nobody has sent.
        let text = PROBES[probe];
        let salted = format!("{text} -- {}", self.asked);
        let (mut fresh, aborted) = (self.begun(), self.aborted());
        fresh.send(&query(&salted));
        let expected = told(&fresh.until_ready());
        self.session.send(&query(text));
        let got = told(&self.session.until_ready());
        self.status = got.last().cloned().unwrap_or_default();
        if aborted {
            // What was tried there has left its names uncertain in one of them, perhaps; it runs in neither.
            assert!(failed(&got) && failed(&expected), "{context}: {text}: {got:?}, {expected:?}");
            self.sent[probe] += 1;
            return;
        }
        assert_eq!(got, expected, "{context}: {text}, after {:?}, under {}", self.own, MASKS[self.masks]);
        // An error in a transaction is a part of it.
        if failed(&got) {
            self.fails();
        }
        self.sent[probe] += 1;
        let (of_old, of_fresh) = (last_of(&self.old, text, self.sent[probe]), last_of(&self.anew, &salted, 1));
        assert_eq!(of_old, of_fresh, "{context}: {text}, after {:?}, under {}", self.own, MASKS[self.masks]);
    }

    /// The same of a statement that is sent before what is sent ahead of it has been answered.
    fn runs_behind(&mut self, text: &str, probe: usize, context: &str) {
        let behind = format!("{} -- behind", PROBES[probe]);
        self.session.send(&[query(text), query(&behind)].concat());
        self.has_done(text);
        let mut fresh = self.begun();
        fresh.send(&query(PROBES[probe]));
        let expected = told(&fresh.until_ready());
        let got = self.session.until_ready();
        self.agrees(&told(&got), &expected, &format!("{context}: {behind}"));
    }

    /// The rows of an answer are those of another, or it is a refusal.
    fn agrees(&mut self, got: &[String], expected: &[String], context: &str) {
        self.status = got.last().cloned().unwrap_or_default();
        let (got_rows, expected_rows) = (rows(got), rows(expected));
        assert!(
            got_rows == expected_rows || (failed(got) && got_rows.is_empty()),
            "{context}: {got:?}, anew {expected:?}, after {:?}, under {}",
            self.own,
            MASKS[self.masks]
        );
        self.refused += usize::from(failed(got) && !failed(expected));
        if failed(got) {
            self.fails();
        }
    }

    /// A statement that was prepared long ago, perhaps, as it is run now: as it would be if it were prepared now, or not
    /// at all.
    fn runs_prepared(&mut self, probe: usize, context: &str) {
        let (text, name) = (PROBES[probe], format!("p{probe}"));
        let salted = format!("{text} -- prepared");
        if !self.prepared.contains(&probe) {
            let answer = {
                self.session.send(&[close(&name), parse(&name, &salted), sync()].concat());
                told(&self.session.until_ready())
            };
            self.status = answer.last().cloned().unwrap_or_default();
            if !answer.iter().any(|word| word.starts_with('1')) {
                self.fails();
                return;
            }
            self.prepared.push(probe);
        }
        let mut fresh = self.begun();
        self.session.send(&[bind("", &name, &[]), execute("", 0), sync()].concat());
        let got = told(&self.session.until_ready());
        self.status = got.last().cloned().unwrap_or_default();
        fresh.send(&[parse("", text), bind("", "", &[]), execute("", 0), sync()].concat());
        let expected = told(&fresh.until_ready());
        self.agrees(&got, &expected, &format!("{context}: {text} prepared"));
    }

    /// What fails in a transaction is a part of it, and nothing anywhere else.
    fn fails(&mut self) {
        if self.status != "ZI" {
            self.own.push("select 1/0".to_owned());
        }
    }

    fn aborted(&self) -> bool {
        self.status == "ZE"
    }

    fn swaps(&mut self, masks: usize) {
        self.masks = masks;
        for sidegate in [&self.old, &self.anew] {
            sidegate.edit_policy(&policy(MASKS[masks]));
        }
    }

    /// Somebody changes what everybody sees: the session itself, or another one past sidegate.
    fn shares(&mut self, text: &str, itself: bool) {
        if self.status != "ZI" {
            return;
        }
        if itself {
            self.session.send(&query(text));
            self.session.until_ready();
        } else {
            self.server.sql(&self.old.database, text);
        }
        self.looks();
    }

    fn steps(&mut self, seed: u64) {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut choose = |count: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 33).expect("it is small") % count
        };
        for step in 0..STEPS {
            let context = format!("run {seed}, step {step}");
            match choose(20) {
                0..4 => self.does(OWN[choose(OWN.len())]),
                4..6 => self.does(TEMPORARY[choose(TEMPORARY.len())]),
                6 => self.shares(SHARED[choose(SHARED.len())], choose(2) == 0),
                7 => self.swaps((self.masks + 1 + choose(MASKS.len() - 1)) % MASKS.len()),
                8 | 9 => self.runs_behind(OWN[choose(OWN.len())], choose(PROBES.len()), &context),
                10..13 => self.runs_prepared(choose(PROBES.len() - 1), &context),
                _ => self.compares(choose(PROBES.len()), &context),
            }
        }
    }
}

fn failed(told: &[String]) -> bool {
    told.iter().any(|word| word.starts_with('E'))
}

/// The rows of an answer, those of COPY too.
fn rows(told: &[String]) -> Vec<&String> {
    told.iter().filter(|word| word.starts_with(['D', 'd'])).collect()
}

fn a_session_is_judged_as_one_that_begins_now(server: &'static Postgres) {
    for seed in 1..=RUNS {
        let mut run = Run::start(server);
        run.steps(seed);
        eprintln!("run {seed}: {} compared, {} refused", run.asked, run.refused);
    }
}

#[test]
fn a_session_is_judged_as_one_that_begins_now_on_15() {
    a_session_is_judged_as_one_that_begins_now(postgres());
}

#[test]
fn a_session_is_judged_as_one_that_begins_now_on_18() {
    a_session_is_judged_as_one_that_begins_now(postgres18());
}
