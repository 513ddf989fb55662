//! Queries: CTEs, SELECT, set operations, VALUES, locks.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use std::rc::Rc;

use sqlparser::ast::{
    AccessExpr, Cte, Expr, LockClause, NamedWindowExpr, Query, Select, SelectFlavor, SelectInto, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Statement, WildcardAdditionalOptions, With,
};

use super::columns::{Place, Reference};
use super::facts::Walker;
use super::field::gives_fields;
use super::known::ANY_USE;
use super::outputs::{Output, Outputs};
use super::scope::{Scope, Shape};
use super::types::without_parentheses;
use super::{Unread, Walk, absent, label, names};
use crate::parse::definitions::Definitions;
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::sql::spelling;

/// Columns of a result.
const MOST_COLUMNS: usize = 1664;

/// What a query is part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// Its body may be the INSERT, UPDATE, DELETE or MERGE that the open entry stands for.
    pub statement: bool,
    /// How its result is used.
    pub result: Use,
}

impl Role {
    /// The statement itself.
    pub(super) const STATEMENT: Self = Self { statement: true, result: Use::Output };

    /// Inside a statement.
    pub(super) fn part(result: Use) -> Self {
        Self { statement: false, result }
    }
}

impl Walker<'_> {
    pub(super) fn query(&mut self, query: &Query, role: Role) -> Walk<Outputs> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        absent(
            for_clause.is_none() && settings.is_none() && format_clause.is_none() && pipe_operators.is_empty(),
            "a clause that PostgreSQL does not have",
        )?;
        let ctes = self.ctes.len();
        if let Some(with) = with {
            self.with(with)?;
        }
        let (touched, scopes) = (self.touched.len(), self.scopes.len());
        let outputs = Rc::new(self.body(body, role)?);
        // ORDER BY and LIMIT see what the SELECT sees, and its outputs before that.
        if self.scopes.len() == scopes {
            self.scopes.push(Scope::default());
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.outputs = Some(Rc::clone(&outputs));
        }
        if let Some(order_by) = order_by {
            self.order_by(order_by, &outputs)?;
        }
        self.limit(limit_clause.as_ref(), fetch.as_ref(), role.statement)?;
        self.locks(locks, touched)?;
        self.scopes.truncate(scopes);
        self.ctes.truncate(ctes);
        Ok(Rc::unwrap_or_clone(outputs))
    }

    fn with(&mut self, with: &With) -> Walk {
        let With { with_token: _, recursive, cte_tables } = with;
        if *recursive {
            // With RECURSIVE each name is visible in all of them.
            for cte in cte_tables.iter().filter(|cte| !is_mark(cte)) {
                let name = names::name(&cte.alias.name)?;
                self.ctes.push((name, Rc::new(Outputs::opaque())));
            }
        }
        for cte in cte_tables {
            if !is_mark(cte) {
                self.cte(cte, *recursive)?;
                continue;
            }
            // SEARCH and CYCLE add columns to what the one before it gives: they compare its values, and keep them in rows.
            let Some(outputs) = self.ctes.last().map(|(_, outputs)| Rc::clone(outputs)) else {
                return Err(Unread::new("SEARCH or CYCLE of nothing"));
            };
            self.all_outputs(&outputs, [Use::Predicate, Use::Argument].into_iter());
            self.compares_rows(&outputs);
            if let Some((_, outputs)) = self.ctes.last_mut() {
                *outputs = Rc::new(with_more(outputs.as_ref().clone()));
            }
        }
        Ok(())
    }

    fn cte(&mut self, cte: &Cte, recursive: bool) -> Walk {
        let Cte { alias, query, from, materialized: _, closing_paren_token: _ } = cte;
        absent(from.is_none() && alias.at.is_none(), "a CTE with FROM")?;
        let name = names::name(&alias.name)?;
        let aliases: Vec<String> = alias.columns.iter().map(|column| names::label(&column.name)).collect();
        if let (true, None, SetExpr::SetOperation { left, op, set_quantifier, right }) =
            (recursive, &query.with, query.body.as_ref())
        {
            set_operation(*op, *set_quantifier)?;
            absent(query.order_by.is_none() && query.locks.is_empty(), "a recursive CTE with ORDER BY")?;
            let role = Role::part(Use::Output);
            let start = self.in_own_scope(|walker| walker.body(left, role))?;
            self.ctes.push((name.clone(), Rc::new(start.renamed(&aliases))));
            let step = self.in_own_scope(|walker| walker.body(right, role))?;
            self.limit(query.limit_clause.as_ref(), query.fetch.as_ref(), false)?;
            let (outputs, steady) = start.repeated(&step);
            if !steady {
                // What was read of one column in the step was read of the others as well.
                self.all_outputs(&outputs, ANY_USE.into_iter());
            }
            self.compares_rows(&outputs);
            self.ctes.push((name, Rc::new(outputs.renamed(&aliases))));
            return Ok(());
        }
        let outputs = self.query(query, Role::part(Use::Output))?;
        self.ctes.push((name, Rc::new(outputs.renamed(&aliases))));
        Ok(())
    }

    fn in_own_scope<T>(&mut self, run: impl FnOnce(&mut Self) -> Walk<T>) -> Walk<T> {
        let scopes = self.scopes.len();
        let result = run(self);
        self.scopes.truncate(scopes);
        result
    }

    /// A query's body. A plain SELECT leaves its scope open for ORDER BY.
    fn body(&mut self, body: &SetExpr, role: Role) -> Walk<Outputs> {
        // Set operations are left-deep: down the left side without recursion.
        let (mut leftmost, mut rights) = (body, Vec::new());
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = leftmost {
            set_operation(*op, *set_quantifier)?;
            let compares = !matches!((op, set_quantifier), (SetOperator::Union, SetQuantifier::All));
            rights.push((right.as_ref(), compares, *op != SetOperator::Union));
            leftmost = left.as_ref();
        }
        if rights.is_empty() {
            return self.single(leftmost, role);
        }
        let mut outputs = self.in_own_scope(|walker| walker.single(leftmost, role))?;
        for (right, compares, filters) in rights.into_iter().rev() {
            outputs = outputs.united(&self.in_own_scope(|walker| walker.body(right, role))?);
            if compares {
                self.compares_rows(&outputs);
            }
            if filters {
                // EXCEPT and INTERSECT: which rows come is up to what is in the others.
                self.all_outputs(&outputs, std::iter::once(Use::Predicate));
            }
        }
        Ok(outputs)
    }

    fn single(&mut self, body: &SetExpr, role: Role) -> Walk<Outputs> {
        match body {
            SetExpr::Select(select) => self.select(select, role),
            SetExpr::Query(query) => self.query(query, role),
            SetExpr::Values(values) => {
                self.reads(role);
                absent(!values.explicit_row && !values.value_keyword, "VALUES ROW")?;
                let mut rows = values.rows.iter().map(|row| row.content.as_slice());
                let mut outputs = self.row_of_values(rows.next().unwrap_or_default(), role)?;
                for row in rows {
                    outputs = outputs.united(&self.row_of_values(row, role)?);
                }
                Ok(outputs)
            }
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement)
            | SetExpr::Merge(statement) => self.changing(statement, role),
            SetExpr::Table(_) => Err(Unread::new("TABLE as a query")),
            SetExpr::SetOperation { .. } => self.body(body, role),
        }
    }

    fn row_of_values(&mut self, row: &[Expr], role: Role) -> Walk<Outputs> {
        let mut outputs = Outputs::default();
        for (at, expr) in (1_usize..).zip(row) {
            let reference = self.value_of(expr, |walker| walker.assigned(expr, Place::of(role.result)))?;
            outputs.columns.push(Output {
                bare: false,
                shown: false,
                ..Output::named(&format!("column{at}"), reference)
            });
        }
        Ok(outputs)
    }

    /// Walks an expression, and tells what its value depends on.
    fn value_of(&mut self, expr: &Expr, walk: impl FnOnce(&mut Self) -> Walk) -> Walk<Reference> {
        (self.passing, self.showing) = (None, None);
        let bases = self.traced(walk)?;
        let (passing, showing) = (self.passing.take(), self.showing.take());
        let name = match without_parentheses(expr) {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
            // `(row).column`; of a value's fields and elements the server does not say where they come from.
            Expr::CompoundFieldAccess { root, access_chain } => {
                matches!(access_chain.as_slice(), [AccessExpr::Dot(Expr::Identifier(_))])
                    && matches!(without_parentheses(root), Expr::Identifier(row) if self.row_named(&names::label(row)).is_some())
            }
            _ => false,
        };
        let bare = name && bases.len() == 1 && bases.first() == passing.as_ref();
        let shown = bare || (name && showing.as_ref() == Some(&bases));
        Ok(Reference { bases, bare, shown })
    }

    /// INSERT, UPDATE, DELETE or MERGE as the body of a query.
    fn changing(&mut self, statement: &Statement, role: Role) -> Walk<Outputs> {
        if !role.statement {
            self.enter(super::tags::command(statement), true)?;
        }
        let outputs = self.modify(statement)?;
        if !role.statement {
            self.leave();
        }
        Ok(outputs)
    }

    /// A SELECT or VALUES that is more than the source of an INSERT reads.
    fn reads(&mut self, role: Role) {
        if role.statement {
            self.effect(Effect::Read);
        }
    }

    fn select(&mut self, select: &Select, role: Role) -> Walk<Outputs> {
        plain_select(select)?;
        self.reads(role);
        self.scopes.push(Scope::default());
        for item in &select.from {
            self.item(item)?;
        }
        if let Some(into) = &select.into {
            self.select_into(into)?;
        }
        let mut outputs = Outputs::default();
        for item in &select.projection {
            self.select_item(item, Place::of(role.result), &mut outputs)?;
        }
        if let Some(predicate) = &select.selection {
            self.expression(predicate, Place::of(Use::Predicate))?;
            if role.statement {
                self.where_clause(predicate);
            }
        }
        let outputs = Rc::new(outputs);
        if let Some(scope) = self.scopes.last_mut() {
            scope.outputs = Some(Rc::clone(&outputs));
        }
        self.group_by(&select.group_by, &outputs)?;
        if let Some(having) = &select.having {
            self.expression(having, Place::of(Use::Predicate))?;
        }
        self.distinct(select.distinct.as_ref(), &outputs)?;
        for window in &select.named_window {
            match &window.1 {
                NamedWindowExpr::NamedWindow(_) => {}
                NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
            }
        }
        Ok(Rc::unwrap_or_clone(outputs))
    }

    fn select_into(&mut self, into: &SelectInto) -> Walk {
        let SelectInto { temporary, unlogged: _, table: _, targets } = into;
        // A name may mean what is temporary from now on.
        self.aftermath.names |= temporary;
        self.privately(*temporary);
        self.stores = true;
        for target in targets {
            let parts = match target {
                Expr::Identifier(ident) => vec![names::name(ident)?],
                Expr::CompoundIdentifier(idents) => idents.iter().map(names::label).collect(),
                _ => return Err(Unread::new("SELECT INTO of that kind")),
            };
            let relation = self.resolve_new(&parts)?;
            self.touch(&relation, Access::Write);
            self.defines(&Definitions::relations([(relation.schema, relation.name)]));
        }
        self.effect(Effect::Ddl);
        self.effect(Effect::Write);
        Ok(())
    }

    pub(super) fn select_item(&mut self, item: &SelectItem, place: Place, outputs: &mut Outputs) -> Walk {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                if let Some(shape) = self.every_field(expr) {
                    self.all_columns(&shape, std::iter::once(place.clause));
                    outputs.extend(&shape);
                    return limited(outputs);
                }
                let reference = self.value_of(expr, |walker| walker.expression(expr, place))?;
                if gives_fields(expr) {
                    let bases = Rc::new(reference.bases);
                    outputs.loose = true;
                    outputs.opaque |= bases.iter().any(|column| &*column.name == "*");
                    outputs.columns.push(Output { bases, ..Output::made() });
                } else {
                    let name = label::of(expr).map(Rc::from);
                    outputs.columns.push(Output { name, ..Output::named("", reference) });
                }
            }
            // `type '…'` without a type that sqlparser knows; an alias is never a text.
            SelectItem::ExprWithAlias { alias, .. } if alias.quote_style == Some('\'') => {
                return Err(Unread::new("a constant of a type that is not PostgreSQL's own"));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                let reference = self.value_of(expr, |walker| walker.expression(expr, place))?;
                if alias.quote_style == Some('\'') {
                    // No alias to PostgreSQL: it reads `type 'constant'`, whatever type that is.
                    return Err(Unread::new("a constant right after an expression"));
                }
                outputs.columns.push(Output::named(&names::label(alias), reference));
                if alias.value == spelling::EVERY_FIELD {
                    // The result of a function in ROWS FROM.
                    *outputs = outputs.mixed();
                }
            }
            SelectItem::QualifiedWildcard(kind, options) => {
                plain_star(options)?;
                let SelectItemQualifiedWildcardKind::ObjectName(object) = kind else {
                    return Err(Unread::new("a star of an expression"));
                };
                let shape = self.qualified_star(object, place)?;
                outputs.extend(&shape);
            }
            SelectItem::Wildcard(options) => {
                plain_star(options)?;
                let visible = self.scopes.last().into_iter().flat_map(Scope::visible);
                let shapes: Vec<Shape> = visible.map(|source| source.shape.clone()).collect();
                for shape in shapes {
                    self.all_columns(&shape, std::iter::once(place.clause));
                    outputs.extend(&shape);
                }
            }
            SelectItem::ExprWithAliases { .. } => return Err(Unread::new("an expression with several aliases")),
        }
        limited(outputs)
    }

    /// FOR UPDATE and FOR SHARE lock rows for change: of the aliases named, else of all below.
    fn locks(&mut self, locks: &[LockClause], touched: usize) -> Walk {
        for LockClause { lock_type: _, of, nonblock: _ } in locks {
            self.effect(Effect::Write);
            let mut ids: Vec<String> = self.touched.get(touched..).unwrap_or_default().to_vec();
            if let Some(of) = of {
                let alias = names::parts(of)?;
                let sources = self.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
                let named = sources.iter().find(|source| source.alias.as_ref() == alias.last());
                if let Some(id) = named.and_then(|source| source.shape.relation()) {
                    ids = vec![id.to_string()];
                }
            }
            for id in ids {
                self.touch_again(&id, Access::Lock);
            }
        }
        Ok(())
    }
}

/// PostgreSQL gives no more columns than these; unbounded, CTEs that double each other would.
fn limited(outputs: &Outputs) -> Walk {
    absent(outputs.columns.len() <= MOST_COLUMNS, "a result of more than 1,664 columns")
}

/// Whether it stands for SEARCH or CYCLE: no name of PostgreSQL is empty.
fn is_mark(cte: &Cte) -> bool {
    cte.alias.name.value == spelling::EVERY_FIELD
}

fn with_more(outputs: Outputs) -> Outputs {
    let bases = Rc::new(Reference::mixed(outputs.columns.iter()).bases);
    let mut columns = outputs.columns;
    columns.push(Output { bases, ..Output::made() });
    Outputs { columns, loose: true, ..outputs }
}

fn set_operation(op: SetOperator, quantifier: SetQuantifier) -> Walk {
    match op {
        SetOperator::Union | SetOperator::Except | SetOperator::Intersect => {}
        SetOperator::Minus => return Err(Unread::new("MINUS")),
    }
    match quantifier {
        SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => Ok(()),
        SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
            Err(Unread::new("a set operation BY NAME"))
        }
    }
}

fn plain_star(options: &WildcardAdditionalOptions) -> Walk {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none() && opt_exclude.is_none() && opt_except.is_none();
    absent(plain && opt_replace.is_none() && opt_rename.is_none() && opt_alias.is_none(), "a star with options")
}

/// Refuses the clauses of other dialects.
fn plain_select(select: &Select) -> Walk {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct,
        projection: _,
        exclude,
        into: _,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify,
        // Only says that there is a WINDOW.
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    let plain = optimizer_hints.is_empty() && select_modifiers.is_none() && top.is_none() && !top_before_distinct;
    let plain = plain && exclude.is_none() && lateral_views.is_empty() && prewhere.is_none() && connect_by.is_empty();
    let plain = plain && cluster_by.is_empty() && distribute_by.is_empty() && sort_by.is_empty() && qualify.is_none();
    let plain = plain && value_table_mode.is_none();
    absent(plain && *flavor == SelectFlavor::Standard, "a clause that PostgreSQL's SELECT does not have")
}
