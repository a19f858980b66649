"""All contracts of the repository, and the digests that they once had.

`digests.jsonl` has a line for each text that was ever here: the file it was in, its two digests, and the text with those of
the files it uses, so that the digests can be computed as long as there is Opord. It only grows.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from opord.cli.scaffold import make_project
from opord.codegen.python import portable
from opord.contract import Contract
from opord.language import check_file, check_text, lower_text
from tests.random_contracts import random_contract

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "src/opord/cli/templates"
PINNED = Path(__file__).parent / "digests.jsonl"


@dataclass(frozen=True)
class Pin:
    """A text that was here once, and the digests that its contract has for ever; None where it says what form 0 cannot say."""

    file: str
    form_0: str | None
    form_1: str
    sources: tuple[tuple[str, str], ...]

    def contract(self) -> Contract:
        """Read the text without asking a rule, as what was accepted once is read."""
        return read(self.sources)

    def line(self) -> str:
        """Return it as a line of the file."""
        return json.dumps(self.__dict__, ensure_ascii=False, sort_keys=True)


def read(sources: tuple[tuple[str, str], ...]) -> Contract:
    """Parse and lower a text."""
    texts = dict(sources)

    def other(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(path)
        return texts[path]

    return lower_text(sources[0][1], sources[0][0], read=other).model


@cache
def pinned() -> list[Pin]:
    """Return what the file has."""
    return [_pin(line) for line in PINNED.read_text(encoding="utf-8").splitlines()]


def _pin(line: str) -> Pin:
    said: dict[str, Any] = json.loads(line)
    return Pin(said["file"], said["form_0"], said["form_1"], tuple(map(tuple, said["sources"])))  # type: ignore[arg-type]


@cache
def here() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the sources of each contract that is in the repository now and has no errors, by its file."""
    found = {}
    for path in sorted(ROOT.rglob("*.opord")):
        file = path.relative_to(ROOT).as_posix()
        if file.startswith(".") or "/broken/" in file:
            continue
        result = check_file(path)
        if result.contract is not None:
            found[file] = portable(result.sources)
    with tempfile.TemporaryDirectory() as folder:
        for template in sorted(each.name for each in TEMPLATES.iterdir() if each.name != "shared"):
            made = make_project(f"{template}-project", template, Path(folder))
            (path,) = Path(folder).rglob(f"{template}*/*.opord")
            found[f"template {template}, {made.module}"] = portable(check_file(path).sources)
    return found


@cache
def random_ones() -> list[Contract]:
    """Return some random contracts."""
    found = [check_text(random_contract(Random(seed), promises=0)).contract for seed in range(25)]
    return [contract for contract in found if contract is not None]
