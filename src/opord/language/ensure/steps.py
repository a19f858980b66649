"""What a step does to the bits of all promises at once.

Each path through a step sets some bits and clears others. Where paths meet, a bit is set if one of
the paths sets it. Both operations keep the form `gains | bits & keeps`, so one walk over the text
sums a step up, however many paths the step has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from opord.contract import Action, Block, CallSite, Goto, Pattern
from opord.language.ensure.monitors import Monitors, Sign
from opord.language.flow.calls import DeclaredCalls
from opord.language.flow.graph import Moment
from opord.language.flow.walk import PathWalk


class Change(NamedTuple):
    """What happens to bits on a path: `gains | bits & keeps`."""

    gains: int
    keeps: int

    def of(self, bits: int) -> int:
        """Return the bits at the end of the path, given the bits at its start."""
        return self.gains | bits & self.keeps

    def then(self, sign: Sign) -> Change:
        """Return this change followed by one more happening."""
        return Change((self.gains | sign.sets) & ~sign.clears, self.keeps & ~sign.sets & ~sign.clears)

    def or_else(self, other: Change) -> Change:
        """Return the change at a place where two paths meet."""
        return Change(self.gains | other.gains, self.keeps | other.keeps)


UNCHANGED = Change(0, -1)


@dataclass(slots=True)
class Summary:
    """The summary of a step.

    `targets` has the change for each state that the step goes to, the entry into that state
    included. `broken.of(bits)` gives the promises that some path breaks. `held` has the bits that
    may be set where a phase's handler interrupts the step, which can happen at any moment before
    the intent of its commit. It is None for a step without calls, because such a step cannot be
    interrupted.
    """

    targets: dict[str, Change] = field(default_factory=dict)
    broken: Change = Change(0, 0)
    held: Change | None = None


def sum_up(moment: Moment, calls: DeclaredCalls, monitors: Monitors) -> Summary:
    """Return the summary of one step."""
    return _Walk(calls, monitors).run(moment.body)


class _At(NamedTuple):
    """A point in a walk: the change so far, and whether a commit has been made."""

    change: Change
    committed: bool

    def join(self, other: _At | None) -> _At:
        if other is None:
            return self
        return _At(self.change.or_else(other.change), self.committed or other.committed)


class _Walk(PathWalk[_At]):
    def __init__(self, calls: DeclaredCalls, monitors: Monitors) -> None:
        self._calls = calls
        self._monitors = monitors
        self._summary = Summary()
        self._makes_calls = False
        self._held = UNCHANGED

    def run(self, block: Block) -> Summary:
        self.block(block, _At(UNCHANGED, False))
        if self._makes_calls:
            self._summary.held = self._held
        return self._summary

    def called(self, site: CallSite, pattern: Pattern | None, at: _At) -> _At | None:
        self._makes_calls = True
        commits = isinstance(self._calls.get(site.name), Action)
        joined: _At | None = None
        for ending in self._calls.outcomes(site, pattern):
            sign = self._monitors.call(site.name, ending)
            self._ask(sign, at.change)
            after = _At(at.change.then(sign), at.committed or commits)
            joined = after.join(joined)
            if not after.committed:
                self._held = self._held.or_else(after.change)
        return joined

    def join(self, ways: Sequence[_At], before: _At) -> _At:
        joined = ways[0]
        for way in ways[1:]:
            joined = joined.join(way)
        return joined

    def went(self, goto: Goto, at: _At) -> None:
        sign = self._monitors.entry(goto.state)
        self._ask(sign, at.change)
        after = at.change.then(sign)
        earlier_change = self._summary.targets.get(goto.state)
        self._summary.targets[goto.state] = after if earlier_change is None else earlier_change.or_else(after)

    def _ask(self, sign: Sign, change: Change) -> None:
        if sign.asks:
            broken = self._summary.broken
            self._summary.broken = broken.or_else(Change(change.gains & sign.asks, change.keeps & sign.asks))
