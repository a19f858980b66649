"""Read all contracts of the repository, with every digest that they ever had.

`digests.jsonl` has a line for each text that was ever in the repository. The line has the file,
both digests, and the text with the texts of the files that it uses, so that the digests can be
computed forever. The file only grows.
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
    """A text that was once in the repository, and the permanent digests of its contract.

    `form_0` is None if the contract has something that form 0 cannot express.
    """

    file: str
    form_0: str | None
    form_1: str
    sources: tuple[tuple[str, str], ...]

    def contract(self) -> Contract:
        """Read the text without the rules, like a contract that was accepted before."""
        return read(self.sources)

    def line(self) -> str:
        """Return the pin as a line of the file."""
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
    """Return the pins of the file."""
    return [_pin(line) for line in PINNED.read_text(encoding="utf-8").splitlines()]


def _pin(line: str) -> Pin:
    said: dict[str, Any] = json.loads(line)
    return Pin(said["file"], said["form_0"], said["form_1"], tuple(map(tuple, said["sources"])))  # type: ignore[arg-type]


@cache
def here() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the sources of each contract without errors in the repository, by its file."""
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
