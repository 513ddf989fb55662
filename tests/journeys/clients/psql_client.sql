-- psql itself: variables, cursors by FETCH_COUNT, \copy, \gdesc, \gexec, pipelines of statements, what \d asks.
\set SHOW_CONTEXT never
select name, email from customers where id = 7;
\set wanted '7; drop ''table'
select :'wanted' as quoted;
select 1 as a \gset seen_
\echo :seen_a
select 1 as n, 'x'::text as t, now() as at \gdesc
select 'select ' || n from generate_series(1, 3) as n \gexec
\set FETCH_COUNT 100
select sum(id) from (select id from orders order by id) as all_of_them;
select id from customers order by id limit 205;
\unset FETCH_COUNT
create table kept (id int primary key, name text);
\copy kept from program 'printf "1\\tone\\n2\\t\\\\N\\n"'
\copy (select * from kept order by id) to stdout csv header
copy kept from stdin;
20	a, b
21	\N
\.
begin;
insert into kept values (3, 'three');
savepoint here;
select 1 / 0;
select 'not heard';
rollback to here;
commit;
table kept;
\set AUTOCOMMIT off
insert into kept values (4, 'four');
rollback;
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK on
begin;
insert into kept values (1, 'again');
insert into kept values (5, 'five');
commit;
\unset ON_ERROR_ROLLBACK
select count(*) from kept;
select 1\; select 2\; select 3;
prepare by_id (int) as select name from customers where id = $1;
execute by_id (3);
deallocate by_id;
declare walk cursor with hold for select id from orders order by id;
fetch 3 from walk;
close walk;
\x on
select * from customers where id = 1;
\x off
select id, name, email from customers where id < 3 \crosstabview id name email
explain (costs off) select * from customers where id = 1;
insert into kept values (1, 'again');
\errverbose
select * from nowhere;
set application_name to 'a journey';
show application_name;
set timezone to 'UTC';
select timestamptz '2026-01-02 03:04:05+01';
\set VERBOSITY terse
select salary from payroll;
\echo :LAST_ERROR_SQLSTATE
select 8 as goes_on;
begin;
select salary from payroll;
select 9 as not_heard;
rollback;
select salary from payroll\; select 10 as not_heard_either;
\dt
\d
\d kept
\d+ orders
\di
\dv
\dp
\dn
\du
\df lower
\dT
\encoding
