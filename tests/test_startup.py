"""Starting is cheap because nothing heavy is imported before it is needed."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import opord

# Each of these costs tens of milliseconds, or drags a tree of modules behind it.
HEAVY = {"apsw", "asyncio", "httpx", "msgspec", "rich", "sqlite3", "starlette", "uvicorn"}

REPORT = """
import sys
sys.stderr.write("\\n".join(sorted(name for name in sys.modules if "." not in name)))
"""


def modules_after(code: str, *arguments: str) -> tuple[str, set[str]]:
    """Run `code` in a Python of its own; answer what it printed, and the top-level modules it ended with."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return ran.stdout, set(ran.stderr.split())


def test_the_version_is_printed_without_loading_anything_heavy() -> None:
    run_program = f"from opord.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n{REPORT}"
    printed, loaded = modules_after(run_program, "--version")
    assert printed.strip() == f"opord {opord.__version__}"
    assert loaded & HEAVY == set(), "imported at start-up; import it in the function that needs it"


def test_importing_the_package_loads_nothing_heavy() -> None:
    _, loaded = modules_after(f"import opord\n{REPORT}")
    assert loaded & HEAVY == set(), "opord/__init__.py hands names out lazily"


def test_the_version_stands_in_one_place() -> None:
    assert importlib.metadata.version("opord") == opord.__version__
