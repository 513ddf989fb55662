//! What came back through sidegate, and what must not have.

use crate::database::Outcome;
use crate::harness::raw::Message;

/// Values that nobody behind the policy may see, and how hexadecimal digits and base64 spell them.
const CANARIES: [&[u8]; 7] = [
    b"TOPSECRET",
    b"123-45-",
    b"@leak.example",
    b"544f50534543524554",
    b"3132332d34352d",
    b"406c65616b2e6578616d706c65",
    b"VE9QU0VDUkVU",
];

/// A hidden number. Part of a longer one it is nobody's secret.
const NUMBER: &[u8] = b"99999";

/// Who ended it, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// sidegate refused.
    Refused(String),
    /// The server said no.
    Failed(String),
    /// It was answered.
    Answered,
    /// The stream ended without a word.
    Cut,
}

/// Whether any byte of them is a value that is hidden.
pub fn leak(messages: &[Message]) -> Option<String> {
    messages.iter().find_map(|message| {
        let body = without_ids(&message.body);
        let found = CANARIES.iter().find(|canary| contains(&body, canary));
        let is_binary = message.tag == 'D' && contains(&body, &99_999_u32.to_be_bytes());
        let number = contains_number(&body).then_some(NUMBER);
        let canary = found.copied().or(number).or(is_binary.then_some(b"a binary 99999"))?;
        Some(format!("`{}` in a message `{}`", String::from_utf8_lossy(canary), message.tag))
    })
}

/// The same without what names decisions: it is random, and has every number now and then.
fn without_ids(body: &[u8]) -> Vec<u8> {
    const BEFORE: &[u8] = b"decision ";
    let is_id = |id: &[u8]| id.len() == 36 && id.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let mut kept = body.to_vec();
    for at in 0..body.len() {
        let start = at + BEFORE.len();
        if body[at..].starts_with(BEFORE) && body.get(start..start + 36).is_some_and(is_id) {
            kept[start..start + 36].fill(b'_');
        }
    }
    kept
}

fn contains(body: &[u8], wanted: &[u8]) -> bool {
    body.windows(wanted.len()).any(|window| window == wanted)
}

fn contains_number(body: &[u8]) -> bool {
    let digit = |at: Option<usize>| at.and_then(|at| body.get(at)).is_some_and(u8::is_ascii_digit);
    let mut found = body.windows(NUMBER.len()).enumerate().filter(|(_, window)| *window == NUMBER);
    found.any(|(at, _)| !digit(at.checked_sub(1)) && !digit(at.checked_add(NUMBER.len())))
}

/// How an exchange ended. Everything of one exchange is one question: an error anywhere is its end.
pub fn end(messages: &[Message]) -> End {
    let Some(error) = messages.iter().find(|message| message.tag == 'E') else {
        return if messages.last().is_some_and(|last| last.tag == 'Z') { End::Answered } else { End::Cut };
    };
    let said = format!("{} {}", error.field('C'), error.field('M'));
    let ours = error.field('D').starts_with("decision ")
        || ["denied by", "statement ", "protocol ", "start-up parameter", "client_encoding \"", "message "]
            .iter()
            .any(|start| error.field('M').starts_with(start));
    // The server names the routine that complains.
    if ours && error.field('R').is_empty() { End::Refused(said) } else { End::Failed(said) }
}

/// Rows as text, as a driver would see them.
pub fn rows(messages: &[Message]) -> Outcome {
    let mut outcome = Outcome::default();
    for message in messages {
        match message.tag {
            'T' => {
                outcome.columns = columns(&message.body);
                outcome.rows.clear();
            }
            'D' => outcome.rows.push(values(&message.body)),
            'E' => outcome.sqlstate = Some(message.field('C')),
            _ => {}
        }
    }
    outcome
}

fn columns(body: &[u8]) -> Vec<String> {
    let mut rest = &body[2..];
    let mut names = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        names.push(String::from_utf8_lossy(&rest[..end]).into_owned());
        rest = &rest[end + 19..];
    }
    names
}

fn values(body: &[u8]) -> Vec<Option<String>> {
    let mut rest = &body[2..];
    let mut values = Vec::new();
    while let Some((length, after)) = rest.split_at_checked(4) {
        let length = i32::from_be_bytes(length.try_into().expect("four bytes"));
        let taken = usize::try_from(length).ok();
        values.push(taken.map(|taken| String::from_utf8_lossy(&after[..taken]).into_owned()));
        rest = &after[taken.unwrap_or_default()..];
    }
    values
}

/// How an answer differs from what the server says of the same statement, masked columns left out.
pub fn difference(told: &Outcome, through: &Outcome, masked: &[String], names: bool) -> Option<String> {
    if names && told.columns != through.columns {
        return Some(format!("columns {:?}, not {:?}", through.columns, told.columns));
    }
    if told.rows.len() != through.rows.len() {
        return Some(format!("{} rows, not {}", through.rows.len(), told.rows.len()));
    }
    for (expected, seen) in told.rows.iter().zip(&through.rows) {
        if expected.len() != seen.len() {
            return Some(format!("{} columns, not {}", seen.len(), expected.len()));
        }
        for ((name, expected), seen) in told.columns.iter().zip(expected).zip(seen) {
            let is_masked = masked.contains(name);
            if !is_masked && names && expected != seen {
                return Some(format!("{name} is {seen:?}, not {expected:?}"));
            }
            if is_masked && expected == seen && expected.as_ref().is_some_and(|value| !value.starts_with("note")) {
                return Some(format!("{name} is not masked"));
            }
        }
    }
    None
}
