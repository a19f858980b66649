"""Build the package, look into it, and use it as a stranger would: `make package`.

What is built is what git knows, copied to a temporary folder. The wheel is installed there into a
new environment, away from the tree, and tried: a new project, its checks, its tests, its worker,
and the demonstration.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.install.environments import install, make_environment  # noqa: E402

NEVER: Final = (".pyc", ".db", ".db-wal", ".db-shm", ".orig", ".rej", "~")
"""How files end that a tool or a run has left behind."""

ONLY_IN_THE_TREE: Final = (".ci/", ".git")


def tracked() -> list[str]:
    """List the files that git knows, by their paths in the tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def problems_of_wheel(names: Iterable[str], tree: Iterable[str]) -> Iterator[str]:
    """Yield what is missing in a wheel, and what has no place there."""
    own = {name.removeprefix("src/") for name in tree if name.startswith("src/")}
    held = {name for name in names if ".dist-info/" not in name}
    yield from (f"the wheel lacks {name}" for name in sorted(own - held))
    yield from (f"the wheel has {name}, which is not in the tree" for name in sorted(held - own))
    told = {name.partition(".dist-info/")[2] for name in names}
    yield from (
        f"the wheel lacks {name}" for name in ("licenses/LICENSE", "entry_points.txt") if name not in told
    )


def problems_of_sdist(names: Iterable[str], tree: Iterable[str]) -> Iterator[str]:
    """Yield what is missing in a source distribution, and what has no place there."""
    own = {name for name in tree if not name.startswith(ONLY_IN_THE_TREE)}
    held = {name.partition("/")[2] for name in names} - {"PKG-INFO", ".gitignore"}
    yield from (f"the source distribution lacks {name}" for name in sorted(own - held))
    yield from (
        f"the source distribution has {name}, which is not in the tree" for name in sorted(held - own)
    )
    yield from (f"{name} was left behind by a run or a tool" for name in sorted(held) if name.endswith(NEVER))


def main() -> int:
    """Build and try the package; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="opord-package-") as name:
        folder = Path(name)
        wheel, sdist = _built(folder)
        with zipfile.ZipFile(wheel) as opened, tarfile.open(sdist) as packed:
            files = [member.name for member in packed.getmembers() if member.isfile()]
            found = [*problems_of_wheel(opened.namelist(), tracked()), *problems_of_sdist(files, tracked())]
        for problem in found:
            _say(problem)
        if found:
            return 1
        _try(wheel, folder)
    _say("the package is whole, and works where it is installed")
    return 0


def _built(folder: Path) -> tuple[Path, Path]:
    """Build both distributions from a copy of the tree; the check of indexes accepts them."""
    copy = folder / "tree"
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    tools = make_environment(Path(sys.executable), folder / "tools")
    install(tools, "build", "twine", constraints=ROOT / "constraints.txt", cwd=folder)
    # The wheel is built from the source distribution: so the latter has all that it takes.
    _run(tools, "-m", "build", "--outdir", folder / "dist", copy, cwd=folder)
    (wheel,), (sdist,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    _run(tools, "-m", "twine", "check", "--strict", wheel, sdist, cwd=folder)
    return wheel, sdist


def _try(wheel: Path, folder: Path) -> None:
    """Install the wheel with the extras of users, and use it in a folder of its own."""
    python = make_environment(Path(sys.executable), folder / "environment")
    extras = f"opord[demo,diagram,lsp,postgres,server,testing] @ {wheel.as_uri()}"
    install(python, extras, constraints=ROOT / "constraints.txt", cwd=folder)
    place = folder / "place"
    place.mkdir()
    opord = python.with_name("opord")
    _run(opord, "--version", cwd=place)
    _run(python, "-m", "opord", "check", "--help", cwd=place)
    _run(opord, "new", "card_payments", "--template", "payment", cwd=place)
    project = place / "card_payments"
    _run(opord, "check", "--strict", "card_payments.opord", cwd=project)
    _run(opord, "explain", "card_payments.opord", "--format", "html", "-o", "sheet.html", cwd=project)
    _run(opord, "gen", "--check", "card_payments.opord", "-o", ".", cwd=project)
    _run(python, "-m", "pytest", "-q", cwd=project)
    _run(opord, "demo", cwd=place)


def _run(*command: str | Path, cwd: Path) -> None:
    _say("$ " + " ".join(Path(part).name if isinstance(part, Path) else part for part in command))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, cwd=cwd, env=environment, check=True)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
