use sidegate::decide::Masks;
use sidegate::enforce::Woven;
use sidegate::parse::Effect;
use sidegate::wire::postgres::{Column, RowDescription};

use crate::shop::{Shop, masks};

fn policy() -> Masks {
    masks(r#"{"public.customers": {"email": {"replace": {"value": "***"}}, "ssn": {"null": {}}}}"#)
}

fn is_raw(said: &str) -> bool {
    said.contains("canary") || said.contains("987-65-43")
}

fn admits(woven: &Woven, described: &[(String, u32, i16)]) -> Result<(), String> {
    let column = |(name, relation, attribute): &(String, u32, i16)| {
        let name: &'static str = name.clone().leak();
        let (relation, attribute) = (*relation, *attribute);
        Column { name: name.as_bytes(), relation, attribute, type_oid: 0, modifier: -1, format: 0 }
    };
    woven.guard().admits(0, &RowDescription { columns: described.iter().map(column).collect() })
}

#[test]
fn no_statement_of_the_adversarial_set_shows_a_raw_value() {
    let shop = Shop::new("weave_cases");
    let (masks, mut woven, mut refused, mut passed, mut foreseen) = (policy(), 0, 0, 0, 0);
    for line in include_str!("../data/sql/adversarial.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        // Some cases are messages without SQL.
        let (Some(id), Some(sql)) = (case["id"].as_str(), case["sql"].as_str()) else { continue };
        let facts = shop.facts(sql);
        let text = match shop.weave(sql, &masks) {
            Err(why) => {
                if std::env::var_os("WEAVE_SHOW").is_some() {
                    eprintln!("{id} refused: {sql}\n    {why}");
                }
                refused += 1;
                assert!(case["category"] != "control", "{id} {sql}: {why}");
                continue;
            }
            // What others refuse: it is not about rows.
            Ok(None) if facts.effects.iter().any(|effect| !matches!(effect, Effect::Read)) => continue,
            Ok(None) => {
                passed += 1;
                if let Some(described) = shop.described(sql) {
                    let guard = shop.guarded(sql, &masks);
                    foreseen += usize::from(guard.guard().foresees());
                    assert_eq!(admits(&guard, &described), Ok(()), "{id} {sql}");
                }
                sql.to_owned()
            }
            Ok(Some(statement)) => {
                woven += 1;
                if let Some(described) = shop.described(statement.text()) {
                    foreseen += usize::from(statement.guard().foresees());
                    assert_eq!(admits(&statement, &described), Ok(()), "{id} {}", statement.text());
                }
                statement.text().to_owned()
            }
        };
        let said = shop.run(&format!("begin; {text}; rollback"));
        if std::env::var_os("WEAVE_SHOW").is_some() {
            eprintln!("{id}: {text}\n    {}", said.lines().take(2).collect::<Vec<_>>().join("|"));
        }
        assert!(!is_raw(&said), "{id} {sql}\n{text}\n{said}");
    }
    eprintln!("{woven} woven, {refused} refused, {passed} passed; of these {foreseen} were foreseen");
    assert!(foreseen > 20, "{foreseen}");
}

/// Statements of PostgreSQL's own tests and of applications, among the tables that these make.
fn corpus() -> Vec<String> {
    let packed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sql/corpus.jsonl.gz");
    let mut lines = String::new();
    let file = std::fs::File::open(packed).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut lines).unwrap();
    let text = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["sql"].as_str().map(str::to_owned);
    lines.lines().filter_map(text).filter(|text| text.len() < 4_000).collect()
}

fn begins(text: &str, words: &[&str]) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    words.iter().any(|word| text.starts_with(word))
}

#[test]
fn what_the_server_says_of_an_answer_is_what_was_foreseen() {
    let all = corpus();
    let defines = ["create table", "create type", "create view", "create domain", "create or replace view"];
    let definitions: Vec<String> = all.iter().filter(|text| begins(text, &defines)).cloned().collect();
    let shop = Shop::with_what_is_taken("weave_foreseen", &definitions);
    let reads = ["select", "with", "values", "table", "insert", "update", "delete", "("];
    let (masks, mut foreseen, mut wrong) = (policy(), 0, Vec::new());
    for text in all.iter().filter(|text| begins(text, &reads)) {
        if shop.facts(text).unparsed.is_some() {
            continue;
        }
        let Some(described) = shop.described(text) else { continue };
        let guarded = shop.guarded(text, &masks);
        foreseen += usize::from(guarded.guard().foresees());
        if let Err(why) = admits(&guarded, &described) {
            wrong.push(format!("{text}\n    {why}"));
        }
    }
    eprintln!("{foreseen} were foreseen");
    // Some read what is masked, which is not woven here.
    wrong.retain(|text| !text.contains("is taken from a masked one"));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(foreseen > 1_000, "{foreseen}");
}
