"""Check large values, and put them into the records and rows that refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from opord.kernel.large import Texts, ValueMissing, joined, open_value
from opord.kernel.program import Program
from opord.kernel.rows import ValueRow
from opord.values.canonical import digest, dumps, loads
from opord.values.codec import Codec
from opord.values.shape import Shape, ShapePart
from opord.values.types import RunId

UNFIT: Final = object()
"""The result for data that are not stored as their type requires."""


class ReferenceWrong(Exception):
    """A value that a record or a row refers to is missing, or has no place in it."""


class Values:
    """The values of a run, decoded on demand.

    `referred` are the digests that were referred to so far.
    """

    def __init__(self, program: Program, run: RunId, rows: Iterable[ValueRow]) -> None:
        self._rows = tuple(rows)
        self._texts = Texts(self._rows, lambda text: open_value(program.vault, run, text))
        self.referred: set[str] = set()
        self._decoded: set[int] = set()  # the `id` of each decoded value; `_texts` keeps the objects alive
        self._proven: dict[tuple[int, str], Any] = {}

    def whole(self, body: Mapping[str, Any], member: str = "values") -> dict[str, Any]:
        """Return a record or a row with its values in their places. `member` holds its references.

        Raises:
            ReferenceWrong: a value is missing, or has no place in it.
            SecretUnreadable: a secret in a value cannot be opened.
        """
        if member not in body:
            return dict(body)
        refs = body[member]
        try:
            self.referred.update(refs.values())
            parts = [(path, self._texts.plain(key)) for path, key in refs.items()]
            self._decoded.update(id(value) for _, value in parts)
            whole: dict[str, Any] = joined({name: body[name] for name in body if name != member}, parts)
        except ValueMissing as error:
            raise ReferenceWrong(f"{error}, and this refers to it") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ReferenceWrong(
                f"what it refers to has no place in it ({type(error).__name__}: {error})"
            ) from error
        return whole

    def decode(self, codec: Codec, rest: Any) -> Any:
        """Return stored data as a value if they are stored as its type requires, else `UNFIT`.

        Decoding alone trusts the data; encoding again checks every part. A value that many records
        refer to is the same object in all of them, and is checked once for each type.

        Raises:
            Exception: the data do not fit the type.
        """
        shape = codec.shape() if self._decoded and type(rest) is dict else None
        if shape is not None:
            # For an error the whole gives the better message: a part does not know its place.
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
        return UNFIT if any(value is UNFIT for value in values) else shape.build(values)

    def _part(self, part: ShapePart, rest: Any) -> Any:
        if part.checks:
            return UNFIT  # the depth can be checked only on the whole
        decoded = id(rest) in self._decoded
        if decoded and (id(rest), part.kind) in self._proven:
            return self._proven[id(rest), part.kind]
        if part.shape is not None and type(rest) is dict and not decoded:
            return self._by_parts(part.shape, rest)
        value = part.load(rest)
        if part.dump(value) != rest:
            return UNFIT
        if decoded:
            self._proven[id(rest), part.kind] = value
        return value

    def problems(self) -> list[str]:
        """Return the problems of the values themselves.

        All records and rows that may refer to them must have been read.
        """
        problems = []
        for row in self._rows:
            if digest(row.body) != row.digest:
                problems.append(f"{row.digest} does not have this digest: it was changed")
            elif row.digest not in self.referred:
                problems.append(f"{row.digest} is kept, and no record refers to it")
            elif dumps(loads(row.body)) != row.body:
                problems.append(f"{row.digest} is not in canonical form")
        return problems
