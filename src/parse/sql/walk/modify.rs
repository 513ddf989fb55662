//! INSERT, UPDATE, DELETE, MERGE.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the last arm refuses, or hands on to a match that names every variant"
)]

use std::rc::Rc;

use sqlparser::ast::{
    Assignment, AssignmentTarget, ConflictTarget, Delete, Expr, FromTable, Insert, Merge, MergeAction, MergeClause,
    MergeClauseKind, MergeInsertExpr, MergeInsertKind, MergeUpdateExpr, MergeUpdateKind, ObjectName, OnConflict,
    OnConflictAction, OnInsert, OutputClause, SelectItem, Statement, TableAlias, TableFactor, TableObject, Update,
    UpdateTableFromKind,
};

use super::cascades::Changing;
use super::columns::{Column, Place};
use super::facts::Walker;
use super::outputs::{Output, Outputs};
use super::query::Role;
use super::scope::{Scope, Shape, Source};
use super::{Unread, Walk, absent, names};
use crate::catalog::Events;
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::sql::spelling;

impl Walker<'_> {
    /// A data-changing statement; its entry is open.
    pub(super) fn modify(&mut self, statement: &Statement) -> Walk<Outputs> {
        self.effect(Effect::Write);
        self.scopes.push(Scope::default());
        let scopes = self.scopes.len();
        self.changing.push(Changing::default());
        let outputs = match statement {
            Statement::Insert(insert) => self.insert(insert)?,
            Statement::Update(update) => self.update(update)?,
            Statement::Delete(delete) => self.delete(delete)?,
            Statement::Merge(merge) => self.merge(merge)?,
            _ => return Err(Unread::new("a query with that body")),
        };
        self.scopes.truncate(scopes.saturating_sub(1));
        if let Some(changing) = self.changing.pop() {
            self.changes_in_turn(&changing);
        }
        Ok(outputs)
    }

    fn insert(&mut self, insert: &Insert) -> Walk<Outputs> {
        plain_insert(insert)?;
        let TableObject::TableName(name) = &insert.table else {
            return Err(Unread::new("INSERT into anything but a relation"));
        };
        let alias = insert.table_alias.as_ref().map(|alias| TableAlias {
            explicit: true,
            name: alias.alias.clone(),
            columns: Vec::new(),
            at: None,
        });
        let mut given = None;
        if let Some(source) = &insert.source {
            // The source does not see the target.
            let own = self.scopes.pop();
            let walked = self.taking(|walker| walker.query(source, Role::part(Use::Output)));
            self.scopes.extend(own);
            given = Some(walked?);
        }
        let changes =
            matches!(&insert.on, Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoUpdate(_), .. })));
        let events = if changes { Events::INSERT.and(Events::UPDATE) } else { Events::INSERT };
        let target = self.target(name, alias.as_ref(), events)?;
        for column in &insert.columns {
            self.assign(&target, column)?;
        }
        if insert.columns.is_empty() {
            self.assign_first(&target, given.as_ref());
        }
        if let Some([_, inferred @ ..]) = insert.partitioned.as_deref() {
            self.expressions(inferred, Place::of(Use::Predicate))?;
        }
        if let Some(on) = &insert.on {
            self.on_insert(on, &target)?;
        }
        self.returning(insert.returning.as_deref(), &target)
    }

    fn on_insert(&mut self, on: &OnInsert, target: &Shape) -> Walk {
        let OnInsert::OnConflict(OnConflict { conflict_target, action }) = on else {
            return Err(Unread::new("ON DUPLICATE KEY UPDATE"));
        };
        match conflict_target {
            Some(ConflictTarget::Columns(columns)) => {
                for column in columns {
                    self.column(own_column(target, names::name(column)?), [Use::Predicate]);
                }
            }
            None | Some(ConflictTarget::OnConstraint(_)) => {}
        }
        match action {
            OnConflictAction::DoNothing => Ok(()),
            OnConflictAction::DoUpdate(update) => {
                let mut proposed = Outputs::default();
                proposed.extend(target);
                let shape = Shape::Known(Rc::new(proposed));
                let excluded = Source { alias: Some("excluded".to_owned()), schema: None, shape, hidden: true };
                if let Some(scope) = self.scopes.last_mut() {
                    scope.sources.push(excluded);
                }
                self.assignments(&update.assignments, target)?;
                if let Some(selection) = &update.selection {
                    self.expression(selection, Place::of(Use::Predicate))?;
                }
                if let Some(scope) = self.scopes.last_mut() {
                    scope.sources.pop();
                }
                Ok(())
            }
        }
    }

    fn update(&mut self, update: &Update) -> Walk<Outputs> {
        let Update {
            update_token: _,
            optimizer_hints,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        let plain = optimizer_hints.is_empty() && output.is_none() && or.is_none() && order_by.is_empty();
        absent(plain && limit.is_none() && table.joins.is_empty(), "UPDATE with what PostgreSQL does not have")?;
        let target = self.target_factor(&table.relation, Events::UPDATE)?;
        match from {
            None => {}
            Some(UpdateTableFromKind::AfterSet(items)) => {
                items.iter().try_for_each(|item| self.item(item))?;
            }
            Some(UpdateTableFromKind::BeforeSet(_)) => return Err(Unread::new("FROM before SET")),
        }
        self.assignments(assignments, &target)?;
        if let Some(selection) = selection {
            self.expression(selection, Place::of(Use::Predicate))?;
            self.where_clause(selection);
        }
        self.returning(returning.as_deref(), &target)
    }

    fn delete(&mut self, delete: &Delete) -> Walk<Outputs> {
        let Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        let plain = optimizer_hints.is_empty() && tables.is_empty() && output.is_none() && order_by.is_empty();
        absent(plain && limit.is_none(), "DELETE with what PostgreSQL does not have")?;
        let FromTable::WithFromKeyword(from) = from else {
            return Err(Unread::new("DELETE without FROM"));
        };
        let [item] = from.as_slice() else {
            return Err(Unread::new("DELETE from several relations"));
        };
        absent(item.joins.is_empty(), "DELETE from a join")?;
        let target = self.target_factor(&item.relation, Events::DELETE)?;
        for item in using.iter().flatten() {
            self.item(item)?;
        }
        if let Some(selection) = selection {
            self.expression(selection, Place::of(Use::Predicate))?;
            self.where_clause(selection);
        }
        self.returning(returning.as_deref(), &target)
    }

    fn merge(&mut self, merge: &Merge) -> Walk<Outputs> {
        let Merge { merge_token: _, optimizer_hints, into, table, source, on, clauses, output } = merge;
        absent(optimizer_hints.is_empty() && *into, "MERGE without INTO")?;
        let target = self.target_factor(table, merged(clauses))?;
        self.effect(Effect::Read);
        self.factor(source)?;
        self.expression(on, Place::of(Use::Join))?;
        for clause in clauses {
            self.merge_clause(clause, &target)?;
        }
        match output {
            None => Ok(Outputs::default()),
            Some(OutputClause::Returning { returning_token: _, select_items }) => {
                // A star gives the source's columns before the target's.
                if let Some(scope) = self.scopes.last_mut() {
                    scope.sources.rotate_left(1);
                }
                self.returning(Some(select_items), &target)
            }
            Some(OutputClause::Output { .. }) => Err(Unread::new("OUTPUT")),
        }
    }

    fn merge_clause(&mut self, clause: &MergeClause, target: &Shape) -> Walk {
        let MergeClause { when_token: _, clause_kind, predicate, action } = clause;
        let Some(scope) = self.scopes.last_mut() else { return Err(Unread::new("MERGE of nothing")) };
        let all = scope.sources.clone();
        // What has no match is not seen: the target comes first.
        match clause_kind {
            MergeClauseKind::Matched => {}
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget => {
                scope.sources = all.iter().skip(1).cloned().collect();
            }
            MergeClauseKind::NotMatchedBySource => scope.sources.truncate(1),
        }
        if let Some(predicate) = predicate {
            self.expression(predicate, Place::of(Use::Predicate))?;
        }
        self.merge_action(action, target)?;
        if let Some(scope) = self.scopes.last_mut() {
            scope.sources = all;
        }
        Ok(())
    }

    fn merge_action(&mut self, action: &MergeAction, target: &Shape) -> Walk {
        match action {
            MergeAction::Insert(MergeInsertExpr {
                insert_token: _,
                columns,
                kind_token: _,
                kind,
                insert_predicate,
            }) => {
                absent(insert_predicate.is_none(), "MERGE … INSERT … WHERE")?;
                for column in columns {
                    self.assign(target, column)?;
                }
                match kind {
                    MergeInsertKind::Values(values) => {
                        if let (true, Some(row)) = (columns.is_empty(), values.rows.first()) {
                            let value = || Output::made();
                            let given = row.content.iter().map(|_| value()).collect();
                            self.assign_first(target, Some(&Outputs { columns: given, ..Outputs::default() }));
                        }
                        for expr in values.rows.iter().flat_map(|row| &row.content) {
                            self.taking(|walker| walker.assigned(expr, Place::of(Use::Output)))?;
                        }
                        Ok(())
                    }
                    MergeInsertKind::Row | MergeInsertKind::Wildcard => Err(Unread::new("MERGE … INSERT ROW")),
                }
            }
            MergeAction::Update(MergeUpdateExpr { update_token: _, kind, update_predicate, delete_predicate }) => {
                absent(update_predicate.is_none() && delete_predicate.is_none(), "MERGE … UPDATE … WHERE")?;
                match kind {
                    MergeUpdateKind::Set(assignments) => self.assignments(assignments, target),
                    MergeUpdateKind::Wildcard => Err(Unread::new("MERGE … UPDATE *")),
                }
            }
            MergeAction::Delete { .. } | MergeAction::DoNothing { .. } => Ok(()),
        }
    }

    fn target_factor(&mut self, factor: &TableFactor, events: Events) -> Walk<Shape> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } = factor
        else {
            return Err(Unread::new("a target that is not a relation"));
        };
        let plain = with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty();
        absent(plain && alias.as_ref().is_none_or(|alias| alias.columns.is_empty()), "a target with options")?;
        self.target(name, alias.as_ref(), events.and(Events::READ))
    }

    fn assignments(&mut self, assignments: &[Assignment], target: &Shape) -> Walk {
        for Assignment { target: column, value } in assignments {
            match column {
                AssignmentTarget::ColumnName(name) => self.reassign(target, name)?,
                AssignmentTarget::Tuple(columns) => {
                    columns.iter().try_for_each(|name| self.reassign(target, name))?;
                }
            }
            match (column, value) {
                // `(a, b) = (1, DEFAULT)`
                (AssignmentTarget::Tuple(_), Expr::Tuple(values)) => values
                    .iter()
                    .try_for_each(|value| self.taking(|walker| walker.assigned(value, Place::of(Use::Output))))?,
                _ => self.taking(|walker| walker.assigned(value, Place::of(Use::Output)))?,
            }
        }
        Ok(())
    }

    fn assign(&mut self, target: &Shape, column: &ObjectName) -> Walk {
        let name = names::parts(column)?.into_iter().next().unwrap_or_default();
        self.column(own_column(target, name), [Use::Assignment]);
        Ok(())
    }

    /// The same where a row has a value there already.
    fn reassign(&mut self, target: &Shape, column: &ObjectName) -> Walk {
        let name = names::parts(column)?.into_iter().next().unwrap_or_default();
        self.changing.last_mut().into_iter().for_each(|changing| _ = changing.columns.insert(name.clone()));
        self.assign(target, column)
    }

    /// Without a list of columns, an INSERT has as many of the first ones as it has values.
    fn assign_first(&mut self, target: &Shape, given: Option<&Outputs>) {
        let Some(listed) = target.listed() else {
            return self.all_columns(target, std::iter::once(Use::Assignment));
        };
        let count = match given {
            Some(given) if given.is_listed() => given.columns.len(),
            Some(_) => listed.columns.len(),
            // DEFAULT VALUES
            None => 0,
        };
        for output in listed.columns.iter().take(count) {
            for column in output.bases.iter() {
                self.column(column.clone(), [Use::Assignment]);
            }
        }
    }

    /// RETURNING gives rows back, so it reads its target.
    fn returning(&mut self, items: Option<&[SelectItem]>, target: &Shape) -> Walk<Outputs> {
        let mut outputs = Outputs::default();
        if let Some(items) = items {
            self.effect(Effect::Read);
            if let Some(id) = target.relation() {
                self.touch_again(id, Access::Read);
            }
            let sources = self.scopes.last().map_or(0, |scope| scope.sources.len());
            let named = items.iter().map_while(row_name).collect::<Vec<_>>();
            for row in ROWS {
                let alias =
                    named.iter().find(|(known, _)| *known == row).map_or(row.to_owned(), |(_, alias)| alias.clone());
                let source = Source { alias: Some(alias), schema: None, shape: target.clone(), hidden: true };
                self.scopes.last_mut().into_iter().for_each(|scope| scope.sources.push(source.clone()));
            }
            for item in items.iter().skip(named.len()) {
                self.select_item(item, Place::of(Use::Output), &mut outputs)?;
            }
            self.scopes.last_mut().into_iter().for_each(|scope| scope.sources.truncate(sources));
        }
        Ok(outputs)
    }
}

/// The row before a change and after it, as PostgreSQL 18 calls them where nothing else has that name.
const ROWS: [&str; 2] = ["old", "new"];

/// Another name for one of them, from `RETURNING WITH (OLD AS name)`.
fn row_name(item: &SelectItem) -> Option<(&str, String)> {
    match item {
        SelectItem::ExprWithAlias { expr: Expr::CompoundIdentifier(idents), alias } => match idents.as_slice() {
            [mark, row] if mark.value == spelling::EVERY_FIELD => Some((row.value.as_str(), names::label(alias))),
            _ => None,
        },
        _ => None,
    }
}

/// What MERGE does to rows.
fn merged(clauses: &[MergeClause]) -> Events {
    clauses.iter().fold(Events::READ, |events, clause| {
        events.and(match &clause.action {
            MergeAction::Insert(_) => Events::INSERT,
            MergeAction::Update(_) => Events::UPDATE,
            MergeAction::Delete { .. } => Events::DELETE,
            MergeAction::DoNothing { .. } => Events::NONE,
        })
    })
}

/// A column of a statement's target.
fn own_column(target: &Shape, name: String) -> Column {
    Column { relation: target.relation().map(Rc::clone), name: Rc::from(name) }
}

fn plain_insert(insert: &Insert) -> Walk {
    let Insert {
        insert_token: _,
        optimizer_hints,
        or,
        ignore,
        into,
        table: _,
        table_alias: _,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on: _,
        returning: _,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    let plain = optimizer_hints.is_empty() && or.is_none() && !ignore && *into && !overwrite && assignments.is_empty();
    // What ON CONFLICT infers its index from was put there.
    let inferred = partitioned.as_ref().is_none_or(
        |exprs| matches!(exprs.as_slice(), [Expr::Identifier(mark), ..] if mark.value == spelling::EVERY_FIELD),
    );
    let plain = plain && inferred && after_columns.is_empty() && !has_table_keyword && output.is_none();
    let plain = plain && !replace_into && priority.is_none() && insert_alias.is_none() && settings.is_none();
    let plain = plain && format_clause.is_none() && multi_table_insert_type.is_none();
    let plain = plain && multi_table_into_clauses.is_empty() && multi_table_when_clauses.is_empty();
    absent(plain && multi_table_else_clause.is_none(), "INSERT with what PostgreSQL does not have")
}
