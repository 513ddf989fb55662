"""Compares sidegate's facts with PostgreSQL's own parser (libpg_query, through pglast).

    python tests/oracle/differential.py FACTS_BINARY

FACTS_BINARY is `examples/facts.rs`, built. On every statement of the corpus and of the adversarial
set that both read, none may
- be `read` only while PostgreSQL's tree has a node that writes, defines, locks or runs code, or
- read, write or lock a relation that the facts do not list, or
- call a function that the facts do not list.
Exits 1 and prints the statements if one does.
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

from pglast import parser

DATA = pathlib.Path(__file__).parent.parent / "data" / "sql"
HARMLESS = {"read", "session", "transaction"}
# Statement nodes that only read or that only touch the session itself.
QUIET = {
    "ConstraintsSetStmt",
    "SelectStmt", "ExplainStmt", "TransactionStmt", "VariableShowStmt", "VariableSetStmt", "DeclareCursorStmt",
    "FetchStmt", "ClosePortalStmt", "PrepareStmt", "DeallocateStmt", "DiscardStmt", "UnlistenStmt", "ExecuteStmt",
    "LockStmt", "CopyStmt", "RawStmt", "ReturnStmt",
}


def statements():
    with gzip.open(DATA / "corpus.jsonl.gz", "rt") as lines:
        for line in lines:
            yield json.loads(line)["sql"]
    with open(DATA / "adversarial.jsonl") as lines:
        for line in lines:
            sql = json.loads(line)["sql"]
            if sql is not None:
                yield sql


class Truth:
    """What a libpg_query tree does: `acts`, relations and functions, with CTE names taken out."""

    def __init__(self, tree):
        self.acts, self.relations, self.functions = set(), set(), set()
        for statement in tree.get("stmts", []):
            self.node(statement.get("stmt"), frozenset())

    def node(self, node, ctes):
        if isinstance(node, list):
            for part in node:
                self.node(part, ctes)
        elif isinstance(node, dict):
            for kind, body in node.items():
                if kind[:1].isupper() and isinstance(body, dict):
                    self.typed(kind, body, ctes)
                else:
                    self.field(kind, body, ctes)

    def typed(self, kind, body, ctes):
        if kind.endswith("Stmt") and kind not in QUIET:
            self.acts.add(kind)
        if kind == "ConstraintsSetStmt":
            return  # Its names look like relations, and are constraints.
        if kind == "CreateTableAsStmt" or body.get("intoClause"):
            self.acts.add("into")
        if kind == "RangeVar":
            self.range(body, ctes)
        if kind == "FuncCall":
            names = [part["String"]["sval"] for part in body.get("funcname", [])]
            self.functions.add(names[-1])
        if kind == "SelectStmt" and body.get("lockingClause"):
            self.acts.add("lock")
        with_clause = body.get("withClause")
        if with_clause:
            ctes = self.with_clause(with_clause, ctes)
        for name, value in body.items():
            if name != "withClause" and not (kind == "SelectStmt" and name == "lockingClause"):
                self.field(name, value, ctes)

    def field(self, name, value, ctes):
        if name in ("larg", "rarg", "selectStmt") and isinstance(value, dict) and "SelectStmt" not in value:
            self.typed("SelectStmt", value, ctes)
        elif name in ("relation", "rel") and isinstance(value, dict) and "relname" in value:
            # The target of a statement is never a CTE.
            self.range(value, frozenset())
        else:
            self.node(value, ctes)

    def with_clause(self, clause, ctes):
        expressions = [part["CommonTableExpr"] for part in clause.get("ctes", [])]
        names = frozenset(part["ctename"] for part in expressions)
        if clause.get("recursive"):
            ctes = ctes | names
        for part in expressions:
            self.node(part.get("ctequery"), ctes)
            ctes = ctes | {part["ctename"]}
        return ctes | names

    def range(self, body, ctes):
        if body.get("schemaname") or body["relname"] not in ctes:
            self.relations.add(body["relname"])


def differences(sql, facts, truth):
    effects = set(facts["effects"])
    if truth.acts and effects <= HARMLESS:
        yield f"PostgreSQL sees {sorted(truth.acts)}, the effects are {sorted(effects)}"
    # Definitions name relations that do not exist yet, roles and types; their effects say enough.
    if effects <= HARMLESS | {"write", "copy_in", "copy_out"}:
        missing = {name[:63] for name in truth.relations} - {relation["name"] for relation in facts["relations"]}
        if missing:
            yield f"not listed as relations: {sorted(missing)}"
        if "procedure" not in effects:
            missing = truth.functions - {function["name"] for function in facts["functions"]}
            if missing:
                yield f"not listed as functions: {sorted(missing)}"


def main():
    texts = list(dict.fromkeys(statements()))
    with tempfile.TemporaryFile("w+") as lines:
        for sql in texts:
            lines.write(json.dumps({"sql": sql}) + "\n")
        lines.seek(0)
        answer = subprocess.run([sys.argv[1]], stdin=lines, capture_output=True, text=True, check=True)
    compared = wrong = 0
    for sql, line in zip(texts, answer.stdout.split("\n"), strict=False):
        facts = json.loads(line)
        if facts["unparsed"] is not None:
            continue
        try:
            tree = json.loads(parser.parse_sql_json(sql))
        except (parser.ParseError, RecursionError):
            continue
        compared += 1
        for difference in differences(sql, facts, Truth(tree)):
            wrong += 1
            print(f"{difference}\n    {' '.join(sql.split())[:300]}")
    print(f"{compared} statements compared, {wrong} differences")
    return 1 if wrong or compared < 30000 else 0


if __name__ == "__main__":
    sys.exit(main())
