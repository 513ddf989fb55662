//! What runs, is read and is changed where relations are used and no statement says so.

use super::Question;

/// At which events a policy of row security is asked, as the bits of `Events`.
macro_rules! policy_events {
    () => {
        "case o.polcmd when 'a' then 1 when 'w' then 20 when 'd' then 2 else 23 end"
    };
}

/// What it asks.
macro_rules! policy_tree {
    () => {
        "concat(o.polqual::text, ' ', o.polwithcheck::text)"
    };
}

/// What runs where relations are used: the relation, the occasion, the events as the bits of `Events`, the function, and
/// a tree of which all functions run.
macro_rules! occasions {
    () => {
        concat!(
            "select t.tgrelid, 't', (t.tgtype >> 2) & 15, t.tgfoid::oid, coalesce(t.tgqual::text, '') from pg_trigger t ",
            // Up to 14 a partition's copy of a trigger is internal, as the triggers of foreign keys are.
            "join pg_proc g on g.oid = t.tgfoid ",
            "where (not t.tgisinternal or t.tgparentid <> 0 and g.pronamespace <> 11) and t.tgenabled <> 'D' union all ",
            "select o.polrelid, 'p', ",
            policy_events!(),
            ", 0::oid, ",
            policy_tree!(),
            " from pg_policy o join pg_class s on s.oid = o.polrelid where s.relrowsecurity union all ",
            "select k.conrelid, 'c', 5, 0::oid, k.conbin::text from pg_constraint k ",
            "where k.contype = 'c' and k.conrelid <> 0 union all ",
            "select d.adrelid, 'd', case a.attgenerated when 'v' then 21 else 5 end, 0::oid, d.adbin::text ",
            "from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum union all ",
            "select i.indrelid, 'i', 37, 0::oid, concat(i.indexprs::text, ' ', i.indpred::text) from pg_index i ",
            "where i.indexprs is not null or i.indpred is not null union all ",
            "select q.partrelid, 'i', 5, 0::oid, q.partexprs::text from pg_partitioned_table q ",
            "where q.partexprs is not null union all ",
            "select x.stxrelid, 'i', 32, 0::oid, x.stxexprs::text from pg_statistic_ext x where x.stxexprs is not null"
        )
    };
}

/// The same of functions that types bring along: those by which indexes and partitions put values in order, and the
/// operators by which constraints compare them. PostgreSQL's own only compute.
macro_rules! comparisons {
    () => {
        concat!(
            "select b.relation, 'i', b.events, g.amproc::oid, '' from (",
            "select i.indrelid, 37, unnest(i.indclass::oid[]) from pg_index i union all ",
            "select q.partrelid, 5, unnest(q.partclass::oid[]) from pg_partitioned_table q) b(relation, events, class) ",
            "join pg_opclass o on o.oid = b.class join pg_amproc g on g.amprocfamily = o.opcfamily ",
            "join pg_proc p on p.oid = g.amproc where p.pronamespace <> 11 union all ",
            "select b.relation, 'c', b.events, o.oprcode::oid, '' from (",
            "select k.conrelid, 5, unnest(k.conexclop) from pg_constraint k where k.contype = 'x' union all ",
            "select k.conrelid, 5, unnest(k.conpfeqop || k.conppeqop) from pg_constraint k where k.contype = 'f' union all ",
            "select k.confrelid, 6, unnest(k.conpfeqop || k.conffeqop) from pg_constraint k where k.contype = 'f'",
            ") b(relation, events, operator) join pg_operator o on o.oid = b.operator where o.oprnamespace <> 11"
        )
    };
}

/// Functions that run where relations are used. A tree that is too long to be read may call any.
pub(in crate::catalog) const ATTACHED: Question = Question {
    what: "what runs unasked",
    columns: &["relation", "occasion", "events", "function"],
    sql: concat!(
        "select distinct e.relation, e.occasion, e.events, f.f from (",
        occasions!(),
        " union all ",
        comparisons!(),
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
    ),
};

/// Relations that policies of row security read, with the events at which they do.
pub(in crate::catalog) const POLICY_RELATIONS: Question = Question {
    what: "relations of row security",
    columns: &["relation", "events", "read"],
    sql: concat!(
        "select distinct o.polrelid, ",
        policy_events!(),
        ", m[1]::oid from pg_policy o join pg_class c on c.oid = o.polrelid cross join regexp_matches(case when octet_length(",
        policy_tree!(),
        ") <= 1048576 then ",
        policy_tree!(),
        " else '' end, ':relid (\\d+)', 'g') m where c.relrowsecurity and m[1] <> '0' and ",
        relations!(),
        " and ",
        users!("c.relnamespace")
    ),
};

/// Foreign keys, column by column.
pub(in crate::catalog) const FOREIGN_KEYS: Question = Question {
    what: "foreign keys",
    columns: &["oid", "confrelid", "conrelid", "confdeltype", "confupdtype", "confkey", "conkey"],
    sql: concat!(
        "select k.oid, k.confrelid, k.conrelid, k.confdeltype, k.confupdtype, u.p, u.f from pg_constraint k ",
        "join pg_class c on c.oid = k.conrelid cross join unnest(k.confkey, k.conkey) u(p, f) where k.contype = 'f' and ",
        relations!()
    ),
};

/// Functions that run where objects are made, altered or dropped, each with the commands; all where there are none. And
/// those of triggers that are disabled or run when somebody logs in, with what no command is: who replaces one of them
/// has code that runs.
pub(in crate::catalog) const EVENT_TRIGGERS: Question = Question {
    what: "event triggers",
    columns: &["evtfoid", "evttags"],
    sql: "select v.evtfoid::oid, case when v.evtenabled <> 'D' and v.evtevent <> 'login' then to_json(v.evttags) \
          else '[\"disabled\"]'::json end from pg_event_trigger v union all select d.f, '[\"disabled\"]'::json from \
          (select distinct t.tgfoid from pg_trigger t where not t.tgisinternal and t.tgenabled = 'D') d(f)",
};

/// Functions that domains call.
pub(in crate::catalog) const DOMAIN_FUNCTIONS: Question = Question {
    what: "functions of domains",
    columns: &["domain", "function"],
    sql: concat!(
        "select distinct t.oid, p.oid from pg_type t join lateral (select k.conbin::text from pg_constraint k ",
        "where k.contypid = t.oid union all select t.typdefaultbin::text) e(tree) on e.tree is not null ",
        "cross join regexp_matches(e.tree, ",
        called!(),
        ", 'g') m join pg_proc p on p.oid = m[1]::oid where t.typtype = 'd' and ",
        notable!("p"),
        " and ",
        users!("t.typnamespace")
    ),
};
