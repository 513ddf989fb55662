//! Which columns a statement uses, and what its result is made of, against what PostgreSQL makes of the same statement.

mod generator;

use std::collections::BTreeSet;
use std::sync::Arc;

use sidegate::catalog::Snapshot;
use sidegate::parse::{
    Encoding, Facts, Known, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Role, Stack, Trust, Use,
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

/// Columns that are read, and those that get values.
#[derive(Debug, Default, PartialEq)]
struct Columns {
    read: BTreeSet<Used>,
    given: BTreeSet<Used>,
}

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
            .batch_execute(
                "set client_min_messages = log; set debug_print_rewritten = on; set debug_pretty_print = off",
            )
            .await
            .expect("the server tells");
        Self { client, told }
    }

    /// What PostgreSQL makes of a statement; `None` where it refuses it.
    async fn reads(&mut self, sql: &str) -> Option<(Statement, Columns)> {
        while self.told.try_recv().is_ok() {}
        let statement = self.client.prepare(sql).await.ok()?;
        let mut used = Columns::default();
        while let Ok(tree) = self.told.try_recv() {
            used.add(&tree);
        }
        Some((statement, used))
    }
}

impl Columns {
    /// The columns of which a tree says that its user must be allowed to read or change them.
    fn add(&mut self, tree: &str) {
        let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        for entry in tree.split(":rtekind 0 :relid ").skip(1) {
            let relation = entry.split(' ').next().and_then(|oid| oid.parse().ok()).expect("an OID");
            let columns = |kind: &str| -> Vec<Used> {
                let rest = entry.split_once(kind).and_then(|(_, rest)| rest.split_once(')'));
                // Numbers begin at that of the first system column.
                let numbers = rest.expect("columns").0.split_whitespace();
                numbers.map(|number| (relation, number.parse::<i32>().expect("a number") - 7)).collect()
            };
            self.read.extend(columns(":selectedCols (b"));
            self.given.extend(columns(":insertedCols (b").into_iter().chain(columns(":updatedCols (b")));
        }
    }

    /// The same of a statement's facts.
    fn of(facts: &Facts, snapshot: &Snapshot) -> Self {
        let mut used = Self::default();
        for column in &facts.columns {
            let numbered = number(snapshot, column.relation.as_deref(), &column.name);
            if column.uses.contains(&Use::Assignment) {
                used.given.insert(numbered);
            }
            if column.uses.iter().any(|how| *how != Use::Assignment) {
                used.read.insert(numbered);
            }
        }
        used
    }
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

/// What is wrong with the facts of a statement.
fn problem(facts: &Facts, wanted: Columns, statement: &Statement, snapshot: &Snapshot) -> Option<String> {
    if facts.unparsed.is_some() || !facts.unknown.is_empty() || facts.outdated {
        return Some(format!("{:?} {:?} {}", facts.unparsed, facts.unknown, facts.outdated));
    }
    let found = Columns::of(facts, snapshot);
    let wanted = Columns { read: spelled_out(wanted.read, snapshot), ..wanted };
    let missed: Vec<_> = wanted.read.difference(&found.read).chain(wanted.given.difference(&found.given)).collect();
    // Which of a view's columns change what of what it shows is not told apart.
    let targets = facts.references.iter().filter(|reference| reference.role == Role::Target);
    let targets: BTreeSet<Option<u32>> =
        targets.map(|target| Some(snapshot.relation_in("public", &target.name)?.oid())).collect();
    let more = found.given.difference(&wanted.given).filter(|(relation, _)| targets.contains(&Some(*relation)));
    let added: Vec<_> = found.read.difference(&wanted.read).chain(more).collect();
    if !missed.is_empty() || !added.is_empty() {
        return Some(format!("missed {missed:?}, added {added:?}, {:?}", facts.columns));
    }
    result(facts, statement, snapshot)
}

/// What the result is made of, against what the server says of its columns.
fn result(facts: &Facts, statement: &Statement, snapshot: &Snapshot) -> Option<String> {
    let outputs = facts.outputs.as_ref()?;
    if outputs.len() != statement.columns().len() {
        return Some(format!("{} columns are foreseen, and there are {}", outputs.len(), statement.columns().len()));
    }
    outputs.iter().zip(statement.columns()).find_map(|(output, column)| {
        let bases: Vec<Used> =
            output.columns.iter().map(|base| number(snapshot, Some(&base.relation), &base.column)).collect();
        let origin = column.table_oid().zip(column.column_id()).map(|(relation, number)| (relation, i32::from(number)));
        let is_named = output.name.as_deref().is_none_or(|name| name == column.name());
        // Of what is passed through, the server says where it comes from.
        let is_traced = match origin {
            Some(origin) => bases == [origin] || bases.contains(&origin) && !output.bare,
            None => !output.bare,
        };
        (!is_named || !is_traced).then(|| format!("{output:?} is {} of {origin:?}", column.name()))
    })
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
    server.sql(&database, generator::RELATIONS);
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
    let (mut taken, mut refused, mut wrong) = (0_usize, 0_usize, Vec::new());
    while taken < count {
        let sql = generator.statement();
        let Some((statement, wanted)) = oracle.reads(&sql).await else {
            refused += 1;
            assert!(refused < 50 + 20 * (taken + 1), "hardly any statement is taken, as {sql}");
            continue;
        };
        let facts = reader.statement(&sql, &reading(names.clone(), &nothing)).await;
        if let Some(problem) = problem(&facts, wanted, &statement, &snapshot) {
            wrong.push(format!("{sql}\n{problem}"));
            assert!(wrong.len() < 5, "{}", wrong.join("\n\n"));
        }
        taken += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    println!("{taken} statements, {refused} refused");
}
