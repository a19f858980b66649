"""Analyse the values that a step passes on with each `goto`, and the conditions before it.

An expression becomes a `Value`, which keeps as many parts as comparisons and conditions need. A
name that a `let` bound becomes its value. The result of a call, a parameter of an event, a clock or
a sender comes from outside: it can be different every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice, product
from typing import Any, Literal, NamedTuple, TypeAlias, assert_never

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

    `names` are what `how` needs besides the parts: the fields of a record, the name of a function
    or of an input. A value from `"outside"` has a number, and says whether it is the `answer` of a
    call or something `other`. In one step, the same number is the same value.
    """

    how: str
    parts: tuple[Value, ...] = ()
    names: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    size: int = 1
    outside: bool = False  # a part comes from outside


@dataclass(frozen=True, slots=True)
class OutsideValue:
    """A value of which nothing is known.

    `unread`: the expression could not be understood and has been reported.
    """

    unread: bool = False


Value: TypeAlias = KnownValue | CopiedField | MadeValue | OutsideValue

UNREAD = OutsideValue(unread=True)


@dataclass(frozen=True, slots=True)
class Requirement:
    """A condition before a `goto`: a test had the result `holds`, or a pattern took the value.

    `before` are the patterns above it, which did not take the value.
    """

    of: Value
    holds: bool = True
    pattern: Pattern | None = None
    before: tuple[Pattern, ...] = ()


class Leaving(NamedTuple):
    """One way out of a step: a `goto`, the values for the target's fields, and the conditions.

    The last condition comes first.
    """

    goto: Goto
    values: tuple[tuple[str, Value], ...]
    requirements: tuple[Requirement, ...]


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
    for leaving in StepFlow(body).leavings:
        if any(requirement.of == UNREAD for requirement in leaving.requirements):
            continue
        for way in ways(leaving):
            if not any(_is_outside(value) for _, value in way.values):
                yield Handover(source, *way)


def ways(leaving: Leaving) -> Iterator[Leaving]:
    """Yield a way out of a step once for each choice of its conditional values.

    The conditions of the choice join those before the `goto`.
    """
    return islice(_ways(leaving), _CHOICES_MAX)


def _ways(leaving: Leaving) -> Iterator[Leaving]:
    goto, values, requirements = leaving
    options = [[(value, extra) for value, extra in _options(value)] for _, value in values]
    names = [name for name, _ in values]
    for choice in product(*options):
        more = tuple(requirement for _, extra in choice for requirement in extra)
        handed = tuple(zip(names, (value for value, _ in choice), strict=True))
        yield Leaving(goto, handed, (*more, *requirements))


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

    def last_ones(self) -> tuple[Requirement, ...]:
        return tuple(islice(self._latest(), _REQUIREMENTS_MAX))

    def _latest(self) -> Iterator[Requirement]:
        chain: _Chain | None = self
        while chain is not None and chain.last is not None:
            yield chain.last
            chain = chain.rest


class Calling(NamedTuple):
    """A call in a step: the values of its arguments, and the conditions before it."""

    args: tuple[Value, ...]
    requirements: tuple[Requirement, ...]


class StepFlow:
    """The values of a step: at each `goto`, in the arguments of each call, and of any expression.

    `leavings` has the ways out from top to bottom, `callings` each call by the `id` of its site.
    """

    def __init__(self, body: Block) -> None:
        self._walk = _Walk()
        self._walk.block(body, _Chain())
        self.leavings: list[Leaving] = self._walk.leavings
        self.callings: dict[int, Calling] = self._walk.callings

    def value(self, expr: Expr) -> Value:
        """Return the value of an expression that stands before the step, such as a guard."""
        return self._walk.value(expr)


def value_of_key(key: Expr, args: Mapping[str, Value]) -> Value:
    """Return the value of an action's key, given the values of the action's parameters."""
    return _Walk(args).value(key)


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

    def __init__(self, names: Mapping[str, Value] | None = None) -> None:
        self.leavings: list[Leaving] = []
        self.callings: dict[int, Calling] = {}
        self._outside = count()
        self._names: dict[str, Value] = dict(names or {})
        self._hidden: list[tuple[str, Value | None]] = []  # the earlier value of each bound name
        self._subjects: dict[int, _Subject] = {}

    def called(self, site: CallSite, pattern: Pattern | None, at: _Chain) -> _Chain:
        if id(site) not in self.callings:
            args = tuple(self.value(arg) for arg in site.args)
            self.callings[id(site)] = Calling(args, at.last_ones())
        return at

    def went(self, goto: Goto, at: _Chain) -> None:
        handed = tuple((name, self.value(value)) for name, value in goto.args)
        self.leavings.append(Leaving(goto, handed, at.last_ones()))

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
        subject = (
            self._subject(statement).value if called_by(statement) is None else self._from_outside("answer")
        )
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
                    self._bind(name, self._from_outside("answer"))
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
            case Var(origin="input" | "run" as origin, name=name):
                return MadeValue(origin, names=(name,))
            case Var(name=name):
                # Parameters of events are bound by no statement, so this may be their first use.
                if name not in self._names:
                    self._names[name] = self._from_outside("other")
                return self._names[name]
            case Convert(of=of):
                return self.value(of)
            case Text(parts=parts) if all(isinstance(part, str) for part in parts):
                return KnownValue("".join(str(part) for part in parts))
            case Text(parts=parts):
                values = (KnownValue(part) if isinstance(part, str) else self.value(part) for part in parts)
                return make_value("text", *values)
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
            case MakeRecord(record=record, fields=fields):
                names = tuple(name for name, _ in fields)
                return make_value("record", *self._values_of((record,), fields), names=names)
            case MakeVariant(variant=variant, fields=fields):
                named = (variant.type, variant.variant)
                names = (*named, *(name for name, _ in fields))
                return make_value("variant", *self._values_of(named, fields), names=names)
            case Index(of=of, index=index):
                return make_value("index", self.value(of), self.value(index))
            case Slice(of=of, start=start, stop=stop):
                ends = (KnownValue(None) if end is None else self.value(end) for end in (start, stop))
                return make_value("slice", self.value(of), *ends)
            case PureCall(name=name, args=args):
                return make_value("pure", *(self.value(arg) for arg in args), names=(name,))
            case BuiltinCall(name=name, args=args, variant=ref):
                names = (name,) if ref is None else (name, ref.type, ref.variant)
                return make_value("built-in", *(self.value(arg) for arg in args), names=names)
            case MakeList(items=items):
                return make_value("list", *(self.value(item) for item in items))
            case _:
                assert_never(expr)

    def _values_of(self, of: tuple[str, ...], fields: tuple[tuple[str, Expr | None], ...]) -> list[Value]:
        """Turn the fields of a record or variant into values.

        A missing value is the default, which never changes.
        """
        return [
            MadeValue("default", names=(*of, name)) if value is None else self.value(value)
            for name, value in fields
        ]

    def _from_outside(self, source: Literal["answer", "other"]) -> Value:
        """Return a value that is equal to no other one."""
        return MadeValue("outside", names=(str(next(self._outside)), source), outside=True)


def _given_by(pattern: Pattern, subject: Value) -> Iterator[tuple[str | None, Value]]:
    """Yield the names that a pattern binds, with their values."""
    match pattern:
        case VariantPattern(names=names):
            for field, name in names:
                yield name, make_value("part", subject, names=(field,))
        case SomePattern(name=name):
            yield name, make_value("unwrap", subject)
        case OkPattern(name=name) | ElsePattern(name=name):
            yield name, subject
        case NonePattern() | ConstantPattern():
            pass
        case _:
            assert_never(pattern)


def make_value(how: str, *parts: Value, names: tuple[str, ...] = ()) -> Value:
    """Make a value from others. It comes from outside if one part does."""
    if UNREAD in parts:
        return UNREAD
    size = 1 + sum(part.size if isinstance(part, MadeValue) else 1 for part in parts)
    outside = any(_is_outside(part) for part in parts)
    fields: frozenset[str] = frozenset().union(*(fields_of(part) for part in parts))
    if size > _PARTS_MAX:
        return MadeValue("large", (), (), fields, outside=outside)
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
