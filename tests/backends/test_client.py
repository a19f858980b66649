"""`opord.Client`: the verbs of a backend for plain functions, in threads and after a fork."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import pytest

import opord
from tests.backends.desk import Handlers, load_desk


@pytest.fixture
def flow(tmp_path: Path) -> Any:
    return load_desk(tmp_path)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/runs.db"


@pytest.fixture
def client(url: str) -> Iterator[opord.Client]:
    with opord.Client(url) as client:
        yield client


@pytest.fixture
def worker(flow: Any, url: str) -> Iterator[None]:
    """Run an engine with handlers on another thread, as a worker process would."""
    stop = threading.Event()
    ready = threading.Event()

    async def carry() -> None:
        async with opord.Engine(url, [flow(Handlers())], drain_s=1):
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(carry()))
    thread.start()
    assert ready.wait(30)
    yield
    stop.set()
    thread.join(30)


def order(id: str) -> dict[str, Any]:
    return {"id": id, "customer": "ann"}


@pytest.mark.usefixtures("worker")
def test_a_run_from_start_to_end(client: opord.Client, flow: Any) -> None:
    run = client.start(flow, order=order("a"))
    assert client.start(flow, order=order("a")).id == run.id == "Desk/a"
    assert run.status()["state"] == "Asked"
    with pytest.raises(opord.RoleRequired):
        run.send("approve", note="ok")
    with pytest.raises(TimeoutError, match=r"Desk/a has not ended within 0\.05 s; it goes on"):
        run.result(wait_s=0.05)
    assert run.as_("eve", role="boss").send("approve", note="ok").status == "taken"
    assert run.result(wait_s=30).receipt == "r-a"
    assert run.history()[0]["kind"] == "started"
    assert [one["run"] for one in client.runs(flow, outcome="success").runs] == ["Desk/a"]
    assert client.counts()["ended"] == 1


@pytest.mark.usefixtures("worker")
def test_a_person_acts_on_an_existing_run(client: opord.Client, flow: Any) -> None:
    client.start(flow, order=order("lost")).as_("eve", role="boss").send("approve", note="ok")
    run = client.run(flow, "lost").as_("eve")
    while run.status()["doubt"] is None:
        pass
    with pytest.raises(opord.NotStalled):
        run.resume()
    run.resolve(happened=True, result="r-7", reason="the bank says so")
    assert run.result(wait_s=30).receipt == "r-7"
    with pytest.raises(opord.NoAlarm):
        run.acknowledge()
    with pytest.raises(opord.RunEnded):
        run.drop_event("m1", "sent by mistake")
    client.start(flow, order=order("b"))
    assert client.run("Desk", "b").as_("eve").cancel("too late").state == "Gone"
    client.start(flow, order=order("c"))
    client.run("Desk", "c").as_("eve").terminate("a test")
    with pytest.raises(opord.RunTerminated):
        client.run("Desk", "c").result(wait_s=30)


def test_what_is_unknown_or_misused_is_refused(client: opord.Client, flow: Any) -> None:
    with pytest.raises(opord.RunUnknown):
        client.run(flow, "nobody").status()
    with pytest.raises(TypeError, match="expected a contract"):
        client.start("Desk")  # type: ignore[arg-type]
    with pytest.raises(opord.InputInvalid, match="oder is not a parameter of Desk; did you mean order"):
        client.start(flow, oder=1)
    with pytest.raises(opord.InputInvalid):
        client.start(flow, order={"id": 1})
    for wrong in ("5", None):
        with pytest.raises(TypeError, match="expected a number for wait_s"):
            client.run(flow, "nobody").result(wait_s=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a number for patience_s, got: '3'"):
        opord.Client("sqlite:///runs.db", patience_s="3")  # type: ignore[arg-type]


def test_in_async_code_it_names_the_engine(client: opord.Client) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="use `async with"):
            client.counts()

    asyncio.run(main())


def test_a_closed_client_says_so_and_leaves_no_thread(url: str) -> None:
    client = opord.Client(url)
    client.counts()
    client.close()
    client.close()
    with pytest.raises(opord.EngineClosed, match="the client is closed"):
        client.counts()
    assert not [one for one in threading.enumerate() if one.name == "opord-client"]


def test_a_missing_store_is_not_made_if_so_asked(url: str, tmp_path: Path) -> None:
    client = opord.Client(url, create=False)
    with pytest.raises(opord.StoreMissing):
        client.counts()
    assert not (tmp_path / "runs.db").exists()
    with opord.Client(url) as other:
        other.counts()
    assert client.counts()["waiting"] == 0, "a client whose store was not there tries again"
    client.close()


def test_a_locked_store_is_not_waited_for_forever(url: str, flow: Any, tmp_path: Path) -> None:
    with opord.Client(url, patience_s=0.5) as client:
        client.start(flow, order=order("a"))
        other = apsw.Connection(str(tmp_path / "runs.db"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(opord.StoreUnavailable, match=r"has not answered for 0\.5 s: .*locked"):
            client.start(flow, order=order("b"))
        other.execute("ROLLBACK")
        other.close()
        assert client.start(flow, order=order("b")).id == "Desk/b"


def test_many_threads_share_one_client(client: opord.Client, flow: Any) -> None:
    with ThreadPoolExecutor(16) as pool:
        started = list(pool.map(lambda n: client.start(flow, order=order(f"o{n % 40}")).id, range(200)))
    assert sorted(set(started)) == sorted(f"Desk/o{n}" for n in range(40))
    assert client.counts()["waiting"] == 40


FORKING = """
import os, sys, threading
sys.path.insert(0, {folder!r})
import opord
Desk = opord.load({folder!r} + "/desk.opord").Desk
client = opord.Client({url!r})
client.start(Desk, order={{"id": "parent", "customer": "ann"}})
stop = threading.Event()
def busy():
    number = 0
    while not stop.is_set():
        client.start(Desk, order={{"id": f"busy{{number}}", "customer": "ann"}})
        number += 1
thread = threading.Thread(target=busy)
thread.start()
children = []
for number in range(4):
    child = os.fork()
    if child == 0:
        try:
            run = client.start(Desk, order={{"id": f"child{{number}}", "customer": "ann"}})
            assert run.status()["state"] == "Asked"
            client.close()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        sys.exit(0) if number % 2 else os._exit(0)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
thread.join()
client.start(Desk, order={{"id": "after", "customer": "ann"}})
client.close()
print(codes)
"""


def test_a_forked_process_has_a_connection_of_its_own(tmp_path: Path, url: str, flow: Any) -> None:
    script = FORKING.format(folder=str(tmp_path), url=url)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[0, 0, 0, 0]"), done.stderr
    with opord.Client(url) as client:
        for key in ("parent", "after", *(f"child{number}" for number in range(4))):
            assert client.run(flow, key).status()["state"] == "Asked"
