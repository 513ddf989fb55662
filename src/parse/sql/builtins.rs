//! PostgreSQL's own functions. A name that is not here is somebody else's code.
//!
//! `builtins/table.txt` is what a PostgreSQL 15 server says (see `builtins/generate.sql`); what a
//! server cannot say, which of them reach for something by name or do more than compute, is
//! decided below. Of functions that only newer servers have, those that do no more than compute are in `builtins/newer.txt`
//! (in the same form): they count where the catalog has them, and the rest as unknown.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::parse::facts::Volatility;

/// A built-in function, over all overloads of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Builtin {
    /// Its name, without a schema.
    pub name: &'static str,
    /// The least strict volatility of its overloads.
    pub volatility: Volatility,
    /// What calling it amounts to.
    pub family: Family,
    /// Whether one of its overloads can be called with one argument, and so by field selection.
    pub unary: bool,
    /// Whether one of its overloads returns a set.
    pub set_returning: bool,
    /// Whether one of its overloads is an aggregate.
    pub aggregate: bool,
    /// Whether one of its overloads is a window function.
    pub window: bool,
    /// Whether an argument names a relation (`regclass`, or text read as one), whatever the family:
    /// a constant one is a reference, any other is `procedure`.
    pub names_relation: bool,
}

/// What calling a built-in amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    /// It computes a value from its arguments.
    Plain,
    /// Volatile, and still nothing but a value: the published list.
    HarmlessVolatile,
    /// It computes a value about a relation that an argument names.
    RegArgument,
    /// Code, or something named by a value, that the sidecar cannot read.
    Procedure,
    /// It changes what the database stores: sequences, large objects, how many transactions there were.
    Write,
    /// It wakes other sessions.
    Notify,
    /// It reaches the server's files.
    File,
    /// It changes a setting.
    SetConfig,
    /// It reads a setting.
    CurrentSetting,
    /// It gives back every advisory lock of the session, or says what `random()` gives in it.
    Session,
}

/// The built-in of that name in `pg_catalog`; the name folded as PostgreSQL folds it.
pub(super) fn lookup(name: &str) -> Option<&'static Builtin> {
    TABLE.get(name)
}

/// The built-in of that name in that schema (`pg_catalog` or `information_schema`).
pub(super) fn lookup_in(schema: &str, name: &str) -> Option<&'static Builtin> {
    match schema {
        "pg_catalog" => lookup(name),
        "information_schema" => INFORMATION_SCHEMA.get(name),
        _ => None,
    }
}

/// The same of a function that a PostgreSQL 15 server does not have.
pub(super) fn newer(name: &str) -> Option<&'static Builtin> {
    NEWER.get(name)
}

static NEWER: LazyLock<HashMap<&'static str, Builtin>> = LazyLock::new(|| {
    include_str!("builtins/newer.txt").lines().filter_map(|line| line.split_once(' ')).map(entry).collect()
});

static TABLE: LazyLock<HashMap<&'static str, Builtin>> =
    LazyLock::new(|| lines().filter(|(name, _)| !name.contains('.')).map(entry).collect());

static INFORMATION_SCHEMA: LazyLock<HashMap<&'static str, Builtin>> = LazyLock::new(|| {
    lines().filter_map(|(name, flags)| Some((name.strip_prefix("information_schema.")?, flags))).map(entry).collect()
});

const GENERATED: &str = include_str!("builtins/table.txt");

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    GENERATED.lines().filter_map(|line| line.split_once(' '))
}

fn entry((name, flags): (&'static str, &'static str)) -> (&'static str, Builtin) {
    let volatility = match flags.chars().next() {
        Some('i') => Volatility::Immutable,
        Some('s') => Volatility::Stable,
        Some(_) | None => Volatility::Volatile,
    };
    let names_relation = flags.contains('c') || NAMES_A_RELATION.contains(&name);
    let builtin = Builtin {
        name,
        volatility,
        family: family(name, volatility, flags.contains('l'), names_relation),
        unary: flags.contains('u'),
        set_returning: flags.contains('r'),
        aggregate: flags.contains('a'),
        window: flags.contains('w'),
        names_relation,
    };
    (name, builtin)
}

fn family(name: &str, volatility: Volatility, machinery: bool, names_relation: bool) -> Family {
    match name {
        "set_config" => return Family::SetConfig,
        "current_setting" => return Family::CurrentSetting,
        "pg_notify" => return Family::Notify,
        "pg_advisory_unlock_all" | "setseed" => return Family::Session,
        "nextval" | "setval" | "loread" | "lowrite" | "txid_current" | "pg_current_xact_id" => return Family::Write,
        _ => {}
    }
    if FILES.contains(&name) || name.starts_with("pg_ls_") || name.starts_with("pg_read_") {
        return Family::File;
    }
    if name.starts_with("lo_") {
        return Family::Write;
    }
    if machinery || is_procedure(name) {
        return Family::Procedure;
    }
    match volatility {
        Volatility::Volatile if HARMLESS_VOLATILE.contains(&name) => Family::HarmlessVolatile,
        Volatility::Volatile => Family::Procedure,
        Volatility::Immutable | Volatility::Stable if names_relation => Family::RegArgument,
        Volatility::Immutable | Volatility::Stable => Family::Plain,
    }
}

/// Whatever their volatility: what takes SQL, a relation, a schema, a cursor or a session by name
/// and shows what is behind it.
fn is_procedure(name: &str) -> bool {
    PROCEDURES.iter().any(|pattern| fits(pattern, name))
}

/// Whether this procedure writes out what the catalogs hold, and shows nothing else.
pub(super) fn describes(name: &str) -> bool {
    DESCRIBE.iter().any(|pattern| fits(pattern, name))
}

/// Whether names mean the same after a call of this procedure.
pub(super) fn keeps_session(name: &str) -> bool {
    KEEP_SESSION.iter().any(|pattern| fits(pattern, name))
}

/// Whether a name is of a pattern, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, mut pattern)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    while let Some((part, rest)) = pattern.split_once('*') {
        let Some((_, after)) = name.split_once(part) else { return false };
        (name, pattern) = (after, rest);
    }
    name.ends_with(pattern)
}

/// Volatile built-ins that do nothing but compute a value: the published list.
const HARMLESS_VOLATILE: &[&str] = &[
    "array_sample",
    "array_shuffle",
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "pg_collation_actual_version",
    "pg_database_collation_actual_version",
    "pg_database_size",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_jit_available",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_relation_size",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "random",
    "random_normal",
    "timeofday",
    "uuidv4",
    "uuidv7",
];

/// Whatever their volatility, more than a value: SQL in a text, other sessions' data, source code,
/// every setting at once. The published list.
const PROCEDURES: &[&str] = &[
    "*_backend",
    "*_to_xml*",
    "binary_upgrade_*",
    "currtid2",
    "pg_cursor",
    "pg_describe_object",
    "pg_event_trigger_*",
    "pg_get_*_sqlbody",
    "pg_get_*def*",
    "pg_get_object_address",
    "pg_get_replication_slots",
    "pg_identify_object*",
    "pg_logical_*",
    "pg_stat_get_*",
    "pg_available_extension_versions",
    "pg_available_extensions",
    "pg_config",
    "pg_extension_update_paths",
    "pg_listening_channels",
    "pg_prepared_statement",
    "pg_show_all_settings",
    "ts_rewrite",
    "ts_stat",
];

/// Of these, the ones that run nobody's code: whatever they show, the session is the same afterwards. The
/// published list.
const KEEP_SESSION: &[&str] = &[
    "pg_*advisory*",
    "pg_available_extension_versions",
    "pg_available_extensions",
    "pg_cancel_backend",
    "pg_cursor",
    "pg_describe_object",
    "pg_get_*_sqlbody",
    "pg_get_*def*",
    "pg_get_object_address",
    "pg_get_replication_slots",
    "pg_identify_object*",
    "pg_listening_channels",
    "pg_prepared_statement",
    "pg_show_all_settings",
    "pg_sleep*",
    "pg_stat_get_*",
    "pg_terminate_backend",
];

/// Of those, the ones that write out a definition, which rows of the catalogs hold as well, and what views that hold no
/// rows of anybody's call. The published list.
const DESCRIBE: &[&str] = &[
    "pg_available_extension_versions",
    "pg_available_extensions",
    "pg_describe_object",
    "pg_get_*_sqlbody",
    "pg_get_*def*",
    "pg_get_object_address",
    "pg_get_replication_slots",
    "pg_identify_object*",
];

/// Functions of the server's files that no prefix tells.
const FILES: &[&str] = &[
    "lo_export",
    "lo_import",
    "pg_current_logfile",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_show_all_file_settings",
    "pg_stat_file",
];

/// Functions that read a text (or an oid) as a relation without saying `regclass`.
const NAMES_A_RELATION: &[&str] = &[
    "has_any_column_privilege",
    "has_column_privilege",
    "has_sequence_privilege",
    "has_table_privilege",
    "pg_get_serial_sequence",
    "regclass",
    "row_security_active",
    "to_regclass",
];

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(in crate::parse::sql) use tests::published;
