"""A store's file under two names: every command refuses it alike, and no action is called twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.kit import OPORD, Shop, order, stop
from tests.cli.store_commands import LOOKS, MAKES_ONE, NEEDS_ONE
from tests.support.mounts import with_mount

SECOND = "sqlite:///elsewhere/opord.db"
IDS = ["o1", "o2", "o3", "o4", "o5"]
WORKER = ("worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers")

OPENS: dict[tuple[str, ...], tuple[str, ...]] = {
    **NEEDS_ONE,
    ("runs", "start"): ("desk.opord", "--input", order("o9")),
    ("worker",): WORKER[1:],
    ("serve",): ("--contract", "desk.opord", "--port", "0"),
    ("dev",): (*WORKER[1:], "--port", "0"),
    ("db", "migrate"): (),
}


@pytest.fixture
def second(shop: Shop) -> Path:
    """Return the path of a second name; charges are recorded, and the ledger is a file."""
    (shop.folder / "elsewhere").mkdir()
    handlers = shop.folder / "handlers.py"
    noted = '        open("ledger", "a").write(order.id + "\\n")\n'
    handlers.write_text(
        handlers.read_text().replace(
            "    async def charge(self, order, *, call):\n",
            f"    async def charge(self, order, *, call):\n{noted}",
        )
    )
    return shop.folder / "elsewhere" / "opord.db"


def charged(shop: Shop) -> list[str]:
    ledger = shop.folder / "ledger"
    return sorted(ledger.read_text().split()) if ledger.exists() else []


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail("it did not come to that")


def test_every_command_that_opens_a_store_is_listed_here() -> None:
    assert OPENS.keys() == NEEDS_ONE.keys() | MAKES_ONE
    # `db check` is tried here, `doctor` below, and `db print-sql` reads no file.
    assert {("doctor",), ("db", "check"), ("db", "print-sql")} == LOOKS


@pytest.mark.parametrize("words", [[*path, *rest] for path, rest in OPENS.items()] + [["db", "check"]])
def test_every_command_refuses_a_file_with_two_names_in_the_same_words(
    shop: Shop, second: Path, words: list[str]
) -> None:
    shop.start("o1")
    file = shop.folder / "opord.db"
    os.link(file, second)
    before = file.read_bytes()
    said = shop.process(*words) if words[0] == "dev" else shop.opord(*words)
    assert (said.status, said.out) == (3, "")
    assert said.err.splitlines()[-1] == (
        f"error[store_two_names]: the store cannot be opened: the file of the store {file} has 2 names (hard links). "
        "SQLite keeps a log beside each name, so processes that use different names do not see each other's writes. Stop them all, "
        f"and keep only the name that has a -wal file beside it (`find / -xdev -samefile {file}` lists them)"
    )
    assert (file.read_bytes(), sorted(second.parent.iterdir())) == (before, [second])


def test_the_doctor_reports_a_second_name_with_code_and_fix(shop: Shop, second: Path) -> None:
    shop.start("o1")
    os.link(shop.folder / "opord.db", second)
    said = shop.opord("doctor", "--json")
    assert said.status == 3
    (store,) = [each for each in said.json["seen"] if each["area"] == "store"]
    assert (store["state"], store["facts"]["error"]) == ("unreachable", "store_two_names")
    assert "has 2 names (hard links)" in store["said"]
    assert "keep only the name that has a -wal file beside it" in shop.opord("doctor").out


@pytest.mark.needs("bind mounts")
@pytest.mark.parametrize("words", [("doctor", "--json"), (*WORKER, "--until-idle"), ("runs", "list")])
def test_a_file_that_is_mounted_by_itself_is_refused(
    shop: Shop, second: Path, words: tuple[str, ...]
) -> None:
    shop.start("o1")
    second.touch()
    command = with_mount(shop.folder / "opord.db", second, [*OPORD, *words, "--store", SECOND])
    said = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, timeout=60)
    assert said.returncode == 3
    mend = f"docker run -v ./folder:{second.parent}, not -v ./folder/opord.db:{second}"
    assert "store_two_names" in said.stdout + said.stderr
    assert mend in said.stdout + said.stderr


@pytest.mark.needs("bind mounts")
def test_two_workers_on_a_file_and_on_a_mount_of_it_call_no_action_twice(shop: Shop, second: Path) -> None:
    shop.start(*IDS)
    second.touch()
    command = with_mount(
        shop.folder / "opord.db", second, [*OPORD, *WORKER, "--until-idle", "--store", SECOND]
    )
    first = shop.begin(*WORKER)
    wait_until(lambda: len(charged(shop)) == len(IDS))
    said = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, timeout=60)
    assert stop(first).status == 0
    assert charged(shop) == IDS
    assert (said.returncode, "error[store_two_names]" in said.stderr) == (3, True)


def test_a_worker_stops_writing_when_its_file_gets_a_second_name_and_goes_on_when_that_is_gone(
    shop: Shop, second: Path
) -> None:
    shop.start("o1")
    log = shop.folder / "worker.log"
    with log.open("w") as written:
        worker = subprocess.Popen([*OPORD, *WORKER], cwd=shop.folder, stdout=written, stderr=written)
    try:
        wait_until(lambda: charged(shop) == ["o1"])
        os.link(shop.folder / "opord.db", second)
        refused = shop.opord("runs", "start", "desk.opord", "--input", order("o2"))
        assert (refused.status, "error[store_two_names]" in refused.err) == (3, True)
        wait_until(lambda: "the store is not safe to write: the file of the store" in log.read_text())
        second.unlink()
        shop.start("o2")
        wait_until(lambda: charged(shop) == ["o1", "o2"])
    finally:
        worker.send_signal(signal.SIGTERM)
        status = worker.wait(timeout=60)
    assert status == 0
    assert charged(shop) == ["o1", "o2"]
    assert "the store answers again" in log.read_text()
