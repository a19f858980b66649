"""Read an archive: each run once, even if lines are repeated, torn or damaged."""

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
    """A line that is not what was written: its number, from 1, and the reason."""

    line: int
    why: str


class Archived(NamedTuple):
    """A run of an archive, and the number of its line."""

    kept: Kept
    line: int


class _Name(msgspec.Struct):
    """The members of a run's line that identify the run and say how far its history goes."""

    run: RunId
    started_at: Instant
    epoch: int
    seq: int
    arrivals: int


class Archive:
    """An archive that can be read.

    `contracts` holds its contracts by digest, `damages` what is wrong.

    `torn` is true if the last line is not whole: a prune was cut off there, and that run is still
    in its store. `unended` is true if the end of the last batch is missing: a prune was cut off
    there too, or lines were removed.
    """

    torn: bool
    unended: bool

    def __init__(self, path: Path) -> None:
        """Find the runs of the archive.

        Raises:
            ArchiveRefused: the file is not an archive, or a newer version made it.
            OSError: it cannot be read.
        """
        self.path = path
        self.contracts: dict[str, StoredContract] = {}
        self.damages: list[Damage] = []
        self.torn = self.unended = False
        self.duplicates: int = 0
        self._at: dict[tuple[str, int], tuple[tuple[int, int, int], int, int]] = {}
        with path.open("rb") as file:
            first = file.readline()
            self.format: int = check_header(first, path).format
            self._look_through(file, first)

    def contract(self, digest: Digest) -> StoredContract | None:
        """Return the contract of that digest, of any form of digest."""
        contract = self.contracts.get(digest)
        return contract or next((each for each in self.contracts.values() if digest in each.also), None)

    def __len__(self) -> int:
        return len(self._at)

    def runs(self, run: str | None = None) -> Iterator[Archived]:
        """Yield all runs, or those of one name, in the order of their lines."""
        places = sorted(
            (at, number) for (name, _), (_, at, number) in self._at.items() if run in (None, name)
        )
        with self.path.open("rb") as file:
            for at, number in places:
                file.seek(at)
                try:
                    yield Archived(lines.read_run(lines.read_line(file.readline()).body), number)
                except lines.LineDamaged as error:
                    self.damages.append(Damage(number, str(error)))

    def _look_through(self, file: BinaryIO, first: bytes) -> None:
        number, start = 1, file.tell()
        order = _Order(lines.digest_of(first), strict=self.format >= lines.FORMAT_WITH_ENDS)
        for text in file:
            number += 1
            at, start = start, start + len(text)
            if not text.endswith(b"\n") or b"\0" in text:
                self.torn = True
                continue
            try:
                line = lines.read_line(text)
                self._take(line, at, number)
            except lines.LineDamaged as error:
                line = None
                self.damages.append(Damage(number, str(error)))
            missing = order.follow(lines.digest_of(text), line)
            if missing is not None:
                self.damages.append(Damage(number, missing))
        self.unended = order.open

    def _take(self, line: lines.ArchiveLine, at: int, number: int) -> None:
        if line.kind == "contract":
            contract = lines.read_contract(line.body)
            # If several texts have one digest, the newest is used.
            self.contracts[contract.digest] = contract
        elif line.kind == "run":
            name = lines.decoded(line.body, _Name)
            story = (name.epoch, name.seq, name.arrivals)
            earlier = self._at.get((name.run, name.started_at))
            self.duplicates += earlier is not None
            # A run that went on was archived again; the later line holds its whole history.
            if earlier is None or story >= earlier[0]:
                self._at[name.run, name.started_at] = (story, at, number)


class _Order:
    """Detects missing lines by the marks and ends of batches.

    Each mark names the line before it; each end counts and sums the lines since its mark. Archives
    that were joined follow each other, each with its first line. `strict` is true if every run is
    between a mark and an end, as from format 3 on. `open` is true if a batch has begun and its end
    has not come. After a damaged line nothing is certain until the next mark.
    """

    def __init__(self, first: str, *, strict: bool) -> None:
        self._last: str | None = first
        self._strict = strict
        self._batch: lines.LineBatch | None = None
        self._sure = True
        self.open = False

    def follow(self, digest: str, line: lines.ArchiveLine | None) -> str | None:
        """Take the next line, None if it is damaged; return what is missing before it, or None."""
        before, self._last = self._last, digest if line is not None else None
        if line is None:
            self._sure = False
            return None
        if line.kind == "mark":
            return self._mark(lines.decoded(line.body, lines.Mark), before)
        if line.kind == "end":
            return self._end(lines.decoded(line.body, lines.BatchEnd))
        if line.kind == "archive":
            self._batch, self._sure, self.open = None, True, False
            self._strict = lines.decoded(line.body, lines.Header).format >= lines.FORMAT_WITH_ENDS
        elif self._batch is not None:
            self._batch.add(digest)
        elif self._strict and self._sure:
            self._sure = False
            return "lines are missing before it: the beginning of its batch is gone"
        return None

    def _mark(self, mark: lines.Mark, before: str | None) -> str | None:
        self._batch, self._sure, self.open = lines.LineBatch(), True, mark.after is not None
        if None in (mark.after, before) or mark.after == before:
            return None
        return "lines are missing before it: it does not follow the line that it was written after"

    def _end(self, end: lines.BatchEnd) -> str | None:
        batch, self._batch, self.open = self._batch, None, False
        if not self._sure:
            return None
        if batch is None:
            return "lines are missing before it: it ends a batch that has no beginning"
        if end.lines != batch.lines:
            return (
                f"{_lines(end.lines)} stood between its mark and it, and {_lines(batch.lines)} are there now"
            )
        return None if end == batch.end() else "the lines between its mark and it have changed"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
