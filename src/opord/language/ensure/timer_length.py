"""The longest time of a timer, as far as the contract's text says it.

A duration that is computed from data has none.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple, assert_never

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
    Timer,
    Unary,
    Var,
    WithFields,
)
from opord.language.ensure.call_time import LONGEST, ZERO, plus


class TimerLength(NamedTuple):
    since: str
    duration: timedelta


def timer_length(timer: Timer) -> TimerLength | None:
    """Return the longest time of a timer, counted from its `entry` or from the run's `start`.

    The result is None if the time depends on data.
    """
    match timer.kind:
        case "after":
            duration = _longest(timer.when)
            return TimerLength("entry", duration) if duration is not None else None
        case "at":
            return _until(timer.when)
        case _:
            assert_never(timer.kind)


def _until(instant: Expr) -> TimerLength | None:
    """Return the longest time from the entry or the start to an instant.

    The result is None if the time depends on data.
    """
    match instant:
        case Var(origin="now"):
            return TimerLength("entry", ZERO)
        case Attribute(of=Var(origin="run"), name="started_at"):
            return TimerLength("start", ZERO)
        case Binary(op="+", left=left, right=right):
            since = _until(left)
            duration = _longest(right)
            if since is None or duration is None:
                return None
            return TimerLength(since.since, plus(since.duration, duration))
        case (
            Constant()
            | Text()
            | Var()
            | Attribute()
            | Index()
            | Slice()
            | Unary()
            | Binary()
            | Conditional()
            | PureCall()
            | BuiltinCall()
            | MakeRecord()
            | WithFields()
            | MakeVariant()
            | MakeList()
            | Convert()
            | Hole()
        ):
            return None
        case _:
            assert_never(instant)


def _longest(expr: Expr) -> timedelta | None:
    """Return the longest duration that an expression can be, or None if its text does not say."""
    match expr:
        case Constant(value=timedelta() as value):
            return max(value, ZERO)
        case Conditional(yes=yes, no=no):
            return _both(_longest(yes), _longest(no), add=False)
        case Binary(op="+", left=left, right=right):
            return _both(_longest(left), _longest(right), add=True)
        case Binary(op="*", left=left, right=Constant(value=int() as times)):
            return _times(_longest(left), times)
        case Binary(op="*", left=Constant(value=int() as times), right=right):
            return _times(_longest(right), times)
        case BuiltinCall(name="max", args=args):
            lengths = [_longest(arg) for arg in args]
            finite = [length for length in lengths if length is not None]
            return max(finite) if len(finite) == len(lengths) and finite else None
        case BuiltinCall(name="min", args=args):
            return min((length for arg in args if (length := _longest(arg)) is not None), default=None)
        case (
            Constant()
            | Text()
            | Var()
            | Attribute()
            | Index()
            | Slice()
            | Unary()
            | Binary()
            | PureCall()
            | BuiltinCall()
            | MakeRecord()
            | WithFields()
            | MakeVariant()
            | MakeList()
            | Convert()
            | Hole()
        ):
            return None
        case _:
            assert_never(expr)


def _both(one: timedelta | None, other: timedelta | None, *, add: bool) -> timedelta | None:
    if one is None or other is None:
        return None
    return plus(one, other) if add else max(one, other)


def _times(length: timedelta | None, times: int) -> timedelta | None:
    if length is None:
        return None
    if times <= 0:
        return ZERO
    return LONGEST if length > LONGEST / times else length * times
