//! FROM: relations, sub-selects, functions, joins.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{
    Expr, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableSample, TableSampleKind,
    TableSampleModifier, TableWithJoins, Value,
};

use super::columns::{Column, Place, Reference};
use super::facts::Walker;
use super::outputs::{Output, Outputs};
use super::query::Role;
use super::scope::{Found, Scope, Shape, Source};
use super::{Unread, Walk, absent, names};
use crate::catalog::Events;
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::reference::Role as Part;
use crate::parse::sql::places::Spot;
use crate::parse::sql::spelling;

impl Walker<'_> {
    /// One item of FROM; its aliases are added to the innermost scope.
    pub(super) fn item(&mut self, item: &TableWithJoins) -> Walk {
        let TableWithJoins { relation, joins } = item;
        let first = self.source_count();
        self.factor(relation)?;
        for join in joins {
            self.join(join, first)?;
        }
        Ok(())
    }

    fn source_count(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.sources.len())
    }

    /// A join of what is there from `first` on with one more.
    fn join(&mut self, join: &Join, first: usize) -> Walk {
        let Join { relation, global, join_operator } = join;
        absent(!global, "GLOBAL JOIN")?;
        let middle = self.source_count();
        self.factor(relation)?;
        let constraint = match join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint) => constraint,
            JoinOperator::Semi(_)
            | JoinOperator::LeftSemi(_)
            | JoinOperator::RightSemi(_)
            | JoinOperator::Anti(_)
            | JoinOperator::LeftAnti(_)
            | JoinOperator::RightAnti(_)
            | JoinOperator::CrossApply
            | JoinOperator::OuterApply
            | JoinOperator::AsOf { .. }
            | JoinOperator::StraightJoin(_)
            | JoinOperator::ArrayJoin
            | JoinOperator::LeftArrayJoin
            | JoinOperator::InnerArrayJoin => return Err(Unread::new("a join that PostgreSQL does not have")),
        };
        match constraint {
            JoinConstraint::On(expr) => self.on(expr, first),
            JoinConstraint::Using(columns) => {
                let (mut names, mut alias) = (Vec::with_capacity(columns.len()), None);
                for column in columns {
                    match names::parts(column)?.as_slice() {
                        [name] => names.push(name.clone()),
                        // `USING (…) AS name`
                        [mark, name] if mark == spelling::EVERY_FIELD => alias = Some(name.clone()),
                        _ => return Err(Unread::new("USING with a qualified name")),
                    }
                }
                let merged = self.merge_columns(names, first, middle);
                if let (Some(alias), Some(scope)) = (alias, self.scopes.last_mut()) {
                    // It stands for the columns that were joined, and hides nothing.
                    let shape = Shape::Known(Rc::new(Outputs { columns: merged, ..Outputs::default() }));
                    scope.sources.push(Source { alias: Some(alias), schema: None, shape, hidden: true });
                }
                Ok(())
            }
            JoinConstraint::Natural => {
                self.natural(first, middle);
                Ok(())
            }
            JoinConstraint::None => Ok(()),
        }
    }

    /// ON sees the two sides of its join, and nothing that FROM has before them.
    fn on(&mut self, expr: &Expr, first: usize) -> Walk {
        let sources = self.scopes.last_mut().map(|scope| &mut scope.sources);
        let before: Vec<Source> = sources.into_iter().flat_map(|list| list.drain(..first.min(list.len()))).collect();
        self.expression(expr, Place::of(Use::Join))?;
        if let Some(scope) = self.scopes.last_mut() {
            scope.sources.splice(0..0, before);
        }
        Ok(())
    }

    /// Columns of the same name become one, and come first; the others are seen behind them.
    fn merge_columns(&mut self, names: Vec<String>, first: usize, middle: usize) -> Vec<Output> {
        self.operator("=");
        let sources = self.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
        let sides = [sources.get(first..middle).unwrap_or_default(), sources.get(middle..).unwrap_or_default()];
        let mut joined = Outputs::default();
        for name in &names {
            let merged = sides.iter().fold(Reference::default(), |known, side| known.among(side_column(side, name)));
            joined.columns.push(Output::named(name, merged));
        }
        let merged: Vec<Output> = joined.columns.clone();
        for source in sides.iter().copied().flatten().filter(|source| !source.hidden) {
            joined.extend(&source.shape);
        }
        let mut at = 0_usize;
        joined.columns.retain(|output| {
            at = at.saturating_add(1);
            let repeats = output.name.as_deref().is_some_and(|name| names.iter().any(|merged| merged == name));
            at <= names.len() || !repeats
        });
        for column in merged.iter().flat_map(|output| output.bases.iter()) {
            self.column(column.clone(), [Use::Join]);
        }
        let Some(scope) = self.scopes.last_mut() else { return merged };
        for source in scope.sources.iter_mut().skip(first) {
            source.hidden = true;
        }
        let shape = Shape::Known(Rc::new(joined));
        scope.sources.push(Source { alias: None, schema: None, shape, hidden: false });
        merged
    }

    /// NATURAL merges what both sides have.
    fn natural(&mut self, first: usize, middle: usize) {
        let sources = self.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
        let names = |side: Option<&[Source]>| {
            let mut names: Vec<Rc<str>> = Vec::new();
            for source in side.unwrap_or_default().iter().filter(|source| !source.hidden) {
                for output in &source.shape.listed()?.columns {
                    names.push(Rc::clone(output.name.as_ref()?));
                }
            }
            Some(names)
        };
        match (names(sources.get(first..middle)), names(sources.get(middle..))) {
            (Some(left), Some(right)) => {
                let right: BTreeSet<Rc<str>> = right.into_iter().collect();
                let mut common: Vec<String> = Vec::new();
                for name in left.into_iter().filter(|name| right.contains(name)) {
                    if !common.iter().any(|known| **known == *name) {
                        common.push(name.to_string());
                    }
                }
                self.merge_columns(common, first, middle);
            }
            (_, _) => {
                self.operator("=");
                self.column(Column::uncertain("*"), [Use::Join]);
            }
        }
    }

    /// One table factor.
    pub(super) fn factor(&mut self, factor: &TableFactor) -> Walk {
        match factor {
            TableFactor::Table { .. } => self.table(factor),
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                absent(sample.is_none(), "a sample of a sub-select")?;
                // Only LATERAL sees the items before it.
                let own = if *lateral { None } else { self.scopes.pop() };
                let outputs = self.query(subquery, Role::part(Use::Output));
                self.scopes.extend(own);
                self.add(None, alias.as_ref(), None, Shape::Known(Rc::new(outputs?)))
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                let bases = self.traced(|walker| walker.call_parts(name, args, Place::of(Use::Argument)))?;
                self.effect(Effect::Read);
                let shape = self.rows_of(name, alias.as_ref(), *with_ordinality, (args, bases));
                self.add(None, alias.as_ref(), names::parts(name)?.pop(), shape)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality: _ } => {
                absent(!with_offset && with_offset_alias.is_none(), "UNNEST WITH OFFSET")?;
                self.builtin("unnest");
                let bases = self.traced(|walker| walker.expressions(array_exprs, Place::of(Use::Argument)))?;
                self.add(None, alias.as_ref(), Some("unnest".to_owned()), Shape::Computed(Rc::new(bases)))
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let first = self.scopes.last().map_or(0, |scope| scope.sources.len());
                self.item(table_with_joins)?;
                match alias {
                    Some(alias) => self.named_join(alias, first),
                    None => Ok(()),
                }
            }
            TableFactor::TableFunction { .. }
            | TableFactor::JsonTable { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::UnpivotExpr { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::SemanticView { .. } => Err(Unread::new("an item of FROM of that kind")),
        }
    }

    /// The alias of a join hides those inside.
    fn named_join(&mut self, alias: &TableAlias, first: usize) -> Walk {
        let mut outputs = Outputs::default();
        if let Some(scope) = self.scopes.last_mut() {
            for source in scope.sources.drain(first.min(scope.sources.len())..).filter(|source| !source.hidden) {
                outputs.extend(&source.shape);
            }
        }
        self.add(None, Some(alias), None, Shape::Known(Rc::new(outputs)))
    }

    fn table(&mut self, factor: &TableFactor) -> Walk {
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = factor
        else {
            return Ok(());
        };
        let plain = with_hints.is_empty() && version.is_none() && partitions.is_empty() && json_path.is_none();
        absent(plain && index_hints.is_empty(), "an item of FROM with options that PostgreSQL does not have")?;
        if let Some(sample) = sample {
            self.sample(sample)?;
        }
        if let Some(args) = args {
            absent(args.settings.is_none(), "SETTINGS")?;
            let bases = self.traced(|walker| walker.call_parts(name, &args.args, Place::of(Use::Argument)))?;
            let shape = self.rows_of(name, alias.as_ref(), *with_ordinality, (&args.args, bases));
            return self.add(None, alias.as_ref(), names::parts(name)?.pop(), shape);
        }
        absent(!with_ordinality, "ORDINALITY of a relation")?;
        let parts = names::parts(name)?;
        if let [only] = parts.as_slice() {
            let cte = self.ctes.iter().rev().find(|(known, _)| known == only).map(|(_, outputs)| Rc::clone(outputs));
            if let Some(outputs) = cte {
                return self.add(None, alias.as_ref(), Some(only.clone()), Shape::Known(outputs));
            }
        }
        let relation = self.read(name, Spot::of(name, alias.as_ref(), sample.is_some()))?;
        let shape = self.shape(&relation);
        let schema = if alias.is_none() { relation.schema } else { None };
        self.add(schema, alias.as_ref(), Some(relation.name), shape)
    }

    /// A relation whose rows are read.
    pub(super) fn read(&mut self, name: &ObjectName, spot: Option<Spot>) -> Walk<names::Resolved> {
        let relation = self.resolve(name)?;
        self.touch_as(&relation, Access::Read, Part::Read, spot);
        self.effect(Effect::Read);
        self.behind(&relation, Events::READ);
        Ok(relation)
    }

    /// The target of a statement; a CTE never shadows it.
    pub(super) fn target(&mut self, name: &ObjectName, alias: Option<&TableAlias>, events: Events) -> Walk<Shape> {
        let relation = self.resolve(name)?;
        self.behind(&relation, events);
        self.touch_as(&relation, Access::Write, Part::Target, Spot::of(name, alias, false));
        self.changed(relation, alias)
    }

    /// The same where its definition is what changes, or where there is none yet.
    pub(super) fn targets(&mut self, relation: names::Resolved, alias: Option<&TableAlias>) -> Walk<Shape> {
        self.touch(&relation, Access::Write);
        self.changed(relation, alias)
    }

    fn changed(&mut self, relation: names::Resolved, alias: Option<&TableAlias>) -> Walk<Shape> {
        if relation.name == "pg_settings" {
            // A rule of PostgreSQL's own makes an UPDATE of that view a SET, of whatever rows it finds.
            self.effect(Effect::Settings);
        }
        let shape = self.shape(&relation);
        let schema = if alias.is_none() { relation.schema } else { None };
        self.add(schema, alias, Some(relation.name), shape.clone())?;
        Ok(shape)
    }

    fn sample(&mut self, sample: &TableSampleKind) -> Walk {
        let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
        let TableSample { modifier, name: _, quantity, seed, bucket, offset } = sample.as_ref();
        absent(*modifier == TableSampleModifier::TableSample && bucket.is_none() && offset.is_none(), "SAMPLE")?;
        // A seed that is computed is read as the operators that compute it.
        if let Some(Value::Number(seed, _)) = seed.as_ref().map(|seed| &seed.value.value)
            && !seed.contains(|c: char| c.is_ascii_digit())
        {
            seed.matches(['+', '-', '*', '/']).for_each(|operator| self.operator(operator));
        }
        match quantity {
            Some(quantity) => self.expression(&quantity.value, Place::of(Use::Argument)),
            None => Ok(()),
        }
    }

    fn add(&mut self, schema: Option<String>, alias: Option<&TableAlias>, name: Option<String>, shape: Shape) -> Walk {
        let mut source = Source { alias: name, schema, shape, hidden: false };
        if let Some(TableAlias { explicit: _, name, columns, at }) = alias {
            absent(at.is_none(), "an alias with AT")?;
            source.alias = Some(names::name(name)?);
            let mut aliases = Vec::with_capacity(columns.len());
            for column in columns {
                aliases.push(names::label(&column.name));
                if let Some(data_type) = &column.data_type {
                    self.data_type(data_type)?;
                }
            }
            source.shape = source.shape.renamed(&aliases);
        }
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.sources.push(source);
        }
        Ok(())
    }
}

/// The column of that name on one side of a join, where it has one.
fn side_column(side: &[Source], name: &str) -> BTreeSet<Column> {
    let scope = Scope { sources: side.to_vec(), outputs: None };
    match scope.bare(name, true) {
        Found::Is(reference) | Found::Open(reference) => reference.bases,
        Found::Elsewhere(Some(bases)) => bases,
        Found::Elsewhere(None) | Found::NotCertain => BTreeSet::from([Column::uncertain(name)]),
    }
}
