//! What the catalog knows of operators and types that are not PostgreSQL's own: whose code they run.

use sqlparser::ast::{ArrayElemTypeDef, DataType};

use super::facts::Walker;
use super::known::{is_harmless, resolved_to};
use super::names;
use super::operators::OPERATORS;
use crate::catalog::{CastMethod, Operator, Relation, RelationKind, Type, TypeKind};
use crate::parse::definitions::Definitions;
use crate::parse::facts::{Access, Volatility};
use crate::parse::sql::builtins::{self, Family};
use crate::parse::sql::reading::{Known, Trust};

/// Types inside of types that are followed.
const DEEPEST: usize = 16;

impl Walker<'_> {
    /// An operator without a schema: one of somebody's may fit its operands better than PostgreSQL's own.
    pub(super) fn operator(&mut self, name: &str) {
        let Some(known) = self.known() else { return };
        if !self.operators.insert(name.to_owned()) {
            return;
        }
        let outdated = known.functions == Trust::Outdated || known.defined.touch_operator(&known.path, name);
        if outdated || !known.searched || self.earlier.touch_operator(&known.path, name) {
            self.calls_whatever(name, outdated);
        }
        let own = OPERATORS.contains(&name);
        for operator in known.snapshot.foreign_operators(&known.path, name) {
            self.somebodys_operator(operator, own);
        }
    }

    /// An operator of a schema other than PostgreSQL's.
    pub(super) fn operator_in(&mut self, schema: &str, name: &str) {
        self.procedure();
        let Some(known) = self.known() else { return };
        let path = [schema];
        for operator in known.snapshot.operators(&path, name) {
            if operator.schema() == schema {
                self.somebodys_operator(operator, false);
            }
        }
    }

    /// A namesake of PostgreSQL's own that only a superuser can have made computes a value, as that does.
    fn somebodys_operator(&mut self, operator: Operator<'_>, own: bool) {
        match operator.function() {
            Some(function) if own && is_harmless(&function) => {}
            Some(function) => self.somebodys(&function),
            None => self.procedure(),
        }
    }

    /// Whether a conversion to a type that is not PostgreSQL's own runs nobody's code; `constant` where a text is what
    /// is converted.
    pub(super) fn converts_harmlessly(&mut self, data_type: &DataType, constant: bool) -> bool {
        let (Some((parts, plain)), Some(known)) = (named_type(data_type), self.known()) else { return false };
        let outdated = known.trust == Trust::Outdated
            || known.functions == Trust::Outdated
            || moves(&known.defined, known, &parts);
        if outdated || moves(&self.earlier, known, &parts) {
            self.outdated |= outdated;
            return false;
        }
        // Under a path that is not known it is anybody's.
        if parts.len() == 1 && !known.searched {
            return false;
        }
        let Some(found) = type_meant(known, &parts) else {
            self.not_there();
            return false;
        };
        self.names_rows(found);
        plain && is_converted_harmlessly(known, found, constant)
    }

    /// Whether nobody's code runs where values of a column of this type come; for certain, as far as is known now.
    pub(super) fn is_stored_harmlessly(&self, data_type: &DataType) -> bool {
        let (Some((parts, plain)), Some(known)) = (named_type(data_type), self.known()) else { return false };
        let certain = known.trust != Trust::Outdated
            && known.functions != Trust::Outdated
            && !moves(&known.defined, known, &parts)
            && !moves(&self.earlier, known, &parts)
            && (parts.len() > 1 || known.searched);
        let found = type_meant(known, &parts).filter(|_| certain && plain);
        found.is_some_and(|found| is_converted_harmlessly(known, found, false))
    }

    /// A relation's row type says which columns it has: whoever names the one names the other.
    fn names_rows(&mut self, data_type: Type<'_>) {
        if let Some(relation) = rows_of(data_type, 0) {
            self.touch(&resolved_to(&relation), Access::Reference);
        }
    }
}

/// The name of a type, or of what an array has, where it is not PostgreSQL's own; and whether it is nothing but that.
fn named_type(mut data_type: &DataType) -> Option<(Vec<String>, bool)> {
    while let DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) = data_type {
        data_type = element;
    }
    let DataType::Custom(name, modifiers) = data_type else { return None };
    Some((names::parts(name).unwrap_or_default(), modifiers.is_empty()))
}

/// Whether a definition may make that name another type's.
fn moves(defined: &Definitions, known: &Known, parts: &[String]) -> bool {
    let last = parts.last().map_or("", String::as_str);
    match parts {
        [schema, _] => defined.touch_type(&[schema], last),
        _ => defined.touch_type(&known.path, last),
    }
}

fn type_meant<'k>(known: &'k Known, parts: &[String]) -> Option<Type<'k>> {
    match parts {
        [name] => known.snapshot.type_named(&known.path, name),
        // PostgreSQL's own are looked for first.
        [schema, name] => known.snapshot.type_named(&[schema], name).filter(|found| found.schema() == schema),
        _ => None,
    }
}

fn is_converted_harmlessly(known: &Known, found: Type<'_>, constant: bool) -> bool {
    let cast_by_code = || {
        let mut casts = known.snapshot.casts_to(found.oid());
        casts.any(|(method, function)| {
            method == CastMethod::Function && !function.is_some_and(|function| is_harmless(&function))
        })
    };
    is_harmless_type(found, 0) && !casts_by_code(known, found) && (constant || !cast_by_code())
}

/// The table, view or the like whose rows a type is made of.
fn rows_of(data_type: Type<'_>, depth: usize) -> Option<Relation<'_>> {
    let depth = depth.saturating_add(1);
    let row = data_type.relation().filter(|row| row.kind() != RelationKind::Composite);
    let inner = || data_type.element().or_else(|| data_type.base().map(|(base, _)| base));
    row.or_else(|| inner().filter(|_| depth <= DEEPEST).and_then(|inner| rows_of(inner, depth)))
}

/// Whether a value of a type may be turned into another by somebody's code, wherever a cast of it is written or put in.
fn casts_by_code(known: &Known, data_type: Type<'_>) -> bool {
    let mut casts = known.snapshot.casts_from(data_type.oid());
    casts.any(|(method, function)| {
        method == CastMethod::Function && !function.is_some_and(|function| is_harmless(&function))
    })
}

/// Whether reading a value of a type, or turning one into it, runs nothing but PostgreSQL's own.
fn is_harmless_type(data_type: Type<'_>, depth: usize) -> bool {
    let depth = depth.saturating_add(1);
    if depth > DEEPEST {
        return false;
    }
    match data_type.kind() {
        TypeKind::Enum => true,
        TypeKind::Domain => {
            let base = data_type.base().is_some_and(|(base, _)| is_harmless_type(base, depth));
            base && data_type.constraints().all(is_harmless_check)
        }
        TypeKind::Composite => data_type.relation().is_some_and(|row| {
            let mut types = row.columns().map(|column| column.data_type().0);
            types.all(|oid| data_type.sibling(oid).is_some_and(|field| is_harmless_type(field, depth)))
        }),
        TypeKind::Base => match data_type.element() {
            Some(element) if element.schema() != "pg_catalog" => is_harmless_type(element, depth),
            Some(_) | None => data_type.schema() == "pg_catalog",
        },
        TypeKind::Range | TypeKind::Multirange | TypeKind::Pseudo => data_type.schema() == "pg_catalog",
    }
}

/// Words of a check that are no calls although a bracket may follow them.
const CHECK_WORDS: [&str; 8] = ["CHECK", "AND", "OR", "NOT", "IN", "ANY", "ALL", "ARRAY"];

/// Whether a domain's check, as the server writes it, calls nothing but PostgreSQL's own that compute a value. The server
/// names the schema of everything else.
fn is_harmless_check(text: &str) -> bool {
    let mut rest = text;
    let mut before: Option<&str> = None;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => match behind_literal(rest) {
                Some(behind) => {
                    (rest, before) = (behind, None);
                    continue;
                }
                None => return false,
            },
            // A name of somebody's, or a schema's: nothing of PostgreSQL's own needs them.
            '"' | '.' if !is_decimal(text, rest) => return false,
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                before = rest.get(..end);
                end
            }
            '(' => {
                if before.take().is_some_and(|word| !is_harmless_call(word)) {
                    return false;
                }
                1
            }
            c => {
                if !c.is_whitespace() {
                    before = None;
                }
                c.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    true
}

/// What follows a literal in single quotes.
fn behind_literal(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (_, after) = rest.split_once('\'')?;
        match after.strip_prefix('\'') {
            Some(more) => rest = more,
            None => return Some(after),
        }
    }
}

/// Whether a dot stands in a number.
fn is_decimal(text: &str, rest: &str) -> bool {
    let at = text.len().saturating_sub(rest.len());
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    rest.starts_with('.')
        && digit(text.get(..at).and_then(|before| before.chars().next_back()))
        && digit(rest.chars().nth(1))
}

fn is_harmless_call(word: &str) -> bool {
    let plain =
        |builtin: &builtins::Builtin| builtin.family == Family::Plain && builtin.volatility != Volatility::Volatile;
    // `character varying(20)`, `numeric(5,2)`
    let is_type = ["varying", "character", "numeric", "bit", "char"].contains(&word) || names::is_base_type(word);
    CHECK_WORDS.contains(&word) || is_type || builtins::lookup(word).is_some_and(plain)
}

#[cfg(test)]
mod tests;
