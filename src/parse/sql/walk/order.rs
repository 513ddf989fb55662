//! GROUP BY, DISTINCT, ORDER BY and windows. A whole number, in parentheses or not, is a place in the output,
//! but in a window or an aggregate, where it is a constant.

#![expect(clippy::wildcard_enum_match_arm, reason = "the last arm hands on to a match that names every variant")]

use std::rc::Rc;

use sqlparser::ast::{
    Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, GroupByWithModifier,
    OrderBy, OrderByExpr, OrderByKind, OrderBySort, Value, WindowFrameBound, WindowSpec,
};

use super::columns::{Match, Place};
use super::facts::Walker;
use super::outputs::Outputs;
use super::types::without_parentheses;
use super::{Unread, Walk, absent, call, names};
use crate::parse::facts::Use;

impl Walker<'_> {
    pub(super) fn group_by(&mut self, group_by: &GroupByExpr, outputs: &Rc<Outputs>) -> Walk {
        let GroupByExpr::Expressions(exprs, modifiers) = group_by else {
            return Err(Unread::new("GROUP BY ALL"));
        };
        for expr in exprs {
            self.group(expr, outputs)?;
        }
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::GroupingSets(expr) => self.group(expr, outputs)?,
                GroupByWithModifier::Rollup | GroupByWithModifier::Cube | GroupByWithModifier::Totals => {
                    return Err(Unread::new("GROUP BY … WITH"));
                }
            }
        }
        Ok(())
    }

    /// One item of GROUP BY. A list in parentheses is its members, and so are sets.
    fn group(&mut self, expr: &Expr, outputs: &Rc<Outputs>) -> Walk {
        match expr {
            Expr::Nested(inner) => self.group(inner, outputs),
            Expr::Tuple(members) => members.iter().try_for_each(|member| self.group(member, outputs)),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                sets.iter().flatten().try_for_each(|member| self.set_member(member, outputs))
            }
            other => {
                self.keep_constant(other);
                self.place(other, outputs, Use::Group);
                self.expression(other, Place::of(Use::Group))
            }
        }
    }

    /// A member of grouping sets. sqlparser takes sets within sets for calls.
    fn set_member(&mut self, expr: &Expr, outputs: &Rc<Outputs>) -> Walk {
        let sets = match expr {
            Expr::Function(call) => sets_within(call),
            _ => None,
        };
        match sets {
            Some(members) => members.into_iter().try_for_each(|member| self.set_member(member, outputs)),
            None => self.group(expr, outputs),
        }
    }

    pub(super) fn distinct(&mut self, distinct: Option<&Distinct>, outputs: &Rc<Outputs>) -> Walk {
        match distinct {
            None | Some(Distinct::All) => {}
            Some(Distinct::Distinct) => self.all_outputs(outputs, std::iter::once(Use::Group)),
            Some(Distinct::On(exprs)) => {
                for expr in exprs {
                    self.keep_constant(expr);
                    self.place(expr, outputs, Use::Group);
                    // Where GROUP BY would prefer a column of FROM, this means an output.
                    if let Expr::Identifier(name) = without_parentheses(expr) {
                        let output = outputs.find(&names::label(name));
                        if let Match::Is(reference) = output {
                            self.refer(reference, Place::of(Use::Group));
                        }
                    }
                    self.expression(expr, Place::of(Use::Group))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn order_by(&mut self, order_by: &OrderBy, outputs: &Rc<Outputs>) -> Walk {
        let OrderByKind::Expressions(exprs) = &order_by.kind else {
            return Err(Unread::new("ORDER BY ALL"));
        };
        absent(order_by.interpolate.is_none(), "INTERPOLATE")?;
        for order in exprs {
            self.place(&order.expr, outputs, Use::Order);
            self.order_by_expr(order)?;
        }
        Ok(())
    }

    /// What a place in the output stands for; any column, where a star comes before it or it may.
    fn place(&mut self, mut expr: &Expr, outputs: &Rc<Outputs>, clause: Use) {
        while let Expr::Nested(inner) = expr {
            expr = inner;
        }
        let Expr::Value(value) = expr else { return };
        self.keep(value);
        let Value::Number(number, _) = &value.value else { return };
        if !outputs.is_listed() {
            return self.all_outputs(outputs, std::iter::once(clause));
        }
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let bases = place.and_then(|place| outputs.columns.get(place)).map(|output| Rc::clone(&output.bases));
        for column in bases.iter().flat_map(|bases| bases.iter()) {
            self.column(column.clone(), [clause]);
        }
    }

    pub(super) fn order_by_expr(&mut self, order: &OrderByExpr) -> Walk {
        let OrderByExpr { expr, options, with_fill } = order;
        absent(with_fill.is_none(), "WITH FILL")?;
        match &options.sort {
            None | Some(OrderBySort::Asc | OrderBySort::Desc) => {}
            Some(OrderBySort::Using(operator)) => self.sorting_operator(operator),
        }
        self.expression(expr, Place::of(Use::Order))
    }

    /// Walks the ORDER BY of a window or aggregate, which does not see output names.
    pub(super) fn without_outputs(&mut self, walk: impl FnOnce(&mut Self) -> Walk) -> Walk {
        let outputs = self.scopes.last_mut().and_then(|scope| scope.outputs.take());
        walk(self)?;
        if let Some(scope) = self.scopes.last_mut() {
            scope.outputs = outputs;
        }
        Ok(())
    }

    pub(super) fn window(&mut self, spec: &WindowSpec) -> Walk {
        self.without_outputs(|walker| walker.window_parts(spec))
    }

    fn window_parts(&mut self, spec: &WindowSpec) -> Walk {
        let WindowSpec { window_name: _, partition_by, order_by, window_frame } = spec;
        for expr in partition_by {
            self.expression(expr, Place::of(Use::Group))?;
        }
        for order in order_by {
            self.order_by_expr(order)?;
        }
        if let Some(frame) = window_frame {
            for bound in std::iter::once(&frame.start_bound).chain(&frame.end_bound) {
                match bound {
                    WindowFrameBound::CurrentRow => {}
                    WindowFrameBound::Preceding(expr) | WindowFrameBound::Following(expr) => {
                        if let Some(expr) = expr {
                            self.expression(expr, Place::of(Use::Order))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

/// What stands in `ROLLUP (…)` or `CUBE (…)` within GROUPING SETS; PostgreSQL looks for no function of that name there.
fn sets_within(function: &Function) -> Option<Vec<&Expr>> {
    let plain = function.filter.is_none() && function.over.is_none() && function.within_group.is_empty();
    let word = call::plain_word(&function.name);
    let sets = word.is_some_and(|word| word == "cube" || word == "rollup");
    let FunctionArguments::List(list) = &function.args else { return None };
    if !plain || !sets || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let members = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    members.collect()
}
