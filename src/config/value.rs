//! Typed reading of a tree: each reader takes what it can and reports what it cannot, so all problems show at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::Section;
use super::node::{At, Entry, Kind, Node, Plain};
use super::places::Places;
use super::problem::{Problem, Warning};
use super::units;
use crate::model::Labels;

/// Characters of a wrong value that a message repeats.
const SHOWN: usize = 60;

/// Where problems and warnings are gathered while a file is checked.
#[derive(Debug)]
pub(super) struct Context {
    file: String,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Warning>>,
}

impl Context {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), problems: RefCell::default(), warnings: RefCell::default() }
    }

    pub(super) fn problem(&self, at: At, key: &str, text: impl Display) {
        let problem = Problem { at: at.label(&self.file), key: key.to_owned(), text: text.to_string() };
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn warn(&self, at: At, key: &str, text: impl Display) {
        let warning = Warning { at: at.label(&self.file), key: key.to_owned(), text: text.to_string() };
        self.warnings.borrow_mut().push(warning);
    }

    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Warning>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }
}

/// A value together with its dotted key.
#[derive(Clone, Debug)]
pub(super) struct Value<'a> {
    node: &'a Node,
    path: String,
    context: &'a Context,
}

impl<'a> Value<'a> {
    pub(super) fn root(node: &'a Node, context: &'a Context) -> Self {
        Self { node, path: String::new(), context }
    }

    /// Where everything in it was written.
    pub(super) fn places(&self) -> Places {
        Places::of(&self.context.file, self.node)
    }

    /// The dotted key.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn problem(&self, text: impl Display) {
        self.context.problem(self.node.at, &self.path, text);
    }

    pub(super) fn warn(&self, text: impl Display) {
        self.context.warn(self.node.at, &self.path, text);
    }

    /// A problem that ends in what the value is, as far as it may be shown.
    pub(super) fn wrong(&self, expected: impl Display) {
        self.problem(format!("must be {expected}, got {}", self.got()));
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar(scalar) if scalar.plain() == Plain::Text && !scalar.text.is_empty() => {
                if scalar.text.contains(char::is_control) {
                    self.wrong("one line of text");
                    return None;
                }
                Some(&scalar.text)
            }
            Kind::Scalar(scalar) if scalar.plain() == Plain::Number => {
                self.wrong("text (put it in quotes)");
                None
            }
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => {
                self.wrong("text");
                None
            }
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        if let Kind::Scalar(scalar) = &self.node.kind
            && let Plain::Bool(value) = scalar.plain()
        {
            return Some(value);
        }
        self.wrong("`true` or `false`");
        None
    }

    pub(super) fn integer(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let parsed = self.scalar().and_then(|text| text.parse::<usize>().ok()).filter(|value| range.contains(value));
        if parsed.is_none() {
            self.wrong(format!("a whole number from {} to {}", range.start(), range.end()));
        }
        parsed
    }

    pub(super) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let parsed = self.scalar().and_then(units::duration).filter(|value| range.contains(value));
        if parsed.is_none() {
            let (low, high) = (range.start(), range.end());
            self.wrong(format!("a duration from {low:?} to {high:?} with its unit, such as `50ms` or `10s`"));
        }
        parsed
    }

    pub(super) fn size(&self, range: RangeInclusive<u64>) -> Option<usize> {
        let parsed = self.scalar().and_then(units::size).filter(|value| range.contains(value));
        let parsed = parsed.and_then(|value| usize::try_from(value).ok());
        if parsed.is_none() {
            let (low, high) = (range.start(), range.end());
            self.wrong(format!("a size from {low}B to {high}B with its unit, such as `64KiB`"));
        }
        parsed
    }

    pub(super) fn file(&self) -> Option<PathBuf> {
        self.text().map(PathBuf::from)
    }

    pub(super) fn is_mapping(&self) -> bool {
        match &self.node.kind {
            Kind::Map(_) => true,
            Kind::Scalar(_) | Kind::List(_) => false,
        }
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let found = self.scalar().and_then(|text| choices.iter().find(|(name, _)| *name == text));
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.wrong(names.join(" or "));
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn list(&self) -> Option<Vec<Value<'a>>> {
        let Kind::List(items) = &self.node.kind else {
            self.wrong("a list");
            return None;
        };
        let value = |(index, node)| Value { node, path: format!("{}[{index}]", self.path), context: self.context };
        Some(items.iter().enumerate().map(value).collect())
    }

    /// Names chosen by the author with their values.
    pub(super) fn entries(&self) -> Option<Vec<(&'a str, Value<'a>)>> {
        let Kind::Map(entries) = &self.node.kind else {
            self.wrong("a mapping");
            return None;
        };
        Some(entries.iter().map(|entry| (entry.key.as_str(), self.child(entry))).collect())
    }

    /// A mapping whose keys are known; each other key is a problem.
    pub(super) fn table(&self, section: &'static Section) -> Option<Table<'a>> {
        let table = self.open()?;
        for entry in table.unknown(section.keys) {
            let value = self.child(entry);
            let hint = if entry.hidden { String::new() } else { did_you_mean(&entry.key, section.keys) };
            self.context.problem(entry.at, value.path(), format!("unknown key{hint}"));
        }
        Some(table)
    }

    /// A mapping of OPA's, where an unknown key is only worth a warning.
    pub(super) fn open_table(&self, section: &'static Section) -> Option<Table<'a>> {
        let table = self.open()?;
        for entry in table.unknown(section.keys) {
            let value = self.child(entry);
            let text = format!("unknown configuration option \"{}\" encountered", value.path());
            self.context.warn(entry.at, value.path(), text);
        }
        Some(table)
    }

    pub(super) fn labels(&self) -> Option<Labels> {
        let pairs = self.entries()?;
        let checked = pairs.into_iter().map(|(name, value)| Some((name.to_owned(), value.text()?.to_owned())));
        // Collected first: every wrong label is reported, not only the first.
        checked.collect::<Vec<_>>().into_iter().collect()
    }

    /// A mapping whose keys are looked at by somebody else.
    pub(super) fn open(&self) -> Option<Table<'a>> {
        let Kind::Map(entries) = &self.node.kind else {
            self.wrong("a mapping");
            return None;
        };
        Some(Table { entries, value: self.clone() })
    }

    fn child(&self, entry: &'a Entry) -> Value<'a> {
        let key = if entry.hidden { "?" } else { &entry.key };
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Value { node: &entry.value, path, context: self.context }
    }

    /// The text as written, also where YAML takes it for something else (`off`, `5`).
    fn scalar(&self) -> Option<&'a str> {
        match &self.node.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    fn got(&self) -> String {
        match &self.node.kind {
            Kind::Scalar(scalar) if scalar.hidden => "a value that came from elsewhere and is not shown".to_owned(),
            Kind::Scalar(scalar) if scalar.plain() == Plain::Null || scalar.text.is_empty() => "nothing".to_owned(),
            Kind::Scalar(scalar) => {
                let mut shown: String = scalar.text.chars().take(SHOWN).flat_map(escaped).collect();
                if scalar.text.chars().nth(SHOWN).is_some() {
                    shown.push('…');
                }
                format!("`{shown}`")
            }
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// A mapping that is open for reading.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    entries: &'a [Entry],
    value: Value<'a>,
}

impl<'a> Table<'a> {
    /// The value of a key; YAML's null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.value.child(entry)).filter(|value| !value.node.is_null())
    }

    /// The value of a key that no default can replace.
    pub(super) fn need(&self, key: &str, what: &str) -> Option<Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            self.value.problem(format!("`{key}` is missing: {what}"));
        }
        value
    }

    /// The mapping itself.
    pub(super) fn value(&self) -> &Value<'a> {
        &self.value
    }

    fn unknown(&self, known: &'static [&'static str]) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| !known.contains(&entry.key.as_str()))
    }
}

fn escaped(c: char) -> Vec<char> {
    if c.is_control() { c.escape_unicode().collect() } else { vec![c] }
}

fn did_you_mean(key: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|name| (distance(key, name), name)).min();
    match nearest {
        Some((distance, name)) if distance < name.len() && distance <= (name.len() / 3).max(2) => {
            format!(", did you mean `{name}`?")
        }
        _ => format!("; the keys here are {}", known.join(", ")),
    }
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.chars().take(64).enumerate() {
        let mut diagonal = index;
        let mut before = index.saturating_add(1);
        let mut next = vec![before];
        for (above, b) in row.iter().skip(1).zip(&right) {
            let replaced = diagonal.saturating_add(usize::from(a != *b));
            before = replaced.min(above.saturating_add(1)).min(before.saturating_add(1));
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_edits() {
        for (left, right, want) in
            [("", "", 0), ("abc", "abc", 0), ("deadlin", "deadline", 1), ("sitting", "kitten", 3)]
        {
            assert_eq!(distance(left, right), want, "{left} {right}");
        }
    }

    #[test]
    fn a_far_key_gets_the_list_instead_of_a_guess() {
        assert_eq!(did_you_mean("listners", &["listeners"]), ", did you mean `listeners`?");
        assert_eq!(did_you_mean("zzz", &["a", "b"]), "; the keys here are a, b");
    }
}
