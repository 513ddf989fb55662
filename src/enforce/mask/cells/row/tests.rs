use proptest::prelude::*;

use super::*;
use crate::wire::postgres::{Column as Field, DataRow};

fn described(types: &[(u32, i16)]) -> RowDescription<'static> {
    let field = |(type_oid, format): &(u32, i16)| Field {
        name: b"c",
        relation: 0,
        attribute: 0,
        type_oid: *type_oid,
        modifier: -1,
        format: *format,
    };
    RowDescription { columns: types.iter().map(field).collect() }
}

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    body
}

fn cells(types: &[(u32, i16)], plan: &[(usize, Rule)]) -> Cells {
    Cells::new(&described(types), plan).unwrap()
}

const THREE: [(u32, i16); 3] = [(23, 1), (25, 0), (25, 1)];

#[test]
fn masked_fields_are_rewritten_and_others_copied() {
    let cells = cells(&THREE, &[(2, Rule::null()), (1, Rule::email())]);
    let mut out = BytesMut::from(&b"before"[..]);
    assert_eq!(cells.body(&row(&[Some(b"\0\0\0\x07"), Some(b"alice@example.com"), Some(b"x")]), &mut out), Ok(0));
    assert_eq!(out[6..], row(&[Some(b"\0\0\0\x07"), Some(b"a***@e***.com"), None]));
    let mut out = BytesMut::new();
    assert_eq!(cells.message(&row(&[None, Some(b"\xff"), None]), &mut out), Ok(1), "text that is no UTF-8");
    assert_eq!(out[..5], [b'D', 0, 0, 0, 19]);
    assert_eq!(out[5..], row(&[None, Some(b"*"), None]));
    let none = Cells::new(&described(&[]), &[]).unwrap();
    let mut out = BytesMut::new();
    assert_eq!(none.body(&[0, 0], &mut out), Ok(0));
    assert_eq!(&out[..], [0, 0]);
}

#[test]
fn a_plan_that_does_not_fit_is_refused() {
    let of = |plan: &[(usize, Rule)]| Cells::new(&described(&THREE), plan).unwrap_err().to_string();
    assert_eq!(of(&[(3, Rule::null())]), "a mask is for field `3` of a row of 3");
    assert_eq!(
        of(&[(1, Rule::null()), (1, Rule::redact())]),
        "a row of the database is malformed: two masks are for one field"
    );
    assert!(of(&[(0, Rule::email())]).contains("has no meaning"));
}

#[test]
fn a_row_of_1600_columns_is_masked() {
    let types = vec![(25, 0); 1600];
    let plan: Vec<_> = (0..1600).step_by(7).map(|field| (field, Rule::redact())).collect();
    let value: Option<&[u8]> = Some(b"ab");
    let mut out = BytesMut::new();
    cells(&types, &plan).body(&row(&vec![value; 1600]), &mut out).unwrap();
    let expected: Vec<Option<&[u8]>> =
        (0..1600).map(|field| if field % 7 == 0 { Some(&b"**"[..]) } else { value }).collect();
    assert_eq!(out[..], row(&expected));
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_refused_with_nothing_written(body: Vec<u8>) {
        let mut out = BytesMut::from(&b"before"[..]);
        let masked = cells(&THREE, &[(1, Rule::redact())]).body(&body, &mut out);
        let read = DataRow::decode(&body).ok().filter(|row| row.values.len() == 3);
        prop_assert_eq!(masked.is_ok(), read.is_some());
        prop_assert!(masked.is_ok() || &out[..] == b"before");
    }

    #[test]
    fn every_cut_of_a_row_is_refused(values in proptest::collection::vec(any::<Option<Vec<u8>>>(), 3), cut in 0..100_usize) {
        let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
        let body = row(&values);
        let cells = cells(&THREE, &[(0, Rule::null()), (1, Rule::redact())]);
        let mut out = BytesMut::new();
        prop_assert!(cells.body(&body, &mut out).is_ok());
        let masked = DataRow::decode(&out).unwrap();
        prop_assert_eq!(masked.values[0], None);
        prop_assert_eq!(masked.values[1].is_some(), values[1].is_some());
        prop_assert!(masked.values[1].unwrap_or_default().iter().all(|byte| *byte == b'*'));
        prop_assert_eq!(masked.values[2], values[2]);
        if cut < body.len() {
            prop_assert!(cells.body(&body[..cut], &mut BytesMut::new()).is_err());
        }
        prop_assert!(cells.body(&[&body[..], b"x"].concat(), &mut BytesMut::new()).is_err());
    }
}

proptest! {
    #[test]
    fn many_rows_come_to_what_each_comes_to(
        values in proptest::collection::vec((any::<Option<i32>>(), proptest::option::of("[ -~é]{0,30}"), any::<i64>()), 0..30),
        torn in 0..40_usize,
    ) {
        let keys = crate::enforce::mask::cells::key::Key::new(b"0123456789abcdef0123456789abcdef");
        let keys = std::sync::Arc::new(keys);
        let (token, hash) = (Rule::tokenize(keys.clone()), Rule::hash(keys));
        let types = [(23, 1), (25, 0), (20, 0), (1043, 0), (25, 1), (1042, 0), (23, 0)];
        let masked = [&token, &token, &token, &Rule::email(), &hash, &hash, &hash];
        let cells = cells(&types, &masked.into_iter().cloned().enumerate().collect::<Vec<_>>());
        let rows: Vec<Vec<u8>> = values.iter().enumerate().map(|(place, (small, text, large))| {
            let (small, large) = (small.map(i32::to_be_bytes), large.to_string());
            let text = text.as_ref().map(String::as_bytes);
            let large = Some(large.as_bytes());
            let mut row = row(&[small.as_ref().map(<[u8; 4]>::as_slice), text, large, text, text, text, large]);
            row.truncate(if place == torn { row.len() - 1 } else { row.len() });
            row
        }).collect();
        let (mut one, mut other, mut count) = (BytesMut::new(), BytesMut::new(), 0);
        let failed = rows.iter().find_map(|row| match cells.message(row, &mut one) {
            Ok(_) => { count += 1; None }
            Err(error) => Some(error),
        });
        prop_assert_eq!(cells.messages(rows.iter().map(Vec::as_slice), &mut other), (count, failed));
        prop_assert_eq!(one, other);
    }
}
