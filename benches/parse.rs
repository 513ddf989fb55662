//! What reading costs: cutting frames, cutting a text into tokens (alone, and with its data picked out), the facts of a statement
//! of a new form, and those of a known form; and weaving masks. Run with `cargo bench --bench parse`; with
//! `--profile-time 5` under a profiler.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use bytes::{BufMut, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use sidegate::catalog::{Builder, Snapshot, Table};
use sidegate::decide::Masks;
use sidegate::enforce::weave;
use sidegate::parse::{
    self, Encoding, Known, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack, Trust,
};
use sidegate::wire::postgres::{FrontendFramer, FrontendLimits};

const LOOKUP: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 12345";
const JOIN: &str = "SELECT o.id, o.placed_at, o.status, c.id, c.name, c.email, i.sku, i.quantity, i.price, \
    i.quantity * i.price AS amount FROM orders AS o JOIN customers AS c ON c.id = o.customer_id \
    LEFT JOIN order_items AS i ON i.order_id = o.id WHERE o.status = 'open' AND o.placed_at > '2026-01-01' \
    AND c.region IN ('eu', 'us') ORDER BY o.placed_at DESC LIMIT 50";

static NOTHING: LazyLock<Remembered> = LazyLock::new(Remembered::new);

fn reading() -> Reading<'static> {
    Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: "public".into() },
        read_only: true,
        limits: ReadingLimits::default(),
        prepared: &NOTHING,
        cursors: &NOTHING,
    }
}

fn reader(memory: usize) -> Reader {
    Reader::new(1, memory, Stack::Big).unwrap()
}

fn frames(criterion: &mut Criterion) {
    let body = [LOOKUP.as_bytes(), b"\0"].concat();
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    let query = [b"Q".as_slice(), &length, &body].concat();
    let limits = FrontendLimits { sql: 1 << 16, bind: 1 << 16 };
    let mut framer = FrontendFramer::new(limits, BytesMut::with_capacity(1 << 16));
    framer.authenticated();
    criterion.bench_function("frame: lookup", |bencher| {
        bencher.iter(|| {
            framer.room().put_slice(black_box(&query));
            framer.next_piece().unwrap()
        });
    });
}

fn statements(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let reading = reading();
    for (name, text) in [("lookup", LOOKUP), ("join", JOIN)] {
        criterion.bench_function(&format!("tokens: {name}"), |bencher| {
            bencher.iter(|| parse::tokens(black_box(text)));
        });
        let forgets = reader(0);
        criterion.bench_function(&format!("facts, new form: {name}"), |bencher| {
            bencher.iter(|| runtime.block_on(forgets.statement(black_box(text), &reading)));
        });
        let remembers = reader(1 << 24);
        criterion.bench_function(&format!("facts, known form: {name}"), |bencher| {
            bencher.iter(|| runtime.block_on(remembers.statement(black_box(text), &reading)));
        });
        let facts = runtime.block_on(remembers.statement(text, &reading));
        criterion.bench_function(&format!("tokens and data: {name}"), |bencher| {
            bencher.iter(|| parse::literals(black_box(text), &facts));
        });
    }
}

/// Tables of the join, with two columns masked.
fn catalog() -> Snapshot {
    let relation = |(oid, name): (u32, &str)| format!("{oid} 2200 {name} r 10 0 f f f f");
    let names = [(100, "customers"), (200, "orders"), (300, "order_items")];
    let columns = [
        (100, "id name email region phone"),
        (200, "id placed_at status customer_id"),
        (300, "order_id sku quantity price"),
    ];
    let columns = columns.into_iter().flat_map(|(oid, columns)| {
        let columns = columns.split(' ').enumerate();
        columns.map(move |(at, name)| format!("{oid} {} {name} 25 -1 100 f f ~ ~", at + 1)).collect::<Vec<_>>()
    });
    let one = |row: &str| vec![row.to_owned()];
    let rows = [
        (Table::Server, one("150018 shop app 10 f UTF8")),
        (Table::Namespaces, vec!["11 pg_catalog t f".to_owned(), "2200 public t t".to_owned()]),
        (Table::Relations, names.map(relation).to_vec()),
        (Table::Columns, columns.collect()),
        (Table::Types, one("25 11 text b S t 0 0 0 0 -1 f 100 0")),
        (Table::Collations, one("100 11 default t")),
    ];
    let mut builder = Builder::default();
    for (table, rows) in rows {
        for row in rows {
            let values: Vec<_> = row.split(' ').map(|value| (value != "~").then_some(value.as_bytes())).collect();
            builder.row(table, &values).unwrap();
        }
    }
    builder.finish().unwrap()
}

/// What masks cost where a text comes for the first time.
fn masks(criterion: &mut Criterion) {
    let catalog = Arc::new(catalog());
    let public: Arc<str> = "public".into();
    let names = Names::Known(Known {
        path: [Arc::clone(&public)].into(),
        schema: Some(public),
        snapshot: Arc::clone(&catalog),
        trust: Trust::Fresh,
        functions: Trust::Fresh,
    });
    let reading = Reading { names, ..reading() };
    let facts = reader(0).statement_blocking(JOIN, &reading);
    let masks: Masks = serde_json::from_str(
        r#"{"public.customers": {"email": {"email": {}}, "phone": {"partial": {"keep_last": 2}}}}"#,
    )
    .unwrap();
    assert!(weave(JOIN, &facts, &masks, Some(&catalog)).unwrap().is_some());
    criterion.bench_function("masks woven: join", |bencher| {
        bencher.iter(|| weave(black_box(JOIN), &facts, &masks, Some(&catalog)));
    });
}

criterion_group!(benches, frames, statements, masks);
criterion_main!(benches);
