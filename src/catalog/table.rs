//! What a database is asked about itself: one text a table, the same for PostgreSQL 14 to 18.
//!
//! The texts expect `search_path = pg_catalog`, and read nothing but catalogs that every role may read. No other
//! session's temporary objects are asked for, nor what only stores other things (indexes, TOAST).

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

/// A part of a database's description of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Version, database, role: one row.
    Server,
    /// Schemas.
    Namespaces,
    /// Tables, views, sequences, composite types.
    Relations,
    /// Their columns.
    Columns,
    /// Children and partitions.
    Inheritance,
    /// Rules, and so views.
    Rules,
    /// Relations and columns that rules name.
    RuleRelations,
    /// Functions that rules call.
    RuleFunctions,
    /// Columns that generated columns are made of.
    Generated,
    /// Functions that run where relations are used.
    Attached,
    /// Functions that domains call.
    DomainFunctions,
    /// Functions, procedures, aggregates.
    Functions,
    /// Functions that aggregates are computed by.
    Aggregates,
    /// Operators.
    Operators,
    /// Casts.
    Casts,
    /// Types.
    Types,
    /// What domains check.
    DomainConstraints,
    /// Collations that columns and types have.
    Collations,
    /// Extensions.
    Extensions,
    /// Processes of sessions in the database. The rest does without them.
    Backends,
    /// What the role may do beyond what statements need. It is for people, and the rest does without it.
    Powers,
    /// The text of rules. It waits for locks, so it is asked for by itself, and most does without it.
    Definitions,
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

/// The question after generated columns. What is too long to be read may be made of any column.
const GENERATED: &str = concat!(
    "select distinct d.adrelid, d.adnum, m.m from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid ",
    "and a.attnum = d.adnum join pg_class c on c.oid = d.adrelid cross join lateral (",
    "select (regexp_matches(d.adbin::text, ':varattno (\\d+)', 'g'))[1] ",
    "where octet_length(d.adbin::text) <= 1048576 union select '0' where octet_length(d.adbin::text) > 1048576) m(m) ",
    "where a.attgenerated <> '' and ",
    relations!(),
    " and ",
    users!("c.relnamespace")
);

/// The question after what runs where relations are used: the relation, the occasion, the events as the bits of
/// `Events`, the function.
const ATTACHED: &str = concat!(
    "select distinct e.relation, e.occasion, e.events, f.f from (",
    "select t.tgrelid, 't', (t.tgtype >> 2) & 15, t.tgfoid::oid, coalesce(t.tgqual::text, '') from pg_trigger t ",
    // Up to 14 a partition's copy of a trigger is internal, as the triggers of foreign keys are.
    "join pg_proc g on g.oid = t.tgfoid where (not t.tgisinternal or t.tgparentid <> 0 and g.pronamespace <> 11) ",
    "and t.tgenabled <> 'D' union all ",
    "select o.polrelid, 'p', case o.polcmd when 'a' then 1 when 'w' then 20 when 'd' then 2 else 23 end, 0::oid, ",
    "concat(o.polqual::text, ' ', o.polwithcheck::text) from pg_policy o join pg_class s on s.oid = o.polrelid ",
    "where s.relrowsecurity union all ",
    "select k.conrelid, 'c', 5, 0::oid, k.conbin::text from pg_constraint k where k.contype = 'c' and k.conrelid <> 0 ",
    "union all ",
    "select d.adrelid, 'd', case a.attgenerated when 'v' then 21 else 5 end, 0::oid, d.adbin::text from pg_attrdef d ",
    "join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum union all ",
    "select i.indrelid, 'i', 5, 0::oid, concat(i.indexprs::text, ' ', i.indpred::text) from pg_index i ",
    "where i.indexprs is not null or i.indpred is not null union all ",
    "select q.partrelid, 'i', 5, 0::oid, q.partexprs::text from pg_partitioned_table q where q.partexprs is not null",
    ") e(relation, occasion, events, function, tree) join pg_class c on c.oid = e.relation ",
    "cross join lateral (select p.oid from pg_proc p where p.oid = e.function union ",
    "select p.oid from regexp_matches(case when octet_length(e.tree) <= 1048576 then e.tree else '' end, ",
    called!(),
    ", 'g') m join pg_proc p on p.oid = m[1]::oid where ",
    notable!("p"),
    " union select 0::oid where octet_length(e.tree) > 1048576) f(f) where ",
    relations!(),
    " and ",
    users!("c.relnamespace")
);

/// The question after functions of domains.
const DOMAIN_FUNCTIONS: &str = concat!(
    "select distinct t.oid, p.oid from pg_type t join lateral (select k.conbin::text from pg_constraint k ",
    "where k.contypid = t.oid union all select t.typdefaultbin::text) e(tree) on e.tree is not null ",
    "cross join regexp_matches(e.tree, ",
    called!(),
    ", 'g') m join pg_proc p on p.oid = m[1]::oid where t.typtype = 'd' and ",
    notable!("p"),
    " and ",
    users!("t.typnamespace")
);

/// The question after rules.
const RULES: &str = concat!(
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
);

/// The question after definitions.
const DEFINITIONS: &str = concat!(
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
);

/// The question after types.
const TYPES: &str = concat!(
    "select t.oid, t.typnamespace, t.typname, t.typtype, t.typcategory, t.typispreferred, t.typrelid, ",
    "t.typelem, t.typarray, t.typbasetype, t.typtypmod, t.typnotnull, t.typcollation, ",
    "coalesce(g.rngsubtype, h.rngsubtype, 0) from pg_type t left join pg_range g on g.rngtypid = t.oid ",
    "left join pg_range h on h.rngmultitypid = t.oid where ",
    lasting!("t.typnamespace")
);

/// The question after functions.
const FUNCTIONS: &str = concat!(
    "select p.oid, p.pronamespace, p.proname, p.prokind, p.proargtypes, p.pronargdefaults, p.provariadic, ",
    "p.prorettype, p.provolatile, p.prosecdef, p.proleakproof, p.proretset, p.proisstrict, l.lanname, ",
    "to_json(p.proconfig) from pg_proc p join pg_language l on l.oid = p.prolang where ",
    lasting!("p.pronamespace")
);

impl Table {
    /// All that one snapshot is made of.
    pub const WHOLE: [Self; 19] = [
        Self::Server,
        Self::Namespaces,
        Self::Relations,
        Self::Columns,
        Self::Inheritance,
        Self::Rules,
        Self::RuleRelations,
        Self::RuleFunctions,
        Self::Generated,
        Self::Attached,
        Self::DomainFunctions,
        Self::Functions,
        Self::Aggregates,
        Self::Operators,
        Self::Casts,
        Self::Types,
        Self::DomainConstraints,
        Self::Collations,
        Self::Extensions,
    ];

    /// The values of a row, in order.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Server => &["version", "database", "user", "oid", "superuser", "encoding"],
            Self::Namespaces => &["oid", "nspname", "usage", "create"],
            Self::Relations => &[
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
            Self::Columns => &[
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
            Self::Inheritance => &["inhparent", "inhrelid"],
            Self::Rules => {
                &["oid", "ev_class", "rulename", "ev_type", "is_instead", "ev_enabled", "whole_rows", "read", "tree"]
            }
            Self::RuleRelations => &["objid", "refobjid", "refobjsubid"],
            Self::RuleFunctions => &["objid", "refobjid"],
            Self::Generated => &["adrelid", "adnum", "column"],
            Self::Attached => &["relation", "occasion", "events", "function"],
            Self::DomainFunctions => &["domain", "function"],
            Self::Functions => &[
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
            Self::Aggregates => &["aggfnoid", "function"],
            Self::Operators => &["oid", "oprnamespace", "oprname", "oprleft", "oprright", "oprresult", "oprcode"],
            Self::Casts => &["castsource", "casttarget", "castfunc", "castcontext", "castmethod"],
            Self::Types => &[
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
            Self::DomainConstraints => &["contypid", "definition"],
            Self::Collations => &["oid", "collnamespace", "collname", "collisdeterministic"],
            Self::Extensions => &["oid", "extname", "extversion"],
            Self::Backends => &["pid"],
            Self::Powers => &["what", "object", "remedy"],
            Self::Definitions => &["oid", "tree", "definition"],
        }
    }

    /// The question.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Server => {
                "select current_setting('server_version_num'), current_database(), r.rolname, r.oid, r.rolsuper, \
                 getdatabaseencoding() from pg_roles r where r.rolname = current_user"
            }
            Self::Namespaces => concat!(
                "select s.oid, s.nspname, coalesce(has_schema_privilege(s.oid, 'usage'), false), ",
                "coalesce(has_schema_privilege(s.oid, 'create'), false) from pg_namespace s where ",
                lasting!("s.oid")
            ),
            Self::Relations => concat!(
                "select c.oid, c.relnamespace, c.relname, c.relkind, c.relowner, c.reltype, c.relrowsecurity, ",
                "c.relforcerowsecurity, c.relispartition, c.relhastriggers and exists (select from pg_trigger t ",
                "where t.tgrelid = c.oid and not t.tgisinternal) from pg_class c where ",
                relations!()
            ),
            Self::Columns => concat!(
                "select a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attnotnull, ",
                "coalesce(a.attnum = any (k.conkey), false), a.atthasdef, a.attgenerated, a.attidentity ",
                "from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_constraint k ",
                "on k.conrelid = a.attrelid and k.contype = 'p' and not k.condeferrable where a.attnum > 0 and not a.attisdropped and ",
                relations!()
            ),
            Self::Inheritance => concat!(
                "select i.inhparent, i.inhrelid from pg_inherits i join pg_class c on c.oid = i.inhrelid ",
                "where ",
                relations!()
            ),
            Self::Rules => RULES,
            // Dependencies on PostgreSQL's own are not recorded: the tree itself names those.
            Self::RuleRelations => concat!(
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
            Self::RuleFunctions => concat!(
                "select distinct r.oid, m[1]::oid from pg_rewrite r join pg_class c on c.oid = r.ev_class ",
                "cross join regexp_matches(r.ev_action::text, ",
                "':(?:funcid|opfuncid|aggfnoid|winfnoid|tsmhandler) (\\d+)', 'g') m where m[1] <> '0' and ",
                short_rule!(),
                " and ",
                relations!(),
                " and ",
                users!("c.relnamespace")
            ),
            Self::Generated => GENERATED,
            Self::Attached => ATTACHED,
            Self::DomainFunctions => DOMAIN_FUNCTIONS,
            Self::Functions => FUNCTIONS,
            // PostgreSQL's own are known to be harmless.
            Self::Aggregates => concat!(
                "select a.aggfnoid::oid, f.f::oid from pg_aggregate a join pg_proc p on p.oid = a.aggfnoid ",
                "cross join lateral (values (a.aggtransfn::oid), (a.aggfinalfn::oid), (a.aggcombinefn::oid), ",
                "(a.aggserialfn::oid), (a.aggdeserialfn::oid), (a.aggmtransfn::oid), (a.aggminvtransfn::oid), ",
                "(a.aggmfinalfn::oid)) f(f) where f.f <> 0 and ",
                users!("p.pronamespace")
            ),
            Self::Operators => concat!(
                "select o.oid, o.oprnamespace, o.oprname, o.oprleft, o.oprright, o.oprresult, o.oprcode::oid ",
                "from pg_operator o where ",
                lasting!("o.oprnamespace")
            ),
            Self::Casts => "select castsource, casttarget, castfunc, castcontext, castmethod from pg_cast",
            Self::Types => TYPES,
            Self::DomainConstraints => concat!(
                "select k.contypid, coalesce(pg_get_constraintdef(k.oid), '') from pg_constraint k ",
                "join pg_type t on t.oid = k.contypid where ",
                lasting!("t.typnamespace")
            ),
            Self::Collations => {
                "select l.oid, l.collnamespace, l.collname, l.collisdeterministic from pg_collation l \
                 where l.oid in (select a.attcollation from pg_attribute a) \
                 or l.oid in (select t.typcollation from pg_type t)"
            }
            Self::Extensions => "select e.oid, e.extname, e.extversion from pg_extension e",
            Self::Backends => {
                "select a.pid from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid()"
            }
            Self::Powers => super::powers::SQL,
            Self::Definitions => DEFINITIONS,
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "the server's own data",
            Self::Namespaces => "schemas",
            Self::Relations => "relations",
            Self::Columns => "columns",
            Self::Inheritance => "inheritance",
            Self::Rules => "rules",
            Self::RuleRelations => "relations of rules",
            Self::RuleFunctions => "functions of rules",
            Self::Generated => "generated columns",
            Self::Attached => "what runs unasked",
            Self::DomainFunctions => "functions of domains",
            Self::Functions => "functions",
            Self::Aggregates => "aggregates",
            Self::Operators => "operators",
            Self::Casts => "casts",
            Self::Types => "types",
            Self::DomainConstraints => "constraints of domains",
            Self::Collations => "collations",
            Self::Extensions => "extensions",
            Self::Backends => "processes",
            Self::Powers => "what the role may do",
            Self::Definitions => "texts of rules",
        })
    }
}
