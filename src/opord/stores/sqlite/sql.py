"""Load the SQL of this folder once, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import apsw

from opord.stores.sqlite.forms import current_digests

_HERE = Path(__file__).parent

# A run as `RunRow`, from `runs` r, `heads` h and `contracts` c. If the first two name different
# contracts, the row is damaged: workers find runs by the one, all others by the other.
RUN_ROW = (
    "json_array(r.run, CASE WHEN h.contract = r.contract THEN coalesce(c.current, c.digest) END, c.name, c.version, r.started_at, r.input, h.epoch, h.seq, h.hash, h.arrivals, "
    "json_array(h.state, h.status, h.outcome, h.since, h.wake_at, h.worker, h.reason, h.body, h.needs), "
    "h.priority, h.label)"
)

# A contract as `StoredContract`, from `contracts` c. `current` is in form 1 if it is set.
CONTRACT_ROW = (
    "json_array(coalesce(c.current, c.digest), c.name, c.version, c.sources, "
    "CASE WHEN c.current IS NULL THEN c.form ELSE 1 END, "
    "CASE WHEN c.current IS NULL THEN json_array() ELSE json_array(c.digest) END)"
)

# The places of runs: what may decide which worker carries a run, a contract and a label. A worker's
# own are made of its contracts and its labels; the others are those of all runs that wake.
_PLACES = """places (contract, label) AS MATERIALIZED (
  SELECT DISTINCT c.id, l.value FROM json_each(?1) AS d
  CROSS JOIN contracts AS c ON c.digest = d.value OR c.current = d.value CROSS JOIN json_each(?2) AS l
)"""
_ALL_PLACES = """found (contract, label) AS (
  SELECT c.id, (SELECT h.label FROM heads AS h INDEXED BY heads_due
    WHERE h.contract = c.id AND h.wake_at IS NOT NULL ORDER BY h.label LIMIT 1) FROM contracts AS c
  UNION ALL
  SELECT p.contract, (SELECT h.label FROM heads AS h INDEXED BY heads_due
    WHERE h.contract = p.contract AND h.label > p.label AND h.wake_at IS NOT NULL ORDER BY h.label LIMIT 1)
  FROM found AS p WHERE p.label IS NOT NULL
), places (contract, label) AS (SELECT contract, label FROM found WHERE label IS NOT NULL)"""

# The turns: the priorities of the runs of each place that wake. Each step goes to the next that
# there is, past all runs of the one before.
_TURNS = """steps (contract, label, priority) AS (
  SELECT p.contract, p.label, (SELECT h.priority FROM heads AS h INDEXED BY heads_due
    WHERE h.contract = p.contract AND h.label = p.label AND h.wake_at IS NOT NULL
    ORDER BY h.priority DESC LIMIT 1) FROM places AS p
  UNION ALL
  SELECT g.contract, g.label, (SELECT h.priority FROM heads AS h INDEXED BY heads_due
    WHERE h.contract = g.contract AND h.label = g.label AND h.priority < g.priority AND h.wake_at IS NOT NULL
    ORDER BY h.priority DESC LIMIT 1) FROM steps AS g WHERE g.priority IS NOT NULL
), turns (contract, label, priority) AS (SELECT contract, label, priority FROM steps WHERE priority IS NOT NULL)"""

TURNS = f"WITH RECURSIVE {_PLACES}, {_TURNS}"
ALL_TURNS = f"WITH RECURSIVE {_ALL_PLACES}, {_TURNS}"

# The runs of a turn `t`, from `heads` h.
OF_TURN = "h.contract = t.contract AND h.label = t.label AND h.priority = t.priority"


def nobody_serves(label: str) -> str:
    """Return the condition that no worker alive at `:now` takes `contracts` c with this label.

    `label` is a text of SQL.
    """
    return (
        "NOT EXISTS (SELECT 1 FROM workers AS w CROSS JOIN "  # noqa: S608 - the store's own text
        "json_each(CASE WHEN json_valid(w.contracts) THEN w.contracts ELSE json_array() END) AS d "
        "WHERE w.alive_until > :now AND d.value IN (c.digest, c.current) AND EXISTS (SELECT 1 FROM "
        "json_each(CASE WHEN json_valid(w.labels) THEN w.labels ELSE json_array() END) AS l "
        f"WHERE l.value = {label}))"
    )


@cache
def queries() -> dict[str, str]:
    """Return the statements of the files in this folder by name."""
    text = "\n".join(
        (_HERE / file).read_text(encoding="utf-8") for file in ("batch.sql", "queries.sql", "pruning.sql")
    )
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return {
        name: re.sub(r"^--.*\n", "", body, flags=re.MULTILINE)
        .strip()
        .replace(":run_row", RUN_ROW)
        .replace(":contract_row", CONTRACT_ROW)
        .replace(":turns", TURNS)
        .replace(":all_turns", ALL_TURNS)
        .replace(":of_turn", OF_TURN)
        .replace(":of_place", "h.contract = c.id AND h.label = l.value")
        .replace(":nobody_serves_it", nobody_serves("t.label"))
        .replace(":nobody_serves", nobody_serves("''"))
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


IN_PYTHON: dict[int, Callable[[apsw.Connection], Callable[[apsw.Connection], None]]] = {3: current_digests}
"""The steps of the schema with a Python part, by number.

The function is called before the step's transaction. It returns a function that is called in the
transaction, after the SQL.
"""


def migrations() -> list[str]:
    """Return the schema's steps; step number n makes version n."""
    files = sorted((_HERE / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))
    for number, file in enumerate(files, 1):
        if int(file.name[:4]) != number:
            raise RuntimeError(f"expected migration {number:04d}, got: {file.name}")
    return [file.read_text(encoding="utf-8") for file in files]
