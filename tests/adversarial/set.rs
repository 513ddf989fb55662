//! Every case on every server, as each role, in each form of the protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use crate::answer::{End, difference, end, leak, rows};
use crate::case::{Case, Verdict};
use crate::database::{Direct, State, prepare};
use crate::harness::raw::{Message, Raw, message, query, startup, sync};
use crate::harness::{PASSWORD, Postgres, Setup, Sidegate, postgres, postgres18, until};
use crate::wire;

/// Forms in which a statement is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Simple,
    /// Extended, results as text.
    Text,
    /// Extended, results in binary.
    Binary,
}

/// What is wrong with how a case ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    Leak(String),
    Change(String),
    /// What may be done was refused, or came back otherwise.
    Refused(String),
    /// What is refused was not refused by sidegate: the server's own no, or an answer that held nothing.
    Passed(String),
}

/// Where it went wrong, and how.
pub type Findings = Vec<(String, String, Wrong)>;

/// One server under attack.
pub struct Site {
    pub server: &'static Postgres,
    pub version: &'static str,
    pub database: String,
    /// Sees and mends everything.
    pub keeper: Direct,
    /// What the owner is told past sidegate.
    pub owner: Direct,
}

/// One way in.
pub struct Door<'a> {
    pub site: &'a Site,
    pub role: &'static str,
    pub policy: &'static Policy,
    pub sidegate: Sidegate,
}

/// How somebody may say that e-mail and ssn are hidden.
pub struct Policy {
    pub name: &'static str,
    rego: &'static str,
    /// Whether a case that masks could answer is answered.
    masks: bool,
}

pub const MASKED: Policy = Policy { name: "masked", rego: include_str!("masked.rego"), masks: true };
pub const MASKS: Policy = Policy { name: "masks", rego: include_str!("masks.rego"), masks: true };
pub const ANYTHING: Policy = Policy { name: "anything", rego: include_str!("anything.rego"), masks: true };
pub const UNSEEN: Policy = Policy { name: "unseen", rego: include_str!("unseen.rego"), masks: false };

/// What only a superuser's connection makes dangerous is tried with one, and the rest with the two others.
const DOORS: [(&str, &Policy); 4] = [("svc", &MASKED), ("svc", &UNSEEN), ("analyst", &MASKED), ("app", &MASKED)];

impl Policy {
    /// One that masks.
    pub const fn named(name: &'static str, rego: &'static str) -> Self {
        Self { name, rego, masks: true }
    }
}

impl Door<'_> {
    /// Which policy stands at it.
    pub fn name(&self) -> &'static str {
        self.policy.name
    }

    /// Whether the owner, too, is told no.
    pub fn fails(&self, sql: &str) -> bool {
        !sql.contains(';') && self.site.owner.ask(sql).sqlstate.is_some()
    }

    /// A connection that has said nothing yet.
    pub fn knock(&self, parameters: &[(&str, &str)]) -> (Raw, Vec<Message>) {
        let mut client = Raw::silent(self.sidegate.port);
        let parameters = [&[("user", "alice"), ("database", self.site.database.as_str())], parameters].concat();
        client.send(&startup(&parameters));
        let welcome = client.answer();
        (client, welcome)
    }
}

#[test]
fn every_case_ends_as_its_verdict_says() {
    let sites: [fn() -> Site; 2] =
        [|| Site::open(postgres(), "15", "adversarial"), || Site::open(postgres18(), "18", "adversarial")];
    let running: Vec<_> = sites.map(|site| thread::spawn(move || attack(&site()))).into_iter().collect();
    let findings: Findings = running.into_iter().flat_map(|one| one.join().expect("it ends")).collect();
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut worst = Vec::new();
    for (id, place, wrongly) in &findings {
        let kind = match wrongly {
            Wrong::Leak(_) | Wrong::Change(_) => {
                worst.push(format!("{id} {place}: {wrongly:?}"));
                continue;
            }
            Wrong::Refused(_) => "refused",
            Wrong::Passed(_) => "passed",
        };
        wrong.entry(format!("{id} {kind}")).or_default().push(format!("{place}: {wrongly:?}"));
    }
    let known: BTreeSet<&str> =
        include_str!("known.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let new: Vec<_> = wrong.iter().filter(|(line, _)| !known.contains(line.as_str())).collect();
    let gone: Vec<_> = known.iter().filter(|line| !wrong.contains_key(**line)).collect();
    assert!(worst.is_empty(), "hidden values or changes got through:\n{}", worst.join("\n"));
    assert!(new.is_empty(), "these end otherwise than their verdict says: {new:#?}");
    assert!(gone.is_empty(), "these end as they should now, strike them from known.txt: {gone:#?}");
}

impl Site {
    pub fn open(server: &'static Postgres, version: &'static str, database: &str) -> Self {
        let database = prepare(server, database);
        let keeper = Direct::open(server, &database, "app");
        let owner = Direct::open(server, &database, "svc");
        Self { server, version, database, keeper, owner }
    }

    /// A sidegate that logs in as this role.
    pub fn door(&self, role: &'static str, policy: &'static Policy, listener: &str) -> Door<'_> {
        let sidegate = Setup::policy(policy.rego)
            .server(self.server)
            .database(&self.database)
            .credential(role, PASSWORD)
            .listener(listener)
            .quiet()
            .start();
        let door = Door { site: self, role, policy, sidegate };
        // Where the catalog is not read yet, more is refused than has to be.
        until("the catalog", || {
            door.knock(&[]).0.ask(&query("select id from orders limit 1"));
            (door.sidegate.metric("sidegate_catalog_reads_total") > 0.0).then_some(())
        });
        door
    }
}

fn attack(site: &Site) -> Findings {
    let mut findings = Vec::new();
    let cases = Case::all();
    let mut state = site.keeper.state();
    for (role, policy) in DOORS {
        let door = site.door(role, policy, "");
        for case in cases.iter().filter(|case| (case.db_role == "postgres") == (role == "app")) {
            play(&door, case, &mut state, &mut findings);
        }
    }
    findings
}

fn play(door: &Door<'_>, case: &Case, state: &mut State, findings: &mut Findings) {
    let mut note = |form: &str, wrong: Wrong| {
        let place = format!("PostgreSQL {} {} {form}", door.site.version, door.role);
        eprintln!("{} {} {place} {wrong:?}", door.policy.name, case.id);
        findings.push((format!("{} {}", door.policy.name, case.id), place, wrong));
    };
    let undo = case.scene().map(|scene| stage(door.site, &case.id, scene));
    if undo.is_some() {
        *state = door.site.keeper.state();
    }
    let forms: &[Option<Form>] = match case.wire {
        Some(_) => &[None],
        None => &[Some(Form::Simple), Some(Form::Text), Some(Form::Binary)],
    };
    for form in forms {
        let name = form.map_or("wire".to_owned(), |form| format!("{form:?}"));
        let seen = match form {
            Some(form) => send(door, case, *form),
            None => wire::play(door, case),
        };
        if let Some(leak) = leak(&seen.concat()) {
            note(&name, Wrong::Leak(leak));
        }
        if let Some(wrong) = judge(door, case, *form, &seen) {
            note(&name, wrong);
        }
    }
    let after = door.site.keeper.state();
    for ((part, old), (_, new)) in state.iter().zip(&after) {
        if old != new {
            note("", Wrong::Change((*part).to_owned()));
        }
    }
    *state = after;
    if let Some(undo) = undo {
        door.site.keeper.run(undo);
        *state = door.site.keeper.state();
    }
}

/// Sets the scene, and says how it is struck.
fn stage(site: &Site, id: &str, scene: &str) -> &'static str {
    site.owner.run(scene);
    match id {
        "L26" => "drop table aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "F25" => "drop sequence orders_seq",
        "G26" => "drop function public.now()",
        other => panic!("{other}: nobody knows how to undo `{scene}`"),
    }
}

/// Answers to all that an attacker sends, the case's own statement last.
fn send(door: &Door<'_>, case: &Case, form: Form) -> Vec<Vec<Message>> {
    let (mut client, welcome) = door.knock(&[]);
    let mut seen = vec![welcome];
    for sql in case.opening() {
        client.send(&query(&sql));
        seen.push(client.answer());
    }
    client.send(&spoken(&case.bytes(), form));
    seen.push(client.answer());
    seen
}

pub fn spoken(sql: &[u8], form: Form) -> Vec<u8> {
    let format = match form {
        Form::Simple => return message('Q', &[sql, &[0]].concat()),
        Form::Text => 0,
        Form::Binary => 1,
    };
    [
        message('P', &[&[0], sql, &[0, 0, 0]].concat()),
        message('B', &[0, 0, 0, 0, 0, 0, 0, 1, 0, format]),
        message('D', b"P\0"),
        message('E', &[0, 0, 0, 0, 0]),
        sync(),
    ]
    .concat()
}

fn judge(door: &Door<'_>, case: &Case, form: Option<Form>, seen: &[Vec<Message>]) -> Option<Wrong> {
    let ends: Vec<End> = seen.iter().skip(1).map(|messages| end(messages)).collect();
    let refused = ends.iter().any(|end| matches!(end, End::Refused(_)));
    let last = ends.last()?;
    let verdict = if case.verdict == Verdict::Mask && !door.policy.masks { Verdict::Deny } else { case.verdict };
    match verdict {
        Verdict::Deny if refused => None,
        // What the server does for nobody needs no refusal.
        Verdict::Deny if matches!(last, End::Failed(_)) && case.sql.as_deref().is_some_and(|sql| door.fails(sql)) => {
            None
        }
        Verdict::Deny => Some(Wrong::Passed(format!("{last:?}"))),
        Verdict::Allow | Verdict::Mask if refused && case.refusal_ok => None,
        Verdict::Allow | Verdict::Mask => {
            let sql = String::from_utf8(case.bytes()).expect("controls are UTF-8");
            let told = door.site.owner.ask(&sql);
            match last {
                End::Answered => {
                    let through = rows(seen.last()?);
                    let is_text = form != Some(Form::Binary);
                    difference(&told, &through, &case.mask_columns, is_text).map(Wrong::Refused)
                }
                End::Failed(_) if told.sqlstate.is_some() => None,
                End::Failed(_) | End::Refused(_) | End::Cut => Some(Wrong::Refused(format!("{last:?}"))),
            }
        }
    }
}
