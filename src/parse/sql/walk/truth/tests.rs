use super::super::Kept;
use super::super::tests::{read, walked};

/// Conditions that let every row through on a server, or every one whose column is not NULL.
const ALWAYS: &[&str] = &[
    "true",
    "(true)",
    "'t'",
    "' yes '",
    "not false",
    "not (1 = 2)",
    "true is true",
    "false is not true",
    "false is false",
    "null is unknown",
    "(1 = 1) is not unknown",
    "true = true",
    "true = 't'",
    "(1 = 1) = true",
    "1::bool",
    "'on'::boolean",
    "cast(1 as boolean)",
    "bool 'true'",
    "(1 = 1)::bool",
    "1 = 1",
    "'1' = 1",
    "1 = ' 1'",
    "1.0 = 1",
    "1e2 = 100",
    "1.5 = '1.50'",
    "1 < 2",
    "2 > 1",
    "1 <> 2",
    "1 != 2",
    "-1 < 0",
    "1 = +1",
    "1 + 1 = 2",
    "2 * 3 - 1 = 5",
    "7 / 2 = 3",
    "7 % 4 = 3",
    "0.1 + 0.2 = 0.3",
    "9007199254740993 > 9007199254740992",
    "'a' = 'a'",
    "'a' <> 'b'",
    "'2' > '1'",
    "e'a' = 'a'",
    "$$a$$ = 'a'",
    "'a' || 'b' = 'ab'",
    "'1'::int = 1",
    "1::text = '1'",
    "'1.5'::numeric = 1.5",
    "1::float8 = 1",
    "date '2020-01-01' = date '2020-01-01'",
    "'{}'::jsonb = '{}'::jsonb",
    "(1, 2) = (1, 2)",
    "row(1, 2) = row(1, 2)",
    "(1, 2) < (1, 3)",
    "(1, 2) <> (1, 3)",
    "(1, 'a') <= (1, 'a')",
    "(id, 1) = (id, 1)",
    "1 in (1)",
    "1 in (3, 2, 1)",
    "1 not in (2, 3)",
    "(1, 2) in ((3, 4), (1, 2))",
    "1 = any (array[2, 1])",
    "1 between 0 and 2",
    "1 not between 2 and 3",
    "id between id and id",
    "1 is not null",
    "null is null",
    "(1 = 1) is not null",
    "1 is not distinct from 1",
    "null is not distinct from null",
    "1 is distinct from null",
    "'a' like '%'",
    "'abc' like 'a_c'",
    "'a%' like 'a\\%'",
    "'abc' not like 'b%'",
    "'ABC' ilike '%b%'",
    "note like '%'",
    "note like '%%'",
    "note ilike '%'",
    "coalesce(true)",
    "coalesce(null, true)",
    "coalesce(null, 1) = 1",
    "case when true then true end",
    "case when 1 = 2 then false else true end",
    "case 1 when 2 then false when 1 then true end",
    "case when id = 5 then true else 1 = 1 end",
    "case when true then 1 end = 1",
    "id = id",
    "id >= id",
    "t.id = id",
    "id::text = id::text",
    "id is not distinct from id",
    "id in (1, id)",
    "not (id <> id)",
    "id = id or true",
    "id = 5 or true",
    "id = 5 or (1 = 1 and 'x' <> 'y')",
    "not (id = 5 and false)",
    "$1 = $1",
];

/// What depends on the rows, lets none through, is refused by the server, or is not told.
const NOT_ALWAYS: &[&str] = &[
    "id = 5",
    "id = 5 and true",
    "id = $1",
    "$1",
    "$1 is null",
    "$1 is not null",
    "$1 = $2",
    "false",
    "null",
    "not null",
    "not true",
    "not id = 5",
    "'f'",
    "'perhaps'",
    "0::bool",
    "1 = 2",
    "1 = null",
    "null = null",
    "'01' = '1'",
    "'1.0' = 1",
    "'x' = 1",
    "9007199254740993 = 9007199254740992",
    "7 / 2 = 3.5",
    "1 / 0 = 1",
    "1.5::int = 1",
    "0.1::float8 + 0.2::float8 = 0.3::float8",
    "'a' < 'B'",
    "'a'::char(3) = 'a'",
    "(1, 2) = (1, 3)",
    "(1, null) = (1, null)",
    "(id, 1) = (id, 2)",
    "(1, 2) = (1, 2, 3)",
    "1 not in (1, 2)",
    "1 not in (2, null)",
    "1 in (id)",
    "id in (1, 2)",
    "1 between 2 and 3",
    "1 not between 0 and 2",
    "1 is null",
    "1 is not distinct from null",
    "true is not true",
    "'abc' like 'b%'",
    "'a' like 'a\\'",
    "note like 'a%'",
    "note not like '%'",
    "note like '%' escape '%'",
    "note like $1",
    "coalesce(null, false)",
    "coalesce(id = 5, true)",
    "case when false then true end",
    "case when id = 5 then true end",
    "id <> id",
    "id = note",
    "t.id = u.id",
    "id is null",
];

#[test]
fn conditions_that_are_always_true_are_told() {
    let tautology = |predicate: &&&str| {
        let facts = read(&format!("delete from t where {predicate}"));
        let entry = facts.statements.first().unwrap();
        assert!(entry.has_where, "{predicate}");
        entry.tautology
    };
    let missed: Vec<_> = ALWAYS.iter().filter(|predicate| !tautology(predicate)).collect();
    let invented: Vec<_> = NOT_ALWAYS.iter().filter(tautology).collect();
    assert_eq!((missed, invented), (vec![], vec![]));
    assert!(!read("delete from t").statements.first().unwrap().has_where);
}

#[test]
fn a_chain_of_any_length_is_followed_or_left() {
    for (condition, tautology) in [
        (format!("true{}", " is true".repeat(20)), true),
        (format!("true{}", " is true".repeat(2_000)), false),
        (format!("1{} = 1", " + 0".repeat(2_000)), false),
        (format!("true{}", " and 1 = 1".repeat(2_000)), true),
    ] {
        let facts = read(&format!("delete from t where {condition}"));
        assert_eq!(facts.statements.first().unwrap().tautology, tautology, "{:.40}", condition);
    }
}

#[test]
fn a_literal_stays_in_the_shape_only_where_it_was_looked_at() {
    let places = |predicate: &str| match walked(&format!("delete from t where {predicate}")).unwrap().kept {
        Kept::All => None,
        Kept::At(places) => Some(places.len()),
    };
    for (predicate, count) in [
        ("id = 5 and note like 'a%' and (id, note) in ((1, 'a'), (2, 'b'))", 0),
        ("id + 5 = 6 and coalesce(id, 0) = 0 and 5 = id", 0),
        ("note like '%'", 1),
        ("1 in (2, 3)", 3),
        ("case when 1 = 2 then false else true end", 3),
    ] {
        assert_eq!(places(predicate), Some(count), "{predicate}");
    }
}
