//! Forty-seven thousand statements of other people, and every known way to make two readers of SQL
//! see two things.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read as _;
use std::sync::Arc;

use sidegate::parse::{Effect, Encoding, Facts, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};

struct Statement {
    source: String,
    sql: String,
}

fn corpus() -> Vec<Statement> {
    let mut lines = String::new();
    flate2::read::GzDecoder::new(include_bytes!("data/sql/corpus.jsonl.gz").as_slice())
        .read_to_string(&mut lines)
        .unwrap();
    // Lines that PostgreSQL's own grammar (libpg_query's) does not take either.
    let rejected: HashSet<usize> =
        include_str!("data/sql/rejected.txt").lines().map(|number| number.parse().unwrap()).collect();
    lines
        .lines()
        .enumerate()
        .filter(|(index, _)| !rejected.contains(&(index + 1)))
        .map(|(_, line)| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            Statement {
                source: value["src"].as_str().unwrap().to_owned(),
                sql: value["sql"].as_str().unwrap().to_owned(),
            }
        })
        .collect()
}

fn read(reader: &Reader, text: &str) -> Arc<Facts> {
    let nothing = Remembered::new();
    reader.statement_blocking(
        text,
        &Reading {
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            names: Names::Certain { schema: "public".into() },
            read_only: true,
            limits: ReadingLimits { statement: 1 << 20, ..ReadingLimits::default() },
            prepared: &nothing,
            cursors: &nothing,
        },
    )
}

fn is_query(text: &str) -> bool {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix("--") {
        rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "VALUES"].contains(&word.to_ascii_uppercase().as_str())
}

/// Sources that are what applications really send: one refusal there is somebody's outage.
const APPLICATIONS: &[&str] = &[
    "orm_django",
    "orm_sqlalchemy",
    "driver_pgjdbc",
    "driver_asyncpg",
    "driver_psycopg",
    "psql_meta",
    "supabase_postgres_meta",
    "job",
];

#[test]
fn what_applications_send_is_read() {
    let reader = Reader::new(2, 0, Stack::Ordinary).unwrap();
    let (mut all, mut all_read, mut queries, mut queries_read) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut refused: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for Statement { source, sql } in corpus() {
        let facts = read(&reader, &sql);
        let understood = facts.unparsed.is_none();
        if let Some(unparsed) = &facts.unparsed {
            assert!(!unparsed.reason.contains("defect"), "a panic on: {sql}");
            refused.entry(source.clone()).or_default().push((unparsed.reason.clone(), sql.clone()));
        }
        all += 1;
        all_read += u32::from(understood);
        if is_query(&sql) {
            queries += 1;
            queries_read += u32::from(understood);
        }
    }
    if let Ok(path) = std::env::var("SIDEGATE_REFUSED") {
        std::fs::write(path, format!("{refused:#?}")).unwrap();
    }
    println!("{all_read} of {all} statements, {queries_read} of {queries} queries are read");
    for source in APPLICATIONS {
        assert_eq!(refused.get(*source), None, "every statement of `{source}` must be read");
    }
    let share = |part: u32, whole: u32| f64::from(part) / f64::from(whole);
    assert!(share(all_read, all) >= 0.94, "{all_read} of {all} statements are read");
    assert!(share(queries_read, queries) >= 0.985, "{queries_read} of {queries} queries are read");
}

/// The cases of the classes of defects B1 to B8.
const DIFFERENTIALS: &[&str] = &[
    "K01", "K02", "K04", "K05", "K07", "K08", "K10", "K14", "L01", "L02", "L04", "L05", "L22", "L23", "L36", "L41",
    "L43", "L44", "L47", "L49", "L50",
];

#[test]
fn statements_that_two_parsers_read_differently_are_not_read() {
    let reader = Reader::new(1, 0, Stack::Ordinary).unwrap();
    let cases: HashMap<String, Option<String>> = include_str!("data/sql/adversarial.jsonl")
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            (value["id"].as_str().unwrap().to_owned(), value["sql"].as_str().map(str::to_owned))
        })
        .collect();
    for id in DIFFERENTIALS {
        if let Some(Some(sql)) = cases.get(*id) {
            assert!(read(&reader, sql).unparsed.is_some(), "{id}: {sql}");
        }
    }
    let known = DIFFERENTIALS.iter().filter(|id| cases.contains_key(**id)).count();
    assert!(known >= 20, "only {known} of the cases are in the file");
}

/// What is refused by more than a statement's facts.
const ELSEWHERE: &[(&str, &str)] = &[
    ("F14", "a user function called by selecting a field: what fields a relation has, the catalog says"),
    ("G07", "the pins are the session's own defaults, so that resetting brings them back"),
];

/// How the server reads a case: what its settings and the statements before it leave certain.
fn read_case(reader: &Reader, case: &serde_json::Value, sql: &str) -> Arc<Facts> {
    let is = |setting: &str, value: &str| case["settings"][setting] == value;
    let moved = !case["settings"]["search_path"].is_null();
    let before = case["setup"].as_str().map(|setup| read(reader, setup));
    let nothing = Remembered::new();
    let certain = !moved && before.is_none_or(|before| !before.aftermath.names);
    reader.statement_blocking(
        sql,
        &Reading {
            quoting: if is("standard_conforming_strings", "off") { Quoting::Backslash } else { Quoting::Standard },
            encoding: if case["settings"]["client_encoding"].is_null() {
                Encoding::Safe
            } else {
                Encoding::AsciiTrailBytes
            },
            names: if certain { Names::Certain { schema: "public".into() } } else { Names::Uncertain },
            read_only: true,
            limits: ReadingLimits::default(),
            prepared: &nothing,
            cursors: &nothing,
        },
    )
}

/// The policy of the cases, on facts alone: reads of two tables, without the two columns that are masked.
fn may(facts: &Facts) -> bool {
    let harmless = [Effect::Read, Effect::Session, Effect::Transaction];
    let masked = ["*", "email", "ssn"];
    facts.unparsed.is_none()
        && facts.unknown.is_empty()
        && facts.effects.iter().all(|effect| harmless.contains(effect))
        && facts.relations.iter().all(|relation| ["public.customers", "public.orders"].contains(&relation.id.as_str()))
        && !facts.columns.iter().any(|column| {
            column.relation.as_deref() == Some("public.customers") && masked.contains(&column.name.as_str())
        })
}

#[test]
fn an_attack_has_facts_that_a_policy_refuses() {
    let reader = Reader::new(1, 0, Stack::Ordinary).unwrap();
    let (mut attacks, mut controls) = (0_u32, 0_u32);
    let mut passed = Vec::new();
    for line in include_str!("data/sql/adversarial.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let (id, Some(sql)) = (case["id"].as_str().unwrap(), case["sql"].as_str()) else { continue };
        let facts = read_case(&reader, &case, sql);
        match case["verdict"].as_str().unwrap() {
            "deny" => {
                attacks += 1;
                if may(&facts) {
                    passed.push(id.to_owned());
                }
            }
            "allow" if case["refusal_ok"].is_null() && facts.unparsed.is_none() => controls += u32::from(may(&facts)),
            _ => {}
        }
    }
    let elsewhere: Vec<&str> = ELSEWHERE.iter().map(|(id, _)| *id).collect();
    assert_eq!(passed, elsewhere);
    assert!(attacks > 170 && controls > 8, "{attacks} attacks, {controls} controls that pass");
}

/// Whether the facts say that this column of `customers`, or all of them, is used.
fn uses(facts: &Facts, wanted: &str) -> bool {
    facts.columns.iter().any(|column| column.name == wanted || column.name == "*")
}

#[test]
fn no_keyword_in_the_place_of_a_name_hides_what_is_read() {
    const TEMPLATES: [(&str, &str); 14] = [
        ("select to_jsonb(K) from customers K", "*"),
        ("select K from customers K", "*"),
        ("select K.ssn from customers K", "ssn"),
        ("select (K).ssn from customers K", "ssn"),
        ("select K.* from customers K", "*"),
        ("select to_jsonb(K) from orders o join customers K on true", "*"),
        ("select to_jsonb(K) from orders o, customers K where true", "*"),
        ("select K.ssn from customers as K", "ssn"),
        ("select to_jsonb(K) from (select * from customers) K", "*"),
        ("select 1 K, ssn from customers", "ssn"),
        ("select ssn K from customers", "ssn"),
        ("with K as (select * from customers) select to_jsonb(K) from K", "*"),
        ("create view v as select to_jsonb(K) from customers K", "*"),
        ("explain select to_jsonb(K) from customers K", "*"),
    ];
    let reader = Reader::new(1, 1 << 24, Stack::Ordinary).unwrap();
    let mut hidden = Vec::new();
    for (template, column) in TEMPLATES {
        for keyword in sqlparser::keywords::ALL_KEYWORDS {
            let text = template.replace('K', &keyword.to_lowercase());
            let facts = read(&reader, &text);
            let relations: Vec<&str> = facts.relations.iter().map(|relation| relation.name.as_str()).collect();
            if facts.unparsed.is_none() && !(relations.contains(&"customers") && uses(&facts, column)) {
                hidden.push(text);
            }
        }
    }
    assert!(hidden.is_empty(), "{}: {hidden:#?}", hidden.len());
}
