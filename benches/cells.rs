//! What a row of five columns costs whose one column is masked on its way back, beside one that is only copied. Run with
//! `cargo bench --bench cells`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(missing_docs, reason = "criterion's macros make functions without")]

use std::hint::black_box;

use bytes::{BufMut, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sidegate::config::{MaskKey, SecretSource};
use sidegate::enforce::mask::cells::{Cells, ColumnType, CopyCells, CopyField, CopyFormat, Keyring, Rule};
use sidegate::wire::postgres::{BackendFramer, BackendPiece, Column, RowDescription, Rows};

const ROWS: usize = 1_000;
const TYPES: [u32; 5] = [23, 25, 25, 1082, 1700];

fn value(column: usize, row: usize) -> String {
    match column {
        0 => row.to_string(),
        1 => format!("customer{row}@example.com"),
        2 => format!("41111111{row:08}"),
        3 => "2026-11-21".to_owned(),
        _ => format!("{row}.50"),
    }
}

fn rows() -> Vec<Vec<u8>> {
    let row = |row: usize| {
        let mut body = BytesMut::new();
        body.put_u16(5);
        for column in 0..5 {
            let value = value(column, row);
            body.put_i32(i32::try_from(value.len()).unwrap());
            body.put_slice(value.as_bytes());
        }
        body.to_vec()
    };
    (0..ROWS).map(row).collect()
}

fn description() -> RowDescription<'static> {
    let column = |type_oid| Column { name: b"c", relation: 0, attribute: 0, type_oid, modifier: -1, format: 0 };
    RowDescription { columns: TYPES.into_iter().map(column).collect() }
}

fn keys() -> Keyring {
    let path = std::env::temp_dir().join(format!("sidegate-bench-{}", std::process::id()));
    std::fs::write(&path, "0123456789abcdef0123456789abcdef").unwrap();
    let source = SecretSource::File(path.clone());
    let keys = Keyring::load(&[MaskKey { name: "masks".to_owned(), source }]).unwrap();
    std::fs::remove_file(path).unwrap();
    keys
}

fn masks() -> Vec<(&'static str, usize, Rule)> {
    let key = keys().get("masks").unwrap();
    vec![
        ("redact", 1, Rule::redact()),
        ("partial", 1, Rule::partial(None, Some(4), None).unwrap()),
        ("email", 1, Rule::email()),
        ("hash", 1, Rule::hash(key.clone())),
        ("tokenize, 16 digits", 2, Rule::tokenize(key.clone())),
        ("tokenize, an integer", 0, Rule::tokenize(key)),
        ("detect, an address", 1, Rule::detect()),
        ("detect, a number", 2, Rule::detect()),
        ("detect, nothing in it", 3, Rule::detect()),
    ]
}

fn cells(criterion: &mut Criterion) {
    let rows = rows();
    let mut group = criterion.benchmark_group("1,000 rows of five columns");
    group.throughput(Throughput::Elements(u64::try_from(ROWS).unwrap()));
    let mut messages = BytesMut::new();
    for row in &rows {
        messages.put_u8(b'D');
        messages.put_u32(u32::try_from(row.len() + 4).unwrap());
        messages.put_slice(row);
    }
    group.bench_function("relayed", |bencher| {
        let mut framer = BackendFramer::new();
        bencher.iter(|| {
            framer.put(&messages);
            while let Some(piece) = framer.next_piece().unwrap() {
                black_box(piece);
            }
        });
    });
    // Cut into rows, masked, and what that came to.
    for (name, field, rule) in masks() {
        let cells = Cells::new(&description(), &[(field, rule)]).unwrap();
        group.bench_function(name, |bencher| {
            let mut framer = BackendFramer::new();
            framer.set_rows(Rows::Runs);
            bencher.iter(|| {
                framer.put(&messages);
                while let Some(BackendPiece::Rows(rows)) = framer.next_piece().unwrap() {
                    let mut out = BytesMut::with_capacity(rows.bytes.len());
                    black_box(cells.messages(rows.bodies(), &mut out));
                }
            });
        });
    }
    group.finish();
    copies(criterion);
}

fn copies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1,000 rows of COPY");
    group.throughput(Throughput::Elements(u64::try_from(ROWS).unwrap()));
    for (name, format, separator) in [("text", CopyFormat::text(), "\t"), ("csv", CopyFormat::csv(), ",")] {
        let line = |row| (0..5).map(|column| value(column, row)).collect::<Vec<_>>().join(separator) + "\n";
        let lines: Vec<String> = (0..ROWS).map(line).collect();
        group.bench_function(name, |bencher| {
            let kind = ColumnType { oid: 25, modifier: -1 };
            let field = CopyField { place: 1, kind, rule: Rule::email() };
            let mut copy = CopyCells::new(format.clone(), 5, &[field]).unwrap();
            let mut out = BytesMut::with_capacity(1 << 20);
            bencher.iter(|| {
                out.clear();
                for line in &lines {
                    copy.feed(line.as_bytes(), &mut out).unwrap();
                }
                black_box(out.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cells);
criterion_main!(benches);
