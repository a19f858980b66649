"""Check a step against what is on record of it, and say what it may call.

A step without a commit comes on record with the first failed attempt of an effect. From then on it
has the same `now`, and its answers begin with those on record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opord.contract import Block, Verb
from opord.kernel.legality.fold import Fold, ReadRecord, StepOnRecord
from opord.statements import call_sites
from opord.values.types import START_OF_TIME, Instant


def called_in(block: Block, verb: Verb) -> set[str]:
    """Return the effects that a body performs, or the actions that it commits."""
    return {site.name for site, _ in call_sites(block) if site.verb == verb}


def called_here(fold: Fold, verb: Verb) -> set[str]:
    """Return the effects or actions that a step could call now."""
    shared_only = fold.acts or fold.taken_event is not None
    names = set[str]()
    for timer in fold.at.timers:
        if timer.shared or not shared_only:
            names |= called_in(timer.declaration.body, verb)
    if fold.taken_event is not None:
        return names | called_in(fold.taken_event.handler.declaration.body, verb)
    return names | called_in(fold.at.declaration.body, verb)


def phase_timer_due(fold: Fold, at: Instant, *, calls: bool = True) -> bool:
    """Say whether a timer of the phase was due, which can begin another step without a record.

    It can do so between attempts and while the run is stalled. With `calls`, only a timer whose
    step makes calls counts.
    """
    return any(
        timer.shared and (timer.calls or not calls) and fold.timers.get(timer.id, at + 1) <= at
        for timer in fold.at.timers
    )


def goes_on(
    fold: Fold,
    record: ReadRecord,
    answers: Sequence[Mapping[str, Any]],
    *,
    now: Instant | None = None,
    past: bool = True,
) -> StepOnRecord | None:
    """Return what is on record of the step that a record goes on with; None if nothing is.

    `past` is true if the step has gone past the effect that it waited for. Reports a step that
    differs from what is on record, if no timer can have begun another one.
    """
    step = fold.step
    _check_rested_before(fold, answers[len(step.answers) if step is not None else 0 :], record.at)
    if step is None:
        return None
    why = _differs(step, answers, now, past)
    if why is None:
        return step
    if not phase_timer_due(fold, record.at, calls=record.kind != "transition"):
        fold.problem("step", why)
    return None


def check_rested(fold: Fold, call: str, began: Instant) -> None:
    """Check that an attempt of a call began no sooner than its other side had asked."""
    due = fold.not_before.get(call, START_OF_TIME)
    if began < due:
        early = (due - began) / 1e6
        fold.problem("wait", f"the other side of {call} asked to wait, and it is called {early:g} s too soon")


def _check_rested_before(fold: Fold, answers: Sequence[Mapping[str, Any]], at: Instant) -> None:
    """Check answers that came on record at `at`: no record says when their calls began."""
    for answer in answers if fold.not_before else ():
        check_rested(fold, answer["call"], at)


def _differs(
    step: StepOnRecord, answers: Sequence[Mapping[str, Any]], now: Instant | None, past: bool
) -> str | None:
    if now is not None and now != step.now:
        return "its `now` is not the one on record"
    if [*answers[: len(step.answers)]] != step.answers:
        return "its answers do not begin with those on record"
    tries = step.tries
    if tries is None:
        return None
    if len(answers) == len(step.answers):
        return f"it goes on without an answer of {tries.call}, which it waits for" if past else None
    first = answers[len(step.answers)]
    if first["call"] != tries.call or first.get("attempts", 1) != tries.number + 1:
        return f"what follows {tries.number} failed attempts of {tries.call} is not the next attempt's answer"
    return None
