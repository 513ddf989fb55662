//! Which columns a statement uses, and what its result is made of, against what PostgreSQL makes of the same statement.

mod generator;

use std::collections::BTreeSet;
use std::sync::Arc;

use sidegate::catalog::Snapshot;
use sidegate::parse::{
    Encoding, Facts, Known, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack, Trust,
};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, NoTls, Statement};

use self::generator::Generator;
use crate::catalog::survey;
use crate::harness::{PASSWORD, postgres};

/// Statements that PostgreSQL takes.
const STATEMENTS: usize = 300;
/// Without another the same statements each time: a change is judged by what it changed.
const SEED: u64 = 20_261_122;

/// A column of a relation, by OID and number; 0 is the whole row.
type Used = (u32, i32);

/// A server that tells how it reads a statement.
struct Oracle {
    client: Client,
    told: mpsc::UnboundedReceiver<String>,
}

impl Oracle {
    async fn connect(port: u16, database: &str) -> Self {
        let config = format!("host=127.0.0.1 port={port} user=app password='{PASSWORD}' dbname={database}");
        let (client, mut connection) = tokio_postgres::connect(&config, NoTls).await.expect("connects");
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message {
                    _ = tell.send(notice.detail().unwrap_or_default().to_owned());
                }
            }
        });
        client
            .batch_execute("set client_min_messages = log; set debug_print_parse = on; set debug_pretty_print = off")
            .await
            .expect("the server tells");
        Self { client, told }
    }

    /// What PostgreSQL makes of a statement; `None` where it refuses it.
    async fn reads(&mut self, sql: &str) -> Option<(Statement, BTreeSet<Used>)> {
        while self.told.try_recv().is_ok() {}
        let statement = self.client.prepare(sql).await.ok()?;
        let mut used = BTreeSet::new();
        while let Ok(tree) = self.told.try_recv() {
            used.extend(selected(&tree));
        }
        Some((statement, used))
    }
}

/// The columns of which a tree says that its user must be allowed to read them.
fn selected(tree: &str) -> Vec<Used> {
    let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for entry in tree.split(":rtekind 0 :relid ").skip(1) {
        let relation = entry.split(' ').next().and_then(|oid| oid.parse().ok()).expect("an OID");
        let columns =
            entry.split_once(":selectedCols (b").and_then(|(_, rest)| rest.split_once(')')).expect("columns").0;
        // Numbers begin at that of the first system column.
        found.extend(columns.split_whitespace().map(|number| (relation, number.parse::<i32>().expect("a number") - 7)));
    }
    found
}

/// The same of a statement's facts.
fn used(facts: &Facts, snapshot: &Snapshot) -> BTreeSet<Used> {
    let numbered = facts.columns.iter().map(|column| number(snapshot, column.relation.as_deref(), &column.name));
    numbered.collect()
}

fn number(snapshot: &Snapshot, relation: Option<&str>, name: &str) -> Used {
    let table = relation.and_then(|id| id.strip_prefix("public.")).expect("it is certain");
    let relation = snapshot.relation_in("public", table).expect("it is there");
    (relation.oid(), i32::from(relation.column(name).unwrap_or_else(|| panic!("no {name}")).number()))
}

/// A whole row is all of its columns.
fn spelled_out(used: BTreeSet<Used>, snapshot: &Snapshot) -> BTreeSet<Used> {
    let columns = |(relation, number): Used| -> Vec<Used> {
        match snapshot.by_oid(relation) {
            Some(table) if number == 0 => {
                table.columns().map(|column| (relation, i32::from(column.number()))).collect()
            }
            Some(_) | None => vec![(relation, number)],
        }
    };
    used.into_iter().flat_map(columns).collect()
}

/// What the result is made of, against what the server says of its columns.
fn check_result(sql: &str, facts: &Facts, statement: &Statement, snapshot: &Snapshot) {
    let Some(outputs) = &facts.outputs else { return };
    assert_eq!(outputs.len(), statement.columns().len(), "{sql}");
    for (output, column) in outputs.iter().zip(statement.columns()) {
        if let Some(name) = &output.name {
            assert_eq!(name, column.name(), "{sql}");
        }
        let bases: Vec<Used> =
            output.columns.iter().map(|base| number(snapshot, Some(&base.relation), &base.column)).collect();
        if let (Some(relation), Some(number)) = (column.table_oid(), column.column_id()) {
            assert!(bases.contains(&(relation, i32::from(number))), "{sql}: {output:?}");
        }
        // Of what is passed through, the server says where it comes from.
        assert!(!output.bare || column.table_oid().is_some(), "{sql}: {output:?}");
    }
}

fn reading<'a>(names: Names, nothing: &'a Remembered) -> Reading<'a> {
    Reading {
        quoting: Quoting::Standard,
        encoding: Encoding::Safe,
        names,
        read_only: true,
        limits: ReadingLimits::default(),
        prepared: nothing,
        cursors: nothing,
    }
}

#[tokio::test]
async fn columns_are_those_that_postgresql_finds() {
    let server = postgres();
    let database = server.database();
    server.sql(&database, generator::TABLES);
    let (asked, port) = (database.clone(), server.port);
    let snapshot = Arc::new(tokio::task::spawn_blocking(move || survey(server, &asked)).await.expect("it is surveyed"));
    let path: Arc<[Arc<str>]> = [Arc::from("public")].into();
    let schema = path.first().cloned();
    let trust = Trust::Recent;
    let names = Names::Known(Known {
        path,
        schema,
        snapshot: Arc::clone(&snapshot),
        trust,
        functions: trust,
        searched: true,
        temporary: Arc::default(),
        defined: Arc::default(),
    });
    let (nothing, reader) = (Remembered::new(), Reader::new(1, 0, Stack::Big).expect("a reader"));
    let mut oracle = Oracle::connect(port, &database).await;
    let given = std::env::var("SIDEGATE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(SEED);
    println!("SIDEGATE_SEED={seed}");
    let count = std::env::var("SIDEGATE_STATEMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(STATEMENTS);
    let mut generator = Generator::new(seed);
    let (mut taken, mut refused) = (0_usize, 0_usize);
    while taken < count {
        let sql = generator.statement();
        let Some((statement, wanted)) = oracle.reads(&sql).await else {
            refused += 1;
            assert!(refused < 50 + 20 * (taken + 1), "hardly any statement is taken, as {sql}");
            continue;
        };
        let facts = reader.statement(&sql, &reading(names.clone(), &nothing)).await;
        assert_eq!(
            (&facts.unparsed, facts.unknown.is_empty(), facts.outdated),
            (&None, true, false),
            "{sql}: {facts:?}"
        );
        let (found, wanted) = (used(&facts, &snapshot), spelled_out(wanted, &snapshot));
        let (missed, added): (Vec<_>, Vec<_>) =
            (wanted.difference(&found).collect(), found.difference(&wanted).collect());
        assert!(
            missed.is_empty() && added.is_empty(),
            "{sql}\nmissed {missed:?}, added {added:?}, {:?}",
            facts.columns
        );
        check_result(&sql, &facts, &statement, &snapshot);
        taken += 1;
    }
    println!("{taken} statements, {refused} refused");
}
