"""Words that stories and verdicts share."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_never

from opord.contract import Constant, Promise, Timer
from opord.language.spelling import in_signs, spell


def timer_text(timer: Timer) -> str:
    """Write a timer as the contract does: `after 48h`, `at order.deadline`."""
    match timer.when:
        case Constant(value=timedelta() as duration):
            return f"{timer.kind} {in_signs(duration)}"
        case when:  # open: `spell` knows every expression
            return f"{timer.kind} {spell(when)}"


def promise_text(promise: Promise) -> str:
    """Write a promise as the contract states it, without the word `ensure`."""
    subjects, others = " or ".join(promise.subjects), " or ".join(promise.others)
    match promise.kind:
        case "at most once":
            return f"{subjects} at most once"
        case "only after":
            return f"{subjects} only after {others}"
        case "never after":
            return f"never {subjects} after {others}"
        case "eventually":
            return f"after {others} eventually {subjects}"
        case "no wait is endless":
            return "no wait is endless"
        case "every run ends":
            return "every run ends" + (f" within {in_signs(promise.within)}" if promise.within else "")
        case _:
            assert_never(promise.kind)
