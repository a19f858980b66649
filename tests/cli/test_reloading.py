"""`opord dev`: a worker and the API in one process, and what becomes of a change of a file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from opord.cli.changed_files import ChangedFiles

OPORD = [sys.executable, "-c", "from opord.cli import main; main()"]

CONTRACT = """
contract Note(id: str) key id
effect read(id: str) -> str
initial state Reading -> Read {
  let text = perform read(id)
  goto Read(text)
}
final state Read(text: str) success
"""


def handlers(text: str) -> str:
    return f"class Handlers:\n    async def read(self, id):\n        return {text!r}\n"


class Dev:
    """The command, at work in a folder."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder, self.process = folder, process
        self.said: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def until(self, words: str, times: int = 1) -> str:
        """Return the line that says these words, once it is there so many times."""
        for _ in range(600):
            found = [line for line in list(self.said) if words in line]
            if len(found) >= times:
                return found[times - 1]
            time.sleep(0.05)
        raise AssertionError(f"expected {times} times {words!r}, got: {''.join(self.said)}")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the API."""
        address = re.search(r"at (http://\S+/api/v1)", self.until("serving it at"))
        assert address is not None
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{address[1]}{path}", data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def note(self, id: str) -> str:
        """Carry a run to its end, and return what the handler said."""
        run = self.ask("/contracts/Note/runs?wait=20s", {"id": id})
        text: str = run["data"]["text"]
        return text

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


@contextmanager
def dev(folder: Path, *arguments: str) -> Iterator[Dev]:
    """Run the command in a folder."""
    command = [
        *OPORD,
        "dev",
        "--contract",
        "note.opord",
        "--handlers",
        "notes:Handlers",
        "--port",
        "0",
        *arguments,
    ]
    with subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        here = Dev(folder, process)
        try:
            yield here
        finally:
            process.kill()  # the process that it supervises hears that, and ends
            here.reader.join(30)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPORD_STORE", raising=False)
    (tmp_path / "note.opord").write_text(CONTRACT)
    (tmp_path / "notes.py").write_text(handlers("one"))
    return tmp_path


def test_a_change_starts_it_again_and_a_mistake_does_not_end_what_works(folder: Path) -> None:
    with dev(folder) as here:
        assert here.note("a") == "one"

        here.write("notes.py", handlers("two"))
        here.until("serving it at", 2)
        assert here.note("b") == "two"

        here.write("notes.py", "def broken(:\n")
        assert "notes.py:1" in here.until("error[handlers_broken]")
        here.until("the process before goes on")
        assert here.note("c") == "two"

        here.write("notes.py", handlers("three"))
        here.until("serving it at", 3)
        assert here.note("d") == "three"

        here.write("note.opord", CONTRACT.replace("goto Read(", "goto Raed("))
        here.until("there is no state `Raed`")
        here.until("the process before goes on", 2)
        assert here.note("e") == "three"

        here.write("note.opord", CONTRACT.replace("text: str) success", "text: str) failure"))
        assert "give the changed contract `version 2`" in here.until("error[contract_conflict]")
        assert here.note("f") == "three"

        here.write("note.opord", CONTRACT.replace("key id", "key id version 2"))
        here.until("for Note 2")
        assert here.note("g") == "three"

        here.process.send_signal(signal.SIGINT)
        assert here.process.wait(30) == 0
        with pytest.raises(urllib.error.URLError):
            here.ask("/runs")


def test_it_waits_for_a_mended_file_if_the_first_one_is_broken(folder: Path) -> None:
    (folder / "notes.py").write_text("class Handlers: pass\n")
    with dev(folder) as here:
        here.until("error[handlers_invalid]")
        here.until("nothing is served until a file is changed")
        here.write("notes.py", handlers("one"))
        assert here.note("a") == "one"
        os.killpg(here.process.pid, signal.SIGINT)  # as a terminal does
        assert here.process.wait(30) == 0
        assert "Traceback" not in "".join(here.said)


def test_a_process_that_ends_by_itself_is_started_again_at_the_next_change(folder: Path) -> None:
    (folder / "notes.py").write_text(
        "import os\nclass Handlers:\n    async def read(self, id):\n        os._exit(7)\n"
    )
    with dev(folder) as here:
        here.until("serving it at")
        here.ask("/contracts/Note/runs", {"id": "a"})
        here.until("the process has ended with status 7")
        here.write("notes.py", handlers("again"))
        here.until("serving it at", 2)
        assert here.note("b") == "again"


def test_a_supervisor_that_is_killed_leaves_no_process_behind(folder: Path) -> None:
    with dev(folder) as here:
        assert here.note("a") == "one"
        here.process.kill()
        here.process.wait(30)
        here.until("waiting for calls under way to end")
        for _ in range(600):
            try:
                here.ask("/runs")
            except OSError:
                return
            time.sleep(0.05)
        raise AssertionError("it still serves")


def test_wrong_uses_end_it(folder: Path) -> None:
    def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*OPORD, "dev", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )

    missing = ran("--contract", "nte.opord", "--handlers", "notes:Handlers", "--port", "0")
    assert (missing.returncode, "did you mean `note.opord`?" in missing.stderr) == (2, True)
    pairs = ran("--contract", "note.opord", "--contract", "note.opord", "--handlers", "notes")
    assert (pairs.returncode, "each --contract needs its --handlers" in pairs.stderr) == (2, True)
    port = ran("--contract", "note.opord", "--handlers", "notes:Handlers", "--metrics", "9000")
    assert (port.returncode, "expected for --metrics a host and a port" in port.stderr) == (2, True)


# --- files ----------------------------------------------------------------------------------------


def test_written_new_and_deleted_files_are_changes(tmp_path: Path) -> None:
    for name in ("a.py", "b.opord", "opord.toml", "notes.txt"):
        (tmp_path / name).write_text("1")
    files = ChangedFiles([tmp_path])
    assert files.look() == []
    (tmp_path / "a.py").write_text("22")
    (tmp_path / "b.opord").unlink()
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "c.py").write_text("3")
    (tmp_path / "notes.txt").write_text("22")
    (tmp_path / "opord.toml").write_text("22")
    changed = [path.relative_to(tmp_path).as_posix() for path in files.look()]
    assert changed == ["a.py", "b.opord", "opord.toml", "part/c.py"]
    assert files.look() == []


@pytest.mark.parametrize("place", [".git", "node_modules", "__pycache__", "env"])
def test_what_is_not_the_projects_own_is_left_out(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir()
    (tmp_path / "env").mkdir(exist_ok=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    files = ChangedFiles([tmp_path])
    (tmp_path / place / "a.py").write_text("1")
    assert files.look() == []


def test_so_many_files_are_not_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opord.cli.changed_files.FILES_MOST", 3)
    for number in range(9):
        (tmp_path / f"f{number}.py").write_text("")
    assert len(ChangedFiles([tmp_path])._seen) == 3
