"""Random values of a contract's types, near the constants in its conditions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeAlias, assert_never

from opord.contract import (
    BOOL,
    Action,
    Attribute,
    Binary,
    BuiltinCall,
    Constant,
    ConstantPattern,
    Contract,
    Convert,
    Effect,
    Expr,
    ListOf,
    MapOf,
    Match,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    PrimitiveName,
    ProblemOf,
    Pure,
    RunInfo,
    SecretOf,
    Type,
    Unknown,
    Var,
)
from opord.kernel.instants import text as instant_text
from opord.statements import nodes
from opord.testing.plausible import Plausible
from opord.values.duration import format_duration

COMPARES = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
ACTORS = ("ann", "bob", "cal", "dee")
DEEPEST = 4
"""The nesting depth of records and enums from which values stay small.

Deeper, optional values are absent, lists and maps are empty, and enums are variants without fields.
"""


_Value: TypeAlias = bool | int | float | str | Decimal | timedelta


class Constants:
    """The constants of a contract, by type and by name.

    The name is that of the value that a constant is compared with, if it has one.
    """

    def __init__(self, contract: Contract) -> None:
        self.named: defaultdict[str, list[Any]] = defaultdict(list)
        self.typed: defaultdict[str, list[Any]] = defaultdict(list)
        self.lengths: defaultdict[str, list[int]] = defaultdict(list)
        for node in nodes(contract):
            self._look_at(node)

    def _look_at(self, node: Any) -> None:
        match node:
            case Binary(op=op, left=left, right=right) if op in COMPARES:
                self._compared(left, right)
                self._compared(right, left)
            case Match(subject=subject, arms=arms) if isinstance(subject, Var | Attribute):
                for arm in arms:
                    for value in arm.pattern.values if isinstance(arm.pattern, ConstantPattern) else ():
                        self._add(_name(subject), value)
            case _:  # open: most nodes of a contract compare nothing
                pass

    def _compared(self, one: Expr, other: Expr) -> None:
        value = _constant(other)
        if value is None:
            return
        if isinstance(one, BuiltinCall) and one.name == "len" and one.args and isinstance(value, int):
            self.lengths[_name(one.args[0])] += [size for size in _near(value) if size >= 0]
        else:
            self._add(_name(one), value)

    def _add(self, name: str, value: _Value) -> None:
        for near in _near(value):
            self.named[name].append(near)
            self.typed[_kind(near)].append(near)


def _constant(node: Expr) -> _Value | None:
    while isinstance(node, Convert):
        node = node.of
    return node.value if isinstance(node, Constant) else None


def _name(node: Expr) -> str:
    """Return the name of a compared value: its own name, or that of the pure that computes it.

    Empty if it has none.
    """
    return getattr(node, "name", "") if not isinstance(node, BuiltinCall) else ""


def _near(value: _Value) -> list[Any]:
    """Return a constant and its neighbours."""
    match value:
        case bool():
            return [True, False]
        case int():
            return [value - 1, value, value + 1]
        case float():
            return [value - 0.01, value, value + 0.01]
        case Decimal():
            return [value - 1, value, value + 1]
        case timedelta():
            second = timedelta(seconds=1)
            return [max(value - second, timedelta()), value, value + second]
        case str():
            return [value]
        case _:
            assert_never(value)


def _kind(value: _Value) -> PrimitiveName:
    """Name the type of a constant."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case Decimal():
            return "decimal"
        case timedelta():
            return "duration"
        case str():
            return "str"
        case _:
            assert_never(value)


def check_sizes(contract: Contract) -> None:
    """Check that all that comes into a run has values that a run can carry.

    Raises:
        ValueTooLarge: a type has none.
    """
    maker = Plausible(contract, str)
    calls: tuple[Pure | Effect | Action, ...] = (*contract.pures, *contract.effects, *contract.actions)
    fields = [
        *contract.params,
        *(param for event in contract.events for param in event.params),
        *(field for failure in contract.failures for variant in failure.variants for field in variant.fields),
    ]
    for type_ in (*(field.type for field in fields), *(call.result for call in calls)):
        maker.check_size_of(type_)


class Chosen(Plausible):
    """Values drawn by a seed.

    A bool is either, an enum any of its variants, an optional may be absent, a list empty or long.
    `texts_seen` has texts that the run has met before. A text that is compared with another is
    often one of these.
    """

    def __init__(self, contract: Contract, constants: Constants, now: Callable[[], int], rng: Random) -> None:
        super().__init__(contract, lambda: instant_text(now()))
        self._clock = now
        self._constants = constants
        self._rng = rng
        self.texts_seen: list[str] = []
        self._named: defaultdict[str, list[str]] = defaultdict(list)

    def learn(self, members: Any, name: str = "") -> None:
        """Remember the texts of an input with their names.

        An event may have to carry one of them.
        """
        if isinstance(members, dict):
            for inner, value in members.items():
                self.learn(value, inner)
        elif isinstance(members, list):
            for value in members[:5]:
                self.learn(value, name)
        elif isinstance(members, str) and len(members) < 60:
            self.texts_seen.append(members)
            self._named[name].append(members)

    def actor(self) -> str:
        """Return the name of some actor."""
        if self.texts_seen and self._rng.random() < 0.2:
            return self._rng.choice(self.texts_seen)
        return self._rng.choice(ACTORS)

    def _value(self, type_: Type, name: str, within: tuple[str, ...]) -> Any:
        rng = self._rng
        if type_ == BOOL:
            return rng.random() < 0.5
        match type_:
            case OptionalOf(item=item) if self._leaves_out(item) or rng.random() < 0.35:
                return None
            case MapOf(value=item) if self._leaves_out(item):
                return {}
            case OptionalOf(item=Named()) if len(within) > DEEPEST:
                return None
            case MapOf(value=Named()) if len(within) > DEEPEST:
                return {}
            case ListOf(item=item):
                return self._list(item, name, within)
            case MapOf(value=item):
                return {
                    f"k{n}": self.value(item, name, within=within) for n in range(rng.choice((0, 0, 1, 2)))
                }
            case Named(name=named) if named in self._enums:
                variants = self._enums[named]
                if named in within or len(within) > DEEPEST or self._full:
                    variants = tuple(one for one in variants if not one.fields) or (
                        self._smallest_variant(named),
                    )
                variant = rng.choice(variants)
                if not variant.fields:
                    return variant.name
                return {"type": variant.name, **self._object(variant.fields, (*within, named))}
            case (
                Primitive()
                | OptionalOf()
                | SecretOf()
                | Named()
                | ProblemOf()
                | RunInfo()
                | Nothing()
                | Unknown()
            ):
                return super()._value(type_, name, within)
            case _:
                assert_never(type_)

    def fields(self, fields: Any) -> dict[str, Any]:
        """Return a value for each of the fields; one with a default may be left out."""
        return {
            field.name: self.value(field.type, field.name)
            for field in fields
            if field.default is None or self._rng.random() < 0.5
        }

    def _list(self, item: Type, name: str, within: tuple[str, ...]) -> list[Any]:
        if self._leaves_out(item) or (
            isinstance(item, Named) and (item.name in within or len(within) > DEEPEST)
        ):
            return []
        lengths = self._constants.lengths.get(name)
        size = self._rng.choice((0, 1, 1, 2, 3, 8))
        if lengths and self._rng.random() < 0.6:
            size = self._rng.choice(lengths)
        return [self.value(item, name, within=within) for _ in range(min(size, 200)) if not self._full]

    def _primitive(self, primitive: PrimitiveName, name: str) -> Any:
        rng = self._rng
        near = self._constants.named.get(name, ())
        fitting = [one for one in near if _kind(one) == primitive]
        if fitting and rng.random() < 0.6:
            return _plain(rng.choice(fitting))
        others = self._constants.typed.get(primitive)
        if others and rng.random() < 0.2:
            return _plain(rng.choice(others))
        return self._free(primitive, name)

    def _free(self, primitive: PrimitiveName, name: str) -> Any:
        rng = self._rng
        match primitive:
            case "int":
                return rng.choice((0, 1, 1, 2, 3, 5, 10, 100, rng.randrange(1000)))
            case "float":
                return rng.choice((0.0, 0.5, 1.0, round(rng.random(), 3), round(rng.random() * 100, 2)))
            case "decimal":
                return f"{rng.choice((0, 1, 10, rng.randrange(1000)))}.{rng.randrange(100):02}"
            case "str":
                if self._named.get(name) and rng.random() < 0.4:
                    return rng.choice(self._named[name])
                if self.texts_seen and rng.random() < 0.4:
                    return rng.choice(self.texts_seen)
                text: str = super()._primitive("str", name)
                self.texts_seen.append(text)
                return text
            case "datetime":
                span = rng.choice((-86_400, -60, 60, 3600, 86_400, 7 * 86_400))
                return instant_text(self._clock() + span * 1_000_000)
            case "date":
                return instant_text(self._clock() + rng.randrange(-3, 30) * 86_400_000_000)[:10]
            case "duration":
                return rng.choice(("1s", "1m", "1h", "24h"))
            case "json":
                return rng.choice(({}, {"n": 1}, [], None, "text"))
            case "bool" | "bytes" | "uuid":
                return super()._primitive(primitive, name)
            case _:
                assert_never(primitive)


def _plain(value: Any) -> Any:
    """Return a constant as plain data."""
    if isinstance(value, Decimal):
        return str(value)
    return format_duration(value) if isinstance(value, timedelta) else value
