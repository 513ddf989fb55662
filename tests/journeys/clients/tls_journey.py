"""libpq 18 inside TLS, however it asks for it: protocol 3.2, and both ways to cancel."""

import threading

import psycopg
from psycopg import errors

assert psycopg.pq.version() >= 180000, psycopg.pq.version()

with psycopg.connect("min_protocol_version=3.2 max_protocol_version=latest", autocommit=True) as connection:
    assert connection.pgconn.ssl_in_use
    assert connection.pgconn.full_protocol_version == 30002, connection.pgconn.full_protocol_version
    assert connection.execute("select name from customers where id = %s", (7,)).fetchone() == ("customer 7",)
    # Inside TLS, and as before libpq 17: in clear.
    for cancel in (lambda: connection.cancel_safe(timeout=10), lambda: connection.pgconn.get_cancel().cancel()):
        stop = threading.Event()

        def keep_cancelling():
            while not stop.wait(0.2):
                cancel()

        canceller = threading.Thread(target=keep_cancelling)
        canceller.start()
        try:
            connection.execute("select pg_sleep(30)")
            raise AssertionError("it was not cancelled")
        except errors.QueryCanceled:
            pass
        finally:
            stop.set()
            canceller.join()

with psycopg.connect("max_protocol_version=3.0") as connection:
    assert connection.pgconn.full_protocol_version == 30000
    assert connection.execute("select count(*) from customers").fetchone()[0] > 0
