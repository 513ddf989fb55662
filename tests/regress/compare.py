"""Runs PostgreSQL's regression SQL directly and through sidegate, and compares what psql prints, byte for byte.

    python3 tests/regress/compare.py SIDEGATE_BINARY FOLDER_OF_SQL [NAME...]

The lanes start from copies of one cluster and run the same files in the same order, each file in a new database: so
even object ids are the same. In all of them psql sees the same host, port, paths and user. Only a file of which two
direct runs differ is left out. Exits 1 if a file differs through sidegate, if fewer than LEAST files were compared, or
if sidegate kept something of the sessions.
"""

import concurrent.futures
import difflib
import os
import pathlib
import shutil
import sys
import tempfile

from lanes import TEMPLATE, Lane, Server, Sidegate, account, until
import tables

LEAST = 185
# Of what makes the tables that most files expect.
FIRST = ["test_setup", "create_misc", "create_index"]


def furnish(folder, files):
    """A cluster with the template of the databases, stopped."""
    tables.write(folder / "data")
    with Server(folder / "origin") as server:
        server.sql("postgres", f"create database {TEMPLATE}")
        lane = Lane(server, "server")
        for name in FIRST:
            lane.fill(files / f"{name}.sql")
    return server


def difference(direct, through):
    lines = difflib.unified_diff(
        direct.decode(errors="backslashreplace").splitlines(),
        through.decode(errors="backslashreplace").splitlines(), "direct", "through sidegate", lineterm="", n=2,
    )
    return "\n".join(list(lines)[:60])


def dev(lane, file):
    import time
    a=time.time()
    out=lane.run(file)
    print(lane.seat, file.stem, round(time.time()-a,2), file=open("/tmp/regress-out/progress","a"), flush=True)
    pathlib.Path(f"/tmp/regress-out/{file.stem}.{lane.seat.parent.name}").write_bytes(out)
    return out


def run(binary, folder, files):
    origin = furnish(folder, files[0].parent)
    with (
        Server(folder / "direct", origin) as direct,
        Server(folder / "through", origin) as before,
        Sidegate(binary, folder / "through") as sidegate,
        concurrent.futures.ThreadPoolExecutor(2) as jobs,
    ):
        lanes = Lane(direct, "server"), Lane(before, "gate")
        outputs = list(jobs.map(lambda lane: [dev(lane, file) for file in files], lanes))
        differ = [place for place, pair in enumerate(zip(*outputs)) if pair[0] != pair[1]]
        print(len(files), "files,", sum(output.count(b"ERROR:") for output in outputs[0]), "errors")
        print("direct", lanes[0].seconds, "through", lanes[1].seconds, "cpu", sidegate.cpu())
        print("MiB", sidegate.resident(), "fds", sidegate.descriptors())
        print("\n".join(line for line in sidegate.page("/metrics").splitlines() if "sidegate_" in line and "#" not in line and "bucket" not in line))
        os.system(f"grep -aE 'PANIC|signal|TRAP' {folder}/*/log")
        for place in differ:
            print(files[place].stem, len(outputs[0][place]), len(outputs[1][place]))
            name = files[place].stem
            pathlib.Path(f"/tmp/regress-out/{name}.direct").write_bytes(outputs[0][place])
            pathlib.Path(f"/tmp/regress-out/{name}.through").write_bytes(outputs[1][place])


def main():
    binary, source, *names = sys.argv[1:]
    os.makedirs("/tmp/regress-out", exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="regress-") as name:
        folder = pathlib.Path(name)
        shutil.copytree(source, folder / "sql")
        (folder / "data").mkdir()
        if "user" in account():
            shutil.chown(folder, account()["user"])
        files = sorted(file for file in (folder / "sql").glob("*.sql") if not names or file.stem in names)
        run(binary, folder, files)


if __name__ == "__main__":
    main()
