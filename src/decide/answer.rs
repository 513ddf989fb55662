//! What one rule said, checked against the contract: nothing of another type gets further.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::error::DecideError;
use super::name;
use crate::bundle::EntrySet;

/// The members of one set, or the value of the one rule that is the decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    Reasons(Vec<String>),
    Approvals(Vec<Approval>),
    Masks(Vec<Mask>),
    Limits(Vec<RowLimit>),
    Audits(Vec<Strict>),
    Records(Vec<Record>),
    Alerts(Vec<Alert>),
    Boolean(bool),
    Object(Box<DecisionObject>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `reason` and `approvers`")]
pub(super) struct Approval {
    pub(super) reason: String,
    pub(super) approvers: Vec<String>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) quorum: Option<u32>,
    #[serde(default, deserialize_with = "span", skip_serializing_if = "Option::is_none")]
    pub(super) hold: Option<String>,
    #[serde(default, deserialize_with = "span", skip_serializing_if = "Option::is_none")]
    pub(super) valid: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `column` and `with`")]
pub(super) struct Mask {
    pub(super) column: String,
    pub(super) with: Masker,
}

/// How a column's values are masked, in the contract's order: of two on one column the first wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, expecting = "an object that names one masker")]
pub enum Masker {
    /// NULL.
    Null {
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// The same value for all, NULL too.
    Replace {
        /// That value.
        value: Value,
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// As many characters, none of them the value's.
    Redact {
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// A keyed digest.
    Hash {
        /// The name of the key.
        key: String,
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// Another value of the same format, the same one for the same value.
    Tokenize {
        /// The name of the key.
        key: String,
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// The first and last characters stay.
    Partial {
        /// How many at the start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep_first: Option<u32>,
        /// How many at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep_last: Option<u32>,
        /// What stands for each of the others; `*` if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<String>,
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// An e-mail address of which little stays.
    Email {
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
    /// Whatever looks like a secret inside the value.
    Detect {
        /// The parts of a JSON value that it is for; none: all of the value.
        #[serde(default, deserialize_with = "pointers", skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
}

impl Masker {
    /// Its name.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Null { .. } => "null",
            Self::Replace { .. } => "replace",
            Self::Redact { .. } => "redact",
            Self::Hash { .. } => "hash",
            Self::Tokenize { .. } => "tokenize",
            Self::Partial { .. } => "partial",
            Self::Email { .. } => "email",
            Self::Detect { .. } => "detect",
        }
    }

    /// Its place in the contract's order.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Null { .. } => 0,
            Self::Replace { .. } => 1,
            Self::Redact { .. } => 2,
            Self::Hash { .. } => 3,
            Self::Tokenize { .. } => 4,
            Self::Partial { .. } => 5,
            Self::Email { .. } => 6,
            Self::Detect { .. } => 7,
        }
    }

    /// The parts of a JSON value that it is for, as JSON Pointers with `*` for any one step; none: all of the value.
    pub fn paths(&self) -> &[String] {
        match self {
            Self::Null { paths }
            | Self::Replace { paths, .. }
            | Self::Redact { paths }
            | Self::Hash { paths, .. }
            | Self::Tokenize { paths, .. }
            | Self::Partial { paths, .. }
            | Self::Email { paths }
            | Self::Detect { paths } => paths,
        }
    }

    /// What masks a column that both are for: the first in the contract's order, on the paths of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let (first, second) = if self.rank() <= other.rank() { (self, other) } else { (other, self) };
        let mut masker = first.clone();
        let more: Vec<String> = second.paths().iter().filter(|path| !first.paths().contains(path)).cloned().collect();
        let (Self::Null { paths }
        | Self::Replace { paths, .. }
        | Self::Redact { paths }
        | Self::Hash { paths, .. }
        | Self::Tokenize { paths, .. }
        | Self::Partial { paths, .. }
        | Self::Email { paths }
        | Self::Detect { paths }) = &mut masker;
        // One without is for all of the value.
        if second.paths().is_empty() {
            paths.clear();
        } else if !paths.is_empty() {
            paths.extend(more);
        }
        masker
    }
}

/// Most paths of one mask.
const MOST_PATHS: usize = 64;

fn pointers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let paths = Vec::<String>::deserialize(deserializer)?;
    if paths.is_empty() || paths.len() > MOST_PATHS {
        let problem = format!("`paths` must have 1 to {MOST_PATHS} JSON Pointers: leave it out for the whole value");
        return Err(serde::de::Error::custom(problem));
    }
    match paths.iter().find(|path| !path.starts_with('/')) {
        Some(path) => Err(serde::de::Error::custom(format!("`{path}` is no JSON Pointer: write `/a/*/b`"))),
        None => Ok(paths),
    }
}

/// The most that may come back of one statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `rows`, `bytes` or both")]
pub struct RowLimit {
    /// Rows.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Bytes of rows, as they stand on the wire.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "`strict`")]
pub(super) enum Strict {
    Strict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "`strict`, `async` or `auto`")]
pub(super) enum Audit {
    Strict,
    Async,
    Auto,
}

/// What is recorded; the greatest of several wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "`full`, `statements` or `none`")]
pub(super) enum Record {
    None,
    Statements,
    Full,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `severity` and `message`")]
pub(super) struct Alert {
    pub(super) severity: Severity,
    pub(super) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "`low`, `medium` or `high`")]
pub(super) enum Severity {
    Low,
    Medium,
    High,
}

/// Masks by table (`schema.table`, see [`relation_name`](super::relation_name)) and column, as in OPA's column masks.
pub type Masks = BTreeMap<String, BTreeMap<String, Masker>>;

/// The decision object of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a boolean or a decision object")]
pub(super) struct DecisionObject {
    pub(super) allow: bool,
    #[serde(default)]
    pub(super) reasons: Vec<String>,
    #[serde(default, deserialize_with = "masks", skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) mask: Masks,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) approval: Option<Approval>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<RowLimit>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) unparsed: Option<bool>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) audit: Option<Audit>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) record: Option<Record>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) alerts: Vec<Alert>,
}

impl Answer {
    /// Reads the value of one set of one package.
    pub(super) fn of_set(rule: &str, set: EntrySet, value: &regorus::Value) -> Result<Self, DecideError> {
        let wrong = |detail: String| DecideError::Type { rule: rule.to_owned(), detail };
        let members = value.as_set().map_err(|_| wrong("it must be a set; write `contains`".to_owned()))?;
        let json = members.iter().map(plain).collect::<Result<Vec<_>, _>>().map_err(&wrong)?;
        let answer = match set {
            EntrySet::Allow
            | EntrySet::Deny
            | EntrySet::AllowUnparsed
            | EntrySet::DenySession
            | EntrySet::DenyResponse
            | EntrySet::DenyCommit => typed(json).map(Self::Reasons),
            EntrySet::Approve => typed(json).map(Self::Approvals),
            EntrySet::Mask => typed(json).map(Self::Masks),
            EntrySet::Limit => typed(json).map(Self::Limits),
            EntrySet::Audit => typed(json).map(Self::Audits),
            EntrySet::Record => typed(json).map(Self::Records),
            EntrySet::Alert => typed(json).map(Self::Alerts),
        };
        answer.and_then(Self::sound).map_err(wrong)
    }

    /// Reads the value of the one rule that is the decision.
    pub(super) fn of_rule(rule: &str, value: &regorus::Value) -> Result<Self, DecideError> {
        let wrong = |detail: String| DecideError::Type { rule: rule.to_owned(), detail };
        match value {
            regorus::Value::Undefined => Err(DecideError::Undefined { rule: rule.to_owned() }),
            regorus::Value::Bool(allow) => Ok(Self::Boolean(*allow)),
            regorus::Value::Object(_) => plain(value)
                .and_then(|json| DecisionObject::deserialize(&json).map_err(|error| odd_key(&json, &error)))
                .and_then(|object| Self::Object(Box::new(object)).sound())
                .map_err(wrong),
            regorus::Value::Null
            | regorus::Value::Number(_)
            | regorus::Value::String(_)
            | regorus::Value::Array(_)
            | regorus::Value::Set(_) => Err(wrong("it must be a boolean or a decision object".to_owned())),
        }
    }

    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |text| text.len().saturating_add(64))
    }

    /// What the types alone cannot say.
    fn sound(self) -> Result<Self, String> {
        match &self {
            Self::Approvals(approvals) => approvals.iter().try_for_each(check_approval)?,
            Self::Masks(masks) => masks.iter().try_for_each(|mask| name::column(&mask.column).map(|_| ()))?,
            Self::Limits(limits) => limits.iter().try_for_each(check_limit)?,
            Self::Object(object) => {
                object.approval.iter().try_for_each(check_approval)?;
                object.limit.iter().try_for_each(check_limit)?;
                object.mask.keys().try_for_each(|table| name::relation(table).map(|_| ()))?;
            }
            Self::Reasons(_) | Self::Audits(_) | Self::Records(_) | Self::Alerts(_) | Self::Boolean(_) => {}
        }
        Ok(self)
    }
}

fn check_approval(approval: &Approval) -> Result<(), String> {
    if approval.approvers.is_empty() {
        return Err("`approvers` names nobody".to_owned());
    }
    if approval.quorum == Some(0) {
        return Err("`quorum` must be at least 1, got `0`".to_owned());
    }
    Ok(())
}

fn check_limit(limit: &RowLimit) -> Result<(), String> {
    if limit.rows.is_none() && limit.bytes.is_none() {
        return Err("a limit needs `rows` or `bytes`".to_owned());
    }
    Ok(())
}

fn typed<T: DeserializeOwned>(members: Vec<Value>) -> Result<Vec<T>, String> {
    members
        .into_iter()
        .map(|member| serde_json::from_value(member).map_err(|error| format!("a member is wrong: {}", plainly(&error))))
        .collect()
}

/// What is wrong with a decision object, and under which of its keys.
fn odd_key(object: &Value, error: &serde_json::Error) -> String {
    let alone = |key: &str, value: &Value| {
        let mut lone = serde_json::Map::from_iter([("allow".to_owned(), Value::Bool(true))]);
        lone.insert(key.to_owned(), value.clone());
        let error = DecisionObject::deserialize(&Value::Object(lone)).err()?;
        let text = plainly(&error);
        Some(if text.starts_with(&format!("unknown key `{key}`")) { text } else { format!("`{key}`: {text}") })
    };
    let members = object.as_object().into_iter().flatten();
    members.into_iter().find_map(|(key, value)| alone(key, value)).unwrap_or_else(|| plainly(error))
}

/// What JSON has other names for than the library that read it.
fn plainly(error: &serde_json::Error) -> String {
    const WORDS: [(&str, &str); 12] = [
        ("expected u64", "expected a whole number of 0 or more"),
        ("expected u32", "expected a whole number of 0 or more"),
        ("unknown variant", "unknown word"),
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected an object"),
        ("invalid type: sequence", "invalid type: list"),
        ("invalid type: map", "invalid type: object"),
        ("invalid value: map, expected map with a single key", "invalid value: it must name one masker"),
        (
            "invalid type: unit variant, expected struct variant",
            "invalid type: text, expected an object that names one masker",
        ),
        ("expected struct variant", "expected an object, such as `{}`"),
    ];
    WORDS.iter().fold(error.to_string(), |text, (theirs, ours)| text.replace(theirs, ours))
}

/// Masks by table and column. Of several maskers of one column the first in the contract's order wins, as it does where
/// several packages mask it.
fn masks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Masks, D::Error> {
    type Named = BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>;
    let one = |(name, with)| Masker::deserialize(Value::Object(serde_json::Map::from_iter([(name, with)])));
    let column = |maskers: BTreeMap<String, Value>| {
        let read = maskers.into_iter().map(one).collect::<Result<Vec<_>, _>>().map_err(|error| plainly(&error))?;
        let first = read.into_iter().reduce(|first, next| first.and(&next));
        first.ok_or_else(|| "it names no masker".to_owned())
    };
    let mut masks = Masks::new();
    for (table, columns) in Named::deserialize(deserializer)? {
        let mut read = BTreeMap::new();
        for (name, maskers) in columns {
            let odd = |problem| serde::de::Error::custom(format!("`{table}`, `{name}`: {problem}"));
            let masker = column(maskers).map_err(odd)?;
            read.insert(name, masker);
        }
        masks.insert(table, read);
    }
    Ok(masks)
}

/// The engine's value as JSON. Keys must be strings: the engine would print others as JSON text.
fn plain(value: &regorus::Value) -> Result<Value, String> {
    Ok(match value {
        regorus::Value::Null => Value::Null,
        regorus::Value::Bool(value) => Value::Bool(*value),
        regorus::Value::Number(_) => serde_json::to_value(value).map_err(|error| error.to_string())?,
        regorus::Value::String(string) => Value::String(string.to_string()),
        regorus::Value::Array(items) => items.iter().map(plain).collect::<Result<_, _>>()?,
        regorus::Value::Set(items) => items.iter().map(plain).collect::<Result<_, _>>()?,
        regorus::Value::Object(members) => members
            .iter()
            .map(|(name, member)| {
                let name = name.as_string().map_err(|_| "an object has a key that is not a string".to_owned())?;
                Ok((name.to_string(), plain(member)?))
            })
            .collect::<Result<_, String>>()?,
        regorus::Value::Undefined => return Err("a part of it is undefined".to_owned()),
    })
}

/// A key that is there has a value of its type: `null` does not mean absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let span: Duration = humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is not a duration such as `60s`")))?;
    if span.is_zero() {
        return Err(serde::de::Error::custom("a duration must be longer than zero"));
    }
    Ok(Some(text))
}
