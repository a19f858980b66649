"""Large values are kept by themselves: what refers to them is made whole before anything else is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from opord.kernel.large import Texts, ValueMissing, joined, open_value
from opord.kernel.program import Program
from opord.kernel.rows import ValueRow
from opord.values.canonical import digest, dumps, loads
from opord.values.codec import Codec
from opord.values.shape import Part, Shape
from opord.values.types import RunId

UNFIT: Final = object()
"""Stands for data that are not what a value of their type is kept as."""


class ReferenceWrong(Exception):
    """What a record or a row refers to is not there, or has no place in it."""


class Values:
    """The values of a run, read when they are needed; `referred` are the digests that somebody has named so far."""

    def __init__(self, program: Program, run: RunId, rows: Iterable[ValueRow]) -> None:
        self._rows = tuple(rows)
        self._texts = Texts(self._rows, lambda text: open_value(program.vault, run, text))
        self.referred: set[str] = set()
        self._kept: set[int] = set()  # the `id` of each value that was read: `_texts` holds on to them
        self._proven: dict[tuple[int, str], Any] = {}

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
            self._kept.update(id(value) for _, value in taken)
            whole: dict[str, Any] = joined({name: body[name] for name in body if name != member}, taken)
        except ValueMissing as error:
            raise ReferenceWrong(f"{error}, and this refers to it") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ReferenceWrong(
                f"what it refers to has no place in it ({type(error).__name__}: {error})"
            ) from error
        return whole

    def decode(self, codec: Codec, rest: Any) -> Any:
        """Return kept data as a value if they are what a value of the type is kept as, else `UNFIT`.

        To read what was kept is to trust it; writing it anew is what checks every part. A value that many records refer to
        is the same object in all of them, and is checked once for each type that it is to have.

        Raises:
            Exception: the data do not fit the type.
        """
        shape = codec.shape() if self._kept and type(rest) is dict else None
        if shape is not None:
            # Of what is wrong the whole says more: a part does not know where it stands.
            with suppress(Exception):
                value = self._by_parts(shape, rest)
                if value is not UNFIT:
                    return value
        value = codec.load(rest)
        return value if codec.dump(value) == rest else UNFIT

    def _by_parts(self, shape: Shape, rest: Mapping[str, Any]) -> Any:
        if rest.keys() != {part.name for part in shape.parts}:
            return UNFIT
        values = [self._part(part, rest[part.name]) for part in shape.parts]
        return UNFIT if any(value is UNFIT for value in values) else shape.made(values)

    def _part(self, part: Part, rest: Any) -> Any:
        if part.checks:
            return UNFIT  # how deep it is can be told of the whole alone
        kept = id(rest) in self._kept
        if kept and (id(rest), part.kind) in self._proven:
            return self._proven[id(rest), part.kind]
        if part.shape is not None and type(rest) is dict and not kept:
            return self._by_parts(part.shape, rest)
        value = part.load(rest)
        if part.dump(value) != rest:
            return UNFIT
        if kept:
            self._proven[id(rest), part.kind] = value
        return value

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
