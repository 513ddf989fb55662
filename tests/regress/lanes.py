"""A PostgreSQL, perhaps a sidegate before it, and psql in a seat from which all lanes look alike."""

import contextlib
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import time
import urllib.request

DATABASE = "regression"
TEMPLATE = "regress_template"
# Seconds for one file; the slowest takes a tenth of it.
PATIENCE = 120
OPTIONS = """
listen_addresses = ''
fsync = off
full_page_writes = off
autovacuum = off
checkpoint_timeout = 1h
max_wal_size = 10GB
max_connections = 50
max_prepared_transactions = 2
intervalstyle = postgres_verbose
jit = off
logging_collector = off
"""
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PGHOST": "/proc/self/cwd/socket",
    "PGPORT": "5432",
    "PGUSER": "postgres",
    "PGTZ": "PST8PDT",
    "PGDATESTYLE": "Postgres, MDY",
    "LC_MESSAGES": "C",
    # Of the server's working directory, and of psql's: the same words in every lane.
    "PG_ABS_SRCDIR": "/proc/self/cwd",
    "PG_ABS_BUILDDIR": "/proc/self/cwd",
    "PG_LIBDIR": "/nonexistent",
    "PG_DLSUFFIX": ".so",
}


def account():
    """Keywords of `subprocess` for an account that PostgreSQL starts under."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "umask": 0o077}


def program(name):
    """Of the newest PostgreSQL that is installed."""
    found = pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return max(found, key=lambda path: int(path.parent.parent.name))


def until(what, seconds, probe):
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise SystemExit(f"regress: {what() if callable(what) else what}: not within {seconds} s")
        time.sleep(0.02)
    return answer


class Server:
    """One cluster, made new or as a copy of one that is stopped."""

    def __init__(self, folder, origin=None):
        self.folder, self.cluster = folder, folder / "cluster"
        subprocess.run(["mkdir", "-p", folder / "server"], check=True, **account())
        if origin is None:
            arguments = ["--no-locale", "--encoding=UTF8", "--username=postgres", "--auth=trust", "--no-sync"]
            self.tool("initdb", *arguments, "-D", self.cluster)
            (self.cluster / "postgresql.auto.conf").write_text(OPTIONS)
            subprocess.run(["mkdir", self.cluster / "results"], check=True, **account())
            (self.cluster / "data").symlink_to("../../data")
        else:
            subprocess.run(["cp", "-a", origin.cluster, self.cluster], check=True, **account())

    def tool(self, name, *arguments):
        ran = subprocess.run([program(name), *arguments], capture_output=True, text=True, cwd="/", **account())
        if ran.returncode != 0:
            raise SystemExit(f"regress: {name}: {ran.stdout}{ran.stderr}")

    def __enter__(self):
        options = f"-c unix_socket_directories={self.folder / 'server'}"
        self.tool("pg_ctl", "start", "-w", "-D", self.cluster, "-l", self.folder / "log", "-o", options)
        return self

    def __exit__(self, *_):
        self.tool("pg_ctl", "stop", "-m", "fast", "-w", "-D", self.cluster)

    def sql(self, database, *statements):
        environment = ENVIRONMENT | {"PGHOST": str(self.folder / "server"), "PGDATABASE": database}
        commands = [word for statement in statements for word in ("-c", statement)]
        command = [program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *commands]
        said = ""

        def done():
            nonlocal said
            ran = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", **account())
            said = ran.stderr
            return ran.returncode == 0

        # A file may have made the server start over.
        until(lambda: f"{statements} on the server itself: {said}", 60, done)


CONFIGURATION = """
bundles:
  main: {{resource: "file://{bundle}"}}
plugins:
  sidegate:
    state_directory: {folder}/state
    admin: {{address: "127.0.0.1:{admin}"}}
    deadline: 5s
    # What is measured here is not the disk.
    audit: {{class: async}}
    listeners:
      - name: regress
        protocol: postgres
        address: unix:{folder}/gate/.s.PGSQL.5432
        identify: [{{workload: {{subject: regress}}}}]
        settings: free
        limits: {{statement: 1MiB, tokens: 1000000}}
        upstream:
          address: unix:{folder}/server/.s.PGSQL.5432
          credential: {{user: postgres}}
"""


class Sidegate:
    """The program under test, before a server."""

    def __init__(self, binary, folder):
        self.folder = folder
        for name in ("gate", "state"):
            subprocess.run(["mkdir", folder / name], check=True, **account())
        shutil.copy(binary, folder / "sidegate")
        shutil.copytree(pathlib.Path(__file__).parent / "bundle", folder / "bundle")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.admin = free.getsockname()[1]
        text = CONFIGURATION.format(folder=folder, bundle=folder / "bundle", admin=self.admin)
        (folder / "sidegate.yaml").write_text(text)
        subprocess.run(["chmod", "-R", "a+rX", folder / "bundle", folder / "sidegate", folder / "sidegate.yaml"])

    def __enter__(self):
        with open(self.folder / "sidegate.log", "wb") as log:
            self.process = subprocess.Popen(
                [self.folder / "sidegate", "run", "-c", self.folder / "sidegate.yaml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **account(),
            )
        until("sidegate serves", 60, lambda: self.page("/health?bundles") is not None)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def page(self, path):
        if self.process.poll() is not None:
            raise SystemExit("regress: sidegate ended:\n" + (self.folder / "sidegate.log").read_text())
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=5) as answer:
                return answer.read().decode()
        return None

    def metric(self, name, *labels):
        """The sum of what a metric counts under these labels."""
        lines = (self.page("/metrics") or "").splitlines()
        wanted = (line for line in lines if line.startswith(name) and all(label in line for label in labels))
        return int(sum(float(line.rsplit(" ", 1)[1]) for line in wanted))

    def refused(self):
        """How many statements it refused itself, by cause."""
        lines = (self.page("/metrics") or "").splitlines()
        denied = (line for line in lines if line.startswith("sidegate_decisions_total") and 'outcome="denied"' in line)
        return ", ".join(re.sub('.*cause="(.*)"} ', r"\1 ", line) for line in denied) or "none"

    def cpu(self):
        """Seconds that it computed so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        """MiB of memory."""
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Lane:
    """A server and the way to it that psql takes."""

    def __init__(self, server, way):
        self.server, self.seconds, self.seat = server, 0.0, server.folder / "seat"
        subprocess.run(["mkdir", self.seat], check=True, **account())
        for name, target in (("socket", way), ("data", "../data"), ("results", "cluster/results")):
            (self.seat / name).symlink_to(f"../{target}")

    def run(self, file, patience=PATIENCE):
        """What psql prints, on a new database."""
        create = f"create database {DATABASE} template {TEMPLATE}"
        # What a file subscribed to would keep its database.
        forget = "delete from pg_subscription"
        self.server.sql("postgres", forget, f"drop database if exists {DATABASE} with (force)", create)
        return self.fill(file, DATABASE, patience)

    def fill(self, file, database=TEMPLATE, patience=PATIENCE):
        """The same, on a database that is there."""
        command = [program("psql"), "-X", "-a", "-q", "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on"]
        environment = ENVIRONMENT | {"PGAPPNAME": f"regress/{file.stem}", "PGDATABASE": database}
        started = time.monotonic()
        with open(file, "rb") as statements, open(self.server.folder / "output", "wb") as output:
            psql = subprocess.Popen(
                command, stdin=statements, stdout=output, stderr=output, env=environment, cwd=self.seat, **account()
            )
            try:
                psql.wait(patience)
            except subprocess.TimeoutExpired:
                psql.kill()
                psql.wait()
                output.write(b"\nno end within the time that the test gives\n")
        self.seconds += time.monotonic() - started
        return (self.server.folder / "output").read_bytes()
