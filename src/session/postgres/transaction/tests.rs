use std::sync::Arc;

use super::*;
use crate::parse::{Encoding, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack};

fn read(text: &str) -> Arc<Facts> {
    let nothing = Remembered::new();
    let reading = Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names: Names::Certain { schema: Arc::from("public") },
        read_only: false,
        limits: ReadingLimits::default(),
        prepared: &nothing,
        cursors: &nothing,
    };
    Reader::new(1, 0, Stack::Ordinary).unwrap().statement_blocking(text, &reading)
}

fn after(statements: &[(&str, &str)]) -> Deeds {
    let mut deeds = Deeds::default();
    for (text, tag) in statements {
        let facts = read(text);
        deeds.sends(&facts);
        deeds.completes(&facts, tag);
    }
    deeds
}

#[test]
fn rows_are_counted_by_the_tags_of_what_writes() {
    let done = after(&[
        ("begin", "BEGIN"),
        ("insert into t values (1), (2)", "INSERT 0 2"),
        ("update t set a = 1", "UPDATE 3"),
        ("delete from t", "DELETE 4"),
        ("select * from t", "SELECT 100"),
        ("copy t from stdin", "COPY 5"),
        ("copy t to stdout", "COPY 50"),
        ("select * from t for update", "SELECT 9"),
    ])
    .done(None);
    assert_eq!((done.statements, done.rows_written), (8, Some(14)));
    let relations = done.relations.unwrap();
    assert_eq!(relations.iter().map(|touched| touched.id.as_str()).collect::<Vec<_>>(), ["public.t"]);
    assert!(relations[0].access.len() > 1 && done.effects.contains(&Effect::CopyIn), "{relations:?}");
}

#[test]
fn what_no_tag_counts_is_unknown() {
    for text in [
        "with x as (insert into t values (1) returning a) select * from x",
        "explain analyze delete from t",
        "copy (delete from t returning a) to stdout",
        "select a into u from t",
        "create materialized view m as select 1",
        "truncate t",
        "create table u as select 1",
        "select lo_unlink(1)",
        "select somebodys()",
        "do $$ begin end $$",
        "this is not SQL",
    ] {
        assert_eq!(after(&[(text, "SELECT 1")]).done(None).rows_written, None, "{text}");
    }
    assert_eq!(after(&[("insert into t values (1)", "INSERT 0 ?")]).done(None).rows_written, None);
    assert_eq!(after(&[("do $$ begin end $$", "DO")]).done(None).relations, None);
}

#[test]
fn what_is_still_to_be_sent_counts_as_far_as_it_can_be_known() {
    let deeds = after(&[("insert into t values (1)", "INSERT 0 1")]);
    let next = deeds.done(Some(&read("update u set a = 1")));
    assert_eq!((next.statements, next.rows_written), (2, None));
    assert_eq!(next.relations.unwrap().len(), 2);
    assert_eq!(deeds.done(Some(&read("select 1; commit"))).rows_written, Some(1));
}

#[test]
fn a_commit_is_found_wherever_it_stands() {
    let commits = |text: &str, open| Deeds::default().committed_by(&read(text), open);
    for (text, outside, inside) in [
        ("commit", Commits::Nothing, Commits::Open),
        ("end", Commits::Nothing, Commits::Open),
        ("commit and chain", Commits::Nothing, Commits::Open),
        ("prepare transaction 'x'", Commits::Nothing, Commits::Open),
        ("commit prepared 'x'", Commits::Prepared, Commits::Prepared),
        ("select 1", Commits::Nothing, Commits::Nothing),
        ("begin", Commits::Nothing, Commits::Nothing),
        ("rollback", Commits::Nothing, Commits::Nothing),
        ("savepoint s", Commits::Nothing, Commits::Nothing),
        ("set timezone to 'UTC'", Commits::Nothing, Commits::Nothing),
        ("", Commits::Nothing, Commits::Nothing),
        ("insert into t values (1)", Commits::Itself, Commits::Nothing),
        ("create table u (a int)", Commits::Itself, Commits::Nothing),
        ("select somebodys()", Commits::Itself, Commits::Nothing),
        ("begin; insert into t values (1)", Commits::Nothing, Commits::Nothing),
        ("begin; insert into t values (1); commit", Commits::Itself, Commits::Itself),
        ("select 1; commit", Commits::Itself, Commits::Itself),
        ("rollback; insert into t values (1)", Commits::Itself, Commits::Itself),
        ("call somebodys()", Commits::Itself, Commits::Nothing),
        ("this is not SQL", Commits::Itself, Commits::Itself),
    ] {
        assert_eq!((commits(text, false), commits(text, true)), (outside, inside), "{text}");
    }
}

#[test]
fn a_transaction_is_open_as_commands_and_the_server_say() {
    let insert = read("insert into t values (1)");
    let begun = after(&[("begin", "BEGIN")]);
    assert_eq!(begun.committed_by(&insert, false), Commits::Nothing);
    assert_eq!(begun.committed_by(&read("commit"), false), Commits::Open);
    let ended = after(&[("begin", "BEGIN"), ("commit", "COMMIT")]);
    assert_eq!(ended.committed_by(&insert, true), Commits::Itself, "whatever was said before");
    let mut deeds = after(&[("begin", "BEGIN"), ("insert into t values (1)", "INSERT 0 1")]);
    deeds.ready(false);
    assert_eq!(deeds.done(None).rows_written, Some(1));
    assert_eq!(deeds.committed_by(&insert, true), Commits::Nothing);
    deeds.ready(true);
    assert_eq!(deeds.done(None), Done { relations: Some(Vec::new()), rows_written: Some(0), ..Done::default() });
}
