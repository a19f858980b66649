"""Load the SQL of this folder once for each schema, by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

_HERE = Path(__file__).parent

CLOCK: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The server's clock in microseconds since 1970 UTC. It moves within a transaction."""

# A run as `rows.run_row` reads it, from `runs` r, `heads` h and `contracts` c. If the first two
# name different contracts, the row is damaged: workers find runs by the one, all others by the
# other.
RUN_ROW: Final = (
    "r.run, CASE WHEN h.contract = r.contract THEN c.digest END, c.name, c.version, r.started_at, r.input, "
    "h.epoch, h.seq, h.hash, h.arrivals, h.priority, h.label, "
    "h.state, h.status, h.outcome, h.since, h.wake_at, h.worker, h.reason, h.body, h.needs"
)

# A contract as `rows.contract_row` reads it, from `contracts` c.
CONTRACT_ROW: Final = (
    "c.digest, c.name, c.version, c.sources, c.form, "
    "ARRAY(SELECT a.digest FROM opord.digests AS a WHERE a.contract = c.id AND a.digest <> c.digest ORDER BY 1)"
)

# The numbers of the contracts whose digests, of any form, are the first parameter.
CONTRACT_IDS: Final = (
    "SELECT DISTINCT d.contract AS id FROM opord.digests AS d "
    "WHERE d.digest = ANY (ARRAY(SELECT json_array_elements_text($1::json)))"
)

# The places of runs: what may decide which worker carries a run, a contract and a label. A worker's
# own are made of its contracts and its labels; the others are those of all runs that wake.
_PLACES: Final = f"""places (contract, label) AS MATERIALIZED (
  SELECT c.id, l.label FROM ({CONTRACT_IDS}) AS c CROSS JOIN (SELECT DISTINCT json_array_elements_text($2::json) AS label) AS l
)"""
_ALL_PLACES: Final = """found (contract, label) AS (
  SELECT c.id, (SELECT h.label FROM opord.heads AS h WHERE h.contract = c.id AND h.due_at IS NOT NULL ORDER BY h.label LIMIT 1)
  FROM opord.contracts AS c
  UNION ALL
  SELECT p.contract, (SELECT h.label FROM opord.heads AS h WHERE h.contract = p.contract AND h.label > p.label
    AND h.due_at IS NOT NULL ORDER BY h.label LIMIT 1)
  FROM found AS p WHERE p.label IS NOT NULL
), places (contract, label) AS (SELECT contract, label FROM found WHERE label IS NOT NULL)"""

# The turns: the priorities of the runs of each place that wake. Each step goes to the next that
# there is, past all runs of the one before.
_TURNS: Final = """steps (contract, label, priority) AS (
  SELECT p.contract, p.label, (SELECT h.priority FROM opord.heads AS h
    WHERE h.contract = p.contract AND h.label = p.label AND h.due_at IS NOT NULL ORDER BY h.priority DESC LIMIT 1)
  FROM places AS p
  UNION ALL
  SELECT g.contract, g.label, (SELECT h.priority FROM opord.heads AS h
    WHERE h.contract = g.contract AND h.label = g.label AND h.priority < g.priority AND h.due_at IS NOT NULL
    ORDER BY h.priority DESC LIMIT 1)
  FROM steps AS g WHERE g.priority IS NOT NULL
), turns (contract, label, priority) AS (SELECT contract, label, priority FROM steps WHERE priority IS NOT NULL)"""

TURNS: Final = f"WITH RECURSIVE {_PLACES}, {_TURNS}"
"""The turns of a worker, whose contracts and labels are the first two parameters."""

ALL_TURNS: Final = f"WITH RECURSIVE {_ALL_PLACES}, {_TURNS}"
"""The turns of all runs that wake."""

OF_TURN: Final = "h.contract = t.contract AND h.label = t.label AND h.priority = t.priority"
"""The condition on `heads` h that it is of the turn `t`."""


def nobody_serves(contract: str, label: str, now: str) -> str:
    """Return the condition that no worker alive then takes runs of a contract and label.

    All three are texts of SQL.
    """
    return (
        "NOT EXISTS (SELECT 1 FROM opord.workers AS w JOIN opord.digests AS d ON d.digest = ANY (w.contracts) "
        f"WHERE w.alive_until > {now} AND d.contract = {contract} AND {label} = ANY (w.labels))"
    )


_NOW1: Final = f"(SELECT coalesce($1::bigint, {CLOCK}))"

_SHORT: Final[Mapping[str, str]] = {
    ":run_row": RUN_ROW,
    ":contract_row": CONTRACT_ROW,
    ":contract_ids": CONTRACT_IDS,
    ":turns": TURNS,
    ":all_turns": ALL_TURNS,
    ":of_turn": OF_TURN,
    # The clock is the first parameter of these two.
    ":nobody_serves_it": nobody_serves("t.contract", "t.label", _NOW1),
    ":nobody_serves": nobody_serves("c.id", "''", _NOW1),
    # The clock as a parameter or, if that is empty, the server's. As a subquery it can be a key of
    # an index; a function that changes while a statement runs cannot.
    **{f":now{number}": f"(SELECT coalesce(${number}::bigint, {CLOCK}))" for number in (1, 2, 3, 4)},
    ":clock": CLOCK,
}


def in_schema(text: str, schema: str) -> str:
    """Return SQL of this folder with another schema than `opord`. The name needs no quotes."""
    return text if schema == "opord" else re.sub(r"\bopord\.(?!may_change)", f"{schema}.", text)


def _named(file: str, mark: str) -> dict[str, str]:
    """Return the statements of a file by what follows `mark`."""
    parts = re.split(rf"^-- ({mark}: \w+)\n", (_HERE / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        name: re.sub(r"^--.*\n", "", body, flags=re.MULTILINE).strip()
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


@cache
def queries(schema: str) -> dict[str, str]:
    """Return the statements by name."""
    found: dict[str, str] = {}
    for name, text in _named("queries.sql", "name").items():
        for short, long in _SHORT.items():
            text = text.replace(short, long)
        found[name.removeprefix("name: ")] = in_schema(text, schema)
    return found


@cache
def _parts(schema: str) -> dict[str, str]:
    return {
        name: in_schema(text, schema) for name, text in _named("batch.sql", r"(?:part|list|gate|do)").items()
    }


LISTS: Final = (
    "writes", "starts", "records", "values", "takes", "puts", "event_keys", "used_keys",
)  # fmt: skip
"""The lists of a batch, in the order of the parameters of its statement."""


def has_null(parameters: Sequence[Any]) -> bool:
    """Say whether a text has a character that PostgreSQL has not: nothing is stored under it."""
    return any(type(one) is str and "\0" in one for one in parameters)


@cache
def batch_statement(schema: str, present: Collection[str], notifies: bool = False) -> str:
    """Return the statement that writes a batch with these lists, each a parameter in their order.

    The store's clock follows as a parameter and, if the statement notifies, the channel and the
    text.
    It returns (n, arrivals) for each change, or nothing if one does not fit.
    """
    parts, names = _parts(schema), [name for name in LISTS if name in present]
    reads = [f"{kind}: {name}" for name in names for kind in ("part", "list")]
    ctes = [parts[name] for name in reads if name in parts]
    gates = [parts[f"gate: {name}"] for name in names if f"gate: {name}" in parts]
    ctes.append("gate AS MATERIALIZED (SELECT " + "\n  AND ".join(gates) + " AS ok)")
    ctes += [parts[f"do: {name}"] for name in ("writes", "starts") if name in present]
    made = [made for name, made in (("writes", "moved"), ("starts", "started")) if name in present]
    done = " UNION ALL ".join(f"SELECT n, id, arrivals FROM {one}" for one in made)
    ctes.append(f"done AS MATERIALIZED ({done})")
    ctes += [parts[f"do: {name}"] for name in names if name not in ("writes", "starts")]
    heard = ""
    if notifies:
        channel, text = (f"${len(names) + number}::text" for number in (2, 3))
        ctes.append(f"notice AS MATERIALIZED (SELECT pg_notify({channel}, {text}) FROM gate WHERE ok)")
        heard = " WHERE (SELECT count(*) FROM notice) = 1"
    statement = "WITH " + ", ".join(ctes) + f"\nSELECT n, arrivals FROM done{heard}"
    # Every statement has the clock as a parameter, also if it writes no head.
    statement = statement.replace(
        "SELECT n, arrivals FROM done", "SELECT n, arrivals, :now::bigint FROM done"
    )
    for number, name in enumerate([*names, "now"], 1):
        statement = statement.replace(f":{name}::", f"${number}::")
    return statement


def migrations(schema: str = "opord") -> list[str]:
    """Return the schema's steps; step number n makes version n."""
    files = sorted((_HERE / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))
    for number, file in enumerate(files, 1):
        if int(file.name[:4]) != number:
            raise RuntimeError(f"expected migration {number:04d}, got: {file.name}")
    return [in_schema(file.read_text(encoding="utf-8"), schema) for file in files]
