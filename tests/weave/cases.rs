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
    woven.guard().admits(&RowDescription { columns: described.iter().map(column).collect() })
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
