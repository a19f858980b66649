"""Analyse the values that an acting state passes on with each `goto`, and the conditions.

An expression becomes a `Value`, which keeps as many parts as comparisons and conditions need. A
name that a `let` bound becomes its value. The result of a call, a clock or a sender is `OUTSIDE`:
it can be different every time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, NamedTuple, TypeAlias, assert_never

from opord.contract import (
    Arm,
    Attribute,
    Binary,
    Block,
    BuiltinCall,
    Call,
    CallSite,
    Conditional,
    Constant,
    ConstantPattern,
    Convert,
    ElsePattern,
    Expr,
    Goto,
    Hole,
    If,
    Index,
    Let,
    MakeList,
    MakeRecord,
    MakeVariant,
    Match,
    NonePattern,
    OkPattern,
    Pattern,
    PureCall,
    Slice,
    SomePattern,
    Statement,
    Text,
    Unary,
    Unknown,
    Var,
    VariantPattern,
    WithFields,
)
from opord.language.flow.walk import PathWalk
from opord.statements import Branching, called_by

# A value with more parts than this is not analysed: names can contain names without end.
_PARTS_MAX = 200
# For these, one part can decide the whole.
_HALF_KNOWN = frozenset({"if", "and", "or", "not"})
# Only this many conditions before a `goto` are kept, the last ones; the others are taken to hold.
_REQUIREMENTS_MAX = 100
# Only this many combinations of conditional values of a `goto` are followed, the first ones.
_CHOICES_MAX = 32


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A literal, or a variant without fields."""

    value: Any


@dataclass(frozen=True, slots=True)
class CopiedField:
    """A field of the state, unchanged."""

    field: str


@dataclass(frozen=True, slots=True)
class MadeValue:
    """A value made from others; the same parts give the same value.

    `names` are the fields of a record.
    """

    how: str
    parts: tuple[Value, ...] = ()
    names: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    size: int = 1
    outside: bool = False  # a part comes from outside


@dataclass(frozen=True, slots=True)
class OutsideValue:
    """A value from outside, which can differ the next time.

    `unread`: the expression could not be understood and has been reported.
    """

    unread: bool = False


Value: TypeAlias = KnownValue | CopiedField | MadeValue | OutsideValue

OUTSIDE = OutsideValue()
UNREAD = OutsideValue(unread=True)
FIXED = MadeValue("fixed")  # an unknown value that stays the same for the whole run


@dataclass(frozen=True, slots=True)
class Requirement:
    """A condition before a `goto`: a test had the result `holds`, or a pattern took the value.

    `before` are the patterns above it, which did not take the value.
    """

    of: Value
    holds: bool = True
    pattern: Pattern | None = None
    before: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Handover:
    """One way through the body of a state to a `goto`, with the values for the target's fields."""

    source: str
    goto: Goto
    values: tuple[tuple[str, Value], ...]
    requirements: tuple[Requirement, ...]


def handovers_of(source: str, body: Block) -> Iterator[Handover]:
    """Yield the moves of a body that pass on no value from outside.

    A conditional value gives two ways.
    """
    for goto, values, requirements in _found_in(body):
        if any(requirement.of == UNREAD for requirement in requirements):
            continue
        for way in islice(_ways(values, requirements), _CHOICES_MAX):
            if not any(_is_outside(value) for _, value in way[0]):
                yield Handover(source, goto, *way)


_Handed: TypeAlias = tuple[tuple[str, Value], ...]


def _ways(
    values: _Handed, requirements: tuple[Requirement, ...]
) -> Iterator[tuple[_Handed, tuple[Requirement, ...]]]:
    options = [[(value, extra) for value, extra in _options(value)] for _, value in values]
    names = [name for name, _ in values]
    for choice in product(*options):
        more = tuple(requirement for _, extra in choice for requirement in extra)
        yield tuple(zip(names, (value for value, _ in choice), strict=True)), (*requirements, *more)


def _options(value: Value) -> Iterator[tuple[Value, tuple[Requirement, ...]]]:
    if isinstance(value, MadeValue) and value.how == "if":
        test, yes, no = value.parts
        for holds, branch in ((True, yes), (False, no)):
            for inner, extra in _options(branch):
                yield inner, (Requirement(test, holds), *extra)
    else:
        yield value, ()


# --- Through the statements -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chain:
    """The conditions so far, the last one first; empty at the start of a body."""

    last: Requirement | None = None
    rest: _Chain | None = None

    def then(self, requirement: Requirement) -> _Chain:
        return _Chain(requirement, self)

    def latest(self) -> Iterator[Requirement]:
        chain: _Chain | None = self
        while chain is not None and chain.last is not None:
            yield chain.last
            chain = chain.rest


_Found: TypeAlias = tuple[Goto, _Handed, tuple[Requirement, ...]]


def _found_in(body: Block) -> list[_Found]:
    walk = _Walk()
    walk.block(body, _Chain())
    return walk.found


class _Subject(NamedTuple):
    """The value of a `match`, its `else` arm, and the patterns above that arm."""

    value: Value
    otherwise: Arm | None
    above: tuple[Pattern, ...]


class _Walk(PathWalk[_Chain]):
    """Carry the conditions before each `goto`; keep the values of the names in scope beside them.

    Where branches meet, only the conditions above them are kept. Statements below a `goto` are
    ignored.
    """

    goes_on = False

    def __init__(self) -> None:
        self.found: list[_Found] = []
        self._names: dict[str, Value] = {}
        self._hidden: list[tuple[str, Value | None]] = []  # the earlier value of each bound name
        self._subjects: dict[int, _Subject] = {}

    def called(self, site: CallSite, pattern: Pattern | None, at: _Chain) -> _Chain:
        return at

    def went(self, goto: Goto, at: _Chain) -> None:
        handed = tuple((name, self.value(value)) for name, value in goto.args)
        self.found.append((goto, handed, tuple(islice(at.latest(), _REQUIREMENTS_MAX))))

    def join(self, ways: Sequence[_Chain], before: _Chain) -> _Chain:
        return before

    def bound(self, let: Let, at: _Chain) -> _Chain:
        if let.name:
            self._bind(let.name, self.value(let.value))
        return at

    def tested(self, statement: If, at: _Chain) -> tuple[_Chain, _Chain]:
        test = self.value(statement.condition)
        return at.then(Requirement(test, True)), at.then(Requirement(test, False))

    def matched(self, statement: Match, arm: Arm, at: _Chain) -> _Chain:
        subject = self._subject(statement)
        above = subject.above if arm is subject.otherwise else ()
        return at.then(Requirement(subject.value, True, arm.pattern, above))

    def arm(self, statement: Branching, arm: Arm, at: _Chain) -> _Chain | None:
        subject = self._subject(statement).value if called_by(statement) is None else OUTSIDE
        bound = len(self._hidden)
        for name, value in _given_by(arm.pattern, subject):
            if name is not None:
                self._bind(name, value)
        end = self.block(arm.body, at)
        self._unbind(bound)
        return end

    def passed(self, statement: Statement, before: _Chain, after: _Chain | None) -> _Chain | None:
        match statement:
            case Call(name=name):
                if name:
                    self._bind(name, OUTSIDE)
                return after
            case Match():
                # The end of a call proves no value.
                return after if after is None or called_by(statement) is None else before
            case Let() | If() | Goto():
                return after
            case _:
                assert_never(statement)

    def block(self, block: Block, at: _Chain) -> _Chain | None:
        bound = len(self._hidden)
        end = super().block(block, at)
        self._unbind(bound)
        return end

    def _bind(self, name: str, value: Value) -> None:
        self._hidden.append((name, self._names.get(name)))
        self._names[name] = value

    def _unbind(self, down_to: int) -> None:
        while len(self._hidden) > down_to:
            name, before = self._hidden.pop()
            if before is None:
                del self._names[name]
            else:
                self._names[name] = before

    def _subject(self, statement: Branching) -> _Subject:
        """Return the subject of a `match` over a value; call this before an arm binds a name."""
        subject = self._subjects.get(id(statement))
        if subject is None:
            assert isinstance(statement, Match)
            assert not isinstance(statement.subject, CallSite)
            patterns = [arm.pattern for arm in statement.arms]
            first = next(
                (index for index, pattern in enumerate(patterns) if isinstance(pattern, ElsePattern)), None
            )
            subject = self._subjects[id(statement)] = _Subject(
                self.value(statement.subject),
                None if first is None else statement.arms[first],
                () if first is None else tuple(patterns[:first]),
            )
        return subject

    def value(self, expr: Expr) -> Value:
        """Turn an expression into its value, as far as it is known."""
        match expr:
            case Hole() | MakeList(type=Unknown()):
                return UNREAD
            case Constant(value=value):
                return KnownValue(value)
            case Var(origin="field", name=name):
                return CopiedField(name)
            case Var(origin="input" | "run"):
                return FIXED
            case Var(origin="binding", name=name):
                return self._names.get(name, OUTSIDE)
            case Var():
                return OUTSIDE
            case Convert(of=of):
                return self.value(of)
            case Text(parts=parts) if all(isinstance(part, str) for part in parts):
                return KnownValue("".join(str(part) for part in parts))
            case MakeVariant(variant=variant, fields=()):
                return KnownValue(variant)
            case Attribute(of=of, name=name):
                return make_value("attribute", self.value(of), names=(name,))
            case Unary(op=op, of=of):
                return make_value(op, self.value(of))
            case Binary(op=op, left=left, right=right):
                return make_value(op, self.value(left), self.value(right))
            case Conditional(condition=condition, yes=yes, no=no):
                return make_value("if", self.value(condition), self.value(yes), self.value(no))
            case WithFields(of=of, changes=changes):
                names = tuple(name for name, _ in changes)
                return make_value(
                    "with", self.value(of), *(self.value(value) for _, value in changes), names=names
                )
            case MakeRecord(fields=fields):
                names = tuple(name for name, _ in fields)
                return make_value("record", *self._given(fields), names=names)
            case MakeVariant(variant=variant, fields=fields):
                return make_value("variant", *self._given(fields), names=(variant.type, variant.variant))
            case Text() | Index() | Slice() | PureCall() | BuiltinCall() | MakeList():
                return make_value("other", *(self.value(part) for part in _parts(expr)))
            case _:
                assert_never(expr)

    def _given(self, fields: tuple[tuple[str, Expr | None], ...]) -> list[Value]:
        """Turn the fields of a record or variant into values.

        A missing value is the default, which is `FIXED`.
        """
        return [FIXED if value is None else self.value(value) for _, value in fields]


def _given_by(pattern: Pattern, subject: Value) -> Iterator[tuple[str | None, Value]]:
    """Yield the names that a pattern binds, with their values."""
    match pattern:
        case VariantPattern(names=names):
            part = make_value("part", subject)
            for _, name in names:
                yield name, part
        case OkPattern(name=name):
            yield name, make_value("part", subject)
        case SomePattern(name=name) | ElsePattern(name=name):
            yield name, subject
        case NonePattern() | ConstantPattern():
            pass
        case _:
            assert_never(pattern)


def make_value(how: str, *parts: Value, names: tuple[str, ...] = ()) -> Value:
    """Make a value from others.

    The value comes from outside if one part does, unless the other parts may still decide it.
    """
    outside = any(_is_outside(part) for part in parts)
    size = 1 + sum(part.size if isinstance(part, MadeValue) else 1 for part in parts)
    if UNREAD in parts:
        return UNREAD
    if outside and (how not in _HALF_KNOWN or size > _PARTS_MAX):
        return OUTSIDE
    fields: frozenset[str] = frozenset().union(*(fields_of(part) for part in parts))
    if size > _PARTS_MAX:
        return MadeValue("other", (), (), fields)
    return MadeValue(how, parts, names, fields, size, outside)


def _is_outside(value: Value) -> bool:
    return isinstance(value, OutsideValue) or (isinstance(value, MadeValue) and value.outside)


def fields_of(value: Value) -> frozenset[str]:
    """Return the fields of the state from which a value is made."""
    match value:
        case CopiedField(field):
            return frozenset((field,))
        case MadeValue(fields=fields):
            return fields
        case KnownValue() | OutsideValue():
            return frozenset()
        case _:
            assert_never(value)


def _parts(expr: Any) -> Iterator[Expr]:
    """Yield the expressions directly inside an expression."""
    for each in dataclasses.fields(expr):
        waiting = [getattr(expr, each.name)]
        while waiting:
            node = waiting.pop()
            if isinstance(node, tuple):
                waiting.extend(node)
            elif isinstance(node, Expr):
                yield node
