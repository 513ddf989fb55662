//! `--set a.b[0]=value` and `--set-file a.b=path`, laid over the file.

use std::path::Path;

use super::node::{At, Entry, Kind, Node, Scalar};

/// Highest index of a list that an argument may name.
const MAX_INDEX: usize = 255;
/// Bytes of a file that `--set-file` takes.
const MAX_FILE: u64 = 1 << 20;

/// Why an argument cannot be laid over the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OverrideError {
    #[error("`{argument}` has no `=`: write {flag} key=value")]
    NoValue { flag: &'static str, argument: String },
    #[error("`{key}` is no key: write a.b.c or a.list[0]")]
    Key { key: String },
    #[error("`{key}` leads through a value that is no {what}")]
    Shape { key: String, what: &'static str },
    #[error("`{key}`: an index may be at most {MAX_INDEX}, and at most one past the end of the list")]
    Index { key: String },
    #[error("`{key}`: cannot read `{path}`: {why}")]
    File { key: String, path: String, why: String },
}

/// Lays one `--set` argument over the tree: pairs parted by commas, `\,` for a comma within a value.
pub(super) fn set(root: &mut Node, argument: &str) -> Result<(), OverrideError> {
    for pair in split(argument, ',') {
        let (key, value) = key_value("--set", &pair)?;
        put(root, key, At::Set, literal(value))?;
    }
    Ok(())
}

/// Lays one `--set-file` argument over the tree: the file's text, trimmed, as OPA takes it.
pub(super) fn set_file(root: &mut Node, argument: &str) -> Result<(), OverrideError> {
    let (key, path) = key_value("--set-file", argument)?;
    let text = read_text(Path::new(path), MAX_FILE).map_err(|why| OverrideError::File {
        key: key.to_owned(),
        path: path.to_owned(),
        why,
    })?;
    let scalar = Scalar { text: text.trim().to_owned(), quoted: true, hidden: true };
    put(root, key, At::SetFile, Kind::Scalar(scalar))
}

/// A file's text, if it is UTF-8 and not larger than `limit` bytes.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<String, String> {
    use std::io::Read;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(format!("it is larger than {limit} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn key_value<'a>(flag: &'static str, pair: &'a str) -> Result<(&'a str, &'a str), OverrideError> {
    // What has no `=` may be a value whose key was forgotten, so only its first word is repeated.
    let no_value = || OverrideError::NoValue { flag, argument: pair.chars().take(20).collect() };
    pair.split_once('=').ok_or_else(no_value)
}

/// `{a,b}` is a list, anything else a single value; typed like YAML's plain text.
fn literal(value: &str) -> Kind {
    let inner = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let scalar = |text: &str| Kind::Scalar(Scalar { text: text.to_owned(), quoted: false, hidden: false });
    match inner {
        Some("") => Kind::List(Vec::new()),
        Some(items) => {
            let items = split(items, ',');
            Kind::List(items.iter().map(|item| Node { at: At::Set, kind: scalar(item) }).collect())
        }
        None => scalar(value),
    }
}

/// Splits at a separator that is neither escaped with `\` nor inside `{}`.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut braces = 0usize;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == separator && braces == 0 {
            parts.push(String::new());
            continue;
        }
        let c = match c {
            '\\' if chars.peek() == Some(&separator) => chars.next().unwrap_or(c),
            '{' => {
                braces = braces.saturating_add(1);
                c
            }
            '}' => {
                braces = braces.saturating_sub(1);
                c
            }
            c => c,
        };
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

enum Step {
    Key(String),
    Index(usize),
}

fn put(root: &mut Node, key: &str, at: At, kind: Kind) -> Result<(), OverrideError> {
    let mut place = root;
    for step in steps(key)? {
        place = match step {
            Step::Key(name) => entry(place, name, at, key)?,
            Step::Index(index) => item(place, index, at, key)?,
        };
    }
    *place = Node { at, kind };
    Ok(())
}

fn entry<'a>(node: &'a mut Node, name: String, at: At, key: &str) -> Result<&'a mut Node, OverrideError> {
    if node.is_null() {
        *node = Node { at, kind: Kind::Map(Vec::new()) };
    }
    let Kind::Map(entries) = &mut node.kind else {
        return Err(OverrideError::Shape { key: key.to_owned(), what: "mapping" });
    };
    let index = entries.iter().position(|entry| entry.key == name).unwrap_or(entries.len());
    if index == entries.len() {
        entries.push(Entry { key: name, at, hidden: false, value: null(at) });
    }
    let found = entries.get_mut(index).map(|entry| &mut entry.value);
    found.ok_or_else(|| OverrideError::Key { key: key.to_owned() })
}

fn item<'a>(node: &'a mut Node, index: usize, at: At, key: &str) -> Result<&'a mut Node, OverrideError> {
    if node.is_null() {
        *node = Node { at, kind: Kind::List(Vec::new()) };
    }
    let Kind::List(items) = &mut node.kind else {
        return Err(OverrideError::Shape { key: key.to_owned(), what: "list" });
    };
    if index == items.len() && index <= MAX_INDEX {
        items.push(null(at));
    }
    items.get_mut(index).ok_or_else(|| OverrideError::Index { key: key.to_owned() })
}

fn null(at: At) -> Node {
    Node { at, kind: Kind::Scalar(Scalar { text: String::new(), quoted: false, hidden: false }) }
}

/// `a.b[0].c`; `\.` is a dot within a name.
fn steps(key: &str) -> Result<Vec<Step>, OverrideError> {
    let bad = || OverrideError::Key { key: key.to_owned() };
    let mut steps = Vec::new();
    for part in split(key, '.') {
        let mut pieces = part.split('[');
        let name = pieces.next().filter(|name| !name.is_empty()).ok_or_else(bad)?;
        steps.push(Step::Key(name.to_owned()));
        for piece in pieces {
            let index = piece.strip_suffix(']').and_then(|digits| digits.parse().ok());
            steps.push(Step::Index(index.ok_or_else(bad)?));
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::super::{substitute::Source, yaml};
    use super::*;

    fn tree(text: &str) -> Node {
        yaml::read(&Source::substitute(text, &|_| None)).unwrap()
    }

    fn show(node: &Node) -> String {
        match &node.kind {
            Kind::Scalar(scalar) => scalar.text.clone(),
            Kind::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
            Kind::Map(entries) => {
                let entry = |entry: &Entry| format!("{}:{}", entry.key, show(&entry.value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn an_argument_replaces_adds_and_reaches_into_lists() {
        for (start, argument, want) in [
            ("a: {b: 1}", "a.b=2", "{a:{b:2}}"),
            ("a: {b: 1}", "a.c.d=x", "{a:{b:1,c:{d:x}}}"),
            ("a: [{b: 1}]", "a[0].b=2", "{a:[{b:2}]}"),
            ("a: [1]", "a[1]=2", "{a:[1,2]}"),
            ("", "a[0][0]=x", "{a:[[x]]}"),
            ("", "a=1,b=2", "{a:1,b:2}"),
            ("", "a={x,y},b=", "{a:[x,y],b:}"),
            ("", r"a=x\,y,b\.c=1", "{a:x,y,b.c:1}"),
            ("a: ~", "a.b=1", "{a:{b:1}}"),
            ("", "a=b=c", "{a:b=c}"),
        ] {
            let mut root = tree(start);
            set(&mut root, argument).unwrap();
            assert_eq!(show(&root), want, "{start} {argument}");
        }
    }

    #[test]
    fn an_argument_that_cannot_be_meant_is_refused() {
        for argument in
            ["a", "=1", "a..b=1", "a[x]=1", "a[0=1", "a[0]x=1", "a[7]=1", "a[99999999999]=1", "s.t=1", "s[0]=1"]
        {
            assert!(set(&mut tree("s: text"), argument).is_err(), "{argument}");
        }
    }

    #[test]
    fn a_file_is_taken_as_text_without_its_line_break_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "5\n").unwrap();
        let mut root = tree("");
        set_file(&mut root, &format!("a.b={}", file.path().display())).unwrap();
        let want = Scalar { text: "5".to_owned(), quoted: true, hidden: true };
        let Kind::Map(entries) = root.kind else { panic!("no mapping") };
        let Kind::Map(inner) = &entries[0].value.kind else { panic!("no mapping") };
        assert_eq!(inner[0].value.kind, Kind::Scalar(want));
        assert!(set_file(&mut tree(""), "a=/does/not/exist").is_err());
    }
}
