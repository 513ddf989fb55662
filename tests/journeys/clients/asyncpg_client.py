"""asyncpg as its users use it. Prints what it was told, so that two servers can be compared."""

import asyncio
import datetime
import decimal
import uuid

import asyncpg


async def main():
    connection = await asyncpg.connect()
    print("connected", connection.get_server_pid() > 0, await connection.fetchval("show client_encoding"))

    by_id = await connection.prepare("select name, email from customers where id = $1")
    for number in range(8):
        print("prepared", tuple(await by_id.fetchrow(number + 1)))
    print("columns", [(column.name, column.type.name) for column in by_id.get_attributes()])

    values = (
        7, None, [1, 2, None], '{"a": [1]}', b"\x00\xff'", decimal.Decimal("12.50"),
        datetime.datetime(2026, 1, 2, 3, 4, 5, 678, datetime.timezone.utc), datetime.date(2026, 2, 3),
        uuid.UUID(int=5), "naïve — 'quoted' \\ text", datetime.timedelta(days=3, seconds=7), True,
    )
    print("values", tuple(await connection.fetchrow(
        "select $1::int, $2::text, $3::int[], $4::jsonb, $5::bytea, $6::numeric, $7::timestamptz, $8::date,"
        " $9::uuid, $10::text, $11::interval, $12::bool", *values)))
    await connection.set_type_codec("json", encoder=str, decoder=str.upper, schema="pg_catalog")
    print("codec", await connection.fetchval("select '{\"a\": 1}'::json"))

    await connection.execute("create table kept (id int primary key, name text, at timestamptz)")
    await connection.execute("create type mood as enum ('sad', 'glad'); create type pair as (a int, b text)")
    await connection.execute("create table held (what pair, how mood, moods mood[])")
    await connection.execute("insert into held values ($1, $2, $3)", (1, "x"), "glad", ["sad", "glad"])
    held = await connection.fetchrow("select what, how, moods from held")
    print("own types", tuple(held["what"]), held["how"], held["moods"])
    await connection.executemany("insert into kept (id, name) values ($1, $2)", [(n, f"name {n}") for n in range(50)])
    async with connection.transaction():
        await connection.execute("update kept set name = 'outer' where id = 1")
        try:
            async with connection.transaction():
                await connection.execute("update kept set name = 'inner' where id = 1")
                await connection.execute("select 1 / 0")
        except asyncpg.DivisionByZeroError as error:
            print("inner failed", error.sqlstate, error)
        print("in between", await connection.fetchval("select name from kept where id = 1"))
    transaction = connection.transaction(isolation="serializable", readonly=True, deferrable=True)
    await transaction.start()
    print("isolation", await connection.fetchval("show transaction_isolation"))
    await transaction.rollback()

    async with connection.transaction():
        print("cursor", sum([row["id"] async for row in connection.cursor("select id from orders", prefetch=70)]))
        cursor = await connection.cursor("select id from orders order by id")
        await cursor.forward(10)
        print("portal", [row["id"] for row in await cursor.fetch(3)], await cursor.fetchrow())

    print("copied", await connection.copy_records_to_table(
        "kept", records=[(n, None, None) for n in range(100, 400)], columns=["id", "name", "at"]))
    pieces = []

    async def keep(data):
        pieces.append(data)

    print("copied out", await connection.copy_from_query(
        "select id, name from kept where id < $1 order by id", 3, output=keep, format="csv"), b"".join(pieces))
    print("table out", await connection.copy_from_table("kept", output=keep, columns=["id"]))

    heard = asyncio.get_running_loop().create_future()
    await connection.add_listener("news", lambda _, __, channel, payload: heard.set_result((channel, payload)))
    await connection.execute("select pg_notify('news', 'hello')")
    print("heard", await asyncio.wait_for(heard, 10))
    await connection.reset()

    try:
        await connection.fetch("select pg_sleep(30)", timeout=0.3)
    except asyncio.TimeoutError:
        print("cancelled", await connection.fetchval("select 7"))

    for attempt in range(2):
        try:
            await connection.fetch("select salary from payroll")
        except asyncpg.InsufficientPrivilegeError as error:
            print("denied", error.sqlstate, error.args[0], await connection.fetchval("select 8"))
    async with connection.transaction():
        try:
            async with connection.transaction():
                await connection.fetch("select salary from payroll where id = $1", 1)
        except asyncpg.InsufficientPrivilegeError as error:
            print("denied inside", error.sqlstate, await connection.fetchval("select count(*) from kept"))
    print("still prepared", tuple(await by_id.fetchrow(3)))
    await connection.close()

    async with asyncpg.create_pool(min_size=2, max_size=4) as pool:
        print("pool", sum(await asyncio.gather(*[pool.fetchval("select $1::int", n) for n in range(40)])))


asyncio.run(main())
