use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::*;

#[test]
fn a_column_without_an_alias_is_called_as_postgresql_calls_it() {
    for (expr, name) in [
        ("a", Some("a")),
        ("\"A b\"", Some("A b")),
        ("t.a", Some("a")),
        ("(t.a)", Some("a")),
        ("(t).a", Some("a")),
        ("a[1]", Some("a")),
        ("a::text", Some("a")),
        ("(a || 'x')::text", Some("text")),
        ("(a || 'x')::bigint", Some("int8")),
        ("a collate \"C\"", Some("a")),
        ("a + 1", Some("?column?")),
        ("lower(a)", Some("lower")),
        ("pg_catalog.lower(a)", Some("lower")),
        ("count(*)", Some("count")),
        ("case when a then 1 end", Some("case")),
        ("case when a then 1 else b end", Some("b")),
        ("case when a then 1 else 2 end", Some("case")),
        ("coalesce(a, b)", Some("coalesce")),
        ("array[a]", Some("array")),
        ("array(select a)", Some("array")),
        ("exists (select a)", Some("exists")),
        ("(select a)", Some("a")),
        ("(select a + 1 as b)", Some("b")),
        ("row(a, b)", Some("row")),
        ("a is null", Some("?column?")),
        ("exists (select 1)", Some("exists")),
        ("not exists (select 1)", Some("?column?")),
        ("extract(year from a)", Some("extract")),
        ("trim(leading 'x' from a)", Some("ltrim")),
        ("a at time zone 'utc'", Some("timezone")),
        ("date '2026-01-01'", Some("date")),
        ("current_date", Some("current_date")),
        // In a statement of the same form there may be a truth value, whose column is called `bool`.
        ("'x'", None),
        ("true", None),
        ("true::text", Some("text")),
    ] {
        let text = format!("select {expr}");
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, &text).unwrap();
        let [sqlparser::ast::Statement::Query(query)] = statements.as_slice() else { panic!("{expr}") };
        let SetExpr::Select(select) = query.body.as_ref() else { panic!("{expr}") };
        let [SelectItem::UnnamedExpr(item)] = select.projection.as_slice() else { panic!("{expr}") };
        assert_eq!(of(item).as_deref(), name, "{expr}");
    }
}
