//! Which functions of a name a call cannot mean, told by the types of its arguments.
//!
//! PostgreSQL (chapter 10.3 of its manual, `parse_func.c`) takes the functions of that name along the path, and of those
//! that take the same arguments the first along it. One that takes just the types that are given wins. Otherwise all are
//! left out of which an argument does not become the parameter's type by itself, and what is left is compared further.
//! Only those two steps are followed here: which of several wins after them depends on preferences, and so on all of
//! them at once. An argument whose type is not certain becomes anything.

#![expect(clippy::wildcard_enum_match_arm, reason = "the last arm is what nothing certain is known of")]

use std::collections::BTreeSet;

use sqlparser::ast::{DataType, Expr, Function as Call, FunctionArguments, Ident, TimezoneInfo, Value};

use super::call::{is_of_grammar, positional};
use super::facts::Walker;
use super::known::DOMAINS;
use super::names;
use super::types::{is_looked_for, without_parentheses};
use crate::catalog::{Function, Relation, Snapshot, Type, TypeKind};
use crate::parse::sql::builtins;
use crate::parse::sql::reading::{Known, Trust};

/// Calls within calls that are followed.
const CALLS: usize = 8;

/// Pseudo-types that are given by values of one kind alone, and never by what is neither array, enum nor range.
const OF_A_KIND: [&str; 7] = [
    "anyarray",
    "anycompatiblearray",
    "anycompatiblemultirange",
    "anycompatiblerange",
    "anyenum",
    "anymultirange",
    "anyrange",
];

/// What is known of a call's arguments.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'e> {
    /// Nothing.
    Unknown,
    /// How many there are.
    Many(usize),
    /// Each of them, in order.
    These(&'e [&'e Expr]),
}

impl Given<'_> {
    /// How many there are, where that is certain.
    pub(super) fn count(self) -> Option<usize> {
        match self {
            Self::Unknown => None,
            Self::Many(count) => Some(count),
            Self::These(args) => Some(args.len()),
        }
    }
}

/// The types of a call's arguments, each where it is certain.
#[derive(Debug)]
pub(super) struct Types<'a>(Vec<Option<Type<'a>>>);

impl Types<'_> {
    /// PostgreSQL's own function that takes just these types. No other can win: `pg_catalog` is searched first wherever
    /// names are searched at all, so one of the same types in another schema is hidden, and none of other types is exact.
    /// A domain is not exactly what it is made of, and what is not certain is not exactly anything.
    pub(super) fn exact<'s>(&self, snapshot: &'s Snapshot, name: &str) -> Option<Function<'s>> {
        let given: Vec<u32> =
            self.0.iter().map(|one| one.and_then(plain).map(|one| one.oid())).collect::<Option<_>>()?;
        let mut own = snapshot.functions_in("pg_catalog", name);
        own.find(|own| !given.is_empty() && own.arguments() == given.as_slice() && !own.is_variadic())
    }

    /// Whether the only one is certainly of no row.
    fn is_no_row(&self) -> bool {
        matches!(self.0.as_slice(), [Some(only)] if scalar(*only).is_some())
    }

    /// Whether one of these does not become what the function takes there. Positional arguments are given to its first
    /// parameters, whatever others have defaults. What the last of a variadic one takes depends on how it is called.
    pub(super) fn never_fit(&self, function: &Function<'_>) -> bool {
        let given = self.0.iter().zip(function.arguments());
        let never = |(given, wanted): (&Option<Type<'_>>, &u32)| {
            given.is_some_and(|given| never_becomes(given, *wanted, function.is_own()))
        };
        !function.is_variadic() && given.into_iter().any(never)
    }
}

impl<'a> Walker<'a> {
    /// The types of a call's arguments.
    pub(super) fn types_of(&self, known: &'a Known, args: &[&Expr]) -> Types<'a> {
        self.types_within(known, args, CALLS)
    }

    fn types_within(&self, known: &'a Known, args: &[&Expr], depth: usize) -> Types<'a> {
        Types(args.iter().map(|arg| self.certain_type(known, arg, depth)).collect())
    }

    /// The type that PostgreSQL gives an expression. A string, NULL and a parameter are of an unknown type, or of one that
    /// the client says elsewhere; numbers are lifted out of a statement's shape, so nothing may depend on which they are.
    fn certain_type(&self, known: &'a Known, expr: &Expr, depth: usize) -> Option<Type<'a>> {
        match without_parentheses(expr) {
            Expr::Identifier(ident) => self.type_of_named(known, std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(idents) => self.type_of_named(known, idents),
            // Whatever is cast.
            Expr::Cast { data_type, .. } => own_type(known, data_type),
            Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => type_of_own(known, "bool"),
            Expr::Function(call) => self.type_of_result(known, call, depth.checked_sub(1)?),
            _ => None,
        }
    }

    /// The type of a column that is certainly that base column as it is: also behind sub-selects, which keep its type.
    fn type_of_named(&self, known: &'a Known, idents: &[Ident]) -> Option<Type<'a>> {
        // Where some names are not certain, a join may have made another column of this name. What is checked or computed
        // behind a column's own change is of the type that it then has.
        if !self.knows_columns() || self.alters() {
            return None;
        }
        let column = self.base_of(idents)?;
        let (schema, name) = self.relation_of(column.relation.as_deref()?)?;
        let relation = known.snapshot.relation_in(schema?, name).filter(|found| self.keeps_types(known, *found))?;
        known.snapshot.data_type(relation.column(&column.name)?.data_type().0)
    }

    /// Whether a relation's columns have the types that the catalog says. Those of what it inherits from change with
    /// theirs, which no definition names.
    fn keeps_types(&self, known: &Known, relation: Relation<'_>) -> bool {
        let (mut next, mut seen) = (vec![relation], BTreeSet::new());
        while let Some(one) = next.pop() {
            if !one.is_own() && self.trust(known, &[one.schema()], one.name()) == Trust::Outdated {
                return false;
            }
            if seen.insert(one.oid()) {
                next.extend(one.parents());
            }
        }
        true
    }

    /// The type of what a function gives, where all that the call may mean give the same.
    fn type_of_result(&self, known: &'a Known, call: &Call, depth: usize) -> Option<Type<'a>> {
        let FunctionArguments::List(list) = &call.args else { return None };
        let args = positional(&list.args)?;
        if !call.within_group.is_empty() || is_of_grammar(&call.name) {
            return None;
        }
        let parts = names::parts(&call.name).ok()?;
        let (name, searched) = match parts.as_slice() {
            [name] if known.searched => (name, true),
            [schema, name] if schema == "pg_catalog" => (name, false),
            _ => return None,
        };
        builtins::lookup(name)?;
        // A call of a type's name with one argument may be a cast to it.
        if args.len() == 1 && known.snapshot.type_named(&known.path, name).is_some() {
            return None;
        }
        let types = self.types_within(known, &args, depth);
        // Of a row it may be the column of that name.
        if let [arg] = args.as_slice()
            && !types.is_no_row()
            && !is_literal(arg)
        {
            return None;
        }
        if let Some(only) = types.exact(&known.snapshot, name) {
            return known.snapshot.data_type(only.returns().0);
        }
        if searched && self.may_have_moved_functions(known, name) {
            return None;
        }
        let path: &[_] = if searched { &known.path } else { &[] };
        let found = known.snapshot.functions(path, name, args.len()).filter(|function| !types.never_fit(function));
        let mut results = found.map(|function| function.returns().0);
        let first = results.next()?;
        if results.all(|other| other == first) { known.snapshot.data_type(first) } else { None }
    }

    /// Whether functions of that name may have come or gone since the catalog was read.
    pub(super) fn may_have_moved_functions(&self, known: &Known, name: &str) -> bool {
        known.functions == Trust::Outdated
            || known.defined.touch_function(&known.path, name)
            || self.earlier.touch_function(&known.path, name)
    }
}

/// Whether it is a constant, which no row is. A parameter may be one.
fn is_literal(expr: &Expr) -> bool {
    matches!(without_parentheses(expr), Expr::Value(value) if !matches!(value.value, Value::Placeholder(_)))
}

/// Whether a value of a type certainly does not become one of another by itself (`can_coerce_type`): it is not the same,
/// domains looked through on both sides, no implicit cast leads there, and it is none of what has ways of its own. Casts
/// are held whole, whoever made them; one that was made since makes every function one that may have moved.
fn never_becomes(given: Type<'_>, wanted: u32, own: bool) -> bool {
    let (Some(given), Some(wanted)) = (scalar(given), given.sibling(wanted)) else { return false };
    if wanted.kind() == TypeKind::Pseudo {
        // What takes anything. Of PostgreSQL's own, what arrays, enums or ranges alone are given to.
        return own && given.kind() == TypeKind::Base && OF_A_KIND.contains(&wanted.name());
    }
    let Some(wanted) = made_of(wanted) else { return false };
    given.oid() != wanted.oid() && !given.becomes(wanted)
}

/// What a value is that is no array, row or pseudo-type, which become others in ways of their own. A domain is what it is
/// made of; a mask gives that, too.
fn scalar(data_type: Type<'_>) -> Option<Type<'_>> {
    let base = made_of(data_type)?;
    let is_scalar = match base.kind() {
        // An array by its category. Somebody's type with elements may be subscripted, and then becomes others as arrays do.
        TypeKind::Base => base.category().0 != 'A' && (base.element().is_none() || base.schema() == "pg_catalog"),
        TypeKind::Enum | TypeKind::Range | TypeKind::Multirange => true,
        TypeKind::Composite | TypeKind::Domain | TypeKind::Pseudo => false,
    };
    is_scalar.then_some(base)
}

/// The same, and no domain.
fn plain(data_type: Type<'_>) -> Option<Type<'_>> {
    scalar(data_type).filter(|_| data_type.kind() != TypeKind::Domain)
}

/// What domains over domains are made of; `None` where the catalog does not say.
fn made_of(mut data_type: Type<'_>) -> Option<Type<'_>> {
    for _ in 0..DOMAINS {
        if data_type.kind() != TypeKind::Domain {
            return Some(data_type);
        }
        data_type = data_type.base()?.0;
    }
    None
}

/// The type that a cast names, where it is one of PostgreSQL's own: `pg_catalog` is searched first where the path is known.
fn own_type<'a>(known: &'a Known, data_type: &DataType) -> Option<Type<'a>> {
    if !known.searched && is_looked_for(data_type) {
        return None;
    }
    use TimezoneInfo::{None as Without, Tz, WithTimeZone, WithoutTimeZone};
    let name = match data_type {
        DataType::Text => "text",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => "varchar",
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Int2(_) | DataType::SmallInt(_) => "int2",
        DataType::Int(_) | DataType::Int4(_) | DataType::Integer(_) => "int4",
        DataType::Int8(_) | DataType::BigInt(_) => "int8",
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Float4 | DataType::Real => "float4",
        DataType::Float8 | DataType::DoublePrecision => "float8",
        DataType::Bool | DataType::Boolean => "bool",
        DataType::Bytea => "bytea",
        DataType::Date => "date",
        DataType::JSON => "json",
        DataType::JSONB => "jsonb",
        DataType::Timestamp(_, Without | WithoutTimeZone) => "timestamp",
        DataType::Timestamp(_, WithTimeZone | Tz) => "timestamptz",
        DataType::Uuid => "uuid",
        // No word of the grammar that means another type of PostgreSQL's has the name of one.
        DataType::Custom(name, _) => match names::parts(name).ok()?.as_slice() {
            [name] => return type_of_own(known, name),
            [schema, name] if schema == "pg_catalog" => return type_of_own(known, name),
            _ => return None,
        },
        _ => return None,
    };
    type_of_own(known, name)
}

fn type_of_own<'a>(known: &'a Known, name: &str) -> Option<Type<'a>> {
    known.snapshot.type_named(&["pg_catalog"], name).filter(|found| found.schema() == "pg_catalog")
}
