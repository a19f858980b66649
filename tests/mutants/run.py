"""Plants each bug in a copy of the source, and reports what notices it.

A bug that nothing notices is a failure. `python tests/mutants/run.py`, with `--only WORD` for those
whose name contains the word and `--jobs N` at once.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.mutants.model import ROOT, Mutant
from tests.mutants.table import MUTANTS

LIMIT_S = 90
"""Seconds of processor time that a mutant may use. An endless loop is noticed by that."""

PATIENCE_S = 900
"""Seconds of wall time after which a mutant is stopped that uses no processor."""


class Verdict(NamedTuple):
    """What noticed a mutant, and how soon; `by` is empty for a survivor."""

    mutant: Mutant
    by: str
    needed: str
    seconds: float


def environment(first: Path) -> dict[str, str]:
    """Return an environment in which Python finds the package in a folder before any other."""
    return {**os.environ, "PYTHONPATH": str(first), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def command(mutant: Mutant) -> list[str]:
    """Return the command that has to fail for the mutant to be noticed."""
    if mutant.seeds:
        return [sys.executable, "tests/sim/run.py", "--once", "--seeds", str(mutant.seeds)]
    quiet = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header"]
    return [sys.executable, "-m", "pytest", *quiet, *mutant.tests]


def judge(mutant: Mutant, *, limit_s: int = LIMIT_S) -> Verdict:
    """Plant a mutant and run what has to notice it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = mutant.plant(Path(folder))
        try:
            done = subprocess.run(
                [sys.executable, __file__, "--limit", str(limit_s), *command(mutant)],
                cwd=ROOT, env=environment(place), capture_output=True, text=True, timeout=PATIENCE_S,
            )  # fmt: skip
            code, said = done.returncode, done.stdout + done.stderr
            if code in (-signal.SIGXCPU, -signal.SIGKILL):
                said = "did not end"
        except subprocess.TimeoutExpired:
            code, said = 1, "did not end"
    by, needed = _noticed(mutant, code, said)
    return Verdict(mutant, by, needed, time.monotonic() - began)


def _noticed(mutant: Mutant, code: int, said: str) -> tuple[str, str]:
    """Return what noticed the mutant, and after how much, from the output of a run."""
    if code == 0:
        return "", ""
    if said == "did not end":
        return "time limit", said
    if mutant.seeds:
        found = re.search(r"^seed (\d+) breaks:\n  (.*)", said, re.MULTILINE)
        return ("simulation", f"{int(found[1]) + 1} seeds: {found[2]}") if found else ("start", said[-300:])
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    # Pytest ends with 2 or more if it could not run the tests: then no test noticed anything.
    return ("test", failed[1]) if code == 1 and failed else ("start", said[-300:])


def main() -> int:
    """Run what the command line asks for; return 1 if a mutant survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    asked = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if asked.only in mutant.name]
    survivors = []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for verdict in pool.map(judge, chosen):
            print(
                f"{verdict.by or 'SURVIVED':12} {verdict.seconds:6.1f} s  {verdict.mutant.name}: {verdict.needed}"[
                    :220
                ],
                flush=True,
            )
            if verdict.by in ("", "start"):
                survivors.append(verdict.mutant)
    for mutant in survivors:
        print(f"not noticed: {mutant.name}: {mutant.bug} ({mutant.breaks})")
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} planted bugs are noticed")
    return 1 if survivors or not chosen else 0


def limited(seconds: str, *command: str) -> None:
    """Replace this process by a command with a limit of processor time."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
    os.execv(command[0], command)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--limit"]:
        limited(*sys.argv[2:])
    sys.exit(main())
