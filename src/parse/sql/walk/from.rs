//! FROM: relations, sub-selects, functions, joins.

use std::rc::Rc;

use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableSample, TableSampleKind,
    TableSampleModifier, TableWithJoins,
};

use super::columns::{Column, Outputs, Place, Scope, Shape, Source};
use super::facts::Walker;
use super::query::Role;
use super::{Unread, Walk, absent, names};
use crate::parse::facts::{Access, Effect, Use};
use crate::parse::reference::Role as Part;
use crate::parse::sql::places::Spot;

impl Walker<'_> {
    /// One item of FROM; its aliases are added to the innermost scope.
    pub(super) fn item(&mut self, item: &TableWithJoins) -> Walk {
        let TableWithJoins { relation, joins } = item;
        self.factor(relation)?;
        for join in joins {
            self.join(join)?;
        }
        Ok(())
    }

    fn join(&mut self, join: &Join) -> Walk {
        let Join { relation, global, join_operator } = join;
        absent(!global, "GLOBAL JOIN")?;
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
            JoinConstraint::On(expr) => self.expression(expr, Place::of(Use::Join)),
            JoinConstraint::Using(columns) => self.using(columns),
            JoinConstraint::Natural => {
                self.column(Column { relation: None, name: "*".to_owned() }, [Use::Join]);
                Ok(())
            }
            JoinConstraint::None => Ok(()),
        }
    }

    fn using(&mut self, columns: &[ObjectName]) -> Walk {
        for column in columns {
            let parts = names::parts(column)?;
            let [name] = parts.as_slice() else {
                return Err(Unread::new("USING with a qualified name"));
            };
            let Some(scope) = self.scopes.last_mut() else { continue };
            scope.merged.insert(name.clone());
            let shapes: Vec<Shape> = scope.sources.iter().map(|source| source.shape.clone()).collect();
            // The join's two sides are certain only where they are all there is.
            let certain = shapes.len() == 2;
            for used in shapes.iter().flat_map(|shape| shape.columns(name)) {
                self.column(used, [Use::Join]);
            }
            if !certain {
                self.not_known("sql.columns");
            }
        }
        Ok(())
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
                self.add(alias.as_ref(), None, Shape::Known(Rc::new(outputs?)))
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality: _, alias } => {
                self.call_parts(name, args, Place::of(Use::Argument))?;
                self.effect(Effect::Read);
                self.add(alias.as_ref(), names::parts(name)?.pop(), Shape::Computed)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality: _ } => {
                absent(!with_offset && with_offset_alias.is_none(), "UNNEST WITH OFFSET")?;
                self.builtin("unnest");
                for expr in array_exprs {
                    self.expression(expr, Place::of(Use::Argument))?;
                }
                self.add(alias.as_ref(), Some("unnest".to_owned()), Shape::Computed)
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
        // USING merges columns, and so which is the third is not known.
        let mut outputs = Outputs { opaque: !alias.columns.is_empty(), ..Outputs::default() };
        if let Some(scope) = self.scopes.last_mut() {
            for source in scope.sources.drain(first.min(scope.sources.len())..) {
                outputs.extend(&source.shape);
            }
        }
        self.add(Some(alias), None, Shape::Known(Rc::new(outputs)))
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
            self.call_parts(name, &args.args, Place::of(Use::Argument))?;
            return self.add(alias.as_ref(), names::parts(name)?.pop(), Shape::Computed);
        }
        absent(!with_ordinality, "ORDINALITY of a relation")?;
        let parts = names::parts(name)?;
        if let [only] = parts.as_slice() {
            let cte = self.ctes.iter().rev().find(|(known, _)| known == only).map(|(_, outputs)| Rc::clone(outputs));
            if let Some(outputs) = cte {
                return self.add(alias.as_ref(), Some(only.clone()), Shape::Known(outputs));
            }
        }
        let id = self.read(name, Spot::of(name, alias.as_ref(), sample.is_some()))?;
        let schema = if alias.is_none() { id.schema.clone() } else { None };
        let renamed = alias.as_ref().is_some_and(|alias| !alias.columns.is_empty());
        self.add_in(schema, alias.as_ref(), Some(id.name.clone()), Shape::Relation { id: id.id, renamed })
    }

    /// A relation whose rows are read.
    pub(super) fn read(&mut self, name: &ObjectName, spot: Option<Spot>) -> Walk<names::Resolved> {
        let relation = self.resolve(name)?;
        self.touch_as(&relation, Access::Read, Part::Read, spot);
        self.effect(Effect::Read);
        self.behind(&relation, false);
        Ok(relation)
    }

    /// The target of a statement; a CTE never shadows it.
    pub(super) fn target(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> Walk<String> {
        let relation = self.resolve(name)?;
        self.behind(&relation, true);
        self.touch_as(&relation, Access::Write, Part::Target, Spot::of(name, alias, false));
        self.changed(relation, alias)
    }

    /// The same where its definition is what changes, or where there is none yet.
    pub(super) fn targets(&mut self, relation: names::Resolved, alias: Option<&TableAlias>) -> Walk<String> {
        self.touch(&relation, Access::Write);
        self.changed(relation, alias)
    }

    fn changed(&mut self, relation: names::Resolved, alias: Option<&TableAlias>) -> Walk<String> {
        if relation.name == "pg_settings" {
            // A rule of PostgreSQL's own makes an UPDATE of that view a SET, of whatever rows it finds.
            self.effect(Effect::Settings);
        }
        let schema = if alias.is_none() { relation.schema.clone() } else { None };
        let shape = Shape::Relation { id: relation.id.clone(), renamed: false };
        self.add_in(schema, alias, Some(relation.name), shape)?;
        Ok(relation.id)
    }

    fn sample(&mut self, sample: &TableSampleKind) -> Walk {
        let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
        let TableSample { modifier, name: _, quantity, seed: _, bucket, offset } = sample.as_ref();
        absent(*modifier == TableSampleModifier::TableSample && bucket.is_none() && offset.is_none(), "SAMPLE")?;
        match quantity {
            Some(quantity) => self.expression(&quantity.value, Place::of(Use::Argument)),
            None => Ok(()),
        }
    }

    fn add(&mut self, alias: Option<&TableAlias>, name: Option<String>, shape: Shape) -> Walk {
        self.add_in(None, alias, name, shape)
    }

    fn add_in(
        &mut self,
        schema: Option<String>,
        alias: Option<&TableAlias>,
        name: Option<String>,
        shape: Shape,
    ) -> Walk {
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
            if let Shape::Known(outputs) = &source.shape {
                source.shape = Shape::Known(Rc::new(Outputs::renamed(outputs, &aliases)));
            }
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
