//! Puts masks into a statement.

mod copy;
mod group;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::bound::{Bound, Columns, label};
use super::edits::{self, Edit, Woven};
use super::foresee::{self, Rows};
use super::guard::{Cells, Guard};
use super::masker;
use super::passing;
use super::reach::bindable;
use super::target::Target;
use super::views::{self, Views};
use crate::catalog::{Relation, Snapshot};
use crate::decide::Masks;
use crate::parse::{Facts, Place, Reference, Role, Tokens, tokens};

/// Text in, text out. `None`: no mask binds here, and the text goes upstream as it is.
///
/// # Errors
/// One sentence for the client: why this statement cannot be answered with these masks.
pub fn weave(text: &str, facts: &Facts, masks: &Masks, catalog: Option<&Snapshot>) -> Result<Option<Woven>, String> {
    weave_with(text, facts, masks, catalog, Earlier::default(), &Views::default())
}

/// Whether what EXECUTE and FETCH run by name went upstream under the masks that hold now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Earlier {
    /// All that the session has prepared, which EXECUTE runs.
    pub prepared: bool,
    /// The cursors that this statement's FETCH and MOVE read.
    pub cursors: bool,
    /// The rows of the one name that it runs, where it is certain that they come with cells to be masked.
    pub rows: Option<Rows>,
}

impl Earlier {
    fn is_masked(&self, command: &str) -> bool {
        match command {
            "FETCH" | "MOVE" => self.cursors,
            "EXECUTE" => self.prepared,
            _ => self.prepared && self.cursors,
        }
    }
}

/// The same where it is known under which masks the session's own names were given, and what the
/// [views](super::views_of) do.
///
/// # Errors
/// As [`weave`].
pub fn weave_with(
    text: &str,
    facts: &Facts,
    masks: &Masks,
    catalog: Option<&Snapshot>,
    earlier: Earlier,
    views: &Views,
) -> Result<Option<Woven>, String> {
    let Some(catalog) = bindable(facts, masks, catalog)? else { return Ok(None) };
    let bound = Bound::new(masks, catalog, views)?;
    let loom = Loom { text, facts, catalog, bound: &bound, earlier };
    let (mut woven, mut made) = (Vec::new(), Vec::new());
    let mut masked = facts.references.iter().any(|reference| is_new(reference, catalog));
    let mut cut = None;
    for reference in &facts.references {
        let Some((relation, columns)) = loom.masks(reference)? else { continue };
        masked = true;
        made.push((reference.relation.as_str(), columns));
        let tokens = match &cut {
            Some(tokens) => tokens,
            None => cut.insert(tokens(text).ok_or("this statement cannot be cut into tokens")?),
        };
        if let Some(way) = loom.way(reference, relation, columns, tokens)? {
            woven.push(way);
        }
    }
    if !masked {
        return Ok(None);
    }
    let edits = match &cut {
        Some(tokens) => loom.edits(tokens, &woven)?,
        None => Vec::new(),
    };
    let shown = passing::of_rows(facts);
    let cells = cells_of(shown, cut.as_ref(), &woven)?;
    // What a name will answer is not this statement's answer.
    let (kept, cells) = if std::ptr::eq(shown, facts) { (None, cells) } else { (cells.kept(), Cells::default()) };
    let passes = !cells.maskers.is_empty();
    let read: BTreeMap<&str, usize> =
        woven.iter().map(|thread| (thread.reference.relation.as_str(), thread.masked.len())).collect();
    let columns = u64::try_from(read.values().sum::<usize>()).unwrap_or(u64::MAX);
    let is_made = |relation: &str, column: &str| {
        let masker = |columns: &Columns<'_>| columns.get(column).is_some_and(|masker| !masker::is_for_cells(masker));
        made.iter().any(|(id, columns)| *id == relation && masker(columns))
    };
    let guard = bound.guard().but(cells);
    let guard = loom.earlier.rows.iter().fold(guard, Guard::but_of);
    let copied = guard.clone().foreseeing(foresee::rows(facts, catalog, is_made));
    let guard = guard.foreseeing(foresee::answer(facts, catalog, is_made));
    let guard = guard.foreseeing_each(foresee::each(facts, catalog, is_made));
    let woven = edits::apply(text, edits, guard).ok_or("masks do not fit into this statement")?;
    let later = foresee::later(facts, catalog, kept.as_ref(), is_made);
    if kept.is_some() && later.iter().any(|later| later.rows.is_none()) {
        return Err("columns are masked on their way back, and it is not certain which this will answer".to_owned());
    }
    let woven = woven.leading(later);
    copy::read(facts, woven, copied, passes).map(|woven| Some(woven.masking(columns)))
}

/// What is masked on its way back: of a COPY's rows, or of those that are shown.
fn cells_of(shown: &Facts, cut: Option<&Tokens<'_>>, woven: &[Thread<'_, '_>]) -> Result<Cells, String> {
    match (cut, woven.iter().find(|thread| thread.reference.role == Role::CopyOut)) {
        (Some(tokens), Some(thread)) => copy::cells(tokens, thread),
        (None, _) | (_, None) => {
            let masked = woven.iter().map(|thread| (thread.reference.relation.as_str(), thread.masked));
            Ok(passing::cells(shown, masked))
        }
    }
}

/// What no answer may show under these masks.
///
/// # Errors
/// One sentence: why the masks cannot be read.
pub fn guard(masks: &Masks, catalog: &Snapshot, views: &Views) -> Result<Guard, String> {
    Bound::new(masks, catalog, views).map(|bound| bound.guard())
}

/// A statement in which no mask binds, with what its answer must look like. `guard`: that of the masks.
pub fn guarded(text: &str, facts: &Facts, catalog: &Snapshot, guard: &Guard) -> Woven {
    let rows = |rows: Option<Box<[_]>>| guard.clone().foreseeing(rows);
    let copied = copy::copied(facts, text, rows(foresee::rows(facts, catalog, |_, _| false)));
    let answers = rows(foresee::answer(facts, catalog, |_, _| false));
    let woven = edits::unchanged(text, answers.foreseeing_each(foresee::each(facts, catalog, |_, _| false)));
    woven.copying(copied).leading(foresee::later(facts, catalog, None, |_, _| false))
}

pub(super) fn is_own(schema: &str) -> bool {
    matches!(schema, "pg_catalog" | "information_schema")
}

/// Statements in which a query is run where it stands.
const RUNS: [&str; 9] =
    ["COPY", "CREATE TABLE AS", "DELETE", "EXPLAIN", "INSERT", "MERGE", "SELECT", "SELECT INTO", "UPDATE"];

/// Statements that show nothing of a relation's values, whatever they do to it.
const SHOWS_NOTHING: [&str; 18] = [
    "ANALYZE",
    "CLUSTER",
    "COMMENT",
    "DROP FOREIGN TABLE",
    "DROP INDEX",
    "DROP MATERIALIZED VIEW",
    "DROP POLICY",
    "DROP RULE",
    "DROP TABLE",
    "DROP TRIGGER",
    "DROP VIEW",
    "GRANT",
    "LOCK TABLE",
    "REFRESH MATERIALIZED VIEW",
    "REINDEX",
    "REVOKE",
    "TRUNCATE TABLE",
    "VACUUM",
];

/// Bytes that masks add to a statement at most: each place that names a wide relation gets all of its columns.
const LONGEST: usize = 4 << 20;

/// Columns that every table has.
const SYSTEM: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

struct Loom<'a, 'm> {
    text: &'a str,
    facts: &'a Facts,
    catalog: &'a Snapshot,
    bound: &'a Bound<'m>,
    earlier: Earlier,
}

/// A reference that is read through masks.
struct Thread<'a, 'm> {
    reference: &'a Reference,
    place: &'a Place,
    relation: Relation<'a>,
    masked: &'a Columns<'m>,
}

impl<'a, 'm: 'a> Loom<'a, 'm>
where
    'a: 'm,
{
    /// What is masked of a relation that is named.
    fn masks(&self, reference: &Reference) -> Result<Option<(Relation<'a>, &'a Columns<'m>)>, String> {
        let Some(schema) = reference.schema.as_deref() else {
            return Err(format!(
                "it is not known which relation `{}` is, and some have masked columns",
                reference.name
            ));
        };
        let Some(relation) = self.catalog.relation_in(schema, &reference.name) else {
            return if self.bound.is_unknown(schema, &reference.name) {
                Err(format!("the catalog does not know `{}`, of which columns are masked", reference.relation))
            } else {
                Ok(None)
            };
        };
        let only = reference.place.as_ref().is_some_and(|place| place.only);
        match reference.role {
            Role::Target if views::has_rules(self.catalog, relation) => {
                if let Some(what) = self.bound.shown_by(relation, true) {
                    let name = label(relation);
                    return Err(format!("a rule of `{name}` leads to {what}, and masks do not reach into it"));
                }
            }
            // Its errors may show rows.
            Role::Named if shows_nothing(&reference.command) && self.bound.shown_by(relation, false).is_some() => {
                return Ok(Some((relation, &self.bound.none)));
            }
            Role::Reached => return Ok(self.bound.shown_by(relation, false).map(|_| (relation, &self.bound.none))),
            Role::Read | Role::CopyOut | Role::Target | Role::Named | Role::Elsewhere => {}
        }
        Ok(self.bound.read(relation, only)?.map(|columns| (relation, columns)))
    }

    /// How a masked relation's reference is answered: read through masks, or left as it stands.
    fn way(
        &self,
        reference: &'a Reference,
        relation: Relation<'a>,
        masked: &'a Columns<'m>,
        tokens: &Tokens<'_>,
    ) -> Result<Option<Thread<'a, 'm>>, String> {
        let name = label(relation);
        let place = || {
            reference.place.as_ref().ok_or_else(|| {
                format!("`{name}` has masked columns, and it is not certain where this statement names it")
            })
        };
        let command = reference.command.as_str();
        match reference.role {
            Role::Elsewhere if !self.earlier.is_masked(command) => Err(format!(
                "`{name}` has masked columns, and masks do not reach into what was prepared or declared before"
            )),
            Role::Elsewhere if command == "MOVE" || self.earlier.rows.is_some() => Ok(None),
            Role::Elsewhere if masked.values().any(|masker| masker::is_for_cells(masker)) => Err(format!(
                "`{name}` has columns that are masked on their way back, and it is not certain what {command} will answer"
            )),
            Role::Elsewhere => Ok(None),
            // Its errors may show rows, and nothing else does.
            Role::Reached => Ok(None),
            Role::Named if shows_nothing(command) => Ok(None),
            Role::Named => Err(format!("`{name}` has masked columns, and {command} may show them or undo their masks")),
            Role::Target => {
                let (place, references) = (place()?, self.facts.references.as_slice());
                Target { tokens, relation, masked, reference, place, references }.check()?;
                Ok(None)
            }
            Role::Read | Role::CopyOut if RUNS.contains(&command) => {
                Ok(Some(Thread { reference, place: place()?, relation, masked }))
            }
            Role::Read | Role::CopyOut => {
                Err(format!("`{name}` has masked columns, and {command} would read them later without masks"))
            }
        }
    }

    fn edits(&self, tokens: &Tokens<'_>, threads: &[Thread<'a, 'm>]) -> Result<Vec<Edit>, String> {
        let mut edits: Vec<Edit> = Vec::new();
        let (mut measured, mut bytes) = (0_usize, 0_usize);
        for thread in threads {
            self.system_columns(tokens, thread)?;
            match thread.reference.role {
                Role::CopyOut => edits.extend(self.copied(tokens, thread)?),
                Role::Read | Role::Target | Role::Named | Role::Reached | Role::Elsewhere => {
                    self.read(tokens, thread, &mut edits)?
                }
            }
            let new = edits.get(measured..).unwrap_or_default().iter().map(|edit| edit.text.len());
            (measured, bytes) = (edits.len(), new.fold(bytes, usize::saturating_add));
            if bytes > LONGEST {
                return Err(format!("masks would make this statement longer by more than {} MiB", LONGEST >> 20));
            }
        }
        if !threads.is_empty() {
            self.qualifiers(tokens, threads, &mut edits)?;
        }
        Ok(edits)
    }

    /// `customers` becomes `(SELECT …) AS "customers"`.
    fn read(&self, tokens: &Tokens<'_>, thread: &Thread<'_, '_>, edits: &mut Vec<Edit>) -> Result<(), String> {
        let Thread { reference, place, .. } = thread;
        let lost = || "masks do not fit into this statement".to_owned();
        let sample = match &place.sample {
            None => None,
            Some(sample) => {
                if !sample.clone().skip(2).all(|at| is_plain(tokens, at)) {
                    return Err(format!("a computed TABLESAMPLE of `{}` cannot be masked", label(thread.relation)));
                }
                let range = tokens.span(sample).ok_or_else(lost)?;
                edits.push(Edit { range: range.clone(), text: " ".to_owned() });
                self.text.get(range)
            }
        };
        let columns = self.columns(tokens, thread);
        let mut text = format!("({})", self.select(thread, columns.as_deref(), place.only, sample)?);
        if place.alias.is_none() {
            text.push_str(" AS ");
            text.push_str(&masker::name(&reference.name));
        }
        let mut range = tokens.span(&place.whole).ok_or_else(lost)?;
        if place.is_query {
            let word = place.whole.start.checked_sub(1).and_then(|at| tokens.range(at)).ok_or_else(lost)?;
            range.start = word.start;
            text.insert_str(0, "SELECT * FROM ");
        }
        edits.push(Edit { range, text });
        edits.extend(self.grouped(tokens, thread, columns.as_deref()));
        Ok(())
    }

    /// The sub-select that has a relation's rows with masks: of these columns in this order, or of all.
    fn select(
        &self,
        thread: &Thread<'_, '_>,
        columns: Option<&[String]>,
        only: bool,
        sample: Option<&str>,
    ) -> Result<String, String> {
        let Thread { relation, masked, .. } = thread;
        let name = label(*relation);
        let item = |column: &crate::catalog::Column<'_>| match masked.get(column.name()) {
            None => Ok(masker::name(column.name())),
            Some(masker) if masker::is_for_cells(masker) && copy::shows(self.facts, thread) => {
                masker::for_cells(self.catalog, column, masker)?;
                Ok(masker::name(column.name()))
            }
            Some(masker) if masker::is_for_cells(masker) => passing::column(
                passing::of_rows(self.facts),
                self.catalog,
                (&thread.reference.relation, &name),
                column,
                masker,
            ),
            Some(masker) => match masker::expression(self.catalog, column, masker) {
                Ok(masked) => Ok(format!("{masked} AS {}", masker::name(column.name()))),
                Err(why) => Err(format!("the mask of `{name}.{}` cannot be carried out: {why}", column.name())),
            },
        };
        let items: Vec<String> = match columns {
            None => relation.columns().map(|column| item(&column)).collect::<Result<_, _>>()?,
            Some(columns) => columns
                .iter()
                .map(|column| match relation.column(column) {
                    Some(column) => item(&column),
                    // A name that is no column may still mean a whole row.
                    None => Err(format!("`{name}` has no column `{column}`")),
                })
                .collect::<Result<_, _>>()?,
        };
        let only = if only { "ONLY " } else { "" };
        let from = format!("{}.{}", masker::name(relation.schema()), masker::name(relation.name()));
        let sample = sample.map_or_else(String::new, |sample| format!(" {sample}"));
        Ok(format!("SELECT {} FROM {only}{from}{sample}", items.join(", ")))
    }

    /// The columns that the statement can mean, where that is certain; `None` for all. Fewer make it shorter, and ask
    /// for rights on fewer.
    fn columns(&self, tokens: &Tokens<'_>, thread: &Thread<'_, '_>) -> Option<Vec<String>> {
        let used = self.facts.relations.iter().find(|relation| relation.id == thread.reference.relation);
        let is_listed = thread.place.alias.is_some_and(|at| tokens.is_mark(at.saturating_add(1), "("));
        let is_open = used.is_none_or(|relation| relation.columns.contains("*")) || is_listed || thread.place.is_query;
        let any = |found: &dyn Fn(usize) -> bool| (0..tokens.count()).any(found);
        if is_open || any(&|at| tokens.is_mark(at, "*") || tokens.is_word(at, "natural")) {
            return None;
        }
        let alias = thread.place.alias.and_then(|at| tokens.name(at));
        let alias = alias.unwrap_or(&thread.reference.name);
        let mut names = BTreeSet::new();
        for at in 0..tokens.count() {
            let Some(name) = tokens.name(at) else { continue };
            let is_named = thread.place.whole.contains(&at) || thread.place.alias == Some(at);
            // A whole row, or a function of it.
            let column = |at: usize| tokens.name(at).is_some_and(|name| thread.relation.column(name).is_some());
            let is_column = tokens.is_mark(at.saturating_add(1), ".") && column(at.saturating_add(2));
            if name == alias && !is_named && !is_column {
                return None;
            }
            names.insert(name);
        }
        let columns = thread.relation.columns().map(|column| column.name().to_owned());
        Some(columns.filter(|column| names.contains(column.as_str())).collect())
    }

    /// A sub-select has none of them.
    fn system_columns(&self, tokens: &Tokens<'_>, thread: &Thread<'_, '_>) -> Result<(), String> {
        let alias = thread.place.alias.and_then(|at| tokens.name(at));
        let alias = alias.unwrap_or(&thread.reference.name);
        for at in 0..tokens.count() {
            let Some(name) = tokens.name(at).filter(|name| SYSTEM.contains(name)) else { continue };
            let dot = at.checked_sub(1).filter(|dot| tokens.is_mark(*dot, "."));
            let qualifier = dot.and_then(|dot| dot.checked_sub(1)).and_then(|at| tokens.name(at));
            if qualifier.is_none_or(|qualifier| qualifier == alias) {
                let relation = label(thread.relation);
                return Err(format!("`{relation}` has masked columns, and is read without its `{name}`"));
            }
        }
        Ok(())
    }

    /// `public.customers.id` becomes `customers.id`: a sub-select is in no schema, and in no database.
    fn qualifiers(&self, tokens: &Tokens<'_>, threads: &[Thread<'_, '_>], edits: &mut Vec<Edit>) -> Result<(), String> {
        let unaliased: BTreeSet<(&str, &str)> = threads
            .iter()
            .filter(|thread| thread.place.alias.is_none() && thread.reference.role == Role::Read)
            .map(|thread| (thread.relation.schema(), thread.relation.name()))
            .collect();
        let names: Vec<Range<usize>> = self
            .facts
            .references
            .iter()
            .filter_map(|reference| Some(reference.place.as_ref()?.whole.clone()))
            .collect();
        for at in 0..tokens.count() {
            let is_dot = |ahead: &usize| tokens.is_mark(at.saturating_add(*ahead), ".");
            let first = at.checked_sub(1).is_none_or(|before| !tokens.is_mark(before, "."));
            if ![1, 3].iter().all(is_dot) || !first || names.iter().any(|whole| whole.contains(&at)) {
                continue;
            }
            let schema = if is_dot(&5) { at.saturating_add(2) } else { at };
            let relation = schema.saturating_add(2);
            if tokens.name(schema).zip(tokens.name(relation)).is_some_and(|name| unaliased.contains(&name)) {
                let range = tokens.range(at).zip(tokens.range(relation));
                let (from, to) = range.ok_or("masks do not fit into this statement")?;
                edits.push(Edit { range: from.start..to.start, text: String::new() });
            }
        }
        Ok(())
    }
}

/// Whether nobody has looked at what a statement defines or measures: its errors may show rows of anything.
fn is_new(reference: &Reference, catalog: &Snapshot) -> bool {
    let schema = reference.schema.as_deref().filter(|schema| !is_own(schema));
    reference.role == Role::Named && schema.is_some_and(|schema| catalog.relation_in(schema, &reference.name).is_none())
}

fn shows_nothing(command: &str) -> bool {
    SHOWS_NOTHING.contains(&command)
}

/// Whether a token of TABLESAMPLE reads nothing.
fn is_plain(tokens: &Tokens<'_>, at: usize) -> bool {
    let marks = ["(", ")", ",", "-", "+", "*", "/", ".", "::"];
    tokens.is_value(at) || tokens.is_word(at, "repeatable") || marks.iter().any(|mark| tokens.is_mark(at, mark))
}
