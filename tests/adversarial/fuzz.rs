//! Statements by the thousand: whatever is sent, what is hidden stays hidden and nothing changes.
//!
//! SIDEGATE_FUZZ_COUNT says how many, SIDEGATE_FUZZ_FROM which of each site's is the first to be sent, SIDEGATE_FUZZ_SEED which: without it the same ones each time, so that a change
//! is judged by what it changed. `make fuzz-sql` looks at others.

use std::thread;

use crate::answer::{End, end, leak};
use crate::database::{Direct, Outcome, prepare};
use crate::generate::Generator;
use crate::harness::raw::{Message, Raw, message, query};
use crate::harness::{postgres, postgres18};
use crate::set::{Door, Form, MASKED, Policy, Site, UNSEEN, spoken};

const COUNT: usize = 5_000;
const SEED: u64 = 20_261_122;
/// How many statements share one look at the database.
const BATCH: usize = 500;
/// One in so many is also sent by somebody who may read everything, past sidegate.
const WITNESSED: usize = 10;

/// What became of the statements.
#[derive(Clone, Debug, Default)]
struct Tally {
    sent: usize,
    refused: usize,
    failed: usize,
    answered: usize,
    cut: usize,
    witnessed: usize,
    /// How many of those would have shown what is hidden.
    would_leak: usize,
    findings: Vec<String>,
}

#[test]
fn whatever_is_sent_shows_nothing_hidden_and_changes_nothing() {
    let seed: u64 = number("SIDEGATE_FUZZ_SEED").unwrap_or(SEED);
    let count = number("SIDEGATE_FUZZ_COUNT").map_or(COUNT, |count| usize::try_from(count).expect("small"));
    eprintln!("{count} statements of SIDEGATE_FUZZ_SEED={seed}");
    let sites: [(fn() -> Site, u64); 2] =
        [(|| Site::open(postgres(), "15", "fuzzed"), 0), (|| Site::open(postgres18(), "18", "fuzzed"), 2)];
    let running = sites.map(|(site, part)| {
        thread::spawn(move || {
            let site = site();
            let policies: [&'static Policy; 2] = [&MASKED, &UNSEEN];
            [0, 1].map(|at| {
                let mine = seed.wrapping_mul(4).wrapping_add(part).wrapping_add(at);
                run(&site, policies[usize::try_from(at).expect("small")], mine, count / 4)
            })
        })
    });
    let tallies: Vec<Tally> = running.into_iter().flat_map(|one| one.join().expect("it ends")).collect();
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let (sent, answered) = (sum(|tally| tally.sent), sum(|tally| tally.answered));
    let (witnessed, would_leak) = (sum(|tally| tally.witnessed), sum(|tally| tally.would_leak));
    eprintln!(
        "{sent} sent: {} refused, {} failed on the server, {answered} answered, {} ended their session; of {witnessed} \
         sent past sidegate too, {would_leak} showed what is hidden",
        sum(|tally| tally.refused),
        sum(|tally| tally.failed),
        sum(|tally| tally.cut),
    );
    let findings: Vec<&String> = tallies.iter().flat_map(|tally| &tally.findings).collect();
    assert!(findings.is_empty(), "seed {seed}: {findings:#?}");
    assert!(sent == count / 4 * 4 || number("SIDEGATE_FUZZ_FROM").is_some());
    assert!(answered > sent / 100, "statements that are refused anyway show little");
    assert!(would_leak > 0, "nothing of it was an attack");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn run(site: &Site, policy: &'static Policy, seed: u64, count: usize) -> Tally {
    let door = site.door("svc", policy, "pins: {statement_timeout: \"2s\"}");
    // Whatever the witness does, it does to a database that nobody looks at.
    let witness = Direct::open(site.server, &prepare(site.server, &format!("witnessed_{seed}")), "witness");
    witness.run("set statement_timeout = '2s'; set default_transaction_read_only = on");
    let words = site.keeper.ask("select word from pg_get_keywords()");
    let mut generator = Generator::new(seed, words.rows.into_iter().filter_map(|row| row.into_iter().next()?));
    let mut tally = Tally::default();
    let mut client = None;
    let mut before = site.keeper.state();
    let mut passed = Vec::new();
    let from = number("SIDEGATE_FUZZ_FROM").map_or(0, |from| usize::try_from(from).expect("small"));
    for at in 0..count {
        let sql = generator.statement();
        let form = [Form::Simple, Form::Simple, Form::Text, Form::Binary][generator.dice().below(4)];
        let witnessed = generator.dice().below(WITNESSED) == 0;
        if at < from {
            continue;
        }
        // A COPY leaves the driver without an answer.
        if witnessed && !sql.contains('\0') && !sql.to_lowercase().contains("copy") {
            tally.witnessed += 1;
            tally.would_leak += usize::from(shows(&witness.ask(&sql)));
            witness.run("rollback");
        }
        let answer = send(&door, &mut client, &sql, form);
        tally.sent += 1;
        if let Some(leak) = leak(&answer) {
            tally.findings.push(format!("{} {} {form:?} {sql:?}: {leak}", site.version, door.name()));
        }
        match end(&answer) {
            End::Refused(_) => tally.refused += 1,
            End::Failed(_) => tally.failed += 1,
            End::Answered => tally.answered += 1,
            End::Cut => tally.cut += 1,
        }
        if !matches!(end(&answer), End::Refused(_)) {
            passed.push(sql);
        }
        if tally.sent % BATCH == 0 || at.saturating_add(1) == count {
            let after = site.keeper.state();
            for ((part, _), _) in before.iter().zip(&after).filter(|(old, new)| old != new) {
                tally.findings.push(format!(
                    "{} {}: {part} changed by one of those up to {at}: {passed:?}",
                    site.version,
                    door.name()
                ));
            }
            before = after;
            passed.clear();
        }
    }
    tally
}

/// Sends it and leaves the session as it was, or ends it.
fn send(door: &Door<'_>, client: &mut Option<Raw>, sql: &str, form: Form) -> Vec<Message> {
    let mut session = client.take().unwrap_or_else(|| door.knock(&[]).0);
    session.send(&spoken(sql.as_bytes(), form));
    let mut answer = Vec::new();
    loop {
        let Some(message) = session.next() else { return answer };
        let tag = message.tag;
        answer.push(message);
        match tag {
            'Z' => break,
            'G' | 'W' => session.send(&self::message('f', b"nothing comes\0")),
            _ => {}
        }
    }
    let settled = answer.last().is_some_and(|ready| ready.body == b"I");
    if !settled {
        session.send(&query("rollback"));
        answer.extend(session.answer());
        // Prepared statements and cursors of this one are nothing to the next.
        return answer;
    }
    *client = Some(session);
    answer
}

fn shows(outcome: &Outcome) -> bool {
    let body: Vec<u8> = outcome.rows.iter().flatten().flatten().flat_map(|value| value.bytes()).collect();
    leak(&[Message { tag: 'd', body }]).is_some()
}
