//! Attacks by another hand, in the session that they need: statements before, messages of one's choice, start-up
//! parameters. One a line of `more.jsonl`, sent under `masked.rego`, under masks and nothing else (`masks.rego`), and where
//! it leaves nothing behind also where everything is allowed (`anything.rego`).

use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::answer::{End, end, leak};
use crate::database::State;
use crate::harness::raw::{Message, Raw, bind, close, execute, flush, message, parse, query, sync};
use crate::harness::{postgres, postgres18};
use crate::set::{ANYTHING, Door, Form, MASKED, MASKS, Policy, Site, spoken};

/// One of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attack {
    id: String,
    #[expect(dead_code, reason = "for those who read the file")]
    family: String,
    /// What the attacker sends, in every form; in its place may be messages, exchange by exchange.
    #[serde(default)]
    sql: String,
    #[serde(default)]
    messages: Vec<Vec<Sent>>,
    /// What the attacker sends before, as simple queries.
    #[serde(default)]
    before: Vec<String>,
    #[serde(default)]
    startup: Vec<(String, String)>,
    /// Under `masked.rego`.
    ends: Ends,
    /// Whether it is tried where everything is allowed, too; it must leave nothing behind there.
    #[serde(default)]
    anything: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Ends {
    /// By sidegate, or the server does it for nobody.
    Refused,
    Answered,
    /// As it likes, showing nothing.
    Anyhow,
}

/// A message, by its tag and what is in it.
#[derive(Clone, Debug, Deserialize)]
enum Sent {
    #[serde(rename = "Q")]
    Query(String),
    #[serde(rename = "P")]
    Parse(String, String),
    /// Portal, statement, values, and the formats of the results.
    #[serde(rename = "B")]
    Bind(String, String, Vec<String>, Vec<u16>),
    /// Of a statement.
    #[serde(rename = "DS")]
    DescribeStatement(String),
    #[serde(rename = "DP")]
    DescribePortal(String),
    #[serde(rename = "E")]
    Execute(String, u32),
    #[serde(rename = "C")]
    Close(String),
    #[serde(rename = "H")]
    Flush,
    #[serde(rename = "S")]
    Sync,
}

impl Sent {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Query(sql) => query(sql),
            Self::Parse(name, sql) => parse(name, sql),
            Self::Bind(portal, statement, values, formats) => {
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                let mut whole = bind(portal, statement, &values);
                let mut body = whole.split_off(5);
                body.truncate(body.len() - 2);
                body.extend_from_slice(&u16::try_from(formats.len()).expect("few").to_be_bytes());
                body.extend(formats.iter().flat_map(|format| format.to_be_bytes()));
                message('B', &body)
            }
            Self::DescribeStatement(name) => message('D', format!("S{name}\0").as_bytes()),
            Self::DescribePortal(name) => message('D', format!("P{name}\0").as_bytes()),
            Self::Execute(portal, rows) => execute(portal, *rows),
            Self::Close(statement) => close(statement),
            Self::Flush => flush(),
            Self::Sync => sync(),
        }
    }

    /// Whether the server says that it is ready once it has answered it.
    fn is_answered(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Sync)
    }
}

impl Attack {
    fn all() -> Vec<Self> {
        include_str!("more.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect()
    }

    /// Whether a session that others have used is as good as a new one.
    fn is_alone(&self) -> bool {
        self.before.is_empty() && self.messages.is_empty() && self.startup.is_empty()
    }

    /// In which forms it is sent; messages say that themselves.
    fn forms(&self, policy: &Policy) -> &'static [Form] {
        match self.is_alone() {
            true if policy.name == MASKED.name => &[Form::Simple, Form::Binary],
            true => &[Form::Text],
            false => &[Form::Simple],
        }
    }
}

#[test]
fn attacks_by_another_hand_show_nothing_either() {
    let sites: [fn() -> Site; 2] =
        [|| Site::open(postgres(), "15", "attacked"), || Site::open(postgres18(), "18", "attacked")];
    let running: Vec<_> = sites.map(|site| thread::spawn(move || attack(&site()))).into_iter().collect();
    let findings: Vec<String> = running.into_iter().flat_map(|one| one.join().expect("it ends")).collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

fn attack(site: &Site) -> Vec<String> {
    let mut findings = Vec::new();
    for (policy, role) in [(&MASKED, "svc"), (&MASKS, "svc"), (&ANYTHING, "svc")] {
        let door = site.door(role, policy, "");
        let before = site.keeper.state();
        let mut client = None;
        for attack in Attack::all() {
            let anybody = door.name() == ANYTHING.name;
            if anybody && !attack.anything {
                continue;
            }
            for form in attack.forms(policy) {
                let seen = play(&door, &attack, *form, &mut client);
                let place = || format!("PostgreSQL {} {} {} {form:?}", site.version, door.name(), attack.id);
                // What nothing is masked of may be read by anybody.
                let hidden = seen.concat().into_iter().filter(|_| !anybody || shows_masked(&attack));
                if let Some(leak) = leak(&hidden.collect::<Vec<_>>()) {
                    findings.push(format!("{}: {leak}", place()));
                }
                if seen.iter().flatten().any(|message| message.tag == 'N' && tells_of_sidegate(message)) {
                    findings.push(format!("{}: what sidegate asks itself is told", place()));
                }
                if door.name() == MASKED.name
                    && let Some(wrong) = judge(&door, &attack, &seen)
                {
                    findings.push(format!("{}: {wrong}", place()));
                }
            }
        }
        let after = settled(site, &before);
        for ((part, _), _) in before.iter().zip(&after).filter(|(old, new)| old != new) {
            findings.push(format!("PostgreSQL {} {}: {part} changed", site.version, door.name()));
        }
    }
    findings
}

/// Whether a notice has the name in it under which sidegate asks.
fn tells_of_sidegate(notice: &Message) -> bool {
    notice.field('M').contains("sidegate ")
}

/// The state once it is as it was, or has not become so for a while: sessions that are closed still end.
fn settled(site: &Site, before: &State) -> State {
    for _ in 0..50 {
        if site.keeper.state() == *before {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    site.keeper.state()
}

/// Whether it is after what is masked, and nothing else that is hidden.
fn shows_masked(attack: &Attack) -> bool {
    let others = |sql: &str| ["secrets", "hr", "parted", "salaries"].iter().any(|other| sql.contains(other));
    let texts = attack
        .messages
        .iter()
        .flatten()
        .filter_map(|sent| if let Sent::Query(sql) | Sent::Parse(_, sql) = sent { Some(sql) } else { None });
    !texts.chain(&attack.before).chain([&attack.sql]).any(|sql| others(sql))
}

/// The answers to all of it, the greeting first.
fn play(door: &Door<'_>, attack: &Attack, form: Form, shared: &mut Option<Raw>) -> Vec<Vec<Message>> {
    let parameters: Vec<_> = attack.startup.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let used = if attack.is_alone() { shared.take() } else { None };
    let (mut client, welcome) = used.map_or_else(|| door.knock(&parameters), |client| (client, Vec::new()));
    let mut seen = vec![welcome];
    if !attack.startup.is_empty() && seen[0].last().is_none_or(|last| last.tag != 'Z') {
        return seen;
    }
    for sql in &attack.before {
        client.send(&query(sql));
        seen.push(answered(&mut client));
    }
    for exchange in &attack.messages {
        client.send(&exchange.iter().flat_map(Sent::bytes).collect::<Vec<_>>());
        for _ in exchange.iter().filter(|sent| sent.is_answered()) {
            seen.push(answered(&mut client));
        }
    }
    if attack.messages.is_empty() {
        client.send(&spoken(attack.sql.as_bytes(), form));
        seen.push(answered(&mut client));
    }
    let is_idle = seen.last().and_then(|last| last.last()).is_some_and(|last| last.tag == 'Z' && last.body == b"I");
    if attack.is_alone() && is_idle {
        *shared = Some(client);
    }
    seen
}

/// An answer; who is asked for rows gives none.
fn answered(client: &mut Raw) -> Vec<Message> {
    let mut seen = Vec::new();
    while let Some(message) = client.next() {
        let tag = message.tag;
        seen.push(message);
        match tag {
            'Z' => break,
            'G' | 'W' => client.send(&self::message('f', b"nothing comes\0")),
            _ => {}
        }
    }
    seen
}

fn judge(door: &Door<'_>, attack: &Attack, seen: &[Vec<Message>]) -> Option<String> {
    let ends: Vec<End> = seen.iter().map(|messages| end(messages)).collect();
    let refused = ends.iter().any(|end| matches!(end, End::Refused(_)));
    let last = ends.last()?;
    let right = match attack.ends {
        Ends::Refused => refused || (matches!(last, End::Failed(_)) && door.fails(&attack.sql)),
        Ends::Answered => *last == End::Answered && !refused,
        Ends::Anyhow => true,
    };
    (!right).then(|| format!("{:?}, and ended {last:?}", attack.ends))
}
