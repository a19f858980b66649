"""A `pure` handler that opens something is caught, with the place.

Harmless openings are not reported.
"""

from __future__ import annotations

import glob
import http.client
import importlib
import logging
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
import urllib.request
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opord.drive import purity
from opord.drive.held_calls import HeldCalls
from opord.drive.purity import NotPure, call_watched, install
from opord.testing import World
from tests.support.contracts import SCORED, compiled, workflow_of

ZONES = str(Path(__file__).parent / "zones")


@pytest.fixture(autouse=True)
def hooked() -> None:
    install()


def forked() -> None:
    if os.fork() == 0:
        os._exit(1)


OPENINGS: list[tuple[str, Callable[[], Any], str]] = [
    ("a file", lambda: open(__file__),  # noqa: SIM115
     f"opens a file (open {__file__!r})"),
    ("a file by its path", lambda: Path(__file__).read_text(), "opens a file (open"),
    ("a file by the system", lambda: os.open(__file__, os.O_RDONLY), "opens a file (open"),
    ("a socket", socket.socket, "uses the network (socket.__new__)"),
    ("a name", lambda: socket.getaddrinfo("localhost", 80), "uses the network (socket.getaddrinfo)"),
    ("a page", lambda: urllib.request.urlopen("http://localhost:1/"), "uses the network (urllib.Request)"),
    ("HTTP", lambda: http.client.HTTPConnection("localhost", 1).connect(), "uses the network"),
    ("a database", lambda: sqlite3.connect(":memory:"), "opens a database (sqlite3.connect ':memory:')"),
    ("a process", lambda: subprocess.run(["true"]), "starts a process (subprocess.Popen 'true')"),
    ("a command", lambda: os.system("true"), "starts a process (os.system"),
    ("a fork", forked, "starts a process (os.fork)"),
    ("a spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}), "starts a process (os.posix_spawn"),
    ("exec", lambda: os.execv("/bin/true", ["true"]), "starts a process (os.exec"),
    ("a folder", lambda: os.listdir("."), "reads a folder (os.listdir '.')"),
    ("many files", lambda: glob.glob("*.nothing"), "reads a folder (glob.glob)"),
    ("a copy", lambda: shutil.copyfile("a", "b"), "works on files (shutil.copyfile 'a')"),
    ("what is temporary", tempfile.mkdtemp, "makes a file (tempfile.mkdtemp)"),
    ("removing", lambda: os.remove("nothing"), "asks the operating system (os.remove 'nothing')"),
]  # fmt: skip


@pytest.mark.parametrize(("opens", "told"), [one[1:] for one in OPENINGS], ids=[one[0] for one in OPENINGS])
def test_an_opening_is_reported_with_its_place(opens: Callable[[], Any], told: str) -> None:
    def handler(a: int) -> int:
        opens()
        return a

    with pytest.raises(NotPure) as caught:
        call_watched("score", handler, (1,))
    assert str(caught.value).startswith(f"score is declared pure, and {told}")
    assert caught.value.file == __file__
    lines = Path(__file__).read_text().splitlines()
    assert caught.value.function.rpartition(".")[2] in ("<lambda>", "forked", "handler")
    assert opens.__name__ == "<lambda>" or caught.value.function.endswith((opens.__name__, "handler"))
    assert lines[caught.value.line - 1].strip()


def rules_of_a_time_zone() -> None:
    # A file of its own, since not every machine has the rules.
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[ZONES])
    try:
        zoneinfo.ZoneInfo.no_cache("Nowhere")
    finally:
        zoneinfo.reset_tzpath(to=before)


def a_traceback() -> None:
    try:
        raise ValueError
    except ValueError:
        traceback.format_exc()


def an_import() -> None:
    sys.modules.pop("this_is_slow", None)
    importlib.import_module("colorsys")
    sys.modules.pop("colorsys")
    import colorsys  # noqa: F401


def a_log_line() -> None:
    handler = logging.FileHandler(os.devnull, delay=True)
    handler.emit(logging.LogRecord("x", 20, "", 1, "said", (), None))


@pytest.mark.parametrize(
    "does", [rules_of_a_time_zone, a_traceback, an_import, a_log_line, lambda: sorted([2, 1])]
)
def test_a_harmless_opening_is_not_reported(does: Callable[[], Any]) -> None:
    assert call_watched("score", lambda a: (does(), a)[1], (1,)) == 1


def test_an_opening_in_a_library_is_reported_at_the_line_that_calls_the_library() -> None:
    def handler(a: int) -> str:
        return Path(os.devnull).read_text()

    with pytest.raises(NotPure) as caught:
        call_watched("score", handler, (1,))
    first = handler.__code__.co_firstlineno
    assert (caught.value.file, caught.value.line) == (__file__, first + 1)
    assert caught.value.function.endswith("handler")


def test_a_handler_cannot_suppress_the_report_and_nothing_is_opened(tmp_path: Path) -> None:
    def handler(a: int) -> int:
        try:
            (tmp_path / "made").write_text("x")
        except Exception:
            return 5
        return a

    with pytest.raises(NotPure):
        call_watched("score", handler, (1,))
    assert not (tmp_path / "made").exists()


def test_another_error_of_a_handler_goes_to_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        call_watched("score", lambda a: a // 0, (1,))


def test_other_threads_may_open_files_meanwhile() -> None:
    go, done = threading.Event(), threading.Event()
    read: list[int] = []

    def other() -> None:
        go.wait(10)
        read.append(len(Path(__file__).read_bytes()))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def handler(a: int) -> int:
        go.set()
        assert done.wait(10)
        return a

    assert call_watched("score", handler, (1,)) == 1
    thread.join()
    assert read[0] > 0


def test_an_opening_is_caught_on_any_thread() -> None:
    found: list[BaseException] = []

    def run() -> None:
        try:
            call_watched("score", lambda a: os.open(__file__, os.O_RDONLY), (1,))
        except NotPure as caught:
            found.append(caught)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(found) == 1


def test_afterwards_everything_may_be_opened_again() -> None:
    with pytest.raises(NotPure):
        call_watched("score", lambda a: os.open(__file__, os.O_RDONLY), (1,))
    with open(__file__) as file:
        assert file.read(1)


class Handlers:
    def score(self, a: int) -> int:
        return len(Path(__file__).read_text()) * 0 + a

    def look(self, a: int) -> int:
        return len(Path(os.devnull).read_text())


def test_a_test_with_such_a_handler_fails_and_an_effect_may_open_files() -> None:
    flow = workflow_of(compiled(SCORED))
    world = World()
    fakes = world.fakes(flow, real=Handlers())
    with pytest.raises(
        NotPure, match=r"score is declared pure, and opens a file .* in Handlers.score; declare it"
    ):
        world.start(flow, a=1)
    assert [call.args for call in fakes.look.calls] == [{"a": 1}]
    world.discard()


def test_without_watching_a_handler_is_called_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    from opord.drive.calls import Calls, bind_handlers
    from opord.loading import program_of

    program = program_of(workflow_of(compiled(SCORED)))
    monkeypatch.setattr(purity, "_installed", False)
    monkeypatch.setattr(sys, "addaudithook", lambda hook: pytest.fail("nobody asked for it"))
    handlers = bind_handlers(program, SimpleNamespace(score=Handlers().score, look=Handlers().look))

    calls = Calls(
        program, handlers, threads=None, held=HeldCalls(1, lambda: 0.0), limit_s=1.0, monotonic=lambda: 0.0
    )
    assert calls.pure(program.calls["score"], (4,)) == 4
