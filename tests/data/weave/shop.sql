create table customers (id int primary key, name text, email text, ssn text);
create table orders (id int primary key, customer_id int, total numeric(10, 2), note text);
create table secrets (id int, val text);
insert into customers select i, 'name' || i, 'canary' || i || '@leak.example', '987-65-43' || lpad(i::text, 4, '0')
    from generate_series(1, 2000) i;
insert into orders select i, 1 + i % 2000, i * 10, 'note' || i from generate_series(1, 100) i;
create table customers_vip (tier int) inherits (customers);
insert into customers_vip values (5001, 'vip', 'canary-vip@leak.example', '987-65-43vip', 1);
create table parted (id int, v text) partition by range (id);
create table parted_1 partition of parted for values from (0) to (100);
insert into parted values (1, 'part-raw');
create table leads (id int, email text);
create view v_customers as select * from customers;
create view v_names as select id, name from customers;
create view v_orders as select o.*, c.ssn as note2 from orders o join customers c on c.id = o.customer_id;
create materialized view m_customers as select id, ssn from customers;
create function get_ssn(int) returns text language sql security definer as 'select ssn from customers where id = $1';
create function run_sql(q text) returns setof text language plpgsql as $$begin return query execute q; end$$;
create function leak(customers) returns text language sql as 'select $1.ssn';
create function eqleak(text, text) returns bool language plpgsql as $$begin raise notice 'leak %', $1; return $1 = $2; end$$;
create operator public.=== (leftarg = text, rightarg = text, function = eqleak);
create function ck(text) returns bool language plpgsql as $$begin raise notice 'ck %', $1; return true; end$$;
create domain dleak as text check (ck(value));
create table log_orders (id int);
create rule rr as on insert to log_orders do also insert into secrets select id, ssn from customers;
create type mood as enum ('sad', 'ok', 'canary');
create domain code as varchar(5);
create domain strict_code as varchar(8) not null;
create table kinds (
    id int primary key, gone int, t text, v varchar(12), c char(8), n name, s int2, i int4, l int8, d numeric(6, 2), f float4,
    g float8, b bool, dt date, ts timestamp(3), tz timestamptz, u uuid, j json, jb jsonb, ba bytea, ip inet, ci cidr,
    m mood, co code, sc strict_code, ta text[], ia int[], va varchar(3)[], iv interval(2), "Odd ""name" text, x xml,
    coll text collate "C"
);
alter table kinds drop column gone;
insert into kinds values (
    1, 'canary-ö', 'canary', 'canary', 'canary', 111, 222222, 3333333333, 4444.44, 5.5, 6.6, true, '1999-09-09',
    '1999-09-09 09:09:09.999', '1999-09-09 09:09:09+00', 'cafecafe-cafe-cafe-cafe-cafecafecafe', '{"a":"canary"}',
    '{"a":"canary"}', '\xcafecafe', '10.9.8.7', '10.9.8.0/24', 'canary', 'can', 'canary', '{canary,x}', '{987,9}', '{can}',
    '9 days', 'canary', '<canary/>', 'canary'
);
insert into kinds (id, sc) values (2, 'canary');
analyze;
