"""Values to plain JSON data and back, strictly, with the path to whatever does not fit.

The forms of a value:
- *wire*: what comes from outside and goes to handlers' plain data: as JSON, secrets in clear;
- *rest*: what the store keeps: the same, but a secret is `{"$secret": …}`, the place for encryption at rest;
- *shown*: what people see: the same, but a secret is the text `[secret]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Codec:
    """The conversions of one type, or of one set of parameters. All raise `BadValue` with a path.

    `accept(wire)`: plain data from outside to a value, strictly (no unknown members, no conversions but int
    to float or decimal, defaults filled in). Also takes values that already have the type.
    `dump(value)`: a value to its rest form; checks everything on the way, since user code made it.
    `load(rest)`: the rest form to a value.
    `show(rest)`: the rest form as shown.
    """

    accept: Callable[[Any], Any]
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    show: Callable[[Any], Any]
