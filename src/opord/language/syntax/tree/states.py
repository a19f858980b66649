"""Define the nodes for states and phases, with their handlers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from opord.language.syntax.tree.basics import Allow, Name, Span
from opord.language.syntax.tree.data import Field
from opord.language.syntax.tree.expressions import Expression
from opord.language.syntax.tree.statements import Block, Statement


@dataclass(slots=True)
class OnEvent:
    """`on event(names) [if c] -> …`. `body` is None for `on event ignore`.

    `names` is None without parentheses; a name `_` binds nothing.
    """

    event: Name
    names: list[Name] | None
    guard: Expression | None
    body: Block | None
    span: Span


@dataclass(slots=True)
class After:
    """`after <duration> -> …`."""

    duration: Expression
    body: Block
    span: Span


@dataclass(slots=True)
class At:
    """`at <datetime> -> …`."""

    instant: Expression
    body: Block
    span: Span


Handler: TypeAlias = OnEvent | After | At


@dataclass(slots=True)
class State:
    """`[initial] state Name(fields) -> A | B { … }` or `final state Name(fields) success`.

    `body` is None without braces. It may mix statements and handlers, which the rule `flow`
    refuses. `outcome` is the word after the name of a final state; `header_span` ends before the
    `{`.
    """

    kind: Literal["initial", "plain", "final"]
    name: Name
    fields: list[Field]
    targets: list[Name]
    outcome: Name | None
    body: list[Statement | Handler] | None
    header_span: Span
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Phase:
    """`phase Name { … }`: shared handlers and the states that share them."""

    name: Name
    handlers: list[Handler]
    states: list[State]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)
