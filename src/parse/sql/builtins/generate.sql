-- Prints table.txt: PostgreSQL's own functions, one a line, as a server of the wanted version knows them.
--   psql -XqAt -d template1 -f generate.sql > table.txt
-- A line is the name (with its schema unless that is pg_catalog) and flags over all overloads of that name:
--   i s v  the least strict volatility
--   u      one of them can be called with one argument
--   r      one of them returns a set
--   a w    one of them is an aggregate, a window function
--   c      one of them takes a regclass: its argument names a relation
--   l      one of them has an argument or result that only the server's own machinery handles
select case n.nspname when 'pg_catalog' then '' else n.nspname || '.' end || p.proname || ' '
    || case max(array_position('{i,s,v}'::"char"[], p.provolatile)) when 1 then 'i' when 2 then 's' else 'v' end
    || case when bool_or(p.pronargs >= 1 and p.pronargs - p.pronargdefaults <= 1) then 'u' else '' end
    || case when bool_or(p.proretset) then 'r' else '' end
    || case when bool_or(p.prokind = 'a') then 'a' else '' end
    || case when bool_or(p.prokind = 'w') then 'w' else '' end
    || case when bool_or('pg_catalog.regclass'::regtype = any (p.proargtypes::oid[])) then 'c' else '' end
    || case when bool_or(p.prokind <> 'a' and (p.proargtypes::oid[] || p.prorettype) && array[
           'pg_catalog.internal'::regtype, 'pg_catalog.cstring'::regtype, 'pg_catalog.trigger'::regtype,
           'pg_catalog.event_trigger'::regtype, 'pg_catalog.language_handler'::regtype,
           'pg_catalog.fdw_handler'::regtype, 'pg_catalog.index_am_handler'::regtype,
           'pg_catalog.table_am_handler'::regtype, 'pg_catalog.tsm_handler'::regtype]::oid[]
           or p.prokind = 'p' or p.prosecdef) then 'l' else '' end
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('pg_catalog', 'information_schema')
group by n.nspname, p.proname
order by n.nspname = 'information_schema', p.proname collate "C";
