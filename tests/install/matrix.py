"""Run tests with the lowest versions that are declared, on each Python: `make matrix`.

python tests/install/matrix.py [--pythons "3.12 3.13"] [--workers N] [TESTS...]

Each Python gets an environment of its own, in a temporary folder. Without `--pythons`, the versions
that the classifiers name are asked for, and later ones are used where there are any. It ends with
status 1 if a test fails, or if a Python that was asked for is not there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.install.environments import install, make_environment, python_of  # noqa: E402
from tests.install.lowest import constraints, lower_bounds, project  # noqa: E402

LATER: Final = ("3.14", "3.15")
"""Versions that no classifier names; they are tried where the machine has them."""

TESTS: Final = (
    "tests/cli", "tests/codegen", "tests/lsp", "tests/stores", "tests/testing", "tests/values", "tests/protection",
    "tests/simulate", "tests/examples", "tests/portable", "tests/server", "tests/test_front.py", "tests/test_startup.py",
)  # fmt: skip
"""Whatever calls another package than Opord."""


def claimed(declared: Mapping[str, Any]) -> list[str]:
    """Return the versions of Python that the classifiers name, such as `3.12`."""
    last = [
        classifier.rpartition(" :: ")[2]
        for classifier in declared["classifiers"]
        if " :: Python :: 3." in classifier
    ]
    return sorted(last, key=lambda version: int(version.partition(".")[2]))


def main(arguments: Sequence[str]) -> int:
    """Run the matrix and return the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pythons", default="", help="the versions asked for, such as '3.12 3.13'")
    options.add_argument("--workers", default="auto", help="processes of pytest")
    options.add_argument("tests", nargs="*", help="files and folders; without one: whatever calls a package")
    chosen = options.parse_args(arguments)

    declared = project()
    asked = chosen.pythons.split() or claimed(declared)
    more = [] if chosen.pythons.strip() else list(LATER)
    found = {version: python for version in [*asked, *more] if (python := python_of(version)) is not None}
    absent = [version for version in asked if version not in found]
    for version in [*asked, *more]:
        asked_for = "" if version in asked else " (not asked for)"
        _say(f"Python {version}: {found.get(version) or 'not on this machine'}{asked_for}")
    _say(", ".join(f"{name} {version}" for name, version in sorted(lower_bounds(declared).items())))
    failed = [
        version
        for version, python in found.items()
        if not _passes(version, python, chosen.workers, chosen.tests)
    ]
    if failed:
        _say(f"failed on Python {', '.join(failed)}")
    if absent:
        _say(f"asked for and not on this machine: Python {', '.join(absent)}")
    return int(bool(failed or absent))


def _passes(version: str, python: Path, workers: str, tests: Sequence[str]) -> bool:
    """Say whether the tests pass on a Python, with the lowest versions."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"opord-{version}-") as folder:
        file = Path(folder) / "constraints-lowest.txt"
        pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
        file.write_text(constraints(project(), pinned), encoding="utf-8")
        own = make_environment(python, Path(folder) / "environment")
        try:
            install(own, "--editable", ".[dev]", constraints=file, cwd=ROOT)
        except subprocess.CalledProcessError as wrong:
            _say(
                f"Python {version}: the lowest versions cannot be installed together (pip: status {wrong.returncode})"
            )
            return False
        ran = subprocess.run(
            [own, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers, *(tests or TESTS)],
            cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )  # fmt: skip
    _say(
        f"Python {version}: {'passed' if ran.returncode == 0 else 'failed'} after {time.monotonic() - started:.0f} s"
    )
    return ran.returncode == 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
