"""A cycle without a wait on which no field changes: nothing a run learns there would make it leave."""

from __future__ import annotations

from collections.abc import Iterator

from opord.contract import (
    Attribute,
    Block,
    Call,
    Constant,
    Contract,
    Convert,
    Expr,
    Let,
    MakeList,
    MakeRecord,
    MakeVariant,
    Text,
    Var,
)
from opord.language.diagnostics import Diagnostic, Label, code
from opord.language.graph import Edge, Graph, components
from opord.language.paths import statements
from opord.language.rules.words import way

CODE = code("OP805", rule="spins", title="a cycle without a wait on which no field changes")


def check(contract: Contract, graph: Graph) -> Iterator[Diagnostic]:
    """Find the cycles of acting states whose every `goto` hands the fields on as they are."""
    still: dict[str, dict[str, Edge]] = {name: {} for name in graph.states}
    lets = {name: _lets(state.body) for name, state in graph.states.items()}
    for edge in graph.edges:
        if edge.moment.handler is None and _is_still(edge, lets[edge.source]):
            still[edge.source].setdefault(edge.target, edge)
    numbers = components({name: list(targets) for name, targets in still.items()})
    told: set[int] = set()
    for name, targets in still.items():
        inside = [edge for target, edge in targets.items() if numbers[target] == numbers[name]]
        if not inside or numbers[name] in told:
            continue
        told.add(numbers[name])
        round_ = _round(still, numbers, name)
        yield CODE.at(
            graph.states[name].place,
            f"a run can go round {way([*round_, name])} without a wait and without a field that changes",
            label="the cycle begins here",
            labels=tuple(
                Label(still[here][there].goto.place, "goes on as it came")
                for here, there in zip(round_, [*round_[1:], name], strict=True)
            ),
            help="wait on the way (`after <duration>`), or carry a field that changes and limits the rounds",
        )


def _round(still: dict[str, dict[str, Edge]], numbers: dict[str, int], start: str) -> list[str]:
    """Give a shortest cycle of unchanging moves through `start`, without its return."""
    before: dict[str, str] = {}
    waiting = [start]
    for name in waiting:
        for target in still[name]:
            if target == start:
                found = [name]
                while found[-1] != start:
                    found.append(before[found[-1]])
                return found[::-1]
            if numbers[target] == numbers[start] and target not in before:
                before[target] = name
                waiting.append(target)
    raise AssertionError(f"{start} is on no cycle")


def _lets(body: Block) -> dict[str, Expr | None]:
    """Say what each name in a body is bound to: an expression, or None for what a call or a pattern gives."""
    found: dict[str, Expr | None] = {}

    def bind(name: str | None, value: Expr | None) -> None:
        if name is not None:
            found[name] = None if name in found else value

    for statement in statements(body):
        match statement:
            case Let(name=name, value=value):
                bind(name, value)
            case Call(name=name):
                bind(name, None)
            case _:
                pass
    return found


def _is_still(edge: Edge, lets: dict[str, Expr | None]) -> bool:
    """Say whether a move changes no field: each is handed on, or given the same value every time."""
    return all(
        _is_same(value, name if edge.source == edge.target else None, lets, 0)
        for name, value in edge.goto.args
    )


def _is_same(value: Expr, field: str | None, lets: dict[str, Expr | None], depth: int) -> bool:
    """Say whether an expression has the same value each time round; `field` is the only one it may copy."""
    match value:
        case Constant():
            return True
        case Var(origin="input" | "run"):
            return True
        case Var(origin="field", name=name):
            return field is None or name == field
        case Var(origin="binding", name=name):
            bound = lets.get(name)
            return depth < 8 and bound is not None and _is_same(bound, field, lets, depth + 1)
        case Attribute(of=of) | Convert(of=of):
            return _is_fixed(of) if isinstance(value, Attribute) else _is_same(of, field, lets, depth)
        case Text() | MakeList() | MakeRecord() | MakeVariant():
            return _is_fixed(value)
        case _:
            return False


def _is_fixed(value: Expr) -> bool:
    """Say whether an expression is made of literals and the input alone."""
    match value:
        case Constant() | Var(origin="input" | "run"):
            return True
        case Attribute(of=of) | Convert(of=of):
            return _is_fixed(of)
        case Text(parts=parts):
            return all(isinstance(part, str) or _is_fixed(part) for part in parts)
        case MakeList(items=items):
            return all(_is_fixed(item) for item in items)
        case MakeRecord(fields=fields) | MakeVariant(fields=fields):
            return all(part is None or _is_fixed(part) for _, part in fields)
        case _:
            return False
