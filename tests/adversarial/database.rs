//! The database that is attacked, and whether anything in it changed.

use std::sync::Mutex;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::harness::{PASSWORD, Postgres};

const EXTENSIONS: [&str; 8] =
    ["dblink", "tablefunc", "xml2", "lo", "pgcrypto", "file_fdw", "postgres_fdw", "pg_stat_statements"];

/// Everything that a statement could leave behind, part by part.
const STATE: [(&str, &str); 12] = [
    ("customers", "select t::text from public.customers t"),
    ("orders", "select t::text from public.orders t"),
    ("secrets", "select t::text from public.secrets t"),
    ("salaries", "select t::text from hr.salaries t union all select t::text from hr.orders t"),
    ("others", "select t::text from log_orders t union all select t::text from parted t"),
    (
        "relations",
        "select concat_ws(' ', c.oid, relname, relnamespace, relkind, relowner, relacl, relrowsecurity, reloptions, \
         reltablespace) from pg_class c where relnamespace in (select oid from pg_namespace where nspname !~ '^pg_')",
    ),
    (
        "columns",
        "select concat_ws(' ', attrelid, attnum, attname, atttypid, attnotnull, attacl, attisdropped) \
         from pg_attribute where attrelid >= 16384",
    ),
    (
        "functions",
        "select concat_ws(' ', oid, proname, prosrc, proacl, proowner, proconfig) from pg_proc where oid >= 16384",
    ),
    (
        "objects",
        "select concat_ws(' ', classid, objid, objsubid, refclassid, refobjid, deptype) from pg_depend \
         where objid >= 16384 and classid <> 'pg_class'::regclass \
         union all select concat_ws(' ', objoid, description) from pg_description where objoid >= 16384 \
         union all select concat_ws(' ', oid, nspname, nspacl) from pg_namespace where nspname !~ '^pg_(toast_)?temp' \
         union all select rulename || definition from pg_rules where schemaname = 'public'",
    ),
    ("sequences", "select concat_ws(' ', schemaname, sequencename, last_value) from pg_sequences"),
    ("large objects", "select oid::text from pg_largeobject_metadata"),
    (
        "the server",
        "select to_jsonb(r)::text from pg_authid r union all select to_jsonb(m)::text from pg_auth_members m \
         union all select to_jsonb(s)::text from pg_db_role_setting s union all select gid from pg_prepared_xacts \
         union all select concat_ws(' ', slot_name) from pg_replication_slots \
         union all select concat_ws(' ', sourcefile, name, setting) from pg_file_settings where sourcefile ~ 'auto'",
    ),
];

/// A connection past sidegate.
pub struct Direct {
    runtime: Runtime,
    client: Client,
}

/// Digests of parts of the state, by name.
pub type State = Vec<(&'static str, String)>;

/// What came back: names of columns, rows, command tags without their words, or an error's SQLSTATE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
    pub sqlstate: Option<String>,
}

/// Makes the database that the cases run on.
pub fn prepare(server: &Postgres, name: &str) -> String {
    // Roles are the server's, and more than one test comes for them.
    static ROLES: Mutex<()> = Mutex::new(());
    let held = ROLES.lock().expect("nobody panics here");
    if server.sql("postgres", "select count(*) from pg_roles where rolname = 'svc'") == "0" {
        for role in ["svc", "hr_admin", "analyst", "witness"] {
            server.sql("postgres", &format!("create role {role} login password '{PASSWORD}'"));
        }
        server.sql("postgres", "grant hr_admin to svc; grant pg_read_all_data to witness");
    }
    drop(held);
    server.sql("postgres", &format!("create database {name}"));
    server.sql("postgres", &format!("alter database {name} owner to svc"));
    server.sql(name, "grant create on schema public to svc");
    for extension in EXTENSIONS {
        let offered = format!("select count(*) from pg_available_extensions where name = '{extension}'");
        if server.sql(name, &offered) == "1" {
            server.sql(name, &format!("create extension {extension}"));
        } else {
            // No case uses `file_fdw`, which is all that PostgreSQL 18's package lacks.
            assert_eq!(extension, "file_fdw", "`make tools` installs PostgreSQL with its extensions");
        }
    }
    server.sql(name, include_str!("schema.sql"));
    // Statements that delete this row would change nothing without it.
    server.sql(name, "insert into secrets values (77, 'TOPSECRET')");
    server.sql(
        name,
        &format!(
            "revoke temporary on database {name} from public; revoke execute on function get_ssn from public; \
             grant select on orders, customers to analyst"
        ),
    );
    name.to_owned()
}

impl Direct {
    /// As this role.
    pub fn open(server: &Postgres, database: &str, user: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(server.port).user(user).password(PASSWORD).dbname(database);
        config.connect_timeout(Duration::from_secs(20));
        let (client, connection) = runtime.block_on(config.connect(NoTls)).expect("the server takes it");
        runtime.spawn(connection);
        let direct = Self { runtime, client };
        direct.run("set search_path = public, pg_temp");
        direct
    }

    /// Runs what must succeed.
    pub fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Runs it and leaves nothing open.
    pub fn ask(&self, sql: &str) -> Outcome {
        let answer = self.runtime.block_on(self.client.simple_query(sql));
        let mut outcome = Outcome::default();
        match answer {
            Err(error) => {
                // What the driver cannot take is an answer without rows.
                outcome.sqlstate = Some(error.code().map_or("-----", |code| code.code()).to_owned());
            }
            Ok(messages) => {
                for message in messages {
                    if let SimpleQueryMessage::RowDescription(columns) = &message {
                        outcome.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                    }
                    if let SimpleQueryMessage::Row(row) = &message {
                        outcome.rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
                    }
                }
            }
        }
        outcome
    }

    /// A digest of each part of the state.
    pub fn state(&self) -> State {
        let parts: Vec<String> = STATE
            .iter()
            .map(|(_, rows)| format!("(select md5(string_agg(l, E'\\n' order by l)) from ({rows}) x(l))"))
            .collect();
        let answer = self.ask(&format!("select {}", parts.join(", ")));
        assert_eq!(answer.sqlstate, None);
        let digests = answer.rows[0].iter().map(|digest| digest.clone().unwrap_or_default());
        STATE.iter().map(|(part, _)| *part).zip(digests).collect()
    }
}
