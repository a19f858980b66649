"""Write expressions and durations short enough for an arrow."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, assert_never

from opord.contract import (
    STR,
    Attribute,
    Binary,
    BuiltinCall,
    Conditional,
    Constant,
    Convert,
    Expr,
    Hole,
    Index,
    MakeList,
    MakeRecord,
    MakeVariant,
    PureCall,
    Slice,
    Text,
    Timer,
    Unary,
    Var,
    WithFields,
)
from opord.language.spelling import spell
from opord.values.duration import format_duration

SHORT_MAX = 34
"""Letters of a condition on an arrow.

With more, arrows are too far apart for the eye to follow a path.
"""
FULL_MAX = 200
_TEXT_MAX = 14
_DAY = timedelta(days=1)


def short(expr: Expr, most: int = SHORT_MAX) -> str:
    """Write an expression in short: `risk(..) > 0.8 and …`."""
    text = one_line(spell(_shortened(expr)))
    while len(text) > most and isinstance(expr, Binary) and expr.op in ("and", "or"):
        operator, expr = expr.op, expr.left
        text = f"{one_line(spell(_shortened(expr)))} {operator} …"
    return cut(text, most)


def full(expr: Expr) -> str:
    """Write an expression in full, up to the length of a tooltip."""
    return cut(one_line(spell(expr)), FULL_MAX)


def short_timer(timer: Timer, shared: bool) -> str:
    """Write a timer in short: `after 48h`, `at order.deadline`, `after 14d in phase`."""
    return f"{timer.kind} {short(timer.when)}{' in phase' if shared and timer.kind == 'after' else ''}"


def short_duration(length: timedelta) -> str:
    """Write a duration as contracts do; whole days are used from three days on."""
    if length >= 3 * _DAY and not length % _DAY:
        return f"{length // _DAY}d"
    return format_duration(length)


def cut(text: str, most: int) -> str:
    """Cut a text to `most` letters if it is longer."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def one_line(text: str) -> str:
    """Put a text on one line, with a space for each unprintable character."""
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))


def _shortened(expr: Expr) -> Expr:
    """Return an expression without its arguments, parts of texts and members of records."""
    match expr:
        case Constant(value=timedelta() as length):
            return _word(short_duration(length))
        case Constant(value=str(text)) if len(text) > _TEXT_MAX:
            return dataclasses.replace(expr, value=cut(text, _TEXT_MAX))
        case Text():
            return _word('"…"')
        case PureCall(args=args) if args:
            return dataclasses.replace(expr, args=(_word(".."),))
        case MakeRecord(record=record):
            return _word(f"{record} {{..}}")
        case BuiltinCall(args=args):
            return dataclasses.replace(expr, args=tuple(_shortened(arg) for arg in args))
        case (
            Constant()
            | Var()
            | Attribute()
            | Index()
            | Slice()
            | Unary()
            | Binary()
            | Conditional()
            | PureCall()
            | WithFields()
            | MakeVariant()
            | MakeList()
            | Convert()
            | Hole()
        ):
            return _with_shortened_parts(expr)
        case _:
            assert_never(expr)


def _with_shortened_parts(expr: Expr) -> Expr:
    changed: dict[str, Any] = {}
    for part in ("of", "index", "start", "stop", "left", "right", "condition", "yes", "no"):
        value = getattr(expr, part, None)
        if value is not None and dataclasses.is_dataclass(value):
            changed[part] = _shortened(value)  # type: ignore[arg-type]
    return dataclasses.replace(expr, **changed) if changed else expr


def _word(text: str) -> Var:
    return Var(text, "binding", STR)
