//! What reading costs: cutting frames, cutting a text into tokens (alone, and with its data picked out), the facts of a statement
//! of a new form, and those of a known form. Run with `cargo bench --bench parse`; with `--profile-time 5` under a profiler.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;
use std::sync::LazyLock;

use bytes::{BufMut, BytesMut};
use criterion::{Criterion, criterion_group, criterion_main};
use sidegate::parse::{self, Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};
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

criterion_group!(benches, frames, statements);
criterion_main!(benches);
