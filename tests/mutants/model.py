"""What a planted bug is, and how a copy of the source with it is made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Mutant(NamedTuple):
    """A wrong edit: `old` occurs exactly once in `file` (below `src/opord`), and `new` replaces it.

    `bug` says what is wrong then, and `breaks` names the broken promise. The bug has to be noticed
    by the simulation within `seeds` seeds or, if `seeds` is 0, by one of `tests` (arguments of
    pytest).
    """

    name: str
    file: str
    old: str
    new: str
    bug: str
    breaks: str
    seeds: int = 0
    tests: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The path of the file that is changed."""
        return ROOT / "src" / "opord" / self.file

    def changed(self) -> str:
        """Return the whole changed text of the file.

        Raises:
            ValueError: the old text does not occur exactly once: the table is out of date.
        """
        text = self.path.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its old text occurs {text.count(self.old)} times in {self.file}")
        return text.replace(self.old, self.new)

    def plant(self, folder: Path) -> Path:
        """Copy the package into a folder with the bug in it; return the entry for Python's path."""
        place = folder / "src"
        shutil.copytree(ROOT / "src", place, ignore=shutil.ignore_patterns("__pycache__"))
        (place / "opord" / self.file).write_text(self.changed())
        return place
