"""Reading an archive: each run's story once, whatever stands in it twice, torn or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from opord.stores.archive import lines
from opord.stores.archive.writing import check_header
from opord.stores.base import Kept, StoredContract
from opord.values.types import Digest, Instant, RunId


class Damage(NamedTuple):
    """A line that is not what was written: its number, from 1, and why."""

    line: int
    why: str


class Archived(NamedTuple):
    """A run's story, and the number of the line that tells it."""

    kept: Kept
    line: int


class _Name(msgspec.Struct):
    """Of a run's line, what says which run it is, and how far its story goes."""

    run: RunId
    started_at: Instant
    epoch: int
    seq: int
    arrivals: int


class Archive:
    """An archive that can be read. `contracts` are those in it, by digest, `damages` what was found wrong.

    `torn` says that its last line is not whole: a prune was cut off there, and that run is still in its store.
    """

    def __init__(self, path: Path) -> None:
        """Read which runs the archive has.

        Raises:
            ArchiveRefused: it is none, or of a newer version.
            OSError: it cannot be read.
        """
        self.path = path
        self.contracts: dict[str, StoredContract] = {}
        self.damages: list[Damage] = []
        self.torn = False
        self.duplicates = 0
        self._at: dict[tuple[str, int], tuple[tuple[int, int, int], int, int]] = {}
        with path.open("rb") as file:
            check_header(file.readline(), path)
            self._look_through(file)

    def contract(self, digest: Digest) -> StoredContract | None:
        """Return the contract of that digest, in whichever form the digest is."""
        found = self.contracts.get(digest)
        return found or next((each for each in self.contracts.values() if digest in each.also), None)

    def __len__(self) -> int:
        return len(self._at)

    def runs(self, run: str | None = None) -> Iterator[Archived]:
        """Tell the stories of all runs, or of those of one name, in the order in which they stand in the file."""
        wanted = sorted(
            (at, number) for (name, _), (_, at, number) in self._at.items() if run in (None, name)
        )
        with self.path.open("rb") as file:
            for at, number in wanted:
                file.seek(at)
                try:
                    yield Archived(lines.read_run(lines.read_line(file.readline()).body), number)
                except lines.LineDamaged as error:
                    self.damages.append(Damage(number, str(error)))

    def _look_through(self, file: BinaryIO) -> None:
        number, start = 1, file.tell()
        for text in file:
            number += 1
            at, start = start, start + len(text)
            if not text.endswith(b"\n") or b"\0" in text:
                self.torn = True
                continue
            try:
                self._take(lines.read_line(text), at, number)
            except lines.LineDamaged as error:
                self.damages.append(Damage(number, str(error)))

    def _take(self, line: lines.Line, at: int, number: int) -> None:
        if line.kind == "contract":
            contract = lines.read_contract(line.body)
            # Of several texts with one digest the newest is the one to read.
            self.contracts[contract.digest] = contract
        elif line.kind == "run":
            name = lines.decoded(line.body, _Name)
            story = (name.epoch, name.seq, name.arrivals)
            known = self._at.get((name.run, name.started_at))
            self.duplicates += known is not None
            # A story that goes on was told again after more had come: that one is the whole.
            if known is None or story >= known[0]:
                self._at[name.run, name.started_at] = (story, at, number)
