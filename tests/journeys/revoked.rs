//! A role that may not call what sidegate asks the catalog with: somebody has revoked it from everybody.

use crate::harness::{PASSWORD, Postgres, Setup, Sidegate, postgres, postgres18, said, until};

const POLICY: &str = "package policies.shop\n\n\
    allow contains \"everything\" if true\n\n\
    deny contains \"no code of others\" if {\n\tsome f in input.sql.functions\n\tnot f.builtin\n}\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

/// What nobody may see.
const SECRET: &str = "@example.com";

fn start(server: &'static Postgres, role: &str, revoked: &str) -> Sidegate {
    let database = server.database();
    server.sql(
        &database,
        &format!(
            "do $$ begin create role {role} login password '{PASSWORD}'; exception when duplicate_object then null; end $$;
             create view mails as select id, email from customers;
             create function told() returns trigger language plpgsql as 'begin return new; end';
             create table noted (id int check (id > 0)); create trigger told before insert on noted for each row execute function told();
             grant select, insert on customers, mails, noted, orders to {role}; revoke execute on function {revoked} from public"
        ),
    );
    Setup::policy(POLICY).server(server).credential(role, PASSWORD).database(&database).start()
}

fn answer(sidegate: &Sidegate, sql: &str) -> String {
    let text = said(&sidegate.psql(&["-Atc", sql]));
    assert!(!text.contains(SECRET), "{sql}: {text}");
    text
}

/// What each statement is told, once it is known whether the catalog can be read.
fn told(sidegate: &Sidegate, wanted: [(&str, &str); 3]) {
    until("the catalog or why it was not read", || {
        let read = answer(sidegate, "select id from customers where id = 1").starts_with('1');
        let why =
            sidegate.stderr().iter().any(|line| line.contains("a catalog was not read") && line.contains("42501"));
        (read || why).then_some(())
    });
    for (sql, told) in wanted {
        let text = answer(sidegate, sql);
        assert!(text.contains(told), "{sql}: {text}");
    }
    assert_eq!(answer(sidegate, "select 1"), "1\n");
}

const TABLE: &str = "select id, email from customers where id = 1";
const VIEW: &str = "select id, email from mails where id = 1";
const TRIGGER: &str = "insert into noted values (1)";

fn nothing_is_shown_for_lack_of_rights(server: &'static Postgres, role: &str) {
    for revoked in ["pg_get_viewdef(oid)", "pg_get_ruledef(oid)"] {
        let sidegate = start(server, role, revoked);
        told(&sidegate, [(TABLE, "1|***"), (VIEW, "its definition could not be read"), (TRIGGER, "no code of others")]);
    }
    for revoked in ["pg_get_constraintdef(oid)", "has_schema_privilege(oid, text)", "to_json(anyelement)"] {
        let sidegate = start(server, role, revoked);
        let unknown = "`sql.functions`, which is not known";
        told(&sidegate, [(TABLE, unknown), (VIEW, unknown), (TRIGGER, unknown)]);
    }
    for revoked in ["pg_stat_get_backend_idset()", "pg_my_temp_schema()"] {
        let sidegate = start(server, role, revoked);
        told(&sidegate, [(TABLE, "1|***"), (VIEW, "1|***"), (TRIGGER, "no code of others")]);
    }
}

#[test]
fn a_role_that_may_not_ask_the_catalog_is_shown_nothing_on_15() {
    nothing_is_shown_for_lack_of_rights(postgres(), "revoked15");
}

#[test]
fn a_role_that_may_not_ask_the_catalog_is_shown_nothing_on_18() {
    nothing_is_shown_for_lack_of_rights(postgres18(), "revoked18");
}
