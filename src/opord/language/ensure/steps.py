"""What a step does to the bits of all promises at once.

Each path through a step turns the bits that stand before it into those after it by setting some and clearing
others. Where paths meet, a bit stands if it does on one of them. Both keep the one form `gains | bits & keeps`,
so a step is summed up in one walk over its text, however many paths it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from opord.contract import Action, Block, Call, CallSite, Goto, If, Match
from opord.language.ensure.monitors import Monitors, Sign
from opord.language.flow.walk import Calls, Ending
from opord.language.graph import Moment


class Change(NamedTuple):
    """What becomes of bits on the way: `gains | bits & keeps`."""

    gains: int
    keeps: int

    def of(self, bits: int) -> int:
        """Return the bits after it, given those before."""
        return self.gains | bits & self.keeps

    def then(self, sign: Sign) -> Change:
        """Return this change followed by something that comes."""
        return Change((self.gains | sign.sets) & ~sign.clears, self.keeps & ~sign.sets & ~sign.clears)

    def or_else(self, other: Change) -> Change:
        """Return the change of a place that both lead to."""
        return Change(self.gains | other.gains, self.keeps | other.keeps)


UNCHANGED = Change(0, -1)


@dataclass(slots=True)
class Summary:
    """A step summed up.

    `targets` has the change up to and with the entry into each state. `broken` tells the promises that a path
    breaks: `broken.of(bits)`. `held` is what may stand where a phase's handler takes the run away from the step,
    which is at any moment before the intent of its commit; None for a step that makes no call, for it is over at once.
    """

    targets: dict[str, Change] = field(default_factory=dict)
    broken: Change = Change(0, 0)
    held: Change | None = None


def sum_up(moment: Moment, calls: Calls, monitors: Monitors) -> Summary:
    """Sum up one step."""
    return _Walk(calls, monitors).run(moment.body)


class _At(NamedTuple):
    """Where a walk stands: what has become of the bits, and whether a commit has been made."""

    change: Change
    committed: bool

    def join(self, other: _At | None) -> _At:
        if other is None:
            return self
        return _At(self.change.or_else(other.change), self.committed or other.committed)


class _Walk:
    def __init__(self, calls: Calls, monitors: Monitors) -> None:
        self._calls = calls
        self._monitors = monitors
        self._found = Summary()
        self._makes_calls = False
        self._held = UNCHANGED

    def run(self, block: Block) -> Summary:
        self._block(block, _At(UNCHANGED, False))
        if self._makes_calls:
            self._found.held = self._held
        return self._found

    def _block(self, block: Block, at: _At) -> _At | None:
        """Walk a block; return where its end is reached, or None if every path has left before.

        Statements after a `goto` are walked as if it were not there, for they were meant to be taken.
        """
        left = False
        for statement in block:
            passed: _At | None = at
            match statement:
                case Goto():
                    passed = None
                    self._goto(statement, at.change)
                case If(then=then, otherwise=otherwise):
                    passed = self._block(then, at)
                    beside = at if otherwise is None else self._block(otherwise, at)
                    passed = beside if passed is None else passed.join(beside)
                case Call(site=site, name=name, arms=arms):
                    passed = self._call(site, (self._calls.answer(site),), at)
                    for arm in arms:
                        out = self._arm(site, self._calls.endings(site, arm.pattern), arm.body, at)
                        if name is None and out is not None and passed is not None:
                            passed = passed.join(out)
                case Match(subject=subject, arms=arms):
                    passed = None
                    for arm in arms:
                        if isinstance(subject, CallSite):
                            out = self._arm(subject, self._calls.endings(subject, arm.pattern), arm.body, at)
                        else:
                            out = self._block(arm.body, at)
                        if out is not None:
                            passed = out.join(passed)
                case _:
                    pass
            if passed is None:
                left = True
            else:
                at = passed
        return None if left else at

    def _arm(self, site: CallSite, endings: set[Ending], body: Block, at: _At) -> _At | None:
        after = self._call(site, tuple(endings), at)
        return self._block(body, after) if after is not None else None

    def _call(self, site: CallSite, endings: tuple[Ending, ...], at: _At) -> _At | None:
        declared = self._calls.get(site.name)
        commits = isinstance(declared, Action)
        self._makes_calls = True
        joined: _At | None = None
        for ending in endings:
            sign = self._monitors.call(site.name, ending)
            self._ask(sign, at.change)
            after = _At(at.change.then(sign), at.committed or commits)
            joined = after.join(joined)
            if not after.committed:
                self._held = self._held.or_else(after.change)
        return joined

    def _goto(self, goto: Goto, change: Change) -> None:
        sign = self._monitors.entry(goto.state)
        self._ask(sign, change)
        after = change.then(sign)
        known = self._found.targets.get(goto.state)
        self._found.targets[goto.state] = after if known is None else known.or_else(after)

    def _ask(self, sign: Sign, change: Change) -> None:
        if sign.asks:
            broken = self._found.broken
            self._found.broken = broken.or_else(Change(change.gains & sign.asks, change.keeps & sign.asks))
