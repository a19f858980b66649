"""Walk over the nodes of a tree, and find its `allow` comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from opord.language.syntax.tree.basics import Allow, Unparsed
from opord.language.syntax.tree.file import Declaration, Documented
from opord.language.syntax.tree.states import Phase


def allows(declarations: list[Declaration]) -> Iterator[tuple[Documented, Allow]]:
    """Yield each `allow` comment with the declaration or inner state below it."""
    for node in declarations:
        if isinstance(node, Unparsed):
            continue
        for allow in node.allows:
            yield node, allow
        if isinstance(node, Phase):
            for state in node.states:
                for allow in state.allows:
                    yield state, allow


def children(node: object) -> Iterator[object]:
    """Yield the nodes directly below `node`, in the order of the fields."""
    for each in fields(node):  # type: ignore[arg-type]
        value = getattr(node, each.name)
        if isinstance(value, list):
            yield from (item for item in value if hasattr(item, "__dataclass_fields__"))
        elif hasattr(value, "__dataclass_fields__"):
            yield value


def walk(node: object) -> Iterator[object]:
    """Yield `node` and everything below it, parents first."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))
