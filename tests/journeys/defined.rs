//! What a session has defined itself in a transaction that is still open, while masks hold.

use crate::harness::raw::{Raw, query, spell};
use crate::harness::{Postgres, Setup, postgres};

const POLICY: &str = "package policies.shop\n\nallow contains \"everything\" if true\n\n\
    mask contains {\"column\": \"public.customers.email\", \"with\": {\"replace\": {\"value\": \"***\"}}} if true\n";

const USES: &[&[&str]] = &[
    &["create table x (id serial primary key, note text default 'n')", "insert into x (note) values ('a')", "select * from x", "update x set note = 'b' where id = 1", "select note from x", "delete from x", "drop table x"],
    &["create table x as select id, name from customers", "select * from x where id = 1", "update x set name = 'b' where id = 1"],
    &["create table x as select id, email from customers", "select * from x where id = 1"],
    &["alter table orders add column note text", "select id, note from orders where id = 1", "update orders set note = 'a' where id = 1", "create index on orders (note)", "alter table orders alter note set not null", "select * from orders where id = 1"],
    &["alter table orders rename total to amount", "select amount from orders where id = 1"],
    &["alter table payroll rename to wages", "select salary from wages where id = 1"],
    &["alter table orders alter total type text", "select total from orders where id = 1"],
    &["create index on orders (customer_id)", "select total from orders where id = 1"],
    &["create view v as select id, salary from payroll", "select salary from v where id = 1"],
    &["create view v as select id, email from customers", "select email from v where id = 1"],
    &["create function f() returns int language sql as 'select 1'", "select f()"],
    &["create function f() returns int language sql as 'select 1'", "select total from orders where id = 1"],
    &["create temp table y (id int)", "insert into y values (1)", "select id from y"],
    &["savepoint a", "alter table orders add column note text", "rollback to a", "select total from orders where id = 1", "select note from orders"],
    &["drop table payroll", "create table payroll (id int, pay int)", "insert into payroll values (1, 2)", "select pay from payroll"],
    &["alter table customers add column note text", "select id, note from customers where id = 1", "select * from customers where id = 1"],
    &["create table x (id int references orders)", "insert into x values (1)", "select o.total, x.id from x join orders o using (id)"],
    &["create type mood as enum ('a')", "create table x (m mood)", "insert into x values ('a')", "select m from x"],
    &["create schema s", "create table s.x (id int)", "insert into s.x values (1)", "select id from s.x"],
    &["create table x (id int)", "truncate x", "copy x to stdout", "analyze x", "lock table x"],
];

fn shows(server: &'static Postgres) {
    let sidegate = Setup::policy(POLICY).server(server).start();
    let mut client = Raw::open(sidegate.port, &sidegate.database);
    for uses in USES {
        client.ask(&query("begin"));
        for sql in *uses {
            let began = std::time::Instant::now();
            client.send(&query(sql));
            let answer = client.until_ready();
            let error = answer.iter().find(|m| m.tag == 'E').map(|m| m.field('M')).unwrap_or_default();
            eprintln!("{:>6.1?}ms {sql} -> {} {error}", began.elapsed().as_millis(), spell(&answer));
            if answer.iter().any(|m| m.tag == 'E') { client.ask(&query("rollback")); break }
        }
        client.ask(&query("rollback"));
        eprintln!();
    }
}

#[test]
fn what_a_session_defines_is_used_in_its_transaction_on_15() {
    shows(postgres());
}
