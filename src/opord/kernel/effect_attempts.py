"""What to do after an attempt of an effect: one table.

Effects may be repeated freely, so none is in doubt.

- A  It answered.
- B  It failed for good.
- C  It failed transiently, or took longer than its own timeout. `retry` says how often it is tried
  again (C1, C3). Then the step gets the failure (C2), or `TimedOut` after a timeout (C4).
- D  It raised something undeclared, its answer does not fit, or it took longer than the worker's
  call limit. The contract does not declare this, so it is tried again a few times, with longer
  pauses (D1), and then the run stalls (D2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

from opord.contract import Retry
from opord.kernel.backoff import UNEXPECTED_RETRY, backoff_us, surprise_us
from opord.values.types import NO_TIME, Duration

Ended: TypeAlias = Literal["answered", "final", "transient", "timed out", "surprise"]

Sequel: TypeAlias = Literal["answer", "fail", "time out", "again", "stall"]


class Row(NamedTuple):
    """A row of the table.

    Its members: the letter, the ending, whether attempts of that kind are left (None is any), the
    sequel.
    """

    letter: str
    ended: Ended
    left: bool | None
    sequel: Sequel


Y: Final = True
N: Final = False
_: Final = None

ROWS: Final[tuple[Row, ...]] = (
    #   letter ended        left sequel
    Row("A",  "answered",   _,   "answer"),
    Row("B",  "final",      _,   "fail"),
    Row("C1", "transient",  Y,   "again"),
    Row("C2", "transient",  N,   "fail"),
    Row("C3", "timed out",  Y,   "again"),
    Row("C4", "timed out",  N,   "time out"),
    Row("D1", "surprise",   Y,   "again"),
    Row("D2", "surprise",   N,   "stall"),
)  # fmt: skip

_TABLE: Final[dict[tuple[Ended, bool], Row]] = {
    (row.ended, left): row for row in ROWS for left in (True, False) if row.left in (None, left)
}


class Tries(NamedTuple):
    """The attempts of an effect that went wrong in this step: transient failures and surprises."""

    failures: int = 0
    surprises: int = 0


class EffectPlan(NamedTuple):
    """What to do next. `pause_us` is the pause before another attempt, in microseconds.

    `tries` counts the attempt that has just ended.
    """

    sequel: Sequel
    pause_us: Duration
    tries: Tries


SURPRISES_MOST: Final = UNEXPECTED_RETRY.times
"""How often an effect is tried again after an undeclared ending."""

_ANSWER: Final = EffectPlan(_TABLE["answered", True].sequel, NO_TIME, Tries())


def plan(
    ended: Ended,
    tries: Tries,
    retry: Retry | None,
    spread: Callable[[], float],
    *,
    asked_us: Duration = NO_TIME,
) -> EffectPlan:
    """Return what to do after an attempt. `tries` are the attempts that went wrong before it.

    `spread` returns a random number from [0, 1), for the jitter of the pauses. `asked_us` is how
    long the other side asked to wait, in microseconds; the longer of wait and backoff counts.
    """
    if ended == "answered":
        return _ANSWER
    failures, surprises = tries
    tries_left = True
    if ended == "surprise":
        surprises += 1
        tries_left = surprises <= UNEXPECTED_RETRY.times
    elif ended == "transient" or ended == "timed out":
        failures += 1
        tries_left = failures <= (retry.times if retry is not None else 0)
    row = _TABLE[ended, tries_left]
    if row.sequel != "again":
        return EffectPlan(row.sequel, NO_TIME, Tries(failures, surprises))
    pause = surprise_us(surprises, spread()) if ended == "surprise" else backoff_us(retry, failures, spread())
    return EffectPlan(row.sequel, max(pause, asked_us), Tries(failures, surprises))
