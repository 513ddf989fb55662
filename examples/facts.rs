//! Prints what statements would do: one JSON object `{"sql": …}` a line comes in, one object of facts a
//! line goes out. `tests/oracle` compares them with what PostgreSQL's own parser says.

use std::io::{BufRead as _, Write as _};

use serde_json::{Value, json};
use sidegate::parse::{Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};

fn main() -> std::io::Result<()> {
    let reader = Reader::new(1, 0, Stack::Ordinary)?;
    let nothing = Remembered::new();
    let reading = Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: "public".into() },
        read_only: false,
        limits: ReadingLimits { statement: 1 << 20, ..ReadingLimits::default() },
        prepared: &nothing,
        cursors: &nothing,
    };
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let sql = line.get("sql").and_then(Value::as_str).unwrap_or_default();
        let facts = reader.statement_blocking(sql, &reading);
        let literals: Vec<_> = sidegate::parse::literals(sql, &facts)
            .iter()
            .map(|literal| json!([literal.type_name, literal.value]))
            .collect();
        let facts = json!({
            "normalized": facts.normalized,
            "effects": facts.effects,
            "statements": facts.statements,
            "relations": facts.relations,
            "columns": facts.columns,
            "functions": facts.functions,
            "settings": facts.settings,
            "unparsed": facts.unparsed,
            "unknown": facts.unknown,
            "literals": literals,
        });
        writeln!(out, "{facts}")?;
    }
    Ok(())
}
