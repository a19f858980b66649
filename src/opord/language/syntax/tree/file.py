"""Define the node for a whole file: every declaration and every comment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from opord.language.syntax.tree.basics import Comment, Span, Unparsed
from opord.language.syntax.tree.calls import CallDeclaration
from opord.language.syntax.tree.data import Enum, Failure, RecordType
from opord.language.syntax.tree.events import Event, Role
from opord.language.syntax.tree.header import Contract, Require, Use
from opord.language.syntax.tree.promises import Ensure
from opord.language.syntax.tree.states import Phase, State

Declaration: TypeAlias = (
    Use
    | Contract
    | Require
    | RecordType
    | Enum
    | Failure
    | Role
    | Event
    | CallDeclaration
    | State
    | Phase
    | Ensure
    | Unparsed
)

Documented: TypeAlias = (
    Use
    | Contract
    | Require
    | RecordType
    | Enum
    | Failure
    | Role
    | Event
    | CallDeclaration
    | State
    | Phase
    | Ensure
)
"""What can have documentation and `allow` comments above it."""


@dataclass(slots=True)
class File:
    """One file: every top-level declaration and every comment, in order.

    `skipped` are the spans that could not be read.
    """

    declarations: list[Declaration]
    comments: list[Comment]
    span: Span
    skipped: list[Span] = field(default_factory=list)
