"""Declarations on one line as a contract has them, for hovers, completions and signature help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from opord.contract import Nothing, Type
from opord.language.lowering.scope import Binding
from opord.language.lowering.symbols import (
    CallSymbol,
    EventSymbol,
    Fields,
    FieldSymbol,
    StateSymbol,
    TypeSymbol,
    VariantSymbol,
)
from opord.language.spelling import in_signs
from opord.language.syntax import tree
from opord.language.syntax.escapes import escape
from opord.language.types import show
from opord.lsp.index import Symbol

# A hover shows at most this many members of a type. The full declaration is one jump away.
_MEMBERS_MAX = 30


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as a signature shows it, with its doc comment."""

    name: str
    label: str
    doc: str = ""


def parameters_of(fields: Fields) -> list[Parameter]:
    """List parameters or fields as they are written."""
    return [Parameter(each.name, parameter(each), each.doc) for each in fields.values()]


def parameter(field: FieldSymbol) -> str:
    """Write a field or parameter: `quantity: int = …` where it has a default."""
    return f"{field.name}: {show(field.type)}" + (" = …" if field.has_default else "")


def row(fields: Fields) -> str:
    """Write fields in parentheses; empty if there are none."""
    return f"({', '.join(parameter(each) for each in fields.values())})" if fields else ""


def call(symbol: CallSymbol) -> str:
    """Write the head of a `pure`, `effect` or `action`."""
    taken = f"({', '.join(parameter(each) for each in symbol.params.values())})"
    result = "" if isinstance(symbol.result, Nothing) else f" -> {show(symbol.result)}"
    fails = f" fails {' | '.join(symbol.fails)}" if symbol.fails else ""
    undoes = f" undoes {symbol.node.undoes.text}" if symbol.node.undoes is not None else ""
    reason = symbol.node.stands
    stands = f' stands because "{escape(reason.text)}"' if reason is not None else ""
    transaction = " in transaction" if symbol.node.transaction is not None else ""
    return f"{symbol.kind} {symbol.name}{taken}{result}{fails}{undoes}{stands}{transaction}"


def event(symbol: EventSymbol) -> str:
    """Write an event with the roles that may send it, and who may not."""
    taken = f"({', '.join(parameter(each) for each in symbol.params.values())})"
    node = symbol.node
    roles = f" by {' | '.join(each.text for each in node.roles)}" if node is not None and node.roles else ""
    keep = " keep" if node is None or node.keep is not None else ""
    paths = [_path(each) for each in node.excepts] if node is not None else []
    excepts = f" except {', '.join(paths)}" if paths else ""
    return f"event {symbol.name}{taken}{roles}{excepts}{keep}"


def _path(node: tree.Expression) -> str:
    """Write a path such as `expense.employee`; `…` stands for anything else."""
    match node:
        case tree.NameExpression(name=name):
            return name.text
        case tree.FieldAccess(subject=subject, name=name):
            return f"{_path(subject)}.{name.text}"
        case _:  # open: the text may have any expression here
            return "…"


def state(symbol: StateSymbol) -> str:
    """Write the header of a state."""
    node = symbol.node
    word = {"initial": "initial state", "plain": "state", "final": "final state"}[node.kind]
    if node.kind == "final":
        outcome = f" {node.outcome.text}" if node.outcome is not None else ""
        return f"{word} {symbol.name}{row(symbol.fields)}{outcome}"
    targets = f" -> {' | '.join(each.text for each in node.targets)}" if node.targets else ""
    return f"{word} {symbol.name}{row(symbol.fields)}{targets}"


def variant(symbol: VariantSymbol, *, qualified: bool = False) -> str:
    """Write a variant with its fields."""
    name = f"{symbol.ref.type}.{symbol.ref.variant}" if qualified and symbol.ref.type else symbol.ref.variant
    kind = " transient" if symbol.transient else " settles" if symbol.settles else ""
    return f"{name}{row(symbol.fields)}{kind}{_asked_wait(symbol)}"


def _asked_wait(symbol: VariantSymbol) -> str:
    if symbol.wait is None:
        return ""
    at_most = symbol.wait.at_most
    return " wait" if at_most is None else f" wait at most {in_signs(at_most)}"


def type_(symbol: TypeSymbol) -> str:
    """Write a record, enum or failure, one member a line."""
    if symbol.kind == "record":
        members = [parameter(each) for each in symbol.fields.values()]
    else:
        members = [variant(each) for each in symbol.variants.values()]
    if not members:
        return f"{symbol.kind} {symbol.name} {{ }}"
    cut = [*members[:_MEMBERS_MAX], "…"] if len(members) > _MEMBERS_MAX else members
    inner = "\n".join(f"  {each}" for each in cut)
    return f"{symbol.kind} {symbol.name} {{\n{inner}\n}}"


def signature(symbol: Symbol) -> str:
    """Write the declaration of a symbol."""
    match symbol.target:
        case CallSymbol() as target:
            return call(target)
        case EventSymbol() as target:
            return event(target)
        case StateSymbol() as target:
            return state(target)
        case VariantSymbol() as target:
            return variant(target, qualified=True)
        case TypeSymbol() as target:
            return type_(target)
        case FieldSymbol() as target:
            return parameter(target)
        case Binding(name=name, type=type, is_let=is_let):
            return f"{'let ' if is_let else ''}{name}: {shown(type)}"
        case tree.Contract(name=name):
            return f"contract {name.text}"
        case tree.Phase(name=name):
            return f"phase {name.text}"
        case tree.Role() | None:
            return f"{symbol.kind} {symbol.name}"
        case _:
            assert_never(symbol.target)


def shown(type: Type) -> str:
    """Write a type. A type that could not be read is shown as unknown."""
    return show(type)
