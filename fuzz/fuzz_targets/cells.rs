//! Any bytes as a cell, a row or a stream of COPY: masked or refused, never a panic; and a masked text shows nothing.
#![no_main]

use std::sync::{Arc, LazyLock};

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use sidegate::config::{MaskKey, SecretSource};
use sidegate::enforce::mask::cells::{
    Cells, Column, ColumnType, CopyCells, CopyField, CopyFormat, Key, Keyring, Masked, Rule,
};
use sidegate::wire::postgres::{DataRow, RowDescription};

static KEY: LazyLock<Arc<Key>> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("sidegate-fuzz-{}", std::process::id()));
    std::fs::write(&path, "0123456789abcdef0123456789abcdef").unwrap();
    let keys = Keyring::load(&[MaskKey { name: "k".to_owned(), source: SecretSource::File(path.clone()) }]).unwrap();
    std::fs::remove_file(path).unwrap();
    keys.get("k").unwrap()
});

const TYPES: [u32; 40] = [
    16, 17, 19, 20, 21, 23, 25, 114, 600, 650, 651, 700, 701, 869, 1000, 1001, 1003, 1005, 1007, 1009, 1014, 1015, 1016,
    1021, 1022, 1041, 1042, 1043, 1082, 1114, 1115, 1182, 1184, 1185, 1231, 1700, 199, 2950, 3802, 3807,
];

fn rule(which: u8) -> Rule {
    match which % 9 {
        0 => Rule::null(),
        1 => Rule::redact(),
        2 => Rule::hash(Arc::clone(&KEY)),
        3 => Rule::tokenize(Arc::clone(&KEY)),
        4 => Rule::partial(Some(u32::from(which >> 6)), Some(u32::from(which >> 4 & 3)), None).unwrap(),
        5 => Rule::email(),
        6 => Rule::detect(),
        7 => Rule::redact().within(&["/a", "/*/b"]).unwrap(),
        _ => Rule::null().within(&["/0"]).unwrap(),
    }
}

fuzz_target!(|input: (u8, u8, i32, bool, Vec<u8>, Vec<u8>)| {
    let (which, kind, modifier, binary, description, bytes) = input;
    let kind = ColumnType { oid: TYPES[usize::from(kind) % TYPES.len()], modifier: modifier.min(4 << 16) };
    let mut out = BytesMut::new();
    if let Ok(column) = Column::new(&rule(which), kind, i16::from(binary), "c") {
        let masked = column.mask(Some(&bytes), &mut out);
        assert!(masked != Masked::Null || out.is_empty());
        if which % 9 == 1 && matches!(kind.oid, 19 | 25 | 1042 | 1043) {
            assert!(out.iter().all(|byte| matches!(byte, b'*' | b' ')));
        }
    }
    if let Ok(description) = RowDescription::decode(&description) {
        let plan: Vec<_> = (0..description.columns.len().min(3)).map(|field| (field, rule(which))).collect();
        if let Ok(cells) = Cells::new(&description, &plan) {
            let mut out = BytesMut::new();
            match cells.body(&bytes, &mut out) {
                Ok(_) => assert_eq!(DataRow::decode(&out).unwrap().values.len(), description.columns.len()),
                Err(_) => assert!(out.is_empty()),
            }
        }
    }
    for format in [CopyFormat::text(), CopyFormat::csv(), CopyFormat::Binary] {
        let field = CopyField { place: 1, kind, rule: rule(which) };
        let Ok(mut whole) = CopyCells::new(format.clone(), 2, std::slice::from_ref(&field)) else { continue };
        let mut cut = CopyCells::new(format, 2, &[field]).unwrap();
        let (mut one, mut other) = (BytesMut::new(), BytesMut::new());
        let fed = whole.feed(&bytes, &mut one);
        let each = bytes.iter().try_for_each(|byte| cut.feed(&[*byte], &mut other));
        assert_eq!(fed.is_ok(), each.is_ok());
        assert_eq!(one, other);
    }
});
