"""An action that comes again under a key that took effect, or was refused, before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from opord.contract import (
    BOOL,
    Action,
    Contract,
    Expr,
    Field,
    ListOf,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Place,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    Text,
    Unknown,
    Var,
)
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.diagnostics.places import known_place
from opord.language.diagnostics.suppressors import WAYS_UNREAD, LeftOut
from opord.language.diagnostics.wording import quoted, way
from opord.language.flow.changes import Changes
from opord.language.flow.graph import Graph
from opord.language.flow.repeated_keys import RepeatedKey, repeated_keys
from opord.language.spelling import spell

CODE = code(
    "OP809",
    rule="samekey",
    title="an action committed again under the same key",
    suppressed_by=(*WAYS_UNREAD, LeftOut("OP103")),
    allowed_by="names",
)


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find commits under a key that an earlier commit of the action has used up."""
    for action, expr, ways in repeated_keys(contract, graph):
        yield _finding(graph, action, expr, ways)


def _finding(graph: Graph, action: Action, expr: Expr, ways: list[RepeatedKey]) -> Diagnostic:
    shortest = ways[0]
    state = shortest.states[-1]
    return CODE.at(
        graph.states[state].place,
        f"`{action.name}` can be committed again with the key `{spell(expr)}` {_harm(shortest)}",
        label=f"committed again by {way(shortest.states)}",
        labels=(
            *(Label(each.first.site.place, _before(each)) for each in ways),
            Label(_place_of_key(action), "reads nothing that changes on the way"),
        ),
        help=f"{_help(graph, action, expr, shortest)}, or say above `{state}` why this is right: "
        f"`# opord: allow samekey {action.name} because …`",
        about=action.name,
    )


def _harm(repeated: RepeatedKey) -> str:
    others = quoted((param.name for param in repeated.changes.arguments), "or")
    if repeated.first.variant is None:
        return "after it took effect: then no call is made, and " + (
            f"the run stalls if {others} differs" if others else "the run says that it was done"
        )
    return f"after `{repeated.first.variant.variant}`: the other side may repeat its refusal" + (
        f", and a new {others} is never tried" if others else ""
    )


def _before(repeated: RepeatedKey) -> str:
    variant = repeated.first.variant
    return "takes effect before" if variant is None else f"is refused before, with `{variant.variant}`"


def _place_of_key(action: Action) -> Place:
    return action.place if action.key is None else known_place(action.key.place, action.place)


def _help(graph: Graph, action: Action, expr: Expr, repeated: RepeatedKey) -> str:
    changes = repeated.changes
    key = key_with_arguments(graph, expr, changes)
    if key is not None:
        return f"put what changes into the key, as in `key {key}`"
    return f"{new_argument(graph, action, repeated.states[-1], changes)}, and put it into the key"


def key_with_arguments(graph: Graph, expr: Expr, changes: Changes) -> str | None:
    """Write the key with the changing arguments of the action added; None if it has them all."""
    there = _names_in(expr)
    names = [name for name in _for_keys(graph, changes.arguments) if name not in there]
    return extended_key(expr, names) if names else None


def new_argument(graph: Graph, action: Action, state: str, changes: Changes) -> str:
    """Suggest one more parameter for the action, so that its key differs each time."""
    fields = _for_keys(graph, changes.fields)
    if fields:
        return f"pass {quoted(fields)} to `{action.name}`"
    told = [each for each in changes.event_params if not _has_few_values(each)]
    event_params = _for_keys(graph, told)
    if event_params:
        what = f"{quoted(event_params, 'or')}, or a number that grows with each round,"
        return f"carry {what} to `{state}`, pass it to `{action.name}`"
    return f"carry a number that grows with each round, pass it to `{action.name}`"


def _for_keys(graph: Graph, fields: Iterable[Field]) -> list[str]:
    """Return the names of the fields that can stand in the text of a key."""
    return [each.name for each in fields if _prints(graph, each)]


def _has_few_values(each: Field) -> bool:
    """Say whether two events often bring the same value, so that it makes no key another one."""
    return each.type == BOOL or isinstance(each.type, Named)


def _prints(graph: Graph, each: Field) -> bool:
    match each.type:
        case Primitive(name=name):
            return name != "json"
        case Named(name=name):
            return name in graph.variants
        case ListOf() | MapOf() | OptionalOf() | SecretOf() | ProblemOf() | RunInfo() | Nothing() | Unknown():
            return False
        case _:
            assert_never(each.type)


def _names_in(expr: Expr) -> set[str]:
    """Return the names that stand in a key as they are: the key, or a part of its text."""
    parts = expr.parts if isinstance(expr, Text) else (expr,)
    return {part.name for part in parts if isinstance(part, Var)}


def extended_key(expr: Expr, names: Sequence[str]) -> str:
    """Write a key with more values in it."""
    more = "".join(f"/{{{name}}}" for name in names)
    spelled = spell(expr)
    return f'{spelled[:-1]}{more}"' if isinstance(expr, Text) else f'"{{{spelled}}}{more}"'
