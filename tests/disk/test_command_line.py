"""The command line on a failing disk: a clear error with its status, and a later call succeeds."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.cli.kit import Shop, order
from tests.disk.faulty import ERRORS
from tests.disk.lossy import VFS, Disk, Fault

ANY = ("create", "open", "read", "write", "sync", "truncate", "delete")

COMMANDS: dict[str, tuple[str, ...]] = {
    "start": ("runs", "start", "desk.opord", "--input", order("o2")),
    "send": ("runs", "send", "Desk/o1", "cancel", "--input", '{"reason": "no"}'),
    "list": ("runs", "list"),
    "show": ("runs", "show", "Desk/o1"),
    "history": ("runs", "history", "Desk/o1"),
    "verify": ("runs", "verify"),
    "terminate": ("runs", "terminate", "Desk/o1", "--reason", "gone"),
    "migrate": ("db", "migrate"),
    "doctor": ("doctor",),
}
STORE_CODES = {
    "io": "store_io",
    "full": "store_full",
    "readonly": "store_readonly",
    "damage": "store_damaged",
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    before = apsw.vfs_names()[0]
    disk = Disk(tmp_path)
    apsw.set_default_vfs(VFS)
    yield disk
    apsw.set_default_vfs(before)
    disk.close()


@pytest.fixture
def shop(disk: Disk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    # Workers of other tests in this process have left log handlers with a closed output.
    kept = [one for one in logging.getLogger().handlers if type(one) is not logging.StreamHandler]
    monkeypatch.setattr(logging.getLogger(), "handlers", kept)
    monkeypatch.chdir(disk.folder)
    monkeypatch.setenv("LOGNAME", "ann")
    shop = Shop(disk.folder, capsys)
    shop.start("o1")
    return shop


@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_command_says_what_is_wrong_with_the_store(shop: Shop, disk: Disk, command: str) -> None:
    for error, code in STORE_CODES.items():
        told = 0
        for nth in range(1 + list(STORE_CODES).index(error), 60, 9):
            disk.fault = Fault(ANY, nth, ERRORS[error])
            failed = disk.failed
            said = shop.opord(*COMMANDS[command])
            disk.fault = None
            if disk.failed == failed:
                break
            assert "Traceback" not in said.err, said.err
            assert "a fault in Opord" not in said.err, said.err
            if said.status == 3:
                told += 1
                assert f"error[{code}]: the store " in said.err or command == "doctor", said.err
        assert told >= 1, said
    assert shop.opord("runs", "verify").status == 0


@pytest.mark.parametrize("until_idle", [True, False])
def test_a_worker_ends_if_its_store_is_damaged(
    shop: Shop,
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    until_idle: bool,
) -> None:
    monkeypatch.setattr("opord.cli.worker.log_to_stderr", lambda form, verbose: None)
    caplog.set_level("ERROR", logger="opord")
    monkeypatch.syspath_prepend(disk.folder)
    monkeypatch.delitem(sys.modules, "handlers", raising=False)
    disk.fault = Fault(("write",), 12, ERRORS["damage"])
    said = shop.opord(
        "worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers",
        *(["--until-idle"] if until_idle else []),
    )  # fmt: skip
    assert disk.failed == 1
    assert said.status == 3, said
    assert said.err.count("error[store_damaged]: ") == 1, said.err
    assert "restore a backup" in said.err
    assert [record.exc_info for record in caplog.records] == [None], "told of once, without a traceback"
    disk.fault = None
    assert shop.opord("runs", "verify").status == 0
