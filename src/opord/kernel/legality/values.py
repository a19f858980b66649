"""Large values are kept by themselves: what refers to them is made whole before anything else is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opord.kernel.large import Texts, ValueMissing, joined, open_value
from opord.kernel.program import Program
from opord.kernel.rows import ValueRow
from opord.values.canonical import digest, dumps, loads


class ReferenceWrong(Exception):
    """What a record or a row refers to is not there, or has no place in it."""


class Values:
    """The values of a run, read when they are needed; `referred` are the digests that somebody has named so far."""

    def __init__(self, program: Program, run: str, rows: Iterable[ValueRow]) -> None:
        self._rows = tuple(rows)
        self._texts = Texts(self._rows, lambda text: open_value(program.vault, run, text))
        self.referred: set[str] = set()

    def whole(self, body: Mapping[str, Any], member: str = "values") -> dict[str, Any]:
        """Return what a record or a row says, with its values in their places; `member` is where it refers to them.

        Raises:
            ReferenceWrong: one of them is missing, or has no place in it.
            SecretUnreadable: a secret in one cannot be opened.
        """
        if member not in body:
            return dict(body)
        refs = body[member]
        try:
            self.referred.update(refs.values())
            taken = [(path, self._texts.plain(named)) for path, named in refs.items()]
            whole: dict[str, Any] = joined({name: body[name] for name in body if name != member}, taken)
        except ValueMissing as error:
            raise ReferenceWrong(f"{error}, and this refers to it") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ReferenceWrong(
                f"what it refers to has no place in it ({type(error).__name__}: {error})"
            ) from error
        return whole

    def problems(self) -> list[str]:
        """Say what is wrong with the values themselves, once everything that may refer to them was read."""
        found = []
        for row in self._rows:
            if digest(row.body) != row.digest:
                found.append(f"{row.digest} does not have this digest: it was changed")
            elif row.digest not in self.referred:
                found.append(f"{row.digest} is kept, and no record refers to it")
            elif dumps(loads(row.body)) != row.body:
                found.append(f"{row.digest} is not in canonical form")
        return found
