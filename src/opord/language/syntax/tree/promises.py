"""Define the nodes for `ensure` lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from opord.language.syntax.tree.basics import Allow, Name, Span
from opord.language.syntax.tree.expressions import DurationLiteral


@dataclass(slots=True)
class AtMostOnce:
    """`A at most once`."""

    subjects: list[Name]


@dataclass(slots=True)
class OnlyAfter:
    """`X only after Y`."""

    subjects: list[Name]
    after: list[Name]


@dataclass(slots=True)
class NeverAfter:
    """`never X after Y`."""

    subjects: list[Name]
    after: list[Name]


@dataclass(slots=True)
class Eventually:
    """`after Y eventually X`."""

    after: list[Name]
    subjects: list[Name]


@dataclass(slots=True)
class NoWaitIsEndless:
    """`no wait is endless`."""


@dataclass(slots=True)
class EveryRunEnds:
    """`every run ends [within D]`."""

    within: DurationLiteral | None


Claim: TypeAlias = AtMostOnce | OnlyAfter | NeverAfter | Eventually | NoWaitIsEndless | EveryRunEnds


@dataclass(slots=True)
class Ensure:
    """`ensure <claim>`."""

    claim: Claim
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)
