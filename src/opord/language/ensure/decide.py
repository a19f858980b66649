"""Decides every promise of a contract, over all its runs.

What is known of a run is its state and what each promise remembers; data are not known. Branches go both ways,
calls end in every way they can, every handler and every timer is taken, and a phase's handler takes a run from
a state that acts at every moment at which it may. So what holds here holds on every run, and a promise that
only data keep is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from opord.contract import Contract, Place, Promise
from opord.language.diagnostics.model import StoryStep
from opord.language.ensure.ends import Endless, never_ending
from opord.language.ensure.monitors import monitors_for
from opord.language.ensure.reach import broken_promises
from opord.language.ensure.story import Search
from opord.language.ensure.timing import Untimed, worst_case
from opord.language.ensure.traps import has_traps, owing_for_ever
from opord.language.ensure.words import promise_text
from opord.language.graph import Graph
from opord.language.spelling import in_words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one promise.

    `holds`: on every run. If it does not, `problem` says in a sentence what happens instead, `help` what would
    mend it, and `story` is a shortest run that shows it. `place` is a second place worth seeing, `label` says why. `worst` is the
    longest time that a run can take, for `every run ends` where it is known.
    """

    promise: Promise
    holds: bool
    problem: str = ""
    help: str = ""
    story: tuple[StoryStep, ...] = ()
    place: Place | None = None
    label: str = ""
    worst: timedelta | None = None

    @property
    def text(self) -> str:
        """The promise as the contract states it."""
        return promise_text(self.promise)


def decide(contract: Contract, graph: Graph | None = None) -> list[Verdict]:
    """Decide the promises of a contract, in their order. One whose names could not all be read is left out."""
    graph = graph or Graph(contract)
    whole = [promise for promise in contract.promises if promise.whole]
    ordered = [promise for promise in whole if promise.kind != "every run ends"]
    broken = _broken(graph, ordered)
    verdicts = {
        id(promise): _about_order(graph, promise, refuted=bool(broken >> index & 1))
        for index, promise in enumerate(ordered)
    }
    endless = list(_endless(graph, whole))
    return [
        verdicts[id(promise)] if id(promise) in verdicts else _about_ends(graph, promise, endless)
        for promise in whole
    ]


def _broken(graph: Graph, promises: list[Promise]) -> int:
    """Return the bits of the promises about order that do not hold."""
    if not promises:
        return 0
    broken = broken_promises(graph, monitors_for(promises))
    if has_traps(graph):
        for index, promise in enumerate(promises):
            if promise.kind == "eventually" and owing_for_ever(graph, monitors_for([promise])):
                broken |= 1 << index
    return broken


def _about_order(graph: Graph, promise: Promise, *, refuted: bool) -> Verdict:
    if not refuted:
        return Verdict(promise, True)
    monitors = monitors_for([promise])
    story = Search(graph, monitors).breach()
    stays = not story
    if stays:
        story = owing_for_ever(graph, monitors)
    problem, help = _said(promise, stays)
    last = story[-1] if story else None
    label = {"at most once": "again here", "eventually": "and here the run ends"}.get(promise.kind, "here")
    if stays:
        label = "nothing leads on from here"
    return Verdict(promise, False, problem, help, story, last.place if last else None, label)


def _said(promise: Promise, stays: bool) -> tuple[str, str]:
    """Say what happens instead of what is promised, and what would mend it."""
    subjects, others = _either(promise.subjects), _either(promise.others)
    match promise.kind:
        case "at most once":
            return (
                f"{subjects} can be committed again after it may have taken effect",
                "let no way lead from the first commit to the second, or take the promise back",
            )
        case "only after":
            return (
                f"{subjects} can come before {others} has",
                f"let every way to {subjects} pass {others}, or name in the promise what else may come before",
            )
        case "never after":
            return (
                f"{subjects} can come after {others} may have",
                f"let no way lead from {others} to {subjects}",
            )
        case _:
            return (
                f"after {others} a run can {'go on for ever' if stays else 'end'} without {subjects}",
                f"let every way from {others} pass {subjects}, or name in the promise what else may come",
            )


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _endless(graph: Graph, promises: list[Promise]) -> Iterator[Endless]:
    if any(promise.kind == "every run ends" for promise in promises):
        found = never_ending(graph)
        if found is not None:
            yield found


def _about_ends(graph: Graph, promise: Promise, endless: list[Endless]) -> Verdict:
    if endless:
        why = endless[0]
        return Verdict(promise, False, why.problem, why.help, why.story, why.place, why.label)
    worst = worst_case(graph)
    limit = promise.within
    if isinstance(worst, Untimed):
        if limit is None:
            return Verdict(promise, True)
        return Verdict(promise, False, worst.problem, worst.help, worst.story, worst.place, worst.label)
    if limit is None or worst.time <= limit:
        return Verdict(promise, True, worst=worst.time)
    return Verdict(
        promise,
        False,
        f"a run can take {in_words(worst.time)}, which is more than {in_words(limit)}",
        "shorten a timer, a timeout or the retries on this way, or promise more time",
        worst.story,
        worst.story[-1].place,
        "the run ends here at the latest",
        worst.time,
    )
