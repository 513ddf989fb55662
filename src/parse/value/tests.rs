use proptest::prelude::*;
use serde_json::json;

use super::*;

fn text(oid: u32, text: &str) -> Option<Value> {
    let parameter = parameter(oid, Some(TEXT), Some(text.as_bytes()));
    parameter.decoded.then_some(parameter.value)
}

fn binary(oid: u32, bytes: &[u8]) -> Option<Value> {
    let parameter = parameter(oid, Some(BINARY), Some(bytes));
    parameter.decoded.then_some(parameter.value)
}

#[test]
fn texts_are_read_as_the_server_reads_them() {
    let cases = [
        (16, "t", json!(true)),
        (16, " YES ", json!(true)),
        (16, "of", json!(false)),
        (16, "0", json!(false)),
        (21, "-32768", json!(-32768)),
        (23, " +7 ", json!(7)),
        (20, "9223372036854775807", json!(i64::MAX)),
        (26, "4294967295", json!(u32::MAX)),
        (700, "0.1", json!(0.1)),
        (701, "1e3", json!(1000.0)),
        (1700, "-1.50", json!(-1.5)),
        (1700, "1e5", json!(1e5)),
        (25, " x ", json!(" x ")),
        (1042, "x  ", json!("x")),
        (114, "{\"a\": 1}", json!("{\"a\": 1}")),
        (2950, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        (17, "\\xDEad", json!("\\xdead")),
        (1082, "2026-11-21", json!("2026-11-21")),
        (1114, "2026-11-21 09:00:00.5", json!("2026-11-21T09:00:00.5")),
        (1184, "2026-11-21 09:00:00+05:30", json!("2026-11-21T03:30:00Z")),
        (1184, "2026-11-21T09:00:00Z", json!("2026-11-21T09:00:00Z")),
    ];
    for (oid, given, value) in cases {
        assert_eq!(text(oid, given), Some(value), "{oid} {given}");
    }
}

#[test]
fn what_has_more_than_one_reading_is_not_decoded() {
    let cases = [
        (16, "o"),
        (16, ""),
        (21, "32768"),
        (23, "0x1F"),
        (23, "1_000"),
        (23, ""),
        (23, "-"),
        (20, "9223372036854775808"),
        (26, "-1"),
        (700, "NaN"),
        (701, "Infinity"),
        (701, "1e400"),
        (1700, "12345678901234567890.5"),
        (1700, "1e-400"),
        (2950, "x"),
        (17, "abc"),
        (17, "\\x1"),
        (1082, "11/21/2026"),
        (1082, "today"),
        (1082, "infinity"),
        (1114, "2026-11-21"),
        (1114, "2026-11-21 09:00:60"),
        (1114, "2026-11-21 09:00:00.1234567"),
        (1184, "2026-11-21 09:00:00"),
        (1184, "2026-11-21 09:00:00[UTC]"),
        (0, "x"),
        (600, "(1,2)"),
        (25, "a\0b"),
    ];
    for (oid, given) in cases {
        assert_eq!(text(oid, given), None, "{oid} {given}");
    }
}

#[test]
fn binary_values_are_read_as_the_server_reads_them() {
    let cases: [(u32, &[u8], Value); 12] = [
        (16, &[1], json!(true)),
        (21, &[0xff, 0xff], json!(-1)),
        (26, &[0xff; 4], json!(u32::MAX)),
        (700, &0.1_f32.to_be_bytes(), json!(0.1)),
        (701, &0.1_f64.to_be_bytes(), json!(0.1)),
        (25, "ü".as_bytes(), json!("ü")),
        (3802, b"\x01{}", json!("{}")),
        (17, &[0, 0xab], json!("\\x00ab")),
        (1082, &9_821_i32.to_be_bytes(), json!("2026-11-21")),
        (1114, &0_i64.to_be_bytes(), json!("2000-01-01T00:00:00")),
        (1184, &(-1_i64).to_be_bytes(), json!("1999-12-31T23:59:59.999999Z")),
        (1700, &[0, 2, 0, 0, 0x40, 0, 0, 2, 0, 12, 0x13, 0x88], json!(-12.5)),
    ];
    for (oid, bytes, value) in cases {
        assert_eq!(binary(oid, bytes), Some(value), "{oid} {bytes:?}");
    }
    for (oid, bytes) in
        [(23, [0_u8; 3].as_slice()), (3802, b"\x02{}"), (1082, &i32::MAX.to_be_bytes()), (1700, &[0; 7])]
    {
        assert_eq!(binary(oid, bytes), None, "{oid} {bytes:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_not(oid in prop::sample::select(vec![0, 16, 17, 19, 20, 21, 23, 25, 26, 114, 700, 701, 1042,
        1043, 1082, 1114, 1184, 1700, 2950, 3802, 9999]), format in -1_i16..3, bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        let _ = parameter(oid, Some(format), Some(&bytes));
    }

    #[test]
    fn whole_numbers_are_the_same_in_both_formats(number in any::<i64>()) {
        prop_assert_eq!(binary(20, &number.to_be_bytes()), text(20, &number.to_string()));
    }

    #[test]
    fn timestamps_are_the_same_in_both_formats(second in 0_i64..4_000_000_000, micro in 0_i64..1_000_000) {
        let moment = Timestamp::from_second(second).unwrap() + jiff::SignedDuration::from_micros(micro);
        let wire = (moment.as_microsecond() - 946_684_800_000_000).to_be_bytes();
        prop_assert_eq!(binary(1184, &wire), text(1184, &moment.to_string()));
    }
}
