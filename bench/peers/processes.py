"""Processes under measure: parts that take commands, servers, and what the trees of both use of the machine."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
READY_S = 60.0
"""How long a part may take to be ready, and longer than its measure an answer may take."""


class PartFailed(Exception):
    """A part ended, did not answer in time, or answered with an error."""


@dataclass
class Part:
    """A process of `bench.peers.part`, in the environment of its engine."""

    python: Path
    engine: str
    role: str
    setting: dict[str, Any]
    log: Path
    _process: subprocess.Popen[str] = field(init=False)
    _began: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._began = time.time()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.python, "-m", "bench.peers.part", self.engine, self.role, json.dumps(self.setting)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        self._answer(READY_S)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def began(self) -> float:
        """When it was started, in seconds of the clock."""
        return self._began

    def ask(self, do: str, *, within_s: float = 0.0, **given: Any) -> Any:
        """Let it carry out a command that takes so long; return what it answers."""
        self.tell(do, **given)
        return self._answer(within_s + READY_S)

    def tell(self, do: str, **given: Any) -> None:
        """Send a command whose answer is taken with `answer`."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PartFailed(self._end_of_it()) from None

    def answer(self, within_s: float) -> Any:
        """Return the answer to a command that was sent with `tell` and takes so long."""
        return self._answer(within_s + READY_S)

    def kill(self) -> None:
        """Kill it at once, with all that it started: what a crash is."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _answer(self, within_s: float) -> Any:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], within_s)
        if not ready:
            raise PartFailed(f"no answer within {within_s:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise PartFailed(self._end_of_it())
        answer = json.loads(line)
        if "error" in answer:
            raise PartFailed(answer["error"])
        return answer["ok"]

    def _end_of_it(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return f"the {self.role} of {self.engine} ended: {lines[-1] if lines else 'it said nothing'}"


class Program:
    """A server that this process started, with the processes that it starts itself."""

    def __init__(
        self, command: Sequence[str | Path], *, log: Path, env: dict[str, str] | None = None
    ) -> None:
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=log.parent,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self.log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop it in order, or kill it after ten seconds."""
        if self.runs:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def tree(pid: int) -> list[int]:
    """Return a process and all that came from it and still run."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _stat(int(stat.parent.name))
        if fields is not None:
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, at = [pid], 0
    while at < len(found):
        found += parents.get(found[at], [])
        at += 1
    return found


def processor_s(pid: int) -> float:
    """Return the processor time of a process and all its descendants, also of those that have ended, in seconds."""
    ticks = 0
    for one in tree(pid):
        fields = _stat(one)
        if fields is not None:
            ticks += sum(int(part) for part in fields[11:15])
    return ticks / TICKS_A_SECOND


def memory_mib(pid: int) -> float:
    """Return the memory of a process and all its descendants, in MiB. What several of them share counts once."""
    return sum(_proportional_kib(one) for one in tree(pid)) / 1024


def _stat(pid: int) -> list[str] | None:
    """Return the fields of `/proc/PID/stat` after the name; none if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _proportional_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
