"""What an action in transaction wrote is restored together with its run: it is never in doubt."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.cli.program import run as opord_command
from opord.loading import load

SALE = """
contract Sale(id: str, count: int) key id
action reserve(id: str, count: int) -> int in transaction
action release(id: str, count: int) in transaction { key id }
action ship(id: str)
event go()
initial state Asked -> Reserving { on go -> goto Reserving }
state Reserving -> Reserved {
  let left = commit reserve(id, count)
  goto Reserved(left)
}
state Reserved(left: int) -> Releasing { on go -> goto Releasing(left) }
state Releasing(left: int) -> Released {
  commit release(id, count)
  goto Released(left)
}
state Released(left: int) -> Shipping { on go -> goto Shipping(left) }
state Shipping(left: int) -> Shipped {
  commit ship(id)
  goto Shipped(left)
}
final state Shipped(left: int) success
"""
ROWS_IN = {
    "Asked": [],
    "Reserved": [("s1", 3)],
    "Released": [("s1", 3), ("s1", -3)],
    "Shipped": [("s1", 3), ("s1", -3)],
}
"""The rows on the shelf, by the state that a run waits or ends in."""


class Shelf:
    """Writes its rows in the database of the runs."""

    def __init__(self) -> None:
        self.shipped = 0

    def reserve(self, id: str, count: int, *, call: opord.TransactionCall) -> int:
        _write(call.connection, id, count)
        return 100 - count

    def release(self, id: str, count: int, *, call: opord.TransactionCall) -> None:
        _write(call.connection, id, -count)

    async def ship(self, id: str, *, call: opord.Call) -> None:
        self.shipped += 1


def _write(connection: Any, id: str, count: int) -> None:
    connection.execute("INSERT INTO shelf VALUES (?, ?)", (id, count))


class Shop:
    """A store in a file, from which a copy is made and restored."""

    def __init__(self, folder: Path) -> None:
        (folder / "sale.opord").write_text(SALE)
        self.workflow = load(folder / "sale.opord").Sale
        self.file = folder / "runs.db"
        self.url = f"sqlite:///{self.file}"
        self.shelf = Shelf()

    def go(self, times: int, *, begin: bool = False) -> tuple[str, str, list[tuple[str, int]]]:
        """Send `go` some times; return the state and the status of the run, and all rows."""

        async def main() -> tuple[str, str, list[tuple[str, int]]]:
            async with opord.Engine(self.url, [self.workflow(self.shelf)]) as engine:
                if begin:
                    async with engine.transaction() as transaction:
                        transaction.connection.execute("CREATE TABLE shelf (sale TEXT, count INTEGER)")
                    await engine.start(self.workflow, id="s1", count=3)
                await engine.until_idle()
                for _ in range(times):
                    await engine.send_event("Sale/s1", "go", {})
                    await engine.until_idle()
                status = await engine.run_status("Sale/s1")
                async with engine.transaction() as transaction:
                    rows = transaction.connection.execute("SELECT sale, count FROM shelf").fetchall()
                return status["state"], status["status"], rows

        return asyncio.run(main())

    def restore(self, copy: bytes) -> None:
        for left in self.file.parent.glob("runs.db*"):
            left.unlink()
        self.file.write_bytes(copy)


@pytest.mark.parametrize(("before", "state"), [(0, "Asked"), (1, "Reserved"), (2, "Released")])
@pytest.mark.parametrize("lost", [1, 2])
def test_the_run_and_its_rows_agree_after_a_restore(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: int, state: str, lost: int
) -> None:
    shop = Shop(tmp_path)
    assert shop.go(before, begin=True) == (state, "waiting", ROWS_IN[state])
    copy = shop.file.read_bytes()
    shop.go(min(lost, 3 - before))
    shop.restore(copy)

    assert opord_command(["db", "restored", "--store", shop.url, "--as", "ann", "--json"]) == 0
    (marked,) = json.loads(capsys.readouterr().out)["runs"]
    assert (marked["first_in_doubt"], marked["with_time"]) == (["ship"], [])
    assert shop.go(0) == (state, "waiting", ROWS_IN[state])

    shipped = shop.shelf.shipped
    state, status, rows = shop.go(3 - before)
    assert (state, status) == ("Shipping", "in_doubt"), "only what went outside is in doubt"
    assert rows == ROWS_IN["Shipped"]
    assert shop.shelf.shipped == shipped
    opord_command(["runs", "verify", "--store", shop.url])
    assert "0 with problems, 1 needs a person" in capsys.readouterr().out


def test_without_a_restore_nothing_is_in_doubt(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert shop.go(3, begin=True) == ("Shipped", "ended", ROWS_IN["Shipped"])
    assert shop.shelf.shipped == 1
