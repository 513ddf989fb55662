//! What the role may do that sidegate logs in as, what is pinned for it, and what must not change by itself.

use std::process::Command;

use serde_json::Value;

use crate::harness::meddler::{Script, Then, cue, meddler};
use crate::harness::raw::{Raw, message, query, spell};
use crate::harness::{PASSWORD, Postgres, Setup, Sidegate, binary, postgres, postgres18, said, until};

fn check(sidegate: &Sidegate, format: &str) -> (Option<i32>, String) {
    let mut command = Command::new(binary());
    command.args(["check", "--upstream", "--database", &sidegate.database, "-f", format, "-c"]);
    let output = command.arg(sidegate.path("sidegate.yaml")).output().expect("it runs");
    (output.status.code(), said(&output))
}

/// A role with a bit of everything, as its own database's owner has made it over the years.
fn grown(server: &Postgres, role: &str, database: &str) -> String {
    let group = format!("{role}_group");
    server.sql(
        "postgres",
        &format!(
            "create role {role} login createdb createrole bypassrls replication password '{PASSWORD}';
             create role {group}; grant pg_monitor, pg_read_server_files to {group}; grant {group} to {role};"
        ),
    );
    server.sql(
        database,
        &format!(
            "grant create on schema public to {role}; create schema \"Odd\nName\" authorization {role};
             create table \"Odd\nName\".mine (id int); alter table \"Odd\nName\".mine owner to {role};
             grant create, temporary on database {database} to {role}; create extension dblink;
             create function tall(int) returns int language sql security definer as 'select 1';
             create procedure \"Tall P\"(a int, out b int) language sql security definer as 'select 1';
             grant select on customers to {role}"
        ),
    );
    group
}

fn mends(server: &'static Postgres, role: &str) {
    let sidegate = Setup::open().server(server).credential(role, PASSWORD);
    let database = server.database();
    let group = grown(server, role, &database);
    let sidegate = sidegate.database(&database).start();
    let (code, text) = check(&sidegate, "text");
    assert_eq!(code, Some(1), "{text}");
    for told in [
        "makes and changes roles",
        "sees through row security",
        "reads the whole server by replication",
        "makes temporary objects, which can take the place of others",
        "owns a schema: Odd Name",
        "runs as its owner, whatever the caller may do: public.Tall P, public.tall",
        "runs SQL that it is given as text",
        &format!("REVOKE pg_read_server_files FROM {group};"),
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.lines().any(|line| line == "ok"), "{text}");
    let answer: Value = serde_json::from_str(&check(&sidegate, "json").1).expect("it is JSON");
    assert_eq!((&answer["ok"], &answer["upstream"][0]["role"]), (&Value::Bool(false), &Value::String(role.to_owned())));
    let metric = || sidegate.metric("sidegate_upstream_excess_powers");
    until("the catalog", || {
        sidegate.psql(&["-c", "select count(*) from nosuch"]);
        (metric() > 0.0).then_some(())
    });
    let powers = answer["upstream"][0]["powers"].as_array().expect("a list").clone();
    assert_eq!(metric(), f64::from(u32::try_from(powers.len()).expect("few")));
    let warnings = || sidegate.stderr().iter().filter(|line| line.contains("may do more than statements need")).count();
    sidegate.psql(&["-c", "select count(*) from nosuch"]);
    assert_eq!(warnings(), 1, "once, as long as nothing changes");
    for power in powers {
        let remedy = power["remedy"].as_str().expect("a statement").replace("another_role", "app");
        server.sql(&database, &remedy);
    }
    let (code, text) = check(&sidegate, "text");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("has 0 powers") && text.ends_with("ok\n"), "{text}");
    until("a look at what was mended", || {
        sidegate.psql(&["-c", "select count(*) from nosuch"]);
        (metric() == 0.0).then_some(())
    });
    assert_eq!(said(&sidegate.psql(&["-c", "select count(*) from customers"])), "100\n", "it can still do its work");
}

#[test]
fn each_power_is_told_with_the_statement_that_takes_it_away() {
    mends(postgres(), "grown15");
}

#[test]
fn each_power_is_told_with_the_statement_that_takes_it_away_on_postgresql_18() {
    mends(postgres18(), "grown18");
}

#[test]
fn of_a_superuser_that_is_told() {
    let sidegate = Setup::open().start();
    let (code, text) = check(&sidegate, "text");
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("role app in") && text.contains("is a superuser: app\n    ALTER ROLE app NOSUPERUSER;"),
        "{text}"
    );
}

#[test]
fn an_upstream_that_does_not_answer_is_a_problem() {
    let sidegate = Setup::open().credential("app", "wrong").start();
    let (code, text) = check(&sidegate, "text");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("plugins.sidegate.listeners[0].upstream: ") && text.contains("28P01"), "{text}");
}

#[test]
fn what_statements_are_read_by_is_pinned_whatever_the_role_has_set() {
    for (server, role) in [(postgres(), "bent15"), (postgres18(), "bent18")] {
        let others = [
            ("standard_conforming_strings", "off", "on"),
            ("backslash_quote", "on", "safe_encoding"),
            ("transform_null_equals", "on", "off"),
            ("row_security", "off", "on"),
            ("bytea_output", "escape", "hex"),
            ("xmloption", "document", "content"),
            ("search_path", "hr", "public, pg_temp"),
        ];
        server.sql("postgres", &format!("create role {role} login password '{PASSWORD}'"));
        for (name, other, _) in others {
            server.sql("postgres", &format!("alter role {role} set {name} = '{other}'"));
        }
        let sidegate = Setup::open().server(server).credential(role, PASSWORD).start();
        for (name, other, pinned) in others {
            let script = [format!("show {name}"), format!("reset {name}"), format!("show {name}")];
            let arguments: Vec<&str> = script.iter().flat_map(|sql| ["-c", sql]).collect();
            assert_eq!(said(&sidegate.psql(&arguments)), format!("{pinned}\nRESET\n{pinned}\n"), "not {other}");
        }
    }
}

#[test]
fn a_client_may_be_allowed_what_is_pinned_for_others() {
    let sidegate = Setup::open().listener("startup_parameters: {allow: [bytea_output]}").start();
    let client = |options: &str| {
        let mut command = Command::new("psql");
        command.args(["-X", "-A", "-t", "-c", "show bytea_output"]).env("PGOPTIONS", options);
        said(&sidegate.environment(&mut command).output().expect("psql runs"))
    };
    assert_eq!(client(""), "hex\n", "the server's default");
    let mut client = Raw::silent(sidegate.port);
    let parameters = [("user", "alice"), ("database", sidegate.database.as_str()), ("bytea_output", "escape")];
    client.send(&crate::harness::raw::startup(&parameters));
    client.until_ready();
    client.send(&query("show bytea_output"));
    let shown = client.until_ready();
    assert!(shown.iter().any(|message| message.tag == 'D' && message.body.ends_with(b"escape")), "{shown:?}");
}

#[test]
fn a_setting_that_changes_by_itself_ends_the_session() {
    let status = |name: &str, value: &str| message('S', format!("{name}\0{value}\0").as_bytes());
    let done = [message('C', b"SELECT 0\0"), message('Z', b"I")].concat();
    let scripts =
        [("is_superuser", "off"), ("client_encoding", "SJIS"), ("TimeZone", "Mars"), ("in_hot_standby", "on")]
            .map(|(name, value)| Script { says: [status(name, value), done.clone()].concat(), then: Then::Waits });
    let sidegate = Setup::policy(
        "package policies.readers\n\nimport data.sidegate.sql\n\nallow contains \"reads\" if sql.reads_only\n\n\
         allow contains \"settings\" if input.sql.effects == [\"settings\"]\n",
    )
    .upstream(meddler(scripts.to_vec()))
    .start();
    for (script, ends) in [(0, true), (1, true), (2, false), (3, false)] {
        let mut client = Raw::open(sidegate.port, &sidegate.database);
        client.send(&query(&cue(script)));
        let answer = if ends { client.until_end() } else { client.until_ready() };
        let said = spell(&answer);
        assert_eq!(said, if ends { "E:42501" } else { "C:SELECT 0 Z:I" }, "{script}");
        if ends {
            assert_eq!(answer.last().expect("an error").field('S'), "FATAL");
            assert!(!answer.iter().any(|message| message.tag == 'S'), "the client is not told the value");
        }
    }
    let event = sidegate.event("its event", |event| {
        event["custom"]["sidegate"]["cause"] == "protocol"
            && event["result"]["reasons"].to_string().contains("is_superuser")
    });
    assert_eq!(event["custom"]["sidegate"]["outcome"], "denied");
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    assert_eq!(client.ask(&query("set search_path = public")), "C:SET Z:I");
    assert_eq!(client.ask(&query(&cue(1))), "C:SELECT 0 Z:I", "what ran before may explain it");
}

#[test]
fn check_finds_the_columns_that_bundles_name_and_tables_do_not_have() {
    let role = "column_reader";
    let rego = "package policies.shop\n\nimport data.pii\n\nallow contains \"everything\" if true\n\n\
        mask contains {\"column\": \"public.customers.email\", \"with\": {\"null\": {}}}\n\n\
        # \"public.customers.in_a_comment\"\n\
        mask contains {\"column\": \"public.customers.emial\", \"with\": {\"null\": {}}} if input.caller.subject == \"nobody\"\n\n\
        mask contains {\"column\": \"public.elsewhere.ssn\", \"with\": {\"null\": {}}}\n\n\
        deny contains \"unused\" if \"www.example.com\" in {x | some x in pii.columns}\n";
    for server in [postgres(), postgres18()] {
        server.sql("postgres", &format!("create role {role} login password '{PASSWORD}'"));
        let database = server.database();
        let sidegate = Setup::policy(rego).server(server).credential(role, PASSWORD).database(&database).start();
        let data = sidegate.path("bundle/pii/data.json");
        std::fs::create_dir_all(data.parent().expect("a folder")).expect("it is made");
        std::fs::write(&data, "{\"columns\": [\"public.orders.total\", \"public.orders.totals\"]}")
            .expect("it is written");
        let upstream = || {
            let answer: Value = serde_json::from_str(&check(&sidegate, "json").1).expect("it is JSON");
            answer["upstream"][0].clone()
        };
        let found = upstream();
        for power in found["powers"].as_array().expect("a list") {
            server.sql(&database, power["remedy"].as_str().expect("a statement"));
        }
        assert_eq!(found["columns"]["looked_up"], 4, "{found}");
        let missing: Vec<_> = found["columns"]["missing"].as_array().expect("a list").iter().collect();
        assert_eq!(missing.len(), 2, "{found}");
        for column in ["public.customers.emial", "public.orders.totals"] {
            assert!(missing.iter().any(|one| one["column"] == column), "{column}: {found}");
        }
        let (code, text) = check(&sidegate, "text");
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("of 4 columns that bundles name") && text.contains(": public.customers.emial"), "{text}");
        assert!(!text.lines().any(|line| line == "ok"), "{text}");
        server.sql(&database, "alter table customers add emial text; alter table orders add totals int");
        let (code, text) = check(&sidegate, "text");
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("0 do not exist there") && text.ends_with("ok\n"), "{text}");
    }
}
