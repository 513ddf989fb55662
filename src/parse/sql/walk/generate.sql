-- Prints the lists beside this file, as a PostgreSQL 15 server knows them; \o FILE before each.
-- catalog.txt
select relname from pg_class
where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v') order by relname collate "C";
-- keywords.txt
select catcode::text || ' ' || word from pg_get_keywords() where catcode <> 'U' order by word collate "C";
-- types.txt
select typname from pg_type
where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') and typcategory <> 'A' and typname !~ '^_'
order by typname collate "C";
-- row_functions.txt
select distinct proname from pg_proc
where pronamespace = 'pg_catalog'::regnamespace and pronargs >= 1 and pronargs - pronargdefaults <= 1
  and proargtypes[0] in ('record'::regtype, 'anyelement'::regtype, '"any"'::regtype, 'anynonarray'::regtype,
                         'anycompatible'::regtype, 'anycompatiblenonarray'::regtype)
  and not 'internal'::regtype = any (proargtypes::oid[])
order by proname;
