"""`runs follow` tells what happens to a run while it happens, and stops where it is told to."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from opord.backends import patience
from opord.kernel.rows import RunRow
from opord.stores.base import StoreUnavailable
from opord.stores.sqlite.store import SqliteStore
from opord.values.types import RunId
from tests.cli.kit import OPORD, Shop, stop

APPROVE = ("runs", "send", "Desk/big-1", "approve", "--input", '{"note": "ok"}', "--role", "manager")


def follow(shop: Shop, *options: str) -> subprocess.Popen[str]:
    return shop.begin("runs", "follow", "Desk/big-1", *options)


def test_an_ended_run_is_told_as_its_history_is(shop: Shop) -> None:
    shop.start("o1")
    shop.work()
    said = shop.opord("runs", "follow", "Desk/o1")
    history = shop.opord("runs", "history", "Desk/o1").out.splitlines()
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines() == history[2:]
    records = shop.opord("runs", "history", "Desk/o1", "--json").json
    lines = shop.opord("runs", "follow", "Desk/o1", "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == records


def test_each_record_is_told_when_it_comes_until_the_end(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    following = follow(shop, "--json")
    assert following.stdout is not None
    assert json.loads(following.stdout.readline())["kind"] == "started"
    shop.work()
    assert json.loads(following.stdout.readline())["to"] == "Review"
    assert shop.opord(*APPROVE).status == 0
    shop.work()
    told = [json.loads(line) for line in following.stdout]
    assert following.wait(60) == 0
    assert told[0]["kind"] == "event"
    assert told[-1]["to"] == "Done"


def test_a_store_that_does_not_answer_for_a_while_is_told_and_waited_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.start("o1")
    shop.work()
    told = shop.opord("runs", "follow", "Desk/o1")
    load, failures = SqliteStore.load, iter(range(2))

    def unsure(store: SqliteStore, run: RunId) -> RunRow | None:
        looks.append(run)
        if len(looks) > 1 and next(failures, None) is not None:
            raise StoreUnavailable("unreachable", "the server starts again")
        return load(store, run)

    looks: list[RunId] = []
    monkeypatch.setattr(patience, "PAUSE_S", 0.0)
    monkeypatch.setattr(SqliteStore, "load", unsure)
    said = shop.opord("runs", "follow", "Desk/o1")
    assert (said.status, said.out) == (0, told.out)
    assert said.err.splitlines() == [
        "the store does not answer: the server starts again; waiting until it does",
        "the store answers again",
    ]


def test_ctrl_c_ends_it_without_an_error(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    following = follow(shop, "--json")
    assert following.stdout is not None
    following.stdout.readline()
    said = stop(following, signal.SIGINT)
    assert (said.status, said.out, said.err) == (0, "", "")


def test_a_state_ends_it(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    following = follow(shop, "--until", "Review")
    shop.work()
    out, _ = following.communicate(timeout=60)
    assert following.returncode == 0
    assert "Review" in out.splitlines()[-4]
    assert shop.opord("runs", "follow", "Desk/big-1", "--until", "Review").status == 0


def test_an_end_without_the_state_is_status_1(shop: Shop) -> None:
    shop.start("o1")
    shop.work()
    said = shop.opord("runs", "follow", "Desk/o1", "--until", "Review")
    assert (said.status, said.err) == (
        1,
        "Desk/o1 has ended in Done, and did not enter Review since this command began\n",
    )
    said = shop.opord("runs", "follow", "Desk/o1", "--until", "review")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error[name_unknown]: there is no state of Desk 'review'; did you mean 'Review'?\n"


def test_it_waits_for_changes_and_does_not_look_all_the_time(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    script = (
        "import sys, time, threading, signal, os; from opord.cli import main\n"
        "threading.Timer(2, lambda: (sys.stderr.write(str(time.process_time())), os.kill(os.getpid(), signal.SIGINT))).start()\n"
        "main()"
    )
    command = [OPORD[0], "-c", script, "runs", "follow", "Desk/big-1"]
    ran = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0
    assert float(ran.stderr) < 1.5
