"""Lower `except`: the paths to those who may not send an event, though their role may.

A path leads to a text, or to a list of texts, that is there whenever the event is taken: in the
input, or in fields that every state has which handles the event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opord.contract import (
    STR,
    Attribute,
    Except,
    Expr,
    ListOf,
    Named,
    OptionalOf,
    Place,
    Type,
    Var,
)
from opord.language.diagnostics.model import Label, code
from opord.language.diagnostics.wording import listed
from opord.language.lowering.context import DUPLICATE, Lowering, a, is_unknown
from opord.language.lowering.dispatch import lower
from opord.language.lowering.scope import Scope
from opord.language.lowering.states import common_fields, fields_of_some
from opord.language.lowering.symbols import EventSymbol, StateSymbol
from opord.language.spelling import spell
from opord.language.syntax import tree

NOBODY = code("OP219", rule="type", title="an `except` that names nobody")

PERSONS: tuple[Type, ...] = (STR, ListOf(STR))
"""The types of a path after `except`: one person, or several."""


def lower_excepts(
    ctx: Lowering, event: EventSymbol, declarations: Iterable[tree.Declaration]
) -> tuple[Except, ...]:
    """Return the paths to those who may not send an event. What names nobody is reported."""
    if event.node is None or not event.node.excepts:
        return ()
    scope = _scope(ctx, event, [*_handling(ctx, event.name, declarations)])
    paths: dict[str, Except] = {}
    for node in event.node.excepts:
        if not _is_written_as_path(node):
            _report_no_path(ctx, ctx.place(node.span))
            continue
        path = lower(ctx, scope, node, STR)
        if not _names_persons(ctx, path):
            continue
        each = Except(path, ctx.place(node.span))
        earlier = paths.setdefault(each.text, each)
        if earlier is not each:
            ctx.report(
                DUPLICATE,
                each.place,
                f"`except` names `{each.text}` twice",
                help="remove one of the two",
                label="again here",
                labels=(Label(earlier.place, "first here"),),
            )
    return tuple(paths.values())


def _handling(ctx: Lowering, event: str, declarations: Iterable[tree.Declaration]) -> Iterator[StateSymbol]:
    """Yield the states that handle an event, by a handler of their own or of their phase."""
    sharing = {
        node.name.text
        for node in declarations
        if isinstance(node, tree.Phase) and _handles(node.handlers, event)
    }
    for state in ctx.states.values():
        if state.phase in sharing or _handles(state.node.body or (), event):
            yield state


def _handles(parts: Iterable[object], event: str) -> bool:
    return any(isinstance(part, tree.OnEvent) and part.event.text == event for part in parts)


def _scope(ctx: Lowering, event: EventSymbol, states: list[StateSymbol]) -> Scope:
    """Return the names that mean the same in every state that handles the event."""
    common = {field.name: field for field in common_fields(states)}
    of_some = {name for state in states for name in state.fields if name not in common}
    names = {name: binding for name, binding in ctx.input.items() if name not in of_some} | common
    sent = f"the sender of `{event.name}` gives it, so it cannot say who may not send it"
    why = "`except` compares the sender with a person whom the run knows: use the input or a field"
    scope = Scope(names, where="`except`", pure_forbidden=True)
    scope.elsewhere = {
        **dict.fromkeys(("now", "run", "actor"), why),
        **{name: sent for name in event.params if name not in names},
        **fields_of_some(states, scope, f"states that take `{event.name}`"),
    }
    for name in scope.elsewhere.keys() & of_some:
        lacking = [state.name for state in states if name not in state.fields]
        if lacking:
            takes = "take" if len(lacking) > 1 else "takes"
            scope.elsewhere[name] += f", and {listed(lacking, 'and')} {takes} `{event.name}` too"
    return scope


def _names_persons(ctx: Lowering, path: Expr) -> bool:
    """Say whether an expression is a path to persons; report one that is not."""
    if is_unknown(path.type):
        return False
    if ctx.holds_secret(path.type) and not isinstance(path.type, Named):
        if not ctx.refuse_secret(path, "`except`"):
            ctx.refuse_holder(path, "`except`")
        return False
    if not _is_path(path):
        _report_no_path(ctx, path.place)
        return False
    if path.type not in PERSONS:
        ctx.report(
            NOBODY,
            path.place,
            f"`except` takes a `str` or a `list[str]`, to compare it with the sender, and this is {a(path.type)}",
            help=_way_to_a_person(ctx, path),
        )
        return False
    return True


def _report_no_path(ctx: Lowering, place: Place) -> None:
    ctx.report(
        NOBODY,
        place,
        "`except` takes a path, such as `expense.employee`, and nothing that is computed",
        help="write the paths to those who may not send it, with `,` between them; keep each in the input or a field",
    )


def _is_written_as_path(node: tree.Expression) -> bool:
    while isinstance(node, tree.FieldAccess):
        node = node.subject
    return isinstance(node, tree.NameExpression)


def _is_path(path: Expr) -> bool:
    while isinstance(path, Attribute):
        path = path.of
    return isinstance(path, Var) and path.origin in ("input", "field")


def _way_to_a_person(ctx: Lowering, path: Expr) -> str:
    type_ = path.type
    if isinstance(type_, OptionalOf) and type_.item in PERSONS:
        nobody = '`""`' if type_.item == STR else "`[]`"
        return f"declare it without the `?`, and give {nobody} where there is nobody: that excludes nobody"
    symbol = ctx.type_named(type_.name) if isinstance(type_, Named) else None
    fields = [each.name for each in symbol.fields.values() if each.type in PERSONS] if symbol else []
    if fields:
        return f"take a field of it: {' or '.join(f'`{spell(path)}.{name}`' for name in fields)}"
    return "take the text that the sender is known by"
