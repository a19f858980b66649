"""Decide every promise of a contract over all its runs.

The analysis knows a run's state and what each promise remembers, but not its data. It takes both
sides of each branch, every ending of a call, every handler and every timer. In an acting state it
lets a phase's handler interrupt at each moment that the language allows. So a promise that holds
here holds on every run. A promise that holds only because of data is refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from opord.contract import Contract, Place, Promise
from opord.language.diagnostics.model import StoryStep
from opord.language.diagnostics.wording import quoted
from opord.language.ensure.cycles import endless_cycle
from opord.language.ensure.ends import Endless, ReachableSpots, endless_wait
from opord.language.ensure.monitors import monitors_for
from opord.language.ensure.reach import broken_promises
from opord.language.ensure.story import Search
from opord.language.ensure.timing import Untimed, Worst, worst_case
from opord.language.ensure.traps import has_traps, owing_for_ever
from opord.language.ensure.words import promise_text
from opord.language.flow.graph import MOVES_MAX, Graph
from opord.language.spelling import in_words

_ABOUT_ENDS = ("no wait is endless", "every run ends")

STORIES_MAX = 20
"""How many broken promises get a story. Each story needs a search through the whole graph."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one promise.

    `holds` says whether it holds on every run. If it does not, `problem` says in a sentence what
    happens instead, `help` says how to mend it, and `story` is a shortest run that shows it. Only
    the first `STORIES_MAX` broken promises have a story. `place` is a second place to show, and
    `label` says why. `worst` is the longest time that a run can take; `every run ends` has it where
    it is known.
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
    """Return a verdict for each promise, in their order.

    A promise with a name that could not be read is left out.
    """
    graph = graph or Graph(contract)
    whole = [promise for promise in contract.promises if promise.whole]
    ordered = [promise for promise in whole if promise.kind not in _ABOUT_ENDS]
    verdicts = {id(promise): Verdict(promise, True) for promise in ordered}
    if not whole:
        return []
    runs = ReachableSpots(graph)
    verdicts |= {id(verdict.promise): verdict for verdict in _broken(runs, ordered)}
    verdicts |= {id(verdict.promise): verdict for verdict in _about_ends(runs, whole)}
    return [verdicts[id(promise)] for promise in whole]


def _broken(runs: ReachableSpots, promises: list[Promise]) -> Iterator[Verdict]:
    """Yield a verdict for each promise about order that does not hold."""
    if not promises:
        return
    graph = runs.graph
    broken = broken_promises(graph, monitors_for(promises))
    owing = _owing(runs, promises)
    stories = 0
    for index, promise in enumerate(promises):
        breaks = bool(broken >> index & 1)
        if breaks or index in owing:
            stories += 1
            yield _breaking(graph, promise) if stories <= STORIES_MAX else _briefly(promise, stays=not breaks)


def _owing(runs: ReachableSpots, promises: list[Promise]) -> set[int]:
    """Return the indexes of the promises that a run can owe for ever.

    Each promise needs a search through the whole graph.
    """
    if not has_traps(runs):
        return set()
    graph = runs.graph
    indexed = [(index, promise) for index, promise in enumerate(promises) if promise.kind == "eventually"]
    if len(indexed) * len(graph.states) > MOVES_MAX:
        graph.refuse(indexed[-1][1].place)
    return {index for index, promise in indexed if owing_for_ever(graph, monitors_for([promise]))}


def _briefly(promise: Promise, *, stays: bool) -> Verdict:
    problem, help = _problem_and_help(promise, stays)
    return Verdict(promise, False, problem, help)


def _breaking(graph: Graph, promise: Promise) -> Verdict:
    monitors = monitors_for([promise])
    story = Search(graph, monitors).breach()
    stays = not story
    if stays:
        story = owing_for_ever(graph, monitors)
    problem, help = _problem_and_help(promise, stays)
    last = story[-1] if story else None
    label = {"at most once": "again here", "eventually": "and here the run ends"}.get(promise.kind, "here")
    if stays:
        label = "nothing leads on from here"
    return Verdict(promise, False, problem, help, story, last.place if last else None, label)


def _problem_and_help(promise: Promise, stays: bool) -> tuple[str, str]:
    """Return what happens instead of the promise, and how to mend it."""
    subjects, others = quoted(promise.subjects, "or"), quoted(promise.others, "or")
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
        case "eventually":
            return (
                f"after {others} a run can {'go on for ever' if stays else 'end'} without {subjects}",
                f"let every way from {others} pass {subjects}, or name in the promise what else may come",
            )
        case "no wait is endless" | "every run ends":
            raise ValueError(f"`{promise.kind}` is no promise about order")
        case _:
            assert_never(promise.kind)


def _about_ends(runs: ReachableSpots, promises: list[Promise]) -> Iterator[Verdict]:
    ending_promises = [promise for promise in promises if promise.kind in _ABOUT_ENDS]
    if not ending_promises:
        return
    waits = why = endless_wait(runs)
    worst: Worst | Untimed | None = None
    if why is None and any(promise.kind == "every run ends" for promise in ending_promises):
        why = endless_cycle(runs)
        worst = worst_case(runs.graph, runs) if why is None else None
    for number, promise in enumerate(ending_promises):
        about_waits = promise.kind == "no wait is endless"
        verdict = _about_end(promise, waits if about_waits else why, None if about_waits else worst)
        yield verdict if number < STORIES_MAX else dataclasses.replace(verdict, story=())


def _about_end(promise: Promise, why: Endless | None, worst: Worst | Untimed | None) -> Verdict:
    if why is not None:
        return Verdict(promise, False, why.problem, why.help, why.story, why.place, why.label)
    limit = promise.within
    if worst is None:
        return Verdict(promise, True)
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
