"""The worker as a process: it carries out runs, reports faulty handlers, and ends in order."""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
import subprocess
import time

import apsw
import pytest

from tests.cli.kit import DESK, HANDLERS_MODULE, Said, Shop, stop

WORKER = ("worker", "--contract", "desk.opord", "--handlers")


def worker(shop: Shop, handlers: str = "handlers:Handlers", *options: str) -> Said:
    return shop.process(*WORKER, handlers, "--until-idle", *options)


def test_a_worker_carries_out_all_runs_and_stops_when_idle(shop: Shop) -> None:
    shop.start("o1", "busy-1", "declined-1", "silent")
    said = worker(shop)
    assert (said.status, said.out) == (0, "")
    assert {one: shop.view(one)["state"] for one in ("o1", "busy-1", "declined-1", "silent")} == {
        "o1": "Done", "busy-1": "Done", "declined-1": "Rejected", "silent": "Done",
    }  # fmt: skip
    assert shop.view("o1")["data"] == {"receipt": {"charge": "ch_o1"}}


def test_a_worker_is_status_1_if_a_run_needs_a_person(shop: Shop) -> None:
    shop.start("lost-1", "unpriced-1", "o1")
    said = worker(shop)
    assert said.status == 1
    assert "Desk/lost-1 needs a person: nobody knows whether charge happened" in said.err
    assert "Desk/unpriced-1 needs a person: ConnectionError: no route to the price list" in said.err
    assert "Desk/o1 needs" not in said.err


def test_a_log_line_is_one_line(shop: Shop) -> None:
    shop.start("lost-1", "unpriced-1")
    lines = worker(shop).err.splitlines()
    assert all(line[:4].isdigit() or " needs a person: " in line for line in lines), lines


FAILING = """\
import os

class Handlers:
    def __init__(self):
        self.url = self.find()
    def find(self):
        return {}["DATABASE_URL"]
"""


@pytest.mark.parametrize("contract", ["handlers.py", "handlers.py:Handlers"])
def test_python_code_is_no_contract(shop: Shop, contract: str) -> None:
    for command in (["runs", "start"], ["check"], ["worker", "--handlers", "handlers", "--contract"]):
        said = shop.opord(*command, contract)
        assert said.status == 2, command
        assert f"error[contract_unknown]: {contract} is Python code; a contract is a file such as" in said.err


@pytest.mark.parametrize("lease", ["10s", "10", "0.5", "1m30s"])
def test_a_duration_is_given_in_words_or_in_seconds(shop: Shop, lease: str) -> None:
    limits = ("--lease", lease, "--drain", lease, "--call-limit", lease)
    said = shop.opord(*WORKER, "nowhere", "--until-idle", *limits)
    assert (said.status, "error[handlers_unknown]" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("handlers", "status", "code", "said"),
    [
        ("nowhere", 2, "handlers_unknown", "there is no module `nowhere`"),
        ("handlers:Nobody", 2, "handlers_unknown", "`handlers` has no `Nobody`"),
        ("handlers:Handler", 2, "handlers_unknown", "`handlers` has no `Handler`; did you mean `Handlers`?"),
        ("handlers.Handlers", 2, "handlers_unknown", "did you mean `handlers:Handlers`?"),
        ("handlers.Handler", 2, "handlers_unknown", "did you mean `handlers:Handlers`?"),
        ("handlers.py", 2, "handlers_unknown", "without `.py` it is `handlers`"),
        ("handlers.py:Handlers", 2, "handlers_unknown", "without `.py` it is `handlers:Handlers`"),
        ("./shop/handlers.py", 2, "handlers_unknown", "as in `shop.handlers:Name`"),
        ("desk.opord", 2, "handlers_unknown", "it is a contract, and handlers are a Python module"),
        (
            "shop/desk.opord",
            2,
            "handlers_unknown",
            "shop/desk.opord is a contract; handlers are a Python module",
        ),
        ("", 2, "handlers_unknown", "expected handlers as package.module:Name, got ''"),
        ("crooked", 1, "handlers_broken", "crooked.py:1)"),
        ("raising", 1, "handlers_broken", "ZeroDivisionError: division by zero (raising.py:1)"),
        ("loading", 1, "handlers_broken", "(loading.py:3)"),
        ("needing:Handlers", 1, "handlers_broken", "missing a required argument: 'url' (needing.py:2)"),
        ("failing:Handlers", 1, "handlers_broken", "KeyError: 'DATABASE_URL' (failing.py:7)"),
        ("empty", 1, "handlers_invalid", "charge"),
        ("handlers", 1, "handlers_invalid", "did you mean `handlers:Handlers`?"),
        ("handlers:", 1, "handlers_invalid", "did you mean `handlers:Handlers`?"),
    ],
)
def test_faulty_handlers_are_reported_before_anything_runs(
    shop: Shop, handlers: str, status: int, code: str, said: str
) -> None:
    (shop.folder / "raising.py").write_text("1 / 0\n")
    (shop.folder / "crooked.py").write_text("def f(:\n")
    (shop.folder / "needing.py").write_text("class Handlers:\n    def __init__(self, url): ...\n")
    (shop.folder / "empty.py").write_text("")
    (shop.folder / "loading.py").write_text("import opord\n\nopord.load('nowhere.opord')\n")
    (shop.folder / "failing.py").write_text(FAILING)
    shop.start("o1")
    answer = worker(shop, handlers)
    assert answer.status == status
    assert f"error[{code}]: " in answer.err
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert shop.view("o1")["state"] == "Received"


def test_every_missing_handler_is_named(shop: Shop) -> None:
    (shop.folder / "empty.py").write_text("")
    said = worker(shop, "empty").err
    assert all(f"`{name}`" in said for name in ("worth", "find_customer", "charge", "tell"))


def test_handlers_may_be_the_functions_of_a_module_or_an_object(shop: Shop) -> None:
    (shop.folder / "plain.py").write_text(
        f"{HANDLERS_MODULE}\nready = Handlers()\n"
        "worth, find_customer, charge, tell = ready.worth, ready.find_customer, ready.charge, ready.tell\n"
    )
    shop.start("o1")
    assert worker(shop, "plain").status == 0
    shop.start("o2")
    assert worker(shop, "plain:ready").status == 0
    assert (shop.view("o1")["state"], shop.view("o2")["state"]) == ("Done", "Done")


def test_each_contract_has_its_handlers(shop: Shop) -> None:
    assert shop.opord("worker", "--contract", "desk.opord").status == 2
    said = shop.opord("worker", "--contract", "a.opord", "--contract", "b.opord", "--handlers", "h")
    assert (said.status, "got 2 --contract and 1 --handlers" in said.err) == (2, True)


def test_the_pair_of_contract_and_handlers_may_be_repeated(shop: Shop) -> None:
    (shop.folder / "other.opord").write_text(DESK.replace("contract Desk", "contract Other"))
    (shop.folder / "other.py").write_text(HANDLERS_MODULE.replace('"desk.opord"', '"other.opord"'))
    (shop.folder / "o.json").write_text('{"order": {"id": "o1", "cents": 1, "card": "x"}}')
    shop.start("o1")
    assert shop.opord("runs", "start", "other.opord", "--input", "@o.json").status == 0
    said = worker(shop, "handlers:Handlers", "--contract", "other.opord", "--handlers", "other:Handlers")
    assert said.status == 0
    assert shop.opord("runs", "list", "--json", "--state", "Done").json.__len__() == 2


def test_a_contract_with_errors_is_refused(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(DESK.replace("goto Done(receipt)", "goto Dome(receipt)"))
    said = shop.opord(*WORKER, "handlers:Handlers")
    assert (said.status, said.err.split(":")[0]) == (1, "error[contract_refused]")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_finishes_calls_under_way(shop: Shop, number: int) -> None:
    """The handler reports that its call is under way.

    It goes on once the worker is asked to stop.
    """
    handlers = HANDLERS_MODULE.replace(
        "    async def charge(self, order, *, call):\n",
        "    async def charge(self, order, *, call):\n"
        "        import asyncio, pathlib\n"
        "        pathlib.Path('charging').touch()\n"
        "        while not pathlib.Path('go').exists():\n"
        "            await asyncio.sleep(0.01)\n",
    )
    (shop.folder / "handlers.py").write_text(handlers)
    shop.start("o1")
    process = shop.begin(*WORKER, "handlers:Handlers")
    wait_for(shop, process, "charging")
    process.send_signal(number)
    (shop.folder / "go").touch()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "waiting for calls under way to end" in err
    records = shop.opord("runs", "history", "Desk/o1", "--json").json
    assert [record["kind"] for record in records][2:4] == ["intent", "outcome"], out


def test_a_handler_that_never_returns_does_not_keep_a_worker_from_stopping(shop: Shop) -> None:
    handlers = HANDLERS_MODULE.replace(
        "    async def charge(self, order, *, call):\n",
        "    def charge(self, order, *, call):\n"
        "        import pathlib, time\n"
        "        pathlib.Path('charging').touch()\n"
        "        time.sleep(10**6)\n",
    )
    (shop.folder / "handlers.py").write_text(handlers)
    shop.start("o1")
    process = shop.begin(*WORKER, "handlers:Handlers", "--drain", "0.1")
    wait_for(shop, process, "charging")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "1 calls did not end in time" in err) == (0, True), err


def test_a_worker_stops_though_its_store_does_not_answer(shop: Shop) -> None:
    process = shop.begin(*WORKER, "handlers:Handlers")
    assert process.stderr is not None
    process.stderr.readline()
    other = apsw.Connection(str(shop.folder / "opord.db"))
    other.execute("BEGIN EXCLUSIVE")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    other.close()
    assert process.returncode == 0, err


def test_an_idle_worker_stops_at_once(shop: Shop) -> None:
    process = shop.begin(*WORKER, "handlers:Handlers", "--lease", "1")
    assert process.stderr is not None
    assert "working on sqlite:///opord.db for Desk 1" in process.stderr.readline()
    assert stop(process).status == 0


def wait_for(shop: Shop, process: subprocess.Popen[str], file: str) -> None:
    end = time.monotonic() + 60
    while not (shop.folder / file).exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_worker_with_the_wrong_keys_ends_when_idle_and_says_whose_run_it_cannot_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.start("o1")
    right = os.environ["OPORD_SECRET_KEYS"]
    monkeypatch.setenv("OPORD_SECRET_KEYS", base64.b64encode(b"k" * 32).decode())
    said = worker(shop)
    assert said.status == 1
    assert (
        "Desk/o1 cannot be read by this worker, which leaves it to another one: the secret at Desk/o1"
        in said.err
    )
    assert "Traceback" not in said.err
    monkeypatch.setenv("OPORD_SECRET_KEYS", right)
    assert (worker(shop).status, shop.view("o1")["state"]) == (0, "Done")


def test_a_worker_that_ends_when_idle_names_versions_whose_runs_wait_for_handlers(shop: Shop) -> None:
    shop.start("old1", "old2")
    # The second rests between two attempts of an effect, and its next attempt is due.
    with sqlite3.connect(shop.folder / "opord.db") as connection:
        connection.execute("UPDATE heads SET status = 'waiting' WHERE run = 2")
    connection.close()
    (shop.folder / "desk.opord").write_text(DESK.replace("version 1", "version 2"))
    shop.start("new")
    said = worker(shop)
    assert said.status == 0
    assert "2 runs can go on, but no worker that runs now has handlers for Desk version 1" in said.err
    assert "version 2" not in said.err.split("2 runs can go on")[1]
    assert (shop.view("new")["state"], shop.view("old1")["state"]) == ("Done", "Received")


@pytest.mark.parametrize("limit", ["0s", "-5m", "0", "5 m", "nan", "99999999999d", "soon", ""])
def test_a_call_limit_that_is_no_duration_is_refused(shop: Shop, limit: str) -> None:
    said = shop.opord(*WORKER, "handlers:Handlers", "--until-idle", "--call-limit", limit)
    assert (said.status, said.out) == (2, "")
    assert "error[usage]: Invalid value for '--call-limit': " in said.err


@pytest.mark.parametrize("lease", ["0", "0s", "-1", "nan", "inf", "1e300", "600.1", "10m1s", "10 s", "soon"])
def test_an_invalid_or_too_long_lease_is_refused(shop: Shop, lease: str) -> None:
    said = shop.opord(*WORKER, "handlers:Handlers", "--until-idle", "--lease", lease)
    assert (said.status, said.out) == (2, "")
    assert "error[usage]: Invalid value for '--lease'" in said.err
