//! What the role that sidegate logs in as may do beyond what statements need: no rule can make up for it where
//! statements do what nobody here can see.

/// One thing that the role may do, and should not have to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Power {
    /// What it may do.
    pub what: Box<str>,
    /// To what.
    pub object: Box<str>,
    /// The statement that takes it away.
    pub remedy: Box<str>,
}

/// Of a superuser only that is told: whatever else it has makes no difference. Privileges are told where somebody
/// granted them, to the role, to one that it is a member of, or to everybody, so that the remedy takes away that grant;
/// what owners have by themselves is told once, as ownership.
pub(super) const SQL: &str = r"
with me as (
  select r.* from pg_roles r where r.rolname = current_user
), named as (
  select r.oid, quote_ident(r.rolname) as grantee from pg_roles r, me
  where not me.rolsuper and pg_has_role(me.oid, r.oid, 'member')
  union all select 0, 'PUBLIC' from me where not rolsuper
), families(what, names) as (
  values
  ('reads or writes files of the server',
   'pg_read_file|pg_read_binary_file|pg_ls_\w+|pg_stat_file|pg_file_\w+|pg_current_logfile|lo_import|lo_export'),
  ('keeps large objects, which are in no relation', 'lo_(?!import|export)\w+|loread|lowrite'),
  ('runs SQL that it is given as text',
   'query_to_xml\w*|table_to_xml\w*|schema_to_xml\w*|database_to_xml\w*|cursor_to_xml\w*|ts_stat|crosstab\w*'
   '|connectby|xpath_table|dblink\w*')
), calls as (
  select p.oid, p.proname::text, n.nspname::text, n.nspname || '.' || p.proname as place, a.grantee,
    coalesce(f.what, 'runs as its owner, whatever the caller may do') as what,
    format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as call
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  left join families f on p.proname ~ ('^(' || f.names || ')$') and (n.nspname = 'pg_catalog' or exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'))
  cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  where a.privilege_type = 'EXECUTE' and a.grantee <> p.proowner and has_schema_privilege(n.oid, 'usage')
  and (f.what is not null or p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema'))
)
select 'is a superuser', rolname::text, format('ALTER ROLE %I NOSUPERUSER', rolname) from me where rolsuper
union all
select w.what, rolname, format('ALTER ROLE %I %s', rolname, w.remedy) from me cross join lateral (values
    ('sees through row security', rolbypassrls, 'NOBYPASSRLS'),
    ('makes and changes roles', rolcreaterole, 'NOCREATEROLE'),
    ('makes databases', rolcreatedb, 'NOCREATEDB'),
    ('reads the whole server by replication', rolreplication, 'NOREPLICATION')
  ) w(what, has, remedy) where w.has and not rolsuper
union all
select 'may act as a role that can do more', g.rolname, format('REVOKE %I FROM %s', g.rolname, n.grantee)
from pg_auth_members m join named n on n.oid = m.member join pg_roles g on g.oid = m.roleid
where n.grantee !~ '^pg_' and (g.rolname ~ '^pg_'
  or g.rolsuper or g.rolbypassrls or g.rolcreaterole or g.rolcreatedb or g.rolreplication)
union all
select w.what, d.datname, format('REVOKE %s ON DATABASE %I FROM %s', a.privilege_type, d.datname, n.grantee)
from pg_database d cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
join named n on n.oid = a.grantee join (values
    ('TEMPORARY', 'makes temporary objects, which can take the place of others'), ('CREATE', 'makes schemas')
  ) w(privilege, what) on w.privilege = a.privilege_type
where d.datname = current_database() and n.oid <> d.datdba
union all
select 'owns the database', d.datname, format('ALTER DATABASE %I OWNER TO another_role', d.datname)
from pg_database d join named m on m.oid = d.datdba where d.datname = current_database()
union all
select 'makes objects in a schema', s.nspname, format('REVOKE CREATE ON SCHEMA %I FROM %s', s.nspname, n.grantee)
from pg_namespace s cross join aclexplode(coalesce(s.nspacl, acldefault('n', s.nspowner))) a
join named n on n.oid = a.grantee
where a.privilege_type = 'CREATE' and n.oid <> s.nspowner and s.nspname !~ '^pg_(temp_|toast)'
union all
select 'owns a schema', s.nspname, format('ALTER SCHEMA %I OWNER TO another_role', s.nspname)
from pg_namespace s join named m on m.oid = s.nspowner where s.nspname !~ '^pg_(temp_|toast)'
union all
select 'owns relations, and so may change and drop them',
  (array_agg(format('%I.%I', s.nspname, c.relname) order by s.nspname, c.relname))[1]
  || case when count(*) > 1 then ' and ' || count(*) - 1 || ' more' else '' end,
  format('REASSIGN OWNED BY %s TO another_role', m.grantee)
from pg_class c join named m on m.oid = c.relowner join pg_namespace s on s.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and c.relpersistence <> 't' group by m.grantee
union all
select c.what, string_agg(distinct c.place, ', ' order by c.place),
  format('REVOKE EXECUTE ON ROUTINE %s FROM %s', string_agg(c.call, ', ' order by c.call), n.grantee)
from calls c join named n on n.oid = c.grantee group by c.what, n.grantee";
