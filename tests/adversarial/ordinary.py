"""Sends what applications say past sidegate and through it, and prints what is not the same.

Told: the file of statements (`ordinary.sql` says how it is written), the server's port, the ports of sidegate under the
analysts' policy and under the open one, the database, one that holds the masked values themselves, and the password.
"""

import base64
import hashlib
import hmac
import os
import re
import socket
import struct
import sys


class Connection:
    """One that speaks the protocol itself: a driver would not show what it was told."""

    def __init__(self, port, user, database, password):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.held = b""
        self.password = password
        self.pending = False
        body = struct.pack("!I", 196608)
        for word in ("user", user, "database", database):
            body += word.encode() + b"\0"
        body += b"\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        while True:
            tag, body = self.message()
            if tag == "E":
                raise ConnectionError(error(body))
            if tag == "Z":
                return
            if tag == "R" and struct.unpack("!I", body[:4])[0] == 10:
                self.nonce = base64.b64encode(os.urandom(12)).decode()
                first = f"n,,n=,r={self.nonce}".encode()
                self.send("p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
            elif tag == "R" and struct.unpack("!I", body[:4])[0] == 11:
                self.prove(body[4:].decode())

    def prove(self, said):
        parts = dict(part.split("=", 1) for part in said.split(","))
        salt = base64.b64decode(parts["s"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, int(parts["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        bare = "c=biws,r=" + parts["r"]
        signed = ",".join(["n=,r=" + self.nonce, said, bare])
        signature = hmac.digest(hashlib.sha256(key).digest(), signed.encode(), "sha256")
        proof = base64.b64encode(bytes(one ^ other for one, other in zip(key, signature))).decode()
        self.send("p", f"{bare},p={proof}".encode())

    def send(self, tag, body):
        self.socket.sendall(tag.encode() + struct.pack("!I", len(body) + 4) + body)

    def read(self, count):
        while len(self.held) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            self.held += more
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def message(self):
        head = self.read(5)
        return chr(head[0]), self.read(struct.unpack("!I", head[1:])[0] - 4)

    def answer(self, rows):
        """Everything up to ReadyForQuery; `rows` go where COPY wants them."""
        seen = []
        try:
            while not seen or seen[-1][0] != "Z":
                tag, body = self.message()
                if tag == "S":
                    continue
                seen.append((tag, body))
                if tag == "G":
                    self.send("d", (rows or "").encode())
                    self.send("c", b"")
                if self.pending and tag in "GE":
                    self.pending = False
                    self.send("S", b"")
        except (EOFError, OSError) as problem:
            seen.append(("cut", repr(problem).encode()))
        return seen

    def ask(self, form, sql, values, rows):
        if form == "simple" and values is None:
            self.send("Q", sql.encode() + b"\0")
            return self.answer(rows)
        bound = b""
        for value in values or ():
            text = b"" if value is None else value.encode()
            bound += struct.pack("!i", -1 if value is None else len(text)) + text
        self.send("P", b"\0" + sql.encode() + b"\0\0\0")
        self.send("D", b"S\0")
        self.send("B", struct.pack("!HHH", 0, 0, len(values or ())) + bound + struct.pack("!HH", 1, form == "binary"))
        self.send("D", b"P\0")
        self.send("E", b"\0\0\0\0\0")
        # PostgreSQL throws away a Sync that comes while it waits for rows.
        self.pending = rows is not None
        self.send("H" if self.pending else "S", b"")
        return self.answer(rows)


def error(body):
    fields = {chr(field[0]): field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
    return {code: text for code, text in fields.items() if code not in "FLR"}


def columns(body, origins):
    found, rest = [], body[2:]
    while rest:
        end = rest.index(b"\0")
        described = struct.unpack("!IHIhih", rest[end + 1 : end + 19])
        # Where nothing is masked, drivers find a column's table by them.
        found.append((rest[:end].decode(), described if origins else described[2:]))
        rest = rest[end + 19 :]
    return found


def shown(messages, origins=True):
    read = {"T": lambda body: columns(body, origins), "E": error, "N": error, "A": lambda body: body[4:]}
    return [(tag, read.get(tag, bytes)(body)) for tag, body in messages]


def blocks(path):
    """Words about each exchange, and what is sent in it: text, bound values, rows for COPY."""
    for block in re.split(r"\n\s*\n", open(path).read()):
        lines = block.strip("\n").split("\n")
        words = set()
        while lines and lines[0].startswith("#"):
            words.add(lines.pop(0)[1:].strip())
        sent = []
        for part in re.split(r" *\\g(?:\n|$)", "\n".join(lines)):
            rows = values = None
            if copied := re.match(r"(?s)(.*?)\n\\copy\n(.*)$", part):
                part, rows = copied.group(1), copied.group(2) + "\n"
            if bound := re.match(r"(?s)(.*?) *\\bind(.*)$", part):
                part, values = bound.group(1), [None if v == "\\N" else v for v in bound.group(2).split()]
            sent.append((part, values, rows))
        if lines:
            yield words, sent


class Play:
    def __init__(self, server, analysts, everybody, database, masked, password):
        self.server, self.gates = int(server), {"analysts": int(analysts), "open": int(everybody)}
        self.database, self.masked, self.password = database, masked, password
        self.kept = {}

    def connection(self, place, fresh):
        port, user, database = place
        if fresh:
            return Connection(port, user, database, self.password)
        if place not in self.kept:
            self.kept[place] = Connection(port, user, database, self.password)
        return self.kept[place]

    def exchange(self, place, words, sent, form):
        connection = self.connection(place, len(sent) > 1 or "alone" in words)
        if "open" in words:
            connection.ask("simple", "begin", None, None)
        told = [connection.ask(form, *one) for one in sent]
        if "open" in words:
            connection.ask("simple", "rollback", None, None)
        if any(tag == "cut" for one in told for tag, _ in one):
            self.kept.clear()
        return told

    def differences(self, words, sent, form):
        gate = self.gates["open" if words & {"open", "alone"} else "analysts"]
        told = self.exchange((self.server, "svc", self.database), words, sent, form)
        masked = told
        if any("customers" in sql for sql, _, _ in sent):
            masked = self.exchange((self.server, "svc", self.masked), words, sent, form)
        through = self.exchange((gate, "alice", self.database), words, sent, form)
        # Only what shows no masked value has the same origins.
        plain = all(shown(one, False) == shown(other, False) for one, other in zip(told, masked))
        plain = plain and not any("customers" in sql for sql, _, _ in sent)
        plain = plain and "temp" not in words
        for expected, seen in zip(masked, through):
            expected, seen = shown(expected, plain), shown(seen, plain)
            wrong = next((pair for pair in zip(expected, seen) if pair[0] != pair[1]), None)
            if wrong or len(expected) != len(seen):
                yield f"{wrong[1]}, not {wrong[0]}" if wrong else f"{len(seen)} messages, not {len(expected)}"
                return
            if any(tag == "E" for tag, _ in expected) and "fails" not in words:
                yield f"the server refuses it: {expected}"
                return


def main(path, version, *rest):
    play, count = Play(*rest), 0
    for words, sent in blocks(path):
        if not words.isdisjoint({"18"} if version == "15" else {"15"}):
            continue
        count += 1
        # Each form on one of the servers: what they share is not tried twice.
        other = "binary" if version == "15" else "text"
        for form in ("simple",) if "simple" in words else ("simple", other):
            for difference in play.differences(words, sent, form):
                print(f"PostgreSQL {version}, {form}: {' | '.join(sql for sql, _, _ in sent)}\n    {difference}")
    print(f"{count} exchanges", file=sys.stderr)


main(*sys.argv[1:])
