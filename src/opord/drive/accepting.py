"""Accept an input from outside, or refuse it with all that is wrong with it."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from opord.drive.errors import InputInvalid, InputProblem
from opord.values.codec import Codec
from opord.values.guard import BadValue

_COUNTED: Final = 1000
"""How many problems are looked for. Nobody mends more of them one by one."""


def accepted_by(codec: Codec, wire: Any, what: str) -> Any:
    """Return plain data from outside as a value.

    Raises:
        InputInvalid: it does not fit; the error has the other problems too.
    """
    try:
        return codec.accept(wire)
    except BadValue as bad:
        raise InputInvalid(what, bad.path, bad.message, _all(codec, wire)) from bad


def _all(codec: Codec, wire: Any) -> list[InputProblem]:
    try:
        return [InputProblem(bad.path, bad.message) for bad in islice(codec.problems(wire), _COUNTED)]
    except RecursionError:
        return []  # nested too deep: the first problem says so
