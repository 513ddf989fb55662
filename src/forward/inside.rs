//! What the catalog is to one session alone, since it has defined something in a transaction that is still open: asked on
//! the client's own connection, between two of its statements.
//!
//! The questions are those of a [survey](super::survey), to the letter. They stand behind a savepoint to which all is
//! rolled back: the path by which their names are PostgreSQL's own, their time-outs, their locks and their errors go with
//! it, and the client's transaction is what it was.

use super::question::{NAME, SYNC, each_row, forget, run};
use crate::catalog::{Builder, Snapshot, Table};
use crate::wire::postgres::{Object, WireError};

/// Names mean the catalogs' own, nobody is waited for for long, and nothing is compiled for one use. In a transaction
/// that sees what was there when it began, the catalogs would be told as they were then, and not as names are looked up.
const SETTINGS: &str = "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), \
    pg_catalog.set_config('statement_timeout', '2000', true), pg_catalog.set_config('lock_timeout', '500', true), \
    pg_catalog.set_config('jit', 'off', true), pg_catalog.current_setting('transaction_isolation')";

/// Isolations in which each question is told what is there when it is put.
const PRESENT: [&[u8]; 2] = [b"read committed", b"read uncommitted"];

/// The rows that came, as they came.
#[derive(Debug, Default)]
pub struct Described {
    /// Those of the catalog, and where those of each question end.
    pub whole: Option<(Vec<u8>, Vec<usize>)>,
    /// The texts of rules, where the server told them.
    pub definitions: Option<Vec<u8>>,
}

/// Four exchanges: one that sets a savepoint, one that asks, one that asks for the texts of rules, and one that leaves
/// nothing, whatever has failed.
pub(super) fn exchanges() -> Result<Vec<u8>, WireError> {
    let own = NAME.as_str();
    let mut out = Vec::new();
    run(&mut out, &format!("SAVEPOINT \"{own}\""))?;
    out.extend_from_slice(SYNC);
    run(&mut out, SETTINGS)?;
    for table in Table::WHOLE {
        run(&mut out, table.sql())?;
    }
    out.extend_from_slice(SYNC);
    run(&mut out, Table::Definitions.sql())?;
    out.extend_from_slice(SYNC);
    // Where something has failed, what was behind it was not heard.
    forget(&mut out, Object::Portal, own.as_bytes())?;
    forget(&mut out, Object::Statement, own.as_bytes())?;
    run(&mut out, &format!("ROLLBACK TO SAVEPOINT \"{own}\""))?;
    run(&mut out, &format!("RELEASE SAVEPOINT \"{own}\""))?;
    out.extend_from_slice(SYNC);
    Ok(out)
}

impl Described {
    /// Bytes of rows.
    pub fn bytes(&self) -> usize {
        let whole = self.whole.as_ref().map_or(0, |(rows, _)| rows.len());
        whole.saturating_add(self.definitions.as_ref().map_or(0, Vec::len))
    }

    /// The catalog; `None` where it is not told whole, contradicts itself, or is not that of the present.
    pub fn read(self) -> Option<Snapshot> {
        let (rows, ends) = self.whole?;
        let [settings, ends @ ..] = ends.as_slice() else { return None };
        if ends.len() != Table::WHOLE.len() {
            return None;
        }
        let (mut present, mut builder) = (false, Builder::default());
        each_row(rows.get(..*settings)?, |row| {
            present = row.last().copied().flatten().is_some_and(|isolation| PRESENT.contains(&isolation));
            Some(())
        })?;
        let mut start = *settings;
        for (table, end) in Table::WHOLE.into_iter().zip(ends).filter(|_| present) {
            each_row(rows.get(start..*end)?, |row| builder.row(table, row).ok())?;
            start = *end;
        }
        if let Some(definitions) = self.definitions {
            each_row(&definitions, |row| builder.row(Table::Definitions, row).ok())?;
            builder.definitions_are_told();
        }
        builder.finish().ok().filter(|_| present && start == rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> Vec<u8> {
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            body.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
            body.extend_from_slice(value.as_bytes());
        }
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&b"D"[..], &length, &body].concat()
    }

    /// A database with nothing in it, as a session in a transaction of this isolation describes it.
    fn described(isolation: &str) -> Described {
        let (mut rows, mut ends) = (row(&["", "", "", "", isolation]), Vec::new());
        ends.push(rows.len());
        for table in Table::WHOLE {
            if table == Table::Server {
                rows.extend(row(&["150018", "shop", "app", "10", "f", "UTF8"]));
            } else if table == Table::Namespaces {
                rows.extend(row(&["11", "pg_catalog", "t", "f"]));
            }
            ends.push(rows.len());
        }
        Described { whole: Some((rows, ends)), definitions: None }
    }

    #[test]
    fn only_a_whole_description_of_the_present_is_read() {
        let snapshot = described("read committed").read().unwrap();
        assert!(snapshot.is_usable("pg_catalog") && !snapshot.has_definitions());
        let told = Described { definitions: Some(Vec::new()), ..described("read uncommitted") };
        assert!(told.read().unwrap().has_definitions());
        for past in ["repeatable read", "serializable", ""] {
            assert!(described(past).read().is_none(), "{past}");
        }
        assert!(Described::default().read().is_none());
        let (rows, ends) = described("read committed").whole.unwrap();
        for cut in 0..rows.len() {
            let told = Described { whole: Some((rows[..cut].to_vec(), ends.clone())), definitions: None };
            assert!(told.read().is_none(), "{cut}");
        }
        let more = [rows.clone(), row(&["12", "shop", "t", "f"])].concat();
        let fewer = ends[..ends.len() - 1].to_vec();
        for whole in [(more, ends.clone()), (rows.clone(), fewer), (rows.clone(), Vec::new())] {
            assert!(Described { whole: Some(whole), definitions: None }.read().is_none());
        }
        let torn = Described { whole: Some((rows, ends)), definitions: Some(b"D\0\0\0\x09\0\x01".to_vec()) };
        assert!(torn.read().is_none());
    }

    #[test]
    fn four_exchanges_take_back_all_they_do_whatever_fails() {
        let bytes = exchanges().unwrap();
        let (mut tags, mut rest) = (String::new(), bytes.as_slice());
        while let [tag, a, b, c, d, ..] = rest {
            tags.push(char::from(*tag));
            rest = &rest[1 + u32::from_be_bytes([*a, *b, *c, *d]) as usize..];
        }
        let run = "PBECC";
        let whole = format!("{run}{}", run.repeat(Table::WHOLE.len()));
        assert_eq!(tags, format!("{run}S{whole}S{run}SCC{run}{run}S"));
    }
}
