"""The table of planted bugs is true: each can be planted, and its named tests notice it."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.mutants.model import ROOT, Mutant
from tests.mutants.run import judge
from tests.mutants.table import MUTANTS

SUITES = "".join(path.read_text() for path in ROOT.glob("src/opord/testing/*_suite.py"))
"""The tests that every store has to pass."""

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_planted(mutant: Mutant) -> None:
    changed = mutant.changed()
    assert changed != mutant.path.read_text()
    if mutant.file.endswith(".py"):
        compile(changed, mutant.file, "exec")
    assert mutant.bug
    assert mutant.breaks
    assert bool(mutant.seeds) != bool(mutant.tests), "either the simulation notices it, or named tests do"
    for named in mutant.tests:
        file, *within = named.partition("[")[0].split("::")
        text = (ROOT / file).read_text() + SUITES
        assert all(f"def {name}(" in text or f"class {name}" in text for name in within), named


def test_names_of_mutants_are_unique() -> None:
    assert not [name for name, times in Counter(mutant.name for mutant in MUTANTS).items() if times > 1]


def test_there_are_mutants_of_every_room() -> None:
    rooms = Counter(mutant.file.split("/")[0] for mutant in MUTANTS)
    assert rooms.keys() >= {"drive", "engine", "kernel", "stores", "values", "testing"}
    assert len(MUTANTS) >= 40


@pytest.mark.parametrize("name", ["start acknowledged before its commit", "damage taken for a passing fault"])
def test_a_mutant_is_noticed(name: str) -> None:
    verdict = judge(BY_NAME[name])
    assert verdict.by in ("simulation", "test"), verdict


def test_a_harmless_edit_is_not_noticed() -> None:
    """So that no bug counts as noticed only because the copy of the source cannot run."""
    line = '"""Return a message to a run in the form that the store keeps."""'
    harmless = Mutant("harmless", "kernel/inbox.py", line, line.upper(), "none", "nothing", seeds=2)
    assert judge(harmless).by == ""


def test_a_missing_old_text_is_an_error() -> None:
    gone = Mutant("gone", "kernel/inbox.py", "this was never there", "", "none", "nothing", seeds=1)
    with pytest.raises(ValueError, match="its old text occurs 0 times"):
        gone.changed()
