//! What unqualified names mean to one session: along which schemas they are searched, and which temporary relations
//! come behind those. Known from the pins at first; once something has run that may have changed it, asked of the
//! server between two statements.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::forward::{NamesAnswer, Question};
use crate::parse::Temporary;
use crate::session::house::Lane;

use super::corridor::{Corridor, End};
use super::owed::{self, Asked, Owed, Own};
use super::requests::Requests;

/// Where unqualified names are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Search {
    /// The schemas, those of PostgreSQL left out.
    pub(super) path: Arc<[Arc<str>]>,
    /// The only one of them, if there is one.
    pub(super) schema: Option<Arc<str>>,
    /// The session's temporary relations.
    pub(super) temporary: Arc<Temporary>,
}

impl Search {
    /// Where a session looks that has just begun; `None` where that is not pinned.
    pub(super) fn pinned(lane: &Lane) -> Option<Self> {
        lane.is_pinned().then(|| Self {
            path: Arc::clone(&lane.path),
            schema: lane.schema.clone(),
            temporary: Arc::default(),
        })
    }

    /// What the server's answer says; `None` where that is nothing certain.
    pub(super) fn answered(answer: NamesAnswer) -> Option<Self> {
        let NamesAnswer { setting, role, temporary, types } = answer;
        let mut path: Vec<Arc<str>> = Vec::new();
        let mut last = false;
        let schemas: Vec<String> =
            setting.split(',').map(|schema| schema_of(schema.trim_matches(SPACES))).collect::<Option<_>>()?;
        for (at, schema) in schemas.iter().enumerate() {
            match schema.as_str() {
                "" if schemas.len() == 1 => {}
                "" => return None,
                "pg_catalog" if at == 0 => {}
                "pg_temp" if at.saturating_add(1) == schemas.len() => last = true,
                "$user" => path.push(Arc::from(role.as_str())),
                other if other.starts_with("pg_") => return None,
                other => path.push(Arc::from(other)),
            }
        }
        // Where they are not named, they come before all others: types, too.
        if !last && (types || !temporary.is_empty()) {
            return None;
        }
        let schema = if let [only] = path.as_slice() { Some(Arc::clone(only)) } else { None };
        let temporary = temporary.into_iter().map(|(name, plain)| (Box::from(name), plain)).collect();
        Some(Self { path: path.into(), schema, temporary: Arc::new(temporary) })
    }
}

/// What PostgreSQL takes for space between schemas, in all of its versions.
const SPACES: [char; 5] = [' ', '\t', '\n', '\r', '\u{c}'];

/// Bytes of a name that PostgreSQL keeps.
const NAME: usize = 63;

/// A schema of a path, as PostgreSQL reads it; `None` where it takes more than this to read it.
fn schema_of(text: &str) -> Option<String> {
    if text.len() > NAME {
        return None;
    }
    if let Some(inner) = text.strip_prefix('"') {
        let inner = inner.strip_suffix('"')?;
        return (!inner.is_empty() && !inner.contains('"')).then(|| inner.to_owned());
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$';
    text.chars().all(plain).then(|| text.to_owned())
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Requests<'_, R, W> {
    /// Asks what unqualified names mean, where that is not known, rules want to know it, and the server can be asked
    /// without changing anything. Whether it is known now and was not before.
    pub(super) async fn search(&mut self) -> Result<bool, End> {
        if !self.corridor.is_lost() || !self.corridor.policy_reads_names() {
            return Ok(false);
        }
        Box::pin(self.ask_for_names()).await
    }

    async fn ask_for_names(&mut self) -> Result<bool, End> {
        self.pause().await?;
        let Some(askable) = self.corridor.state.lock().askable() else { return Ok(false) };
        self.interrupts(askable);
        if !self.upstream.send_question(Question::Names) {
            return Ok(false);
        }
        let question = owed::Question::new(Asked::Names, true);
        self.corridor.state.lock().ledger.owe(Owed::Own(Own::Question(question)));
        self.answered(|owed| matches!(owed, Owed::Own(Own::Question(_)))).await?;
        Ok(!self.corridor.is_lost())
    }
}

impl Corridor {
    /// Whether unqualified names mean nothing certain.
    fn is_lost(&self) -> bool {
        self.state.lock().search().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(setting: &str, temporary: &[(&str, bool)], types: bool) -> Option<Search> {
        let temporary = temporary.iter().map(|(name, plain)| ((*name).to_owned(), *plain)).collect();
        Search::answered(NamesAnswer { setting: setting.to_owned(), role: "app".to_owned(), temporary, types })
    }

    fn path(setting: &str) -> Option<String> {
        answer(setting, &[], false).map(|search| search.path.join("|"))
    }

    #[test]
    fn a_path_is_read_as_postgresql_reads_it_or_not_at_all() {
        for (setting, wanted) in [
            ("public, pg_temp", "public"),
            ("public", "public"),
            ("\"$user\", public", "app|public"),
            ("$user", "app"),
            ("pg_catalog, shop, \"Odd One\",pg_temp", "shop|Odd One"),
            ("", ""),
            ("pg_temp", ""),
        ] {
            assert_eq!(path(setting).as_deref(), Some(wanted), "{setting}");
        }
        for odd in [
            "public, pg_catalog",
            "pg_temp, public",
            "Public",
            "a\"b",
            "\"a\"\"b\"",
            "\"a,b\"",
            "a,,b",
            "pg_toast",
            "a b",
        ] {
            assert_eq!(path(odd), None, "{odd}");
        }
    }

    #[test]
    fn temporary_relations_count_where_they_come_last() {
        let last = answer("public, pg_temp", &[("t", true), ("v", false)], true).unwrap();
        assert_eq!((last.temporary.get("t"), last.temporary.get("v")), (Some(&true), Some(&false)));
        assert_eq!(last.schema.as_deref(), Some("public"));
        assert_eq!(answer("public", &[("t", true)], true), None, "they hide whatever else has their names");
        assert_eq!(answer("public", &[], true), None, "so do types");
        assert_eq!(answer("a, b, pg_temp", &[], false).unwrap().schema, None);
    }
}
