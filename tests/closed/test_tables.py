"""Tables with the members of a closed union as keys have a row for each member."""

from __future__ import annotations

import typing
from collections.abc import Collection

import pytest

from opord.backends import sorting
from opord.cli.doctor import stored
from opord.cli.filters import NEEDS, OUTCOMES, SORTS, STATUSES
from opord.cli.output import STATUS_STYLES
from opord.codegen import expressions
from opord.contract import BinaryOp, BuiltinName, Contract, Outcome, PrimitiveName
from opord.kernel.rows import RUN_OUTCOMES, NeedFilter, NeedReason, RunOutcome, Status
from opord.language import spelling, words
from opord.language.lowering.builtins import BUILTINS
from opord.language.lowering.dispatch import LOWER
from opord.language.syntax import tree
from opord.story.words import _NEEDS
from opord.testing.plausible import Plausible
from opord.values.scalars import SCALARS

TABLES: dict[str, tuple[object, Collection[object]]] = {
    "how an expression's node is lowered": (tree.Expression, LOWER),
    "how tightly an operator binds": (BinaryOp, spelling._BINDING),
    "the functions of the language": (BuiltinName, BUILTINS),
    "the words for what to do in doubt": (
        typing.get_type_hints(tree.InDoubtPolicy)["choice"],
        words.texts("doubt"),
    ),
    "the words for types": (PrimitiveName, words.texts("type")),
    "the Python type of a primitive": (PrimitiveName, expressions._PRIMITIVES),
    "the codec of a primitive": (PrimitiveName, SCALARS),
    "how a run may end, in a contract": (Outcome, words.texts("outcome")),
    "what a listing of runs can be narrowed by": (Status, STATUSES),
    "the needs that a listing can be narrowed by": (NeedFilter, NEEDS),
    "what each need means": (NeedReason, _NEEDS),
    "what doctor says of each need": (NeedReason, stored._NEEDS),
}


def members(union: object) -> set[object]:
    """Return the members of a union: classes, or the texts of a literal."""
    if isinstance(union, str):  # an alias written as a text, because its classes are defined below it
        return {vars(tree)[name.strip()] for name in union.split("|")}
    return set(typing.get_args(union))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_every_member(name: str) -> None:
    union, table = TABLES[name]
    assert set(table) == members(union)


def test_every_word_for_the_condition_of_a_run_has_a_colour() -> None:
    assert set(STATUS_STYLES) == members(Status) | members(Outcome) | {"terminated"}
    assert {word for part in typing.get_args(RunOutcome) for word in typing.get_args(part) or (part,)} == (
        members(Outcome) | {"terminated"}
    )
    assert RUN_OUTCOMES == OUTCOMES


def test_the_command_line_has_the_orders_of_a_listing() -> None:
    assert SORTS == sorting.SORTS


def test_every_primitive_has_a_plausible_value() -> None:
    plausible = Plausible(Contract("C", 1, (), None), lambda: "2026-01-01T00:00:00Z")
    for name in typing.get_args(PrimitiveName):
        assert plausible._primitive(name, "x") is not None
