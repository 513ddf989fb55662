//! The questions themselves, the same for PostgreSQL 14 to 18. They expect `search_path = pg_catalog`, and read nothing
//! but catalogs that every role may read. No other session's temporary objects are asked for, nor what only stores other
//! things (indexes, TOAST).

/// One question.
pub(super) struct Question {
    /// What it is after, for people.
    pub(super) what: &'static str,
    /// The values of a row of its answer, in order.
    pub(super) columns: &'static [&'static str],
    /// Its text.
    pub(super) sql: &'static str,
}

/// Objects of PostgreSQL's own schemas and of those that anybody creates, not temporary ones.
macro_rules! lasting {
    ($column:literal) => {
        concat!($column, " in (select n.oid from pg_namespace n where n.nspname !~ '^pg_(temp_|toast)')")
    };
}

/// The same without PostgreSQL's own, whose rules are never followed.
macro_rules! users {
    ($column:literal) => {
        concat!(
            $column,
            " in (select n.oid from pg_namespace n where n.nspname !~ '^pg_(temp_|toast)'",
            " and n.nspname not in ('pg_catalog', 'information_schema'))"
        )
    };
}

/// Relations that have rows or columns.
macro_rules! relations {
    () => {
        concat!(
            "c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and c.relpersistence <> 't' and ",
            lasting!("c.relnamespace")
        )
    };
}

/// A rule that is read. What is longer leads to what nobody has looked at: one such must not cost the whole look.
macro_rules! short_rule {
    () => {
        "octet_length(r.ev_action::text) <= 1048576"
    };
}

/// What a rule's tree hashes to: another one means something else.
macro_rules! tree {
    () => {
        "encode(sha256(convert_to(r.ev_action::text, getdatabaseencoding())), 'hex')"
    };
}

/// Functions that a tree of an expression calls.
macro_rules! called {
    () => {
        "':(?:funcid|opfuncid|aggfnoid|winfnoid|tsmhandler) (\\d+)'"
    };
}

/// Functions that do more than compute, as far as that can be told here.
macro_rules! notable {
    ($function:literal) => {
        concat!("(", $function, ".pronamespace <> 11 or ", $function, ".provolatile = 'v')")
    };
}

mod unasked;

pub(super) use self::unasked::{ATTACHED, DOMAIN_FUNCTIONS, EVENT_TRIGGERS, FOREIGN_KEYS, POLICY_RELATIONS};

/// Version, database, role: one row.
pub(super) const SERVER: Question = Question {
    what: "the server's own data",
    columns: &["version", "database", "user", "oid", "superuser", "encoding"],
    sql: "select current_setting('server_version_num'), current_database(), r.rolname, r.oid, r.rolsuper, \
                 getdatabaseencoding() from pg_roles r where r.rolname = current_user",
};

/// Schemas.
pub(super) const NAMESPACES: Question = Question {
    what: "schemas",
    columns: &["oid", "nspname", "usage", "create"],
    sql: concat!(
        "select s.oid, s.nspname, coalesce(has_schema_privilege(s.oid, 'usage'), false), ",
        "coalesce(has_schema_privilege(s.oid, 'create'), false) from pg_namespace s where ",
        lasting!("s.oid")
    ),
};

/// Tables, views, sequences, composite types.
pub(super) const RELATIONS: Question = Question {
    what: "relations",
    columns: &[
        "oid",
        "relnamespace",
        "relname",
        "relkind",
        "relowner",
        "reltype",
        "relrowsecurity",
        "relforcerowsecurity",
        "relispartition",
        "triggers",
    ],
    sql: concat!(
        "select c.oid, c.relnamespace, c.relname, c.relkind, c.relowner, c.reltype, c.relrowsecurity, ",
        "c.relforcerowsecurity, c.relispartition, c.relhastriggers and exists (select from pg_trigger t ",
        "where t.tgrelid = c.oid and not t.tgisinternal) from pg_class c where ",
        relations!()
    ),
};

/// Their columns.
pub(super) const COLUMNS: Question = Question {
    what: "columns",
    columns: &[
        "attrelid",
        "attnum",
        "attname",
        "atttypid",
        "atttypmod",
        "attcollation",
        "attnotnull",
        "is_key",
        "atthasdef",
        "attgenerated",
        "attidentity",
    ],
    sql: concat!(
        "select a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attnotnull, ",
        "coalesce(a.attnum = any (k.conkey), false), a.atthasdef, a.attgenerated, a.attidentity ",
        "from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_constraint k on k.conrelid = a.attrelid ",
        "and k.contype = 'p' and not k.condeferrable where a.attnum > 0 and not a.attisdropped and ",
        relations!()
    ),
};

/// Children and partitions.
pub(super) const INHERITANCE: Question = Question {
    what: "inheritance",
    columns: &["inhparent", "inhrelid"],
    sql: concat!(
        "select i.inhparent, i.inhrelid from pg_inherits i join pg_class c on c.oid = i.inhrelid ",
        "where ",
        relations!()
    ),
};

/// Rules, and so views.
pub(super) const RULES: Question = Question {
    what: "rules",
    columns: &["oid", "ev_class", "rulename", "ev_type", "is_instead", "ev_enabled", "whole_rows", "read", "tree"],
    sql: concat!(
        "select r.oid, r.ev_class, r.rulename, r.ev_type, r.is_instead, r.ev_enabled, ",
        "case when ",
        short_rule!(),
        " then position(':varattno 0 ' in r.ev_action::text) > 0 else true end, ",
        short_rule!(),
        ", case when ",
        short_rule!(),
        " then ",
        tree!(),
        " else '' end from pg_rewrite r join pg_class c on c.oid = r.ev_class where ",
        relations!(),
        " and ",
        users!("c.relnamespace")
    ),
};

/// Relations and columns that rules name.
pub(super) const RULE_RELATIONS: Question = Question {
    what: "relations of rules",
    columns: &["objid", "refobjid", "refobjsubid"],
    sql: concat!(
        "select d.objid, d.refobjid, d.refobjsubid from pg_depend d join pg_rewrite r on r.oid = d.objid ",
        "join pg_class c on c.oid = r.ev_class where d.classid = 'pg_rewrite'::regclass ",
        "and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0 and d.refobjid <> r.ev_class and ",
        relations!(),
        " and ",
        users!("c.relnamespace"),
        " union select r.oid, m[1]::oid, 0 from pg_rewrite r join pg_class c on c.oid = r.ev_class ",
        "cross join regexp_matches(r.ev_action::text, ':relid (\\d+)', 'g') m ",
        "where m[1]::oid not in (0, r.ev_class) and ",
        short_rule!(),
        " and ",
        relations!(),
        " and ",
        users!("c.relnamespace")
    ),
};

/// Functions that rules call.
pub(super) const RULE_FUNCTIONS: Question = Question {
    what: "functions of rules",
    columns: &["objid", "refobjid"],
    sql: concat!(
        "select distinct r.oid, m[1]::oid from pg_rewrite r join pg_class c on c.oid = r.ev_class ",
        "cross join regexp_matches(r.ev_action::text, ",
        "':(?:funcid|opfuncid|aggfnoid|winfnoid|tsmhandler) (\\d+)', 'g') m where m[1] <> '0' and ",
        short_rule!(),
        " and ",
        relations!(),
        " and ",
        users!("c.relnamespace")
    ),
};

/// Columns that generated columns are made of.
pub(super) const GENERATED: Question = Question {
    what: "generated columns",
    columns: &["adrelid", "adnum", "column"],
    sql: concat!(
        "select distinct d.adrelid, d.adnum, m.m from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid ",
        "and a.attnum = d.adnum join pg_class c on c.oid = d.adrelid cross join lateral (",
        "select (regexp_matches(d.adbin::text, ':varattno (\\d+)', 'g'))[1] ",
        "where octet_length(d.adbin::text) <= 1048576 union select '0' where octet_length(d.adbin::text) > 1048576) m(m) ",
        "where a.attgenerated <> '' and ",
        relations!(),
        " and ",
        users!("c.relnamespace")
    ),
};

/// Functions, procedures, aggregates.
pub(super) const FUNCTIONS: Question = Question {
    what: "functions",
    columns: &[
        "oid",
        "pronamespace",
        "proname",
        "prokind",
        "proargtypes",
        "pronargdefaults",
        "provariadic",
        "prorettype",
        "provolatile",
        "prosecdef",
        "proleakproof",
        "proretset",
        "proisstrict",
        "lanname",
        "proconfig",
    ],
    sql: concat!(
        "select p.oid, p.pronamespace, p.proname, p.prokind, p.proargtypes, p.pronargdefaults, p.provariadic, ",
        "p.prorettype, p.provolatile, p.prosecdef, p.proleakproof, p.proretset, p.proisstrict, l.lanname, ",
        "to_json(p.proconfig) from pg_proc p join pg_language l on l.oid = p.prolang where ",
        lasting!("p.pronamespace")
    ),
};

/// Functions that aggregates are computed by.
pub(super) const AGGREGATES: Question = Question {
    what: "aggregates",
    columns: &["aggfnoid", "function"],
    sql: concat!(
        "select a.aggfnoid::oid, f.f::oid from pg_aggregate a join pg_proc p on p.oid = a.aggfnoid ",
        "cross join lateral (values (a.aggtransfn::oid), (a.aggfinalfn::oid), (a.aggcombinefn::oid), ",
        "(a.aggserialfn::oid), (a.aggdeserialfn::oid), (a.aggmtransfn::oid), (a.aggminvtransfn::oid), ",
        "(a.aggmfinalfn::oid)) f(f) where f.f <> 0 and ",
        users!("p.pronamespace")
    ),
};

/// Operators.
pub(super) const OPERATORS: Question = Question {
    what: "operators",
    columns: &["oid", "oprnamespace", "oprname", "oprleft", "oprright", "oprresult", "oprcode"],
    sql: concat!(
        "select o.oid, o.oprnamespace, o.oprname, o.oprleft, o.oprright, o.oprresult, o.oprcode::oid ",
        "from pg_operator o where ",
        lasting!("o.oprnamespace")
    ),
};

/// Casts.
pub(super) const CASTS: Question = Question {
    what: "casts",
    columns: &["castsource", "casttarget", "castfunc", "castcontext", "castmethod"],
    sql: "select castsource, casttarget, castfunc, castcontext, castmethod from pg_cast",
};

/// Types.
pub(super) const TYPES: Question = Question {
    what: "types",
    columns: &[
        "oid",
        "typnamespace",
        "typname",
        "typtype",
        "typcategory",
        "typispreferred",
        "typrelid",
        "typelem",
        "typarray",
        "typbasetype",
        "typtypmod",
        "typnotnull",
        "typcollation",
        "subtype",
    ],
    sql: concat!(
        "select t.oid, t.typnamespace, t.typname, t.typtype, t.typcategory, t.typispreferred, t.typrelid, ",
        "t.typelem, t.typarray, t.typbasetype, t.typtypmod, t.typnotnull, t.typcollation, ",
        "coalesce(g.rngsubtype, h.rngsubtype, 0) from pg_type t left join pg_range g on g.rngtypid = t.oid ",
        "left join pg_range h on h.rngmultitypid = t.oid where ",
        lasting!("t.typnamespace")
    ),
};

/// What domains check.
pub(super) const DOMAIN_CONSTRAINTS: Question = Question {
    what: "constraints of domains",
    columns: &["contypid", "definition"],
    sql: concat!(
        "select k.contypid, coalesce(pg_get_constraintdef(k.oid), '') from pg_constraint k ",
        "join pg_type t on t.oid = k.contypid where ",
        lasting!("t.typnamespace")
    ),
};

/// Collations that columns and types have.
pub(super) const COLLATIONS: Question = Question {
    what: "collations",
    columns: &["oid", "collnamespace", "collname", "collisdeterministic"],
    sql: "select l.oid, l.collnamespace, l.collname, l.collisdeterministic from pg_collation l \
                 where l.oid in (select a.attcollation from pg_attribute a) \
                 or l.oid in (select t.typcollation from pg_type t)",
};

/// Extensions.
pub(super) const EXTENSIONS: Question = Question {
    what: "extensions",
    columns: &["oid", "extname", "extversion"],
    sql: "select e.oid, e.extname, e.extversion from pg_extension e",
};

/// Processes of sessions in the database. The rest does without them.
pub(super) const BACKENDS: Question = Question {
    what: "processes",
    columns: &["pid"],
    sql: "select pg_stat_get_backend_pid(b.b) from pg_stat_get_backend_idset() b(b)",
};

/// What the role may do beyond what statements need. It is for people, and the rest does without it.
pub(super) const POWERS: Question =
    Question { what: "what the role may do", columns: &["what", "object", "remedy"], sql: super::powers::SQL };

/// The text of rules. It waits for locks, so it is asked for by itself, and most does without it.
pub(super) const DEFINITIONS: Question = Question {
    what: "texts of rules",
    columns: &["oid", "tree", "definition"],
    sql: concat!(
        "select r.oid, ",
        tree!(),
        ", case when length(d.d) <= 65536 then d.d end ",
        "from pg_rewrite r join pg_class c on c.oid = r.ev_class cross join lateral (select case ",
        "when c.relkind in ('v', 'm') and r.ev_type = '1' then pg_get_viewdef(c.oid) ",
        "else pg_get_ruledef(r.oid) end) d(d) where ",
        short_rule!(),
        " and ",
        relations!(),
        " and ",
        users!("c.relnamespace")
    ),
};
