"""Compare the checker's verdicts on promises, and its stories, with the second opinion."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from random import Random

from opord.language import check_text
from opord.language.diagnostics import Diagnostic
from opord.loading.load import load_sources
from tests.language.ensure_oracle.promises import Promise, promises_of, without_promises
from tests.language.ensure_oracle.runs import Runs, explore
from tests.language.ensure_oracle.verdicts import ENDING, Verdict, decide, shows
from tests.random_contracts import random_contract

ONE = "python -m tests.language.ensure_oracle --seed"


@dataclass(frozen=True)
class Disagreement:
    """One promise on which the two disagree, with everything that shows why."""

    contract: str
    promise: Promise
    verdict: Verdict
    finding: Diagnostic | None
    why: str

    def tell(self, seed: int) -> str:
        """Return a full report, with the command that repeats the comparison."""
        found = self.finding
        lines = [
            self.contract,
            f"line {self.promise.line}: {self.promise.text}",
            f"{self.why}",
            f"the checker: {'holds' if found is None else found.message}",
            *(f"    {step.text}" for step in (found.story if found is not None else ())),
            f"the runs:    {'holds' if self.verdict.holds else 'broken'}",
            *(f"    {step}" for step in self.verdict.told),
            f"again: {ONE} {seed}",
        ]
        return "\n".join(lines)


def compare(text: str) -> list[Disagreement]:
    """Compare both opinions on every promise of a contract that has no other errors."""
    checked = check_text(text)
    runs = explore(load_sources([("random.opord", without_promises(text))]))
    spins = any(finding.rule == "spins" for finding in checked.diagnostics)
    broken = {finding.place.line: finding for finding in checked.errors if finding.rule == "ensure"}
    found = []
    for promise in promises_of(text):
        verdict = decide(promise, runs, spins=spins)
        finding = broken.pop(promise.line, None)
        why = _difference(promise, runs, verdict, finding, spins=spins)
        if why:
            found.append(Disagreement(text, promise, verdict, finding, why))
    if broken:
        raise AssertionError(f"findings of `ensure` where no promise stands: {broken}")
    return found


def _difference(
    promise: Promise, runs: Runs, verdict: Verdict, finding: Diagnostic | None, *, spins: bool
) -> str:
    if verdict.unclear:
        return ""
    if verdict.holds != (finding is None):
        return "the verdicts differ"
    if finding is None:
        return ""
    if not finding.story:
        return "no story is told"
    states = states_of(finding)
    if not shows(promise, runs, states, spins=spins):
        return f"no run through {' '.join(states)} breaks it"
    # A run can fail to end for more than one reason, each with its own shortest run.
    if promise.form not in ENDING and len(states) != len(verdict.states):
        return f"the story has {len(states)} states, a shortest run {len(verdict.states)}"
    return ""


def states_of(finding: Diagnostic) -> tuple[str, ...]:
    """Return the states of a finding's story."""
    return tuple(step.text.replace(":", " ").split()[0] for step in finding.story)


def compare_seed(seed: int) -> list[str]:
    """Return a report of every disagreement on the random contract of a seed.

    An exception gets the command that repeats it as a note.
    """
    try:
        return [each.tell(seed) for each in compare(random_contract(Random(seed)))]
    except Exception as error:
        error.add_note(f"again: {ONE} {seed}")
        raise


def fresh_seed() -> int:
    """Return a random first seed for a series of seeds."""
    return int.from_bytes(os.urandom(6))


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
