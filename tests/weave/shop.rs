//! A database, what its catalog says, and statements read and woven as a session would.

use std::process::Command;
use std::sync::Arc;

use sidegate::catalog::{Builder, Snapshot, Table};
use sidegate::decide::Masks;
use sidegate::enforce::{Earlier, Views, Woven, guard, guarded, views_of, weave_with};
use sidegate::parse::{
    Encoding, Facts, Known, Names, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack, Trust,
};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::harness::{PASSWORD, postgres};

pub struct Shop {
    pub database: String,
    pub catalog: Arc<Snapshot>,
    reader: Reader,
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Shop {
    /// A database of its own.
    pub fn new(name: &str) -> Self {
        Self::open(name, "", &[])
    }

    /// The same with more in it.
    pub fn with(name: &str, more: &str) -> Self {
        Self::open(name, more, &[])
    }

    /// The same with whatever of these definitions the server takes.
    pub fn with_what_is_taken(name: &str, definitions: &[String]) -> Self {
        Self::open(name, "", definitions)
    }

    fn open(name: &str, more: &str, definitions: &[String]) -> Self {
        let server = postgres();
        server.sql("postgres", &format!("create database {name}"));
        server.sql(name, include_str!("../data/weave/shop.sql"));
        server.sql(name, more);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = connect(name).await;
            for definition in definitions {
                _ = client.batch_execute(definition).await;
            }
        });
        let catalog = Arc::new(runtime.block_on(survey(name)));
        let client = runtime.block_on(connect(name));
        let reader = Reader::new(1, 0, Stack::Ordinary).unwrap();
        Self { database: name.to_owned(), catalog, reader, runtime, client }
    }

    pub fn facts(&self, text: &str) -> Arc<Facts> {
        self.facts_after(text, &Remembered::new())
    }

    pub fn facts_after(&self, text: &str, known: &Remembered) -> Arc<Facts> {
        let public: Arc<str> = "public".into();
        let names = Names::Known(Known {
            path: [Arc::clone(&public)].into(),
            schema: Some(public),
            snapshot: Arc::clone(&self.catalog),
            trust: Trust::Fresh,
            functions: Trust::Fresh,
            searched: true,
            temporary: Arc::default(),
            defined: Arc::default(),
        });
        self.read(text, names, known)
    }

    fn read(&self, text: &str, names: Names, known: &Remembered) -> Arc<Facts> {
        let reading = Reading {
            quoting: Quoting::Standard,
            encoding: Encoding::Safe,
            names,
            read_only: true,
            limits: ReadingLimits::default(),
            prepared: known,
            cursors: known,
        };
        self.reader.statement_blocking(text, &reading)
    }

    pub fn weave(&self, text: &str, masks: &Masks) -> Result<Option<Woven>, String> {
        let facts = self.facts(text);
        let mut views = Views::default();
        for (view, definition) in views_of(&facts, masks, &self.catalog) {
            let names = Names::of_definitions(Arc::clone(&self.catalog));
            views.insert(view, self.read(definition, names, &Remembered::new()));
        }
        weave_with(text, &facts, masks, Some(&self.catalog), Earlier::default(), &views)
    }

    /// A statement in which no mask binds, with what its answer must look like.
    pub fn guarded(&self, text: &str, masks: &Masks) -> Woven {
        let guard = guard(masks, &self.catalog).unwrap();
        guarded(text, &self.facts(text), &self.catalog, &guard)
    }

    /// All that psql says of a text: rows, COPY, errors, notices.
    pub fn run(&self, text: &str) -> String {
        let output = Command::new("psql")
            .args(["-X", "-A", "-t", "-v", "VERBOSITY=verbose", "-h", "127.0.0.1", "-U", "app", "-d", &self.database])
            .args(["-p", &postgres().port.to_string(), "-c", text])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        crate::harness::said(&output)
    }

    /// The values of the last row of some statements, one column each; errors are the test's.
    pub fn last(&self, text: &str) -> Option<String> {
        self.runtime.block_on(async {
            let rows = self.client.simple_query(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let mut last = None;
            for message in rows {
                if let SimpleQueryMessage::Row(row) = message {
                    last = Some(row.get(0).map(str::to_owned));
                }
            }
            last.unwrap()
        })
    }

    /// The columns that the server describes: name, table, attribute number.
    pub fn described(&self, text: &str) -> Option<Vec<(String, u32, i16)>> {
        self.runtime.block_on(async {
            let statement = self.client.prepare(text).await.ok()?;
            let columns = statement.columns().iter();
            Some(
                columns
                    .map(|c| (c.name().to_owned(), c.table_oid().unwrap_or(0), c.column_id().unwrap_or(0)))
                    .collect(),
            )
        })
    }
}

pub fn masks(json: &str) -> Masks {
    serde_json::from_str(json).unwrap()
}

async fn connect(database: &str) -> tokio_postgres::Client {
    let config = format!("host=127.0.0.1 port={} user=app dbname={database} password='{PASSWORD}'", postgres().port);
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn survey(database: &str) -> Snapshot {
    let client = connect(database).await;
    client.batch_execute("set search_path = pg_catalog").await.unwrap();
    let mut builder = Builder::default();
    for table in Table::WHOLE.into_iter().chain([Table::Definitions]) {
        for message in client.simple_query(table.sql()).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                let values: Vec<_> = (0..row.len()).map(|at| row.get(at).map(str::as_bytes)).collect();
                builder.row(table, &values).unwrap();
            }
        }
    }
    builder.finish().unwrap()
}
