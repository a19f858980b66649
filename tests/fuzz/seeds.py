"""The contracts of the repository: the texts that are damaged."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```opord(?: part)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@cache
def seeds() -> tuple[str, ...]:
    """List the texts of all contracts in the repository, whole and in part.

    Each occurs once, in a fixed order.
    """
    folders = [ROOT / "src" / "opord" / "examples", ROOT / "tests", ROOT / "bench"]
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for folder in folders
        for path in folder.rglob("*.opord")
    }
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]):
        for number, block in enumerate(_BLOCK.findall(page.read_text("utf-8"))):
            texts[f"{page.relative_to(ROOT).as_posix()}#{number:03}"] = block
    return tuple(dict.fromkeys(texts[name] for name in sorted(texts)))
