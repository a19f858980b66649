"""Lower operators: find the operand types that each accepts, and its result type.

The tables below say what an operator does to two types. An `int` beside a `float` or `decimal` is
converted first.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from opord.contract import (
    BOOL,
    DATETIME,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    STR,
    Binary,
    Constant,
    Convert,
    Expr,
    ListOf,
    MapOf,
    Named,
    Nothing,
    OptionalOf,
    Primitive,
    ProblemOf,
    RunInfo,
    SecretOf,
    Type,
    Unary,
    Unknown,
)
from opord.language.diagnostics.model import code
from opord.language.lowering.context import Lowering, a, is_unknown, wrong
from opord.language.lowering.dispatch import LOWER, lower, lower_condition
from opord.language.lowering.scope import Scope
from opord.language.syntax import tree
from opord.language.types import NOTHING, ORDERED, UNKNOWN, coerce, compatible, join, show

OPERANDS = code("OP202", rule="type", title="an operator that does not take such values")

_NUMBERS = (INT, FLOAT, DECIMAL)
_EQUALITY = ("==", "!=")
_ORDER = ("<", "<=", ">", ">=")
_ARITHMETIC = ("+", "-", "*", "/", "//", "%")


def _arithmetic() -> dict[tuple[str, Type, Type], tuple[Type, Type]]:
    """List every (operator, left, right) with its result type and common number type."""
    table: dict[tuple[str, Type, Type], tuple[Type, Type]] = {}
    for op in _ARITHMETIC:
        for one in _NUMBERS:
            table[op, one, one] = (FLOAT if op == "/" and one == INT else one, one)
        for wide in (FLOAT, DECIMAL):
            table[op, INT, wide] = table[op, wide, INT] = (wide, wide)
    for op, left, right, result in (
        ("+", STR, STR, STR),
        ("+", DURATION, DURATION, DURATION),
        ("-", DURATION, DURATION, DURATION),
        ("+", DATETIME, DURATION, DATETIME),
        ("+", DURATION, DATETIME, DATETIME),
        ("-", DATETIME, DURATION, DATETIME),
        ("-", DATETIME, DATETIME, DURATION),
        ("*", DURATION, INT, DURATION),
        ("*", INT, DURATION, DURATION),
    ):
        table[op, left, right] = (result, NOTHING)
    return table


ARITHMETIC = _arithmetic()


def lower_binary(ctx: Lowering, scope: Scope, node: tree.Binary, expected: Type | None) -> Expr:
    """Return `left op right` with both operands converted to the types that the operator takes."""
    op = node.operator
    place = ctx.place(node.span)
    if op == "and" or op == "or":
        what = f"`{op}`"
        left = lower_condition(ctx, scope, node.left, what)
        return Binary(op, left, lower_condition(ctx, scope, node.right, what), BOOL, place)
    if op == "??":
        return _otherwise(ctx, scope, node, expected)
    if op == "in":
        return _contains(ctx, scope, node)
    left, right = _operands(ctx, scope, node, expected if op in _ARITHMETIC else None)
    arithmetic = op in _ARITHMETIC
    result: Type = UNKNOWN if arithmetic else BOOL
    # Both operands are checked, so that two secrets give one finding, for the first operand.
    if ctx.refuse_secret(left, f"`{op}`") or ctx.refuse_secret(right, f"`{op}`"):
        return Binary(op, left, right, result, place)
    if is_unknown(left.type) or is_unknown(right.type):
        return Binary(op, left, right, result, place)
    if arithmetic:
        return _compute(ctx, node, left, right)
    if op in _EQUALITY:
        return _equal(ctx, node, left, right)
    return _compare(ctx, node, left, right)


def _operands(ctx: Lowering, scope: Scope, node: tree.Binary, expected: Type | None) -> tuple[Expr, Expr]:
    """Lower both operands; start with the operand that has a type of its own."""
    if _learns_type(node.left) and not _learns_type(node.right):
        right = lower(ctx, scope, node.right, expected)
        return lower(ctx, scope, node.left, _hint(right.type)), right
    left = lower(ctx, scope, node.left, expected)
    return left, lower(ctx, scope, node.right, _hint(left.type) or expected)


def _hint(type: Type) -> Type | None:
    return None if type in (INT, NOTHING, UNKNOWN) else type


# Nodes that always have a type of their own. Most operands are such nodes; their parts need no
# check.
_WITH_A_TYPE = (tree.NameExpression, tree.FieldAccess, tree.IntLiteral, tree.TextLiteral, tree.CallExpression)


def _learns_type(node: tree.Expression) -> bool:
    """Say whether an expression takes its type from the other operand: `2.5`, `none`, `[]`."""
    if type(node) in _WITH_A_TYPE:
        return False
    match node:
        case tree.NumberLiteral() | tree.NoneLiteral():
            return True
        case tree.ListLiteral(items):
            return all(_learns_type(item) for item in items)
        case tree.Unary("-", _, operand):
            return _learns_type(operand)
        case tree.Binary(operator, _, left, right) if operator in _ARITHMETIC:
            literals = tree.NumberLiteral, tree.IntLiteral
            return (_learns_type(left) and (_learns_type(right) or isinstance(right, literals))) or (
                _learns_type(right) and isinstance(left, literals)
            )
        case (
            tree.IntLiteral()
            | tree.DurationLiteral()
            | tree.BoolLiteral()
            | tree.TextLiteral()
            | tree.NameExpression()
            | tree.FieldAccess()
            | tree.Index()
            | tree.Slice()
            | tree.CallExpression()
            | tree.Unary()
            | tree.Binary()
            | tree.Conditional()
            | tree.RecordLiteral()
            | tree.With()
            | tree.Unparsed()
        ):
            return False
        case _:
            assert_never(node)


def _compute(ctx: Lowering, node: tree.Binary, left: Expr, right: Expr) -> Expr:
    op = node.operator
    place = ctx.place(node.span)
    entry = ARITHMETIC.get((op, left.type, right.type))
    if entry is not None:
        result, number = entry
        return Binary(op, _as(left, number), _as(right, number), result, place)
    if op == "+" and isinstance(left.type, ListOf) and isinstance(right.type, ListOf):
        joined = join(left.type, right.type)
        if joined is not None:
            return Binary(op, left, right, joined, place)
    _refuse(ctx, node, left, right)
    return Binary(op, left, right, UNKNOWN, place)


def _as(value: Expr, number: Type) -> Expr:
    return value if number is NOTHING or value.type == number else Convert(value, number, value.place)


def _equal(ctx: Lowering, node: tree.Binary, left: Expr, right: Expr) -> Expr:
    place = ctx.place(node.span)
    op = node.operator
    for side in (left, right):
        if ctx.holds_secret(side.type):
            ctx.refuse_holder(side, f"`{op}`")
            return Binary(op, left, right, BOOL, place)
    joined = None if _incomparable(left.type) or _incomparable(right.type) else join(left.type, right.type)
    absent = (left.type is NOTHING and not isinstance(right.type, OptionalOf)) or (
        right.type is NOTHING and not isinstance(left.type, OptionalOf)
    )
    if joined is None or absent:
        _refuse(ctx, node, left, right)
        return Binary(op, left, right, BOOL, place)
    return Binary(op, coerce(left, joined) or left, coerce(right, joined) or right, BOOL, place)


def _incomparable(type: Type) -> bool:
    match type:
        case OptionalOf(item):
            return _incomparable(item)
        case Primitive(name):
            return name == "json"
        case RunInfo() | ProblemOf():
            return True
        case ListOf() | MapOf() | SecretOf() | Named() | Nothing() | Unknown():
            return False
        case _:
            assert_never(type)


def _compare(ctx: Lowering, node: tree.Binary, left: Expr, right: Expr) -> Expr:
    joined = join(left.type, right.type)
    if joined not in ORDERED:
        _refuse(ctx, node, left, right)
        joined = None
    if joined is not None:
        left, right = _as(left, joined), _as(right, joined)
    return Binary(node.operator, left, right, BOOL, ctx.place(node.span))


def _contains(ctx: Lowering, scope: Scope, node: tree.Binary) -> Expr:
    """Lower `x in xs`: an item of a list, a key of a map, or a part of a text."""
    place = ctx.place(node.span)
    right = lower(ctx, scope, node.right)
    within = right.type
    item: Type | None = None
    if isinstance(within, ListOf):
        item = within.item
    elif isinstance(within, MapOf) or within == STR:
        item = STR
    left = lower(ctx, scope, node.left, item)
    if item is NOTHING or (isinstance(node.right, tree.ListLiteral) and left.type != item):
        # The list takes its type from the left side: `price in [1.5, 2]`.
        right = _relearnt(ctx, scope, node.right, left.type) or right
        item = right.type.item if isinstance(right.type, ListOf) else item
    result = Binary("in", left, right, BOOL, place)
    if ctx.refuse_secret(left, "`in`") or ctx.refuse_secret(right, "`in`"):
        return result
    if is_unknown(left.type) or is_unknown(within):
        return result
    if item is None:
        help = (
            "give a value for `none`: `… ?? []`"
            if isinstance(within, OptionalOf)
            else "write a list: `… in [a, b]`"
        )
        ctx.report(
            OPERANDS,
            right.place,
            f"`in` looks into a list, a map or a text, and this is {a(within)}",
            help=help,
        )
        return result
    for side in (left, right):
        if isinstance(within, ListOf) and ctx.holds_secret(side.type):
            ctx.refuse_holder(side, "`in`")
            return result
    fitting = coerce(left, item)
    if fitting is None or _incomparable(left.type):
        ctx.report(
            OPERANDS,
            left.place,
            f"`in` looks for {a(item)} in {a(right.type)}, and this is {a(left.type)}",
            help=f"look for {a(item)}",
        )
        return result
    return Binary("in", fitting, right, BOOL, place)


def _relearnt(ctx: Lowering, scope: Scope, node: tree.Expression, item: Type) -> Expr | None:
    """Lower a list again with another item type; return None if that gives findings too."""
    if item is NOTHING or is_unknown(item):
        return None
    before = len(ctx.findings)
    again = lower(ctx, scope, node, ListOf(item))
    if len(ctx.findings) > before:
        del ctx.findings[before:]
        return None
    return again


def _otherwise(ctx: Lowering, scope: Scope, node: tree.Binary, expected: Type | None) -> Expr:
    """Lower `x ?? y`, which is `y` if `x` is `none`."""
    place = ctx.place(node.span)
    left = lower(ctx, scope, node.left)
    hint = left.type.item if isinstance(left.type, OptionalOf) else expected
    right = lower(ctx, scope, node.right, hint)
    if is_unknown(left.type) or is_unknown(right.type):
        return Binary("??", left, right, UNKNOWN, place)
    if ctx.refuse_secret(left, "`??`") or ctx.refuse_secret(right, "`??`"):
        return Binary("??", left, right, UNKNOWN, place)
    if left.type is NOTHING:
        return Binary("??", left, right, right.type, place)
    if not isinstance(left.type, OptionalOf):
        ctx.report(
            OPERANDS,
            left.place,
            f"`??` asks for what may be `none`, and {a(left.type)} never is",
            help="remove `??` and what follows it",
        )
        return Binary("??", left, right, left.type, place)
    item = left.type.item
    for result in (item, left.type, right.type):
        fitting = coerce(right, result)
        if fitting is not None and compatible(item, result):
            return Binary("??", left, fitting, result, place)
    _refuse(ctx, node, left, right)
    return Binary("??", left, right, UNKNOWN, place)


_TAKEN = {
    "+": "`+` adds numbers or durations, adds a duration to an instant, and joins texts or lists of one type",
    "-": "`-` takes a number from a number, or a duration or an instant from an instant",
    "*": "`*` takes two numbers, or a duration and an `int`",
    **dict.fromkeys(("/", "//", "%"), "it divides a number by a number"),
    **dict.fromkeys(_EQUALITY, "compare two values of one type"),
    **dict.fromkeys(_ORDER, "only numbers, texts, dates, instants and durations have an order"),
    "??": "give a value of the same type after `??`",
}
"""What each operator takes: the next move where the types say no more."""


def _refuse(ctx: Lowering, node: tree.Binary, left: Expr, right: Expr) -> None:
    op = node.operator
    types = {show(left.type), show(right.type)}
    help = ""
    if any(isinstance(side.type, OptionalOf) for side in (left, right)) and op != "??":
        help = "give a value for `none`: `… ?? other`, or take it apart with `match`"
        if right.type is NOTHING or left.type is NOTHING:
            help = ""
    elif left.type is NOTHING or right.type is NOTHING:
        help = "it is never `none`: remove the comparison" if op in _EQUALITY else ""
    elif op == "+" and "str" in types:
        help = 'write the value into a text: `"… {value}"`'
    elif types == {"float", "decimal"}:
        help = "convert one of them: `float(…)` or `decimal(…)`"
    elif "json" in types:
        help = "a contract cannot look into a `json`; declare a record with the fields that you need"
    elif types & {"duration"} and op in ("/", "//", "%"):
        help = "a `duration` is not divided: let a `pure` compute it, or multiply a smaller one (`1h * n`)"
    elif types == {"datetime", "int"} or types == {"duration", "int"}:
        help = "give the number a unit, as in `10s`"
    elif len(types) == 2 and types <= {"str", "int", "float", "decimal"}:
        help = f"convert one of them: {' or '.join(f'`{each}(…)`' for each in sorted(types))}"
    if not help:
        help = _TAKEN[op]
    sides = f"{a(left.type)} and {a(right.type)}"
    ctx.report(OPERANDS, node.operator_span, f"`{op}` does not take {sides}", help=help)


def _lower_unary(ctx: Lowering, scope: Scope, node: tree.Unary, expected: Type | None) -> Expr:
    place = ctx.place(node.span)
    if node.operator == "not":
        return Unary("not", lower_condition(ctx, scope, node.operand, "`not`"), BOOL, place)
    value = lower(ctx, scope, node.operand, expected)
    if isinstance(value, Constant) and isinstance(value.value, float | Decimal):
        return Constant(-value.value, value.type, place)
    if value.type in (*_NUMBERS, DURATION) or is_unknown(value.type):
        return Unary("-", value, value.type, place)
    if not ctx.refuse_secret(value, "`-`"):
        help = "`-` takes a number or a duration"
        if isinstance(value.type, OptionalOf):
            help = "give a value for `none`: `… ?? other`"
        ctx.report(OPERANDS, node.operator_span, f"`-` does not take {a(value.type)}", help=help)
    return wrong(place, value)


LOWER.update({tree.Binary: lower_binary, tree.Unary: _lower_unary})
