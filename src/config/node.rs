//! A configuration as a tree that still knows where each piece was written.

/// Where a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A line of the file, from 1.
    Line(usize),
    /// A `--set` argument.
    Set,
    /// A `--set-file` argument.
    SetFile,
}

/// One value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A single value, not yet typed.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in written order; keys are unique.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    /// Whether the key came from the environment and may hold part of a secret.
    pub(super) hidden: bool,
    pub(super) value: Node,
}

/// A single value as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Written so that it is text whatever it looks like.
    pub(super) quoted: bool,
    /// Whether a part came from the environment or from a file of its own, and may be a secret.
    pub(super) hidden: bool,
}

/// What an unquoted value is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `yes`, `on` or their opposites, as OPA's YAML reads them.
    Bool(bool),
    /// A number.
    Number,
    /// Anything else.
    Text,
}

impl Scalar {
    /// Typed as YAML types it.
    pub(super) fn plain(&self) -> Plain {
        if self.quoted {
            return Plain::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Plain::Bool(true),
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Plain::Bool(false),
            text if is_number(text) => Plain::Number,
            _ => Plain::Text,
        }
    }
}

impl Node {
    /// Whether this is YAML's null, which counts as absent.
    pub(super) fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.plain() == Plain::Null,
            Kind::List(_) | Kind::Map(_) => false,
        }
    }

    /// How many nodes this is, itself included.
    pub(super) fn size(&self) -> usize {
        match &self.kind {
            Kind::Scalar(_) => 1,
            Kind::List(items) => items.iter().map(Node::size).fold(1, usize::saturating_add),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.size()).fold(1, usize::saturating_add),
        }
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.parse::<f64>().is_ok()
}
