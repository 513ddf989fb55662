"""psycopg under a rule that reads what the server expects: what reads much is refused, transactions go on."""

import psycopg

with psycopg.connect("") as connection:
    for number in range(8):
        # From the sixth on it is prepared.
        row = connection.execute("select body from big where id = %s", (number + 1,)).fetchone()
        assert row == (f"body {number + 1}",), row
    connection.commit()
    try:
        with connection.transaction():
            connection.execute("insert into payroll values (600, 1)")
            connection.execute("select * from big where id > %s", (0,))
        raise SystemExit("it was not refused")
    except psycopg.errors.InsufficientPrivilege as error:
        assert "reads too much" in str(error), error
    assert connection.execute("select count(*) from payroll where id = 600").fetchone() == (0,)
    with connection.transaction(), connection.cursor("few") as cursor:
        cursor.execute("select id from big where id < 4 order by id limit 3")
        assert cursor.fetchall() == [(1,), (2,), (3,)]
    with connection.pipeline():
        first = connection.execute("select body from big where id = %s", (1,))
        second = connection.execute("select body from big where id = %s", (2,))
    assert (first.fetchone(), second.fetchone()) == (("body 1",), ("body 2",))
