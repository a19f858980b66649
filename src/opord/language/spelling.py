"""Write checked expressions and durations for readers, close to the contract's text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from opord.contract import (
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
    Unary,
    Var,
    WithFields,
)
from opord.language.syntax.escapes import escape

_BINDING = {
    "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "??": 5, "+": 6, "-": 6,
    "*": 7, "/": 7, "//": 7, "%": 7,
}  # fmt: skip
_NOT, _SIGN, _WHOLE = 3, 8, 9


def spell(expr: Expr) -> str:
    """Write an expression, with parentheses only where they are needed."""
    return _spell(expr)[0]


def _spell(expr: Expr) -> tuple[str, int]:
    """Return the text of an expression and its binding power."""
    match expr:
        case Constant(value=value):
            return spell_constant(value), _WHOLE
        case Text(parts=parts):
            return '"' + "".join(
                escape(part) if isinstance(part, str) else f"{{{spell(part)}}}" for part in parts
            ) + '"', _WHOLE
        case Var(name=name):
            return name, _WHOLE
        case Attribute(of=of, name=name):
            return f"{_at_least(of, _WHOLE)}.{name}", _WHOLE
        case Index(of=of, index=index):
            return f"{_at_least(of, _WHOLE)}[{spell(index)}]", _WHOLE
        case Slice(of=of, start=start, stop=stop):
            ends = ":".join(spell(end) if end is not None else "" for end in (start, stop))
            return f"{_at_least(of, _WHOLE)}[{ends}]", _WHOLE
        case Unary():
            return _unary(expr)
        case Binary(op=op, left=left, right=right):
            holds = _BINDING[op]
            return f"{_at_least(left, holds)} {op} {_at_least(right, holds + 1)}", holds
        case Conditional(condition=condition, yes=yes, no=no):
            return f"if {spell(condition)} then {spell(yes)} else {spell(no)}", 0
        case PureCall(name=name, args=args):
            return f"{name}({_row(args)})", _WHOLE
        case BuiltinCall(name=name, args=args, variant=variant):
            last = f", {variant.variant}" if variant is not None else ""
            return f"{name}({_row(args)}{last})", _WHOLE
        case MakeRecord(record=name, fields=fields):
            return f"{name} {{ {_named(fields)} }}", _WHOLE
        case WithFields(of=of, changes=changes):
            return f"{_at_least(of, _WHOLE)} with {{ {_named(changes)} }}", _SIGN
        case MakeVariant(variant=variant, fields=fields):
            arguments = _named(fields)
            return variant.variant + (f"({arguments})" if arguments else ""), _WHOLE
        case MakeList(items=items):
            return f"[{_row(items)}]", _WHOLE
        case Convert(of=of):
            return _spell(of)
        case Hole():
            return "…", _WHOLE
        case _:
            assert_never(expr)


def _unary(expr: Unary) -> tuple[str, int]:
    match expr.op:
        case "not":
            return f"not {_at_least(expr.of, _NOT)}", _NOT
        case "-":
            return f"-{_at_least(expr.of, _SIGN)}", _SIGN
        case _:
            assert_never(expr.op)


def _at_least(expr: Expr, holds: int) -> str:
    text, own = _spell(expr)
    return text if own >= holds else f"({text})"


def _row(items: Sequence[Expr]) -> str:
    return ", ".join(spell(item) for item in items)


def _named(fields: Sequence[tuple[str, Expr | None]]) -> str:
    return ", ".join(f"{name}: {spell(value)}" for name, value in fields if value is not None)


def spell_constant(value: bool | int | float | str | Decimal | timedelta | None) -> str:
    """Write a literal; a duration in words."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{escape(value)}"'
        case timedelta():
            return in_words(value)
        case int() | float() | Decimal():
            return str(value)
        case _:
            assert_never(value)


_UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1))
_SIGNS = {"day": "d", "hour": "h", "minute": "m", "second": "s", "millisecond": "ms"}


def in_words(duration: timedelta) -> str:
    """Write a duration in words: "48 hours", "1 hour 30 minutes", "10 seconds".

    Days are used from three on, because "48 hours" is easier to compare than "2 days".
    """
    if duration < timedelta():
        return f"minus {in_words(-duration)}"
    words = [f"{count:,} {unit}{'' if count == 1 else 's'}" for unit, count in _parts(duration)]
    return " ".join(words) or "no time"


def in_signs(duration: timedelta) -> str:
    """Write a duration as in a contract: `48h`, `1h30m`, `10s`. Days are used from three on."""
    if duration < timedelta():
        return f"-{in_signs(-duration)}"
    return "".join(f"{count}{_SIGNS[unit]}" for unit, count in _parts(duration)) or "0s"


def _parts(duration: timedelta) -> Iterator[tuple[str, int]]:
    rest = duration // timedelta(milliseconds=1)
    for unit, weight in _UNITS:
        if unit == "day" and rest < 3 * weight:
            continue
        count, rest = divmod(rest, weight)
        if count:
            yield unit, count
