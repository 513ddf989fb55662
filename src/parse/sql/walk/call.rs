//! Function calls: which function, and what calling it amounts to.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Value, ValueWithSpan, WindowType,
};

use super::columns::Place;
use super::expression::names_function;
use super::facts::Walker;
use super::overloads::Given;
use super::{Unread, Walk, absent, names, truth, types};
use crate::parse::facts::{Effect, Use, Volatility};
use crate::parse::sql::builtins::{self, Builtin, Family};
use crate::parse::sql::spelling;

/// Words that call a function of pg_catalog without parentheses.
pub(super) const WITHOUT_PARENTHESES: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
];

/// The one of them that may be called as well: with parentheses it is a name that the path leads to.
const CALLED: &str = "current_schema";

/// Functions that PostgreSQL's grammar knows, whatever is in any schema: no name is looked for.
const GRAMMAR: &[&str] = &[
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "merge_action",
    "normalize",
    "xmlexists",
    "xmltable",
];

/// Forms that text may be normalized to.
const FORMS: &[&str] = &["nfc", "nfd", "nfkc", "nfkd"];

/// Words with a syntax like a call that only combine values.
const COMBINING: &[&str] = &[
    "coalesce",
    "greatest",
    "grouping",
    "least",
    "nullif",
    "row",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlforest",
    "xmlparse",
    "xmlpi",
    "xmlroot",
];

/// PostgreSQL's own functions that take VARIADIC.
const VARIADIC_FUNCTIONS: &[&str] = &[
    "concat",
    "concat_ws",
    "format",
    "json_build_array",
    "json_build_object",
    "json_extract_path",
    "json_extract_path_text",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_delete",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "num_nonnulls",
    "num_nulls",
];

/// Those that make arrays of their arguments.
const ARRAYS: &[&str] = &["array_agg", "array_append", "array_fill", "array_prepend"];

impl Walker<'_> {
    pub(super) fn call(&mut self, function: &Function, place: Place) -> Walk {
        let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } =
            function;
        absent(!uses_odbc_syntax && null_treatment.is_none(), "a call of that kind")?;
        absent(matches!(parameters, FunctionArguments::None), "a call with parameters")?;
        match args {
            FunctionArguments::None => self.without_parentheses(name)?,
            FunctionArguments::Subquery(query) => {
                // ARRAY(SELECT …) and, in sqlparser only, f(SELECT …).
                absent(plain_word(name).as_deref() == Some("array"), "a call with a bare sub-query")?;
                self.array_of(query, place)?;
            }
            FunctionArguments::List(list) => {
                match list.duplicate_treatment {
                    None | Some(DuplicateTreatment::Distinct | DuplicateTreatment::All) => {}
                }
                for clause in &list.clauses {
                    self.clause(clause)?;
                }
                self.call_parts(name, &list.args, place)?;
            }
        }
        if let (false, FunctionArguments::List(list)) = (within_group.is_empty(), args) {
            self.ordered_set(name, &list.args, within_group.len());
        }
        for order in within_group {
            self.without_outputs(|walker| walker.order_by_expr(order))?;
        }
        if let Some(filter) = filter {
            self.expression(filter, Place::of(Use::Predicate))?;
        }
        match over {
            None | Some(WindowType::NamedWindow(_)) => Ok(()),
            Some(WindowType::WindowSpec(spec)) => self.window(spec),
        }
    }

    /// What WITHIN GROUP orders by are arguments, too, by which the function is chosen.
    fn ordered_set(&mut self, name: &ObjectName, args: &[FunctionArg], orders: usize) {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() {
            let count = positional(args).map(|args| args.len().saturating_add(orders));
            self.calls_somebodys(&names::label(ident), count.map_or(Given::Unknown, Given::Many));
        }
    }

    /// A function's name and arguments, also where FROM has them.
    pub(super) fn call_parts(&mut self, name: &ObjectName, args: &[FunctionArg], place: Place) -> Walk {
        for (at, arg) in args.iter().enumerate() {
            if at == 0 || !is_form(name, arg) {
                self.argument(name, arg, place.inside())?;
            }
        }
        if let Some(word) = plain_word(name) {
            if COMBINING.contains(&word.as_str()) {
                if word == "nullif" {
                    self.operator("=");
                }
                return Ok(());
            }
            if GRAMMAR.contains(&word.as_str()) && self.is_grammar(&word)
                || WITHOUT_PARENTHESES.contains(&word.as_str()) && word != CALLED
            {
                let volatility = builtins::lookup(&word).map_or(Volatility::Stable, |builtin| builtin.volatility);
                self.function(Some("pg_catalog"), &word, Some(volatility), true);
                if !args.is_empty() {
                    self.calls_somebodys(&word, Given::Unknown);
                }
                return Ok(());
            }
            if !names_function(&word) {
                return Err(Unread::reserved(&word));
            }
        }
        let parts: Vec<String> = match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => vec![names::label(ident)],
            _ => names::parts(name)?,
        };
        let given = positional(args);
        let given = given.as_deref().map_or(Given::Unknown, Given::These);
        match parts.as_slice() {
            [name] => {
                let somebodys = self.calls_somebodys(name, given);
                match builtins::lookup(name).or_else(|| self.newer(name)) {
                    // Under a search path that is not known another schema may come first.
                    Some(builtin) if self.has_own_first() => self.own(Some("pg_catalog"), builtin, args),
                    Some(_) | None if somebodys => {}
                    Some(_) | None => self.foreign(None, name),
                }
            }
            [schema, name] => match builtins::lookup_in(schema, name)
                .or_else(|| self.newer(name).filter(|_| schema == "pg_catalog"))
            {
                Some(builtin) => self.own(Some(schema), builtin, args),
                None if self.calls_somebodys_in(schema, name, given.count()) => {}
                None => self.foreign(Some(schema), name),
            },
            _ => return Err(Unread::new("a function with a database in front")),
        }
        Ok(())
    }

    /// Whether the word is PostgreSQL's on this server. Older ones look for a function of that name where no grammar of its
    /// own follows: then the catalog must have none of somebody's.
    fn is_grammar(&self, word: &str) -> bool {
        matches!(word, "normalize" | "xmlexists" | "xmltable")
            || self.known().is_some_and(|known| {
                let version = known.snapshot.server().version;
                let since_16 = ["json_array", "json_arrayagg", "json_object", "json_objectagg"].contains(&word);
                version >= if since_16 { 160_000 } else { 170_000 }
            })
    }

    /// A function that only newer servers have, where this is one.
    fn newer(&self, name: &str) -> Option<&'static Builtin> {
        let builtin = builtins::newer(name)?;
        let known = self.known()?;
        // These two are written only where the grammar leaves no other meaning.
        let grammar = matches!(name, "json_table" | "xmltable");
        (grammar || known.snapshot.functions_in("pg_catalog", name).next().is_some()).then_some(builtin)
    }

    /// Code or names that cannot be read.
    pub(super) fn procedure(&mut self) {
        self.shows();
        self.opaque = true;
    }

    /// The same of what runs nothing of anybody's: it shows or does more than the facts can say, but names mean
    /// the same afterwards.
    pub(super) fn shows(&mut self) {
        self.describes();
        self.beyond = true;
    }

    /// The same of what shows nothing that the catalogs do not: which of their rows it is about cannot be said.
    pub(super) fn describes(&mut self) {
        self.effect(Effect::Procedure);
    }

    pub(super) fn foreign(&mut self, schema: Option<&str>, name: &str) {
        self.procedure();
        self.function(schema, name, None, false);
    }

    /// A call of one of PostgreSQL's own.
    fn own(&mut self, schema: Option<&str>, builtin: &Builtin, args: &[FunctionArg]) {
        let count = positional(args).map(|args| args.len());
        let promised = count.zip(schema).and_then(|(count, schema)| self.own_volatility(schema, builtin.name, count));
        let volatility: Volatility = promised.unwrap_or(builtin.volatility);
        self.function(schema, builtin.name, Some(volatility), true);
        // PostgreSQL looks for a variadic function only: it finds somebody's, where its own is none.
        if args.iter().any(is_variadic) && !VARIADIC_FUNCTIONS.contains(&builtin.name) {
            self.procedure();
        }
        let args = positional(args);
        self.gathers |= ARRAYS.contains(&builtin.name);
        match builtin.family {
            Family::Plain | Family::HarmlessVolatile | Family::RegArgument => {}
            Family::Procedure if builtins::describes(builtin.name) => self.describes(),
            Family::Procedure if builtins::keeps_session(builtin.name) => self.shows(),
            Family::Procedure => self.procedure(),
            Family::Write => self.effect(Effect::Write),
            Family::Notify => self.effect(Effect::Notify),
            Family::File => self.effect(Effect::File),
            Family::Session => self.effect(Effect::Session),
            Family::SetConfig => self.set_config(args.as_deref()),
            Family::CurrentSetting => self.current_setting(args.as_deref()),
        }
        if builtin.names_relation {
            self.relation_argument(builtin.name, args.as_deref());
        }
    }

    /// The argument that names a relation: a constant is a reference, anything else may be any.
    fn relation_argument(&mut self, function: &str, args: Option<&[&Expr]>) {
        let Some(args) = args else { return self.describes() };
        let first = match function {
            "has_table_privilege" | "has_sequence_privilege" | "has_any_column_privilege" => args.len() == 2,
            "has_column_privilege" => args.len() == 3,
            _ => true,
        };
        match args.get(usize::from(!first)) {
            Some(Expr::Value(value)) => self.named_relation(Some(value), types::text(&value.value)),
            // The cast has been counted where it stands.
            Some(Expr::Cast { data_type, .. }) if types::is_regclass(data_type) => {}
            Some(_) | None => self.describes(),
        }
    }

    fn without_parentheses(&mut self, name: &ObjectName) -> Walk {
        match plain_word(name) {
            Some(word) if WITHOUT_PARENTHESES.contains(&word.as_str()) => {
                self.builtin(&word);
                Ok(())
            }
            Some(_) | None => Err(Unread::new("a call without parentheses")),
        }
    }

    fn argument(&mut self, function: &ObjectName, arg: &FunctionArg, place: Place) -> Walk {
        let arg = match arg {
            FunctionArg::Unnamed(arg) => arg,
            // XMLPARSE(DOCUMENT value)
            FunctionArg::Named { name: _, arg, operator: FunctionArgOperator::Space }
                if plain_word(function).is_some_and(|word| word == "xmlparse") =>
            {
                arg
            }
            FunctionArg::Named { name: _, arg, operator } => {
                named(operator)?;
                arg
            }
            FunctionArg::ExprNamed { name: Expr::Identifier(_), arg, operator } if named(operator).is_ok() => arg,
            // JSON_OBJECT(key: value), JSON_OBJECT(key VALUE value)
            FunctionArg::ExprNamed { name, arg, operator: FunctionArgOperator::Colon | FunctionArgOperator::Value }
                if plain_word(function).is_some_and(|word| word == "json_object" || word == "json_objectagg") =>
            {
                self.expression(name, place)?;
                arg
            }
            FunctionArg::ExprNamed { .. } => return Err(Unread::new("an argument named by an expression")),
        };
        match arg {
            FunctionArgExpr::Expr(expr) => self.expression(expr, place),
            FunctionArgExpr::QualifiedWildcard(object) => {
                let shape = self.qualified_star(object, place)?;
                self.whole_row(&shape, place);
                Ok(())
            }
            FunctionArgExpr::Wildcard => Ok(()),
            FunctionArgExpr::WildcardWithOptions(_) => Err(Unread::new("a star with options")),
        }
    }

    fn clause(&mut self, clause: &FunctionArgumentClause) -> Walk {
        match clause {
            FunctionArgumentClause::OrderBy(order_by) => {
                order_by.iter().try_for_each(|order| self.without_outputs(|walker| walker.order_by_expr(order)))
            }
            FunctionArgumentClause::JsonNullClause(_) => Ok(()),
            FunctionArgumentClause::JsonReturningClause(returning) => self.data_type(&returning.data_type),
            FunctionArgumentClause::IgnoreOrRespectNulls(_)
            | FunctionArgumentClause::Where(_)
            | FunctionArgumentClause::Limit(_)
            | FunctionArgumentClause::OnOverflow(_)
            | FunctionArgumentClause::Having(_)
            | FunctionArgumentClause::Separator(_) => Err(Unread::new("a clause inside a call")),
        }
    }

    /// set_config(name, value, is_local): harmless only where all is constant, or any value would be harmless.
    fn set_config(&mut self, args: Option<&[&Expr]>) {
        let Some((name_value, name, value, local)) = args.and_then(|args| match args {
            [name, value, local] => constant(name).map(|(kept, name)| (kept, name, value, local)),
            _ => None,
        }) else {
            self.not_known("sql.settings");
            return self.effect(Effect::Settings);
        };
        self.keep(name_value);
        let name = name.to_ascii_lowercase();
        let value = match constant(value) {
            Some((kept, value)) => {
                self.keep(kept);
                Some(value)
            }
            None => {
                self.not_known("sql.settings");
                None
            }
        };
        let local = match local {
            Expr::Value(ValueWithSpan { value: Value::Boolean(local), .. }) => *local,
            Expr::Value(local) if types::text(&local.value).is_some() => {
                self.keep(local);
                types::text(&local.value).and_then(truth::boolean).unwrap_or(false)
            }
            _ => {
                self.not_known("sql.settings");
                false
            }
        };
        if value.is_none() && !super::setting::harmless_with_any_value(&name) {
            return self.effect(Effect::Settings);
        }
        self.set(&name, value.map(str::to_owned), local);
    }

    /// Reading a setting may show a secret.
    fn current_setting(&mut self, args: Option<&[&Expr]>) {
        match args.and_then(|args| args.first()).and_then(|name| constant(name)) {
            Some((value, name)) => {
                self.keep(value);
                if !super::setting::harmless_to_read(&name.to_ascii_lowercase()) {
                    self.shows();
                }
            }
            None => self.shows(),
        }
    }
}

/// The word, where the name is one unquoted word.
/// `NORMALIZE(text, NFC)`: a word, not a column.
fn is_form(function: &ObjectName, arg: &FunctionArg) -> bool {
    let form = |name: &Ident| name.quote_style.is_none() && FORMS.contains(&names::label(name).as_str());
    plain_word(function).is_some_and(|word| word == "normalize")
        && matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) if form(name))
}

pub(super) fn plain_word(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] if ident.quote_style.is_none() => Some(names::label(ident)),
        _ => None,
    }
}

/// Whether it is not by its name that PostgreSQL looks for what is called.
pub(super) fn is_of_grammar(name: &ObjectName) -> bool {
    let listed = |word: &str| [COMBINING, GRAMMAR, WITHOUT_PARENTHESES].iter().any(|words| words.contains(&word));
    plain_word(name).is_some_and(|word| listed(&word))
}

fn is_variadic(arg: &FunctionArg) -> bool {
    match arg {
        FunctionArg::ExprNamed { name: Expr::Identifier(name), .. } | FunctionArg::Named { name, .. } => {
            name.quote_style.is_none() && names::label(name) == spelling::VARIADIC
        }
        FunctionArg::ExprNamed { .. } | FunctionArg::Unnamed(_) => false,
    }
}

/// The arguments of an unqualified call of that name that is nothing but them.
pub(super) fn plain_call<'e>(function: &'e Function, wanted: &str) -> Option<Vec<&'e Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let plain = list.clauses.is_empty()
        && list.duplicate_treatment.is_none()
        && function.filter.is_none()
        && function.over.is_none()
        && function.within_group.is_empty()
        && plain_word(&function.name).is_some_and(|word| word == wanted);
    if plain { positional(&list.args) } else { None }
}

/// The arguments, where none is named or a star.
pub(super) fn positional(args: &[FunctionArg]) -> Option<Vec<&Expr>> {
    let expr = |arg| match arg {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    args.iter().map(expr).collect()
}

fn constant(expr: &Expr) -> Option<(&ValueWithSpan, &str)> {
    match expr {
        Expr::Value(value) => types::text(&value.value).map(|text| (value, text)),
        _ => None,
    }
}

fn named(operator: &FunctionArgOperator) -> Walk {
    match operator {
        FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment => Ok(()),
        FunctionArgOperator::Equals
        | FunctionArgOperator::Colon
        | FunctionArgOperator::Value
        | FunctionArgOperator::Space => Err(Unread::new("a named argument of that kind")),
    }
}

#[cfg(test)]
mod tests;
