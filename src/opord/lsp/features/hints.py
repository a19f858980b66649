"""Inlay hints: types that are not written, and the fields for the arguments of a `goto`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opord.contract import Unknown
from opord.language.syntax import tree
from opord.language.syntax.tree import Span
from opord.language.types import show
from opord.lsp.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Hint:
    """A few words that an editor shows at an offset as if they were in the text."""

    offset: int
    text: str
    kind: Literal["type", "parameter"]


def hints(analysis: Analysis, within: Span) -> list[Hint]:
    """List the hints of a part of a file, from top to bottom."""
    hints = [
        each for each in (*_types(analysis), *_arguments(analysis)) if within[0] <= each.offset <= within[1]
    ]
    return sorted(hints, key=lambda hint: hint.offset)


def _types(analysis: Analysis) -> Iterator[Hint]:
    for local in analysis.recorder.locals:
        if not isinstance(local.binding.type, Unknown):
            yield Hint(local.span[1], f": {show(local.binding.type)}", "type")


def _arguments(analysis: Analysis) -> Iterator[Hint]:
    for node in tree.walk(analysis.file):
        if not isinstance(node, tree.Goto):
            continue
        state = analysis.ctx.states.get(node.state.text)
        if state is None:
            continue
        for name, argument in zip(state.fields, node.arguments, strict=False):
            value = argument.value
            is_named_alike = (
                isinstance(value, tree.NameExpression | tree.FieldAccess) and value.name.text == name
            )
            if argument.name is None and not is_named_alike and not isinstance(value, tree.Unparsed):
                yield Hint(argument.span[0], f"{name}:", "parameter")
