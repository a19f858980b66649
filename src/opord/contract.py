"""Define the checked contract as plain data, for all later rooms.

Everything here is an immutable value without behaviour. Each name has its declaration, every
expression knows its type, conversions are explicit, and arguments are in the order of the
parameters. Places in the file and documentation are kept for messages; comparisons ignore them.
`content/form.py` defines which parts are the identity of a contract: add every new member there
too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Place:
    """A range in a file: lines and columns count from 1, columns in code points.

    The end is exclusive.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


NOWHERE = Place("", 0, 0, 0, 0)


def _place() -> Any:
    return field(default=NOWHERE, compare=False, repr=False)


def _doc() -> Any:
    return field(default="", compare=False, repr=False)


# --- Types ---------------------------------------------------------------------------------------

PrimitiveName: TypeAlias = Literal[
    "bool", "int", "float", "decimal", "str", "bytes", "datetime", "date", "duration", "uuid", "json"
]


@dataclass(frozen=True, slots=True)
class Primitive:
    """A built-in type such as `int` or `datetime`."""

    name: PrimitiveName


@dataclass(frozen=True, slots=True)
class ListOf:
    """`list[T]`."""

    item: Type


@dataclass(frozen=True, slots=True)
class MapOf:
    """`map[str, T]`."""

    value: Type


@dataclass(frozen=True, slots=True)
class OptionalOf:
    """`T?`: a value or `none`. Never nested directly."""

    item: Type


@dataclass(frozen=True, slots=True)
class SecretOf:
    """`secret T`: only passed on as a whole, never shown.

    `secret str?` is `OptionalOf(SecretOf(str))`.
    """

    item: Type


@dataclass(frozen=True, slots=True)
class Named:
    """A record, an enum or a failure type, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class ProblemOf:
    """The type of `problem` in `else problem` if no single failure type covers it.

    It has the failure types and the built-in variants that are left.
    """

    failures: tuple[str, ...]
    builtins: tuple[Literal["TimedOut", "InDoubt"], ...]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The type of `run`, which has `id: str` and `started_at: datetime`."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The type of the literal `none` without a context, and of a call without a result."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The type of a wrong expression that a finding has reported; it fits everywhere."""


Type: TypeAlias = (
    Primitive | ListOf | MapOf | OptionalOf | SecretOf | Named | ProblemOf | RunInfo | Nothing | Unknown
)

BOOL = Primitive("bool")
INT = Primitive("int")
FLOAT = Primitive("float")
DECIMAL = Primitive("decimal")
STR = Primitive("str")
BYTES = Primitive("bytes")
DATETIME = Primitive("datetime")
DATE = Primitive("date")
DURATION = Primitive("duration")
UUID = Primitive("uuid")
JSON = Primitive("json")


# --- Expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. A duration is a `timedelta`, a decimal a `Decimal`, `none` is `None`."""

    value: bool | int | float | str | Decimal | timedelta | None
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Text:
    """A text with `{expressions}`: its parts in order, each printed as the language prints it."""

    parts: tuple[str | Expr, ...]
    type: Type = STR
    place: Place = _place()


VarOrigin: TypeAlias = Literal["input", "field", "binding", "param", "now", "run", "actor", "call_key"]


@dataclass(frozen=True, slots=True)
class Var:
    """A name in scope, and its origin.

    `input`: a parameter of the contract. `field`: a field of the present state; in a handler of a
    phase, a field of every state of the phase. `binding`: a name that `let`, a pattern or a handler
    binds. `param`: a parameter of an event or call, in its `key` and `check`. `call_key`:
    `call.key` in the arguments of a `check`.
    """

    name: str
    origin: VarOrigin
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Attribute:
    """`of.name`: a field of a record, or `run.id`, `run.started_at`."""

    of: Expr
    name: str
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Index:
    """`of[index]` of a list (negative counts from the end) or map; the type is always optional."""

    of: Expr
    index: Expr
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Slice:
    """`of[start:stop]` of a list or text, as in Python."""

    of: Expr
    start: Expr | None
    stop: Expr | None
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    op: Literal["not", "-"]
    of: Expr
    type: Type
    place: Place = _place()


BinaryOp: TypeAlias = Literal[
    "or", "and", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "//", "%", "??"
]


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right`; both sides have the types that the operator takes."""

    op: BinaryOp
    left: Expr
    right: Expr
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Conditional:
    """`if condition then yes else no`."""

    condition: Expr
    yes: Expr
    no: Expr
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class PureCall:
    """A call of a `pure`. The step asks a handler for its value."""

    name: str
    args: tuple[Expr, ...]
    type: Type
    place: Place = _place()


BuiltinName: TypeAlias = Literal[
    "len", "min", "max", "abs", "round", "str", "int", "float", "decimal", "count"
]


@dataclass(frozen=True, slots=True)
class BuiltinCall:
    """A call of a built-in function. For `count(xs, Variant)`, `variant` is the variant."""

    name: BuiltinName
    args: tuple[Expr, ...]
    type: Type
    variant: VariantRef | None = None
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class MakeRecord:
    """`Order { id: x }`: every field of the record in its order; `None` means the default."""

    record: str
    fields: tuple[tuple[str, Expr | None], ...]
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class WithFields:
    """`order with { total_cents: 0 }`: a copy with some fields replaced."""

    of: Expr
    changes: tuple[tuple[str, Expr], ...]
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class MakeVariant:
    """`Shape.Circle(radius: 1.0)`: every field of the variant in its order.

    `None` means the default.
    """

    variant: VariantRef
    fields: tuple[tuple[str, Expr | None], ...]
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class MakeList:
    """`[a, b]`."""

    items: tuple[Expr, ...]
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Convert:
    """An `int` where a `float` or `decimal` is expected.

    `T` to `T?` needs no node, because the value stays the same.
    """

    of: Expr
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Hole:
    """An expression that could not be understood; a finding says why.

    A contract without errors has no hole.
    """

    type: Type = Unknown()
    place: Place = _place()


Expr: TypeAlias = (
    Constant
    | Text
    | Var
    | Attribute
    | Index
    | Slice
    | Unary
    | Binary
    | Conditional
    | PureCall
    | BuiltinCall
    | MakeRecord
    | WithFields
    | MakeVariant
    | MakeList
    | Convert
    | Hole
)


@dataclass(frozen=True, slots=True)
class VariantRef:
    """A variant and the type that declares it. `TimedOut` and `InDoubt` have the type `""`."""

    type: str
    variant: str


# --- Statements ----------------------------------------------------------------------------------


Verb: TypeAlias = Literal["perform", "commit"]


@dataclass(frozen=True, slots=True)
class CallSite:
    """`perform f(..)` or `commit f(..)`, with one argument for each parameter."""

    verb: Verb
    name: str
    args: tuple[Expr, ...]
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Let:
    """`let name = value`."""

    name: str
    value: Expr
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Call:
    """A call as a statement: `[let name =] perform f(..) [else …]`.

    `arms` are those of `else { Variant -> … }`. `else [problem] -> …` gives one arm with
    `ElsePattern`.
    """

    site: CallSite
    name: str | None
    type: Type
    arms: tuple[Arm, ...]
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class If:
    """`if condition { then } else { otherwise }`; an `else if` is a single `If` in `otherwise`."""

    condition: Expr
    then: Block
    otherwise: Block | None
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Goto:
    """`goto state(args)`: a value for every field of the target, in its order."""

    state: str
    args: tuple[tuple[str, Expr], ...]
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Match:
    """`match subject { arms }` over a call or a value."""

    subject: Expr | CallSite
    arms: tuple[Arm, ...]
    place: Place = _place()


Statement: TypeAlias = Let | Call | If | Goto | Match
Block: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Arm:
    """`pattern -> body`."""

    pattern: Pattern
    body: Block
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class OkPattern:
    """`ok x`: the call gave a result. Binds the result, if there is one and a name is given."""

    name: str | None
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class VariantPattern:
    """`A`, `A(x, _)` or `A | B`.

    `names` has a name or None for each field; alternatives bind nothing.
    """

    variants: tuple[VariantRef, ...]
    names: tuple[tuple[str, str | None], ...] = ()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class SomePattern:
    """`some x` of an optional."""

    name: str | None
    type: Type
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class NonePattern:
    """`none` of an optional."""

    place: Place = _place()


@dataclass(frozen=True, slots=True)
class ConstantPattern:
    """Literals: `1 | 2`, `true`, `"a"`."""

    values: tuple[bool | int | float | str | Decimal | timedelta, ...]
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class ElsePattern:
    """`else [problem]`: all cases that are left.

    For a call it covers the failures and `TimedOut`, never `InDoubt`.
    """

    name: str | None
    type: Type
    place: Place = _place()


Pattern: TypeAlias = OkPattern | VariantPattern | SomePattern | NonePattern | ConstantPattern | ElsePattern


# --- Declarations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A field or parameter: its name, type and default."""

    name: str
    type: Type
    default: Expr | None = None
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class RecordType:
    """`record Name { fields }`."""

    name: str
    fields: tuple[Field, ...]
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of an enum or failure. `transient` and `settles` only matter for failures.

    A variant without `transient` is final. `settles` says that no attempt under the key took
    effect.
    """

    name: str
    fields: tuple[Field, ...]
    transient: bool = False
    settles: bool = False
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Enum:
    """`enum Name { variants }`."""

    name: str
    variants: tuple[Variant, ...]
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Failure:
    """`failure Name { variants }`."""

    name: str
    variants: tuple[Variant, ...]
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Role:
    """One of `role manager, warehouse`."""

    name: str
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Event:
    """`event name(params) [by roles] [key expr] [keep]`. Without roles, anyone may send it.

    The built-in `cancel(reason: str)` is always kept. It is in a contract's events if a handler
    takes it or if it is declared.
    """

    name: str
    params: tuple[Field, ...]
    roles: tuple[str, ...] = ()
    key: Expr | None = None
    keep: bool = False
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Retry:
    """`retry times times [backoff base to cap]`: attempts after the first.

    The backoff is exponential with full jitter.
    """

    times: int
    base: timedelta = timedelta(seconds=1)
    cap: timedelta = timedelta(minutes=1)
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Key:
    """`key [expr] [for window] [shared because "…"]`: the other side honours an idempotency key.

    `window` is how long it honours the key, from the first attempt on. `shared` is the reason why
    two runs may mean the same effect by the key. It is for readers and for the checker.
    """

    expr: Expr | None
    window: timedelta | None
    shared: str | None = None
    shared_place: Place = _place()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Repeat:
    """`in doubt repeat`: call again with the same key."""

    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Check:
    """`in doubt check effect(args) [after delay]`: ask an effect whether the action happened."""

    effect: str
    args: tuple[Expr, ...]
    after: timedelta = timedelta()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Ask:
    """`in doubt ask [within limit]`: park the run for a person.

    After `limit`, act like `report`.
    """

    within: timedelta | None = None
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Skip:
    """`in doubt skip`: continue as if the action had happened."""

    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Report:
    """`in doubt report`: add the built-in variant `InDoubt` to the failures."""

    place: Place = _place()


Doubt: TypeAlias = Repeat | Check | Ask | Skip | Report


@dataclass(frozen=True, slots=True)
class Pure:
    """`pure name(params) -> T`: may be called any number of times, anywhere."""

    name: str
    params: tuple[Field, ...]
    result: Type
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Effect:
    """`effect name(params) [-> T] [fails F] [{ policy }]`: may be repeated."""

    name: str
    params: tuple[Field, ...]
    result: Type  # `Nothing()` without a result
    fails: tuple[str, ...] = ()
    retry: Retry | None = None
    timeout: timedelta | None = None
    doc: str = _doc()
    place: Place = _place()


TRANSACTION_LIMIT = timedelta(seconds=2)
"""The longest time of an attempt of an action in transaction: the database waits meanwhile."""


@dataclass(frozen=True, slots=True)
class Action:
    """`action name(params) [-> T]`, then clauses, and `[{ policy }]`.

    It is called with `commit`, and never repeated by guessing. `undoes` names the action that it
    takes back, and `stands` is the reason why nothing has to take it back: both are for readers and
    for the checker. `doubt` is always set: without a rule in the contract it is `Repeat` with a
    key, else `Ask`, and its place is `NOWHERE`. The places of policies are those of their words in
    the braces.

    `transaction` is True for `in transaction`: the handler writes in the run's own database, in the
    transaction that records the outcome. Such an action is never in doubt. Its `doubt` is `Repeat`
    at `NOWHERE`, as an attempt that failed has changed nothing and may be made again. An attempt
    takes at most `timeout`, or `TRANSACTION_LIMIT` without one.
    """

    name: str
    params: tuple[Field, ...]
    result: Type  # `Nothing()` without a result
    fails: tuple[str, ...] = ()
    undoes: str | None = None
    stands: str | None = None
    retry: Retry | None = None
    timeout: timedelta | None = None
    key: Key | None = None
    repeatable: bool = False
    doubt: Doubt = Ask()
    transaction: bool = False
    undoes_place: Place = _place()
    stands_place: Place = _place()
    transaction_place: Place = _place()
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class EventHandler:
    """`on event(names) [if guard] -> …`: `names` has the bound name, or None, for each parameter.

    `ignore` is True for `on event ignore`: the event is recorded and changes nothing; `body` is
    empty then.
    """

    event: str
    names: tuple[str | None, ...]
    guard: Expr | None
    body: Block
    ignore: bool = False
    place: Place = _place()


TimerKind: TypeAlias = Literal["after", "at"]


@dataclass(frozen=True, slots=True)
class Timer:
    """`after duration -> …`, from the entry into the state or phase, or `at datetime -> …`."""

    kind: TimerKind
    when: Expr
    body: Block
    place: Place = _place()


StateKind: TypeAlias = Literal["acting", "waiting", "final"]
Outcome: TypeAlias = Literal["success", "failure", "cancelled"]


@dataclass(frozen=True, slots=True)
class State:
    """A state with its fields, its targets, and its body (acting) or handlers (waiting)."""

    name: str
    kind: StateKind
    initial: bool
    fields: tuple[Field, ...]
    targets: tuple[str, ...]
    body: Block = ()
    handlers: tuple[EventHandler, ...] = ()
    timers: tuple[Timer, ...] = ()
    phase: str | None = None
    outcome: Outcome | None = None
    target_places: tuple[Place, ...] = field(default=(), compare=False, repr=False)
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Phase:
    """A group of states with shared handlers and timers."""

    name: str
    states: tuple[str, ...]
    handlers: tuple[EventHandler, ...] = ()
    timers: tuple[Timer, ...] = ()
    doc: str = _doc()
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Taken:
    """A name in a `use` line: a type of another file, and its place in this file."""

    name: str
    path: str
    place: Place = _place()


PromiseKind: TypeAlias = Literal[
    "at most once", "only after", "never after", "eventually", "no wait is endless", "every run ends"
]


@dataclass(frozen=True, slots=True)
class Promise:
    """An `ensure` line.

    `subjects` are the X (the A of `at most once`), `others` the Y: names of states, actions or
    effects. `within` belongs to `every run ends`. `whole` says that every name has a
    declaration.
    """

    kind: PromiseKind
    subjects: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    within: timedelta | None = None
    whole: bool = field(default=True, compare=False, repr=False)
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Requirement:
    """`require condition else text`: what the input of a start has to fit.

    Both use the input alone. A start that does not fit is refused with the text.
    """

    condition: Expr
    text: Expr
    place: Place = _place()


@dataclass(frozen=True, slots=True)
class Contract:
    """One checked workflow.

    All declarations are in the order of the file, those of used files first.
    """

    name: str
    version: int
    params: tuple[Field, ...]
    key: Expr | None
    requirements: tuple[Requirement, ...] = ()
    records: tuple[RecordType, ...] = ()
    enums: tuple[Enum, ...] = ()
    failures: tuple[Failure, ...] = ()
    roles: tuple[Role, ...] = ()
    events: tuple[Event, ...] = ()
    pures: tuple[Pure, ...] = ()
    effects: tuple[Effect, ...] = ()
    actions: tuple[Action, ...] = ()
    states: tuple[State, ...] = ()
    phases: tuple[Phase, ...] = ()
    promises: tuple[Promise, ...] = ()
    taken: tuple[Taken, ...] = field(default=(), compare=False, repr=False)
    doc: str = _doc()
    place: Place = _place()

    def state(self, name: str) -> State:
        """Return the state `name`.

        Raises:
            KeyError: there is no such state.
        """
        for state in self.states:
            if state.name == name:
                return state
        raise KeyError(name)

    def phase_of(self, state: State) -> Phase | None:
        """Return the phase that contains `state`."""
        return next((phase for phase in self.phases if phase.name == state.phase), None)

    def handlers_of(self, state: State) -> tuple[EventHandler, ...]:
        """Return the event handlers in force in `state`: its own, then the shared ones.

        A shared handler is left out if the state has its own handler for the event.
        """
        phase = self.phase_of(state)
        if phase is None:
            return state.handlers
        own = {handler.event for handler in state.handlers}
        return state.handlers + tuple(shared for shared in phase.handlers if shared.event not in own)
