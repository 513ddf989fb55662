"""psycopg 3 as its users use it: parameters, pipeline, server cursors, binary COPY, notifications, errors."""

import psycopg
from psycopg import errors

with psycopg.connect("", autocommit=True) as connection:
    one = connection.execute("select name from customers where id = %s", (7,)).fetchone()
    assert one == ("customer 7",), one
    for _ in range(8):  # beyond its threshold psycopg prepares the statement
        assert connection.execute("select count(*) from orders where customer_id = %s", (3,)).fetchone() == (10,)

    with connection.pipeline():
        answers = [connection.execute("select %s::int * 2", (n,)) for n in range(50)]
        assert [answer.fetchone()[0] for answer in answers] == [2 * n for n in range(50)]

    with connection.transaction():
        with connection.cursor(name="walk") as cursor:
            cursor.itersize = 100
            cursor.execute("select id from orders order by id")
            assert [row[0] for row in cursor] == list(range(1, 1001))

    connection.execute("create table copied (id int, name text)")
    with connection.cursor() as cursor:
        with cursor.copy("copy public.copied from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            for n in range(1000):
                copy.write_row((n, f"name {n}"))
        with cursor.copy("copy (select * from public.copied order by id) to stdout (format binary)") as copy:
            copy.set_types(["int4", "text"])
            rows = list(copy.rows())
        assert len(rows) == 1000 and rows[999] == (999, "name 999"), rows[-1]

        try:
            with cursor.copy("copy public.copied from stdin") as copy:
                copy.write("not a number\tx\n")
            raise AssertionError("bad data was taken")
        except errors.InvalidTextRepresentation:
            pass
        assert cursor.execute("select count(*) from public.copied").fetchone() == (1000,)

    connection.execute("listen news")
    connection.execute("notify news, 'hello'")
    note = next(connection.notifies(timeout=10, stop_after=1))
    assert (note.channel, note.payload) == ("news", "hello"), note

    try:
        connection.execute("select 1/0")
        raise AssertionError("divided by zero")
    except errors.DivisionByZero:
        pass
    assert connection.execute("select 1").fetchone() == (1,)

    # An error in the middle of a pipeline is the server's own, and the connection goes on.
    with connection.pipeline() as pipeline:
        first = connection.execute("select 1")
        broken = connection.execute("select 1/0")
        after = connection.execute("select 2")
        try:
            pipeline.sync()
            broken.fetchone()
            raise AssertionError("divided by zero")
        except errors.DivisionByZero:
            pass
    assert connection.execute("select 3").fetchone() == (3,)
