"""The checker decides promises as the kernel's runs do, on random contracts.

The fixed seeds find each of the errors in `PLANTED`. They are too few for one rare case: a phase
that is left only by a timer that has fired. tests/language/ensure has cases for it. To compare
thousands of contracts: `python -m tests.language.ensure_oracle --contracts 5000`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from opord.language import check_text
from opord.language.ensure import monitors, reach, spots
from tests.language.ensure_oracle import compare as module
from tests.language.ensure_oracle import promises_of
from tests.language.ensure_oracle.compare import compare, compare_seed, fresh_seed
from tests.random_contracts import random_contract

SEEDS = 100

_call = monitors.Monitors.call
_broken_anywhere = reach._Reach.broken

# Errors that the checker could have: what is replaced in `opord.language.ensure`, and by what.
PLANTED: dict[str, tuple[str, Callable[..., Any]]] = {
    "a phase's handler takes no run between calls": ("reach._Stay._when_taken", lambda self, bits: {0: bits}),
    "what was skipped has taken effect": (
        "monitors.Monitors.call",
        lambda self, name, ending: _call(self, name, "ok" if ending == "maybe" else ending),
    ),
    "what is in doubt has failed": (
        "monitors.Monitors.call",
        lambda self, name, ending: _call(self, name, "failed" if ending == "maybe" else ending),
    ),
    "a phase's timer fires again": (
        "spots.Spots.after",
        lambda self, spot, moment, target: spots.Spot(target),
    ),
    "what is owed at an end is forgotten": (
        "reach._Reach.broken",
        lambda self: _broken_anywhere(self) & ~self._monitors.owed,
    ),
}


@pytest.mark.parametrize("first", [0, None], ids=["fixed seeds", "seeds of today"])
def test_the_checker_and_the_runs_agree(first: int | None) -> None:
    first = fresh_seed() if first is None else first
    told = [each for seed in range(first, first + SEEDS) for each in compare_seed(seed)]
    assert not told, f"{len(told)} disagreements, the first of them:\n{told[0]}"


@pytest.mark.parametrize("error", PLANTED)
def test_the_fixed_seeds_find_a_planted_error(error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced, by = PLANTED[error]
    monkeypatch.setattr(f"opord.language.ensure.{replaced}", by)
    assert any(compare_seed(seed) for seed in range(SEEDS))


def test_each_failure_has_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "states_of", lambda finding: ("Nowhere",))
    seed, told = next((seed, told[0]) for seed in range(SEEDS) if (told := compare_seed(seed)))
    command = f"again: python -m tests.language.ensure_oracle --seed {seed}"
    assert told.endswith(f"\n{command}")

    def fail(program: object) -> None:
        raise AssertionError("a step failed")

    monkeypatch.setattr(module, "explore", fail)
    with pytest.raises(AssertionError) as raised:
        compare_seed(seed)
    assert raised.value.__notes__ == [command]


def test_a_wrong_checker_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing finding is reported, and so is a story of an impossible run."""
    text = next(text for seed in range(100) if len(_broken(text := random_contract(Random(seed)))) > 1)
    assert compare(text) == []
    broken = _broken(text)
    kept = "\n".join("" if number in broken else line for number, line in enumerate(text.splitlines(), 1))
    assert len(promises_of(kept)) < len(promises_of(text))
    real = check_text
    monkeypatch.setattr(module, "check_text", lambda _: real(kept))
    assert {each.why for each in compare(text)} == {"the verdicts differ"}
    monkeypatch.setattr(module, "states_of", lambda finding: ("Nowhere",))
    monkeypatch.setattr(module, "check_text", real)
    assert {each.why for each in compare(text)} == {"no run through Nowhere breaks it"}


def _broken(text: str) -> set[int]:
    return {error.place.line for error in check_text(text).errors}
