"""No statement of the SQLite store scans all runs.

Costs depend on the arguments, not on the stored data.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import apsw
import pytest

from opord.kernel.rows import NEED_REASONS
from opord.stores.base import RunFilter
from opord.stores.filters import Place
from opord.stores.sqlite import opening, sql
from opord.stores.sqlite.listing import _parts, listing
from opord.values.types import Instant


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    connection = opening.open_writer(tmp_path_factory.mktemp("plans") / "runs.db")
    yield connection
    connection.close()


def plan(connection: apsw.Connection, query: str) -> list[str]:
    parameters: Any = dict.fromkeys(re.findall(r":(\w+)", query), 1)
    return [
        row[3]
        for row in connection.execute(
            f"EXPLAIN QUERY PLAN {query}",
            parameters if ":limit" in query or ":now" in query else [1] * query_parameters(query),
        )
    ]


def query_parameters(query: str) -> int:
    if "?" in query and not re.search(r"\?\d", query):
        return query.count("?")
    return max((int(number) for number in re.findall(r"\?(\d+)", query)), default=0)


NAMED = {"h": "heads", "r": "runs", "j": "journal", "i": "inbox", "k": "event_keys", "s": "settled"}


def scans(steps: list[str], names: str = "hrjiks") -> list[str]:
    """Return the steps that scan a whole growing table.

    `names` are the aliases of tables in the statement.
    """
    grows = {*NAMED.values(), *names}
    words = [step.split() for step in steps]
    return [
        " ".join(step) for step in words if step[0] == "SCAN" and step[1] in grows and "VIRTUAL" not in step
    ]


COUNTING = {"counts", "tally"}
"""Statements that count: they scan an index, which must be enough for ended runs."""


def test_a_counting_statement_reads_only_an_index(connection: apsw.Connection) -> None:
    steps = plan(connection, sql.queries()["counts"])
    assert all("COVERING INDEX" in step for step in steps if "heads" in step), steps
    assert not any("TEMP B-TREE" in step for step in steps)


def test_the_tally_reads_no_head_of_an_ended_run(connection: apsw.Connection) -> None:
    steps = plan(connection, sql.queries()["tally"])
    assert [step for step in steps if "heads_ended" in step and "COVERING INDEX" not in step] == []
    assert scans(steps) == ["SCAN h USING INDEX heads_running", "SCAN h USING INDEX heads_by_needs"]


@pytest.mark.parametrize("name", sorted(sql.queries().keys() - COUNTING))
def test_a_named_statement_scans_no_table_that_grows(connection: apsw.Connection, name: str) -> None:
    assert scans(plan(connection, sql.queries()[name])) == []


@pytest.mark.parametrize("name", ["due", "next_wake"])
def test_claiming_reads_only_runs_that_wait_for_an_instant(connection: apsw.Connection, name: str) -> None:
    steps = plan(connection, sql.queries()[name])
    assert any("USING" in step and "heads_due" in step for step in steps)
    assert not any("TEMP B-TREE" in step for step in steps)


FILTERS = [
    RunFilter(contract, state, status, outcome)  # type: ignore[arg-type]
    for contract, state, status, outcome in itertools.product(
        (None, "Orders"), (None, "S"), (None, "running", "waiting", "ended"), (None, "success")
    )
]


@pytest.mark.parametrize("where", FILTERS, ids=lambda where: "-".join(str(part) for part in where))
def test_a_listing_walks_an_index_newest_first_and_stops(
    connection: apsw.Connection, where: RunFilter
) -> None:
    for part in _parts(where, [1, 2]):
        steps = plan(connection, part)
        # No sort: the rows come in order, so the limit ends the scan.
        assert not any("TEMP B-TREE" in step for step in steps)
        if where == RunFilter():
            assert steps == ["SEARCH h USING INTEGER PRIMARY KEY (rowid<?)"]
        else:
            assert any("INDEX heads_" in step or "INDEX runs_of_contract" in step for step in steps)
    assert scans(plan(connection, listing(where, [1, 2]))) == []


OF_SEVERAL = {
    "states": RunFilter(state=("S", "T")),
    "statuses": RunFilter(status=("running", "stalled", "ended")),
    "outcomes": RunFilter("Orders", outcome=("success", "failure"), status=("ended", "stalled")),
    "contracts": RunFilter(("Orders", "Refunds"), version=(1, 2)),
    "labels": RunFilter(label=("gpu", "slow")),
    "waiting": RunFilter(
        waiting_in=(Place("Orders", 1, "S"), Place("Orders", 2, "S"), Place("Refunds", 1, "T"))
    ),
    "reasons": RunFilter(reason=("zero", "charge")),
}


@pytest.mark.parametrize("where", OF_SEVERAL.values(), ids=OF_SEVERAL)
def test_each_of_several_values_walks_its_own_part_of_an_index(
    connection: apsw.Connection, where: RunFilter
) -> None:
    for part in _parts(where, [1, 2]):
        steps = plan(connection, part)
        assert not any("TEMP B-TREE" in step for step in steps), steps
        assert any("INDEX heads_" in step or "INDEX runs_of_contract" in step for step in steps), steps
    assert scans(plan(connection, listing(where, [1, 2]))) == []


def test_runs_that_are_due_are_found_by_their_instants(connection: apsw.Connection) -> None:
    (part,) = _parts(RunFilter(due_from=Instant(1), due_before=Instant(2)), [])
    steps = plan(connection, part)
    assert any("heads_due (contract=? AND" in step and "wake_at>? AND wake_at<?" in step for step in steps), (
        steps
    )


@pytest.mark.parametrize("needs", ["any", *NEED_REASONS])
def test_runs_with_a_need_are_found_without_reading_the_others(
    connection: apsw.Connection, needs: Any
) -> None:
    where = RunFilter("Orders", needs=needs)
    for part in _parts(where, [1]):
        steps = plan(connection, part)
        due = any("heads_due (contract=? AND" in step for step in steps)
        assert due or any("heads_by_needs (needs=? AND rowid<?)" in step for step in steps), steps
        # Those that are due come in the order of their instants, and must be sorted.
        assert due or not any("TEMP B-TREE" in step for step in steps)
    assert scans(plan(connection, listing(where, [1]))) == []


def test_ended_runs_are_found_through_their_own_index_in_order(connection: apsw.Connection) -> None:
    steps = plan(connection, sql.queries()["ended"])
    assert any("heads_ended (contract=? AND" in step for step in steps)
    assert not any("TEMP B-TREE" in step for step in steps)
