use super::super::reading::{Names, ReadingLimits, Remembered};
use super::*;

fn read_as(text: &str, quoting: Quoting) -> Facts {
    let nothing = Remembered::new();
    let reading = Reading {
        quoting,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: "public".into() },
        read_only: true,
        limits: ReadingLimits::default(),
        prepared: &nothing,
        cursors: &nothing,
    };
    read(text, None, &reading).facts
}

/// Effects, relations and columns.
fn facts_of(text: &str) -> String {
    let facts = read_as(text, Quoting::Standard);
    if let Some(unparsed) = facts.unparsed {
        return format!("unread: {}", unparsed.reason);
    }
    let short = |id: &str| id.strip_prefix("public.").unwrap_or(id).to_owned();
    let effects = facts.effects.iter().map(|effect| format!("{effect:?}").to_lowercase());
    let relations = facts.relations.iter().map(|relation| short(&relation.id));
    let columns = facts.columns.iter().map(|column| {
        let uses: Vec<String> = column.uses.iter().map(|used| format!("{used:?}").to_lowercase()).collect();
        format!("{}.{}:{}", column.relation.as_deref().map_or("?".to_owned(), short), column.name, uses.join(","))
    });
    [effects.collect::<Vec<_>>(), relations.collect(), columns.collect()].map(|part| part.join(" ")).join(" | ")
}

#[test]
fn spellings_of_names_are_the_names() {
    for (text, wanted) in [
        (r#"select U&"\0065mail" from U&"c\0075stomers""#, "read | customers | customers.email:output"),
        (r#"select u&"!0065mail" uescape '!' from customers"#, "read | customers | customers.email:output"),
        (r#"select U&"\0065mail" from customers uescape"#, "read | customers | customers.email:output"),
        (r#"select U&"\0045mail" from customers"#, "read | customers | customers.Email:output"),
        ("select größe from straße", "read | \"straße\" | \"straße\".größe:output"),
        (r#"select U&'\0065mail' from customers"#, "read | customers | "),
        (r"select U&'\0073ecrets'::regclass", "read | secrets | "),
        ("select 'sec'\n'rets'::regclass", "read | secrets | "),
        (r"select set_config(U&'search\005fpath', 'x', false)", "read settings | | "),
        ("select set_config('search'\n'_path', 'x', false)", "read settings | | "),
    ] {
        assert_eq!(facts_of(text).replace("|  |", "| |"), wanted, "{text}");
    }
}

#[test]
fn a_backslash_is_not_guessed_at_where_it_may_escape() {
    for (text, is_read) in [
        (r#"select U&"\0065mail" from customers"#, true),
        (r"select U&'\0065mail'", false),
        ("select 'a'\n'b'", true),
        ("select 'a'\n'\\'", false),
        ("select 'a' -- \\\n'b'", false),
    ] {
        assert_eq!(read_as(text, Quoting::Backslash).unparsed.is_none(), is_read, "{text}");
    }
}

#[test]
fn what_sqlparser_does_not_spell_has_its_facts() {
    for (text, wanted) in [
        (
            "select j.id from customers c join orders o using (id) as j where j.id = 1",
            "read | customers orders | customers.id:output,predicate,join orders.id:output,predicate,join",
        ),
        (
            "select j.* from customers c join orders o using (id, ssn) as j",
            "read | customers orders | customers.id:output,join customers.ssn:output,join \
            orders.id:output,join orders.ssn:output,join",
        ),
        ("update t set a = 1 returning old.a, new.b", "read write | t | t.a:output,assignment t.b:output"),
        (
            "update t set a = 1 returning with (old as o, new as n) o.b, n.*, c",
            "read write | t | t.*:output t.a:assignment t.b:output t.c:output",
        ),
        ("delete from t returning with (new as b, old as a) a", "read write | t | t.*:output,wholerow"),
        ("update t set a = 1 from u as old returning old.b", "read write | t u | t.a:assignment u.b:output"),
        ("insert into t (a) select 1 on conflict (b) do nothing", "write | t | t.a:assignment t.b:predicate"),
        ("update t set (a, b) = (1, default)", "write | t | t.a:assignment t.b:assignment"),
        (
            "select a from t order by a using <, b using operator(s.<)",
            "procedure read | t | t.a:output,order t.b:order",
        ),
        ("select a from t order by a using <+>", "procedure read | t | t.a:output,order"),
        ("select a <=> b, !! c from t where a <+> b < 1", "procedure read | t | "),
        ("select '{1}'::int4 array, cast(a as numeric(3, 2) array[2]) from t", "read | t | t.a:output,argument"),
        ("select '{secrets}'::regclass array", "read | secrets | "),
        ("select a::mine array from t", "procedure read | t | t.a:output,argument"),
        ("set schema 's'", "settings | | "),
        ("create extension if not exists e schema s version '1' cascade", "ddl | | "),
        ("create user u with encrypted password 'x' valid until 'infinity'", "dcl | | "),
        ("select 0x1f, 1_000, 1_0.5e1_0 from t limit 1_0", "read | t | "),
    ] {
        let facts = facts_of(text).replace("|  |", "| |");
        assert!(facts.starts_with(wanted), "{text}\n{facts}\n{wanted}");
    }
    for text in [
        "delete from t using (a) as x",
        "select a uescape '!' from t",
        "select 1 as U&\"a\" uescape '!!'",
        "set schema s",
        "copy t to stdout where a",
        "copy (select 1) from stdin where a",
        "copy t from stdin where a union select b from u",
    ] {
        assert!(read_as(text, Quoting::Standard).unparsed.is_some(), "{text}");
    }
}

#[test]
fn a_secret_is_hidden_however_it_is_spelled() {
    for text in [
        "alter role r password U&'hunter\\0032'",
        "create user u with encrypted password 'hunter2'",
        "select dblink('pass'\n'word=hunter2')",
        "select f(U&'pass\\0077ord=hunter2')",
        "select f(U&'pass!0077ord=hunter2' uescape '!'); select x y z",
    ] {
        let facts = read_as(text, Quoting::Standard);
        assert!(facts.sensitive || facts.unparsed.is_none(), "{text}");
        assert!(!facts.sensitive || facts.lifted.is_empty() && !facts.normalized.contains("hunter2"), "{text}");
    }
}
