"""Runs PostgreSQL's regression SQL directly and through sidegate, and compares what psql prints, byte for byte.

    python3 tests/regress/compare.py SIDEGATE_BINARY FOLDER_OF_SQL [NAME...]

The lanes start from copies of one cluster and run the same files in the same order, each file in a new database: so
even object ids are the same. In all of them psql sees the same host, port, paths and user. A file that differs is left
out only if two direct runs of it differ, too. Exits 1 if a file differs through sidegate alone, if fewer than LEAST
files were compared, or if sidegate kept anything of the sessions.
"""

import concurrent.futures
import contextlib
import difflib
import pathlib
import re
import shutil
import signal
import sys
import tempfile

from lanes import TEMPLATE, Lane, Server, Sidegate, account, until
import tables

LEAST = 185
# These make the tables that most files expect.
FIRST = ["test_setup", "create_misc", "create_index"]
# Never the same twice, and never over.
ENDLESS = {"psql_pipeline": "\\watch of psql before 18 does not know when to stop"}
# Seconds that show whether one of those still belongs there.
GLANCE = 4
# How often a file that differs gets another chance to differ without sidegate.
ROUNDS = 3
# Where the server dies under a client, libpq says so. Sidegate, which lives, tells the client first.
LAST_WORD = re.compile(rb"^FATAL:  the database closed the connection\n(?=server closed the connection)", re.MULTILINE)
# MiB and file descriptors that sidegate may have more of at the end than before its first session: what it
# remembers of statements, and its journal's segments.
MEMORY, DESCRIPTORS = 200, 8


def furnish(folder, files):
    """A cluster with the template of the databases, stopped."""
    (folder / "data").mkdir()
    tables.write(folder / "data")
    with Server(folder / "origin") as server:
        server.sql("postgres", f"create database {TEMPLATE}")
        lane = Lane(server, "server")
        for name in FIRST:
            lane.fill(files / f"{name}.sql")
    return server


def difference(direct, through):
    """The first lines that differ, for people."""
    before, after = (output.decode(errors="backslashreplace").splitlines() for output in (direct, through))
    return "\n".join(list(difflib.unified_diff(before, after, "direct", "through sidegate", lineterm="", n=2))[:40])


def same(direct, through):
    return LAST_WORD.sub(b"", through) == direct


def look_again(binary, folder, origin, suspects):
    """Which files two direct runs differ in, and which differ through sidegate alone, once all have the same past: in
    the long run, one file that takes an object id more or less in one lane shows in all that print ids."""
    left_out = set()
    for number in range(ROUNDS):
        if not suspects:
            break
        with contextlib.ExitStack() as ending:
            servers = [ending.enter_context(Server(folder / f"round{number}{side}", origin)) for side in "abc"]
            ending.enter_context(Sidegate(binary, servers[2].folder))
            ways = ["server", "server", "gate"]
            outputs = both([Lane(server, way) for server, way in zip(servers, ways)], list(suspects))
        for file, one, other, through in zip(list(suspects), *outputs):
            if one != other:
                left_out.add(file.stem)
            if one != other or same(one, through):
                del suspects[file]
            else:
                suspects[file] = one, through
    return left_out


def both(lanes, files):
    """What each of the lanes prints, two at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as jobs:
        return list(jobs.map(lambda lane: [lane.run(file) for file in files], lanes))


def endless(lane, files):
    """Problems with the list of what is never over."""
    for file in files:
        if file.stem in ENDLESS and lane.run(file, GLANCE) == lane.run(file, GLANCE):
            yield f"{file.stem}: two direct runs do not differ any more: take it from ENDLESS"


def leaks(sidegate, memory, descriptors):
    """What sidegate kept."""
    until("sidegate ends its sessions", 30, lambda: sidegate.metric("sidegate_sessions_open") == 0)
    if sidegate.resident() > memory + MEMORY:
        yield f"sidegate's memory went from {memory:.0f} to {sidegate.resident():.0f} MiB"
    if sidegate.descriptors() > descriptors + DESCRIPTORS:
        yield f"sidegate's descriptors went from {descriptors} to {sidegate.descriptors()}"


def run(binary, folder, files):
    """Problems; prints what was seen."""
    origin = furnish(folder, files[0].parent)
    finite = [file for file in files if file.stem not in ENDLESS]
    with (
        Server(folder / "direct", origin) as alone,
        Server(folder / "through", origin) as behind,
        Sidegate(binary, folder / "through") as sidegate,
    ):
        memory, descriptors = sidegate.resident(), sidegate.descriptors()
        direct, through = Lane(alone, "server"), Lane(behind, "gate")
        outputs = both([direct, through], finite)
        yield from leaks(sidegate, memory, descriptors)
        seconds = f"{direct.seconds:.0f} s direct, {through.seconds:.0f} s through sidegate, {sidegate.cpu():.1f} s its own"
        statements = sidegate.metric("sidegate_decisions_total", 'stage="request"')
        if sidegate.metric("sidegate_sessions_total") < len(finite):
            yield "there were fewer sessions through sidegate than files"
        print(f"regress: {statements} decisions, {seconds}; memory from {memory:.0f} to {sidegate.resident():.0f} MiB,")
        print(f"regress: descriptors from {descriptors} to {sidegate.descriptors()}, refused: {sidegate.refused()}")
        yield from endless(direct, files)
    suspects = {file: (one, other) for file, one, other in zip(finite, *outputs) if not same(one, other)}
    again = ", ".join(file.stem for file in suspects) or "none"
    left_out = look_again(binary, folder, origin, suspects)
    for file, pair in suspects.items():
        yield f"{file.stem} differs through sidegate\n{difference(*pair)}"
    compared = len(finite) - len(left_out)
    names = ", ".join(sorted(left_out | {file.stem for file in files} & ENDLESS.keys())) or "none"
    print(f"regress: {compared} files compared; left out, since two direct runs differ: {names}; looked at again: {again}")
    if compared < LEAST and len(files) > LEAST:
        yield f"{compared} files were compared, {LEAST} must be"


def main():
    binary, source, *names = sys.argv[1:]
    # What was started ends on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="regress-") as name:
        folder = pathlib.Path(name)
        shutil.copytree(source, folder / "sql")
        if "user" in account():
            shutil.chown(folder, account()["user"])
        files = sorted(file for file in (folder / "sql").glob("*.sql") if not names or file.stem in names)
        if not files or len(files) < len(names):
            raise SystemExit(f"regress: {source} does not have all of these: {', '.join(names) or 'any .sql file'}")
        problems = list(run(binary, folder, files))
    for problem in problems:
        print(f"regress: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
