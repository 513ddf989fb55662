//! What one statement of a text does to the meaning of the next, and what a definition leaves behind.

use crate::harness::raw::{Raw, bind, execute, parse, query, sync};
use crate::harness::{Setup, Sidegate, postgres};

/// Everything is allowed in `public`, settings and definitions among it, and nothing else.
const PUBLIC: &str = "package policies.shop\n\nallow contains \"all of public\" if {\n\t\
    every relation in input.sql.relations {\n\t\trelation.schema in {\"public\", \"pg_catalog\"}\n\t}\n\t\
    not \"procedure\" in input.sql.effects\n}\n";

/// The same without settings.
const NO_SETTINGS: &str = "package policies.shop\n\nallow contains \"all of public\" if {\n\t\
    every relation in input.sql.relations {\n\t\trelation.schema in {\"public\", \"pg_catalog\"}\n\t}\n\t\
    every effect in input.sql.effects {\n\t\teffect in {\"read\", \"write\", \"ddl\", \"session\", \"transaction\"}\n\t}\n}\n";

fn open(policy: &str) -> (Sidegate, Raw) {
    let sidegate = Setup::policy(policy).start();
    postgres().sql(
        &sidegate.database,
        "create schema hidden; create table hidden.people (name text); create table public.people (name text); \
         insert into hidden.people values ('topsecret'); insert into public.people values ('everybody')",
    );
    let client = Raw::open(sidegate.port, &sidegate.database);
    (sidegate, client)
}

#[test]
fn a_statement_behind_a_setting_in_one_text_is_not_read_with_the_old_names() {
    let (_sidegate, mut client) = open(PUBLIC);
    let honest = client.say(&[query("select 1; select * from people")], 1);
    assert!(honest.contains("everybody"), "{honest}");
    let text = client.say(&[query("set search_path = hidden, public; select * from people")], 1);
    assert!(text.contains("C42501") && !text.contains("topsecret"), "{text}");
}

#[test]
fn what_a_text_prepares_before_it_moves_names_stands_for_nothing_afterwards() {
    let (_sidegate, mut client) = open(PUBLIC);
    let made = client.say(&[query("prepare p as select * from people; set search_path = hidden, public")], 1);
    assert!(!made.contains("C42501"), "{made}");
    let text = client.say(&[query("execute p")], 1);
    assert!(text.contains("SERROR") && !text.contains("topsecret"), "{text}");
}

#[test]
fn a_view_of_settings_does_not_set_them_unseen() {
    let (_sidegate, mut client) = open(NO_SETTINGS);
    let made = client.say(&[query("create view v as select * from pg_settings")], 1);
    assert!(made.contains("C42501"), "{made}");
    let update = "update v set setting = 'hidden, public' where name = 'search_path'";
    client.say(&[query(update)], 1);
    let text = client.say(&[parse("", "select * from people"), bind("", "", &[]), execute("", 0), sync()], 1);
    assert!(text.contains("everybody") && !text.contains("topsecret"), "{text}");
}

#[test]
fn what_a_domain_or_a_partition_key_would_run_is_refused_when_it_is_defined() {
    let (_sidegate, mut client) = open(NO_SETTINGS);
    let steals = "query_to_xml('select * from hidden.people', true, true, '')::text";
    for sql in [
        format!(
            "create domain d as text default {steals}; create table t (a d); insert into t default values returning a"
        ),
        format!("create table t (a text) partition by list (({steals}))"),
        format!(
            "create trigger g before update on people for each row when ({steals} is not null) \
                 execute function suppress_redundant_updates_trigger()"
        ),
    ] {
        let text = client.say(&[query(&sql)], 1);
        assert!(text.contains("SERROR") && !text.contains("topsecret"), "{sql}: {text}");
    }
}
