"""Decide promises over all explored runs, each by its words, with a shortest run that breaks it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.language.ensure_oracle.promises import Promise
from tests.language.ensure_oracle.runs import Occurrence, Runs, Situation, Way

ENDING = ("no wait is endless", "every run ends")
"""The promises about ends."""

# What an observer remembers of a run. `once`, `only` and `never` remember whether Y has come
# (`once`: whether A has). `eventually` remembers whether X is still owed.
Observer = Callable[[bool, Occurrence], tuple[bool, bool]]


@dataclass(frozen=True)
class Verdict:
    """Whether a promise holds.

    If not, `told` and `states` are a run of fewest states that breaks it.

    `unclear` means that this opinion is too coarse to decide.
    """

    holds: bool
    told: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    unclear: bool = False


HOLDS = Verdict(True)


def decide(promise: Promise, runs: Runs, *, spins: bool) -> Verdict:
    """Decide a promise. `spins` says that there is a cycle without a wait and without a change."""
    match promise.form:
        case "at most once":
            return _search(runs, _once(promise))
        case "only after":
            return _search(runs, _only_after(promise))
        case "never after":
            return _search(runs, _never_after(promise))
        case "eventually":
            return _eventually(runs, promise)
        case "no wait is endless":
            return _no_wait_is_endless(runs, spins=spins)
        case _:
            return _ends(runs, promise, spins=spins)


# --- Observers: (memory, occurrence) -> (memory, broken) ------------------------------------------


def _once(promise: Promise) -> Observer:
    def observe(been: bool, seen: Occurrence) -> tuple[bool, bool]:
        if seen.name not in promise.x:
            return been, False
        if seen.what == "tried":
            return been, been
        return been or seen.what in ("ok", "may"), False

    return observe


def _only_after(promise: Promise) -> Observer:
    def observe(been: bool, seen: Occurrence) -> tuple[bool, bool]:
        broken = seen.name in promise.x and seen.what in ("entered", "ok", "may") and not been
        return been or (seen.name in promise.y and seen.what in ("entered", "ok")), broken

    return observe


def _never_after(promise: Promise) -> Observer:
    def observe(been: bool, seen: Occurrence) -> tuple[bool, bool]:
        counts = seen.what in ("entered", "ok", "may")
        return been or (seen.name in promise.y and counts), been and seen.name in promise.x and counts

    return observe


def _owed(promise: Promise) -> Observer:
    def observe(owed: bool, seen: Occurrence) -> tuple[bool, bool]:
        if seen.name in promise.y and seen.what in ("entered", "ok", "may"):
            owed = True
        if seen.name in promise.x and seen.what in ("entered", "ok"):
            owed = False
        return owed, False

    return observe


# --- Searching the product of situations and memory -----------------------------------------------

Node = tuple[Situation, bool]


@dataclass
class _Search:
    """The result of a search: how each node was reached first, its next nodes, the first breach.

    `entering` has the next nodes that are reached by entering a state. An event that begins a step
    or is ignored enters no state.
    """

    before: dict[Node, tuple[Node, Way] | None]
    after: dict[Node, set[Node]]
    entering: dict[Node, set[Node]]
    broken: tuple[Node, Way] | None


def _walk(runs: Runs, observe: Observer) -> _Search:
    """Walk the product by the number of states entered. An event that begins a step enters none."""
    memory, _ = observe(False, Occurrence("entered", runs.start.state))
    first = (runs.start, memory)
    found = _Search({first: None}, {}, {}, None)
    level = deque([first])
    while level:
        following: deque[Node] = deque()
        breaks: list[tuple[Node, Way]] = []
        while level:
            node = level.popleft()
            if node in found.after:
                continue
            found.after[node] = set()
            found.entering[node] = set()
            for way in runs.ways[node[0]]:
                memory = node[1]
                broken = False
                for seen in way.occurred:
                    memory, breaks_here = observe(memory, seen)
                    broken = broken or breaks_here
                if broken:
                    breaks.append((node, way))
                target = (way.target, memory)
                found.after[node].add(target)
                if _enters(way):
                    found.entering[node].add(target)
                if target not in found.before:
                    found.before[target] = (node, way)
                    (following if _enters(way) else level).append(target)
        if breaks and found.broken is None:
            found.broken = min(breaks, key=lambda each: _entered_until_broken(observe, *each))
        level = following
    return found


def _enters(way: Way) -> bool:
    return any(seen.what == "entered" for seen in way.occurred)


def _entered_until_broken(observe: Observer, node: Node, way: Way) -> int:
    memory, entered = node[1], 0
    for seen in way.occurred:
        entered += seen.what == "entered"
        memory, broken = observe(memory, seen)
        if broken:
            break
    return entered


def _search(runs: Runs, observe: Observer) -> Verdict:
    first = observe(False, Occurrence("entered", runs.start.state))
    if first[1]:
        return Verdict(False, (f"-> {runs.start.state}",), (runs.start.state,))
    found = _walk(runs, observe)
    if found.broken is None:
        return HOLDS
    node, way = found.broken
    cut = _entered_until_broken(observe, node, way) == 0
    return _run_to(found, node, way, cut=cut)


def _run_to(found: _Search, node: Node, last: Way | None = None, *, cut: bool = False) -> Verdict:
    """Return the run that reaches a node, with one more way `last` from there.

    `cut` says that this last way breaks the promise before it enters a state.
    """
    ways = [] if last is None else [last]
    step = found.before[node]
    while step is not None:
        node = step[0]
        ways.append(step[1])
        step = found.before[node]
    told = [f"-> {node[0].state}"]
    states = [node[0].state]
    for way in reversed(ways):
        told += way.told
        states += [seen.name for seen in way.occurred if seen.what == "entered"]
    if cut and last is not None and _enters(last):
        states.pop()
    return Verdict(False, tuple(told), tuple(states))


def _eventually(runs: Runs, promise: Promise) -> Verdict:
    """Look for a run that owes X where it ends, or where it can go on for ever without X.

    A cycle with a way out is left at some time. So a run is lost only where it owes X and every
    node that can follow owes X as well.
    """
    found = _walk(runs, _owed(promise))
    owing = [node for node in found.before if node[1]]
    ended = [node for node in owing if node[0] in runs.ends]
    for node in ended or _lost(found, owing):
        return _run_to(found, node)
    return HOLDS


def _lost(found: _Search, owing: list[Node]) -> list[Node]:
    """Return the nodes in which an owing run stays.

    All nodes after such a node owe too, and they lead back to it or nowhere.
    """
    return [
        node
        for node in owing
        if all(each[1] and node in _following(found, each) for each in _following(found, node))
    ]


def _following(found: _Search, node: Node) -> set[Node]:
    """Return all nodes that can follow, at any distance."""
    seen: set[Node] = set()
    waiting = [node]
    while waiting:
        for target in found.after[waiting.pop()]:
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


# --- Every run ends -------------------------------------------------------------------------------


def _no_wait_is_endless(runs: Runs, *, spins: bool) -> Verdict:
    found = _walk(runs, _nothing)
    for node in found.before:
        here = node[0]
        if here in runs.waits and not here.timers:
            return _run_to(found, node)
        if here not in runs.ends and not any(each[0] in runs.ends for each in _following(found, node)):
            return _run_to(found, node)
    return Verdict(False, ("a cycle spins",)) if spins else HOLDS


def _ends(runs: Runs, promise: Promise, *, spins: bool) -> Verdict:
    waits = _no_wait_is_endless(runs, spins=spins)
    if not waits.holds:
        return waits
    found = _walk(runs, _nothing)
    endless = _in_endless_cycles(runs, by_itself=True)
    for node in found.before:
        if node[0] in endless:
            return _run_to(found, node)
    return HOLDS if promise.within is None else _ends_within(runs, promise, found)


def _in_endless_cycles(runs: Runs, *, by_itself: bool) -> set[Situation]:
    """Return the situations to which a run can come back any number of times.

    `by_itself` leaves out the ways that an event takes. In these contracts conditions are on fresh
    answers alone, so no cycle is counted. A timer of the phase ends the cycles inside it, for its
    time goes on from the entry into the phase. It does not if its step can be dropped each time.
    """
    ways = {
        here: [way for way in all_ways if not (by_itself and way.by_event)]
        for here, all_ways in runs.ways.items()
    }
    reached = {here: _reached(ways, here) for here in ways}
    endless: set[Situation] = set()
    for start in ways:
        round_ = {here for here in reached[start] if start in reached[here]}
        moves = any(
            any(seen.what == "entered" for seen in way.occurred) and way.target in round_
            for here in round_
            for way in ways[here]
        )
        if start in round_ and moves and not _left_by_a_timer(runs, start, round_):
            endless.add(start)
    return endless


def _reached(ways: dict[Situation, list[Way]], start: Situation) -> set[Situation]:
    seen: set[Situation] = set()
    waiting = [start]
    while waiting:
        for way in ways[waiting.pop()]:
            if way.target not in seen:
                seen.add(way.target)
                waiting.append(way.target)
    return seen


def _left_by_a_timer(runs: Runs, start: Situation, round_: set[Situation]) -> bool:
    phase = runs.phase.get(start.state)
    if phase is None or any(runs.phase.get(here.state) != phase for here in round_):
        return False
    begun = {here.cause[1] for here in round_ if here.cause[0] == "timer"}
    return bool(phase[1] - start.fired - begun)


def _ends_within(runs: Runs, promise: Promise, found: _Search) -> Verdict:
    """Say whether each cycle has a bound in time, and compare the time where the limit is clear.

    A limit is a second or a hundred years. A second is less than any timer or call can take, and a
    hundred years are more than all of them.
    """
    endless = _in_endless_cycles(runs, by_itself=False)
    if endless:
        return Verdict(False, ("a cycle",))
    if promise.within is not None and promise.within.endswith("s"):
        waits = [node for node in found.before if node[0] in runs.waits]
        # This does not ask which run takes longest: any run that waits takes too long.
        return Verdict(False, _run_to(found, waits[0]).told) if waits else Verdict(True, unclear=True)
    # Whether a call that may rest for any time lies on a way is not asked here.
    return Verdict(True, unclear=runs.asks_freely or _same_state_again(runs))


def _same_state_again(runs: Runs) -> bool:
    """Say whether the states form a cycle, although the situations do not."""
    after: dict[str, set[str]] = {}
    for here, ways in runs.ways.items():
        after.setdefault(here.state, set()).update(way.target.state for way in ways if _enters(way))
    for start in after:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for state in after.get(waiting.pop(), ()):
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        if start in seen:
            return True
    return False


# --- Stories --------------------------------------------------------------------------------------


def shows(promise: Promise, runs: Runs, states: tuple[str, ...], *, spins: bool) -> bool:
    """Say whether a run that enters exactly these states in order breaks the promise at its end."""
    if not states or states[0] != runs.start.state:
        return False
    if promise.form in ENDING:
        return _shows_no_end(promise, runs, states, spins=spins)
    if promise.form == "eventually":
        found = _walk(runs, _owed(promise))
        nodes = [node for node in _along(runs, _owed(promise), states)[0] if node[1]]
        return any(node[0] in runs.ends for node in nodes) or bool(_lost(found, nodes))
    observe = {"at most once": _once, "only after": _only_after, "never after": _never_after}[promise.form](
        promise
    )
    return _along(runs, observe, states)[1]


def _along(runs: Runs, observe: Observer, states: tuple[str, ...]) -> tuple[set[Node], bool]:
    """Follow every run through these states.

    Returns the nodes at its end, and whether one of the runs breaks the promise in the last state.
    """
    memory, broken = observe(False, Occurrence("entered", states[0]))
    here: set[Node] = {(runs.start, memory)}
    broken = broken and len(states) == 1
    for index in range(len(states)):
        waiting = list(here)
        entering: set[Node] = set()
        last = index == len(states) - 1
        before_last = index == len(states) - 2
        while waiting:
            node = waiting.pop()
            for way in runs.ways[node[0]]:
                memory = node[1]
                entered = False
                for seen in way.occurred:
                    entered = entered or seen.what == "entered"
                    if entered and (last or seen.name != states[index + 1]):
                        break
                    memory, breaks = observe(memory, seen)
                    broken = broken or (breaks and (last or (before_last and entered)))
                target = (way.target, memory)
                if not entered and target not in here:
                    here.add(target)
                    waiting.append(target)
                elif entered and not last and way.target.state == states[index + 1]:
                    entering.add(target)
        if not last:
            here = entering
    return here, broken


def _shows_no_end(promise: Promise, runs: Runs, states: tuple[str, ...], *, spins: bool) -> bool:
    """Say whether a run through these states is stuck, goes round, or takes too long at its end."""
    found = _walk(runs, _nothing)
    nodes, _ = _along(runs, _nothing, states)
    for node in nodes:
        here = node[0]
        if here in runs.waits and not here.timers:
            return True
        if here not in runs.ends and not any(each[0] in runs.ends for each in _following(found, node)):
            return True
    # For a run that goes round, the story leads into the cycle.
    if promise.form == "every run ends":
        endless = _in_endless_cycles(runs, by_itself=promise.within is None)
        if any(node[0] in endless for node in nodes):
            return True
    if spins and any(node[0] in _reached(runs.ways, node[0]) for node in nodes):
        return True
    return bool(nodes) and promise.within is not None and promise.within.endswith("s")


def _nothing(memory: bool, seen: Occurrence) -> tuple[bool, bool]:
    return memory, False
