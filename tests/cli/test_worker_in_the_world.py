"""A worker among handlers that fork, start processes, set up logging, and hold the event loop.

What a forked child does and hears is its own. The worker goes on, logs on, and ends in time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import apsw
import pytest

from tests.cli.kit import Shop, stop

CONTRACT = """\
contract Crunch(id: str) key id version 1
effect crunch(id: str) -> str
action pay(id: str) -> str { in doubt ask }
initial state New -> Done {
  let seen = perform crunch(id)
  let paid = commit pay(seen)
  goto Done(paid)
}
final state Done(paid: str) success
"""

WORKER = ("worker", "--contract", "crunch.opord", "--handlers", "crunching:Handlers")

HEAD = """\
import asyncio, atexit, multiprocessing, os, pathlib, signal, subprocess, sys, time
from concurrent.futures import ProcessPoolExecutor

def note(text):
    with open("notes", "a") as file:
        file.write(text + "\\n")

def hang(id):
    note(f"child {os.getpid()}")
    time.sleep(60)

def length(id):
    return len(id)

def waited(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

atexit.register(note, "atexit of a worker")
"""

ENDED_CHILD = """
    def crunch(self, id):
        child = multiprocessing.get_context("{how}").Process(target=hang, args=(id,))
        child.start()
        while not (os.path.exists("notes") and f"child {{child.pid}}" in open("notes").read()):
            time.sleep(0.01)
        child.terminate()
        child.join(20)
        note(f"ended by {{child.exitcode}}")
        return id
"""

CHILDREN = {
    "fork": (ENDED_CHILD.format(how="fork"), "ended by -15"),
    "spawn": (ENDED_CHILD.format(how="spawn"), "ended by -15"),
    "pool": (
        """
    def crunch(self, id):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            note(f"lengths {pool.map(length, [id, id])}")
        return id
""",
        "lengths [2, 2]",
    ),
    "executor": (
        """
    async def crunch(self, id):
        loop = asyncio.get_running_loop()
        with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            note(f"length {await loop.run_in_executor(pool, length, id)}")
        return id
""",
        "length 2",
    ),
    "subprocess": (
        """
    def crunch(self, id):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        child.terminate()
        note(f"ended by {child.wait(20)}")
        return id
""",
        "ended by -15",
    ),
    "a child that returns": (
        """
    def crunch(self, id):
        if (pid := os.fork()) == 0:
            return "from the child"
        note(f"ended by {waited(pid)}")
        return id
""",
        "ended by 1",
    ),
    "a child that returns from a coroutine": (
        """
    async def crunch(self, id):
        if (pid := os.fork()) == 0:
            return "from the child"
        note(f"ended by {waited(pid)}")
        return id
""",
        "ended by 1",
    ),
    "a child that awaits": (
        """
    async def crunch(self, id):
        await asyncio.sleep(0.01)
        if (pid := os.fork()) == 0:
            await asyncio.sleep(0)
            note("the child went on")
        note(f"ended by {waited(pid)}")
        return id
""",
        "ended by 1",
    ),
    "a child that exits": (
        """
    def crunch(self, id):
        if (pid := os.fork()) == 0:
            sys.exit(3)
        note(f"ended by {waited(pid)}")
        return id
""",
        "ended by 3",
    ),
    "a child that raises": (
        """
    async def crunch(self, id):
        if (pid := os.fork()) == 0:
            raise RuntimeError("in the child")
        note(f"ended by {waited(pid)}")
        return id
""",
        "ended by 1",
    ),
    "a child that is interrupted": (
        """
    def crunch(self, id):
        if (pid := os.fork()) == 0:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(60)
            except KeyboardInterrupt:
                os._exit(9)
        note(f"ended by {waited(pid)}")
        return id
""",
        "ended by 9",
    ),
}

PAYS = """
    async def pay(self, id, *, call):
        note(f"paid {id}")
        return "paid"
"""


@pytest.fixture
def crunching(shop: Shop) -> Shop:
    (shop.folder / "crunch.opord").write_text(CONTRACT)
    return shop


def write(shop: Shop, handlers: str, head: str = "") -> None:
    (shop.folder / "crunching.py").write_text(f"{HEAD}{head}\n\nclass Handlers:\n{handlers}\n")


def start(shop: Shop, *ids: str) -> None:
    for id in ids:
        assert shop.opord("runs", "start", "crunch.opord", "--input", f'{{"id": "{id}"}}').status == 0


def notes(shop: Shop) -> list[str]:
    path = shop.folder / "notes"
    return path.read_text().splitlines() if path.exists() else []


def begin(shop: Shop, *options: str, until: str = "working on") -> subprocess.Popen[str]:
    """Begin a worker, and wait until it says something."""
    process = shop.begin(*WORKER, *options)
    wait_for_line(process, until)
    return process


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return
    raise AssertionError("".join(lines))


def wait_for_note(shop: Shop, process: subprocess.Popen[str], text: str) -> None:
    end = time.monotonic() + 60
    while not any(text in line for line in notes(shop)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("how", CHILDREN)
def test_a_worker_lives_on_beside_the_children_of_its_handlers(crunching: Shop, how: str) -> None:
    crunch, noted = CHILDREN[how]
    write(crunching, crunch + PAYS)
    start(crunching, "r1", "r2")
    said = crunching.process(*WORKER, "--until-idle")
    assert said.status == 0, said.err
    seen = [line for line in notes(crunching) if not line.startswith("child ")]
    assert seen.count(noted) == 2, (seen, said.err)
    assert sorted(seen) == sorted([noted, noted, "paid r1", "paid r2", "atexit of a worker"])
    assert crunching.opord("runs", "verify").status == 0


SILENCING = {
    "dictConfig": """
import logging.config
logging.config.dictConfig({"version": 1})
""",
    "dictConfig with a root": """
import logging.config
logging.config.dictConfig({
    "version": 1,
    "handlers": {"c": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["c"], "level": "WARNING"},
})
""",
    "no handlers": """
import logging
logging.getLogger().handlers.clear()
""",
    "disable": """
import logging
logging.disable(logging.CRITICAL)
""",
    "loggers that stand alone": """
import logging
for name in ("opord.worker", "opord.needs"):
    logging.getLogger(name).propagate = False
""",
}


@pytest.mark.parametrize("how", SILENCING)
def test_a_worker_logs_on_whatever_its_handlers_make_of_logging(crunching: Shop, how: str) -> None:
    write(
        crunching,
        """
    def crunch(self, id):
        return id

    def pay(self, id, *, call):
        raise ConnectionError("lost")
""",
        SILENCING[how],
    )
    start(crunching, "r1")
    said = crunching.process(*WORKER, "--until-idle")
    assert said.status == 1
    for line in ("working on", "pay is in doubt", "in doubt in New", "stopping: nothing is left to do"):
        assert said.err.count(line) == 1, said.err


AT_RUN_TIME = {
    "disabling": "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True})",
    "with a root": (
        "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True, 'root': {'handlers': ['c']},"
        " 'handlers': {'c': {'class': 'logging.StreamHandler'}}})"
    ),
    "with a root without handlers": (
        "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': True, 'root': {'level': 'ERROR'}})"
    ),
}


@pytest.mark.parametrize("kind", ["async def", "def"])
@pytest.mark.parametrize("how", AT_RUN_TIME)
def test_a_worker_logs_on_when_a_handler_configures_logging_while_it_runs(
    crunching: Shop, how: str, kind: str
) -> None:
    write(
        crunching,
        f"""
    {kind} crunch(self, id):
        import logging.config
        {AT_RUN_TIME[how]}
        return id

    {kind} pay(self, id, *, call):
        raise ConnectionError("lost")
""",
    )
    start(crunching, "r1")
    said = crunching.process(*WORKER, "--until-idle")
    assert said.status == 1
    assert "working on" in said.err
    assert "pay is in doubt" in said.err
    assert "stopping: nothing is left to do" in said.err


def test_a_worker_hears_its_orders_whatever_its_handlers_make_of_signals(crunching: Shop) -> None:
    takes = "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_DFL)"
    write(crunching, WAITS.replace('note("crunching")', f'note("crunching"); {takes}') + PAYS, takes)
    start(crunching, "r1")
    told = "changed the effect of SIGTERM and SIGINT on this process; it is undone"
    process = begin(crunching, until=told)
    wait_for_note(crunching, process, "crunching")
    time.sleep(0.6)  # it looks twice a second
    process.send_signal(signal.SIGTERM)
    wait_for_line(process, "waiting for calls under way to end")
    (crunching.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, told in err) == (0, False), err
    assert "paid r1" in notes(crunching)


def test_a_handlers_module_may_change_the_working_directory(crunching: Shop) -> None:
    away = crunching.folder / "away"
    away.mkdir()
    write(crunching, BRIEF, f"NOTES = os.path.abspath('notes'); os.chdir({str(away)!r})")
    text = (crunching.folder / "crunching.py").read_text().replace('open("notes"', "open(NOTES")
    (crunching.folder / "crunching.py").write_text(text)
    start(crunching, "r1")
    both = ("--contract", "crunch.opord", "--handlers", "crunching:Handlers")
    said = crunching.process(*WORKER, *both, "--until-idle")
    assert said.status == 0, said.err
    assert notes(crunching) == ["paid r1", "atexit of a worker"]
    assert list(away.iterdir()) == []


def test_a_worker_goes_on_when_a_handler_stops_the_event_loop(crunching: Shop) -> None:
    stops = "asyncio.get_running_loop().stop()\n        await asyncio.sleep(0.01)"
    write(crunching, f"\n    async def crunch(self, id):\n        {stops}\n        return id\n" + PAYS)
    start(crunching, "r1", "r2")
    said = crunching.process(*WORKER, "--until-idle")
    assert said.status == 0, said.err
    assert said.err.count("a handler stopped the event loop; it goes on") == 1
    assert sorted(notes(crunching)) == ["atexit of a worker", "paid r1", "paid r2"]


@pytest.mark.parametrize(
    ("breaks", "said", "status"),
    [
        ("os.closerange(3, 256)", "a handler closed files of this process; it ends now", 130),
        ("[task.cancel() for task in asyncio.all_tasks()]", "a handler cancelled the worker's own tasks", 1),
    ],
    ids=["its files", "its tasks"],
)
def test_a_worker_that_a_handler_breaks_says_so_and_ends(
    crunching: Shop, breaks: str, said: str, status: int
) -> None:
    write(
        crunching,
        f"\n    async def crunch(self, id):\n        {breaks}\n        await asyncio.sleep(0.01)\n        return id\n"
        + PAYS,
    )
    start(crunching, "r1")
    ended = crunching.process(*WORKER, "--until-idle")
    assert (ended.status, said in ended.err) == (status, True), ended.err
    assert "Traceback" not in ended.err
    assert crunching.opord("runs", "verify").status == 0


LEAVES = {
    "a thread": ("threading.Thread(target=hang, args=(id,), name='metrics').start()", "the thread metrics did not end"),
    "a pool": ("ThreadPoolExecutor(1, 'pool').submit(hang, id)", "the thread pool_0 did not end"),
    "a process": (
        "multiprocessing.get_context('fork').Process(target=hang, args=(id,)).start()", "the process "),
    "an end": ("atexit.register(hang, id)", "what handlers gave to `atexit` did not end"),
}  # fmt: skip


@pytest.mark.parametrize("how", LEAVES)
def test_what_a_handler_began_does_not_keep_a_worker_from_ending(crunching: Shop, how: str) -> None:
    begins, said = LEAVES[how]
    write(
        crunching,
        f"\n    def crunch(self, id):\n        {begins}\n        return id\n" + PAYS,
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n",
    )
    start(crunching, "r1")
    program = "from opord.cli import stopping, main; stopping.LEAVING_S = 1.0; main()"
    with (crunching.folder / "said").open("w") as said_here:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *WORKER, "--until-idle"], cwd=crunching.folder, stderr=said_here
        )
        try:
            assert process.wait(timeout=30) == 0
        finally:
            for line in notes(crunching):
                if line.startswith("child ") and line != f"child {process.pid}":
                    os.kill(int(line.split()[1]), signal.SIGKILL)
    err = (crunching.folder / "said").read_text()
    assert said in err, err
    assert "within 1 s; left behind" in err


def test_the_level_of_opord_still_counts(crunching: Shop) -> None:
    write(crunching, WAITS + PAYS, "import logging\nlogging.getLogger('opord').setLevel(logging.ERROR)\n")
    start(crunching, "r1")
    (crunching.folder / "go").touch()
    said = crunching.process(*WORKER, "--until-idle")
    assert (said.status, said.err) == (0, "")


WAITS = """
    async def crunch(self, id):
        note("crunching")
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
        return id
"""


def test_two_signals_in_one_turn_are_one_order(crunching: Shop) -> None:
    write(crunching, WAITS + PAYS)
    start(crunching, "r1")
    process = begin(crunching)
    wait_for_note(crunching, process, "crunching")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    wait_for_line(process, "waiting for calls under way to end")
    (crunching.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "again" in err) == (0, False), err


BOTH = """
    {kind} crunch(self, id):
        note("crunching")
        os.kill(os.getpid(), signal.{first})
        os.kill(os.getpid(), signal.{second})
        return id
"""


@pytest.mark.parametrize("kind", ["async def", "def"])
@pytest.mark.parametrize(
    ("first", "second"), [("SIGTERM", "SIGINT"), ("SIGINT", "SIGTERM"), ("SIGTERM", "SIGTERM")]
)
def test_two_signals_in_one_turn_of_the_event_loop_are_one_order(
    crunching: Shop, first: str, second: str, kind: str
) -> None:
    write(crunching, BOTH.format(kind=kind, first=first, second=second) + PAYS)
    start(crunching, "r1")
    said = crunching.process(*WORKER)
    assert (said.status, "again" in said.err) == (0, False), said.err
    assert said.err.count("waiting for calls under way to end") == 1
    assert notes(crunching).count("crunching") == 1
    assert crunching.opord("runs", "verify").status == 0


def test_a_later_signal_ends_it_at_once(crunching: Shop) -> None:
    write(crunching, WAITS + PAYS)
    start(crunching, "r1")
    process = begin(crunching)
    wait_for_note(crunching, process, "crunching")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.6)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "SIGTERM again: stopping at once" in err
    assert "atexit of a worker" not in notes(crunching)


@pytest.fixture
def locked(crunching: Shop) -> Iterator[Shop]:
    write(crunching, WAITS + PAYS)
    start(crunching, "r1")
    other = apsw.Connection(str(crunching.folder / "opord.db"))
    other.execute("BEGIN EXCLUSIVE")
    yield crunching
    other.close()


def test_a_worker_that_waits_for_a_locked_store_at_its_start_ends_when_it_is_told_to(locked: Shop) -> None:
    write(locked, WAITS + PAYS, 'note("imported")')
    process = locked.begin(*WORKER)
    wait_for_note(locked, process, "imported")
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert time.monotonic() - began < 10
    assert "the worker took no run" in err or "before the worker took any run" in err, err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "catching", ["", "while True:\n    try: time.sleep(0.2); break\n    except BaseException: pass"]
)
def test_a_worker_that_imports_its_handlers_ends_when_it_is_told_to(crunching: Shop, catching: str) -> None:
    """Also if the module catches what tells it."""
    write(crunching, WAITS + PAYS, f'note("importing")\n{catching or "time.sleep(60)"}\nnote("imported")')
    process = crunching.begin(*WORKER)
    wait_for_note(crunching, process, "importing")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "SIGTERM: stopped before the worker took any run" in err
    assert "Traceback" not in err


def test_a_signal_at_any_moment_of_the_start_ends_a_worker_in_order(crunching: Shop) -> None:
    write(crunching, WAITS + PAYS)
    statuses = []
    for number in range(8):
        process = crunching.begin(*WORKER)
        time.sleep(0.15 * number)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert "Traceback" not in err, err
        statuses.append(process.returncode)
    # Before the program is loaded, it is Python that ends.
    assert set(statuses) <= {0, -signal.SIGTERM}, statuses


PROGRAM = """
import os, signal, sys
from opord.backends.front import Engine
from opord.cli import main
from opord.stores.sqlite import SqliteStore

at, count = int(sys.argv.pop(1)), 0

def reached(*_):
    global count
    count += 1
    if count == at:
        os.kill(os.getpid(), signal.SIGTERM)

def around(verb):
    def called(self, *args, **kwargs):
        reached()
        try:
            return verb(self, *args, **kwargs)
        finally:
            reached()
    return called

for name in ("put_contract", "apply", "claim", "renew", "release", "next_wake", "any_held", "heartbeat", "close"):
    setattr(SqliteStore, name, around(getattr(SqliteStore, name)))

made = Engine.__init__

def with_hook(self, *args, **kwargs):
    made(self, *args, hook=reached, **kwargs)

Engine.__init__ = with_hook
try:
    main()
finally:
    with open("moments", "w") as file:
        file.write(str(count))
"""
"""A worker that is told to end at the nth moment: a hook, or the beginning or end of a verb."""

BRIEF = """
    def crunch(self, id):
        time.sleep(0.02)
        return id

    async def pay(self, id, *, call):
        await asyncio.sleep(0.02)
        note(f"paid {id}")
        return "paid"
"""

MOMENTS = 12
"""At how many moments of its life a worker is told to end."""


def test_a_signal_at_any_moment_of_its_life_ends_a_worker_in_order_and_no_run_is_lost(
    crunching: Shop,
) -> None:
    write(crunching, BRIEF)

    def live(until: int, *ids: str) -> tuple[int, str, int]:
        start(crunching, *ids)
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(until), *WORKER, "--until-idle"],
            cwd=crunching.folder, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        _, err = process.communicate(timeout=60)
        return process.returncode, err, int((crunching.folder / "moments").read_text())

    status, err, most = live(0, "a0", "b0")
    assert (status, most > MOMENTS) == (0, True), err
    ids = ["a0", "b0"]
    for number in range(1, MOMENTS + 1):
        ids += [f"a{number}", f"b{number}"]
        at = max(1, most * number // MOMENTS)
        status, err, seen = live(at, *ids[-2:])
        assert status == 0, (at, most, err)
        assert "Traceback" not in err, (at, err)
        if seen >= at:  # with runs left over by the one before, a life is longer; it is never shorter
            told = (
                "waiting for calls under way to end",
                "stopped before the worker took any run",
                "the worker took no run",
                "nothing is left",
            )
            assert any(one in err for one in told), (at, err)
    assert crunching.process(*WORKER, "--until-idle").status == 0
    paid = [line for line in notes(crunching) if line.startswith("paid")]
    assert sorted(paid) == sorted(f"paid {id}" for id in ids), "each once"
    listed = crunching.opord("runs", "list", "--json").json
    assert {one["status"] for one in listed} == {"ended"}
    assert crunching.opord("runs", "verify").status == 0


def test_a_worker_whose_store_is_full_at_its_start_says_so_and_ends_when_it_is_told_to(
    crunching: Shop,
) -> None:
    write(crunching, WAITS + PAYS)
    start(crunching, "r1")
    store = crunching.folder / "opord.db"
    reader = apsw.Connection(str(store))
    reader.execute("BEGIN; SELECT count(*) FROM runs")  # so the log stays, and grows
    more = 0
    log = crunching.folder / "opord.db-wal"
    while log.stat().st_size < 65_536:  # more than what the index beside the log has to have
        more += 1
        start(crunching, f"more{more}")
    room = log.stat().st_size
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, "
        f"({room}, resource.RLIM_INFINITY)); from opord.cli import main; main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, *WORKER], cwd=crunching.folder, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for_line(process, "nothing is lost, trying again")
    finally:
        process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert time.monotonic() - began < 20
    assert "the worker took no run" in err or "before the worker took any run" in err, err
    assert "Traceback" not in err
    assert notes(crunching) in ([], ["atexit of a worker"])
    reader.close()
    (crunching.folder / "go").touch()
    said = crunching.process(*WORKER, "--until-idle")
    assert said.status == 0, said.err
    paid = [line for line in notes(crunching) if line.startswith("paid")]
    assert sorted(paid) == sorted(["paid r1", *(f"paid more{number}" for number in range(1, more + 1))])
    assert crunching.opord("runs", "verify").status == 0


def test_a_deploy_that_forgets_the_older_version_is_told_everywhere(crunching: Shop) -> None:
    """The run of version 1 is under way when its worker is replaced by one with version 2 alone."""
    write(crunching, WAITS + PAYS)
    start(crunching, "r1")
    process = begin(crunching, "--drain", "0")
    wait_for_note(crunching, process, "crunching")
    assert stop(process).status == 0
    (crunching.folder / "crunch.opord").write_text(CONTRACT.replace("version 1", "version 2"))
    (crunching.folder / "go").touch()
    process = begin(crunching)
    try:
        (run,) = crunching.opord("runs", "list", "--needs", "unserved", "--json").json
        assert run["reason"] == "no worker has handlers for Crunch version 1"
        assert "no worker has handlers for Crunch version 1" in crunching.opord("runs", "list").out
        assert (
            "no worker has handlers for Crunch version 1" in crunching.opord("runs", "show", "Crunch/r1").out
        )
        doctor = crunching.opord("doctor").out
        assert "1 run can go on, but no live worker has handlers for it" in doctor
        assert "opord runs list --needs unserved" in doctor
    finally:
        assert stop(process).status == 0
    said = crunching.process(*WORKER, "--until-idle")
    assert "1 run can go on, but no worker that runs now has handlers for Crunch version 1" in said.err
    # With both versions it goes on.
    (crunching.folder / "old.opord").write_text(CONTRACT)
    both = ("--contract", "old.opord", "--handlers", "crunching:Handlers")
    assert crunching.process(*WORKER, *both, "--until-idle").status == 0
    assert crunching.opord("runs", "show", "Crunch/r1", "--json").json["outcome"] == "success"


BLOCKS = """
    async def crunch(self, id):
        note("crunching")
        time.sleep(60)
        return id
"""


def test_a_handler_that_holds_the_event_loop_does_not_keep_a_worker_from_ending(crunching: Shop) -> None:
    write(crunching, BLOCKS + PAYS)
    start(crunching, "r1")
    program = "from opord.cli import stopping, main; stopping.ENDING_S = 1.0; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, *WORKER, "--drain", "0.2"],
        cwd=crunching.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_note(crunching, process, "crunching")
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert 1 < time.monotonic() - began < 20
    assert "did not end within 1.2 s of SIGTERM" in err
    assert "crunching.py:" in err
    assert "in Handlers.crunch" in err


@pytest.mark.parametrize("waits", ["await asyncio.sleep(60)", "await asyncio.to_thread(time.sleep, 60)"])
def test_a_handler_that_does_not_end_does_not_keep_a_worker_from_ending(crunching: Shop, waits: str) -> None:
    write(
        crunching,
        f"""
    async def crunch(self, id):
        note("crunching")
        while True:
            try:
                {waits}
            except asyncio.CancelledError:
                note("not now")
"""
        + PAYS,
    )
    start(crunching, "r1")
    process = begin(crunching, "--drain", "0.2")
    wait_for_note(crunching, process, "crunching")
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert time.monotonic() - began < 15
    assert "crunch of Crunch/r1 was given up and still runs; the worker stops without waiting for it" in err


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("deleted", "opord.db was moved, deleted or replaced while open. Put the same file back"),
        ("replaced", "opord.db was moved, deleted or replaced while open. Put the same file back"),
        ("without its log", "opord.db-wal was moved, deleted or replaced while open. Stop every process"),
    ],
)
def test_a_worker_whose_store_is_taken_away_ends_and_says_so(crunching: Shop, how: str, said: str) -> None:
    write(crunching, WAITS + PAYS)
    start(crunching, "r1")
    process = begin(crunching)
    wait_for_note(crunching, process, "crunching")
    store = crunching.folder / "opord.db"
    match how:
        case "deleted":
            for name in ("opord.db", "opord.db-wal", "opord.db-shm"):
                (crunching.folder / name).unlink()
        case "replaced":
            copy = crunching.folder / "copy.db"
            copy.write_bytes(store.read_bytes())
            copy.replace(store)
        case _:
            (crunching.folder / "opord.db-wal").unlink()
    _, err = process.communicate(timeout=90)
    assert process.returncode == 3, err
    assert "error[store_gone]: the store cannot be reached: " in err
    assert said in err
    assert "nothing more is written, trying again in" in err
    assert "nothing is lost" not in err
    assert "Traceback" not in err
    assert len(err.splitlines()) < 12, err


def test_an_idle_worker_still_stops_at_once(crunching: Shop) -> None:
    write(crunching, WAITS + PAYS)
    assert stop(begin(crunching)).status == 0


HANGS = """
    async def crunch(self, id):
        return id

    async def pay(self, id, *, call):
        await asyncio.sleep(60)
"""


@pytest.mark.parametrize("where", ["flag", "variable", "file", "flag over file"])
def test_the_call_limit_ends_a_call_without_a_timeout(
    crunching: Shop, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(crunching, HANGS)
    start(crunching, "r1")
    options: list[str] = []
    match where:
        case "flag":
            options = ["--call-limit", "200ms"]
        case "variable":
            monkeypatch.setenv("OPORD_CALL_LIMIT", "200ms")
        case "file":
            (crunching.folder / "opord.toml").write_text('call_limit = "200ms"\n')
        case _:
            (crunching.folder / "opord.toml").write_text('call_limit = "20m"\n')
            options = ["--call-limit", "200ms"]
    said = crunching.process(*WORKER, "--until-idle", *options)
    assert said.status == 1, said.err
    assert "no answer within 0.2 s" in said.err


def test_show_says_which_call_is_under_way(crunching: Shop) -> None:
    (crunching.folder / "crunch.opord").write_text(
        CONTRACT.replace("in doubt ask", "in doubt ask, timeout 20m")
    )
    write(crunching, HANGS.replace("await asyncio.sleep(60)", 'note("paying"); await asyncio.sleep(60)'))
    start(crunching, "r1")
    process = begin(crunching, "--drain", "0")
    wait_for_note(crunching, process, "paying")
    page = crunching.opord("runs", "show", "Crunch/r1").out
    view = crunching.opord("runs", "show", "Crunch/r1", "--json").json
    stop(process)
    assert "call       pay, attempt 1, key Crunch/r1/1\n" in page
    call = view["under_way"]
    assert (call["call"], call["attempt"]) == ("pay", 1)
    since, until = (call[name][:19].replace("T", " ") for name in ("since", "until"))
    assert f"under way  since {since} UTC; the worker gives it up at {until} UTC\n" in page
    assert crunching.opord("runs", "show", "Crunch/r1", "--json").json["under_way"] is None


def test_a_handler_that_closes_stderr_stops_neither_the_log_nor_the_worker(crunching: Shop) -> None:
    write(
        crunching,
        """
    def crunch(self, id):
        sys.stderr.close()
        sys.stdout.close()
        return id

    def pay(self, id, *, call):
        if id == "r2":
            raise ConnectionError("after stderr was closed")
        return "paid"
""",
    )
    start(crunching, "r1")
    said = crunching.process(*WORKER, "--until-idle")
    assert (said.status, "stopping: nothing is left to do" in said.err) == (0, True), said.err
    start(crunching, "r2")
    said = crunching.process(*WORKER, "--until-idle")
    assert said.status == 1
    assert "Crunch/r2 in doubt in New: nobody knows whether pay happened: " in said.err
    assert said.err.splitlines()[-1].startswith("Crunch/r2 needs a person: ")
