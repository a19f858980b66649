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
    "json_array(h.state, h.status, h.outcome, h.since, h.wake_at, h.worker, h.reason, h.body, h.needs))"
)

# A contract as `StoredContract`, from `contracts` c. `current` is in form 1 if it is set.
CONTRACT_ROW = (
    "json_array(coalesce(c.current, c.digest), c.name, c.version, c.sources, "
    "CASE WHEN c.current IS NULL THEN c.form ELSE 1 END, "
    "CASE WHEN c.current IS NULL THEN json_array() ELSE json_array(c.digest) END)"
)

# The condition on `contracts` c that no worker that is alive at `:now` has handlers for it.
NOBODY_SERVES = (
    "NOT EXISTS (SELECT 1 FROM workers AS w CROSS JOIN "
    "json_each(CASE WHEN json_valid(w.contracts) THEN w.contracts ELSE json_array() END) AS d "
    "WHERE w.alive_until > :now AND d.value IN (c.digest, c.current))"
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
        .replace(":nobody_serves", NOBODY_SERVES)
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
