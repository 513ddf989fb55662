//! What reading costs: cutting frames, cutting a text into tokens (alone, and with its data picked out), the facts of a statement
//! of a new form, and those of a known form; and weaving masks. Run with `cargo bench --bench parse`; with
//! `--profile-time 5` under a profiler.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use bytes::{BufMut, BytesMut};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sidegate::catalog::{Builder, Snapshot, Table};
use sidegate::decide::Masks;
use sidegate::enforce::weave;
use sidegate::parse::{
    self, Encoding, Known, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack, Trust,
};
use sidegate::wire::postgres::{FrontendFramer, FrontendLimits};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

const LOOKUP: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = 12345";
const JOIN: &str = "SELECT o.id, o.placed_at, o.status, c.id, c.name, c.email, i.sku, i.quantity, i.price, \
    i.quantity * i.price AS amount FROM orders AS o JOIN customers AS c ON c.id = o.customer_id \
    LEFT JOIN order_items AS i ON i.order_id = o.id WHERE o.status = 'open' AND o.placed_at > '2026-01-01' \
    AND c.region IN ('eu', 'us') ORDER BY o.placed_at DESC LIMIT 50";

/// As SQLAlchemy's ORM writes it: a parent with two collections, about 1 KB.
const MAPPED: &str = "SELECT anon_1.orders_id AS anon_1_orders_id, anon_1.orders_status AS anon_1_orders_status, \
    anon_1.orders_placed_at AS anon_1_orders_placed_at, anon_1.orders_customer_id AS anon_1_orders_customer_id, \
    customers_1.id AS customers_1_id, customers_1.name AS customers_1_name, customers_1.email AS customers_1_email, \
    customers_1.region AS customers_1_region, order_items_1.id AS order_items_1_id, \
    order_items_1.order_id AS order_items_1_order_id, order_items_1.sku AS order_items_1_sku, \
    order_items_1.quantity AS order_items_1_quantity, order_items_1.price AS order_items_1_price \
    FROM (SELECT orders.id AS orders_id, orders.status AS orders_status, orders.placed_at AS orders_placed_at, \
    orders.customer_id AS orders_customer_id FROM orders WHERE orders.status = $1 AND orders.placed_at > $2 \
    ORDER BY orders.placed_at DESC LIMIT $3) AS anon_1 \
    LEFT OUTER JOIN customers AS customers_1 ON customers_1.id = anon_1.orders_customer_id \
    LEFT OUTER JOIN order_items AS order_items_1 ON anon_1.orders_id = order_items_1.order_id \
    ORDER BY anon_1.orders_placed_at DESC, order_items_1.id";

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

/// What masks cost where a text comes for the first time.
fn masks(criterion: &mut Criterion) {
    let catalog = shop();
    let names = Names::Known(known(&catalog));
    let reading = Reading { names, ..reading() };
    let facts = reader(0).statement_blocking(JOIN, &reading);
    let masks = masked();
    assert!(weave(JOIN, &facts, &masks, Some(&catalog)).unwrap().is_some());
    criterion.bench_function("masks woven: join", |bencher| {
        bencher.iter(|| weave(black_box(JOIN), &facts, &masks, Some(&catalog)));
    });
}

fn masked() -> Masks {
    serde_json::from_str(r#"{"public.customers": {"email": {"email": {}}, "phone": {"partial": {"keep_last": 2}}}}"#)
        .unwrap()
}

/// A new form with the columns of a catalog, beside what its parser takes by itself.
fn bound(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (catalog, masks) = (shop(), masked());
    let known = Reading { names: Names::Known(known(&catalog)), ..reading() };
    let reader = reader(0);
    criterion.bench_function("sqlparser alone: mapped", |bencher| {
        let parse = |text: String| Parser::parse_sql(&PostgreSqlDialect {}, black_box(&text)).unwrap();
        bencher.iter_batched(mapped(), parse, BatchSize::SmallInput);
    });
    for (name, reading) in [("a schema", &reading()), ("a catalog", &known)] {
        assert!(runtime.block_on(reader.statement(MAPPED, reading)).unparsed.is_none());
        criterion.bench_function(&format!("facts, new form, with {name}: mapped"), |bencher| {
            let read = |text: String| runtime.block_on(reader.statement(black_box(&text), reading));
            bencher.iter_batched(mapped(), read, BatchSize::SmallInput);
        });
    }
    let cold = |text: String| {
        let facts = runtime.block_on(reader.statement(black_box(&text), &known));
        weave(&text, &facts, &masks, Some(&catalog)).unwrap()
    };
    assert!(cold(MAPPED.to_owned()).is_some());
    criterion.bench_function("facts, new form, with a catalog, and masks woven: mapped", |bencher| {
        bencher.iter_batched(mapped(), cold, BatchSize::SmallInput);
    });
}

/// The statement with another alias each time: what was read last is remembered, whatever the memory.
fn mapped() -> impl FnMut() -> String {
    let mut number = 0_u64;
    move || {
        number += 1;
        MAPPED.replace("anon_1", &format!("anon_{number}"))
    }
}

fn known(snapshot: &Arc<Snapshot>) -> Known {
    let schema: Arc<str> = "public".into();
    Known {
        path: [Arc::clone(&schema)].into(),
        schema: Some(schema),
        snapshot: Arc::clone(snapshot),
        trust: Trust::Recent,
        functions: Trust::Recent,
        searched: true,
        temporary: Arc::default(),
        defined: Arc::default(),
    }
}

fn shop() -> Arc<Snapshot> {
    let tables = [
        ("customers", "id name email region phone street city country created_at updated_at"),
        ("orders", "id status placed_at customer_id total currency note created_at updated_at"),
        ("order_items", "id order_id sku quantity price discount created_at updated_at"),
    ];
    let mut builder = Builder::default();
    let mut row = |table, text: String| {
        let values: Vec<_> = text.split(' ').map(|value| Some(value.as_bytes())).collect();
        builder.row(table, &values).unwrap();
    };
    row(Table::Server, "150018 shop app 10 f UTF8".to_owned());
    row(Table::Namespaces, "11 pg_catalog t f".to_owned());
    row(Table::Namespaces, "2200 public t t".to_owned());
    row(Table::Types, "25 11 text b S t 0 0 0 0 -1 f 100 0".to_owned());
    row(Table::Collations, "100 11 default t".to_owned());
    for ((name, columns), oid) in tables.iter().zip(100..) {
        row(Table::Relations, format!("{oid} 2200 {name} r 10 0 f f f f"));
        for (column, number) in columns.split(' ').zip(1..) {
            row(Table::Columns, format!("{oid} {number} {column} 25 -1 100 f f f  "));
        }
    }
    Arc::new(builder.finish().unwrap())
}

criterion_group!(benches, frames, statements, bound, masks);
criterion_main!(benches);
