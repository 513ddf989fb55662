"""pg8000, all Python, as its users use it. Prints what it was told, so that two servers can be compared."""

import datetime
import decimal
import io
import os

import pg8000.dbapi
import pg8000.native

place = {
    "host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]), "user": os.environ["PGUSER"],
    "database": os.environ["PGDATABASE"], "password": os.environ.get("PGPASSWORD"),
}

native = pg8000.native.Connection(**place)
statement = native.prepare("select name, email from customers where id = :id")
for number in range(8):
    print("prepared", statement.run(id=number + 1))
statement.close()
print("values", native.run(
    "select cast(:a as int), cast(:b as text), cast(:c as int[]), cast(:d as jsonb), cast(:e as bytea),"
    " cast(:f as numeric), cast(:g as timestamptz), cast(:h as text)",
    a=7, b=None, c=[1, 2, None], d={"a": [1]}, e=b"\x00\xff'", f=decimal.Decimal("12.50"),
    g=datetime.datetime(2026, 1, 2, 3, 4, 5, 678, datetime.timezone.utc), h="naïve — 'quoted' \\ %"))
native.run("create table kept (id int primary key, name text)")
native.run("start transaction")
native.run("insert into kept values (1, 'one'), (2, null)")
native.run("savepoint here")
try:
    native.run("select 1 / 0")
except pg8000.native.DatabaseError as error:
    print("failed", error.args[0]["C"], error.args[0]["M"])
native.run("rollback to savepoint here")
native.run("commit")
print("kept", native.run("select * from kept order by id"), native.row_count)
native.run("copy kept from stdin with (format csv)", stream=io.BytesIO(b"3,three\n4,four\n"))
out = io.BytesIO()
native.run("copy kept to stdout", stream=out)
print("copied out", out.getvalue())
try:
    native.run("copy kept from stdin", stream=io.BytesIO(b"no number\n"))
except pg8000.native.DatabaseError as error:
    print("refused data", error.args[0]["C"])
native.run("listen news")
native.run("notify news, 'hello'")
native.run("select 1")
print("heard", [note[1:] for note in native.notifications])
for attempt in range(2):
    try:
        native.run("select salary from payroll where id = :id", id=attempt)
    except pg8000.native.DatabaseError as error:
        print("denied", error.args[0]["C"], error.args[0]["M"])
    print("goes on", native.run("select 8; select 9"))
native.close()

connection = pg8000.dbapi.connect(**place)
cursor = connection.cursor()
cursor.executemany("insert into kept values (%s, %s)", [(n, f"name {n}") for n in range(100, 150)])
connection.rollback()
cursor.execute("select count(*) from kept")
print("rolled back", cursor.fetchone())
cursor.execute("declare walk cursor for select id from orders order by id")
cursor.execute("fetch forward 3 from walk")
print("fetched", cursor.fetchall(), [column[0] for column in cursor.description])
connection.commit()
connection.autocommit = True
connection.tpc_begin(connection.xid(1, "global", "branch"))
try:
    cursor.execute("insert into kept values (9, 'nine')")
    connection.tpc_rollback()
except pg8000.dbapi.DatabaseError as error:
    print("two phases", error.args[0]["C"])
connection.close()
