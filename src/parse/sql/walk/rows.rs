//! Functions in FROM: the columns of those whose result always has the same ones.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{FunctionArg, ObjectName, TableAlias};

use super::call::positional;
use super::columns::Column;
use super::facts::Walker;
use super::outputs::{Output, Outputs};
use super::overloads::Given;
use super::scope::Shape;
use super::{Names, names};
use crate::parse::sql::reading::Known;

/// PostgreSQL's own that give one column, called as their alias is.
const ONE_COLUMN: [&str; 7] = [
    "generate_series",
    "generate_subscripts",
    "json_object_keys",
    "jsonb_object_keys",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
];

/// PostgreSQL's own whose columns have names of their own.
const NAMED_COLUMNS: [(&str, &[&str]); 8] = [
    ("json_array_elements", &["value"]),
    ("json_array_elements_text", &["value"]),
    ("json_each", &["key", "value"]),
    ("json_each_text", &["key", "value"]),
    ("jsonb_array_elements", &["value"]),
    ("jsonb_array_elements_text", &["value"]),
    ("jsonb_each", &["key", "value"]),
    ("jsonb_each_text", &["key", "value"]),
];

impl Walker<'_> {
    /// What a function in FROM gives, made of what its arguments are.
    pub(super) fn rows_of(
        &mut self,
        function: &ObjectName,
        alias: Option<&TableAlias>,
        ordinality: bool,
        (args, bases): (&[FunctionArg], BTreeSet<Column>),
    ) -> Shape {
        let (args, bases) = (positional(args), Rc::new(bases));
        let parts = names::parts(function).unwrap_or_default();
        let name = match (parts.as_slice(), self.context.names) {
            ([schema, name], _) if schema == "pg_catalog" => name,
            ([name], Names::Certain { .. } | Names::Known(Known { searched: true, .. }))
                if !self.calls_somebodys(name, args.as_deref().map_or(Given::Unknown, Given::These)) =>
            {
                name
            }
            (_, _) => return Shape::Computed(bases),
        };
        let column = |name: &str| Output { name: Some(Rc::from(name)), bases: Rc::clone(&bases), ..Output::made() };
        let mut columns: Vec<Output> = if ONE_COLUMN.contains(&name.as_str()) {
            let called = alias.map_or_else(|| name.clone(), |alias| names::label(&alias.name));
            vec![column(&called)]
        } else if let Some((_, named)) = NAMED_COLUMNS.iter().find(|(known, _)| known == name) {
            named.iter().map(|name| column(name)).collect()
        } else {
            return Shape::Computed(bases);
        };
        if ordinality {
            columns.push(Output { name: Some(Rc::from("ordinality")), ..Output::made() });
        }
        Shape::Known(Rc::new(Outputs { columns, ..Outputs::default() }))
    }
}
