"""psycopg2 as its users use it. Prints what it was told, so that two servers can be compared."""

import datetime
import io
import select

import psycopg2
import psycopg2.extensions
import psycopg2.extras

connection = psycopg2.connect("")
print("connected", connection.server_version > 150000, connection.encoding)
with connection, connection.cursor() as cursor:
    for number in range(8):
        cursor.execute("select name, email from customers where id = %s", (number + 1,))
        print("parameter", cursor.fetchone(), [column.name for column in cursor.description])
    values = (7, None, [1, 2, None], psycopg2.extras.Json({"a": [1]}), b"\x00\xff'", "naïve — 'quoted' \\ %",
              datetime.datetime(2026, 1, 2, 3, 4, 5, 678, datetime.timezone.utc), datetime.timedelta(days=3))
    cursor.execute("select %s, %s, %s::int[], %s::jsonb, %s, %s, %s, %s", values)
    print("values", [bytes(value) if isinstance(value, memoryview) else value for value in cursor.fetchone()])
    cursor.execute("create table kept (id serial primary key, name text)")
    psycopg2.extras.execute_values(cursor, "insert into kept (name) values %s", [(f"name {n}",) for n in range(250)])
    psycopg2.extras.execute_batch(cursor, "update kept set name = %s where id = %s", [("new", n) for n in range(1, 50)])
    cursor.execute("insert into kept (name) values ('last') returning id")
    print("returned", cursor.fetchone(), cursor.statusmessage)

with connection, connection.cursor() as cursor:
    cursor.execute("savepoint here")
    try:
        cursor.execute("select 1 / 0")
    except psycopg2.errors.DivisionByZero as error:
        print("failed", error.pgcode, error.diag.message_primary)
    cursor.execute("rollback to savepoint here")
    cursor.execute("delete from kept where id = 251")
    print("deleted", cursor.rowcount)
connection.rollback()

with connection, connection.cursor("walk", scrollable=True) as cursor:
    cursor.itersize = 100
    cursor.execute("select id from orders order by id")
    print("walked", sum(row[0] for row in cursor))
    cursor.scroll(5, mode="absolute")
    print("scrolled", cursor.fetchmany(3))
with connection, connection.cursor("hold", withhold=True) as cursor:
    cursor.execute("select id from customers order by id")
    connection.commit()
    print("held", cursor.fetchmany(2))

with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
    cursor.copy_expert("copy kept (name) from stdin with (format csv)", io.StringIO("a\n\"b, c\"\n"))
    print("copied", cursor.rowcount)
    cursor.copy_from(io.StringIO("1000\tx\n1001\t\\N\n"), "kept", columns=("id", "name"))
    out = io.StringIO()
    cursor.copy_to(out, "kept", columns=("id", "name"))
    print("table out", len(out.getvalue().splitlines()))
    out = io.StringIO()
    cursor.copy_expert("copy (select id, name from kept where id >= 250 order by id) to stdout csv header", out)
    print("copied out", out.getvalue())
    cursor.execute("select * from kept where name is null")
    print("dictionary", cursor.fetchall())
    try:
        cursor.copy_expert("copy kept from stdin", io.StringIO("no number\n"))
    except psycopg2.Error as error:
        print("refused data", error.pgcode)
connection.rollback()

connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
with connection, connection.cursor() as cursor:
    cursor.execute("show transaction_isolation")
    print("isolation", cursor.fetchone())
    try:
        cursor.execute("delete from kept")
    except psycopg2.Error as error:
        print("read only", error.pgcode)
connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT")

connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
with connection.cursor() as cursor:
    cursor.execute("listen news")
    cursor.execute("notify news, 'hello'")
    while not connection.notifies:
        select.select([connection], [], [], 10)
        connection.poll()
    print("heard", connection.notifies[0].channel, connection.notifies[0].payload)
    cursor.execute("unlisten *")
    for attempt in range(2):
        try:
            cursor.execute("select salary from payroll")
        except psycopg2.errors.InsufficientPrivilege as error:
            print("denied", error.pgcode, error.diag.message_primary)
    cursor.execute("select 8; select 9")
    print("goes on", cursor.fetchone(), connection.notices)
    connection.reset()
connection.set_client_encoding("UTF8")
print("status", connection.get_transaction_status(), connection.get_parameter_status("TimeZone") is not None)
connection.close()
