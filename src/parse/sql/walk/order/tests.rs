use super::super::Kept;
use super::super::tests::{column, read, walked};
use super::*;
use crate::parse::facts::Effect;

/// Whether PostgreSQL takes the number for a place was seen on a server: parentheses change nothing.
#[test]
fn a_place_in_the_output_is_the_column_that_stands_there() {
    for (sql, name, clause) in [
        ("select a, b from t group by 1, 2", "b", Use::Group),
        ("select a, b from t group by (1), ((2))", "b", Use::Group),
        ("select a, b from t group by (1, 2)", "b", Use::Group),
        ("select a, b from t group by rollup (1, 2)", "b", Use::Group),
        ("select a, b from t group by grouping sets ((1, 2), (1))", "b", Use::Group),
        ("select lower(b), count(*) from t group by 1", "b", Use::Group),
        ("select distinct on (2) a, b from t", "b", Use::Group),
        ("select distinct on ((2)) a, b from t", "b", Use::Group),
        ("select a, b from t order by 2", "b", Use::Order),
        ("select a, b from t order by (2) desc", "b", Use::Order),
        ("select a from t union select b from t order by 1", "b", Use::Order),
        ("with c as (select b from t) select * from c order by 1", "b", Use::Order),
        ("select * from t order by 1", "*", Use::Order),
        ("select b, t.* from t group by 2", "*", Use::Group),
        ("select distinct * from t", "*", Use::Group),
        ("select distinct b from t", "b", Use::Group),
    ] {
        assert!(column(&read(sql), Some("public.t"), name).contains(&clause), "{sql}");
    }
}

#[test]
fn what_is_no_place_is_no_column() {
    for (sql, name) in [
        ("select a, b from t group by 1, b", "b"),
        ("select a, b from t order by 1", "b"),
        ("select a, b from t order by (1 + 1), 2::int, -2, +2, $1, null", "b"),
        ("select a, b from t order by 3", "b"),
        ("select a, b from t order by row_number() over (order by 2)", "b"),
        ("select b, array_agg(a order by 1) from t", "b"),
        ("select sum(a) over (partition by 2), b from t", "b"),
    ] {
        let uses = column(&read(sql), Some("public.t"), name);
        let expected = sql.contains("group by 1, b");
        assert_eq!(uses.contains(&Use::Group) || uses.contains(&Use::Order), expected, "{sql}: {uses:?}");
    }
}

#[test]
fn a_place_stays_in_the_shape() {
    for sql in [
        "select a from t group by (1)",
        "select distinct on ((1)) a from t",
        "select a from t order by (1)",
        "select a from t group by rollup (1)",
    ] {
        assert!(matches!(walked(sql).unwrap().kept, Kept::At(places) if places.len() == 1), "{sql}");
    }
}

#[test]
fn to_sort_by_an_operator_of_postgresqls_own_runs_nobodys_code() {
    for sql in
        ["select a from t order by a using <", "select a from t order by a using operator(pg_catalog.>), b using >"]
    {
        assert!(!read(sql).effects.contains(&Effect::Procedure), "{sql}");
    }
    for sql in ["select a from t order by a using <#<", "select a from t order by a using operator(public.<)"] {
        assert!(read(sql).effects.contains(&Effect::Procedure), "{sql}");
    }
}
