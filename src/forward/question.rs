//! sidegate's own questions on a client's connection, between two of its statements: a closed set of fixed texts that
//! only read, in which nothing is a client's. Each goes as an extended exchange under names that nobody else knows, so
//! the client's own unnamed statement and portal stay what they are.

use std::sync::LazyLock;

use serde_json::Value;

use crate::wire::postgres::{Bind, Close, DataRow, Describe, Execute, Object, Parse, WireError};

pub(super) const SYNC: &[u8] = b"S\0\0\0\x04";

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What unqualified names mean to the session.
    Names,
}

/// What unqualified names mean to a session, as the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamesAnswer {
    /// `search_path`, as it is set.
    pub setting: String,
    /// The role that names are looked up as.
    pub role: String,
    /// The session's temporary relations, and whether each is nothing but its rows.
    pub temporary: Vec<(String, bool)>,
    /// Whether the session has types of its own.
    pub types: bool,
}

/// More temporary relations than this are not told apart.
const MANY: usize = 1000;

/// Every name is qualified, every operator too: whatever the path is, these are PostgreSQL's own. A type that is not
/// the row of one of the relations counts as one.
const NAMES: &str = "SELECT pg_catalog.current_setting('search_path'), CURRENT_USER::pg_catalog.text, \
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(t.n, t.p))::pg_catalog.text FROM (SELECT c.relname AS n, \
    (c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,S}'::pg_catalog.\"char\"[]) AND NOT c.relhasrules) AS p \
    FROM pg_catalog.pg_class c WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema() \
    AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,S,v,m,f,c}'::pg_catalog.\"char\"[]) LIMIT 1001) t), \
    EXISTS (SELECT FROM pg_catalog.pg_type y WHERE y.typnamespace OPERATOR(pg_catalog.=) \
    pg_catalog.pg_my_temp_schema())";

/// What the exchange's statement and portal are called: nobody can take the name before.
pub(super) static NAME: LazyLock<String> = LazyLock::new(|| {
    let mut random = [0; 16];
    // Without random numbers no listener would have come up.
    let _ = getrandom::fill(&mut random);
    format!("sidegate {:032x}", u128::from_le_bytes(random))
});

impl Question {
    fn sql(self) -> &'static str {
        match self {
            Self::Names => NAMES,
        }
    }

    /// The whole exchange, Sync included.
    pub(super) fn exchange(self) -> Result<Vec<u8>, WireError> {
        let mut out = Vec::new();
        run(&mut out, self.sql())?;
        out.extend_from_slice(SYNC);
        Ok(out)
    }
}

/// Asks what the rows of a query look like, and leaves neither a name nor a Sync: what the server looked at stays as it
/// is until the statement behind it ends.
pub(super) fn preview(query: &str) -> Result<Vec<u8>, WireError> {
    let name = NAME.as_bytes();
    let parse = Parse { name, sql: query.as_bytes(), types: Vec::new() }.encode()?;
    let describe = Describe { object: Object::Statement, name }.encode()?;
    let close = Close { object: Object::Statement, name }.encode()?;
    let mut out = [parse.bytes(), describe.bytes(), close.bytes()].map(|bytes| bytes.as_ref()).concat();
    out.extend_from_slice(b"H\0\0\0\x04");
    Ok(out)
}

/// Runs a text under the name that is sidegate's own, and forgets it.
pub(super) fn run(out: &mut Vec<u8>, sql: &str) -> Result<(), WireError> {
    let name = NAME.as_bytes();
    let parse = Parse { name, sql: sql.as_bytes(), types: Vec::new() }.encode()?;
    let nothing = (Vec::new(), Vec::new(), Vec::new());
    let bind = Bind { portal: name, statement: name, formats: nothing.0, values: nothing.1, result_formats: nothing.2 };
    let execute = Execute { portal: name, max_rows: 0 }.encode()?;
    for frame in [parse, bind.encode()?, execute] {
        out.extend_from_slice(frame.bytes());
    }
    forget(out, Object::Portal, name)?;
    forget(out, Object::Statement, name)
}

/// Closes a name. What is not there is closed already.
pub(super) fn forget(out: &mut Vec<u8>, object: Object, name: &[u8]) -> Result<(), WireError> {
    out.extend_from_slice(Close { object, name }.encode()?.bytes());
    Ok(())
}

/// Reads rows as they came; `None` where one is cut, or is not taken.
pub(super) fn each_row(mut rows: &[u8], mut take: impl FnMut(&[Option<&[u8]>]) -> Option<()>) -> Option<()> {
    while let Some((header, rest)) = rows.split_at_checked(5) {
        let length: [u8; 4] = header.get(1..)?.try_into().ok()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?.checked_sub(4)?;
        let (body, rest) = rest.split_at_checked(length)?;
        if header.first() != Some(&b'D') {
            return None;
        }
        take(&DataRow::decode(body).ok()?.values)?;
        rows = rest;
    }
    rows.is_empty().then_some(())
}

impl NamesAnswer {
    /// Reads the rows that came, as they came; `None` where they are not one whole answer.
    pub fn read(rows: &[u8]) -> Option<Self> {
        let mut answers = Vec::new();
        each_row(rows, |row| {
            answers.push(Self::of(row)?);
            Some(())
        })?;
        <[Self; 1]>::try_from(answers).ok().map(|[answer]| answer)
    }

    fn of(row: &[Option<&[u8]>]) -> Option<Self> {
        let [Some(setting), Some(role), temporary, Some(types)] = row else { return None };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let types = match *types {
            b"t" => true,
            b"f" => false,
            _ => return None,
        };
        let temporary = match temporary {
            Some(list) => relations(list)?,
            None => Vec::new(),
        };
        Some(Self { setting: text(setting)?, role: text(role)?, temporary, types })
    }
}

fn relations(list: &[u8]) -> Option<Vec<(String, bool)>> {
    let list: Vec<Value> = serde_json::from_slice(list).ok()?;
    let one = |value: &Value| Some((value.get(0)?.as_str()?.to_owned(), value.get(1)?.as_bool()?));
    if list.len() > MANY { None } else { list.iter().map(one).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[Option<&str>]) -> Vec<u8> {
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            match value {
                Some(value) => {
                    body.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
                    body.extend_from_slice(value.as_bytes());
                }
                None => body.extend_from_slice(&u32::MAX.to_be_bytes()),
            }
        }
        let mut out = vec![b'D'];
        out.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        out.extend(body);
        out
    }

    #[test]
    fn only_one_whole_answer_is_read() {
        let good =
            row(&[Some("public, pg_temp"), Some("app"), Some(r#"[["a \"b\"", true], ["v", false]]"#), Some("t")]);
        let answer = NamesAnswer::read(&good).unwrap();
        assert_eq!(answer.temporary, [("a \"b\"".to_owned(), true), ("v".to_owned(), false)]);
        assert!(answer.types && answer.setting == "public, pg_temp" && answer.role == "app");
        for cut in 0..good.len() {
            assert_eq!(NamesAnswer::read(&good[..cut]), None);
        }
        assert_eq!(NamesAnswer::read(&[good.clone(), good].concat()), None);
        let none = row(&[Some(""), Some("app"), None, Some("f")]);
        assert!(NamesAnswer::read(&none).is_some_and(|answer| answer.temporary.is_empty()));
        for bad in [
            vec![None, Some("app"), None, Some("f")],
            vec![Some("a"), Some("app"), None, Some("x")],
            vec![Some("a"), Some("app"), Some("[[1, true]]"), Some("f")],
            vec![Some("a"), Some("app"), Some("[[\"x\"]]"), Some("f")],
            vec![Some("a"), Some("app"), None],
        ] {
            assert_eq!(NamesAnswer::read(&row(&bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn an_exchange_ends_with_its_sync_and_leaves_no_name() {
        let bytes = Question::Names.exchange().unwrap();
        let mut tags = Vec::new();
        let mut rest = bytes.as_slice();
        while let [tag, a, b, c, d, ..] = rest {
            tags.push(char::from(*tag));
            rest = &rest[1 + u32::from_be_bytes([*a, *b, *c, *d]) as usize..];
        }
        assert_eq!((tags.iter().collect::<String>().as_str(), rest.len()), ("PBECCS", 0));
    }
}
