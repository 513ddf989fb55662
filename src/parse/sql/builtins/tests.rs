use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::*;

/// The names after a heading of the documentation, up to the next empty line.
pub(in crate::parse::sql) fn published(heading: &str) -> Vec<&'static str> {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/input.md"));
    let (_, after) = page.split_once(&format!("**{heading}**")).unwrap();
    let (paragraph, _) = after.split_once("\n\n").unwrap();
    let (_, list) = paragraph.split_once(":\n").unwrap();
    list.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_lists_of_functions_are_published() {
    assert_eq!(published("Volatile functions that are a `read`"), HARMLESS_VOLATILE);
    assert_eq!(published("Functions that are a `procedure`"), PROCEDURES);
    assert_eq!(published("Procedures that leave the session as it was"), KEEP_SESSION);
    assert_eq!(published("Procedures that describe"), DESCRIBE);
    assert_eq!(published("Functions that are a `file`"), FILES);
}

#[test]
fn a_pattern_fits_what_it_says() {
    for (pattern, name, expected) in [
        ("pg_get_*def*", "pg_get_viewdef", true),
        ("pg_get_*def*", "pg_get_keywords", false),
        ("pg_get_*_sqlbody", "pg_get_function_sqlbody", true),
        ("*_backend", "pg_terminate_backend", true),
        ("*_backend", "pg_backend_pid", false),
        ("*_to_xml*", "query_to_xml_and_xmlschema", true),
        ("ts_stat", "ts_stats", false),
        ("pg_*advisory*", "pg_try_advisory_xact_lock", true),
    ] {
        assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
    }
}

fn family_of(name: &str) -> Option<Family> {
    lookup(name).map(|builtin| builtin.family)
}

#[test]
fn each_family_of_the_contract_has_its_functions() {
    let cases = [
        (
            Family::Plain,
            "lower now count jsonb_agg array_agg row_number generate_series version to_char string_agg \
            pg_get_expr format_type pg_typeof obj_description quote_ident json_populate_record pg_backend_pid \
            has_schema_privilege unnest",
        ),
        (
            Family::HarmlessVolatile,
            "random clock_timestamp gen_random_uuid pg_database_size pg_relation_size pg_table_size \
            pg_total_relation_size pg_indexes_size currval lastval",
        ),
        (
            Family::RegArgument,
            "pg_relation_filepath to_regclass regclass has_table_privilege pg_get_serial_sequence \
            row_security_active",
        ),
        (
            Family::Procedure,
            "query_to_xml table_to_xml schema_to_xml database_to_xml cursor_to_xml query_to_xmlschema \
            table_to_xml_and_xmlschema schema_to_xmlschema ts_stat ts_rewrite pg_stat_get_activity \
            pg_stat_get_backend_activity pg_sleep pg_sleep_for pg_advisory_lock pg_try_advisory_xact_lock \
            pg_advisory_unlock pg_terminate_backend pg_cancel_backend pg_get_viewdef pg_get_functiondef \
            pg_get_constraintdef pg_get_function_sqlbody pg_logical_slot_get_changes pg_logical_emit_message \
            pg_import_system_collations pg_reload_conf pg_export_snapshot pg_create_restore_point \
            currtid2 pg_show_all_settings domain_in record_in array_in regclassin textin plpgsql_call_handler \
            pg_replication_origin_create pg_stat_reset pg_promote pg_prepared_xact",
        ),
        (Family::Write, "nextval setval lo_create lo_from_bytea lo_put lo_get lo_unlink loread lowrite lo_open"),
        (Family::Notify, "pg_notify"),
        (
            Family::File,
            "pg_read_file pg_read_binary_file pg_ls_dir pg_ls_waldir pg_stat_file lo_import lo_export \
            pg_hba_file_rules pg_current_logfile",
        ),
        (Family::SetConfig, "set_config"),
        (Family::CurrentSetting, "current_setting"),
        (Family::Session, "pg_advisory_unlock_all setseed"),
    ];
    for (family, names) in cases {
        for name in names.split_whitespace() {
            assert_eq!(family_of(name), Some(family), "{name}");
        }
    }
}

#[test]
fn what_is_not_postgresqls_own_is_not_listed() {
    for name in ["dblink", "crosstab", "get_ssn", "coalesce", "LOWER", "pg_catalog.lower", "_pg_expandarray", ""] {
        assert_eq!(lookup(name), None, "{name}");
    }
    assert!(lookup_in("information_schema", "_pg_expandarray").is_some_and(|builtin| builtin.set_returning));
    assert!(lookup_in("pg_catalog", "lower").is_some());
    assert_eq!(lookup_in("public", "lower"), None);
}

#[test]
fn every_volatile_function_is_published_or_refused() {
    for builtin in TABLE.values().filter(|builtin| builtin.volatility == Volatility::Volatile) {
        assert_ne!(builtin.family, Family::Plain, "{}", builtin.name);
        assert_ne!(builtin.family, Family::RegArgument, "{}", builtin.name);
    }
}

#[test]
fn every_name_in_the_lists_is_a_function() {
    for list in [HARMLESS_VOLATILE, PROCEDURES, KEEP_SESSION, DESCRIBE, FILES, NAMES_A_RELATION] {
        for name in list {
            assert!(TABLE.keys().chain(NEWER.keys()).any(|known| fits(name, known)), "{name}");
        }
    }
}

#[test]
fn what_field_selection_can_call_is_marked() {
    for name in
        ["jsonb_agg", "to_json", "to_jsonb", "pg_read_file", "lower", "concat", "row_to_json", "pg_sleep", "count"]
    {
        assert!(lookup(name).unwrap().unary, "{name}");
    }
    for name in ["now", "replace", "row_number"] {
        assert!(!lookup(name).unwrap().unary, "{name}");
    }
}

/// A server in a directory of its own, reached by its unix socket, ended with the test.
struct Server {
    directory: tempfile::TempDir,
    binaries: PathBuf,
}

impl Server {
    fn start(binaries: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Self { directory, binaries: binaries.to_owned() };
        let path = server.directory.path().to_str().unwrap().to_owned();
        if is_root() {
            assert!(Command::new("chown").args(["postgres", &path]).status().unwrap().success());
        }
        server.run("initdb", &["-D", &format!("{path}/data"), "-U", "postgres", "-A", "trust", "--no-sync"]);
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{path}' -c fsync=off");
        server.run(
            "pg_ctl",
            &["-D", &format!("{path}/data"), "-w", "-l", &format!("{path}/log"), "-o", &options, "start"],
        );
        server
    }

    /// PostgreSQL does not run as root.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let output = command.args(arguments).current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.directory.path().join("data");
        self.run("pg_ctl", &["-D", data.to_str().unwrap(), "-m", "immediate", "-w", "stop"]);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn the_table_is_what_a_server_says() {
    let binaries = Path::new("/usr/lib/postgresql/15/bin");
    if !binaries.exists() {
        eprintln!("PostgreSQL 15 is not installed: the table was not compared with a server");
        return;
    }
    let server = Server::start(binaries);
    let script = server.directory.path().join("generate.sql");
    std::fs::write(&script, include_str!("generate.sql")).unwrap();
    let socket = server.directory.path().to_str().unwrap();
    let output = server
        .run("psql", &["-XqAt", "-h", socket, "-U", "postgres", "-d", "template1", "-f", script.to_str().unwrap()]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), GENERATED, "run builtins/generate.sql again");
}
