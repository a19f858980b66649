"""Build the statement that lists runs: newest first, through the index that narrows most.

Every index ends in the run's number, so each part below comes in order and stops at its limit; the cost goes
with what is listed, not with what is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from opord.stores.base import RunFilter
from opord.stores.sqlite.sql import RUN_ROW


def listing(where: RunFilter, contract_ids: Sequence[int]) -> str:
    """Return a query with the parameters :contract, :state, :status, :outcome, :before and :limit.

    `contract_ids` are the numbers of all versions of the contract asked for; empty if any will do.
    """
    parts = " UNION ALL ".join(f"SELECT id FROM ({part})" for part in _parts(where, contract_ids))  # noqa: S608
    # Only our own text and numbers are put together here; what a user asks for is bound.
    newest = f"SELECT id FROM ({parts}) ORDER BY id DESC LIMIT :limit"  # noqa: S608
    return (
        f"SELECT {RUN_ROW} AS row FROM ({newest}) AS n "  # noqa: S608
        "CROSS JOIN runs AS r ON r.id = n.id CROSS JOIN heads AS h ON h.run = n.id "
        "CROSS JOIN contracts AS c ON c.id = r.contract ORDER BY n.id DESC"
    )


def _parts(where: RunFilter, contract_ids: Sequence[int]) -> list[str]:
    if where.outcome is not None:
        return [_part(where, "heads AS h INDEXED BY heads_by_outcome", "h.outcome = :outcome")]
    if where.status == "running":
        return [_part(where, "heads AS h INDEXED BY heads_running", "h.status = 'running'")]
    if where.status is not None:
        return [_part(where, "heads AS h INDEXED BY heads_by_status", "h.status <> 'running'")]
    if where.state is not None:
        return [
            _part(where, "heads AS h INDEXED BY heads_running", "h.status = 'running'"),
            _part(where, "heads AS h INDEXED BY heads_by_state", "h.status <> 'running'"),
        ]
    if where.contract is not None:
        of_contract = "runs AS r INDEXED BY runs_of_contract CROSS JOIN heads AS h ON h.run = r.id"
        return [_part(where, of_contract, f"r.contract = {number}", "r.id") for number in contract_ids]
    return [_part(where, "heads AS h", "true")]


def _part(where: RunFilter, source: str, narrow: str, number: str = "h.run") -> str:
    wanted = [narrow, f"{number} < :before"]
    if where.contract is not None:
        wanted.append("h.contract IN (SELECT id FROM contracts WHERE name = :contract)")
    wanted += [
        f"h.{name} = :{name}" for name in ("state", "status", "outcome") if getattr(where, name) is not None
    ]
    given = " AND ".join(wanted)
    return f"SELECT {number} AS id FROM {source} WHERE {given} ORDER BY {number} DESC LIMIT :limit"  # noqa: S608
