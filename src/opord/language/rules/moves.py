"""What an acting state hands on with each `goto`, and under which conditions: the ground for `spins`.

An expression becomes a `Value`: what it is made of is kept as far as a comparison or a condition can tell
something from it. A name that a `let` bound stands for its value; what a call, a clock or a sender gave is
`OUTSIDE`, and may be another thing every time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, TypeAlias

from opord.contract import (
    Arm,
    Attribute,
    Binary,
    Block,
    Call,
    CallSite,
    Conditional,
    Constant,
    Convert,
    ElsePattern,
    Expr,
    Goto,
    Hole,
    If,
    Let,
    MakeList,
    MakeRecord,
    MakeVariant,
    Match,
    Pattern,
    SomePattern,
    Statement,
    Text,
    Unary,
    Unknown,
    Var,
    WithFields,
)

# A value that is made of more parts than this is not looked into: names can stand for names for ever.
_PARTS_MAX = 200
# One part of these can tell what comes of the whole.
_HALF_KNOWN = frozenset({"if", "and", "or", "not"})
# Conditions beyond this many, counted back from the `goto`, are taken to hold.
_CONDITIONS_MAX = 100
# A `goto` with more choices between values than this is followed for the first ones.
_CHOICES_MAX = 32


@dataclass(frozen=True, slots=True)
class Known:
    """A literal, or a variant without fields."""

    value: Any


@dataclass(frozen=True, slots=True)
class Copy:
    """A field of the state, as it is."""

    field: str


@dataclass(frozen=True, slots=True)
class Made:
    """Something made of others: the same whenever they are the same. `names` are those of a record's fields."""

    how: str
    parts: tuple[Value, ...] = ()
    names: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    size: int = 1
    outside: bool = False  # the world has a part in it


@dataclass(frozen=True, slots=True)
class Outside:
    """What the world says, and may say otherwise the next time; or, `unread`, what has its finding already."""

    unread: bool = False


Value: TypeAlias = Known | Copy | Made | Outside

OUTSIDE = Outside()
UNREAD = Outside(unread=True)
FIXED = Made("fixed")  # not known here, and the same all through the run


@dataclass(frozen=True, slots=True)
class Condition:
    """What has to hold on the way to a `goto`: a test came out so, or a pattern took the value.

    `before` are the patterns above it, none of which did.
    """

    of: Value
    holds: bool = True
    pattern: Pattern | None = None
    before: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """One way through the body of a state to a `goto`, with what each field of the target is given."""

    source: str
    goto: Goto
    values: tuple[tuple[str, Value], ...]
    conditions: tuple[Condition, ...]


def moves_of(source: str, body: Block) -> Iterator[Move]:
    """Yield the moves of a body that hand on nothing from outside; a choice between two values is two ways."""
    for goto, values, conditions in _Walk().gotos(body):
        if any(condition.of == UNREAD for condition in conditions):
            continue
        for way in islice(_ways(values, conditions), _CHOICES_MAX):
            if not any(_is_outside(value) for _, value in way[0]):
                yield Move(source, goto, *way)


_Handed: TypeAlias = tuple[tuple[str, Value], ...]


def _ways(
    values: _Handed, conditions: tuple[Condition, ...]
) -> Iterator[tuple[_Handed, tuple[Condition, ...]]]:
    options = [[(value, extra) for value, extra in _options(value)] for _, value in values]
    names = [name for name, _ in values]
    for chosen in product(*options):
        more = tuple(condition for _, extra in chosen for condition in extra)
        yield tuple(zip(names, (value for value, _ in chosen), strict=True)), (*conditions, *more)


def _options(value: Value) -> Iterator[tuple[Value, tuple[Condition, ...]]]:
    if isinstance(value, Made) and value.how == "if":
        test, yes, no = value.parts
        for holds, branch in ((True, yes), (False, no)):
            for inner, extra in _options(branch):
                yield inner, (Condition(test, holds), *extra)
    else:
        yield value, ()


# --- Through the statements -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chain:
    """Conditions on the way so far, the last one first."""

    last: Condition
    rest: _Chain | None


_Found: TypeAlias = tuple[Goto, _Handed, tuple[Condition, ...]]


@dataclass(slots=True)
class _Walk:
    """A walk down a body. `bound` says what names stand for where the walk is."""

    bound: dict[str, Value] = dataclasses.field(default_factory=dict)
    found: list[_Found] = dataclasses.field(default_factory=list)

    def gotos(self, body: Block) -> list[_Found]:
        self._block(body, None)
        return self.found

    def _block(self, block: Block, chain: _Chain | None) -> tuple[bool, _Chain | None]:
        """Go through a block; say whether a path falls out of it, and what then holds."""
        outer: list[tuple[str, Value | None]] = []
        falls = True
        for statement in block:
            if isinstance(statement, Let | Call) and statement.name:
                value = self.value(statement.value) if isinstance(statement, Let) else OUTSIDE
                self._arms_of(statement, chain)
                outer.append((statement.name, self.bound.get(statement.name)))
                self.bound[statement.name] = value
            else:
                falls, chain = self._statement(statement, chain)
            if not falls:
                break
        for name, before in reversed(outer):
            self._restore(name, before)
        return falls, chain

    def _restore(self, name: str, before: Value | None) -> None:
        if before is None:
            del self.bound[name]
        else:
            self.bound[name] = before

    def _statement(self, statement: Statement, chain: _Chain | None) -> tuple[bool, _Chain | None]:
        match statement:
            case Goto(args=args):
                handed = tuple((name, self.value(value)) for name, value in args)
                self.found.append((statement, handed, tuple(islice(_listed(chain), _CONDITIONS_MAX))))
                return False, chain
            case If(condition=condition, then=then, otherwise=otherwise):
                test = self.value(condition)
                yes = self._block(then, _Chain(Condition(test, True), chain))
                no = self._block(otherwise or (), _Chain(Condition(test, False), chain))
                return _after([yes, no], chain)
            case Match(subject=subject, arms=arms) if not isinstance(subject, CallSite):
                return self._match(self.value(subject), arms, chain)
            case _:
                return self._arms_of(statement, chain), chain

    def _arms_of(self, statement: Statement, chain: _Chain | None) -> bool:
        """Go through the arms of a call; say whether a path goes on below it."""
        if not isinstance(statement, Call | Match):
            return True
        falls = [self._arm(arm, OUTSIDE, chain)[0] for arm in statement.arms]
        return isinstance(statement, Call) or any(falls)

    def _match(
        self, subject: Value, arms: tuple[Arm, ...], chain: _Chain | None
    ) -> tuple[bool, _Chain | None]:
        ends = []
        passed: list[Pattern] | None = []  # until the first `else`, which stands last
        for arm in arms:
            before: tuple[Pattern, ...] = ()
            if passed is not None and isinstance(arm.pattern, ElsePattern):
                before, passed = tuple(passed), None
            elif passed is not None:
                passed.append(arm.pattern)
            ends.append(self._arm(arm, subject, _Chain(Condition(subject, True, arm.pattern, before), chain)))
        return _after(ends, chain)

    def _arm(self, arm: Arm, subject: Value, chain: _Chain | None) -> tuple[bool, _Chain | None]:
        pattern = arm.pattern
        part = made("part", subject)
        values: dict[str, Value] = {}
        for _, name in getattr(pattern, "names", ()):
            if name is not None:
                values[name] = part
        whole = getattr(pattern, "name", None)
        if whole is not None:
            values[whole] = subject if isinstance(pattern, SomePattern | ElsePattern) else part
        outer = {name: self.bound.get(name) for name in values}
        self.bound |= values
        end = self._block(arm.body, chain)
        for name, before in outer.items():
            self._restore(name, before)
        return end

    def value(self, expr: Expr) -> Value:
        """Turn an expression into what is known of it."""
        match expr:
            case Hole() | MakeList(type=Unknown()):
                return UNREAD
            case Constant(value=value):
                return Known(value)
            case Var(origin="field", name=name):
                return Copy(name)
            case Var(origin="input" | "run"):
                return FIXED
            case Var(origin="binding", name=name):
                return self.bound.get(name, OUTSIDE)
            case Var():
                return OUTSIDE
            case Convert(of=of):
                return self.value(of)
            case Text(parts=parts) if all(isinstance(part, str) for part in parts):
                return Known("".join(str(part) for part in parts))
            case MakeVariant(variant=variant, fields=()):
                return Known(variant)
            case Attribute(of=of, name=name):
                return made("attribute", self.value(of), names=(name,))
            case Unary(op=op, of=of):
                return made(op, self.value(of))
            case Binary(op=op, left=left, right=right):
                return made(op, self.value(left), self.value(right))
            case Conditional(condition=condition, yes=yes, no=no):
                return made("if", self.value(condition), self.value(yes), self.value(no))
            case WithFields(of=of, changes=changes):
                names = tuple(name for name, _ in changes)
                return made("with", self.value(of), *(self.value(value) for _, value in changes), names=names)
            case MakeRecord(fields=fields):
                names = tuple(name for name, _ in fields)
                return made("record", *self._given(fields), names=names)
            case MakeVariant(variant=variant, fields=fields):
                return made("variant", *self._given(fields), names=(variant.type, variant.variant))
            case _:
                return made("other", *(self.value(part) for part in _parts(expr)))

    def _given(self, fields: tuple[tuple[str, Expr | None], ...]) -> list[Value]:
        """Turn the fields of a record or variant into values; one that is not given has its default."""
        return [FIXED if value is None else self.value(value) for _, value in fields]


def made(how: str, *parts: Value, names: tuple[str, ...] = ()) -> Value:
    """Make a value of others. It is from outside if one of them is, unless the rest of them may still decide it."""
    outside = any(_is_outside(part) for part in parts)
    size = 1 + sum(part.size if isinstance(part, Made) else 1 for part in parts)
    if UNREAD in parts:
        return UNREAD
    if outside and (how not in _HALF_KNOWN or size > _PARTS_MAX):
        return OUTSIDE
    fields: frozenset[str] = frozenset().union(*(fields_of(part) for part in parts))
    if size > _PARTS_MAX:
        return Made("other", (), (), fields)
    return Made(how, parts, names, fields, size, outside)


def _is_outside(value: Value) -> bool:
    return isinstance(value, Outside) or (isinstance(value, Made) and value.outside)


def fields_of(value: Value) -> frozenset[str]:
    """Name the fields of the state that a value is made of."""
    match value:
        case Copy(field):
            return frozenset((field,))
        case Made(fields=fields):
            return fields
        case _:
            return frozenset()


def _parts(expr: Any) -> Iterator[Expr]:
    """Yield the expressions directly inside one of any kind."""
    for each in dataclasses.fields(expr):
        waiting = [getattr(expr, each.name)]
        while waiting:
            node = waiting.pop()
            if isinstance(node, tuple):
                waiting.extend(node)
            elif isinstance(node, Expr):
                yield node


def _after(ends: list[tuple[bool, _Chain | None]], chain: _Chain | None) -> tuple[bool, _Chain | None]:
    """Say what holds below branches: what the only one that goes on has, or what held above them."""
    falling = [end for falls, end in ends if falls]
    if len(falling) == 1:
        return True, falling[0]
    return bool(falling), chain


def _listed(chain: _Chain | None) -> Iterator[Condition]:
    while chain is not None:
        yield chain.last
        chain = chain.rest
