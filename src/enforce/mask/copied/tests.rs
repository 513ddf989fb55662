use super::*;

fn format(options: &str) -> Result<CopyFormat, String> {
    let copied = Copied::of(&format!("copy (select (1), ')') TO Stdout {options}"), Guard::default()).expect(options);
    assert_eq!(copied.query(), "select (1), ')'");
    copied.format
}

fn csv([delimiter, quote, escape]: [u8; 3], null: &str, header: bool, force: bool) -> Result<CopyFormat, String> {
    Ok(CopyFormat::Csv { delimiter, quote, escape, null: null.as_bytes().to_vec(), header, force })
}

fn text(delimiter: u8, header: bool) -> Result<CopyFormat, String> {
    Ok(CopyFormat::Text { delimiter, header })
}

#[test]
fn options_are_read_in_both_spellings() {
    for (options, expected) in [
        ("", text(b'\t', false)),
        (";", text(b'\t', false)),
        ("with (header)", text(b'\t', true)),
        ("(format text, delimiter '|', null '\\N', header off)", text(b'|', false)),
        ("(delimiter e'\\t', encoding 'UTF-8', header 1);", text(b'\t', true)),
        ("delimiter as ';' null as '\\N'", text(b';', false)),
        ("csv", csv(*b",\"\"", "", false, false)),
        ("with csv header", csv(*b",\"\"", "", true, false)),
        ("csv header delimiter ';' quote as '''' force quote *", csv(*b";''", "", true, true)),
        ("(FORMAT CSV, HEADER true, QUOTE '|', ESCAPE '\\', NULL 'nil')", csv(*b",|\\", "nil", true, false)),
        ("(format 'csv', force_quote *)", csv(*b",\"\"", "", false, true)),
        ("(format csv, force_quote *, header false)", csv(*b",\"\"", "", false, true)),
        ("with binary", Ok(CopyFormat::Binary)),
        ("(format binary)", Ok(CopyFormat::Binary)),
    ] {
        assert_eq!(format(options), expected, "{options}");
    }
}

#[test]
fn options_that_rows_are_not_read_with_are_refused() {
    for options in [
        "(null '')",
        "null 'x'",
        "(null '123-45-6789')",
        "(encoding 'latin1')",
        "(encoding 'sjis')",
        "(freeze)",
        "(format csv, force_quote (a, b))",
        "csv force quote a",
        "(header match)",
        "(format csv, default 'x')",
        "(format custom)",
        "(format json)",
        "(delimiter 'ab')",
        "(delimiter 'é')",
        "(delimiter E'\\x41')",
        "(format csv",
        "(format csv) header",
        "csv header 1",
        "(csv)",
        "()",
        "delimiters ','",
        "using delimiters ','",
        "csv where true",
    ] {
        assert!(format(options).is_err(), "{options}");
    }
}

#[test]
fn the_rows_of_a_relation_are_asked_for_as_a_query() {
    for (text, query) in [
        ("copy t to stdout", "SELECT * FROM t"),
        ("copy s.\"odd t\" (a, \"b)\") TO STDOUT;", "SELECT a, \"b)\" FROM s.\"odd t\""),
        ("copy binary t to stdout", ""),
        ("copy t from stdin", ""),
        ("copy t to '/tmp/x'", ""),
        ("copy t, u to stdout", ""),
        ("copy t (a to stdout", ""),
        ("copy to stdout", ""),
    ] {
        let copied = Copied::of(text, Guard::default());
        assert_eq!(copied.as_ref().map_or("", Copied::query), query, "{text}");
        assert!(copied.is_none_or(|copied| copied.before().is_none()), "{text}");
    }
}

#[test]
fn what_is_no_copy_of_a_query_to_the_client_is_none() {
    for text in [
        "copy (select 1) to '/tmp/x'",
        "copy (select 1) to program 'x'",
        "copy (select 1) to stdout; select 1",
        "select 1; copy (select 1) to stdout",
        "copy (select 1 to stdout",
        "explain copy (select 1) to stdout",
        "",
    ] {
        assert_eq!(Copied::of(text, Guard::default()), None, "{text}");
    }
}
