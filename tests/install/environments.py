"""Environments of their own, and the Pythons that they can be made with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path


def python_of(version: str) -> Path | None:
    """Find a Python of a version such as `3.12`; None if this machine has none that runs."""
    for candidate in _candidates(version):
        code = "import sys, venv; print(*sys.version_info[:2], sep='.')"
        ran = subprocess.run([candidate, "-c", code], capture_output=True, text=True)
        if ran.returncode == 0 and ran.stdout.strip() == version:
            return candidate
    return None


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
    if shutil.which("uv") is not None:
        found = subprocess.run(
            ["uv", "python", "find", "--no-python-downloads", version], capture_output=True, text=True
        )
        if found.returncode == 0:
            yield Path(found.stdout.strip())


def make_environment(python: Path, folder: Path) -> Path:
    """Make a new environment in `folder`, and return its Python."""
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    return folder / "bin" / "python"


def install(python: Path, *what: str, constraints: Path, cwd: Path) -> None:
    """Install packages into an environment, in the versions that the constraints ask for."""
    pip: Sequence[str | Path] = (
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--quiet",
    )
    subprocess.run([*pip, "--constraint", constraints, *what], cwd=cwd, check=True)
