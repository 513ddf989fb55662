create table customers (id int primary key, name text not null, email text);
create table orders (id int primary key, customer_id int references customers, total numeric not null);
create table payroll (id int primary key, salary int not null);
insert into customers select n, 'customer ' || n, 'c' || n || '@example.com' from generate_series(1, 100) n;
insert into orders select n, 1 + n % 100, n * 1.5 from generate_series(1, 1000) n;
insert into payroll select n, 1000 * n from generate_series(1, 10) n;
