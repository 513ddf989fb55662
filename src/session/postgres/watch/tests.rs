use proptest::prelude::*;

use super::*;

fn rows(count: usize, size: usize) -> Vec<u8> {
    let length = u32::try_from(size + 4).unwrap().to_be_bytes();
    (0..count).flat_map(|_| [b"D".as_slice(), &length, &vec![b'x'; size]].concat()).collect()
}

fn watch(rows: Option<u64>, bytes: Option<u64>) -> Watch {
    Watch::new(Some(RowLimit { rows, bytes }), None, None)
}

#[test]
fn as_many_rows_pass_as_the_limit_says_and_no_more() {
    for (most, over) in [(0, true), (1, true), (2, true), (3, false), (4, false)] {
        let mut watch = watch(Some(most), None);
        let passed = watch.admit(&rows(3, 10));
        let whole = most.min(3);
        assert_eq!(passed, Passed { bytes: usize::try_from(whole).unwrap() * 15, ends: whole }, "{most}");
        assert_eq!(watch.is_over(), over, "{most}");
        assert_eq!(watch.refusal(None, false).is_some(), over);
    }
}

#[test]
fn the_row_that_crosses_a_limit_of_bytes_does_not_even_begin() {
    for (most, passes) in [(44, 2), (45, 3), (29, 1), (14, 0), (15, 1)] {
        let mut watch = watch(None, Some(most));
        assert_eq!(watch.admit(&rows(3, 10)).ends, passes, "{most}");
        assert_eq!(watch.is_over(), passes < 3);
    }
    // Its header says how long it would be, so nothing of it need be there.
    let mut watch = watch(None, Some(1000));
    assert_eq!(watch.admit(&rows(1, 100_000)[..5]), Passed::default());
    assert!(watch.is_over());
}

#[test]
fn the_portals_earlier_rows_count() {
    let sent = Arc::new(Sent::default());
    let mut second = Watch::new(Some(RowLimit { rows: Some(5), bytes: None }), Some(Arc::clone(&sent)), None);
    // The first Execute was sent before, and answered after, the second was sent.
    sent.add(4, 60);
    assert_eq!(second.admit(&rows(3, 10)).ends, 1);
    assert!(second.is_over() && second.should_cancel() && !second.should_cancel(), "the server is told once");
}

#[test]
fn a_functions_result_is_counted_in_bytes() {
    assert!(watch(Some(0), Some(10)).admit_result(10));
    assert!(!watch(None, Some(10)).admit_result(11));
}

#[test]
fn a_small_answer_that_policy_is_asked_about_is_kept_back_whole() {
    let (mut watch, mut out) = (Watch::new(None, None, Some(Columns::default())), BytesMut::new());
    watch.give(b"rows", false, &mut out);
    watch.give(b"done", true, &mut out);
    assert!(out.is_empty() && watch.asked().is_some());
    assert_eq!(watch.release().collect::<Vec<_>>().concat(), b"rowsdone");
}

#[test]
fn of_a_large_one_the_last_message_is() {
    let (mut watch, mut out) = (Watch::new(None, None, Some(Columns::default())), BytesMut::new());
    watch.give(&vec![b'x'; SMALL + 1], false, &mut out);
    assert_eq!(out.len(), SMALL + 1);
    watch.give(b"first", true, &mut out);
    watch.give(b"second", true, &mut out);
    assert!(out.ends_with(b"first"));
    assert_eq!(watch.release().collect::<Vec<_>>().concat(), b"second");
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_rows_come(
        sizes in prop::collection::vec(0_usize..40, 0..20),
        cuts in prop::collection::vec(0_usize..60, 0..40),
        most_rows in prop::option::of(0_u64..20),
        most_bytes in prop::option::of(0_u64..600),
    ) {
        let stream: Vec<u8> = sizes.iter().flat_map(|size| rows(1, *size)).collect();
        let expected = watch(most_rows, most_bytes).admit(&stream);
        let (mut watch, mut rest, mut passed) = (watch(most_rows, most_bytes), stream.as_slice(), Passed::default());
        let mut cuts = cuts.into_iter();
        // As the framer gives them: a header is never cut.
        let mut boundary = 0;
        while !rest.is_empty() {
            let mut take = cuts.next().unwrap_or(rest.len()).clamp(1, rest.len());
            let mut at = boundary;
            while at < take {
                let Some(header) = rest.get(at..at + HEADER) else { break };
                if at + HEADER > take {
                    take = at + HEADER;
                }
                at += 1 + usize::try_from(u32::from_be_bytes(header[1..].try_into().unwrap())).unwrap();
            }
            boundary = at - take;
            let some = watch.admit(&rest[..take]);
            passed = Passed { bytes: passed.bytes + some.bytes, ends: passed.ends + some.ends };
            rest = &rest[take..];
        }
        prop_assert_eq!(passed, expected);
        let (rows, bytes) = (passed.ends, u64::try_from(passed.bytes).unwrap());
        prop_assert!(most_rows.is_none_or(|most| rows <= most) && most_bytes.is_none_or(|most| bytes <= most));
        prop_assert_eq!(watch.is_over(), bytes < u64::try_from(stream.len()).unwrap());
    }
}
