"""What the checker takes for a bounded cycle ends, whatever the numbers are.

The other way round the checker is careful: a run may end only because of what its numbers happen to
be, and the promise is refused all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest

from opord.language import check_text
from opord.language.ensure import counting, decide
from tests.language.ensure_oracle.compare import fresh_seed
from tests.language.ensure_oracle.counted import counted_contract
from tests.language.ensure_oracle.rounds import Rounds, TooLarge

SEEDS = 150

_change = counting._change


def _one_way(value: Any) -> Any:
    change = _change(value)
    return change and change._replace(least=abs(change.least), most=abs(change.most))


def _compared(requirement: Any) -> Any:
    for bound in _bounds_of(requirement):
        yield bound
        yield bound._replace(side="below" if bound.side == "above" else "above")


_bounds_of = counting.bounds_of

# Errors that the checker could have: what is replaced in `opord.language.ensure`, and by what.
PLANTED: dict[str, tuple[str, Callable[..., Any]]] = {
    "a step down counts as a step up": ("counting._change", _one_way),
    "a limit may change": ("counting.stays_the_same", lambda value, at, into: True),
    "a limit holds on both sides": ("counting.bounds_of", _compared),
    "a timer that is put off ends a cycle": ("cycles._put_off", lambda timer, spot, into: False),
    "moves that do not raise the number end as well": (
        "cycles._Search._rests",
        lambda self, cycle, steps, limited: iter(()),
    ),
}


@cache
def judged(seed: int) -> tuple[str, bool | None]:
    """Return a contract, and whether some run of it goes on for ever; None if it is too large."""
    text = counted_contract(Random(seed))
    try:
        return text, Rounds(check_text(text).model).go_on()
    except TooLarge:
        return text, None


def verdict_of(text: str) -> bool | None:
    """Return the checker's verdict on `every run ends`; None if a wait is endless."""
    waits, ends = decide(check_text(text).model)
    return ends.holds if waits.holds else None


@pytest.mark.parametrize("first", [0, None], ids=["fixed seeds", "seeds of today"])
def test_what_is_accepted_ends(first: int | None) -> None:
    known, first = first is not None, fresh_seed() if first is None else first
    counted = {(True, False): 0, (False, True): 0, (False, False): 0}
    for seed in range(first, first + SEEDS):
        text, goes_on = judged(seed)
        holds = verdict_of(text)
        if holds is not None and goes_on is not None:
            assert not (holds and goes_on), f"seed {seed} goes on for ever:\n{text}"
            counted[holds, goes_on] += 1
    if not known:
        return  # how often a verdict turns up is a matter of chance
    # Both verdicts turn up often, and most of what is refused goes on for ever.
    assert min(counted[True, False], counted[False, True]) > SEEDS / 5
    assert counted[False, False] < counted[False, True]


@pytest.mark.parametrize("error", PLANTED)
def test_the_fixed_seeds_find_a_planted_error(error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced, by = PLANTED[error]
    monkeypatch.setattr(f"opord.language.ensure.{replaced}", by)
    contracts = (judged(seed) for seed in range(SEEDS))
    assert any(verdict_of(text) for text, goes_on in contracts if goes_on)
