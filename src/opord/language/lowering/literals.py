"""Lower literals to constants of their type; lower texts and lists with the expressions in them."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal

from opord.contract import (
    BOOL,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    STR,
    Constant,
    Expr,
    Hole,
    ListOf,
    MakeList,
    MapOf,
    Named,
    OptionalOf,
    ProblemOf,
    RunInfo,
    Text,
    Type,
)
from opord.language.diagnostics.model import code
from opord.language.lowering.context import MISMATCH, Lowering, a, is_unknown, wrong
from opord.language.lowering.dispatch import LOWER, lower
from opord.language.lowering.scope import Scope
from opord.language.syntax import tree
from opord.language.types import NOTHING, PRINTED, UNKNOWN, join

UNPRINTABLE = code("OP203", rule="type", title="a value that a text cannot print")
OUT_OF_RANGE = code("OP206", rule="type", title="a literal out of range")

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_DECIMAL_DIGITS = 1000  # limit of digits on either side of the point; `values` has the same limit


def _int(ctx: Lowering, scope: Scope, node: tree.IntLiteral, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    if not INT_MIN <= node.value <= INT_MAX:
        ctx.report(
            OUT_OF_RANGE,
            place,
            "an `int` has 64 bits, and this number needs more",
            help=f"stay between {INT_MIN} and {INT_MAX}, or use a `decimal` that comes as data",
        )
        return Hole(UNKNOWN, place)
    return Constant(node.value, INT, place)


def _number(ctx: Lowering, scope: Scope, node: tree.NumberLiteral, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    if isinstance(expected, OptionalOf):
        expected = expected.item
    if expected == DECIMAL:
        exact = Decimal(node.text)
        exponent = exact.as_tuple().exponent
        if isinstance(exponent, int) and exponent >= -_DECIMAL_DIGITS and exact.adjusted() <= _DECIMAL_DIGITS:
            return Constant(exact, DECIMAL, place)
    else:
        value = float(node.text)
        if math.isfinite(value):
            return Constant(value, FLOAT, place)
    kind = "decimal" if expected == DECIMAL else "float"
    ctx.report(
        OUT_OF_RANGE, place, f"this number is out of the range of a `{kind}`", help="write a smaller one"
    )
    return Hole(UNKNOWN, place)


def _duration(ctx: Lowering, scope: Scope, node: tree.DurationLiteral, expected: Type | None) -> Expr:
    return Constant(duration(ctx, node), DURATION, ctx.place(node.span))


def duration(ctx: Lowering, node: tree.DurationLiteral) -> timedelta:
    """Return the value of a duration literal; one out of range is reported and becomes zero."""
    try:
        return timedelta(milliseconds=node.milliseconds)
    except OverflowError:
        ctx.report(
            OUT_OF_RANGE,
            node.span,
            "this duration is longer than 999999999 days",
            help="write a shorter one",
        )
        return timedelta()


def _bool(ctx: Lowering, scope: Scope, node: tree.BoolLiteral, expected: Type | None) -> Expr:
    return Constant(node.value, BOOL, ctx.place(node.span))


def _none(ctx: Lowering, scope: Scope, node: tree.NoneLiteral, expected: Type | None) -> Expr:
    type = expected if isinstance(expected, OptionalOf) else NOTHING
    return Constant(None, type, ctx.place(node.span))


def _text(ctx: Lowering, scope: Scope, node: tree.TextLiteral, expected: Type | None) -> Expr:
    parts = node.parts
    place = ctx.place(node.span)
    if not parts:
        return Constant("", STR, place)
    if len(parts) == 1 and isinstance(parts[0], str):
        return Constant(parts[0], STR, place)
    return Text(
        tuple(part if isinstance(part, str) else _printed(ctx, scope, part) for part in parts), STR, place
    )


def _printed(ctx: Lowering, scope: Scope, node: tree.Expression) -> Expr:
    value = lower(ctx, scope, node)
    type = value.type
    if type in PRINTED or is_unknown(type) or isinstance(type, ProblemOf):
        return value
    if isinstance(type, Named) and ctx.types[type.name].kind != "record":
        return value
    if ctx.refuse_secret(value, "a text"):
        return value
    help = "write one of its fields into the text"
    if isinstance(type, OptionalOf):
        help = (
            'give a value for `none`: `… ?? "nothing"`'
            if type.item == STR
            else "give a value for `none`: `… ?? other`"
        )
    elif isinstance(type, ListOf | MapOf):
        help = "write its length, `len(…)`, or one item into the text"
    elif type == JSON:
        help = "a contract cannot look into a `json`; declare a record with the fields that you need"
    elif isinstance(type, RunInfo):
        help = "write `run.id`"
    ctx.report(UNPRINTABLE, value.place, f"a text cannot print {a(type)}", help=help)
    return value


def _list(ctx: Lowering, scope: Scope, node: tree.ListLiteral, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    if isinstance(expected, OptionalOf):
        expected = expected.item
    hint = expected.item if isinstance(expected, ListOf) else None
    items = [lower(ctx, scope, item, hint) for item in node.items]
    if hint is not None:
        item_type: Type = hint
    else:
        item_type = NOTHING
        for item in items:
            joined = join(item_type, item.type) if item_type is not NOTHING else item.type
            if joined is None:
                ctx.report(
                    MISMATCH,
                    item.place,
                    f"the items of a list are of one type; the first is {a(item_type)}, and this is {a(item.type)}",
                    help=f"give {a(item_type)} here, or use a list for each type",
                )
                return wrong(place, *items)
            item_type = joined
    fitting = tuple(ctx.fit(item, item_type, "an item of the list") for item in items)
    return MakeList(fitting, ListOf(item_type), place)


def _unparsed(ctx: Lowering, scope: Scope, node: tree.Unparsed, expected: Type | None) -> Expr:
    return Hole(UNKNOWN, ctx.place(node.span))


LOWER.update(
    {
        tree.IntLiteral: _int,
        tree.NumberLiteral: _number,
        tree.DurationLiteral: _duration,
        tree.BoolLiteral: _bool,
        tree.NoneLiteral: _none,
        tree.TextLiteral: _text,
        tree.ListLiteral: _list,
        tree.Unparsed: _unparsed,
    }
)
