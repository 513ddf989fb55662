use proptest::prelude::*;

use super::*;

fn text_type() -> ColumnType {
    ColumnType { oid: 25, modifier: -1 }
}

/// Two columns, the second one masked.
fn copy(format: CopyFormat, rule: Rule) -> CopyCells {
    CopyCells::new(format, 2, &[CopyField { place: 1, kind: text_type(), rule }]).unwrap()
}

/// The stream as a whole, cut at every one of these places.
fn fed(mut copy: CopyCells, stream: &[u8], cuts: &[usize]) -> Result<Vec<u8>, CellError> {
    let mut out = BytesMut::new();
    let mut from = 0;
    for to in cuts.iter().copied().chain([stream.len()]) {
        let to = to.clamp(from, stream.len());
        copy.feed(&stream[from..to], &mut out)?;
        from = to;
    }
    copy.finish()?;
    Ok(out.to_vec())
}

fn masked(format: CopyFormat, rule: Rule, stream: &str) -> Result<String, CellError> {
    let whole = fed(copy(format.clone(), rule.clone()), stream.as_bytes(), &[])?;
    let each: Vec<usize> = (0..stream.len()).collect();
    assert_eq!(fed(copy(format, rule), stream.as_bytes(), &each).unwrap(), whole, "byte by byte");
    Ok(String::from_utf8(whole).unwrap())
}

#[test]
fn rows_of_text_are_masked() {
    let text = |rule, stream| masked(CopyFormat::text(), rule, stream);
    assert_eq!(text(Rule::email(), "1\ta@b.co\n\\N\t\\N\n"), Ok("1\ta***@b***.co\n\\N\t\\N\n".to_owned()));
    assert_eq!(text(Rule::redact(), "a\\tb\ta\\tb\\\\\\n\\x41\\101\n"), Ok("a\\tb\t*******\n".to_owned()));
    let partial = Rule::partial(Some(2), None, None).unwrap();
    assert_eq!(text(partial, "x\t\\t\\\\abc\n"), Ok("x\t\\t\\\\***\n".to_owned()));
    assert_eq!(text(Rule::replace("a\tb\\".into()), "x\t\\N\n"), Ok("x\ta\\tb\\\\\n".to_owned()));
    assert_eq!(text(Rule::null(), "x\ty\n"), Ok("x\t\\N\n".to_owned()));
    assert_eq!(text(Rule::redact(), ""), Ok(String::new()));
    let header = CopyFormat::Text { delimiter: b'|', header: true };
    assert_eq!(
        masked(header, Rule::redact(), "id|ssn\n1|12\\|3\n\\N|\\N\n"),
        Ok("id|ssn\n1|****\n\\N|\\N\n".to_owned())
    );
    assert_eq!(text(Rule::replace("\\N".into()), "1\tx\n"), Ok("1\t\\\\N\n".to_owned()), "a text is no NULL");
    assert_eq!(text(Rule::redact(), "1\t\\\\N\n"), Ok("1\t**\n".to_owned()), "nor is one that comes");
    for wrong in ["1\n", "1\t2\t3\n", "1\t2", "\n", "1\t2\\"] {
        assert!(text(Rule::redact(), wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn rows_of_csv_are_masked() {
    let csv = |rule, stream| masked(CopyFormat::csv(), rule, stream);
    assert_eq!(csv(Rule::email(), "1,a@b.co\n,\n"), Ok("1,a***@b***.co\n,\n".to_owned()));
    assert_eq!(csv(Rule::redact(), "\"a\n,\"\"b\",\"a\n,\"\"b\"\n"), Ok("\"a\n,\"\"b\",*****\n".to_owned()));
    assert_eq!(csv(Rule::redact(), "1,\"\"\n"), Ok("1,\"\"\n".to_owned()), "an empty text is no NULL");
    assert_eq!(csv(Rule::replace("a\"b,c".into()), "1,x\n"), Ok("1,\"a\"\"b,c\"\n".to_owned()));
    let other = CopyFormat::Csv {
        delimiter: b';',
        quote: b'\'',
        escape: b'\\',
        null: b"NIL".to_vec(),
        header: true,
        force: false,
    };
    let stream = "id;ssn\n'a\\'b;c\\d';'x\\'y'\n1;NIL\n2;'NIL'\n";
    assert_eq!(masked(other, Rule::redact(), stream), Ok("id;ssn\n'a\\'b;c\\d';***\n1;NIL\n2;***\n".to_owned()));
    let forced =
        CopyFormat::Csv { delimiter: b',', quote: b'"', escape: b'"', null: vec![], header: true, force: true };
    let stream = "\"id\",\"ssn\"\n\"1\",\"xy\"\n\"2\",\n\"3\",\"\"\n";
    let stars = "\"id\",\"ssn\"\n\"1\",\"**\"\n\"2\",\n\"3\",\"\"\n";
    assert_eq!(masked(forced, Rule::redact(), stream), Ok(stars.to_owned()));
    for wrong in ["1\n", "1,2,3\n", "1,2", "1,\"2\n"] {
        assert!(csv(Rule::redact(), wrong).is_err(), "{wrong:?}");
    }
}

type Pair<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

fn binary_stream(rows: &[Pair<'_>]) -> Vec<u8> {
    let mut stream = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x03ext".to_vec();
    for (first, second) in rows {
        stream.extend([0, 2]);
        for value in [first, second] {
            stream.extend(value.map_or(-1, |value| i32::try_from(value.len()).unwrap()).to_be_bytes());
            stream.extend(value.unwrap_or_default());
        }
    }
    stream.extend([0xff, 0xff]);
    stream
}

#[test]
fn rows_in_binary_are_masked() {
    let stream = binary_stream(&[(Some(b"1"), Some(b"a@b.co")), (None, None), (Some(b""), Some(b""))]);
    let expected = binary_stream(&[(Some(b"1"), Some(b"******")), (None, None), (Some(b""), Some(b""))]);
    let each: Vec<usize> = (0..stream.len()).collect();
    for cuts in [&[][..], &each] {
        assert_eq!(fed(copy(CopyFormat::Binary, Rule::redact()), &stream, cuts), Ok(expected.clone()));
    }
    let of = |stream: &[u8]| fed(copy(CopyFormat::Binary, Rule::redact()), stream, &[]);
    for end in 0..stream.len() {
        assert!(of(&stream[..end]).is_err(), "cut at {end}");
    }
    assert!(of(&[&stream[..], b"x"].concat()).is_err());
    assert!(of(&[b"PGCOPY\n\xff\r\n\0\0\x01\0\0", &[0; 4][..], b"\xff\xff"].concat()).is_err(), "OIDs in its rows");
    let long = [&binary_stream(&[])[..22], b"\0\x02\xff\xff\xff\xff\x7f\xff\xff\xff"].concat();
    assert_eq!(of(&long).unwrap_err(), CellError::Long { most: MOST_HELD });
}

#[test]
fn a_field_that_is_too_long_to_hold_is_refused_and_nothing_follows() {
    for (format, begin) in [(CopyFormat::text(), &b"x\t"[..]), (CopyFormat::csv(), b"x,\"")] {
        let mut copy = copy(format, Rule::redact());
        let mut out = BytesMut::new();
        copy.feed(begin, &mut out).unwrap();
        let part = vec![b'a'; 1 << 20];
        let error = (0..17).find_map(|_| copy.feed(&part, &mut out).err()).unwrap();
        assert_eq!(error, CellError::Long { most: MOST_HELD });
        assert_eq!(copy.feed(b"\n1\t2\n", &mut out).unwrap_err(), error);
        assert_eq!(copy.finish().unwrap_err(), error);
        assert_eq!(out.len(), 2, "nothing of the field");
    }
}

#[test]
fn options_that_cannot_be_told_apart_are_refused() {
    let csv = |delimiter, quote, escape| CopyFormat::Csv {
        delimiter,
        quote,
        escape,
        null: Vec::new(),
        header: false,
        force: false,
    };
    for format in [csv(b'"', b'"', b'"'), csv(b'\n', b'"', b'"'), csv(b',', 0xff, b'"')] {
        assert!(CopyCells::new(format, 1, &[]).is_err());
    }
    let text = CopyFormat::Text { delimiter: b'\\', header: false };
    assert!(CopyCells::new(text, 1, &[]).is_err());
    let field = CopyField { place: 1, kind: text_type(), rule: Rule::redact() };
    assert!(CopyCells::new(CopyFormat::Binary, 1, &[field]).is_err());
}

proptest! {
    #[test]
    fn any_cut_gives_the_same(stream in "[a\\\\\t\n\",;é]{0,60}", cuts in proptest::collection::vec(0..80_usize, 0..8)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        for format in [CopyFormat::text(), CopyFormat::csv(), CopyFormat::Csv { delimiter: b';', quote: b'"', escape: b'\\', null: b"a".to_vec(), header: true, force: false }] {
            let of = |cuts: &[usize]| fed(copy(format.clone(), Rule::redact()), stream.as_bytes(), cuts).ok();
            prop_assert_eq!(of(&cuts), of(&[]));
        }
    }

    #[test]
    fn a_stream_without_masks_passes_as_it_is(values in proptest::collection::vec(any::<Option<Vec<u8>>>(), 2..9), text in "([a-c\"]{0,3}(\\\\[nt\\\\\t\n])?\t[a-c\"]{0,4}\n){0,4}") {
        let pairs: Vec<_> = values.chunks_exact(2).map(|pair| (pair[0].as_deref(), pair[1].as_deref())).collect();
        for (format, stream) in [(CopyFormat::Binary, binary_stream(&pairs)), (CopyFormat::text(), text.into_bytes())] {
            let none = CopyCells::new(format, 2, &[]).unwrap();
            prop_assert_eq!(fed(none, &stream, &[]), Ok(stream));
        }
    }
}
