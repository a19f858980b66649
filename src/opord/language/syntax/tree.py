"""Define the syntax tree of a contract: the constructs of the file, each node with its exact span.

A span is a pair of offsets into the text of one `Source`, in code points, with the end exclusive;
`Source.place` turns it into lines and columns. The tree keeps what was written: names are not
looked up and types are not known. An `Unparsed` node marks text that could not be read. Such text
has been reported, so rules that count paths or look for missing things ignore it.

Lists of items are in source order. `doc` is the text of the `##` lines above a declaration,
`allows` the `# opord: allow <rule> because …` lines above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, TypeAlias

Span: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Name:
    """A name as written, in a declaration or a mention. A missing name has empty text."""

    text: str
    span: Span


@dataclass(slots=True)
class Comment:
    """One comment, from its `#` to the end of its line.

    `own_line`: no code stands before it on the line.
    """

    text: str
    span: Span
    own_line: bool

    @property
    def is_doc(self) -> bool:
        """Say whether this is a `##` line that documents the declaration below."""
        return self.own_line and self.text.startswith("##")


@dataclass(slots=True)
class Allow:
    """`# opord: allow <rule> [names] because <reason>` above a declaration."""

    rule: Name
    names: list[Name]
    reason: str
    span: Span


# Types --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class NamedType:
    """`int`, `datetime`, `Order`: a built-in or declared type by its name."""

    name: Name
    span: Span


@dataclass(slots=True)
class ListType:
    """`list[T]`."""

    element: TypeNode
    span: Span


@dataclass(slots=True)
class MapType:
    """`map[K, V]`."""

    key: TypeNode
    value: TypeNode
    span: Span


@dataclass(slots=True)
class OptionalType:
    """`T?`."""

    inner: TypeNode
    span: Span


@dataclass(slots=True)
class SecretType:
    """`secret T`.

    `secret` binds more strongly than `?`: `secret str?` is an optional of a secret.
    """

    inner: TypeNode
    span: Span


TypeNode: TypeAlias = "NamedType | ListType | MapType | OptionalType | SecretType | Unparsed"


# Expressions --------------------------------------------------------------------------------------


@dataclass(slots=True)
class IntLiteral:
    """`42`, `10_000`, `-3`: the sign of a literal is part of it.

    The value may be outside 64 bits.
    """

    value: int
    span: Span


@dataclass(slots=True)
class NumberLiteral:
    """`2.5`, `-0.10`: a `float`, or a `decimal` where one is expected.

    The digits are as written, without `_`.
    """

    text: str
    span: Span


@dataclass(slots=True)
class DurationLiteral:
    """`250ms`, `48h`, `1h30m`."""

    milliseconds: int
    span: Span


@dataclass(slots=True)
class BoolLiteral:
    """`true` or `false`."""

    value: bool
    span: Span


@dataclass(slots=True)
class NoneLiteral:
    """`none`."""

    span: Span


@dataclass(slots=True)
class TextLiteral:
    """`"order {order.id}"`: plain pieces (with escapes replaced) and expressions, in order.

    The empty text has no parts. A text without `{ }` has one `str`.
    """

    parts: list[str | Expression]
    span: Span


@dataclass(slots=True)
class ListLiteral:
    """`[a, b]`."""

    items: list[Expression]
    span: Span


@dataclass(slots=True)
class NameExpression:
    """A name in an expression: a variable, an input, a built-in, a bare variant, or an enum."""

    name: Name
    span: Span


@dataclass(slots=True)
class FieldAccess:
    """`order.id`, `Shape.Point`: also the form of a qualified variant."""

    subject: Expression
    name: Name
    span: Span


@dataclass(slots=True)
class Index:
    """`xs[i]`."""

    subject: Expression
    index: Expression
    span: Span


@dataclass(slots=True)
class Slice:
    """`xs[a:b]`; either end may be absent."""

    subject: Expression
    start: Expression | None
    stop: Expression | None
    span: Span


@dataclass(slots=True)
class Argument:
    """One argument, positional (`name` is None) or `name: value`."""

    name: Name | None
    value: Expression
    span: Span


@dataclass(slots=True)
class CallExpression:
    """`risk(order)`, `len(xs)`, `Shape.Circle(radius: 1.0)`: a `pure`, a built-in or a variant."""

    callee: Expression
    arguments: list[Argument]
    span: Span


@dataclass(slots=True)
class Unary:
    """`not x`, `-x`."""

    operator: Literal["not", "-"]
    operator_span: Span
    operand: Expression
    span: Span


BinaryOperator: TypeAlias = Literal[
    "or", "and", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "//", "%", "??"
]


@dataclass(slots=True)
class Binary:
    """`left operator right`, comparisons, `in` and `??` included."""

    operator: BinaryOperator
    operator_span: Span
    left: Expression
    right: Expression
    span: Span


@dataclass(slots=True)
class Conditional:
    """`if c then a else b`."""

    condition: Expression
    then: Expression
    otherwise: Expression
    span: Span


@dataclass(slots=True)
class FieldValue:
    """`name: value` in a record literal or after `with`."""

    name: Name
    value: Expression
    span: Span


@dataclass(slots=True)
class RecordLiteral:
    """`Order { id: x, … }`."""

    name: Name
    fields: list[FieldValue]
    span: Span


@dataclass(slots=True)
class With:
    """`order with { total_cents: 0 }`."""

    subject: Expression
    fields: list[FieldValue]
    span: Span


@dataclass(slots=True)
class Unparsed:
    """Text that could not be read and has been reported.

    The text can be an expression, type, statement, handler or declaration. This is also the node
    for words of a later version (`each`, `when`, `upgrade`).
    """

    span: Span


Expression: TypeAlias = (
    IntLiteral
    | NumberLiteral
    | DurationLiteral
    | BoolLiteral
    | NoneLiteral
    | TextLiteral
    | ListLiteral
    | NameExpression
    | FieldAccess
    | Index
    | Slice
    | CallExpression
    | Unary
    | Binary
    | Conditional
    | RecordLiteral
    | With
    | Unparsed
)


# Patterns -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class VariantPattern:
    """`Declined`, `Declined(reason)`, `PaymentError.Declined(_)`.

    `fields` is None without parentheses; a field named `_` binds nothing.
    """

    type: Name | None
    name: Name
    fields: list[Name] | None
    span: Span


@dataclass(slots=True)
class OkPattern:
    """`ok receipt`, or `ok` alone, which can also be a variant of an enum."""

    binding: Name | None
    span: Span


@dataclass(slots=True)
class SomePattern:
    """`some x`, or `some` alone, which can also be a variant of an enum."""

    binding: Name | None
    span: Span


@dataclass(slots=True)
class NonePattern:
    """`none`."""

    span: Span


@dataclass(slots=True)
class LiteralPattern:
    """A bool, number or duration, or a text without `{ }`."""

    value: BoolLiteral | IntLiteral | NumberLiteral | DurationLiteral | TextLiteral
    span: Span


@dataclass(slots=True)
class ElsePattern:
    """`else`, or `else problem`; also a lone `_`."""

    binding: Name | None
    span: Span


Pattern: TypeAlias = (
    "VariantPattern | OkPattern | SomePattern | NonePattern | LiteralPattern | ElsePattern | Unparsed"
)


# Statements ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Block:
    """Statements in braces, or the single statement after `->` (`braces` is False then)."""

    statements: list[Statement]
    braces: bool
    span: Span


@dataclass(slots=True)
class Arm:
    """`A | B -> …` in a `match` or in the `else { }` of a call."""

    patterns: list[Pattern]
    body: Block
    span: Span


@dataclass(slots=True)
class Let:
    """`let x = expr`. A `let` of a `perform` or `commit` is a `CallStatement`."""

    name: Name
    value: Expression
    span: Span


@dataclass(slots=True)
class BoundaryCall:
    """`perform f(..)` or `commit f(..)`; also the subject of a `match`."""

    verb: Literal["perform", "commit"]
    verb_span: Span
    name: Name
    arguments: list[Argument]
    span: Span


@dataclass(slots=True)
class CallStatement:
    """`[let x =] perform|commit f(..) [else …]`.

    `arms` is None without `else`. `else { Variant -> … }` gives its arms, and `else [problem] -> …`
    gives one arm with the pattern `else`.
    """

    binding: Name | None
    call: BoundaryCall
    arms: list[Arm] | None
    else_span: Span | None
    span: Span


@dataclass(slots=True)
class If:
    """`if c { } else if c { } else { }`."""

    condition: Expression
    then: Block
    otherwise: Block | If | None
    span: Span


@dataclass(slots=True)
class Match:
    """`match expr|perform …|commit … { arm -> … }`."""

    subject: Expression | BoundaryCall
    arms: list[Arm]
    span: Span


@dataclass(slots=True)
class Goto:
    """`goto State(args)`; `rest` is the span of a final `..`, which fills the remaining fields."""

    state: Name
    arguments: list[Argument]
    rest: Span | None
    span: Span


Statement: TypeAlias = "Let | CallStatement | If | Match | Goto | Unparsed"


# Handlers -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class OnEvent:
    """`on event(names) [if c] -> …`. `body` is None for `on event ignore`.

    `names` is None without parentheses; a name `_` binds nothing.
    """

    event: Name
    names: list[Name] | None
    guard: Expression | None
    body: Block | None
    span: Span


@dataclass(slots=True)
class After:
    """`after <duration> -> …`."""

    duration: Expression
    body: Block
    span: Span


@dataclass(slots=True)
class At:
    """`at <datetime> -> …`."""

    instant: Expression
    body: Block
    span: Span


Handler: TypeAlias = "OnEvent | After | At"


# Declarations -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Field:
    """`name: T [= default]`: a field of a record, state or variant, an input or a parameter."""

    name: Name
    type: TypeNode
    default: Expression | None
    span: Span
    doc: str = ""


@dataclass(slots=True)
class Use:
    """`use "types.opord" { Address, Money }`."""

    path: str
    path_span: Span
    names: list[Name]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Contract:
    """`contract Name(params) [key expr] [version N]`.

    `version` is 1 without the clause (`version_span` is None).
    """

    name: Name
    parameters: list[Field]
    key: Expression | None
    version: int
    version_span: Span | None
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Require:
    """`require condition else "text"`. `text` is None if it is missing, which has been reported."""

    condition: Expression
    text: TextLiteral | None
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class RecordType:
    """`record Name { … }`."""

    name: Name
    fields: list[Field]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Variant:
    """`Declined(reason: str) [transient | settles]` in an enum or a failure.

    `transient` and `settles` are the spans of these words.
    """

    name: Name
    fields: list[Field]
    transient: Span | None
    settles: Span | None
    span: Span
    doc: str = ""


@dataclass(slots=True)
class Enum:
    """`enum Name { … }`; its variants are neither transient nor settling."""

    name: Name
    variants: list[Variant]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Failure:
    """`failure Name { … }`."""

    name: Name
    variants: list[Variant]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Role:
    """`role manager, warehouse`."""

    names: list[Name]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Event:
    """`event name(params) [by role | role] [key expr] [keep]`; `keep` is the word's span."""

    name: Name
    parameters: list[Field]
    roles: list[Name]
    key: Expression | None
    keep: Span | None
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class RetryPolicy:
    """`retry N times [backoff D to D]`."""

    times: int
    times_span: Span
    backoff_min: DurationLiteral | None
    backoff_max: DurationLiteral | None
    span: Span


@dataclass(slots=True)
class TimeoutPolicy:
    """`timeout D`."""

    duration: DurationLiteral
    span: Span


@dataclass(slots=True)
class Reason:
    """`stands because "…"` or `shared because "…"`: the text, and the span of words and text."""

    text: str
    span: Span


@dataclass(slots=True)
class KeyPolicy:
    """`key [expr] [for D] [shared because "…"]`."""

    value: Expression | None
    window: DurationLiteral | None
    shared: Reason | None
    span: Span


@dataclass(slots=True)
class RepeatablePolicy:
    """`repeatable`."""

    span: Span


@dataclass(slots=True)
class CheckCall:
    """`E(args)` in `in doubt check E(args)`."""

    name: Name
    arguments: list[Argument]
    span: Span


@dataclass(slots=True)
class InDoubtPolicy:
    """`in doubt repeat | check E(args) [after D] | ask [within D] | skip | report`.

    `check` is set only for `check`; `delay` is the `after` of a check or the `within` of an ask.
    """

    choice: Literal["repeat", "check", "ask", "skip", "report"]
    check: CheckCall | None
    delay: DurationLiteral | None
    span: Span


Policy: TypeAlias = "RetryPolicy | TimeoutPolicy | KeyPolicy | RepeatablePolicy | InDoubtPolicy"


@dataclass(slots=True)
class CallDeclaration:
    """`pure`, `effect` or `action name(params) [-> T]`, then clauses and `[{ policy }]`.

    The clauses are `fails F | G`, and for an action `undoes A`, `stands because "…"` and
    `in transaction`, of which `transaction` is the span.
    """

    kind: Literal["pure", "effect", "action"]
    name: Name
    parameters: list[Field]
    result: TypeNode | None
    failures: list[Name]
    undoes: Name | None
    stands: Reason | None
    transaction: Span | None
    policies: list[Policy]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """`[initial] state Name(fields) -> A | B { … }` or `final state Name(fields) success`.

    `body` is None without braces. It may mix statements and handlers, which the rule `flow`
    refuses. `outcome` is the word after the name of a final state; `header_span` ends before the
    `{`.
    """

    kind: Literal["initial", "plain", "final"]
    name: Name
    fields: list[Field]
    targets: list[Name]
    outcome: Name | None
    body: list[Statement | Handler] | None
    header_span: Span
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


@dataclass(slots=True)
class Phase:
    """`phase Name { … }`: shared handlers and the states that share them."""

    name: Name
    handlers: list[Handler]
    states: list[State]
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


# Promises -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class AtMostOnce:
    """`A at most once`."""

    subjects: list[Name]


@dataclass(slots=True)
class OnlyAfter:
    """`X only after Y`."""

    subjects: list[Name]
    after: list[Name]


@dataclass(slots=True)
class NeverAfter:
    """`never X after Y`."""

    subjects: list[Name]
    after: list[Name]


@dataclass(slots=True)
class Eventually:
    """`after Y eventually X`."""

    after: list[Name]
    subjects: list[Name]


@dataclass(slots=True)
class NoWaitIsEndless:
    """`no wait is endless`."""


@dataclass(slots=True)
class EveryRunEnds:
    """`every run ends [within D]`."""

    within: DurationLiteral | None


Claim: TypeAlias = "AtMostOnce | OnlyAfter | NeverAfter | Eventually | NoWaitIsEndless | EveryRunEnds"


@dataclass(slots=True)
class Ensure:
    """`ensure <claim>`."""

    claim: Claim
    span: Span
    doc: str = ""
    allows: list[Allow] = field(default_factory=list)


Declaration: TypeAlias = "Use | Contract | Require | RecordType | Enum | Failure | Role | Event | CallDeclaration | State | Phase | Ensure | Unparsed"


Documented: TypeAlias = (
    Use
    | Contract
    | Require
    | RecordType
    | Enum
    | Failure
    | Role
    | Event
    | CallDeclaration
    | State
    | Phase
    | Ensure
)
"""What can have documentation and `allow` comments above it."""


@dataclass(slots=True)
class File:
    """One file: every top-level declaration and every comment, in order.

    `skipped` are the spans that could not be read.
    """

    declarations: list[Declaration]
    comments: list[Comment]
    span: Span
    skipped: list[Span] = field(default_factory=list)


def allows(declarations: list[Declaration]) -> Iterator[tuple[Documented, Allow]]:
    """Yield each `allow` comment with the declaration or inner state below it."""
    for node in declarations:
        if isinstance(node, Unparsed):
            continue
        for allow in node.allows:
            yield node, allow
        if isinstance(node, Phase):
            for state in node.states:
                for allow in state.allows:
                    yield state, allow


def children(node: object) -> Iterator[object]:
    """Yield the nodes directly below `node`, in the order of the fields."""
    for each in fields(node):  # type: ignore[arg-type]
        value = getattr(node, each.name)
        if isinstance(value, list):
            yield from (item for item in value if hasattr(item, "__dataclass_fields__"))
        elif hasattr(value, "__dataclass_fields__"):
            yield value


def walk(node: object) -> Iterator[object]:
    """Yield `node` and everything below it, parents first."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))
