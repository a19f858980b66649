"""A real worker whose files cannot grow: it says so, keeps its data, and goes on when they can."""

from __future__ import annotations

import resource
from pathlib import Path

import apsw
import pytest

from tests.cli.kit import HANDLERS_MODULE, Shop, stop

COUNTING = f"""{HANDLERS_MODULE}

class Counting(Handlers):
    async def charge(self, order, *, call):
        with open("charged.txt", "a") as ledger:
            ledger.write(order.id + "\\n")
        return await super().charge(order, call=call)
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGNAME", "ann")
    (tmp_path / "counting.py").write_text(COUNTING)
    return Shop(tmp_path, capsys)


def test_a_worker_goes_on_when_there_is_room_again(shop: Shop) -> None:
    shop.start("o1")
    worker = shop.begin("worker", "--contract", "desk.opord", "--handlers", "counting:Counting")
    assert worker.stderr is not None
    try:
        said = worker.stderr.readline()
        assert "working on" in said
        log = shop.folder / "opord.db-wal"
        room = log.stat().st_size
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        orders = [f"full-{number}" for number in range(5)]
        shop.start(*orders)
        while "nothing is lost, trying again" not in said:
            said = worker.stderr.readline()
            assert said, "it ended"
        assert "the disk or a limit on file sizes prevents it" in said or "is full" in said
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        while "the store answers again" not in said:
            said = worker.stderr.readline()
            assert said, "it ended"
        while any(shop.view(one)["status"] != "ended" for one in ("o1", *orders)):
            pass
    finally:
        ended = stop(worker)
    assert ended.status == 0
    assert "Traceback" not in ended.err
    assert {shop.view(one)["state"] for one in ("o1", *orders)} == {"Done"}
    charged = (shop.folder / "charged.txt").read_text().split()
    assert sorted(charged) == sorted(["o1", *orders]), "each once"
    assert shop.opord("runs", "verify").status == 0
    connection = apsw.Connection(str(shop.folder / "opord.db"))
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()
