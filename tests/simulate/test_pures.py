"""Real pures in an exploration, and stalls that random answers led to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opord.loading import load_program
from opord.simulate.explore import Exploration, explore
from opord.simulate.pures import check_pures, pures_of

SHARES = """contract Shares(total: int) key total
pure parts(total: int) -> int
pure risk(total: int) -> float
initial state Counting -> Sharing {
  let count = parts(total)
  goto Sharing(count - 1)
}
state Sharing(others: int) -> Done {
  goto Done(total // others)
}
final state Done(each: int) success
"""

CALLS = """contract Calls(id: str) key id
pure amount(id: str) -> int
action pay(cents: int) stands because "it is a test" { key id, retry 3 times, timeout 5s }
initial state First -> Second {
  commit pay(amount(id))
  goto Second
}
# opord: allow samekey pay because it is a test
state Second -> Done {
  commit pay(amount(id))
  goto Done
}
final state Done success
"""


def explored(folder: Path, text: str, **pures: Any) -> Exploration:
    path = folder / "c.opord"
    path.write_text(text)
    return explore(load_program(path), runs=40, seed=0, pures=pures)


def test_a_drawn_answer_is_followed_through_a_let_and_a_field_to_the_division(tmp_path: Path) -> None:
    seen = explored(tmp_path, SHARES)
    assert set(seen.troubles) == {"stalled by a random answer"}
    (case,) = seen.cases
    assert case.why == (
        "DivisionByZero: division by zero (c.opord:9): a random answer of `parts` (1) led to it; "
        "give the real one with --pure"
    )


def test_a_real_pure_is_asked_and_its_stalls_are_its_own(tmp_path: Path) -> None:
    asked: list[int] = []
    fine = explored(tmp_path, SHARES, parts=lambda total: asked.append(total) or 3)
    assert (fine.troubles, fine.ends["Done"], len(asked) >= 40) == ({}, 40, True)
    assert fine.pures == {"parts": "handler", "risk": "drawn"}
    assert explored(tmp_path, SHARES, parts=lambda total: 1).troubles == {"stalled": 40}


def test_a_stall_that_no_drawn_answer_went_into_is_not_told_as_one(tmp_path: Path) -> None:
    text = SHARES.replace("total // others", "others // total")
    seen = explored(tmp_path, text)
    assert set(seen.troubles) == {"stalled"}, "the input is the divisor"


def test_drawn_arguments_under_a_used_key_are_told(tmp_path: Path) -> None:
    seen = explored(tmp_path, CALLS)
    assert set(seen.troubles) == {"stalled by a random answer"}
    assert "a random answer of `amount` (" in seen.cases[0].why
    assert explored(tmp_path, CALLS, amount=lambda id: 5).troubles == {}


def test_a_pure_that_raises_is_told_with_file_and_line(tmp_path: Path) -> None:
    def parts(total: int) -> int:
        raise KeyError("vip")

    seen = explored(tmp_path, SHARES, parts=parts)
    line = parts.__code__.co_firstlineno + 1
    assert seen.troubles == {"stalled": 40}
    assert f"{Path(__file__).name}:{line})" in seen.cases[0].why
    assert "KeyError: 'vip'" in seen.cases[0].why


def problems(folder: Path, **functions: Any) -> list[str]:
    path = folder / "c.opord"
    path.write_text(SHARES)
    cls = type("Mine", (), {"__module__": __name__, **functions})
    for function in functions.values():
        function.__module__ = __name__
    return check_pures(load_program(path), cls())


@pytest.mark.parametrize(
    ("functions", "told"),
    [
        ({"parts": lambda self, total: 1}, []),
        ({"parts": lambda self, total: 1, "helper": lambda self: 1, "_risk": lambda self: 1}, []),
        ({"part": lambda self, total: 1}, ["`Mine.part` is not a call of Shares; did you mean `parts`?"]),
        (
            {"parts": lambda self, total: 1, "rusk": lambda self, total: 1.0},
            ["`Mine.rusk` is not a call of Shares; did you mean `risk`?"],
        ),
        (
            {"other": lambda self: 1},
            ["Mine has no `pure` of Shares; expected `def parts(total)`, `def risk(total)`"],
        ),
    ],
)
def test_pures_that_cannot_be_meant_are_refused(
    tmp_path: Path, functions: dict[str, Any], told: list[str]
) -> None:
    assert problems(tmp_path, **functions) == told


def test_a_pure_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, parts=lambda self, total, more: 1)
    assert "takes `(total, more)`" in problem


def test_pures_are_found_by_the_names_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "c.opord"
    path.write_text(SHARES)
    assert list(pures_of(load_program(path), SimpleNamespace(risk=len, charge=len))) == ["risk"]
